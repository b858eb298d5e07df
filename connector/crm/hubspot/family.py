"""How the records of HubSpot hang together: records in, whole contracts out. Pure.

HubSpot keeps associations apart from records, so the adapter adds them as fields, in capitals like no property:

    deals       CompanyId, ContactId, QuoteId (the accepted quote: then the only source of lines), OwnerId (where the
                mapping reads the deal's owner), OriginalDealIds, Action and EffectiveOn (our own properties),
                ClosedOn (the day of closing in the account's time zone)
    line_items  DealId, ProductId

An id in such a field names its object, `companies/123`: HubSpot counts every object on its own, so that a deal and a
company may have one number. What a field means for billing is decided by the mapping, not here.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

from connector.domain.errors import RejectedError
from connector.mapping.raw import RawContract, RawLine, RawRecord, RawRecords, RawRevision

#: Labels of the association between a change and the deal it changes; `setup` makes them.
AMENDS, AMENDED_BY = "Amends", "Amended by"
#: Object and relationship → the object it leads to: what a mapping's dotted paths may follow.
PARENTS: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("deals", "Company"): "companies",
        ("deals", "Contact"): "contacts",
        ("deals", "Quote"): "quotes",
        ("deals", "Owner"): "owners",
        ("line_items", "Deal"): "deals",
        ("line_items", "Product"): "products",
    }
)
#: Object → the fields that the adapter adds, with their types.
ADDED: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "deals": dict.fromkeys(("CompanyId", "ContactId", "QuoteId", "OwnerId", "OriginalDealIds"), "reference")
        | {"ClosedOn": "date", "Action": "string", "EffectiveOn": "date"},
        "line_items": dict.fromkeys(("DealId", "ProductId"), "reference"),
    }
)
LOOKUPS = frozenset(name for fields in ADDED.values() for name in fields)
#: Object → how HubSpot's pages name it. Line items have no page of their own.
PAGES: Mapping[str, str] = MappingProxyType({"deals": "0-3", "companies": "0-2", "contacts": "0-1", "products": "0-7"})
#: Field → what to do when it is empty: associations are nothing that people fill in.
ADVICE: Mapping[str, str] = MappingProxyType(
    {"CompanyId": "Associate the company that pays with the deal, as its primary company."}
)
#: Actions that begin a contract, whatever deal the new one is associated with.
_OWN = frozenset({"new", "renew"})


def families(
    records: RawRecords, roots: Iterable[str], *, instance_url: str = "", renewal: str = "hand_over"
) -> Iterator[RawContract]:
    """Yield the contracts that the given deals belong to, each once, in the order of the roots.

    `renewal` is the policy: append (a renewal continues its contract), hand_over (it is one of its own, and comes with
    the one that it renews) or separate (neither knows of the other).

    A root without a record yields nothing. Deals that cannot be placed in a contract do not hold up the others: they
    are raised together as one RejectedError after the last contract, with their ids, separated by commas, in `param`.
    """
    family = _Family(records, renewal)
    seen: set[str] = set()
    rejected: list[RejectedError] = []
    asked = (deal for root in roots if (deal := records.get(f"deals/{root}")) is not None)
    for deal in (each for one in asked for each in (one, *family.handed_over(one))):
        try:
            first = family.first_deal(deal)
        except RejectedError as error:
            error.param = deal.id
            rejected.append(error)
            continue
        if first.id not in seen:
            seen.add(first.id)
            yield family.contract(first, instance_url)
    if rejected:
        raise together(rejected)


def together(rejected: Sequence[RejectedError]) -> RejectedError:
    """Make one error of several: a line for each, and the ids of all deals in `param`."""
    text = "\n".join(str(error) for error in rejected)
    ids = ",".join(str(error.param) for error in rejected)
    return RejectedError(text, vendor="hubspot", code=rejected[0].code, param=ids)


def accepted(quotes: Iterable[RawRecord]) -> RawRecord | None:
    """Return the quote that the buyer accepted, signed or paid, the latest of several; published is not accepted."""
    found = [quote for quote in quotes if _is_accepted(quote)]
    return max(found, key=lambda quote: (str(quote.fields.get("hs_lastmodifieddate") or ""), quote.id), default=None)


def _is_accepted(quote: RawRecord) -> bool:
    """Tell whether a quote was accepted (CPQ), signed by everybody (legacy e-signature) or paid."""
    fields = quote.fields
    if fields.get("hs_status") == "ACCEPTED" or fields.get("hs_payment_status") == "PAID":
        return True
    needed, done = (_count(fields.get(f"hs_esign_num_signers_{each}")) for each in ("required", "completed"))
    return bool(fields.get("hs_esign_date")) or 0 < needed <= done


class _Family:
    """Indexes over the records of one batch."""

    def __init__(self, records: RawRecords, renewal: str) -> None:
        self._records = records
        self._renewal = renewal
        self._lines: dict[str, list[RawRecord]] = defaultdict(list)
        self._amendments: dict[str, list[RawRecord]] = defaultdict(list)
        self._renewals: dict[str, list[RawRecord]] = defaultdict(list)
        self._companies: dict[str, list[RawRecord]] = defaultdict(list)
        for line in records.of("line_items"):
            self._lines[str(line.fields.get("DealId"))].append(line)
        for deal in records.of("deals"):
            for original in _originals(deal):
                self._amendments[original].append(deal)
            for renewed in _renewed(deal):
                self._renewals[renewed].append(deal)
            if not self._before(deal) and deal.fields.get("CompanyId"):
                self._companies[str(deal.fields["CompanyId"])].append(deal)

    def first_deal(self, deal: RawRecord) -> RawRecord:
        """Follow a change to the deal that began the contract. Raises RejectedError when it leads nowhere."""
        seen = [deal.id]
        while originals := self._before(deal):
            if len(originals) > 1:
                raise _rejected("AMBIGUOUS", _SEVERAL.format(deal=_label(deal), others=", ".join(originals)))
            original = self._records.get(f"deals/{originals[0]}")
            if original is None:
                raise _rejected("NO_ORIGINAL", _GONE.format(deal=_label(deal), other=originals[0]))
            if original.id in seen:
                raise _rejected("CIRCLE", _CIRCLE.format(deal=_label(deal)))
            deal = original
            seen.append(deal.id)
        return deal

    def handed_over(self, deal: RawRecord) -> tuple[RawRecord, ...]:
        """Return the deal that began the contract which this deal's contract renews, if it is known."""
        if self._renewal != "hand_over":
            return ()
        try:
            before = self._renews(self.first_deal(deal))
        except RejectedError:  # told when the deal itself is placed
            return ()
        return () if before is None else (before,)

    def contract(self, first: RawRecord, instance_url: str) -> RawContract:
        """Put together the contract that begins with this deal. Raises RejectedError for a renewal of several deals."""
        changes = sorted(self._changes(first), key=_moment)
        revisions = (
            RawRevision("initial", first, self._lines_of(first)),
            *(RawRevision(_kind(deal), deal, self._lines_of(deal)) for deal in changes),
        )
        linked = self._renewal == "hand_over"
        renews = self._renews(first) if linked else None
        renewed_by = tuple(sorted(self._renewals_of(first, changes), key=_moment)) if linked else ()
        siblings = tuple(
            deal for deal in self._companies.get(str(first.fields.get("CompanyId")), ()) if deal.id != first.id
        )
        return RawContract(
            key=first.id,
            crm="hubspot",
            root=first,
            revisions=revisions,
            records=self._reachable(revisions, (*siblings, *renewed_by, *((renews,) if renews else ()))),
            siblings=siblings,
            renews=renews,
            renewed_by=renewed_by,
            instance_url=instance_url.rstrip("/"),
            pages=PAGES,
            advice=ADVICE,
        )

    def _changes(self, deal: RawRecord) -> Iterator[RawRecord]:
        """Yield everything that changes a deal, the changes of changes, and the renewals that continue it."""
        appended = self._renewals.get(deal.id, ()) if self._renewal == "append" else ()
        for change in (*self._amendments.get(deal.id, ()), *appended):
            yield change
            yield from self._changes(change)

    def _before(self, deal: RawRecord) -> tuple[str, ...]:
        """Return the deals that a deal continues as a part of the same contract."""
        return _originals(deal) or (_renewed(deal) if self._renewal == "append" else ())

    def _renews(self, first: RawRecord) -> RawRecord | None:
        """Return the deal that began the term before. Raises RejectedError where it cannot be told."""
        renewed = _renewed(first)
        if len(renewed) > 1:
            raise _rejected("AMBIGUOUS", _SEVERAL_RENEWED.format(deal=_label(first), others=", ".join(renewed)))
        known = self._records.get(f"deals/{renewed[0]}") if renewed else None
        before = self.first_deal(known) if known is not None else None
        return None if before is None or before.id == first.id else before

    def _renewals_of(self, first: RawRecord, changes: Iterable[RawRecord]) -> Iterator[RawRecord]:
        """Yield what renews a contract: a renewal may be associated with its first deal or with a change of it."""
        found = (renewal for deal in (first, *changes) for renewal in self._renewals.get(deal.id, ()))
        return (renewal for renewal in found if renewal.id != first.id)

    def _lines_of(self, deal: RawRecord) -> tuple[RawLine, ...]:
        return tuple(tiered(line) for line in sorted(self._lines.get(f"deals/{deal.id}", ()), key=_place))

    def _reachable(self, revisions: Iterable[RawRevision], siblings: Iterable[RawRecord]) -> RawRecords:
        queue = list(siblings)
        for revision in revisions:
            queue.append(revision.record)
            for line in revision.lines:
                queue += [line.record, *line.rate_schedules, *line.rates]
        found = {(record.object, record.id): record for record in queue}
        while queue:
            for name in ("CompanyId", "ContactId", "QuoteId", "OwnerId", "ProductId"):
                parent = self._records.get(queue[-1].fields.get(name))
                if parent is not None and (parent.object, parent.id) not in found:
                    found[parent.object, parent.id] = parent
            queue.pop()
        return RawRecords(found.values())


