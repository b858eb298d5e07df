"""A back-fill on one page: counts, money by currency, issues by code, what it takes, and whether it may be applied.

Everything is added up from the journal's rows, in the database or page by page: memory does not grow with contracts.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from connector.crm.selection import SelectingCrm
from connector.desk import Desk
from connector.journal import Backfill, BackfillItem, BackfillTotal, Journal
from connector.plan.safety import RunScope, Verdict, check_run

_PAGE = 1_000
#: Records that are named for each issue.
EXAMPLES = 3
#: How a contract of a back-fill can end; `open` ones have not been come to yet.
OUTCOMES = ("applied", "nothing", "skipped", "refused", "pending", "failed", "waiting", "left", "open")
_TO_DO = frozenset({Verdict.APPLY.value, Verdict.NEEDS_APPROVAL.value})


@dataclass(frozen=True, slots=True)
class Money:
    """One currency's sums over contracts, in minor units. difference = sold - to_bill; `reasons` say why."""

    currency: str
    contracts: int = 0
    sold: int = 0
    to_bill: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)

    @property
    def difference(self) -> int:
        """Return what the CRM sold and Stripe will not bill."""
        return self.sold - self.to_bill


@dataclass(frozen=True, slots=True)
class IssueCount:
    """How often a code comes up, and where for example; `message` and `remedy` are those of the first."""

    code: str
    severity: str
    count: int
    records: tuple[str, ...]
    message: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Estimate:
    """What applying takes: calls, and the shortest time at the given Stripe rates. `crm_left` is None if not known."""

    stripe_reads: int
    stripe_writes: Mapping[str, int]
    crm_calls: int
    crm_left: int | None
    seconds: float

    @property
    def stripe_calls(self) -> int:
        """Return all calls to Stripe."""
        return self.stripe_reads + sum(self.stripe_writes.values())


@dataclass(frozen=True, slots=True)
class Overview:
    """The page. `selected` is the sum of `outcomes`, and of `verdicts`; `left_out` are records that are no part of it.

    Money is told by what the dry run decided (`planned_money`) and by what became of it (`money`).
    """

    backfill: Backfill
    selected: int
    left_out: Mapping[str, int]
    not_planned: int
    verdicts: Mapping[str, int]
    changes: Mapping[str, int]
    outcomes: Mapping[str, int]
    planned_money: Mapping[str, tuple[Money, ...]]
    money: Mapping[str, tuple[Money, ...]]
    writes: int
    issues: tuple[IssueCount, ...]
    estimate: Estimate


def overview(desk: Desk, backfill: Backfill, *, rates: tuple[float, float]) -> Overview:
    """Add everything up; `rates` are Stripe requests a second in all, and for one endpoint."""
    journal = desk.account.journal
    totals = [total for total in journal.item_totals(backfill.id) if total.state != "left_out"]
    planned = [total for total in totals if total.state != "selected"]
    walk = _walk(journal, backfill)
    outcomes = _counts(planned, lambda total: total.outcome or "open")
    return Overview(
        backfill=backfill,
        selected=sum(total.count for total in planned),
        left_out=journal.left_out_reasons(backfill.id),
        not_planned=sum(total.count for total in totals if total.state == "selected"),
        verdicts=_counts(planned, lambda total: total.verdict or ""),
        changes=_counts((total for total in planned if total.verdict in _TO_DO), lambda total: total.change or ""),
        outcomes={outcome: outcomes.get(outcome, 0) for outcome in OUTCOMES},
        planned_money=walk.money_by(0),
        money=walk.money_by(1),
        writes=sum(total.writes for total in planned if total.state == "done"),
        issues=walk.issues(),
        estimate=_estimate(desk, backfill, sum(total.count for total in planned), rates),
    )


def judge(desk: Desk, backfill: Backfill) -> bool:
    """End the dry run: judge all of it as one run, and name it. False when another process did."""
    journal = desk.account.journal
    totals = [total for total in journal.item_totals(backfill.id) if total.verdict in _TO_DO]
    known = sum(journal.contract_counts(desk.name).values())
    everything = journal.count_items(backfill.id, "planned")
    scope = RunScope(
        contracts=max(known, everything),
        changed=sum(total.count for total in totals if total.change in {"changed", "ended", "adopted"}),
        terminations=sum(total.count for total in totals if total.change == "ended"),
    )
    reasons = check_run(scope, desk.limits)
    verdict = Verdict.NEEDS_APPROVAL if reasons else Verdict.APPLY if totals else Verdict.NOTHING
    return journal.end_dry_run(
        backfill.id, digest=digest_of(journal, backfill), verdict=verdict.value, reasons=reasons, now=desk.clock()
    )


