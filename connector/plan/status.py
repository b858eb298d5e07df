"""What the CRM is told about a contract: one pure function, so that no path can forget it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType

from connector.compile.spec import PhaseSpec
from connector.domain.issues import Issue, IssueCode, blocking
from connector.domain.money import to_major
from connector.plan.plan import Plan
from connector.plan.safety import Judgement, Verdict

#: Statuses of their own, of issues that leave everything as it is until somebody has looked.
_STATUS = {IssueCode.IN_PLACE_EDIT: "Needs review"}

#: Longest text of a status field in the CRM (Text Area 255).
TEXT = 255


@dataclass(frozen=True, slots=True)
class Ids:
    """Stripe's ids of a contract, by slot: "schedule.id", "customer.id", "link"; per line: "product.id", "price.id"."""

    contract: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    lines: Mapping[str, Mapping[str, str]] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class CrmStatus:
    """Values by status slot; the mapping's write_back section says which CRM field each goes to."""

    values: Mapping[str, object]
    lines: Mapping[str, Mapping[str, str]]
    look_again: date | None = None
    """The day on which the contract is worth a look although nothing changes in the CRM."""

    @property
    def failed(self) -> bool:
        """Tell whether people have to do something."""
        return self.values["status"] in {"Blocked", "Failed", "Pending", *_STATUS.values()}


def crm_status(
    plan: Plan | None, issues: tuple[Issue, ...], judgement: Judgement | None, ids: Ids, today: date
) -> CrmStatus:
    """Return what to write: "Synced" with ids and dates, "Blocked" with the reason and remedy, "Pending" approval."""
    problems = blocking(issues)
    status, message, remedy = _words(problems, issues, judgement)
    values: dict[str, object] = {
        **ids.contract,
        "status": status,
        "message": shorten(message),
        "remedy": shorten(remedy),
        "code": problems[0].code.value if problems else _asked(issues, judgement),
        "fingerprint": plan.fingerprint if plan and not problems else None,
    }
    values["explanation"] = _explanation(message, remedy)
    if plan and status == "Synced":
        values |= {"inputs": plan.contract.inputs, "contract": plan.contract.ref}
    look_again = None
    if plan and plan.desired and not problems:
        values |= _progress(plan, today)
        days = (values.get("next_change"), plan.desired.look_again, *(one.extend for one in plan.desired.windows))
        look_again = min((day for day in days if isinstance(day, date)), default=None)
    return CrmStatus(values, ids.lines, look_again)


def failed_status(message: str, remedy: str, ids: Ids) -> CrmStatus:
    """Return the status after something outside refused: the ids that exist are told all the same."""
    words = {"status": "Failed", "message": shorten(message), "remedy": shorten(remedy), "code": "NOT_CONVERGED"}
    values = {**ids.contract, **words, "explanation": _explanation(message, remedy)}
    return CrmStatus(values, ids.lines)


def unexpected_status(what: str) -> CrmStatus:
    """Return the status of a contract that met a bug: people see that it is stuck, and that it is not their fault."""
    message = f"UNEXPECTED: {what}."
    remedy = "Nothing to correct here: whoever runs the connector has the details in its log."
    words = {"status": "Failed", "message": message, "remedy": remedy, "code": "UNEXPECTED"}
    return CrmStatus({**words, "explanation": _explanation(message, remedy)}, {})


def _explanation(message: str, remedy: str) -> str:
    return f"{message} {remedy}".strip()


def shorten(words: str, limit: int = TEXT) -> str:
    """Cut text to a CRM field's length, at the end, with an ellipsis."""
    return words if len(words) <= limit else f"{words[: limit - 1].rstrip()}…"


def _words(problems: tuple[Issue, ...], issues: tuple[Issue, ...], judgement: Judgement | None) -> tuple[str, str, str]:
    if problems:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        status = _STATUS.get(problems[0].code, "Blocked")
        return status, f"{problems[0].code.value}: {problems[0].message}{more}", problems[0].remedy
    if judgement and judgement.verdict is Verdict.NEEDS_APPROVAL:
        return "Pending", f"waiting for approval: {'; '.join(judgement.reasons)}", "Ask the billing team to approve it."
    notes = "; ".join(f"{issue.code.value}: {issue.message}" for issue in issues)
    return "Synced", notes, issues[0].remedy if issues else ""


def _asked(issues: tuple[Issue, ...], judgement: Judgement | None) -> str | None:
    """Return the code of what a plan asks about, where there is one."""
    asks = judgement is not None and judgement.verdict is Verdict.NEEDS_APPROVAL
    return IssueCode.DRIFT.value if asks and any(one.code is IssueCode.DRIFT for one in issues) else None


def _progress(plan: Plan, today: date) -> dict[str, object]:
    if plan.desired is None or not plan.desired.schedules:
        return {}
    phases = [phase for schedule in plan.desired.schedules for phase in schedule.phases]
    labelled = [phase for phase in phases if phase.segment_label]
    current = [p for p in labelled if p.period.start <= today < p.period.end]
    running = [phase for phase in phases if phase.period.start <= today < phase.period.end]
    later = sorted(phase.period.start for phase in phases if phase.period.start > today)
    first = [phase for phase in phases if later and phase.period.start == later[0]]
    return {
        "segment_count": len({phase.segment_label for phase in labelled}) or None,
        "current_segment": current[0].segment_label if current else None,
        "current_segment_index": current[0].segment_index if current else None,
        "next_change": later[0] if later else None,
        "mrr": _mrr(running or first, plan.contract.currency),
    }


def _mrr(phases: list[PhaseSpec], currency: str) -> Decimal:
    """Return monthly recurring revenue in major units: what the running items bill in a month."""
    monthly = Fraction(0)
    for item in (item for phase in phases for item in phase.items):
        if item.terms.unit_amount is None or item.quantity is None:
            continue
        monthly += Fraction(item.terms.unit_amount) * item.quantity / item.terms.interval.months
    return to_major(monthly, currency)
