"""A schedule that runs, brought in line with the contract.

From now on it says what is told, and one amount settles what time that has begun should have cost:

    history   phases that are over are Stripe's and ours no longer; they are neither sent nor compared
    now       what runs on. If something else should run, the phase ends `now` and the next one begins `now`
    to come   the told phases, as they are

Sources: an update takes current and future phases; the current one keeps its start and may end at any moment to come
or `now`, all `now` of a request are one instant (stripe.md B.5, recorded traffic).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import cast

from connector.compile.backdating import discounts_left, running_from
from connector.compile.bills import bills_after, schedule_bills
from connector.compile.catalog import PriceBook
from connector.compile.cycle import anchor_on, running_phase
from connector.compile.resource import Key, Params, Ref, Resource, Value
from connector.compile.schedule import schedule_resource
from connector.compile.spec import Interval, ItemSpec, OneOffSpec, PhaseSpec, ScheduleSpec
from connector.compile.ways import leaves_to_stripe
from connector.domain.contract import Contract, Discount
from connector.domain.money import plain
from connector.domain.period import day_after
from connector.plan.canonical import Json, canonical, dump
from connector.plan.diff import Change, diff
from connector.plan.held import Held, Stretch, as_sent_back, spec_of, stretch_of
from connector.plan.prices import Terms, by_terms, reuse_prices

#: Of a phase: when it is, what its beginning did, and what it is called. The rest is what runs.
_CIRCUMSTANCES = frozenset(
    {"start_date", "end_date", "proration_behavior", "billing_cycle_anchor", "metadata", "add_invoice_items"}
)
_OURS = _CIRCUMSTANCES | {"items", "discounts"}
_DATES = frozenset({"start_date", "end_date", "timestamp", "trial_end"})


@dataclass(frozen=True, slots=True)
class Continuation:
    """How a running schedule goes on. `phases` is what an update sends, `spec` what the schedule then bills in all.

    `now` is what runs from now on; of what is left of a phase on its last day, `spec` says nothing. `breaks` tells
    that the running phase ends now, `proration` what Stripe reckons then; without `changes` there is nothing to send.
    """

    phases: tuple[Params, ...]
    spec: ScheduleSpec
    now: PhaseSpec
    changes: tuple[Change, ...]
    breaks: bool
    proration: str


@dataclass(frozen=True, slots=True)
class Running:
    """A schedule as it is told and as Stripe holds it, on a day of its time."""

    contract: Contract
    told: ScheduleSpec
    resource: Resource
    held: Held
    today: date
    terms: Terms

    def go_on(self, settling: Sequence[OneOffSpec], known: Mapping[str, list[str]]) -> Continuation:
        """Return how it goes on; `settling` goes on the next invoice, `known` are the price ids by terms."""
        now = self._now()
        invoiced = bills_after(self.told, self.today)
        now = replace(now, prorates=leaves_to_stripe(self.contract) and invoiced)
        rest = self.told.phases[running_phase(self.told, self.today) + 1 :]
        told_now, *coming = self._params((replace(now, one_offs=tuple(settling)), *self._with_room(rest)))
        to_come = [self._with_foreign(phase) for phase in coming]
        breaks = bool(settling) or not self._runs(now, told_now)
        if breaks:
            sent = [self._ended_now(), {**told_now, "start_date": "now"}, *to_come]
        else:
            sent = [self._kept(told_now), *to_come]
        changes = tuple(self._changes(told_now, to_come, breaks=breaks))
        phases = tuple(reuse_prices(phase, known, self.terms) for phase in sent)
        proration = str(told_now["proration_behavior"]) if breaks else "none"
        spec = self._spec(now, rest, settling, breaks=breaks)
        return Continuation(phases, spec, now, changes, breaks, proration)

    def _with_room(self, rest: Iterable[PhaseSpec]) -> list[PhaseSpec]:
        """Return the phases to come that Stripe has room for today (compile/window.py has cut the resource)."""
        last = cast("list[Params]", self.resource.params["phases"])[-1]
        return [phase for phase in rest if phase.period.end <= cast("date", last["end_date"])]

    def changes_interval(self) -> bool:
        """Tell whether what should run has another billing interval: Stripe would begin its cycle anew."""
        return {item.terms.interval for item in self._now().items} != self._intervals()

    def _now(self) -> PhaseSpec:
        """Return what should run from now on.

        A period that was cut short, or goes on for longer, keeps the interval in which it began: as long as nothing is
        billed any more in this phase, an interval says nothing, and another one would begin Stripe's cycle anew.
        """
        now = running_from(self.told, self.contract, self.today)
        intervals = self._intervals()
        priced_here = all(item.terms.unit_amount is not None and not item.terms.usage for item in now.items)
        if len(intervals) != 1 or not priced_here or self._bills_in(now) or not self._ends_with(now):
            return now
        (interval,) = intervals
        items = (replace(item, terms=replace(item.terms, interval=interval)) for item in now.items)
        return replace(now, items=tuple(items))

    def _ends_with(self, now: PhaseSpec) -> bool:
        """Tell whether the cycle ends with a phase: nothing follows, or what follows begins one of its own."""
        following = next((phase for phase in self.told.phases if phase.period.start == now.period.end), None)
        return following.restarts_cycle if following else not self.told.open

    def _bills_in(self, now: PhaseSpec) -> bool:
        bills = schedule_bills(self.told, self.held.made)
        days = {charge.day for bill in bills for charge in bill.charges if charge.recurring}
        return any(self.today < day < now.period.end for day in days)

    def _intervals(self) -> set[Interval]:
        return {item.terms.interval for item in self.held.stretches[self.held.running].items}

    def _params(self, phases: Sequence[PhaseSpec]) -> list[Params]:
        spec = replace(self.told, phases=tuple(phases))
        built = schedule_resource(self.contract, spec, PriceBook(self.contract, (self.told,)))
        return cast("list[Params]", built.params["phases"])

    def _runs(self, now: PhaseSpec, told_now: Params) -> bool:
        """Tell whether what should run from now on is what runs."""
        told, held = self._substance(told_now), self._substance(self.held.current)
        stretch = self.held.stretches[self.held.running]
        anchor = anchor_on(self.told, self.today)
        left = [
            (item, discounts_left(item.discounts, max(item.line.start, stretch.start), self.today, anchor))
            for item in stretch.items
        ]
        whole = discounts_left(stretch.discounts, stretch.start, self.today, anchor)
        given = [(item, item.discounts) for item in now.items]
        return (
            told == {name: value for name, value in held.items() if name in told}
            and _items(told_now, given, self.terms) == _items(self.held.current, left, self.terms)
            and _worth(now.discounts) == _worth(whole)
        )

    def _substance(self, phase: Json | Params) -> Mapping[str, Json]:
        left_out = _CIRCUMSTANCES | {"items", "discounts"}
        return {name: value for name, value in canonical(phase).items() if name not in left_out}

    def _ended_now(self) -> Params:
        """Return the running phase as it was, ended now."""
        return {**_sent_back(self.held.current), "end_date": "now"}

    def _kept(self, told_now: Params) -> Params:
        """Return the running phase going on: its beginning stays as it was, names and end are as told."""
        held = _sent_back(self.held.current)
        began = {name: held[name] for name in _CIRCUMSTANCES & held.keys() if name not in {"end_date", "metadata"}}
        kept = {name: value for name, value in told_now.items() if name not in _CIRCUMSTANCES - {"end_date"}}
        named = {"metadata": self._names(told_now, held), "items": self._kept_items(told_now, held)}
        discounts = {"discounts": held["discounts"]} if "discounts" in held else {}
        return {**held, **kept, **began, **named, **discounts}

    def _kept_items(self, told_now: Params, held: Params) -> Value:
        """Return the items as they run, under the names they are told by."""
        told: dict[str, list[Params]] = defaultdict(list)
        for item in cast("list[Params]", told_now["items"]):
            told[self._said(item)].append(item)
        running = cast("list[Params]", held["items"])
        return [{**old, "metadata": self._names(told[self._said(old)].pop(0), old)} for old in running]

    def _said(self, item: Params) -> str:
        (bare,) = by_terms({"phases": [{"items": [canonical(item)]}]}, self.terms)["phases"][0]["items"]
        return dump({name: value for name, value in bare.items() if name not in {"metadata", "discounts"}})

    def _names(self, told: Params, held: Params) -> Value:
        """Return metadata as told; what others have added to it stays."""
        prefix = self.contract.policies.metadata_prefix
        ours = cast("Mapping[str, Value]", told.get("metadata", {}))
        theirs = cast("Mapping[str, Value]", held.get("metadata", {}))
        return {**{name: value for name, value in theirs.items() if not name.startswith(prefix)}, **ours}

    def _with_foreign(self, phase: Params) -> Params:
        """Return a phase to come with what others have set on the one that begins on the same day."""
        start = canonical(phase)["start_date"]
        held: Json = next((old for old in self.held.coming if old["start_date"] == start), {})
        return {**{name: value for name, value in _sent_back(held).items() if name not in _OURS}, **phase}

    def _changes(self, told_now: Params, to_come: Sequence[Params], *, breaks: bool) -> Iterable[Change]:
        """Yield what is different, phases numbered as Stripe holds them."""
        number = self.held.running
        before = by_terms({"phases": list(self.held.phases)}, self.terms)["phases"]
        after = by_terms(canonical({"phases": cast("Value", [told_now, *to_come])}), self.terms)["phases"]
        current, wanted = before[number], after[0]
        if breaks:
            yield Change(f"phases.{number}.end_date", current["end_date"], "now")
            beginning = {"start_date", "proration_behavior", "billing_cycle_anchor"}
            run = {name: value for name, value in current.items() if name not in {*beginning, "add_invoice_items"}}
            new = {name: value for name, value in wanted.items() if name not in beginning}
            yield from diff(new, run, f"phases.{number + 1}")
        else:
            same = {name: value for name, value in wanted.items() if name in {"end_date", "metadata"}}
            yield from diff(same, current, f"phases.{number}")
            yield from _item_names(wanted, current, self.terms, f"phases.{number}.items")
        shift = number + 1 + breaks
        coming = before[number + 1 :]
        for index in range(max(len(coming), len(after) - 1)):
            old = coming[index] if index < len(coming) else None
            told = after[index + 1] if index + 1 < len(after) else None
            if told is None or old is None:
                yield Change(f"phases.{shift + index}", old, told)
            else:
                yield from diff(_sorted(told), _sorted(old), f"phases.{shift + index}")

    def _spec(
        self, now: PhaseSpec, rest: Sequence[PhaseSpec], settling: Sequence[OneOffSpec], *, breaks: bool
    ) -> ScheduleSpec:
        before = self.held.stretches[: self.held.running]
        current = self.held.stretches[self.held.running]
        tomorrow = day_after(self.today)
        if breaks:
            cut = replace(current, end=max(current.start, tomorrow))
            due = tuple(replace(one_off, due=self.today) for one_off in settling)
            running: tuple[Stretch, ...] = (cut, replace(stretch_of(now, tomorrow), one_offs=due))
        else:
            running = (replace(current, end=now.period.end),)
        following = (stretch_of(phase) for phase in rest)
        return spec_of(self.told.key, self.told.currency, (*before, *running, *following))


def bills_alike(told: ScheduleSpec, goes_on: ScheduleSpec, made: date, today: date) -> bool:
    """Tell whether what recurs after today is billed on the days and for the amounts that are told, by product.

    Not by line: one that is exchanged for another at the same price goes on as it runs.
    """
    return _recurring(told, made, today) == _recurring(goes_on, made, today)


def _recurring(spec: ScheduleSpec, made: date, today: date) -> Mapping[tuple[date, str], int]:
    products = {item.line.ref: item.line.product.ref for phase in spec.phases for item in phase.items}
    sums: dict[tuple[date, str], int] = defaultdict(int)
    for charge in (c for bill in schedule_bills(spec, made) for c in bill.charges):
        if charge.recurring and charge.day > today:
            sums[charge.day, products[charge.line]] += charge.net
    return sums


def _items(
    phase: Json | Params, given: Iterable[tuple[ItemSpec, Sequence[Discount]]], terms: Terms
) -> list[tuple[str, object]]:
    items = by_terms({"phases": [canonical(phase)]}, terms)["phases"][0]["items"]
    said = ({k: v for k, v in item.items() if k not in {"metadata", "discounts"}} for item in items)
    worth = (_worth(discounts) for _, discounts in given)
    return sorted((dump(item), discounts) for item, discounts in zip(said, worth, strict=True))


def _worth(discounts: Iterable[Discount]) -> tuple[tuple[str, ...], ...]:
    return tuple((_figure(d.percent), _figure(d.amount), d.duration, str(d.months)) for d in discounts)


def _figure(value: Decimal | None) -> str:
    """Return a number in its one spelling: what Stripe says has other decimals than the CRM's."""
    return "" if value is None else f"{plain(value):f}"


