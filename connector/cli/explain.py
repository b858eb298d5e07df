"""`connector explain`: everything about one contract on one page, from the CRM's records to the verdict."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.rule import Rule
from rich.text import Text

from connector.cli.context import ConfigOption, ConnectionOption, JsonOption, fetch_one, open_app
from connector.cli.output import out, print_json, print_plan
from connector.cli.plan import planned_text
from connector.domain.money import plain
from connector.domain.timeline import timeline
from connector.plan.existing import ExistingState
from connector.plan.render import ramp_picture
from connector.plan.story import story
from connector.sync import Desk, Planned, plan_contract

if TYPE_CHECKING:
    from connector.mapping.reading import Traced

#: Sections of the page, in the order of the pipeline.
SECTIONS = ("story", "raw", "contract", "timeline", "desired", "existing", "plan")


def explain(
    order: Annotated[str, typer.Argument(help="Any order of the contract.")],
    refresh: Annotated[bool, typer.Option(help="Read the schedule from Stripe instead of the journal.")] = False,
    json: JsonOption = False,
    config: ConfigOption = None,
    connection: ConnectionOption = None,
) -> None:
    """Explain a contract: its story, records, what the mapping made of them, timeline, desired, existing, plan."""
    with open_app(config) as app:
        desk = app.desk(connection)
        planned = plan_contract(desk, fetch_one(desk, order), live=refresh)
        if json:
            print_json({**planned.document(), "trace": _trace_json(planned), "existing": _existing(planned.existing)})
        else:
            print_page(planned, desk)


def print_page(planned: Planned, desk: Desk) -> None:
    """Print the page for people."""
    pages = {
        "story": _story(planned, desk),
        "raw": _raw(planned),
        "contract": _contract(planned, desk.mapping.name),
        "timeline": _timeline(planned),
        "desired": _desired(planned),
        "existing": _held(planned.existing),
    }
    for section in SECTIONS[:-1]:
        out.print(Rule(section, align="left", style="dim"))
        for line in pages[section]:
            out.print(Text(line))
    out.print(Rule("plan and verdict", align="left", style="dim"))
    print_plan(planned_text(planned))


def _story(planned: Planned, desk: Desk) -> Iterator[str]:
    if planned.contract is None or planned.plan is None or planned.plan.desired is None:
        yield "cannot be told: the issues below come first"
        return
    yield from story(planned.contract, planned.plan.desired, desk.today())


def _raw(planned: Planned) -> Iterator[str]:
    for revision in planned.raw.revisions:
        yield f"{revision.record.object} {revision.record.id}  {revision.kind}"
        for line in revision.lines:
            hung = f", {len(line.rates)} rates" if line.rates else ""
            hung += f", {len(line.discounts)} coupons" if line.discounts else ""
            yield f"  {line.record.object} {line.record.id}{hung}"
    counts: dict[str, int] = {}
    for record in planned.raw.records:
        counts[record.object] = counts.get(record.object, 0) + 1
    yield "records: " + ", ".join(f"{number} {name}" for name, number in sorted(counts.items()))


def _contract(planned: Planned, mapping: str) -> Iterator[str]:
    made_by = planned.reading.mapping
    yield f"rules: {mapping}" + (f"  ({made_by[1]})" if made_by else "")
    groups: dict[str, dict[str, Traced]] = {}
    for traced in planned.reading.trace:
        groups.setdefault(traced.ref, {})[traced.slot] = traced
    for ref, slots in groups.items():
        yield ref
        for traced in slots.values():
            raw = "" if str(traced.raw) == str(traced.value) else f"  (there: {traced.raw})"
            where = traced.field or "constant"
            where += f" of {traced.record}" if traced.record not in {None, ref} else ""
            yield f"  {traced.slot:<18} {_shown(traced.value):<32} line {traced.line:<4} {where}{raw}"


def _timeline(planned: Planned) -> Iterator[str]:
    contract = planned.contract
    if contract is None or planned.plan is None or planned.plan.desired is None:
        yield "none: the issues below come first"
        return
    for piece in timeline(contract)[0]:
        held = ", ".join(f"{plain(entry.quantity):f} x {entry.line.product.name}" for entry in piece.in_force)
        yield f"{piece.period}  {held}"
    once = [line for line in contract.lines if line.charge.value == "one_time"]
    yield from (f"{line.start}              once: {plain(line.quantity):f} x {line.product.name}" for line in once)


def _desired(planned: Planned) -> Iterator[str]:
    if planned.plan is None or planned.plan.desired is None:
        yield "none"
        return
    for schedule in planned.plan.desired.schedules:
        yield from ramp_picture(schedule)
    for resource in planned.plan.desired.resources:
        yield f"{resource.key}"


def _held(existing: ExistingState) -> Iterator[str]:
    if not existing.objects:
        yield "nothing yet"
    for key, held in existing.objects.items():
        state = f"  {held.status}" if held.status else ""
        yield f"{key}  {held.id}{state}"


def _trace_json(planned: Planned) -> list[dict[str, Any]]:
    return [
        {
            "ref": traced.ref,
            "slot": traced.slot,
            "value": _shown(traced.value),
            "raw": None if traced.raw is None else str(traced.raw),
            "record": traced.record,
            "field": traced.field,
            "line": traced.line,
        }
        for traced in planned.reading.trace
    ]


def _existing(existing: ExistingState) -> Mapping[str, Any]:
    return {str(key): {"id": held.id, "status": held.status} for key, held in existing.objects.items()}


def _shown(value: object) -> str:
    text = "" if value is None else str(value)
    return text if len(text) <= 32 else f"{text[:31]}…"
