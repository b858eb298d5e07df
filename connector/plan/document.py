"""The plan as one JSON document (schemas/plan.schema.json): what `connector plan --json` prints.

Dates are ISO days, half-open, of the whole contract; amounts are minor units as decimal strings; products and lines are
CRM ids. The same contract gives the same document, whatever the day is, except for the parts that depend on it
(tie_out.billed, operations, verdict, and the window of a schedule with more phases than Stripe holds).
"""

from collections.abc import Mapping
from decimal import Decimal

from connector.compile.params import dig
from connector.compile.resource import DesiredState, Params, Resource
from connector.compile.schedule import schedule_key
from connector.compile.spec import InvoiceSpec, ItemSpec, OneOffSpec, ScheduleSpec, Window
from connector.domain.contract import Discount
from connector.domain.issues import Issue
from connector.domain.money import plain, round_minor, to_minor
from connector.domain.period import Period
from connector.plan.canonical import Json, canonical
from connector.plan.operation import operation_json
from connector.plan.plan import Plan
from connector.plan.projection import Bill
from connector.plan.safety import Judgement, Verdict
from connector.plan.tieout import TieOut

SCHEMA_VERSION = 1


def plan_document(plan: Plan, judgement: Judgement) -> Json:
    """Return the document of one contract; `Planned.document` adds the mapping that it was read by."""
    contract = plan.contract
    desired = plan.desired
    return {
        "schema_version": SCHEMA_VERSION,
        "mapping": None,
        "contract": {
            "key": contract.key,
            "crm": contract.crm,
            "currency": contract.currency,
            "start": contract.start.isoformat(),
            "end": contract.end.isoformat() if contract.end else None,
            "revisions": [
                {"ref": r.ref, "kind": r.kind.value, "effective": r.effective.isoformat()} for r in contract.revisions
            ],
        },
        "issues": [issue_json(issue) for issue in plan.issues],
        "schedules": [_schedule(spec, desired) for spec in desired.schedules] if desired else [],
        "invoices": [_invoice(spec, desired) for spec in desired.invoices] if desired else [],
        "cancel": None,
        "tie_out": {plan.tie_out.currency: tie_out_json(plan.tie_out)} if plan.tie_out else {},
        "billing": [_bill(bill) for bill in plan.bills if not bill.skipped],
        "operations": [operation_json(operation) for operation in plan.operations],
        "verdict": judgement.verdict.value,
        "reasons": list(judgement.reasons),
        "fingerprint": plan.fingerprint,
    }


def unreadable_document(crm: str, key: str, issues: tuple[Issue, ...]) -> Json:
    """Return the document of a contract that could not even be read: its issues, and nothing billed."""
    return {
        "schema_version": SCHEMA_VERSION,
        "mapping": None,
        "contract": {"key": key, "crm": crm, "currency": None, "start": None, "end": None, "revisions": []},
        "issues": [issue_json(issue) for issue in issues],
        "schedules": [],
        "invoices": [],
        "cancel": None,
        "tie_out": {},
        "billing": [],
        "operations": [],
        "verdict": Verdict.REFUSE.value,
        "reasons": [issue.message for issue in issues if issue.blocks],
        "fingerprint": None,
    }


def issue_json(issue: Issue) -> Json:
    """Return an issue as JSON."""
    return {
        "code": issue.code.value,
        "severity": issue.severity.value,
        "record": issue.record,
        "field": issue.field,
        "message": issue.message,
        "remedy": issue.remedy,
    }


def tie_out_json(account: TieOut) -> Json:
    """Return a tie-out as JSON; `explained` is None when there is no difference or it has no reason."""
    return {
        "crm": str(account.crm),
        "billed": str(account.billed),
        "scheduled": str(account.scheduled),
        "credited": str(account.credited),
        "difference": str(account.difference),
        "explained": account.explained,
        "reasons": [{"reason": e.reason, "amount": str(e.amount), "message": e.message} for e in account.explanations],
    }


