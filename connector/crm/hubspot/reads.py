"""What is read for a batch of deals, level by level, in as few calls as HubSpot's batches allow.

Deals, what they are associated with, the deals that amend them; then quotes, and the lines of deals and quotes; then
companies, contacts and products. Values come from batch reads, never from a search: the index behind it is late.
Associations become fields of the records (`family.py` says which), so that records alone tell a contract.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from connector.crm.hubspot.amendments import Amendments
from connector.crm.hubspot.changes import OwnWrites
from connector.crm.hubspot.client import HubSpotClient, Ties
from connector.crm.hubspot.family import AMENDED_BY, AMENDS, LOOKUPS, PARENTS, SCHEDULE, TIER, accepted
from connector.crm.hubspot.moments import day_in
from connector.crm.protocol import FieldPaths
from connector.domain.errors import ConfigError
from connector.mapping.raw import RawRecord, RawRecords

#: Read of every quote: which one was accepted, and does HubSpot bill it itself.
QUOTE = frozenset(
    {
        "hs_status",
        "hs_lastmodifieddate",
        "hs_esign_date",
        "hs_esign_num_signers_required",
        "hs_esign_num_signers_completed",
        "hs_payment_status",
        "hs_payment_enabled",
        "hs_billing_enabled",
    }
)
#: What is known of an owner, who is a person of the account and no record.
OWNERS, OWNER = "owners", ("email", "firstName", "lastName")
LINE = frozenset({"hs_product_id", "hs_position_on_quote", "hs_pricing_model", "hs_tier_ranges", "hs_tier_prices"})
DEAL = frozenset({"closedate", "dealname", "hs_merged_object_ids"})
#: Own properties, without the prefix, that say how deals hang together.
OWN = ("original_deal", "action", "effective_date", "contract_start_date")


def routed(paths: FieldPaths) -> dict[str, frozenset[str]]:
    """Return which properties of which object are read, from the mapping's dotted paths: `Company.name` of a deal.

    Raises ConfigError for a relationship that HubSpot's records do not have here.
    """
    columns: dict[str, set[str]] = {name: set() for name in ("deals", "line_items", "quotes", "companies", "products")}
    for name, its_paths in paths.items():
        if name in {SCHEDULE, TIER}:  # made of a line's own properties
            continue
        for path in its_paths:
            *steps, field = path.split(".")
            at = name
            for step in steps:
                if (at, step) not in PARENTS:
                    known = ", ".join(sorted(parent for child, parent in PARENTS if child == at)) or "none"
                    raise ConfigError(f"{path}: {at} has no parent {step} in HubSpot; it has: {known}")
                at = PARENTS[at, step]
            if field not in LOOKUPS and field != "Id":
                columns.setdefault(at, set()).add(field)
    return {name: frozenset(found) for name, found in columns.items()}


class BatchReader:
    """Reads batches of deals and everything around them."""

    def __init__(
        self, client: HubSpotClient, amendments: Amendments, own: OwnWrites, paths: FieldPaths, *, zone: str
    ) -> None:
        """`zone` is the account's time zone: a deal is closed at a moment, and a contract begins on a day.

        `own` is told of every record as it is read. A reader reads one batch after the other; what is sold is a short
        list, so products are kept from batch to batch.
        """
        prefix = client.settings.prefix
        self._client = client
        self._amendments = amendments
        self._writes = own
        self._own = {name: f"{prefix}{name}" for name in OWN}
        self._columns = routed(paths)
        self._zone = zone
        self._became: dict[str, str] = {}
        self._fields: dict[tuple[str, str], dict[str, Any]] = {}

    def records(self, ids: Sequence[str]) -> RawRecords:
        """Return the records of the contracts that these deals belong to."""
        self._fields = {key: fields for key, fields in self._fields.items() if key[0] in {"products", "owners"}}
        self._deals(ids)
        deals = [key for name, key in self._fields if name == "deals"]
        self._quotes(deals)
        self._lines(deals)
        self._parties(deals)
        if self._columns.get(OWNERS):
            self._owners(deals)
        return RawRecords(
            RawRecord(name, key, {field: value for field, value in fields.items() if value not in {None, ""}})
            for (name, key), fields in self._fields.items()
        )

    def became(self, deal: str) -> str:
        """Return the id under which a deal is known now: another one when it was merged away."""
        return self._became.get(deal, deal)

    def _read(self, name: str, ids: Iterable[str], more: Iterable[str] = ()) -> list[str]:
        """Read records that are not known yet; return the ids of those that are there."""
        unknown = [key for key in dict.fromkeys(ids) if (name, key) not in self._fields]
        columns = self._columns.get(name, frozenset()) | frozenset(more)
        rows = list(self._client.read(name, unknown, columns)) if unknown else []
        self._writes.was_read(name, rows)
        for row in rows:
            self._fields[name, row["id"]] = dict(row["properties"])
        return [row["id"] for row in rows]

    def _deals(self, ids: Sequence[str]) -> None:
        """Read deals, the deals they amend, and all deals that amend those."""
        pending = self._found(ids)
        while pending:
            ties = self._client.ties("deals", "deals", pending)
            further: list[str] = []
            for key in pending:
                deal = self._fields["deals", key]
                labelled = [tie.to for tie in ties.get(key, ()) if AMENDS in tie.labels]
                named = str(deal.get(self._own["original_deal"]) or "").strip()
                deal["OriginalDealIds"] = tuple(sorted({*labelled, *([named] if named else ())}))
                further += deal["OriginalDealIds"]
                further += (tie.to for tie in ties.get(key, ()) if AMENDED_BY in tie.labels)
                further += self._amendments.of(key)
            pending = self._read_deals(further)

    def _found(self, ids: Sequence[str]) -> list[str]:
        """Read the deals asked for; one that was merged away is asked for by itself, which leads to what it became."""
        found = self._read_deals(ids)
        for key in (key for key in dict.fromkeys(ids) if ("deals", key) not in self._fields):
            row = self._client.get("deals", key, self._deal_columns())
            if row is None:
                continue
            self._became[key] = row["id"]
            self._writes.was_read("deals", [row])
            if ("deals", row["id"]) not in self._fields:
                self._add_deal(row["id"], row["properties"])
                found.append(row["id"])
        return found

    def _deal_columns(self) -> frozenset[str]:
        owner = frozenset({"hubspot_owner_id"} if self._columns.get(OWNERS) else ())
        return owner | self._columns["deals"] | DEAL | frozenset(self._own.values())

    def _read_deals(self, ids: Iterable[str]) -> list[str]:
        found = self._read("deals", ids, self._deal_columns())
        for key in found:
            self._add_deal(key, self._fields["deals", key])
        return found

    def _add_deal(self, key: str, fields: Mapping[str, Any]) -> None:
        closed = fields.get("closedate")
        day = day_in(self._zone, closed) if closed else None
        action = fields.get(self._own["action"])
        effective = fields.get(self._own["effective_date"])
        if action == "renew":  # a term counts from its start
            effective = fields.get(self._own["contract_start_date"]) or effective
        self._fields["deals", key] = {**fields, "ClosedOn": day, "Action": action, "EffectiveOn": effective or day}

    def _quotes(self, deals: Sequence[str]) -> None:
        ties = self._client.ties("deals", "quotes", deals)
        self._read("quotes", (tie.to for some in ties.values() for tie in some), QUOTE)
        for key in deals:
            there = [(tie.to, self._fields.get(("quotes", tie.to))) for tie in ties.get(key, ())]
            quotes = [RawRecord("quotes", quote, fields) for quote, fields in there if fields is not None]
            chosen = accepted(quotes)
            self._fields["deals", key]["QuoteId"] = f"quotes/{chosen.id}" if chosen else None

    def _lines(self, deals: Sequence[str]) -> None:
        """Read each deal's one source of lines: the quote that was accepted, or else the deal itself."""
        sources = {key: self._fields["deals", key]["QuoteId"] for key in deals}
        quotes = [quote.split("/", 1)[1] for quote in sources.values() if quote]
        plain = [key for key, quote in sources.items() if not quote]
        of_quotes = self._client.ties("quotes", "line_items", quotes) if quotes else {}
        of_deals = self._client.ties("deals", "line_items", plain) if plain else {}
        self._read("line_items", (tie.to for t in (of_deals, of_quotes) for some in t.values() for tie in some), LINE)
        for key, quote in sources.items():
            ties: Ties = of_quotes if quote else of_deals
            for tie in ties.get(quote.split("/", 1)[1] if quote else key, ()):
                line = self._fields.get(("line_items", tie.to))
                if line is not None:
                    line["DealId"] = f"deals/{key}"
                    line["ProductId"] = f"products/{line['hs_product_id']}" if line.get("hs_product_id") else None

    def _owners(self, deals: Sequence[str]) -> None:
        """Read the account's owners, once: they are few, and no batch read knows them."""
        if not any(name == OWNERS for name, _ in self._fields):
            for row in self._client.owners():
                self._fields[OWNERS, str(row["id"])] = {name: row.get(name) for name in OWNER}
        for key in deals:
            deal = self._fields["deals", key]
            owner = deal.get("hubspot_owner_id")
            deal["OwnerId"] = f"{OWNERS}/{owner}" if owner else None

    def _parties(self, deals: Sequence[str]) -> None:
        companies = self._client.ties("deals", "companies", deals)
        contacts = self._client.ties("deals", "contacts", deals) if self._columns.get("contacts") else {}
        for key in deals:
            deal = self._fields["deals", key]
            company, contact = first_company(companies, key), billing_contact(contacts, key)
            deal["CompanyId"] = f"companies/{company}" if company else None
            deal["ContactId"] = f"contacts/{contact}" if contact else None
        chosen = [self._fields["deals", key] for key in deals]
        for name, field in (("companies", "CompanyId"), ("contacts", "ContactId")):
            self._read(name, [deal[field].split("/", 1)[1] for deal in chosen if deal[field]])
        if self._columns["products"]:
            lines = [fields for (name, _), fields in self._fields.items() if name == "line_items"]
            self._read("products", [str(line["hs_product_id"]) for line in lines if line.get("hs_product_id")])


#: Types of the association from a deal to the company that pays for it, from a deal to its people.
_PRIMARY_COMPANY = 5
_BILLING = ("billing contact", "billing")


def first_company(ties: Ties, deal: str) -> str | None:
    """Return the deal's primary company, or its only one; several without a primary one are nobody's to guess."""
    found = ties.get(deal, ())
    primary = [tie.to for tie in found if _PRIMARY_COMPANY in tie.types]
    return next(iter(primary or [tie.to for tie in found if len(found) == 1]), None)


def billing_contact(ties: Ties, deal: str) -> str | None:
    """Return the contact with a label that says billing; else the one whose id is lowest, which was there first."""
    found = sorted(ties.get(deal, ()), key=lambda tie: (len(tie.to), tie.to))
    labelled = [tie.to for tie in found if any(label.casefold() in _BILLING for label in tie.labels)]
    return next(iter(labelled or [tie.to for tie in found]), None)
