"""What Stripe holds for one contract, as a plan changes it and time goes on. No HTTP, no code of the connector's edges.

It takes operations as they are planned, and answers what a look at Stripe would show. Days are UTC; whatever is done on
a day is done at noon or later, after the invoices of that day.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from connector.compile.resource import DesiredState, Key
from connector.plan.canonical import canonical, dump
from connector.plan.existing import RETIRED, ExistingObject, ExistingState, InvoiceFact
from connector.plan.operation import Create, End, Operation, Retire, Update
from tests.oracle.running import Billed, Phase, RefusedError, Running, half_up, take_off


@dataclass
class Linked:
    """A schedule under one of our keys. `retired`: the contract stands for it no more."""

    key: Key
    schedule: Running
    said: Any
    retired: bool = False


@dataclass
class StandIn:
    """An account of Stripe, with the names that a journal remembers."""

    now: datetime
    prefix: str = "salesforce_"
    objects: dict[Key, ExistingObject] = field(default_factory=dict)
    linked: list[Linked] = field(default_factory=list)
    prices: dict[str, Any] = field(default_factory=dict)
    settled: list[Billed] = field(default_factory=list)
    invoiced: dict[str, tuple[date, int]] = field(default_factory=dict)
    credited: dict[str, int] = field(default_factory=dict)
    writes: int = 0

    @property
    def today(self) -> date:
        """Return the day."""
        return self.now.date()

    def go_to(self, day: date) -> None:
        """Let time pass to noon of a day, or a minute more if it is that day already."""
        while self.today < day:
            self.now = datetime.combine(self.today + timedelta(days=1), time())
            for one in self.linked:
                one.schedule.midnight(self.today)
        self.now = max(self.now + timedelta(minutes=1), datetime.combine(day, time(12)))

    def apply(self, operations: Iterable[Operation]) -> None:
        """Carry out operations. Raises RefusedError where Stripe would not."""
        for operation in operations:
            self.writes += 1
            match operation:
                case Create(key, params, desired):
                    self._create(key, canonical(params), canonical(desired))
                case Update(key, _, params, desired):
                    self._update(key, canonical(params), canonical(desired))
                case Retire(key, _, verb, params) | End(key, _, verb, params):
                    assert verb == "cancel", verb
                    one = self._of(key)
                    one.schedule.cancel(self.now, invoice_now=bool(params.get("invoice_now")))
                    one.retired = isinstance(operation, Retire)

    def observe(self, desired: DesiredState) -> ExistingState:
        """Return what a look at all of it shows."""
        wanted = {resource.key for resource in desired.resources}
        found = {key: held for key, held in self.objects.items() if key in wanted or ":settlement:" in key.name}
        for one in self.linked:
            if not one.retired:
                found[one.key] = self._shown(one, wanted)
            else:
                found[Key(one.key.kind, f"{one.key.name}{RETIRED}")] = self._shown(one, wanted)
        known = {
            key: held for key, held in self.objects.items() if key.kind in {"price", "coupon"} and key not in wanted
        }
        return ExistingState(found, known=known, invoices=tuple(self._invoices()))

    def made(self) -> date | None:
        """Return the day on which the first of the schedules that still count was made."""
        return min((one.schedule.made.date() for one in self.linked if not one.retired), default=None)

    def bills(self) -> list[Billed]:
        """Return everything billed and given back so far."""
        return [*(line for one in self.linked for line in one.schedule.billed), *self.settled]

    def waiting(self) -> list[Billed]:
        """Return what waits for invoices to come."""
        return [line for one in self.linked for line in one.schedule.owing()]

    def lost(self) -> list[Any]:
        """Return what was pending when its schedule was canceled, and was on no invoice."""
        return [entry for one in self.linked for entry in one.schedule.lost]

    def _of(self, key: Key) -> Linked:
        return next(one for one in reversed(self.linked) if one.key == key and not one.retired)

    def _create(self, key: Key, params: Any, desired: Any) -> None:
        if key.kind != "subscription_schedule":
            self.objects[key] = ExistingObject(f"{key.kind}_{len(self.objects)}", desired)
            if key.kind == "price":
                self.prices[self.objects[key].id] = params
            self._settle(key, params, desired)
            return
        start = datetime.fromisoformat(params["start_date"])
        phases, begins = [], start
        for said in params["phases"]:
            phases.append(self._phase(said, begins))
            begins = phases[-1].end
        schedule = Running(
            id=f"sub_sched_{len(self.linked)}",
            made=self.now,
            phases=phases,
            anchor=start,
            rate=self._rate,
            coupon=self._coupon,
            classic=params["billing_mode"]["type"] == "classic",
        )
        if start <= self.now:
            schedule.begin(self.now)
        self.linked.append(Linked(key, schedule, {k: v for k, v in params.items() if k != "phases"}))

    def _update(self, key: Key, params: Any, desired: Any) -> None:
        if key.kind != "subscription_schedule":
            self.objects[key] = ExistingObject(self.objects[key].id, desired)
            return
        one = self._of(key)
        phases, begins = [], None
        for said in params["phases"]:
            start = said.get("start_date")
            phases.append(self._phase(said, self._moment(start) if start else begins))
            begins = phases[-1].end
        one.schedule.replace(phases, self.now)
        one.said |= {name: value for name, value in params.items() if name != "phases"}

    def _moment(self, text: str) -> datetime:
        return self.now if text == "now" else datetime.fromisoformat(text)

    def _phase(self, said: Any, start: datetime | None) -> Phase:
        assert start is not None
        phase = Phase(start, self._moment(said["end_date"]), self._read(said), start)
        if phase.end < phase.start:
            msg = f"a phase ends at {phase.end}, before it starts at {phase.start}"
            raise RefusedError(msg)
        return phase

    def _read(self, said: Any) -> Any:
        items = [self._item(item) for item in said["items"]]
        names = [repr(item["_price"]) for item in items]
        if len(names) != len(set(names)):
            msg = "one price in two items of a phase"
            raise RefusedError(msg)
        kept = {name: value for name, value in said.items() if name not in {"start_date", "end_date"}}
        once = [self._once(entry) for entry in said.get("add_invoice_items", [])]
        return {**kept, "items": items, "add_invoice_items": once}

    def _item(self, item: Any) -> Any:
        """Return an item with its price found: under an id of its own if it came with its terms."""
        if "price_data" in item:
            stripe_id = f"price_i{len(self.prices)}"
            self.prices[stripe_id] = item["price_data"]
        else:
            named = item["price"]
            stripe_id = self.objects[_key(named)].id if isinstance(named, dict) else named
        price = self.prices[stripe_id]
        kept = {name: value for name, value in item.items() if name not in {"price", "price_data"}}
        product = price["product"]["$ref"].partition("/")[2]
        return {**kept, "_price": stripe_id, "_recurring": price["recurring"], "_product": product}

    def _once(self, entry: Any) -> Any:
        if "price_data" in entry:
            stripe_id = f"price_o{len(self.prices)}"
            self.prices[stripe_id] = entry["price_data"]
        else:
            stripe_id = entry["price"]
        return {**entry, "price_data": self.prices[stripe_id], "_price": stripe_id}

    def _rate(self, item: Any, units: int) -> Fraction:
        price = self.prices[item["_price"]]
        if price["recurring"].get("usage_type") == "metered":
            return Fraction(0)
        if "tiers" not in price:
            return Fraction(Decimal(price["unit_amount_decimal"])) * units
        return rated(price["tiers"], price["tiers_mode"], units)

    def _coupon(self, named: Any) -> Any:
        key = _key(named) if isinstance(named, dict) else Key("coupon", named)
        return self.objects[key].params

    def _shown(self, one: Linked, wanted: Iterable[Key]) -> ExistingObject:
        schedule, names = one.schedule, set(wanted)
        ids: dict[str, list[str]] = {}
        phases = [self._show(phase, ids, names) for phase in schedule.phases]
        running = schedule.status == "active"
        params = {
            "end_behavior": one.said["end_behavior"],
            "metadata": one.said.get("metadata", {}),
            "default_settings": one.said.get("default_settings", {}),
            "phases": phases,
            "price_ids": ids,
        }
        return ExistingObject(
            schedule.id,
            params,
            status=schedule.status,
            current_start=schedule.at(self.now).start.date() if running else None,
            made=schedule.made.date(),
            ended=schedule.ended.date() if schedule.status == "canceled" and schedule.ended else None,
            subscription=f"sub_{schedule.id}" if schedule.status != "not_started" else None,
        )

    def _show(self, phase: Phase, ids: dict[str, list[str]], names: set[Key]) -> Any:
        said = phase.said
        found = {
            **said,
            "start_date": _told(phase.start),
            "end_date": _told(phase.end),
            "items": [self._show_item(item, ids, names) for item in said["items"]],
            "add_invoice_items": [self._show_once(entry, ids, names) for entry in said["add_invoice_items"]],
            "discounts": _coupons(said, names),
        }
        return {name: value for name, value in found.items() if value not in (None, [], {})}

    def _show_item(self, item: Any, ids: dict[str, list[str]], names: set[Key]) -> Any:
        price = self.prices[item["_price"]]
        kept = {name: value for name, value in item.items() if not name.startswith("_")}
        kept = {**kept, "discounts": _coupons(item, names)}
        if "tiers" in price or price["recurring"].get("usage_type") == "metered":
            kept["price"] = {"$ref": f"price/{price['lookup_key']}"}
        else:
            kept["price_data"] = _terms(price, ("currency", "product", "recurring", "unit_amount_decimal"))
            _note(ids, kept["price_data"], item["_price"])
        return {name: value for name, value in kept.items() if value not in (None, [], {})}

    def _show_once(self, entry: Any, ids: dict[str, list[str]], names: set[Key]) -> Any:
        kept = {name: value for name, value in entry.items() if not name.startswith("_") and name != "price"}
        kept = {**kept, "discounts": _coupons(entry, names)}
        _note(ids, kept["price_data"], entry["_price"])
        return {name: value for name, value in kept.items() if value not in (None, [], {})}

    def _settle(self, key: Key, params: Any, desired: Any) -> None:
        """Note what an object bills or gives back by itself."""
        shares = dict(desired.get("settles", {})) if isinstance(desired, Mapping) else {}
        if key.kind == "invoice_lines":
            before = sum(line.amount for line in self.settled)
            for entry in params["lines"]:
                data = entry["price_data"]
                amount = half_up(Fraction(Decimal(data["unit_amount_decimal"])) * (entry.get("quantity") or 1))
                for given in entry.get("discounts", []):
                    (amount,) = take_off([amount], [True], self._coupon(given["coupon"]))
                product = data["product"]["$ref"].partition("/")[2]
                self.settled.append(Billed(self.today, _line(entry), product, amount, recurring=False))
            total = sum(line.amount for line in self.settled) - before
            self.invoiced[f"in_{key.name}"] = (self.today, total)
        elif key.kind in {"balance_credit", "credit_note"}:
            amount = params["amount"] if key.kind == "balance_credit" else -params["amount"]
            assert sum(shares.values()) == amount, (shares, amount)
            self.settled += [Billed(self.today, line, "", share, recurring=False) for line, share in shares.items()]
            if key.kind == "credit_note":
                self.credited[params["invoice"]] = self.credited.get(params["invoice"], 0) - amount

    def _invoices(self) -> Iterator[InvoiceFact]:
        for name, (day, total) in self.invoiced.items():
            yield _fact(name, day, total - self.credited.get(name, 0))
        for one in self.linked:
            days: dict[date, int] = {}
            for line in one.schedule.billed:
                days[line.day] = days.get(line.day, 0) + line.amount
            for day, total in days.items():
                name = f"in_{one.schedule.id}_{day}"
                yield _fact(name, day, total - self.credited.get(name, 0))


def _fact(name: str, day: date, left: int) -> InvoiceFact:
    return InvoiceFact(name, day, creditable=max(left, 0), refundable=max(left, 0))


def rated(tiers: Any, mode: str, units: int) -> Fraction:
    """Return what units cost in tiers."""
    total, below = Fraction(0), 0
    for tier in tiers:
        top = units if tier["up_to"] == "inf" else min(tier["up_to"], units)
        last = tier["up_to"] == "inf" or units <= tier["up_to"]
        counted = units if mode == "volume" else top - below
        if (mode == "graduated" and counted > 0) or (mode == "volume" and last):
            total += Fraction(Decimal(tier.get("unit_amount_decimal", "0"))) * counted
            total += Fraction(Decimal(tier.get("flat_amount_decimal", "0")))
        if last:
            break
        below = top
    return total


def _key(reference: Any) -> Key:
    kind, _, name = reference["$ref"].partition("/")
    return Key(kind, name)


def _terms(price: Any, names: Iterable[str]) -> Any:
    found = {name: price[name] for name in names}
    return {**found, "recurring": {name: price["recurring"][name] for name in ("interval", "interval_count")}}


def _note(ids: dict[str, list[str]], data: Any, stripe_id: str) -> None:
    used = ids.setdefault(dump(data), [])
    if stripe_id not in used:
        used.append(stripe_id)


def _coupons(holder: Any, names: set[Key]) -> Any:
    found = []
    for given in holder.get("discounts", []):
        named = given["coupon"]
        key = _key(named) if isinstance(named, dict) else Key("coupon", named)
        found.append({"coupon": {"$ref": str(key)} if key in names else key.name})
    return found


def _told(moment: datetime) -> str:
    return moment.date().isoformat() if moment.time() == time() else moment.isoformat()


def _line(entry: Any) -> str:
    return next((str(v) for k, v in entry.get("metadata", {}).items() if k.endswith("order_item_id")), "")