def _schedule(spec: ScheduleSpec, desired: DesiredState) -> Json:
    resource = desired.get(schedule_key(spec))
    params: Params = resource.params if resource else {}
    held = _phases(resource)
    return {
        "key": spec.key,
        "currency": spec.currency,
        "start": spec.start.isoformat(),
        "end": spec.end.isoformat(),
        "end_behavior": spec.end_behavior,
        "collection_method": dig(params, "default_settings", "collection_method") or "charge_automatically",
        "days_until_due": dig(params, "default_settings", "invoice_settings", "days_until_due"),
        "metadata": canonical(params.get("metadata", {})),
        "phases": [
            {
                "start": phase.period.start.isoformat(),
                "end": phase.period.end.isoformat(),
                "segment_index": phase.segment_index,
                "segment_label": phase.segment_label,
                "proration_behavior": sent.get("proration_behavior"),
                "metadata": canonical(sent.get("metadata", {})),
                "discounts": [_discount(d, spec.currency) for d in phase.discounts],
                "items": [_item(i, _metadata(sent, "items", n)) for n, i in enumerate(phase.items)],
                "one_off": [_one_off(o, _metadata(sent, "add_invoice_items", n)) for n, o in enumerate(phase.one_offs)],
            }
            for phase in spec.phases
            for sent in [held.get(phase.period.end, {})]
        ],
        "window": next((window_json(one) for one in desired.windows if one.key == spec.key), None),
    }


def _phases(resource: Resource | None) -> Mapping[object, Params]:
    """Return phases as they are sent, now or later, by their end; what was over on the first day is never sent."""
    if resource is None:
        return {}
    now = resource.params.get("phases")
    phases = (*(now if isinstance(now, list) else ()), *resource.later)
    return {phase.get("end_date"): phase for phase in phases if isinstance(phase, Mapping)}


def window_json(window: Window) -> Json:
    """Return a window as JSON; until the last phase is held, the schedule ends with `release`."""
    return {
        "phases": window.phases,
        "held": window.held,
        "until": window.until.isoformat(),
        "extend": window.extend.isoformat(),
    }


def _metadata(holder: Params, name: str, index: int) -> Json:
    entries = holder.get(name)
    if not isinstance(entries, list) or index >= len(entries):
        return {}
    return canonical(dig({"entry": entries[index]}, "entry", "metadata") or {})


def _item(item: ItemSpec, metadata: Json) -> Json:
    terms = item.terms
    return {
        "product": terms.product,
        "lines": [item.line.ref],
        "quantity": item.quantity,
        "unit_amount": _amount(terms.unit_amount),
        "interval": terms.interval.unit,
        "interval_count": terms.interval.count,
        "usage_type": "metered" if terms.usage else "licensed",
        "tiers": [
            {"up_to": t.up_to, "unit_amount": _amount(t.unit_amount), "flat_amount": _amount(t.flat_amount)}
            for t in terms.tiers
        ],
        "tiers_mode": terms.tiers_mode.value if terms.tiers_mode else None,
        "discounts": [_discount(d, terms.currency) for d in item.discounts],
        "metadata": metadata,
    }


def _one_off(one_off: OneOffSpec, metadata: Json) -> Json:
    return {
        "product": one_off.line.product.ref,
        "lines": [one_off.line.ref],
        "quantity": one_off.quantity,
        "unit_amount": _amount(one_off.unit_amount),
        "reason": one_off.reason,
        "period": _period(one_off.period),
        "discounts": [d.ref for d in one_off.discounts],
        "metadata": metadata,
    }


def _invoice(spec: InvoiceSpec, desired: DesiredState) -> Json:
    lines = next((r.params for r in desired.of("invoice_lines") if r.key.name == spec.key), {})
    return {
        "key": spec.key,
        "currency": spec.currency,
        "discounts": [_discount(d, spec.currency) for d in spec.discounts],
        "lines": [_one_off(line, _metadata(lines, "lines", n)) for n, line in enumerate(spec.lines)],
    }


def _discount(discount: Discount, currency: str) -> Json:
    amount = None if discount.amount is None else str(round_minor(to_minor(discount.amount, currency)))
    return {
        "ref": discount.ref,
        "name": discount.name,
        "percent_off": None if discount.percent is None else format(plain(discount.percent), "f"),
        "amount_off": amount,
        "currency": currency if amount else None,
        "duration": discount.duration,
        "duration_in_months": discount.months,
    }


def _bill(bill: Bill) -> Json:
    return {
        "date": bill.day.isoformat(),
        "currency": bill.currency,
        "amount": str(bill.amount),
        "lines": list(dict.fromkeys(charge.line for charge in bill.charges)),
        "charges": [{"line": c.line, "text": c.text, "amount": str(c.net)} for c in bill.charges],
    }


def _period(period: Period | None) -> Json:
    return {"start": period.start.isoformat(), "end": period.end.isoformat()} if period else None


def _amount(amount: Decimal | None) -> str | None:
    return None if amount is None else format(plain(amount), "f")
