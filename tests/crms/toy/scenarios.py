"""What the conformance suite and the shared scenarios need of the toy CRM: people who work in it, and a writer."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, timedelta
from types import MappingProxyType
from typing import Any

from connector.crm.kinds import Connecting
from connector.crm.protocol import ConnectedCrm, FieldPaths, WriteBack
from connector.domain.period import add_months
from connector.mapping.raw import RawContract
from connector.offline import bundled_mapping, read_mapping
from connector.retry import retry_policy
from connector.sandbox.http import FaultRule
from tests.crm.conftest import NOW
from tests.crms.toy.adapter import ToyCrm
from tests.crms.toy.emulator import KEY, Toy
from tests.scenarios.shared.sales import Change, Quantities, Sale


class ToySite:
    """A toy CRM with contracts in it."""

    paths: FieldPaths = read_mapping(bundled_mapping("tests.crms.toy")).paths
    paged: Mapping[str, Any] = MappingProxyType({"page": 1})
    many = 3
    logs_in = True
    unknown = ("sales", "nothing_like_it")

    def __init__(self, running: ExitStack, count: int, **options: Any) -> None:
        self.toy = running.enter_context(Toy(now=NOW - timedelta(hours=1), **options))
        self.contracts: Sequence[str] = [self._sale(number) for number in range(1, count + 1)]
        self.amendment = self._sale(count + 1, root=self.contracts[-1], start="2027-07-01")
        self.toy.clock.set(NOW)

    def _sale(self, number: int, **values: str) -> str:
        customer = self.toy.put("customers", name=f"Customer {number}", email="a@toy.example", country="US")
        known: dict[str, Any] = {
            "customer": customer,
            "currency": "USD",
            "start": "2027-01-01",
            "end": "2028-01-01",
            "won": True,
        }
        sale = self.toy.put("sales", **{**known, **values})
        for _ in range(2):
            self.toy.put("lines", sale=sale, product="Seat", quantity=5, price=10, every=1)
        return sale

    def _line(self, contract: str) -> str:
        return next(key for key, row in self.toy.tables["lines"].items() if row["sale"] == contract)

    def crm(self) -> ConnectedCrm:
        connecting = Connecting("toy", {"url": self.toy.url}, {"key": KEY})
        return ToyCrm(connecting, policy=retry_policy(sleep=lambda _: None))

    def requests(self) -> int:
        return len(self.toy.log)

    def advance(self, **by: float) -> None:
        self.toy.clock.advance(timedelta(**by))

    def edit(self, contract: str) -> None:
        self.toy.put("sales", contract, day=f"Day {self.requests()}")

    def edit_line(self, contract: str) -> None:
        self.toy.put("lines", self._line(contract), quantity=7)

    def edit_late(self, contract: str) -> None:
        self.toy.put("sales", contract, 30.0, day="late")

    def lock(self, contract: str) -> None:
        self.toy.locked.add(contract)

    def expire(self) -> None:
        self.toy.expire()

    def exhaust(self) -> None:
        self.break_next("status", status=429, body={"error": "slow down"})

    def delete(self, contract: str) -> None:
        self.toy.delete("sales", contract)

    def delete_line(self, contract: str) -> None:
        self.toy.delete("lines", self._line(contract))

    def merge_payers(self, contract: str, other: str) -> None:
        sales = self.toy.tables["sales"]
        lost, kept = sales[contract]["customer"], sales[other]["customer"]
        self.toy.put("sales", contract, customer=kept)
        self.toy.delete("customers", lost)

    def payer(self, raw: RawContract) -> str:
        found = raw.records.follow(raw.root, "Customer")
        return str(found.fields["name"]) if found else ""

    def edited(self, raw: RawContract) -> object:
        return raw.root.fields.get("day")

    def break_next(self, action: str, **more: Any) -> None:
        self.toy.inject(FaultRule(route="/api/", action=action, **more))

    def write(self, contract: str, text: str) -> WriteBack:
        return WriteBack("sales", contract, {"note": text})

    def bad_write(self, contract: str) -> WriteBack:
        return WriteBack("sales", contract, {"mrr": "many"})

    def written(self, contract: str) -> object:
        return self.toy.tables["sales"][contract].get("note")

    def link(self, contract: str) -> str:
        return f"/{contract}"

    def nobody(self) -> str:
        return "s999"


@dataclass(frozen=True)
class Written:
    """A sale as it stands in the toy CRM."""

    sale: Sale
    toy: Toy
    ref: str
    lines: Mapping[str, str]

    def change(self, change: Change) -> str:
        """Put a change of quantities into it: a sale of the differences, as an order of signed lines."""
        assert isinstance(change, Quantities), "the toy CRM only sells more and less"
        made = _sale(self.toy, self.sale, change.on, root=self.ref)
        for item in self.sale.items:
            more = int(change.new[item.key]) - int(item.quantity)
            _line(self.toy, made, item, quantity=more, start=change.on, revises=self.lines[item.key])
        return made


def write(toy: Toy, sale: Sale) -> Written:
    """Put a sale into the toy CRM."""
    first = _sale(toy, sale, sale.start, root="")
    lines = {item.key: _line(toy, first, item, quantity=int(item.quantity), start=item.start) for item in sale.items}
    return Written(sale, toy, first, lines)


def _sale(toy: Toy, sale: Sale, start: date | None, *, root: str) -> str:
    assert sale.customer
    assert sale.start
    payer = toy.put("customers", name=sale.customer.name, email=sale.customer.email, country="US")
    end = add_months(sale.start, sale.months or 12)
    return toy.put(
        "sales",
        root=root,
        customer=payer,
        currency=sale.currency,
        start=start.isoformat() if start else None,
        end=end.isoformat(),
        won=sale.won,
    )


def _line(toy: Toy, sale: str, item: Any, *, quantity: int, start: date, revises: str = "") -> str:
    return toy.put(
        "lines",
        sale=sale,
        product=item.product.key.title(),
        quantity=quantity,
        price=float(item.net),
        every=item.product.every,
        start=start.isoformat(),
        end=item.end.isoformat(),
        revises=revises or None,
    )


SITE = ToySite
