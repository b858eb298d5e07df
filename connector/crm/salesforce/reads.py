"""Which queries read a batch of contracts, in three rounds. Pure.

1. the orders asked for, with the contract they amend and that contract's quote;
2. whole families by quote: first orders, amendments, the lines of both, and other first orders of the accounts;
3. what hangs on lines: usage schedules with their rates, coupons; only objects that the mapping reads.

Each round is one request as long as a batch has at most 200 contracts, whatever they hold (pages excepted).
"""

from collections.abc import Callable, Iterable, Iterator

from connector.crm.protocol import FieldPaths
from connector.crm.salesforce.family import amended_contract, renewed_contract
from connector.crm.salesforce.lines import COUPON, ITEM_RATE, ITEM_SCHEDULE, PARENT_LOOKUPS, STATUS
from connector.crm.salesforce.query import Query, among, chunks, with_parents
from connector.domain.errors import ConfigError
from connector.mapping.raw import RawRecord, RawRecords

AMENDED_QUOTE = "Opportunity.SBQQ__AmendedContract__r.SBQQ__Quote__c"
RENEWED_QUOTE = "Opportunity.SBQQ__RenewedContract__r.SBQQ__Quote__c"
#: Without these an amendment or a renewal would pass for a deal of its own.
ORDER_TIES = frozenset(
    {
        "SBQQ__Quote__c",
        "Opportunity.SBQQ__AmendedContract__c",
        "Opportunity.SBQQ__RenewedContract__c",
        AMENDED_QUOTE,
        RENEWED_QUOTE,
    }
)
ORDER_COLUMNS = ORDER_TIES | {
    "AccountId",
    "ActivatedDate",
    "CreatedDate",
    "EffectiveDate",
    "OpportunityId",
    "OrderNumber",
    "Type",
    "Opportunity.SBQQ__AmendedContract__r.ContractNumber",
    "SBQQ__Quote__r.SBQQ__StartDate__c",
    "SBQQ__Quote__r.SBQQ__Type__c",
}
#: Objects read along with others: where the mapping names one, its columns are read by this relationship.
ROUTES = {
    "Account": ("Order", "Account"),
    "Contact": ("Order", "BillToContact"),
    "Contract": ("Order", "Opportunity.SBQQ__AmendedContract__r"),
    "Opportunity": ("Order", "Opportunity"),
    "SBQQ__Quote__c": ("Order", "SBQQ__Quote__r"),
    "PricebookEntry": ("OrderItem", "PricebookEntry"),
    "Product2": ("OrderItem", "Product2"),
    "SBQQ__QuoteLine__c": ("OrderItem", "SBQQ__QuoteLine__r"),
    "ConsumptionSchedule": ("ProductConsumptionSchedule", "ConsumptionSchedule"),
}
_SIBLINGS = 2000  # rows: one page; an account with more first orders than that shows the newest
_ORDER_OF_ITEM = "SBQQ__OrderItem__r.OrderId"
_ORDER_OF_RATE = "SBQQ__OrderItemConsumptionSchedule__r.SBQQ__OrderItem__r.OrderId"


def routed(paths: FieldPaths) -> FieldPaths:
    """Return the paths by the objects we query; ConfigError when the mapping reads an object beyond their reach."""
    found: dict[str, set[str]] = {}
    for name, its_paths in paths.items():
        start, relationship = ROUTES.get(name, (name, ""))
        if start not in {"Order", *PARENT_LOOKUPS}:
            known = ", ".join(sorted({"Order", *PARENT_LOOKUPS, *ROUTES}))
            raise ConfigError(
                f"the mapping reads {name}, which is not read from Salesforce on its own. Reach it by a relationship "
                f"from one of {known}; for example SBQQ__Quote__r.SBQQ__StartDate__c on Order."
            )
        found.setdefault(start, set()).update(f"{relationship}.{path}" if relationship else path for path in its_paths)
    return {name: frozenset(its_paths) for name, its_paths in found.items()}


def asked_orders(ids: Iterable[str], paths: FieldPaths) -> Iterator[Query]:
    """Round 1: orders by their id, and by their opportunity's; key prefix 006 tells an opportunity."""
    known = tuple(ids)
    for lookup, group in (
        ("Id", [key for key in known if not key.startswith("006")]),
        ("OpportunityId", [key for key in known if key.startswith("006")]),
    ):
        if group:
            yield from _fitted(group, lambda some, lookup=lookup: _orders(paths, among(lookup, some)))  # type: ignore[misc]


def whole_families(orders: Iterable[RawRecord], records: RawRecords, paths: FieldPaths) -> Iterator[Query]:
    """Round 2: everything of the families that the orders of round 1 belong to."""
    known = tuple(orders)
    accounts = [str(account) for order in known if (account := order.fields.get("AccountId"))]
    alone = [order.id for order in known if not family_quote(records, order)]
    yield from of_quotes([quote for order in known for quote in tied_quotes(records, order)], paths)
    if alone:
        yield from _fitted(alone, lambda some: _children("OrderItem", paths, "OrderId", some))
    if accounts:
        yield from _fitted(accounts, lambda some: _siblings(paths, some))


def of_quotes(quotes: Iterable[str], paths: FieldPaths) -> Iterator[Query]:
    """Read the orders sold with some quotes, those that amend or renew what came of them, and the lines of the former.

    The lines of renewals come when they are asked for, by their own quotes.
    """
    found = tuple(quotes)
    if found:
        yield from _fitted(found, lambda some: _orders(paths, among("SBQQ__Quote__c", some), "SBQQ__Quote__c"))
        yield from _fitted(found, lambda some: _later(paths, some))
        for path in ("Order.SBQQ__Quote__c", f"Order.{AMENDED_QUOTE}"):
            yield from _fitted(found, lambda some, path=path: _children("OrderItem", paths, path, some))  # type: ignore[misc]


