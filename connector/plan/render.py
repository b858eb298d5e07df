"""The plan as text for people: what changes, when what is billed, whether it adds up. The CLI adds colours.

Lines begin with a mark: + create, ~ change, - end, ! refused, = unchanged.
"""

from collections.abc import Iterator, Mapping
from datetime import date
from fractions import Fraction

from connector.compile.resource import DesiredState
from connector.compile.spec import ItemSpec, PhaseSpec, ScheduleSpec, Window
from connector.domain.issues import Issue
from connector.domain.money import round_minor, text
from connector.plan.canonical import Json
from connector.plan.drift import adopted_in_words
from connector.plan.operation import Create, End, Operation, Retire, Update
from connector.plan.plan import Plan
from connector.plan.safety import Judgement, Verdict
from connector.plan.tieout import TieOut
from connector.plan.wording import in_words

_BAR = 48  # characters of the ramp picture


def render_plan(plan: Plan, judgement: Judgement, *, name: str = "") -> str:
    """Return the plan of one contract as text."""
    lines = [_headline(plan, judgement, name)]
    lines += [f"    {line}" for issue in plan.issues for line in issue_lines(issue)]
    for operation in plan.operations:
        lines += [f"    {line}" for line in _operation_lines(operation)]
    if plan.desired and (plan.operations or plan.blocked):
        lines += [f"    {line}" for line in _schedules(plan.desired)]
        for invoice in plan.desired.invoices:
            lines += [f"      one-off  {in_words(one_off, invoice.currency)}" for one_off in invoice.lines]
    lines += [f"    settles  {words}" for words in plan.settles if plan.operations]
    lines += [
        f"    adopted  {words}" for words in (adopted_in_words(plan.contract, plan.desired) if plan.desired else ())
    ]
    if plan.tie_out:
        lines += [f"    {line}" for line in (*billing_lines(plan), *tie_out_lines(plan.tie_out))]
    lines += [f"    needs approval: {reason}" for reason in judgement.reasons if _asks(judgement)]
    return "\n".join(lines)


def issue_lines(issue: Issue) -> Iterator[str]:
    """Yield an issue: what, where, and how to fix it."""
    where = " ".join(part for part in (issue.record, issue.field) if part)
    yield f"{'!' if issue.blocks else 'note'} {issue.code.value}  {issue.message}"
    yield f"  fix: {issue.remedy}" + (f"  [{where}]" if where else "")


#: How the schedules are paid of a contract whose lines are paid in different ways.
_PAID = {"send_invoice": "  (invoices are sent)", "charge_automatically": "  (charged automatically)"}


def _schedules(desired: DesiredState) -> Iterator[str]:
    """Yield every schedule; linked ones are one contract, so each tells its key first."""
    for schedule in desired.schedules:
        if len(desired.schedules) > 1:
            yield f"schedule {schedule.key}{_PAID.get(schedule.collection or '', '')}"
        yield from schedule_lines(schedule)
        yield from (window_line(window) for window in desired.windows if window.key == schedule.key)


def schedule_lines(schedule: ScheduleSpec) -> Iterator[str]:
    """Yield a schedule phase by phase."""
    for number, phase in enumerate(schedule.phases, start=1):
        label = f'  "{phase.segment_label}"' if phase.segment_label else ""
        last = schedule.open and number == len(schedule.phases)
        yield f"phase {number}  {phase.period.start}..open{label}" if last else f"phase {number}  {phase.period}{label}"
        for item in phase.items:
            yield f"  {_item(item, schedule.currency)}"
        for one_off in phase.one_offs:
            yield f"  once  {in_words(one_off, schedule.currency, schedule)}"
        for discount in phase.discounts:
            yield f"  coupon  {discount.name or discount.ref} ({discount.duration})"


def window_line(window: Window) -> str:
    """Return what Stripe holds of a long schedule, and when the next phases follow."""
    return (
        f"window   {window.phases} phases; Stripe holds the first {window.held}, up to {window.until}; "
        f"the rest is appended from {window.extend}"
    )


def ramp_picture(schedule: ScheduleSpec) -> Iterator[str]:
    """Yield the ramp as bars: how much each phase bills in a year, drawn to scale."""
    values = [(phase, _per_year(phase)) for phase in schedule.phases]
    top = max((value for _, value in values), default=0) or 1
    for phase, value in values:
        bar = "#" * max(round(value * _BAR / top), 1 if value else 0)
        label = (phase.segment_label or str(phase.period.start))[:14]
        yield f"{label:<14} {phase.period.start}  {bar:<{_BAR}}  {text(value, schedule.currency)} a year"


