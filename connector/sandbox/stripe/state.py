"""What an account holds: objects, clocks, events, idempotent answers. One `Tenant` per API key.

Objects are kept in the very shape of the vendor's JSON; keys that begin with `_` are the emulator's own notes and never
leave it. A write is undone when its request fails half way (`Tenant.undoing`).
"""

from __future__ import annotations

import copy
import heapq
import threading
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import count
from typing import TYPE_CHECKING, Any

from connector.sandbox.stripe.errors import missing_object

if TYPE_CHECKING:
    from collections.abc import Iterator

Object = dict[str, Any]
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
PREFIXES = {
    "customer": "cus_",
    "product": "prod_",
    "price": "price_",
    "coupon": "",
    "discount": "di_",
    "subscription": "sub_",
    "subscription_item": "si_",
    "subscription_schedule": "sub_sched_",
    "invoice": "in_",
    "line_item": "il_",
    "invoiceitem": "ii_",
    "event": "evt_",
    "webhook_endpoint": "we_",
    "tax_id": "txi_",
    "customer_balance_transaction": "cbtxn_",
    "test_helpers.test_clock": "clock_",
    "billing.meter": "mtr_",
    "payment_method": "pm_",
    "credit_note": "cn_",
    "credit_note_line_item": "cnli_",
    "refund": "re_",
    "request": "req_",
    "secret": "whsec_",
}
NOUNS = {
    "subscription_schedule": "subscription schedule",
    "invoiceitem": "invoice item",
    "webhook_endpoint": "webhook endpoint",
    "tax_id": "tax ID",
    "test_helpers.test_clock": "test clock",
    "billing.meter": "meter",
    "subscription_item": "subscription item",
    "payment_method": "PaymentMethod",
    "credit_note": "credit note",
    "customer_balance_transaction": "customer balance transaction",
}


@dataclass(frozen=True, slots=True, order=True)
class Due:
    """Something that happens at a moment; at equal moments a lower rank comes first."""

    at: int
    rank: int
    number: int
    kind: str = field(compare=False)
    ref: str = field(compare=False)


RANKS = {"transition": 0, "cancel": 1, "cycle": 2, "finalize": 3, "overdue": 4}


class Clock:
    """A clock with an agenda: the tenant's own (real or frozen) or one test clock."""

    def __init__(self, ident: str | None = None, frozen: int | None = None) -> None:
        self.ident = ident
        self.frozen = frozen
        self.agenda: list[Due] = []
        self._made = count(1)

    def now(self) -> int:
        """Read the clock, in whole seconds."""
        return int(time.time()) if self.frozen is None else self.frozen

    def copied(self) -> Clock:
        """Copy the clock with its agenda."""
        copied = copy.copy(self)
        copied.agenda = list(self.agenda)
        return copied

    def plan(self, kind: str, at: int, ref: str) -> None:
        """Note that something is due; handlers ignore notes that no longer apply."""
        heapq.heappush(self.agenda, Due(at, RANKS[kind], next(self._made), kind, ref))

    def pop_due(self, until: int) -> Due | None:
        """Take the next thing due until a moment."""
        if self.agenda and self.agenda[0].at <= until:
            return heapq.heappop(self.agenda)
        return None


@dataclass(slots=True)
class Stored:
    """An idempotent answer: the parameters it belongs to, and the response once there is one."""

    fingerprint: str
    request_id: str
    at: int
    status: int = 0
    body: bytes = b""


