"""A recording put to the emulator, exchange by exchange: what was compared, what differs, what could not be asked."""

from collections import Counter
from dataclasses import dataclass, field

from tests.corpus.exchanges import Exchange
from tests.corpus.exchanges_differences import Difference, Reason, reason_for
from tests.corpus.exchanges_facts import Facts, error_facts, facts_of
from tests.corpus.exchanges_replay import NotRepeatableError, Replay, Reply
from tests.corpus.recordings import Recording


@dataclass
class Comparison:
    """What came of one recording."""

    compared: list[Exchange] = field(default_factory=list)
    unexplained: list[Difference] = field(default_factory=list)
    explained: list[tuple[Difference, Reason]] = field(default_factory=list)
    skipped: list[tuple[Exchange, str]] = field(default_factory=list)

    @property
    def reasons(self) -> Counter[str]:
        """Count the exchanges that each reason is needed for."""
        return Counter(text for text, _ in {(reason.text, one.exchange.number) for one, reason in self.explained})


_DONE: dict[str, Comparison] = {}


def compare_exchanges(recording: Recording) -> Comparison:
    """Repeat a recording, once, and compare every answer about a schedule, a subscription or an invoice."""
    if recording.name not in _DONE:
        _DONE[recording.name] = _compare(recording)
    return _DONE[recording.name]


def _compare(recording: Recording) -> Comparison:
    result = Comparison()
    with Replay(recording) as replay:
        for exchange in replay.exchanges:
            try:
                reply = replay.repeat(exchange)
            except NotRepeatableError as error:
                result.skipped.append((exchange, str(error)))
                continue
            if exchange.compared:
                result.compared.append(exchange)
                _sort(result, differences(replay, exchange, reply))
    return result


def _sort(result: Comparison, found: list[Difference]) -> None:
    for difference in found:
        reason = reason_for(difference)
        if reason:
            result.explained.append((difference, reason))
        else:
            result.unexplained.append(difference)


def differences(replay: Replay, exchange: Exchange, reply: Reply) -> list[Difference]:
    """Compare two answers, fact by fact, by what the recording says."""
    if exchange.status != reply.status:
        return [Difference(exchange, "HTTP status", exchange.status, (reply.status, reply.body.get("error")))]
    theirs, ours = _facts(replay, exchange, reply)
    return [
        Difference(exchange, name, value, ours.get(name, "nothing"))
        for name, value in theirs.items()
        if value != ours.get(name, "nothing")
    ]


def _facts(replay: Replay, exchange: Exchange, reply: Reply) -> tuple[Facts, Facts]:
    if exchange.status != 200:
        return error_facts(exchange.answer), error_facts(reply.body)
    theirs = facts_of(exchange.answer, lambda ident: replay.ids.get(ident, ident), replay.their_terms)
    ours = facts_of(reply.body, lambda ident: ident, replay.our_terms)
    if "events" in theirs:  # a page among those of others, and what they are about was cut out of the recording
        ours["events"] = [row for row in theirs["events"] if row in ours["events"]]
    return theirs, ours
