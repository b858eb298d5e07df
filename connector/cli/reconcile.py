"""`connector reconcile`: all of Stripe's schedules against what was applied last, read in pages of a hundred."""

from collections.abc import Mapping, Sequence
from typing import Any

import typer

from connector.cli.context import ConfigOption, JsonOption, open_app
from connector.cli.exits import Exit
from connector.cli.output import out, print_json, print_plan
from connector.journal import Finding
from connector.plan.document import SCHEMA_VERSION
from connector.reconcile import reconcile as reconcile_all

#: What each kind means, and what people do about it.
KINDS: Mapping[str, tuple[str, str]] = {
    "edited": ("edited by hand", "decide with `connector drift CONTRACT --restore` or `--ignore --reason`"),
    "ended": ("ended by hand", "bill what is left by a new order, or end the contract in the CRM too"),
    "missing": ("not in Stripe", "see whether the Stripe account is the right one; `connector explain CONTRACT`"),
    "unknown": ("billed, but of no contract", "`connector adopt ORDER` where it is right, else cancel it in Stripe"),
}


def reconcile(json: JsonOption = False, config: ConfigOption = None) -> None:
    """Compare all of Stripe with what was applied last, and list what nobody of us made. Nothing is repaired."""
    with open_app(config) as app:
        done = reconcile_all(tuple(app.desks.values()))
    found = [one for each in done.findings.values() for one in each]
    if json:
        figures = {"schedules": done.schedules, "links": done.links, "looked_at": done.suspects}
        rows = [finding_json(one) for one in found]
        print_json({"schema_version": SCHEMA_VERSION, **figures, "findings": rows})
    else:
        print_findings(found)
        out.print(f"{done.schedules} schedules in Stripe, {done.links} applied by us, {len(found)} findings.")
    raise typer.Exit(Exit.DIFFERENCE if found else Exit.OK)


def print_findings(found: Sequence[Finding]) -> None:
    """Print findings for people: what, since when, and what to do."""
    for one in found:
        words, remedy = KINDS[one.kind]
        whose = f"contract {one.contract_key}, " if one.contract_key else ""
        print_plan(f"! {one.subject}  {words} ({whose}found {one.found_at:%Y-%m-%d %H:%M})")
        out.print(f"    {one.detail}", markup=False)
        out.print(f"    fix: {remedy.replace('CONTRACT', one.contract_key or 'CONTRACT')}", markup=False)


def finding_json(one: Finding) -> Any:
    """Return a finding as JSON."""
    return {
        "connection": one.connection,
        "kind": one.kind,
        "subject": one.subject,
        "contract": one.contract_key or None,
        "detail": one.detail,
        "found_at": one.found_at.isoformat(),
        "seen_at": one.seen_at.isoformat(),
        "remedy": KINDS[one.kind][1],
    }
