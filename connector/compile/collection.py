"""How lines are paid (`collection_method`): as the contract's settings say, or in a way of their own.

Stripe has it as a setting of a schedule, a phase or an invoice, never of an item. What is paid in another way than the
rest of its contract is therefore billed apart (`parts.py`).
"""

from collections.abc import Iterable, Mapping

from connector.compile.params import merge_extras
from connector.compile.resource import Value
from connector.domain.contract import Charge, CollectionMethod, Contract, Line

_AUTOMATIC: CollectionMethod = "charge_automatically"


def usual_method(contract: Contract) -> CollectionMethod:
    """Return how lines are paid that say nothing of their own: as the mapping sets it, or charged automatically."""
    settings: Value = merge_extras({}, contract.extras.get("subscription_schedule", ())).get("default_settings")
    if all(line.charge is Charge.ONE_TIME for line in contract.lines):
        settings = merge_extras({}, contract.extras.get("invoice", ()))
    said = settings.get("collection_method") if isinstance(settings, Mapping) else None
    return "send_invoice" if said == "send_invoice" else _AUTOMATIC


def methods_of(contract: Contract) -> Mapping[str, CollectionMethod]:
    """Return how each line is paid, by its ref. A change is paid as what it changes."""
    usual, lines = usual_method(contract), {line.ref: line for line in contract.lines}
    return {ref: _root(line, lines).collection_method or usual for ref, line in lines.items()}


def varies(contract: Contract) -> bool:
    """Tell whether any line says how it is paid; few contracts have one."""
    return any(line.collection_method for line in contract.lines)


def paid_alike(line: Line, lines: Iterable[Line], contract: Contract) -> list[Line]:
    """Return those of some lines that are paid as a line is."""
    methods = methods_of(contract) if varies(contract) else {}
    return [one for one in lines if methods.get(one.ref) == methods.get(line.ref)]


def shared_method(contract: Contract, refs: Iterable[str]) -> CollectionMethod | None:
    """Return the way in which all of some lines are paid; None where that is the usual one, or there are several."""
    if not varies(contract):
        return None
    methods, usual = methods_of(contract), usual_method(contract)
    found = {methods.get(ref, usual) for ref in refs}
    return found.pop() if len(found) == 1 and found != {usual} else None


def paid_by(settings: Mapping[str, Value], method: CollectionMethod | None) -> dict[str, Value]:
    """Return settings of a schedule or an invoice for lines that are paid by `method` (None: as the settings say).

    Where nothing is sent, there are no days until it is due: Stripe takes them with `send_invoice` only.
    """
    told = {**settings, "collection_method": method} if method else dict(settings)
    return _without_days(told) if told.get("collection_method") == _AUTOMATIC else told


def _without_days(settings: Mapping[str, Value]) -> dict[str, Value]:
    told: dict[str, Value] = {}
    for name, value in settings.items():
        inner = _without_days(value) if name == "invoice_settings" and isinstance(value, Mapping) else value
        if name != "days_until_due" and inner != {}:
            told[name] = inner
    return told


def _root(line: Line, lines: Mapping[str, Line]) -> Line:
    seen = {line.ref}
    while (before := lines.get(line.revises or "")) and before.ref not in seen:
        line = before
        seen.add(line.ref)
    return line
