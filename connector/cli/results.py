"""What a run says at its end: one line for people, a code for scripts, a row per contract for programs."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from connector.cli.exits import Exit
from connector.cli.output import say
from connector.plan.document import issue_json, tie_out_json
from connector.sync import Result

_WORDS = {
    "applied": "applied",
    "nothing": "unchanged",
    "skipped": "not active or on hold",
    "refused": "refused",
    "pending": "waiting for approval",
    "failed": "failed",
    "waiting": "to be tried again",
    "busy": "held by another process",
}


def print_summary(results: Sequence[Result]) -> None:
    """Print how many contracts ended how."""
    counts = Counter(result.outcome for result in results)
    writes = sum(result.writes for result in results)
    parts = [f"{number} {_WORDS.get(outcome, outcome)}" for outcome, number in counts.items()]
    say(f"{', '.join(parts) or 'no contracts'}; {writes} Stripe writes.")


def exit_code(results: Sequence[Result]) -> int:
    """Return the code of a run: the worst that happened, or PARTIAL when others went through."""
    outcomes = {result.outcome for result in results}
    bad = outcomes & {"refused", "failed", "waiting"}
    if bad and outcomes - bad:
        return Exit.PARTIAL
    for outcome, code in (("waiting", Exit.REMOTE), ("failed", Exit.REMOTE), ("refused", Exit.INVALID)):
        if outcome in bad:
            return code
    if "pending" in outcomes:
        return Exit.APPROVAL
    return Exit.BUSY if "busy" in outcomes else Exit.OK


def result_json(result: Result) -> Any:
    """Return one contract of a run as JSON."""
    plan = result.planned.plan
    return {
        "contract": result.planned.raw.key,
        "outcome": result.outcome,
        "writes": result.writes,
        "error": result.error,
        "fingerprint": plan.fingerprint if plan else None,
        "mapping": result.planned.reading.mapping[1] if result.planned.reading.mapping else None,
        "tie_out": {plan.tie_out.currency: tie_out_json(plan.tie_out)} if plan and plan.tie_out else {},
        "issues": [issue_json(issue) for issue in result.planned.issues],
        "status": {key: None if value is None else str(value) for key, value in result.status.values.items()}
        if result.status
        else None,
    }