def billing_lines(plan: Plan) -> Iterator[str]:
    """Yield when what is invoiced; long lists are cut in the middle."""
    bills = [bill for bill in plan.bills if not bill.skipped and (bill.amount or bill.charges)]
    shown = bills if len(bills) <= 6 else [*bills[:3], None, *bills[-2:]]
    for bill in shown:
        if bill is None:
            yield f"  ...      {len(bills) - 5} more"
        else:
            yield f"bills    {bill.day}  {text(bill.amount, bill.currency):>20}"
    for schedule in plan.desired.schedules if plan.desired else ():
        if schedule.open:
            yield f"  ...      and on after {schedule.end}, until it is ended"


def tie_out_lines(account: TieOut) -> Iterator[str]:
    """Yield the tie-out on one line, and its reasons."""
    stripe = account.billed + account.scheduled - account.credited
    verdict = "adds up" if not account.difference else "explained" if not account.unexplained else "DOES NOT ADD UP"
    yield (
        f"tie-out  CRM {text(account.crm, account.currency)}, Stripe {text(stripe, account.currency)}, "
        f"difference {text(account.difference, account.currency)}: {verdict}"
    )
    for explanation in account.explanations:
        yield f"         {explanation.message}"


def _asks(judgement: Judgement) -> bool:
    return judgement.verdict is Verdict.NEEDS_APPROVAL


def _headline(plan: Plan, judgement: Judgement, name: str) -> str:
    mark = {
        Verdict.REFUSE: "!",
        Verdict.NOTHING: "=",
    }.get(judgement.verdict, "+" if any(isinstance(o, Create) for o in plan.operations) else "~")
    contract = plan.contract
    title = name or contract.party.name or contract.party.ref
    end = contract.end or _ended(plan) or "open"
    words = {
        Verdict.REFUSE: "refused",
        Verdict.NOTHING: "nothing to do",
        Verdict.NEEDS_APPROVAL: f"needs approval of {plan.fingerprint[:12]}",
        Verdict.APPLY: f"{_count(len(plan.operations), 'operation')}",
    }[judgement.verdict]
    return f"{mark} {contract.ref}  {title}  {contract.currency.upper()}  {contract.start}..{end}  {words}"


def _ended(plan: Plan) -> date | None:
    """Return the day on which everything has ended that was sold without an end."""
    schedules = plan.desired.schedules if plan.desired else ()
    return None if any(spec.open for spec in schedules) else max((spec.end for spec in schedules), default=None)


def _operation_lines(operation: Operation) -> Iterator[str]:
    match operation:
        case Create(key):
            yield f"+ {key.kind} {key.name}"
        case Update(key, object_id, _, _, changes):
            yield f"~ {key.kind} {object_id}"
            for change in changes:
                yield f"    {change.path}: {_shown(change.before)} -> {_shown(change.after)}"
        case Retire(key, object_id, verb) | End(key, object_id, verb):
            yield f"- {verb} {key.kind} {object_id}"


def _shown(value: Json) -> str:
    """Return a changed value; what is told in full below (phases, amounts billed once) is only named."""
    if isinstance(value, Mapping):
        return "as below" if "items" in value else f"{len(value)} values"
    if isinstance(value, list):
        return "1 entry" if len(value) == 1 else f"{len(value)} entries"
    return str(value)


def _item(item: ItemSpec, currency: str) -> str:
    terms = item.terms
    name = item.line.product.name
    if terms.usage:
        return f"{name}, by usage, per {terms.interval}"
    if terms.tiers:
        mode = terms.tiers_mode.value if terms.tiers_mode else ""
        return f"{item.quantity} x {name}, {mode} tiers, per {terms.interval}"
    return f"{item.quantity} x {name} at {text(terms.unit_amount or 0, currency)} per {terms.interval}"


def _per_year(phase: PhaseSpec) -> int:
    total = Fraction(0)
    for item in phase.items:
        unit = item.terms.unit_amount
        if unit is None or item.quantity is None:
            continue
        interval = item.terms.interval
        per_year = Fraction(12 if interval.unit == "month" else 365, interval.count)
        total += Fraction(unit) * item.quantity * per_year
    return round_minor(total)


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
