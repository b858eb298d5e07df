"""`connector demo`: a ramp order becomes a schedule, on this machine, without any account. The main job, end to end."""

import tempfile
from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from rich.rule import Rule
from rich.text import Text

from connector.app import App, build_app, now_utc
from connector.billing.encode import day_of
from connector.cli.output import out, print_plan
from connector.cli.plan import planned_text
from connector.cli.playground import Playground
from connector.crm.protocol import ContractRef
from connector.domain.money import text as money
from connector.domain.period import add_months
from connector.plan.render import ramp_picture, schedule_lines
from connector.poll import sync_refs
from connector.sync import Desk, Result, plan_contracts

HERO = "ramp"
ENDLESS = "evergreen"


def demo() -> None:
    """Show the whole path on bundled emulators of Salesforce and Stripe: order, plan, apply, write-back, second run."""
    today = now_utc().date()
    with tempfile.TemporaryDirectory(prefix="connector-demo-") as folder, Playground(today) as playground:
        playground.stripe.move_clock(now=datetime.combine(today, time(9), UTC))
        path = playground.write_config(Path(folder) / "config.toml")
        with build_app(playground.config(path), upgrade=True) as app:
            desk = app.desk()
            _order(playground)
            _plan(playground, desk)
            _sync(playground, app, desk)
            _stripe(playground, app, desk)
            _written(playground)
            _again(playground, app, desk)
            _company(playground, app, desk)
            _endless(playground, app, desk)
            _years_later(playground, app, desk)
    out.print(Rule(style="dim"))
    say("Nothing was kept. Next: `connector sandbox` to try it yourself, README.md for your own accounts.")


def say(words: str) -> None:
    """Print narration."""
    out.print(Text(words, style="italic cyan"))


def _title(number: int, words: str) -> None:
    out.print()
    out.print(Rule(f"{number}  {words}", align="left", style="bold"))


def _hero(playground: Playground) -> ContractRef:
    return ContractRef("salesforce", playground.orders[HERO])


def _order(playground: Playground) -> None:
    _title(1, "A sales rep activates a three-year ramp order in Salesforce CPQ")
    sf = playground.salesforce
    order = sf.records("Order")[playground.orders[HERO]]
    account = sf.records("Account")[order["AccountId"]]
    out.print(f"Order {order['OrderNumber']}  {account['Name']}  {order['TotalAmount']:,.2f}  status {order['Status']}")
    lines = [line for line in sf.records("OrderItem").values() if line["OrderId"] == playground.orders[HERO]]
    quote_lines = sf.records("SBQQ__QuoteLine__c")
    products = sf.records("Product2")
    for line in sorted(lines, key=lambda line: (line["ServiceDate"], products[line["Product2Id"]]["Name"])):
        label = quote_lines[line["SBQQ__QuoteLine__c"]].get("SBQQ__SegmentLabel__c") or ""
        out.print(
            f"  {line['ServiceDate']} .. {line.get('EndDate') or '':<10}  {label:<8} "
            f"{line['Quantity']:>4g} x {products[line['Product2Id']]['Name']:<28} {line['TotalPrice']:>12,.2f}"
        )


def _plan(playground: Playground, desk: Desk) -> None:
    _title(2, "The plan: what Stripe will hold and bill, and whether it adds up")
    planned = next(plan_contracts(desk, [_hero(playground)]))
    print_plan(planned_text(planned))
    if planned.plan and planned.plan.desired:
        out.print()
        for schedule in planned.plan.desired.schedules:
            for line in ramp_picture(schedule):
                out.print(Text(f"    {line}", style="green"))


def _sync(playground: Playground, app: App, desk: Desk) -> None:
    _title(3, "Apply it (connector sync)")
    for result in _run(app, desk, [_hero(playground)]):
        out.print(f"{result.outcome}: {result.writes} Stripe writes")
    _calls(playground)