def below_lines(orders: Iterable[RawRecord], records: RawRecords, paths: FieldPaths) -> Iterator[Query]:
    """Round 3: usage schedules, their rates, and coupons of all orders of the families."""
    ids = [order.id for order in orders]
    known = set(ids)
    lines = [line for line in records.of("OrderItem") if line.fields.get("OrderId") in known]
    products = [str(product) for line in lines if (product := line.fields.get("Product2Id"))]
    for some in chunks(ids, 200):
        if {ITEM_SCHEDULE, ITEM_RATE} & set(paths) and lines:
            yield _children(ITEM_SCHEDULE, paths, _ORDER_OF_ITEM, some)
            yield _children(ITEM_RATE, paths, _ORDER_OF_RATE, some)
        if COUPON in paths:
            yield _coupons(paths, some)
        if STATUS in paths:
            yield _children(STATUS, paths, "Order__c", some)
    if {"ProductConsumptionSchedule", "ConsumptionRate"} & set(paths):
        for some in chunks(products, 200):
            yield _product_schedules(paths, some)
            yield _product_rates(paths, some)


def family_quote(records: RawRecords, order: RawRecord) -> str | None:
    """Return the quote that ties an order to its family: the amended contract's, or else its own."""
    contract = records.get(amended_contract(records, order))
    quote = contract.fields.get("SBQQ__Quote__c") if contract else order.fields.get("SBQQ__Quote__c")
    return quote if isinstance(quote, str) else None


def renewed_quote(records: RawRecords, order: RawRecord) -> str | None:
    """Return the quote of the contract that an order renews."""
    contract = records.get(renewed_contract(records, order))
    quote = contract.fields.get("SBQQ__Quote__c") if contract else None
    return quote if isinstance(quote, str) else None


def tied_quotes(records: RawRecords, order: RawRecord) -> tuple[str, ...]:
    """Return the quotes that tie an order to others: its family's, and that of the contract which it renews."""
    found = (family_quote(records, order), renewed_quote(records, order))
    return tuple(quote for quote in found if quote is not None)


def further_quotes(records: RawRecords, known: set[str], renewal: str) -> set[str]:
    """Return the quotes of the terms that hang together with the known ones by renewals, as the policy has it."""
    orders = list(records.of("Order"))
    if renewal == "append":
        tied = (tied_quotes(records, order) for order in orders)
        return {quote for each in tied if known.intersection(each) for quote in each}
    if renewal == "hand_over":
        mine = (renewed_quote(records, order) for order in orders if family_quote(records, order) in known)
        return {quote for quote in mine if quote is not None}
    return set()


def _later(paths: FieldPaths, quotes: tuple[str, ...]) -> Query:
    where = f"({among(AMENDED_QUOTE, quotes)} OR {among(RENEWED_QUOTE, quotes)})"
    return _orders(paths, where, AMENDED_QUOTE, RENEWED_QUOTE)


def _orders(paths: FieldPaths, where: str, *needs: str) -> Query:
    columns = with_parents(ORDER_COLUMNS | paths.get("Order", frozenset()))
    return Query("Order", columns, where, frozenset(needs))


def _siblings(paths: FieldPaths, accounts: tuple[str, ...]) -> Query:
    columns = with_parents(ORDER_COLUMNS | paths.get("Order", frozenset()))
    return Query("Order", columns, among("AccountId", accounts), order_by="CreatedDate DESC, Id", limit=_SIBLINGS)


def _children(name: str, paths: FieldPaths, lookup: str, ids: tuple[str, ...]) -> Query:
    columns = with_parents(frozenset(PARENT_LOOKUPS[name]) | paths.get(name, frozenset()))
    return Query(name, columns, among(lookup, ids), frozenset({lookup}))


def _coupons(paths: FieldPaths, orders: tuple[str, ...]) -> Query:
    columns = with_parents({*PARENT_LOOKUPS[COUPON], *paths[COUPON]})
    where = f"({among('Order__c', orders)} OR {among('Order_Item__r.OrderId', orders)})"
    return Query(COUPON, columns, where, frozenset({"Order__c", "Order_Item__r.OrderId"}))


def _product_schedules(paths: FieldPaths, products: tuple[str, ...]) -> Query:
    own = paths.get("ProductConsumptionSchedule", frozenset())
    columns = with_parents({"ProductId", "ConsumptionScheduleId", "ConsumptionSchedule.Id", *own})
    return Query("ProductConsumptionSchedule", columns, among("ProductId", products))


def _product_rates(paths: FieldPaths, products: tuple[str, ...]) -> Query:
    columns = with_parents({*PARENT_LOOKUPS["ConsumptionRate"], *paths.get("ConsumptionRate", frozenset())})
    linked = "SELECT ConsumptionScheduleId FROM ProductConsumptionSchedule WHERE "
    return Query("ConsumptionRate", columns, f"ConsumptionScheduleId IN ({linked}{among('ProductId', products)})")


def _fitted(ids: Iterable[str], make: Callable[[tuple[str, ...]], Query]) -> Iterator[Query]:
    """Yield one query for at most 200 ids; more when the mapping reads so many columns that it grows too long."""
    for some in chunks(ids, 200):
        query = make(some)
        if query.fits or len(some) == 1:
            yield query
        else:
            half = len(some) // 2
            yield from _fitted(some[:half], make)
            yield from _fitted(some[half:], make)
