"""What is wrong just now: the journal's facts held against the limits of [alerts]. Texts name ids, never people."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from connector.alerts.audit import Checked
from connector.config import AlertsConfig
from connector.reports.facts import Breaker, Facts, Signals
from connector.reports.reports import Look, drift, failures, windows
from connector.reports.row import Row, at_stake, in_words

_NAMED = 5
#: So many findings of a reconcile are counted; more are as bad.
_MOST = 10_000


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that is wrong: of a kind, on a connection ("" for all), since when, how often, and what in words."""

    kind: str
    connection: str
    since: datetime
    count: int
    what: str


def conditions_of(look: Look, signals: Signals, limits: AlertsConfig) -> Iterator[Condition]:
    """Yield what is wrong on one connection."""
    facts, now = look.facts, look.facts.now
    rows = list(failures(look))
    yield from _of_rows(
        "bug", facts, [row for row in rows if row.kind == "bug"], ("failed in a way nobody foresaw",) * 2
    )
    yield from _old(facts, rows, timedelta(hours=limits.failure_hours))
    yield from _of_rows(
        "window_short",
        facts,
        _short(look),
        ("has fewer phases in Stripe than it should", "have fewer phases in Stripe than they should"),
    )
    edited = list(drift(look))
    yield from _of_rows("drift", facts, edited, ("was edited in Stripe by hand", "were edited in Stripe by hand"))
    yield from _reconcile(look, {row.contract for row in edited})
    yield from _dead(facts, signals.dead(facts.connection) if signals.dead else {}, rows)
    yield from _lag(facts, timedelta(minutes=limits.lag_minutes))
    oldest = facts.intents.oldest
    if oldest is not None and now - oldest > timedelta(hours=limits.intent_hours):
        count = facts.intents.count
        what = "1 write to Stripe has no answer" if count == 1 else f"{count} writes to Stripe have no answer"
        yield Condition("open_intents", facts.connection, oldest, facts.intents.count, what)
    if facts.found is not None and facts.found.count:
        what = f"the last sweep found what no poll had seen: {facts.found.count}"
        yield Condition("found_by_sweep", facts.connection, facts.found.at, facts.found.count, what)


def conditions_of_all(
    breakers: Iterable[Breaker], audit: Checked | None, limits: AlertsConfig, now: datetime
) -> Iterator[Condition]:
    """Yield what is wrong beyond a connection: vendors that are away, the audit chain."""
    for one in breakers:
        if now - one.since > timedelta(minutes=limits.breaker_minutes):
            connection = "" if one.connection == "*" else one.connection
            yield Condition("breaker_open", connection, one.since, 1, f"{one.vendor} is away: {one.reason}")
    if audit is not None and audit.problem is not None:
        yield Condition("audit_broken", "", audit.at, 1, f"the audit chain is broken: {audit.problem}")


def _of_rows(kind: str, facts: Facts, rows: list[Row], words: tuple[str, str]) -> Iterator[Condition]:
    if rows:
        since = min((row.since for row in rows if row.since), default=facts.now)
        stake = in_words(at_stake(rows))
        said = _contracts(len(rows), words)
        what = f"{said}: {_named(rows)}{f'; at stake {stake}' if stake else ''}"
        yield Condition(kind, facts.connection, since, len(rows), what)


def _old(facts: Facts, rows: list[Row], limit: timedelta) -> Iterator[Condition]:
    old = [row for row in rows if row.since and facts.now - row.since > limit]
    yield from _of_rows(
        "old_failure",
        facts,
        old,
        (f"is not right for more than {_hours(limit)}", f"are not right for more than {_hours(limit)}"),
    )


def _short(look: Look) -> list[Row]:
    """Return the windows whose alarm day has come, not those that are a day late."""
    alarmed = {issue.record for issue in look.facts.short}
    return [row for row in windows(look) if row.record in alarmed]


def _reconcile(look: Look, edited: Collection[str | None]) -> Iterator[Condition]:
    """Yield what the last reconcile found, but for edits that wait for a decision already: those are told as drift."""
    standing = look.desk.account.journal.findings(look.desk.name, limit=_MOST)
    found = [one for one in standing if one.kind != "edited" or one.contract_key not in edited]
    if found:
        what = "1 schedule in Stripe is" if len(found) == 1 else f"{len(found)} schedules in Stripe are"
        named = ", ".join(f"{one.subject} {one.kind}" for one in found[:_NAMED])
        more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
        since = min(one.found_at for one in found)
        words = f"{what} not what was applied: {named}{more}"
        yield Condition("reconcile", look.desk.name, since, len(found), words)


def _dead(facts: Facts, dead: Mapping[str, int], rows: list[Row]) -> Iterator[Condition]:
    if count := sum(dead.values()):
        since = min((row.since for row in rows if row.kind in dead and row.since), default=facts.now)
        said = _contracts(count, ("waits for people", "wait for people"))
        classes = ", ".join(f"{number} {kind}" for kind, number in sorted(dead.items()) if number)
        yield Condition("dead_letters", facts.connection, since, count, f"{said}: {classes}")


def _lag(facts: Facts, limit: timedelta) -> Iterator[Condition]:
    late = [one for one in facts.cursors if facts.now - one.updated_at > limit]
    if late and facts.paused is None:
        since = min(one.updated_at for one in late)
        what = f"the CRM was read last {_hours(facts.now - since)} ago, at {since:%Y-%m-%d %H:%M} UTC"
        yield Condition("lag", facts.connection, since, len(late), what)
    elif facts.waits is not None and facts.now - facts.waits > limit and facts.paused is None:
        what = f"what was to be looked at at {facts.waits:%Y-%m-%d %H:%M} UTC still waits"
        yield Condition("lag", facts.connection, facts.waits, 1, what)


def _contracts(count: int, words: tuple[str, str]) -> str:
    return f"1 contract {words[0]}" if count == 1 else f"{count} contracts {words[1]}"


def _named(rows: list[Row]) -> str:
    names = ", ".join(row.record for row in rows[:_NAMED])
    return f"{names} and {len(rows) - _NAMED} more" if len(rows) > _NAMED else names


def _hours(span: timedelta) -> str:
    minutes = span.total_seconds() / 60
    return f"{minutes:.0f} minutes" if minutes < 120 else f"{minutes / 60:.0f} hours"
