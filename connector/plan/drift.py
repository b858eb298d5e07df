"""Drift: what somebody edited by hand on a schedule in Stripe, told apart from what the contract changes.

A schedule that was read is held against what was applied to it last. Where both differ, nobody but a person (or another
program) can have made the difference. What has passed is history and not compared.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from connector.compile.adopted import value_of
from connector.compile.resource import DesiredState, Key
from connector.compile.spec import AdoptedEdit
from connector.domain.contract import Contract
from connector.domain.issues import Issue, IssueCode, Source, warn
from connector.plan.canonical import Json, canonical, digest, dump
from connector.plan.diff import Change, diff
from connector.plan.existing import ExistingObject, ExistingState
from connector.plan.kinds import KINDS
from connector.plan.operation import Operation, Update
from connector.plan.prices import Terms, by_terms, terms_of
from connector.plan.schedules import not_as_told

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Edit:
    """One value that was edited by hand, by its path on the schedule; values are canonical, None is "not there".

    `adopted` tells of an edit that was adopted for a part of the contract that has changed since: by whom, and why.
    """

    schedule: str
    path: str
    desired: Json
    applied: Json
    live: Json
    adopted: str | None = None

    @property
    def words(self) -> str:
        """Return the edit in words."""
        if self.adopted is not None:
            says = f"{self.path} is {_said(self.live)}, adopted {self.adopted}; the contract has changed there since"
            return says if self.desired is None else f"{says} and says {_said(self.desired)}"
        now = "" if self.desired == self.applied else f", and the contract now says {_said(self.desired)}"
        return f"{self.path} is {_said(self.live)}, we had applied {_said(self.applied)}{now}"


def find_edits(
    contract: Contract, desired: DesiredState, existing: ExistingState, operations: Iterable[Operation], today: date
) -> tuple[Edit, ...]:
    """Return the edits by hand that the operations would undo; what the contract says by now anyway is none.

    A contract that has not changed is compared to the last detail. One that has, by what its items bill, when its
    phases end, their coupons and one-offs, and the schedule's own settings.
    """
    terms = terms_of(desired.of("price"))
    found: list[Edit] = []
    for one in operations:
        held = existing.objects.get(one.key)
        if isinstance(one, Update) and held is not None and held.status is not None and held.applied is not None:
            changes = (
                _left(one, contract, desired, replace(existing, objects={one.key: held}), today)
                if _is_told_anew(one, held)
                else None
            )
            found += _edits(one, held, changes, (terms, today))
    return tuple(found)


def lapsed_edits(
    contract: Contract, desired: DesiredState, existing: ExistingState, operations: Iterable[Operation]
) -> tuple[Edit, ...]:
    """Return adopted edits that the operations would undo, because the part of the contract they belong to changed."""
    changing = {one.key for one in operations if isinstance(one, Update)}
    found: list[Edit] = []
    for one in desired.lapsed:
        key = Key("subscription_schedule", one.schedule)
        held = existing.objects.get(key)
        if key not in changing or held is None or held.status is None:
            continue
        told = _told_values(one, desired)
        if one.after in _live_values(one, held.params) and told != [one.after]:
            say = told[0] if len(told) == 1 and told != [one.before] else None
            part = _part(one, contract)
            found.append(Edit(held.id, part, say, one.before, one.after, f"by {one.by}: {one.reason}"))
    return tuple(found)


def adopted_in_words(contract: Contract, desired: DesiredState) -> Iterator[str]:
    """Yield the adopted edits that count: what is otherwise than the contract says, who adopted it, when and why."""
    for one in desired.adopted:
        instead = f"{_said(one.after)}, where the contract says {_said(one.before)}"
        yield f"{_part(one, contract)} is {instead} (adopted by {one.by} on {one.on}: {one.reason})"


def _part(edit: AdoptedEdit, contract: Contract) -> str:
    """Return in words which value of a schedule an adopted edit is."""
    if edit.line is None:
        return edit.name
    product = next((line.product.name for line in contract.lines if line.ref == edit.line), edit.line)
    until = f" to {edit.end}" if edit.end else " on"
    return f"{edit.name} of {product} ({edit.line}) from {edit.start}{until}"


def _live_values(edit: AdoptedEdit, live: Json) -> list[Json]:
    """Return what a schedule says where an adopted edit stands: in every phase that begins within its time."""
    if edit.line is None:
        return [value_at(live, edit.name)]
    first, last = str(edit.start), str(edit.end or date.max)
    phases = [phase for phase in live["phases"] if first <= phase["start_date"][:10] < last]
    named = [item for phase in phases for item in phase.get("items", []) if names_line(item, edit.line)]
    return [item_value(item, edit.name) for item in named]


def _told_values(edit: AdoptedEdit, desired: DesiredState) -> list[Json]:
    """Return the different values that the contract has where an adopted edit stands."""
    if edit.line is None:
        wanted = desired.get(Key("subscription_schedule", edit.schedule))
        return [value_at(canonical(wanted.params), edit.name)] if wanted else []
    specs = [spec for spec in desired.schedules if spec.key == edit.schedule]
    first, last = edit.start or date.min, edit.end or date.max
    phases = [p for spec in specs for p in spec.phases if p.period.start < last and first < p.period.end]
    items = [item for phase in phases for item in phase.items if item.line.ref == edit.line]
    return list(dict.fromkeys(value_of(item, edit.name) for item in items))


def names_line(item: Json, line: str | None) -> bool:
    """Tell whether the metadata of an item on a schedule names a line of the contract."""
    return any(key.endswith("order_item_id") and value == line for key, value in item.get("metadata", {}).items())


def item_value(item: Json, name: str) -> Json:
    """Return the quantity, or the unit amount (None where the item has a counted price), of an item on a schedule."""
    return item.get("quantity") if name == "quantity" else item.get("price_data", {}).get("unit_amount_decimal")


def edits_digest(edits: Iterable[Edit]) -> str:
    """Return the name of what Stripe holds by hand: another edit has another one, a changed contract has not."""
    return digest([[edit.schedule, edit.path, edit.live] for edit in edits])


def edits_in_words(edits: Sequence[Edit]) -> str:
    """Return edits on one line, the first few of many."""
    more = f"; and {len(edits) - _SHOWN} more" if len(edits) > _SHOWN else ""
    return "; ".join(edit.words for edit in edits[:_SHOWN]) + more


def drift_issue(contract: Contract, edits: Sequence[Edit]) -> tuple[Issue, ...]:
    """Return the issue of edits that nobody has decided on in the CRM."""
    if not edits:
        return ()
    schedules = ", ".join(sorted({edit.schedule for edit in edits}))
    message = f"the Stripe schedule {schedules} was edited by hand: {edits_in_words(edits)}"
    remedy = "Decide with `connector drift`: restore, adopt, or ignore; or let the order say what Stripe holds."
    return (warn(IssueCode.DRIFT, Source(contract.ref), message, remedy),)


def _is_told_anew(update: Update, held: ExistingObject) -> bool:
    """Tell whether the schedule should say just what was applied last."""
    return bool(canonical(update.desired) == held.applied)


def _edits(
    update: Update, held: ExistingObject, changes: Sequence[Change] | None, at: tuple[Terms, date]
) -> Iterator[Edit]:
    """Yield the edits of one schedule; `changes` is what would make an unchanged contract's schedule right again."""
    if changes is not None and not changes:  # as it should be but for what has to be settled
        return
    terms, today = at
    first = _running(held)
    live = _told(held.params, held, held.params["phases"][first:], terms)
    applied = _told(held.applied, held, _left_of(held.applied, held, today), terms)
    wanted = canonical(update.desired)
    told = _told(wanted, held, _left_of(wanted, held, today), terms)
    if _prices(applied) - _prices(live):  # prices that no one has use for any more: what they were is not known here
        live, applied, told = (_without_prices(tree) for tree in (live, applied, told))
    kept = [one for one in diff(_managed(applied), live) if value_at(told, one.path) != one.before]
    if kept:
        yield from (Edit(held.id, one.path, value_at(told, one.path), one.after, one.before) for one in kept)
        return
    yield from (
        Edit(held.id, one.path, one.after, one.after, one.before) for one in changes or () if one.after != "now"
    )