class Tenant:
    """One account in test mode, separate from all others."""

    def __init__(self, key: str, frozen: int | None = None) -> None:
        self.key = key
        self.livemode = "_live_" in key
        self.lock = threading.RLock()
        self.clock = Clock(frozen=frozen)
        self.clocks: dict[str, Clock] = {}
        self.objects: dict[str, dict[str, Object]] = {kind: {} for kind in PREFIXES}
        self._owned: dict[tuple[str, str], dict[str, None]] = {}
        self.answers: dict[str, Stored] = {}
        self.request: Object = {"id": None, "idempotency_key": None}
        self._numbers: Counter[str] = Counter()
        self._undo: list[tuple[str, str, Object | None]] | None = None

    # --- objects --------------------------------------------------------------------------------------

    def new_id(self, kind: str) -> str:
        """Make an identifier; the same key and order of calls give the same ones."""
        self._numbers[kind] += 1
        digest = blake2b(f"{self.key}/{kind}/{self._numbers[kind]}".encode(), digest_size=16).digest()
        number, letters = int.from_bytes(digest, "big"), ""
        for _ in range(8 if kind == "coupon" else 18):
            number, digit = divmod(number, 62)
            letters += ALPHABET[digit]
        return PREFIXES[kind] + letters

    def add(self, kind: str, made: Object) -> Object:
        """Keep a new object."""
        self._remember(kind, made["id"], None)
        self._put(kind, made)
        return made

    def touch(self, kind: str, ident: str) -> Object:
        """Fetch an object in order to change it."""
        found = self.objects[kind][ident]
        self._remember(kind, ident, found)
        return found

    def drop(self, kind: str, ident: str) -> Object:
        """Remove an object."""
        self._remember(kind, ident, self.objects[kind][ident])
        return self._pop(kind, ident)

    def get(self, kind: str, ident: str, param: str, *, status: int = 400) -> Object:
        """Fetch an object a request refers to, or refuse the request."""
        found = self.objects[kind].get(ident)
        if found is None:
            raise missing_object(NOUNS.get(kind, kind), ident, param, status=status)
        return found

    def all(self, kind: str) -> Iterator[Object]:
        """Walk over the objects of a kind, newest first."""
        return reversed(self.objects[kind].values())

    def of(self, kind: str, customer: str) -> list[Object]:
        """Find the objects of a kind that belong to a customer, newest first."""
        return [self.objects[kind][ident] for ident in reversed(self._owned.get((kind, customer), {}))]

    def _put(self, kind: str, made: Object) -> None:
        self.objects[kind][made["id"]] = made
        if isinstance(made.get("customer"), str):
            self._owned.setdefault((kind, made["customer"]), {})[made["id"]] = None

    def _pop(self, kind: str, ident: str) -> Object:
        gone = self.objects[kind].pop(ident)
        self._owned.get((kind, str(gone.get("customer"))), {}).pop(ident, None)
        return gone

    # --- time -----------------------------------------------------------------------------------------

    def clock_of(self, owner: Object) -> Clock:
        """Find the clock an object lives on."""
        return self.clocks[owner["test_clock"]] if owner.get("test_clock") else self.clock

    def copied(self) -> Tenant:
        """Copy the account with all its clocks, for trying something out."""
        copied = Tenant(self.key, self.clock.now())
        copied.objects = copy.deepcopy(self.objects)
        copied.clock.agenda = list(self.clock.agenda)
        copied.clocks = {ident: clock.copied() for ident, clock in self.clocks.items()}
        copied._numbers = self._numbers.copy()
        copied._owned = {owner: dict(idents) for owner, idents in self._owned.items()}
        return copied

    # --- undoing --------------------------------------------------------------------------------------

    @contextmanager
    def undoing(self) -> Iterator[None]:
        """Take back everything added, touched or dropped inside when an exception leaves the block."""
        self._undo = []
        try:
            yield
        except BaseException:
            for kind, ident, before in reversed(self._undo):
                self._restore(kind, ident, before)
            raise
        finally:
            self._undo = None

    def _remember(self, kind: str, ident: str, before: Object | None) -> None:
        if self._undo is not None:
            self._undo.append((kind, ident, copy.deepcopy(before)))

    def _restore(self, kind: str, ident: str, before: Object | None) -> None:
        if before is not None:
            self._put(kind, before)
        elif ident in self.objects[kind]:
            self._pop(kind, ident)
