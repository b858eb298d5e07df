"""The sweep: what the CRM has against what was looked at, id by id. What no poll has told is looked at.

It reads ids and stamps of all contract records, page by page, and asks nothing else about those that stand as they were
handled. A deep sweep looks at every known contract beside that: a change that touches neither the record nor a line of
it (an association, the name of a customer, a product) has no stamp of its own.
"""

from collections import Counter
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from connector.crm.protocol import ContractRef
from connector.desk import Desk, Result, Stop
from connector.journal import Stamp
from connector.poll import sync_refs
from connector.stamps import SWEEP, Handled, read_cursor

#: Among the counts of a sweep's run: records that no poll had told.
FOUND = "found_by_sweep"
_PAGE = 1_000
#: Outcomes that another look may better although the CRM has not changed.
_UNSETTLED = frozenset({"waiting", "busy"})


@dataclass(frozen=True, slots=True)
class Sweep:
    """The figures of the last sweep; `found` are records that a poll should have told, and `found_ever` adds up.

    `read` records are in the CRM; of these `changed` had another stamp, and `mapping` were read by another mapping
    file; `gone` ones were there before. `deep_at` is when every contract was looked at.
    """

    at: datetime
    read: int
    found: int
    changed: int
    mapping: int
    gone: int
    found_ever: int
    deep_at: datetime | None


def last_sweep(desk: Desk) -> Sweep | None:
    """Return the figures of the last sweep that was finished."""
    stored = desk.account.journal.cursor(desk.name, SWEEP)
    if stored is None:
        return None
    value = stored.value
    deep_at = datetime.fromisoformat(value["deep_at"]) if value["deep_at"] else None
    return Sweep(**{**value, "at": datetime.fromisoformat(value["at"]), "deep_at": deep_at})


def sweep(desk: Desk, *, job: str, config_hash: str, deep: bool = False, stop: Stop | None = None) -> Generator[Result]:
    """Sync what differs from what was handled, what is gone, and with `deep` every contract that is known.

    The figures are kept when it is done: `last_sweep`. Told to `stop`, it remembers nothing: the next one begins anew.
    """
    walk = Walk(desk, deep=deep)
    refs, counts = walk.refs(), walk.told
    for result in sync_refs(desk, refs, job=job, config_hash=config_hash, counts=counts, pass_over=True, stop=stop):
        walk.take(result)
        yield result
    if stop is None or not stop.is_set():
        walk.finish()


class Walk:
    """One sweep: `refs` is what to look at, while the CRM is read; `take` each result; `finish` once all is done.

    Whoever has the contracts looked at by others takes no results: `finish` once they were asked for.
    """

    def __init__(self, desk: Desk, *, deep: bool) -> None:
        self._desk = desk
        self._journal = desk.account.journal
        self._deep = deep
        self._started = desk.clock()
        self._polled = read_cursor(desk)
        self._handled = Handled(desk, {})
        self._gone: dict[str, str] = {}
        self._again: set[str] = set()
        self._counts: Counter[str] = Counter()
        self.told = Counter({FOUND: 0})

    def refs(self) -> Iterator[ContractRef]:
        """Yield what is to be looked at, while the CRM is read."""
        yielded: set[str] = set()
        for record in self._worth_a_look():
            if record not in yielded:
                yielded.add(record)
                yield ContractRef(self._desk.name, record)

    def take(self, result: Result) -> None:
        """Take note of a result."""
        self._handled.add(result)
        if result.outcome in _UNSETTLED:
            self._again.update(record.record.id for record in result.planned.raw.revisions)
            self._again.add(result.planned.raw.root.id)

    def finish(self) -> None:
        """Remember what was looked at; what could not be settled differs at the next sweep again."""
        for record in self._again:
            self._handled.stamps.pop(record, None)
        self._handled.save()
        self._journal.forget_stamps(
            self._desk.name, (record for record, root in self._gone.items() if root not in self._again)
        )
        before = last_sweep(self._desk)
        deep_at = self._started if self._deep else before.deep_at if before else None
        figures = {
            "at": self._started.isoformat(),
            **{name: self._counts[name] for name in ("read", "found", "changed", "mapping", "gone")},
            "found_ever": (before.found_ever if before else 0) + self._counts["found"],
            "deep_at": deep_at.isoformat() if deep_at else None,
        }
        self._journal.save_cursor(self._desk.name, SWEEP, figures, self._desk.clock())

    def _worth_a_look(self) -> Iterator[str]:
        for page in self._desk.crm.stamps():
            yield from self._differing(page)
        for record, root in self._lost():
            self._counts["gone"] += 1
            self._gone[record] = root
            yield root
        if self._deep:
            yield from self._known()

    def _differing(self, page: Mapping[str, datetime]) -> Iterator[str]:
        known = self._journal.stamps(self._desk.name, page)
        self._journal.mark_swept(self._desk.name, page, self._started)
        self._counts["read"] += len(page)
        for record, stamp in page.items():
            why = self._difference(known.get(record), stamp)
            if why is None:
                continue
            self._counts[why] += 1
            if why != "mapping" and self._should_have_been_told(stamp):
                self._counts["found"] += 1
                self.told[FOUND] += 1
            self._handled.stamps[record] = stamp
            yield record

    def _difference(self, known: Stamp | None, stamp: datetime) -> str | None:
        if known is None or known.stamp is None:
            return "new"
        if known.stamp != stamp:
            return "changed"
        return "mapping" if known.mapping != self._desk.mapping.hash else None

    def _should_have_been_told(self, stamp: datetime) -> bool:
        """Tell whether no poll will read a stamp any more."""
        again = self._polled.again if self._polled else None
        return again is not None and stamp < again

    def _lost(self) -> Iterator[tuple[str, str]]:
        after = ""
        while page := self._journal.lost_records(self._desk.name, self._started, after=after, limit=_PAGE):
            yield from page
            after = page[-1][0]

    def _known(self) -> Iterator[str]:
        after = ""
        while page := self._journal.contract_states(self._desk.name, after=after, limit=_PAGE):
            yield from (state.record for state in page if state.outcome != "skipped")
            after = page[-1].contract_key
