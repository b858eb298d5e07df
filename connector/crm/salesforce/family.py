"""How the records of Salesforce CPQ hang together: records in, whole contracts out. Pure.

An amendment is an order whose opportunity names an amended contract. The contract's own quote leads to the first order
of the deal, because `Contract.SBQQ__Quote__c` keeps naming the quote that was sold first, while
`Contract.SBQQ__Order__c` is moved on to the latest amendment as soon as that is contracted. What a field means for
billing is decided by the mapping, not here; neither status nor dates are judged.

A renewal is an order whose opportunity names a renewed contract; CPQ makes a new contract of it. Whether it continues
the deal or is one of its own is the connection's policy, and decides here which orders belong together.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from connector.crm.salesforce.lines import Groups, OrderParts, alive, grouped
from connector.domain.errors import RejectedError
from connector.mapping.raw import RawContract, RawRecord, RawRecords, RawRevision


def families(
    records: RawRecords, roots: Iterable[str], *, instance_url: str = "", renewal: str = "hand_over"
) -> Iterator[RawContract]:
    """Yield the contracts that the given orders (or opportunities) belong to, each once, in the order of the roots.

    `renewal` is the policy: append (a renewal continues its contract), hand_over (it is one of its own, and comes with
    the one that it renews, as far as that is among the records) or separate (neither knows of the other).

    A root without a record, or whose order is deleted, yields nothing. Orders that cannot be placed in a contract do
    not hold up the others: they are raised together as one RejectedError after the last contract was yielded, with
    the order ids, separated by commas, in `param`.
    """
    family = Family(records, renewal)
    seen: set[str] = set()
    rejected: list[RejectedError] = []
    asked = (order for root in roots for order in family.orders_of(root))
    for order in (each for one in asked for each in (one, *family.handed_over(one))):
        try:
            first = family.first_order(order)
            contract = None if first.id in seen else family.contract(first, instance_url=instance_url)
        except RejectedError as error:
            error.param = order.id
            rejected.append(error)
            continue
        seen.add(first.id)
        if contract is not None:
            yield contract
    if rejected:
        raise together(rejected)


def together(rejected: Sequence[RejectedError]) -> RejectedError:
    """Make one error of several: every text once, and the ids of all orders in `param`."""
    orders = (order for error in rejected for order in (error.param or "").split(","))
    joined = RejectedError(
        "\n".join(dict.fromkeys(map(str, rejected))),
        vendor="salesforce",
        code=rejected[0].code,
        param=",".join(dict.fromkeys(orders)),
    )
    joined.__cause__ = rejected[0]
    return joined


def amended_contract(records: RawRecords, order: RawRecord) -> str | None:
    """Return the id of the contract that an order amends; None for first orders and renewals."""
    return _named_contract(records, order, "SBQQ__AmendedContract__c")


def renewed_contract(records: RawRecords, order: RawRecord) -> str | None:
    """Return the id of the contract that an order renews."""
    return _named_contract(records, order, "SBQQ__RenewedContract__c")


def _named_contract(records: RawRecords, order: RawRecord, lookup: str) -> str | None:
    opportunity = records.follow(order, "Opportunity")
    contract = opportunity.fields.get(lookup) if opportunity else None
    return contract if isinstance(contract, str) else None


def kind_of(records: RawRecords, order: RawRecord) -> str:
    """Return initial, amendment or renewal."""
    quote = records.follow(order, "SBQQ__Quote__r")
    types = {order.fields.get("Type"), quote.fields.get("SBQQ__Type__c") if quote else None}
    if amended_contract(records, order) or "Amendment" in types:
        return "amendment"
    return "renewal" if "Renewal" in types else "initial"


class Family:
    """The records of many contracts, indexed once by the lookups that tie them together."""

    __slots__ = (
        "_account_orders",
        "_amendments",
        "_opportunity_orders",
        "_parts",
        "_quote_orders",
        "_records",
        "_renewal",
        "_renewals",
    )

    def __init__(self, records: RawRecords, renewal: str = "hand_over") -> None:
        orders = list(alive(records, "Order"))
        kinds = {order.id: kind_of(records, order) for order in orders}
        firsts = [order for order in orders if kinds[order.id] != "amendment"]
        self._records = records
        self._parts = OrderParts.of(records)
        self._quote_orders = grouped(firsts, "SBQQ__Quote__c")
        self._account_orders = grouped(firsts, "AccountId")
        self._opportunity_orders = grouped(orders, "OpportunityId")
        self._amendments: Groups = defaultdict(list)  # quote of the amended contract → amendments
        self._renewals: Groups = defaultdict(list)  # quote of the renewed contract → renewals
        self._renewal = renewal
        for order in orders:
            if quote := self._quote_of(amended_contract(records, order)):
                self._amendments[quote[:15]].append(order)
            elif kinds[order.id] == "renewal" and (quote := self._quote_of(renewed_contract(records, order))):
                self._renewals[quote[:15]].append(order)

    def orders_of(self, root: str) -> Iterable[RawRecord]:
        """Return the order with this id, or the orders of the opportunity with this id."""
        record = self._records.get(root)
        if record is not None and record.object == "Order":
            return () if record.fields.get("IsDeleted") else (record,)
        return self._opportunity_orders.get(root[:15], ())

    def first_order(self, order: RawRecord) -> RawRecord:
        """Return the order that began the contract; raises RejectedError when it cannot be told."""
        first, seen = self._term(order), {order.id}
        while self._renewal == "append" and (before := self._renewed(first)) is not None and before.id not in seen:
            seen.add(before.id)
            first = before
        return first

    def handed_over(self, order: RawRecord) -> tuple[RawRecord, ...]:
        """Return the order that began the contract which this order's contract renews, if its lines are known."""
        if self._renewal != "hand_over":
            return ()
        try:
            before = self._renewed(self._term(order))
        except RejectedError:  # told when the order itself is placed
            return ()
        return (before,) if before is not None and self._parts.lines.get(before.id[:15]) else ()

    def _renewed(self, first: RawRecord) -> RawRecord | None:
        """Return the order that began the term before; None for a deal of its own, or one whose past is not known.

        Raises RejectedError when there are several such orders and the lines do not tell which.
        """
        quote = self._quote_of(renewed_contract(self._records, first))
        if quote is None or kind_of(self._records, first) != "renewal":
            return None
        candidates = [order for order in self._quote_orders.get(quote[:15], []) if order.id != first.id]
        if len(candidates) > 1:
            candidates = self._revised_by(first, candidates)
        if len(candidates) > 1 and self._renewal == "append":
            named = self._records.get(renewed_contract(self._records, first))
            told = {"contract": _label(named) if named else quote, "quote": quote, "count": len(candidates)}
            text = _AMBIGUOUS.format(order=_label(first), verb="renews", change="renewal", **told)
            raise _rejected("FIRST_ORDER_AMBIGUOUS", text)
        return candidates[0] if len(candidates) == 1 else None

    def _term(self, order: RawRecord) -> RawRecord:
        """Return the order that began the term which an order belongs to: a first order, or a renewal."""
        if kind_of(self._records, order) != "amendment":
            return order
        contract = amended_contract(self._records, order)
        if contract is None:
            raise _rejected("AMENDED_CONTRACT_UNKNOWN", _NO_CONTRACT.format(order=_label(order)))
        quote = self._quote_of(contract)
        candidates = self._quote_orders.get(quote[:15], []) if quote else []
        if len(candidates) > 1:
            candidates = self._revised_by(order, candidates)
        if len(candidates) == 1:
            return candidates[0]
        record = self._records.get(contract)
        named = _label(record) if record else f"Contract {contract}"
        text = _AMBIGUOUS if candidates else _NO_FIRST_ORDER
        raise _rejected(
            "FIRST_ORDER_AMBIGUOUS" if candidates else "FIRST_ORDER_MISSING",
            text.format(
                order=_label(order),
                verb="amends",
                change="amendment",
                contract=named,
                quote=quote or "(unknown)",
                count=len(candidates),
            ),
        )

    def contract(self, first: RawRecord, *, instance_url: str) -> RawContract:
        """Put together the contract that begins with this order.

        Raises RejectedError when an amendment of the same quote cannot be placed: billing without it would be wrong.
        """
        later = sorted(self._later(first, frozenset()), key=self._moment)
        revisions = tuple(self._revision(order) for order in (first, *later))
        account = str(first.fields.get("AccountId") or "")[:15]
        own = {first.id, *(order.id for order in later)}
        siblings = tuple(order for order in self._account_orders.get(account, ()) if order.id not in own)
        linked = self._renewal == "hand_over"
        renews = self._renewed(first) if linked else None
        renewed_by = tuple(self._renewals_of(first)) if linked else ()
        others = (*siblings, *renewed_by, *((renews,) if renews else ()))
        return RawContract(
            key=first.id,
            crm="salesforce",
            root=first,
            revisions=revisions,
            records=self._reachable(revisions, others),
            siblings=siblings,
            renews=renews,
            renewed_by=renewed_by,
            instance_url=instance_url.rstrip("/"),
        )

    def _quote_of(self, contract_id: str | None) -> str | None:
        contract = self._records.get(contract_id)
        quote = contract.fields.get("SBQQ__Quote__c") if contract else None
        return quote if isinstance(quote, str) else None

    def _later(self, term: RawRecord, seen: frozenset[str]) -> Iterator[RawRecord]:
        """Yield what changes a term, and the terms that continue it with all that changes them."""
        quote = str(term.fields.get("SBQQ__Quote__c") or "")[:15]
        yield from (order for order in self._amendments.get(quote, ()) if quote and self._term(order).id == term.id)
        if self._renewal == "append":
            for order in self._renewals_of(term):
                if order.id not in seen:
                    yield order
                    yield from self._later(order, seen | {term.id, order.id})

    def _renewals_of(self, term: RawRecord) -> Iterator[RawRecord]:
        quote = str(term.fields.get("SBQQ__Quote__c") or "")[:15]
        found = self._renewals.get(quote, ()) if quote else ()
        return (order for order in found if (before := self._renewed(order)) is not None and before.id == term.id)

    def _revised_by(self, amendment: RawRecord, candidates: list[RawRecord]) -> list[RawRecord]:
        """Keep the orders whose lines the amendment revises: CPQ may split one quote into several orders."""
        lines = self._parts.lines.get(amendment.id[:15], ())
        revised = (self._records.get(line.fields.get("SBQQ__RevisedOrderProduct__c")) for line in lines)
        orders = {str(line.fields.get("OrderId"))[:15] for line in revised if line is not None}
        return [order for order in candidates if order.id[:15] in orders] or candidates

    def _moment(self, order: RawRecord) -> tuple[str, str, str]:
        """Order amendments by start, then by when they were made final; never by a stamp that our own writes move."""
        quote = self._records.follow(order, "SBQQ__Quote__r")
        start = (quote.fields.get("SBQQ__StartDate__c") if quote else None) or order.fields.get("EffectiveDate")
        final = order.fields.get("ActivatedDate") or order.fields.get("CreatedDate")
        return (str(start or ""), str(final or ""), order.id)

    def _revision(self, order: RawRecord) -> RawRevision:
        return RawRevision(
            kind=kind_of(self._records, order),
            record=order,
            lines=self._parts.lines_of(self._records, order),
            discounts=self._parts.coupons_of(order),
        )

    def _reachable(self, revisions: Iterable[RawRevision], siblings: Iterable[RawRecord]) -> RawRecords:
        """Keep what one contract leads to, so that a batch of contracts does not share one heap of records."""
        queue = list(siblings)
        for revision in revisions:
            queue += [revision.record, *revision.discounts, *self._parts.statuses.get(revision.record.id[:15], ())]
            for line in revision.lines:
                queue += [line.record, *line.rate_schedules, *line.rates, *line.discounts]
                queue += self._parts.links_of(line.record)
        found = {record.id: record for record in queue}
        while queue:
            for value in queue.pop().fields.values():
                parent = self._records.get(value) if isinstance(value, str) and len(value) in (15, 18) else None
                if parent is not None and parent.id not in found:
                    found[parent.id] = parent
                    queue.append(parent)
        return RawRecords(found.values())


_NO_CONTRACT = (
    "{order} is an amendment, but its opportunity names no amended contract, so the deal it changes cannot be found. "
    "Fill Opportunity.SBQQ__AmendedContract__c, or give the integration user read access to that field."
)
_NO_FIRST_ORDER = (
    "{order} {verb} {contract}, but the order sold with the contract's quote {quote} cannot be found. Check that the "
    "contract has its quote (SBQQ__Quote__c), that the first order still exists, and that the integration user may "
    "read both."
)
_AMBIGUOUS = (
    "{order} {verb} {contract}, whose quote {quote} was split into {count} orders, and its lines do not say which one "
    "they revise. Fill SBQQ__RevisedOrderProduct__c on a line of the {change}."
)


def _rejected(code: str, message: str) -> RejectedError:
    return RejectedError(message, vendor="salesforce", code=code)


def _label(record: RawRecord) -> str:
    number = record.fields.get(f"{record.object}Number")
    return f"{record.object} {number} ({record.id})" if number else f"{record.object} {record.id}"
