"""The one entry of compile: a contract → everything Stripe should hold for it."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from types import MappingProxyType

from connector.compile.adopted import with_adopted, with_settings
from connector.compile.backdating import as_sent
from connector.compile.catalog import PriceBook, coupon_resource, product_resource
from connector.compile.checks import check_coverage, check_lines, check_over
from connector.compile.continued import Continued, continued
from connector.compile.customer import customer_resource
from connector.compile.horizon import check_auto_renewal, going_on, horizon
from connector.compile.limits import check_limits
from connector.compile.one_offs import one_time_spec
from connector.compile.parts import Part, parts_of
from connector.compile.phases import schedules
from connector.compile.renewals import check_renewals
from connector.compile.resource import Compiled, DesiredState, Key, Resource
from connector.compile.rules import check_rules
from connector.compile.schedule import invoice_resources, schedule_resource
from connector.compile.spec import AdoptedEdit, InvoiceSpec, PhaseSpec
from connector.compile.takeover import taken_over
from connector.compile.ways import billed_as_agreed
from connector.domain.contract import Charge, Contract, Discount
from connector.domain.issues import Issue, IssueCode, blocking
from connector.domain.timeline import Timeline, timeline

_NOWHERE: Continued = MappingProxyType({})


def compile_contract(
    contract: Contract,
    made: date | None = None,
    today: date | None = None,
    *,
    fresh: Collection[str] = (),
    adopted: Sequence[AdoptedEdit] = (),
    goes_on: Continued = _NOWHERE,
) -> Compiled:
    """Return the desired state and everything that stands in its way.

    `made` is the day on which the schedules are, or were, made; without it they are made before they begin. `today`
    counts in whole years, for what has no end: it is told until a horizon (`horizon.py`). `fresh` are the keys of
    schedules that are made today, although others of the contract were made before. `adopted` are edits made in Stripe
    that count as long as the part of the contract they belong to says what it said. `goes_on` are the days on which
    schedules ended although the contract goes on (`continued.py`).

    With issues that make the arithmetic meaningless (a gap, half a seat) there is no desired state; limits of Stripe
    are reported beside it, so that people can see what would have been.
    """
    issues = check_lines(contract)
    if blocking(tuple(issue for issue in issues if issue.code not in _ARITHMETIC_HOLDS)):
        return Compiled(None, issues)
    pieces, more = timeline(going_on(contract))
    issues += more + check_coverage(contract, pieces) + check_renewals(contract, pieces) + check_auto_renewal(contract)
    issues += check_rules(contract)
    if blocking(tuple(issue for issue in issues if issue.code not in _ARITHMETIC_HOLDS)):
        return Compiled(None, issues)
    days = dict.fromkeys(fresh, today) if today else {}
    desired, more = _desired(contract, pieces, (made, today, days), adopted, goes_on)
    issues += more
    return Compiled(desired, issues + check_over(desired, contract) + check_limits(desired, contract.ref))


_ARITHMETIC_HOLDS = frozenset(
    {
        IssueCode.CUSTOMER_CURRENCY,
        IssueCode.AMENDMENT_START,
        IssueCode.SEGMENT_PAST,
        IssueCode.SEGMENT_PERIOD,
    }
)


def _desired(
    contract: Contract,
    pieces: Timeline,
    at: tuple[date | None, date | None, Mapping[str, date]],
    adopted: Sequence[AdoptedEdit],
    goes_on: Continued,
) -> tuple[DesiredState, tuple[Issue, ...]]:
    made, today, fresh = at
    ahead = horizon(contract, today)
    every = continued(schedules(contract, pieces, ahead), goes_on) if pieces else ()
    sold = tuple(billed_as_agreed(spec, contract) for spec in every)
    taken = taken_over(contract, sold, () if sold else _invoices(contract))
    edited, invoices = with_adopted(taken.specs, adopted), taken.invoices
    specs = edited.specs
    history = tuple(spec.whole for spec in specs if spec.whole)
    sent = tuple(as_sent(spec, contract, fresh.get(spec.key, made)) for spec in specs)
    told, late, past = (PriceBook(contract, each) for each in (specs, sent, history))
    built = [with_settings(schedule_resource(contract, spec, told), adopted) for spec in specs]
    as_made = [with_settings(schedule_resource(contract, spec, late), adopted)[0] for spec in sent]
    schedule_resources = tuple(_schedule(one, other) for (one, _), other in zip(built, as_made, strict=True))
    counting = (*edited.counting, *(one for _, found in built for one in found))
    for spec in history:
        schedule_resource(contract, spec, past)  # counts the prices by which a schedule that ran before is read
    phases = tuple(phase for spec in (*specs, *sent, *history) for phase in spec.phases)
    resources = (
        customer_resource(contract),
        *_products(contract),
        *_union(told.resources(), late.resources(), past.resources()),
        *coupon_resources(contract, phases, invoices),
        *schedule_resources,
        *(resource for invoice in invoices for resource in invoice_resources(contract, invoice)),
    )
    look_again = ahead.moves if ahead and any(spec.open for spec in specs) else None
    desired = DesiredState(
        contract_key=contract.key,
        currency=contract.currency,
        resources=resources,
        schedules=specs,
        invoices=invoices,
        made=made,
        fresh=fresh,
        look_again=look_again,
        prices={**past.terms, **late.terms, **told.terms},
        coupons={coupon_resource(one, contract).key.name: one for one in _discounts(phases, invoices)},
        elsewhere=taken.elsewhere,
        billed_through=contract.billed_through,
        adopted=counting,
        lapsed=tuple(one for one in adopted if one not in counting),
        untouched=taken.specs if counting else (),
    )
    return desired, taken.issues


def _schedule(told: Resource, made: Resource) -> Resource:
    return told if made.params == told.params else replace(told, create=made.params)


def _union(*books: tuple[Resource, ...]) -> tuple[Resource, ...]:
    by_key = {resource.key: resource for book in books for resource in book}
    return tuple(by_key[key] for key in sorted(by_key))


def _invoices(contract: Contract) -> tuple[InvoiceSpec, ...]:
    """Return the invoices of an order with nothing but one-time lines, one for each way in which they are paid.

    There is none when nothing is left to bill at all.
    """
    return tuple(invoice for part in parts_of(contract) for invoice in _invoice(part))


def _invoice(part: Part) -> Iterator[InvoiceSpec]:
    contract = part.contract
    once = (line for line in contract.lines if line.charge is Charge.ONE_TIME and line.quantity)
    lines = tuple(one_time_spec(line, contract) for line in once)
    if lines:
        yield InvoiceSpec(part.key, contract.currency, lines, contract.revisions[0].discounts, part.method)


def _products(contract: Contract) -> Iterable[Resource]:
    products = {line.product.ref: line.product for line in contract.lines}
    return tuple(product_resource(products[ref], contract) for ref in sorted(products))


def coupon_resources(
    contract: Contract, phases: tuple[PhaseSpec, ...], invoices: tuple[InvoiceSpec, ...]
) -> tuple[Resource, ...]:
    """Return the coupons that phases and invoices name."""
    coupons: dict[Key, Resource] = {}
    for discount in _discounts(phases, invoices):
        resource = coupon_resource(discount, contract)
        coupons[resource.key] = resource
    return tuple(coupons[key] for key in sorted(coupons))


def _discounts(phases: tuple[PhaseSpec, ...], invoices: tuple[InvoiceSpec, ...]) -> Iterable[Discount]:
    for phase in phases:
        yield from phase.discounts
        for item in phase.items:
            yield from item.discounts
        for one_off in phase.one_offs:
            yield from one_off.discounts
    for invoice in invoices:
        yield from invoice.discounts
        for line in invoice.lines:
            yield from line.discounts