def _item_names(wanted: Json, current: Json, terms: Terms, path: str) -> Iterable[Change]:
    """Yield items that run as told under other names (metadata)."""
    del terms
    before, after = _sorted(current)["items"], _sorted(wanted)["items"]
    for index, (old, new) in enumerate(zip(before, after, strict=True)):
        yield from diff(new.get("metadata", {}), old.get("metadata", {}), f"{path}.{index}.metadata")


def differences(desired: Json, existing: Json) -> tuple[Change, ...]:
    """Return how parameters differ; the order of the items of a phase says nothing, so it is no difference."""
    changes = tuple(diff(desired, existing))
    if not changes or not all(isinstance(one, Mapping) and "phases" in one for one in (desired, existing)):
        return changes
    told, held = ({**one, "phases": [_sorted(phase) for phase in one["phases"]]} for one in (desired, existing))
    return changes if any(diff(told, held)) else ()


def _sorted(phase: Json) -> Json:
    """Return a phase with its items and one-offs in an order of their own: Stripe keeps none."""
    ordered = {name: sorted(phase[name], key=_order) for name in ("items", "add_invoice_items") if name in phase}
    return {"items": [], **phase, **ordered}


def _order(item: Json) -> tuple[str, str, str]:
    said = {name: value for name, value in item.items() if name not in {"metadata", "discounts"}}
    return dump(said), dump(item.get("metadata", {})), dump(item.get("discounts", []))


def _sent_back(value: Json, name: str = "") -> Params:
    return cast("Params", _parameter(value, name))


def _parameter(value: Json, name: str) -> Value:
    """Return what Stripe said as parameters that say the same."""
    if isinstance(value, Mapping):
        if "$ref" in value:
            kind, _, ref = value["$ref"].partition("/")
            return Ref(Key(kind, ref))
        return {key: _parameter(entry, key) for key, entry in value.items()}
    if isinstance(value, list):
        return [_parameter(entry, name) for entry in value]
    return as_sent_back(value) if name in _DATES and isinstance(value, str) else cast("Value", value)
