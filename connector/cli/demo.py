"""`connector demo`: a ramp becomes a schedule, on this machine, without any account. The main job, end to end."""

import tempfile
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.rule import Rule
from rich.text import Text

from connector.app import App, build_app, now_utc
from connector.billing.encode import day_of
from connector.cli.output import out, print_plan
from connector.cli.plan import planned_text
from connector.cli.playground import CRMS, Playground
from connector.cli.stage import HERO, Stage, stage_of
from connector.crm.protocol import ContractRef
from connector.domain.money import text as money
from connector.domain.money import to_minor
from connector.domain.period import add_months
from connector.plan.render import ramp_picture, schedule_lines
from connector.poll import sync_refs
from connector.sync import Desk, Result, plan_contracts

ENDLESS = "evergreen"


class Which(StrEnum):
    """Whose story is told."""

    SALESFORCE = "salesforce"
    HUBSPOT = "hubspot"
    BOTH = "both"


def demo(
    crm: Annotated[Which, typer.Option(help="Whose story is told; both bill into one Stripe account.")] = (
        Which.SALESFORCE
    ),
) -> None:
    """Show the whole path on bundled emulators of the CRM and Stripe: deal, plan, apply, write-back, second run."""
    today = now_utc().date()
    crms = CRMS if crm is Which.BOTH else (crm.value,)
    with (
        tempfile.TemporaryDirectory(prefix="connector-demo-") as folder,
        Playground(today, crms=crms) as playground,
    ):
        playground.stripe.move_clock(now=datetime.combine(today, time(9), UTC))
        path = playground.write_config(Path(folder) / "config.toml")
        with build_app(playground.config(path), upgrade=True) as app:
            stages = [stage_of(name, playground) for name in crms]
            for stage in stages:
                _tell(playground, app, stage)
            if "salesforce" in crms:
                _late(playground, app, app.desk("salesforce"))
            for stage in stages:
                _title(10 if "salesforce" in crms else 8, "Years later: what Stripe invoiced, against what was sold")
                _years_later(playground, app, app.desk(stage.crm), stage)
    out.print(Rule(style="dim"))
    say("Nothing was kept. Next: `connector sandbox` to try it yourself, README.md for your own accounts.")


def _tell(playground: Playground, app: App, stage: Stage) -> None:
    desk = app.desk(stage.crm)
    _title(1, stage.opening)
    stage.sold()
    _plan(desk, stage)
    _sync(playground, app, desk, stage)
    _stripe(app, desk, stage)
    _title(5, stage.seen)
    stage.written()
    _again(playground, app, desk, stage)
    _company(playground, app, desk, stage)
    if stage.crm == "salesforce":
        _endless(playground, app, desk)


def say(words: str) -> None:
    """Print narration."""
    out.print(Text(words, style="italic cyan"))


def _title(number: int, words: str) -> None:
    out.print()
    out.print(Rule(f"{number}  {words}", align="left", style="bold"))


def _hero(stage: Stage) -> ContractRef:
    return ContractRef(stage.crm, stage.records[HERO])


def _plan(desk: Desk, stage: Stage) -> None:
    _title(2, "The plan: what Stripe will hold and bill, and whether it adds up")
    planned = next(plan_contracts(desk, [_hero(stage)]))
    print_plan(planned_text(planned))
    if planned.plan and planned.plan.desired:
        out.print()
        for schedule in planned.plan.desired.schedules:
            for line in ramp_picture(schedule):
                out.print(Text(f"    {line}", style="green"))


def _sync(playground: Playground, app: App, desk: Desk, stage: Stage) -> None:
    _title(3, "Apply it (connector sync)")
    for result in _run(app, desk, [_hero(stage)]):
        out.print(f"{result.outcome}: {result.writes} Stripe writes")
    _calls(playground, stage)


def _stripe(app: App, desk: Desk, stage: Stage) -> None:
    _title(4, "What Stripe now holds")
    link = app.journal.link(desk.name, "subscription_schedule", stage.records[HERO])
    if link is None:
        return
    schedule = app.api.get(f"/v1/subscription_schedules/{link.stripe_id}", {"expand": ["phases.items.price"]})
    prefix = desk.mapping.policies.metadata_prefix
    out.print(f"{schedule['id']}  {schedule['status']}  end_behavior {schedule['end_behavior']}")
    for phase in schedule["phases"]:
        start, end = (day_of(phase[edge], desk.account.zone) for edge in ("start_date", "end_date"))
        out.print(f"  phase {start} .. {end}  metadata {_segment(phase['metadata'], prefix)}")
        for item in phase["items"]:
            amount = money(int(item["price"]["unit_amount"]), item["price"]["currency"])
            key = item["metadata"].get(f"{prefix}segment_key")
            out.print(f"    {item['quantity']:>4} x {amount}" + (f"   segment key {key}" if key else ""))


def _segment(metadata: dict[str, str], prefix: str) -> str:
    names = (f"{prefix}segment_index", f"{prefix}segment_label")
    return ", ".join(f"{name}={metadata[name]!r}" for name in names if name in metadata)


def _again(playground: Playground, app: App, desk: Desk, stage: Stage) -> None:
    _title(6, "Run it again: nothing to do, and no call to Stripe")
    before = len(playground.stripe.log)
    for result in _run(app, desk, [_hero(stage)]):
        print_plan(planned_text(result.planned).splitlines()[0])
    out.print(f"calls to Stripe: {len(playground.stripe.log) - before}")


