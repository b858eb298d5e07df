"""What follows from a write: calculated properties of the record and of the deals and quotes around it.

Such a change never moves a modified moment: an association, an archive or a new figure is not an edit of the record
(issues of public integrations).
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from connector.sandbox.hubspot.arithmetic import derived_line, plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from connector.sandbox.hubspot.links import Links
    from connector.sandbox.hubspot.portal import Portal
    from connector.sandbox.hubspot.schema import ObjectType
    from connector.sandbox.hubspot.store import Record, Store, Values

LOCKED = frozenset({"APPROVED", "APPROVAL_NOT_NEEDED", "PENDING_APPROVAL", "ACCEPTED"})
_FIGURES = ("hs_mrr", "hs_arr", "hs_acv", "hs_tcv")


class Consequences:
    """Keeps calculated properties true."""

    def __init__(self, store: Store, links: Links, portal: Portal) -> None:
        self.store = store
        self.links = links
        self.portal = portal

    def of(self, kind: ObjectType, record_id: str, values: Mapping[str, str]) -> Values:
        """Return the calculated properties a record has with these values."""
        if kind.name == "line_items":
            return derived_line(values)
        if kind.name == "deals":
            return self._deal(record_id, values)
        if kind.name == "quotes":
            return self._quote(record_id, values)
        return {}

    def refresh(self, kind: ObjectType, record: Record) -> None:
        """Work out a record's calculated properties again, without an edit."""
        found = self.of(kind, record.id, record.values)
        merged = {name: value for name, value in {**record.values, **found}.items() if value}
        if merged != record.values:
            record.values = merged
            if record.archived_at is None:
                self.store.publish(kind, record)

    def around(self, kind: ObjectType, record_id: str) -> None:
        """Refresh the deals and quotes a changed record belongs to."""
        if kind.name not in {"line_items", "contacts", "companies"}:
            return
        for name in ("deals", "quotes"):
            parent = self.store.schema[name]
            for parent_id in self.links.ids(kind, record_id, parent):
                if record := self.store.get(parent, parent_id):
                    self.refresh(parent, record)

    # --- deals and quotes ------------------------------------------------------------------------------------

    def _lines(self, kind: ObjectType, record_id: str) -> list[Record]:
        lines = self.store.schema["line_items"]
        found = (self.store.get(lines, line_id) for line_id in self.links.ids(kind, record_id, lines))
        return [line for line in found if line and line.archived_at is None]

    def _deal(self, record_id: str, values: Mapping[str, str]) -> Values:
        schema = self.store.schema
        deals = schema["deals"]
        lines = self._lines(deals, record_id)
        stage = self.portal.stage(values)
        won = bool(stage and stage.won)
        closed = bool(stage and stage.closed)
        amount, currency = values.get("amount", ""), values.get("deal_currency_code", self.portal.currency)
        rate = Decimal(self.portal.rates.get(currency, "1"))
        companies = self.links.targets(deals, record_id, schema["companies"])
        primary = next((each for each, kinds in companies.items() if any(kind.id == 5 for kind in kinds)), "")
        figures = {name: plain(sum((_amount(line, name) for line in lines), start=Decimal(0))) for name in _FIGURES}
        return {
            "hs_is_closed": str(closed).lower(),
            "hs_is_closed_won": str(won).lower(),
            "hs_is_closed_lost": str(closed and not won).lower(),
            "hs_deal_stage_probability": str(stage.probability) if stage else "",
            "hs_closed_amount": (amount or "0") if won else "0",
            "hs_exchange_rate": plain(rate),
            "amount_in_home_currency": plain(Decimal(amount) * rate) if amount else "",
            "hs_num_of_associated_line_items": str(len(lines)),
            "num_associated_contacts": str(len(self.links.ids(deals, record_id, schema["contacts"]))),
            "hs_primary_associated_company": primary,
            **(figures if lines else dict.fromkeys(_FIGURES, "")),
        }

    def _quote(self, record_id: str, values: Mapping[str, str]) -> Values:
        total = sum(
            (_amount(each, "hs_tcv") for each in self._lines(self.store.schema["quotes"], record_id)), Decimal(0)
        )
        locked = values.get("hs_status") in LOCKED
        return {"hs_quote_amount": plain(total), "hs_locked": str(locked).lower()}


def _amount(line: Record, name: str) -> Decimal:
    return Decimal(line.values.get(name) or "0")