#: Objects made of a tiered line's two lists of JSON: the schedule, and each of its tiers.
SCHEDULE, TIER = "line_item_tiers", "line_item_tier"
#: Object that the adapter makes → its fields.
MADE: Mapping[str, tuple[str, ...]] = MappingProxyType({SCHEDULE: ("model",), TIER: ("start", "end", "price", "model")})


def tiered(line: RawRecord) -> RawLine:
    """Return a line with its tiers; HubSpot keeps their bounds and their prices in two properties, as JSON."""
    model = str(line.fields.get("hs_pricing_model") or "flat")
    if model == "flat":
        return RawLine(line)
    schedule = RawRecord(SCHEDULE, f"{line.id}-tiers", {"model": model})
    ranges, prices = (_listed(line.fields.get(name)) for name in ("hs_tier_ranges", "hs_tier_prices"))
    by_index = {int(str(price["index"])): price.get("price") for price in prices if "index" in price}
    rates = tuple(
        RawRecord(TIER, f"{line.id}-tier{index}", _filled(start=each.get("start"), end=each.get("end"), model=model)
                  | _filled(price=by_index.get(index)))
        for index, each in enumerate(ranges)
    )  # fmt: skip
    return RawLine(line, (schedule,), rates)


def _listed(text: object) -> list[dict[str, object]]:
    try:
        found = json.loads(str(text or "[]"))
    except ValueError:
        return []
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _filled(**values: object) -> dict[str, object]:
    return {
        name: value if isinstance(value, str) else str(value) for name, value in values.items() if value is not None
    }