def _left(
    update: Update, contract: Contract, desired: DesiredState, alone: ExistingState, today: date
) -> Sequence[Change]:
    """Return how a schedule, held alone, differs from what is told, whatever has to be settled."""
    if alone.objects[update.key].status == "not_started":
        return update.changes
    return not_as_told(contract, desired, alone, today)


def _managed(params: Json) -> Json:
    create_only = KINDS["subscription_schedule"].create_only
    return {name: value for name, value in params.items() if name not in create_only}


def _left_of(params: Json, held: ExistingObject, today: date) -> Sequence[Json]:
    """Return the phases that were applied, without those that are over.

    The one of today stands for the one that runs, whenever that began: a schedule that is made late has one phase for
    all time that has begun.
    """
    phases: Sequence[Json] = params["phases"]
    return [one for one in phases if held.current_start is None or one["end_date"][:10] > today.isoformat()]


def _told(params: Json, held: ExistingObject, phases: Sequence[Json], terms: Terms) -> Json:
    """Return a schedule by what these phases of it bill, numbered as Stripe holds them."""
    first, runs = _running(held), held.current_start is not None
    flat = by_terms({"phases": list(phases)}, terms)["phases"]
    numbered = {str(first + index): _phase(phase, running=runs and index == 0) for index, phase in enumerate(flat)}
    return {**params, "phases": numbered}