def _stripe(playground: Playground, app: App, desk: Desk) -> None:
    _title(4, "What Stripe now holds")
    link = app.journal.link(desk.name, "subscription_schedule", playground.orders[HERO])
    if link is None:
        return
    schedule = app.api.get(f"/v1/subscription_schedules/{link.stripe_id}", {"expand": ["phases.items.price"]})
    out.print(f"{schedule['id']}  {schedule['status']}  end_behavior {schedule['end_behavior']}")
    for phase in schedule["phases"]:
        start, end = (day_of(phase[edge], desk.account.zone) for edge in ("start_date", "end_date"))
        out.print(f"  phase {start} .. {end}  metadata {_segment(phase['metadata'])}")
        for item in phase["items"]:
            amount = money(int(item["price"]["unit_amount"]), item["price"]["currency"])
            key = item["metadata"].get("salesforce_segment_key")
            out.print(f"    {item['quantity']:>4} x {amount}" + (f"   segment key {key}" if key else ""))


def _segment(metadata: dict[str, str]) -> str:
    names = ("salesforce_segment_index", "salesforce_segment_label")
    return ", ".join(f"{name}={metadata[name]!r}" for name in names if name in metadata)


def _written(playground: Playground) -> None:
    _title(5, "What the sales rep sees on the order")
    order = playground.salesforce.records("Order")[playground.orders[HERO]]
    for name in sorted(order):
        if name.startswith("Stripe_") and order[name] not in {None, "", False}:
            out.print(f"  {name:<28} {order[name]}")


def _again(playground: Playground, app: App, desk: Desk) -> None:
    _title(6, "Run it again: nothing to do, and no call to Stripe")
    before = len(playground.stripe.log)
    for result in _run(app, desk, [_hero(playground)]):
        print_plan(planned_text(result.planned).splitlines()[0])
    out.print(f"calls to Stripe: {len(playground.stripe.log) - before}")


def _company(playground: Playground, app: App, desk: Desk) -> None:
    _title(7, "The rest of the company: every shape of order, and the mistakes reps make")
    refs = [ContractRef("salesforce", order) for order in playground.orders.values()]
    results = list(_run(app, desk, refs))
    for result in results:
        lines = planned_text(result.planned).splitlines()
        shown = [line for line in lines if line.lstrip().startswith(("! ", "fix:", "tie-out"))]
        print_plan("\n".join([lines[0], *(line for line in shown if line != lines[0])]))
    counts = Counter(result.outcome for result in results)
    out.print(Text("  ".join(f"{number} {outcome}" for outcome, number in counts.items()), style="bold"))
    _calls(playground)


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


def _years_later(playground: Playground, app: App, desk: Desk) -> None:
    _title(9, "Three years later: what Stripe really invoiced, against what was sold")
    contract = next(plan_contracts(desk, [_hero(playground)])).contract
    if contract is None or contract.end is None:
        return
    end = contract.end + timedelta(days=2)
    playground.stripe.move_clock(now=datetime.combine(end, time(9), UTC))
    link = app.journal.link(desk.name, "customer", contract.party.ref)
    invoices = _invoices(app, link.stripe_id if link else "")
    for invoice in invoices:
        day = date.fromisoformat(day_of(invoice["created"], desk.account.zone)[:10])
        out.print(f"  {day}  {invoice['status']:<6} {money(invoice['total'], invoice['currency']):>20}")
    total = sum(invoice["total"] for invoice in invoices)
    sold = sum(int(line.total * 100) for line in contract.lines)
    verdict = "to the cent" if total == sold else "DOES NOT ADD UP"
    out.print(Text(f"  invoiced {money(total, 'usd')}, sold {money(sold, 'usd')}: {verdict}", style="bold green"))


def _invoices(app: App, customer: str) -> list[dict[str, Any]]:
    page = app.api.get("/v1/invoices", {"customer": customer, "limit": 100})
    return sorted(page["data"], key=lambda invoice: invoice["created"])


def _run(app: App, desk: Desk, refs: list[ContractRef]) -> list[Result]:
    return list(sync_refs(desk, refs, job="demo", config_hash=app.config.hash))


def _calls(playground: Playground) -> None:
    stripe, salesforce = len(playground.stripe.log), len(playground.salesforce.log)
    say(f"so far: {salesforce} calls to Salesforce, {stripe} calls to Stripe")
