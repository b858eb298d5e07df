"""Reconcile: all schedules of the Stripe account against what was applied last, in pages of a hundred.

What looks as if somebody had changed it is looked at once more, whole and with the contract as it is in the CRM; only
then it is a finding. Nothing is repaired: findings stand in the journal until they are gone, and people decide.
"""

import hashlib
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from connector.billing.listing import Answer, Linked, linked, schedule_pages
from connector.crm.protocol import ContractRef
from connector.desk import Desk, Planned
from connector.domain.errors import RetryableError
from connector.domain.issues import IssueCode
from connector.drift import ignored_by
from connector.journal import Finding, Link
from connector.plan.canonical import digest
from connector.plan.diff import Change
from connector.plan.drift import Edit, differences_from_applied, edits_in_words
from connector.stamps import RECONCILE
from connector.sync import plan_contracts

_PAGE = 500
#: Statuses in which a schedule bills, or will.
_BILLS = frozenset({"active", "not_started"})
#: Statuses that somebody has given a schedule by hand, unless it was over by then.
_STOPPED = frozenset({"canceled", "released"})
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What a reconcile read: schedules in Stripe, links they were held against, contracts that were looked at.

    `findings` stand now, by connection; `fresh` are those of them that stood not before.
    """

    schedules: int
    links: int
    suspects: int
    findings: Mapping[str, tuple[Finding, ...]]
    fresh: Mapping[str, tuple[Finding, ...]]


@dataclass(frozen=True, slots=True)
class _Suspect:
    """A schedule that is not what was applied; it is no finding before the contract was looked at."""

    kind: str
    subject: str
    contract_key: str
    detail: str
    mark: str
    """How the schedule was found; what explains it does so as long as it is found so."""


@dataclass(slots=True)
class _Met:
    """Ids that were met, eight bytes each: a hundred thousand schedules take less than a megabyte."""

    marks: "array[int]" = field(default_factory=lambda: array("Q"))

    def add(self, stripe_id: str) -> None:
        self.marks.append(_bytes_of(stripe_id))

    def sort(self) -> None:
        self.marks = array("Q", sorted(self.marks))

    def __contains__(self, stripe_id: str) -> bool:
        mark = _bytes_of(stripe_id)
        at = bisect_left(self.marks, mark)
        return at < len(self.marks) and self.marks[at] == mark


def _bytes_of(stripe_id: str) -> int:
    return int.from_bytes(hashlib.blake2b(stripe_id.encode(), digest_size=8).digest())


def reconcile(desks: Sequence[Desk], *, stopped: Callable[[], bool] = lambda: False) -> Reconciled:
    """Compare all schedules with the journal. All desks bill into one Stripe account, which is read once.

    Raises RetryableError when a vendor is away, or when it is told to stop, which it asks between two pages and between
    two contracts; findings of before then stand as they were.
    """
    walk = _Walk(desks, stopped)
    walk.read_schedules()
    walk.look_for_missing()
    for desk in desks:
        walk.confirm(desk)
    return walk.finish()


class _Walk:
    def __init__(self, desks: Sequence[Desk], stopped: Callable[[], bool]) -> None:
        self._desks = desks
        self._stopped = stopped
        self._started = {desk.name: desk.clock() for desk in desks}
        self._suspects: dict[str, list[_Suspect]] = {desk.name: [] for desk in desks}
        self._found: dict[str, list[Finding]] = {desk.name: [] for desk in desks}
        self._met = _Met()
        self._counts: Counter[str] = Counter()

    def read_schedules(self) -> None:
        """Read every page once, and hold it against the journal of every desk."""
        for page in schedule_pages(self._desks[0].account.api):
            self._go_on()
            self._counts["schedules"] += len(page)
            known: set[str] = set()
            for desk in self._desks:
                found = linked(page, desk.account.journal, desk.name, desk.account.zone)
                known |= found.keys()
                self._compare(desk, found.values())
            self._look_for_unknown(answer for answer in page if answer["id"] not in known)

    def look_for_missing(self) -> None:
        """Go through the links of every desk: what was applied before the reading began must have been met."""
        self._met.sort()
        for desk in self._desks:
            for link in _schedule_links(desk):
                self._counts["links"] += 1
                if link.stripe_id not in self._met and link.created_at <= self._started[desk.name]:
                    words = f"Stripe lists no schedule {link.stripe_id}"
                    self._suspects[desk.name].append(_Suspect("missing", link.stripe_id, link.contract_key, words, ""))

    def confirm(self, desk: Desk) -> None:
        """Look at the contracts of what is suspected, each once; what the look explains is no finding."""
        suspects: dict[str, list[_Suspect]] = {}
        for suspect in self._suspects[desk.name]:
            suspects.setdefault(suspect.contract_key, []).append(suspect)
        states = desk.account.journal.contracts(desk.name, suspects)
        records = {states[key].record if key in states else key: key for key in suspects}
        refs = [ContractRef(desk.name, record) for record in records]
        explained: dict[str, str] = {}
        for one in plan_contracts(desk, refs, live=True):
            self._go_on()
            key = records.get(one.raw.root.id, one.raw.key)
            suspected = suspects.pop(key, [])
            found = tuple(_confirmed(desk, one, suspected))
            for kind, subject, detail in found:
                self._find(desk, kind, subject, key, detail)
            if not found:
                explained |= {each.subject: each.mark for each in suspected if each.mark}
        desk.account.journal.save_cleared(desk.name, explained)
        for left in (suspect for several in suspects.values() for suspect in several):  # the CRM has no such contract
            self._find(desk, left.kind, left.subject, left.contract_key, left.detail)

    def finish(self) -> Reconciled:
        """Keep the findings and figures; what was not met again is put right, and dropped."""
        fresh: dict[str, tuple[Finding, ...]] = {}
        for desk in self._desks:
            found = self._found[desk.name]
            fresh[desk.name] = desk.account.journal.replace_findings(desk.name, found)
            counts = Counter(finding.kind for finding in found)
            value = {"at": self._started[desk.name].isoformat(), **self._counts, "findings": dict(counts)}
            desk.account.journal.save_cursor(desk.name, RECONCILE, value, desk.clock())
        standing = {desk.name: desk.account.journal.findings(desk.name) for desk in self._desks}
        suspects = sum(len(each) for each in self._suspects.values())
        return Reconciled(self._counts["schedules"], self._counts["links"], suspects, standing, fresh)

    def _go_on(self) -> None:
        if self._stopped():
            raise RetryableError("told to stop before Stripe was reconciled")

    def _compare(self, desk: Desk, found: Collection[Linked]) -> None:
        suspects: list[_Suspect] = []
        for one in found:
            self._met.add(one.held.id)
            if one.link.retired_at is None:
                suspects += _differences(one, desk.today())
            elif one.held.status in _BILLS:
                words = "it was ended by us, and bills all the same"
                self._find(desk, "unknown", one.held.id, one.link.contract_key, words)
        cleared = desk.account.journal.cleared(desk.name, [each.subject for each in suspects])
        self._suspects[desk.name] += [each for each in suspects if cleared.get(each.subject) != each.mark]

    def _look_for_unknown(self, answers: Iterable[Answer]) -> None:
        """Report schedules that carry our metadata and bill, although no contract knows them."""
        for answer in answers:
            if answer["status"] not in _BILLS:
                continue
            for desk in self._desks:
                order = (answer.get("metadata") or {}).get(f"{desk.mapping.policies.metadata_prefix}order_id")
                if order:
                    words = f"it bills for {desk.mapping.noun} {order}, and no contract knows it"
                    self._find(desk, "unknown", str(answer["id"]), "", words)
                    break

    def _find(self, desk: Desk, kind: str, subject: str, contract_key: str, detail: str) -> None:
        at = desk.clock()
        finding = Finding(
            connection=desk.name,
            kind=kind,
            subject=subject,
            contract_key=contract_key,
            detail=detail,
            found_at=at,
            seen_at=at,
        )
        self._found[desk.name].append(finding)


def last_reconcile(desk: Desk) -> datetime | None:
    """Return when the last reconcile of a connection that was finished had begun."""
    stored = desk.account.journal.cursor(desk.name, RECONCILE)
    return datetime.fromisoformat(stored.value["at"]) if stored else None


def _schedule_links(desk: Desk) -> Iterator[Link]:
    after = ""
    while page := desk.account.journal.kind_links(desk.name, "subscription_schedule", after=after, limit=_PAGE):
        yield from (link for link in page if link.retired_at is None)
        after = page[-1].key


def _confirmed(desk: Desk, one: Planned, suspects: Iterable[_Suspect]) -> Iterator[tuple[str, str, str]]:
    """Yield kind, subject and words of what is left of a suspicion once the contract was looked at."""
    if one.waiting is not None:
        raise RetryableError(f"Stripe could not be looked at: {one.waiting}")
    if one.plan is None:  # the records cannot be read, or Stripe refused to show the schedule
        why = next((issue.message for issue in one.issues if issue.blocks), "")
        yield from ((each.kind, each.subject, f"{each.detail}; {why}" if why else each.detail) for each in suspects)
        return
    if one.plan.edits and ignored_by(desk, one.plan) is None:
        edits: dict[str, list[Edit]] = {}
        for edit in one.plan.edits:
            edits.setdefault(edit.schedule, []).append(edit)
        yield from (("edited", schedule, edits_in_words(each)) for schedule, each in edits.items())
    over = [issue for issue in one.issues if issue.code in {IssueCode.SCHEDULE_OVER, IssueCode.LIVE_CHANGE}]
    for each in suspects:
        if over and each.kind != "missing":
            yield each.kind, each.subject, over[0].message


def _differences(one: Linked, today: date) -> Iterator[_Suspect]:
    """Yield how a schedule is not what was applied last, going by the journal alone."""
    link, held = one.link, one.held
    if held.status in _STOPPED and _last_day(link) > today.isoformat():
        words = f"it is {held.status}, and was to bill until {_last_day(link)}"
        yield _Suspect("ended", held.id, link.contract_key, words, _mark_of(one))
    elif held.status in _BILLS and (changes := differences_from_applied(held, one.terms, today)):
        yield _Suspect("edited", held.id, link.contract_key, _in_words(changes), _mark_of(one))


def _mark_of(one: Linked) -> str:
    return digest([one.link.applied_hash, one.held.status, one.held.params])


def _last_day(link: Link) -> str:
    phases = link.applied.get("phases") or [{}]
    return str(phases[-1].get("end_date") or "")[:10]


def _in_words(changes: Sequence[Change]) -> str:
    more = f"; and {len(changes) - _SHOWN} more" if len(changes) > _SHOWN else ""
    shown = (f"{one.path} is {one.before}, we had applied {one.after}" for one in changes[:_SHOWN])
    return "; ".join(shown) + more