def _running(held: ExistingObject) -> int:
    since = held.current_start
    found = [n for n, one in enumerate(held.params["phases"]) if since and one["start_date"][:10] == since.isoformat()]
    return found[-1] if found else 0


def _phase(phase: Json, *, running: bool) -> Json:
    """Return what a phase bills; of a running one, what is billed once and what is left of coupons is history."""
    said: dict[str, Json] = {"end_date": phase.get("end_date"), "items": _entries(phase.get("items", []))}
    if not running:
        said["discounts"] = sorted(_name(one["coupon"]) for one in phase.get("discounts", []))
        said["add_invoice_items"] = _entries(phase.get("add_invoice_items", []))
    return said


def _entries(entries: Iterable[Json]) -> list[Json]:
    """Return entries by what they bill, in an order of their own: Stripe keeps none."""
    return sorted((_entry(entry) for entry in entries), key=_order)


def _entry(entry: Json) -> Json:
    data = entry.get("price_data")
    if data is None:
        return {"price": _name(entry.get("price")), "quantity": entry.get("quantity")}
    said = {name: data[name] for name in ("unit_amount_decimal", "recurring") if name in data}
    return {**said, "quantity": entry.get("quantity")}


def _order(entry: Json) -> tuple[str, str]:
    return dump({name: value for name, value in entry.items() if name != "quantity"}), dump(entry.get("quantity"))


def _name(reference: Json) -> str:
    return reference["$ref"].partition("/")[2] if isinstance(reference, Mapping) else str(reference)


def _prices(told: Json) -> set[str]:
    """Return the prices that are told by name."""
    return {entry["price"] for phase in told["phases"].values() for entry in phase["items"] if "price" in entry}


def _without_prices(told: Json) -> Json:
    phases = {
        number: {**phase, "items": sorted(dump(entry["quantity"]) for entry in phase["items"])}
        for number, phase in told["phases"].items()
    }
    return {**told, "phases": phases}


def value_at(value: Json, path: str) -> Json:
    """Return the value at a path, None where there is none."""
    for step in path.split("."):
        if isinstance(value, Mapping):
            value = value.get(step)
        elif isinstance(value, list) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value


def _said(value: Json) -> str:
    return "not there" if value is None else value if isinstance(value, str) else dump(value)