def _originals(deal: RawRecord) -> tuple[str, ...]:
    """Return the deals that this one changes; a deal that says it is new or a renewal changes none."""
    if str(deal.fields.get("Action") or "") in _OWN:
        return ()
    found = deal.fields.get("OriginalDealIds")
    return tuple(str(each) for each in found) if isinstance(found, list | tuple) else ()


def _renewed(deal: RawRecord) -> tuple[str, ...]:
    """Return the deals that a renewal renews: those that another deal would change."""
    found = deal.fields.get("OriginalDealIds") if str(deal.fields.get("Action") or "") == "renew" else None
    return tuple(str(each) for each in found) if isinstance(found, list | tuple) else ()


def _kind(deal: RawRecord) -> str:
    return "renewal" if _renewed(deal) else "amendment"


def _moment(deal: RawRecord) -> tuple[str, str, int, str]:
    """Order changes by the day from which they count, then by when they were closed; never by a stamp that we move."""
    return (str(deal.fields.get("EffectiveOn") or ""), str(deal.fields.get("closedate") or ""), len(deal.id), deal.id)


def _place(line: RawRecord) -> tuple[int, int, str]:
    return (_count(line.fields.get("hs_position_on_quote")), len(line.id), line.id)


def _count(value: object) -> int:
    text = str(value or "0").strip()
    return int(text) if text.isdigit() else 0


_SEVERAL = "{deal} changes several deals ({others}), and a change belongs to one. Remove the other associations."
_SEVERAL_RENEWED = "{deal} renews several deals ({others}). Keep the association with the first deal of the contract."
_GONE = (
    "{deal} changes the deal {other}, which cannot be found: it was archived, or the connector may not see it. Restore "
    "it, or correct the association or the original deal."
)
_CIRCLE = "{deal} changes a deal that in turn changes it. Remove one of the two associations."


def _rejected(code: str, message: str) -> RejectedError:
    return RejectedError(message, vendor="hubspot", code=code)


def _label(deal: RawRecord) -> str:
    name = deal.fields.get("dealname")
    return f'The deal "{name}" ({deal.id})' if name else f"The deal {deal.id}"