def digest_of(journal: Journal, backfill: Backfill) -> str:
    """Return the name of all that the dry run shows: every contract's plan, and the mapping that made it."""
    found = sha256(f"{backfill.connection} {backfill.mapping_hash}\n".encode())
    for item in all_items(journal, backfill, states=("planned", "done")):
        shown = (item.record, item.contract_key, item.fingerprint, item.verdict, item.billed_through)
        found.update(f"{' '.join(str(part) for part in shown)}\n".encode())
    return found.hexdigest()


def all_items(journal: Journal, backfill: Backfill, *, states: Sequence[str] = ()) -> Iterator[BackfillItem]:
    """Yield every item by record, a page at a time."""
    after = ""
    while page := journal.items(backfill.id, states=states, after=after, limit=_PAGE):
        yield from page
        after = page[-1].record


@dataclass(slots=True)
class _Walk:
    """What going through all contracts once adds up: issues by severity and code, money by verdict and outcome."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    told: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    records: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    money: dict[tuple[str, str, str], Money] = field(default_factory=dict)

    def add(self, item: BackfillItem) -> None:
        """Add a contract; it counts once for each code."""
        if item.currency:
            place = (item.verdict or "", item.outcome or "open", item.currency)
            one = Money(item.currency, 1, item.sold or 0, item.to_bill or 0, item.differences or {})
            self.money[place] = _sum(self.money.get(place), one)
        for key, issue in {(str(each["severity"]), str(each["code"])): each for each in item.issues or ()}.items():
            self.counts[key] += 1
            self.told.setdefault(key, (str(issue["message"]), str(issue["remedy"])))
            if len(known := self.records.setdefault(key, [])) < EXAMPLES:
                known.append(item.root or item.record)

    def issues(self) -> tuple[IssueCount, ...]:
        """Return the issues, blocking ones first, the most frequent first."""
        ranked = sorted(self.counts, key=lambda key: (key[0], -self.counts[key], key[1]))
        return tuple(
            IssueCount(
                code,
                severity,
                self.counts[severity, code],
                tuple(self.records[severity, code]),
                *self.told[severity, code],
            )
            for severity, code in ranked
        )

    def money_by(self, place: int) -> dict[str, tuple[Money, ...]]:
        """Return sums by verdict (0) or outcome (1), then by currency."""
        found: dict[str, dict[str, Money]] = {}
        for key, money in sorted(self.money.items()):
            mine = found.setdefault(key[place], {})
            mine[money.currency] = _sum(mine.get(money.currency), money)
        return {name: tuple(some[currency] for currency in sorted(some)) for name, some in sorted(found.items())}


def _walk(journal: Journal, backfill: Backfill) -> _Walk:
    walk = _Walk()
    for item in all_items(journal, backfill, states=("planned", "done")):
        walk.add(item)
    return walk


def _sum(known: Money | None, more: Money) -> Money:
    if known is None:
        return more
    reasons = Counter(known.reasons)
    reasons.update(more.reasons)
    return Money(
        more.currency,
        known.contracts + more.contracts,
        known.sold + more.sold,
        known.to_bill + more.to_bill,
        dict(reasons),
    )


def _counts(totals: Iterable[BackfillTotal], name: Callable[[BackfillTotal], str]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for total in totals:
        found[name(total)] += total.count
    return dict(sorted(found.items()))


def _estimate(desk: Desk, backfill: Backfill, contracts: int, rates: tuple[float, float]) -> Estimate:
    """Estimate: what the dry run read is read again, what was planned is written, the CRM is told of every contract."""
    reads, writes = int(backfill.calls.get("stripe", 0)), dict(backfill.calls.get("write", {}))
    total, endpoint = rates
    slowest = max(writes.values(), default=0) / endpoint
    return Estimate(
        stripe_reads=reads,
        stripe_writes=dict(sorted(writes.items())),
        crm_calls=int(backfill.calls.get("crm", 0)) + contracts,
        crm_left=desk.crm.quota().left if isinstance(desk.crm, SelectingCrm) else None,
        seconds=max((reads + sum(writes.values())) / total, slowest),
    )