def _company(playground: Playground, app: App, desk: Desk, stage: Stage) -> None:
    _title(7, f"The rest of the company: every shape of {desk.mapping.noun}, and the mistakes reps make")
    refs = [ContractRef(stage.crm, record) for record in stage.records.values()]
    results = list(_run(app, desk, refs))
    for result in results:
        lines = planned_text(result.planned).splitlines()
        shown = [line for line in lines if line.lstrip().startswith(("! ", "fix:", "tie-out"))]
        print_plan("\n".join([lines[0], *(line for line in shown if line != lines[0])]))
    counts = Counter(result.outcome for result in results)
    out.print(Text("  ".join(f"{number} {outcome}" for outcome, number in counts.items()), style="bold"))
    _calls(playground, stage)


def _endless(playground: Playground, app: App, desk: Desk) -> None:
    _title(8, "A contract without an end: it grows, and a part of it is cancelled")
    order = playground.orders[ENDLESS]
    sf = playground.salesforce
    lines = [key for key, line in sf.records("OrderItem").items() if line["OrderId"] == order]
    start = add_months(date.fromisoformat(sf.records("Order")[order]["EffectiveDate"]), 1)
    sf.amend(order, start, {lines[0]: 40})
    sf.amend(order, add_months(start, 2) + timedelta(days=14), {lines[1]: 0})
    for result in _run(app, desk, [ContractRef("salesforce", order)]):
        planned = result.planned
        if planned.plan and planned.plan.desired:
            for schedule in planned.plan.desired.schedules:
                print_plan("\n".join(f"    {line}" for line in schedule_lines(schedule)))
        out.print(f"{result.outcome}: {result.writes} Stripe writes")


def _late(playground: Playground, app: App, desk: Desk) -> None:
    """Tell of an upsell that counts from a day in a year that was billed in advance, and is heard of a month later."""
    _title(9, "Ten seats more since last month, in a year billed in advance")
    order, sf = playground.orders[HERO], playground.salesforce
    own = [(key, line) for key, line in sf.records("OrderItem").items() if line["OrderId"] == order]
    start, seats = min((line["ServiceDate"], key) for key, line in own if line.get("SBQQ__SegmentKey__c"))
    begun = add_months(date.fromisoformat(start), 5)
    sf.amend(
        order, add_months(begun, -1) + timedelta(days=11), {seats: sf.records("OrderItem")[seats]["Quantity"] + 10}
    )
    moment = datetime.combine(begun + timedelta(days=4), time(9), UTC)
    playground.stripe.move_clock(now=moment)
    for result in _run(app, replace(desk, clock=lambda: moment), [ContractRef("salesforce", order)]):
        shown = ("settles", "bills ", "tie-out")
        lines = planned_text(result.planned).splitlines()
        print_plan("\n".join([lines[0], *(line for line in lines if line.lstrip().startswith(shown))]))
        out.print(f"{result.outcome}: {result.writes} Stripe write{'s' if result.writes != 1 else ''}")


def _years_later(playground: Playground, app: App, desk: Desk, stage: Stage) -> None:
    contract = next(plan_contracts(desk, [_hero(stage)])).contract
    if contract is None or contract.end is None:
        return
    end = contract.end + timedelta(days=2)
    playground.stripe.move_clock(now=datetime.combine(end, time(9), UTC))
    say(f"the ramp that was sold in {stage.vendor}")
    invoices = _invoices(app, desk, stage)
    for (status, total, currency), same in groupby(
        invoices, lambda each: (each["status"], each["total"], each["currency"])
    ):
        days = [day_of(invoice["created"], desk.account.zone)[:10] for invoice in same]
        when = days[0] if len(days) == 1 else f"{days[0]} .. {days[-1]}"
        out.print(f"  {when:<24}  {len(days):>2} x {status:<6} {money(total, currency):>20}")
    total = sum(invoice["total"] for invoice in invoices)
    sold = sum(int(to_minor(line.total, contract.currency)) for line in contract.lines)
    verdict = "to the cent" if total == sold else "DOES NOT ADD UP"
    out.print(Text(f"  invoiced {money(total, 'usd')}, sold {money(sold, 'usd')}: {verdict}", style="bold green"))


def _invoices(app: App, desk: Desk, stage: Stage) -> list[dict[str, Any]]:
    """Return the invoices of the hero's subscription, the first one first: its customer may have bought more."""
    link = app.journal.link(desk.name, "subscription_schedule", stage.records[HERO])
    schedule = app.api.get(f"/v1/subscription_schedules/{link.stripe_id}") if link else {}
    subscription = schedule.get("subscription") or schedule.get("released_subscription")
    page = app.api.get("/v1/invoices", {"subscription": subscription, "limit": 100}) if subscription else {"data": []}
    return sorted(page["data"], key=lambda invoice: invoice["created"])


def _run(app: App, desk: Desk, refs: list[ContractRef]) -> list[Result]:
    return list(sync_refs(desk, refs, job="demo", config_hash=app.config.hash))


def _calls(playground: Playground, stage: Stage) -> None:
    say(f"so far: {stage.calls()} calls to {stage.vendor}, {len(playground.stripe.log)} calls to Stripe")
