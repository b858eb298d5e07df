"""`plan`, `apply`, `sync` and `approve`: look, decide, do."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from connector.app import App
from connector.cli.context import (
    ConfigOption,
    ConnectionOption,
    JsonOption,
    no_such,
    open_app,
    refs_of,
    require_consent,
    unknown_orders,
)
from connector.cli.exits import Exit
from connector.cli.offline import OfflineOptions, plan_offline
from connector.cli.output import out, print_json, print_plan, say
from connector.cli.pause import require_not_paused
from connector.cli.results import exit_code, print_summary, result_json
from connector.domain.errors import ConfigError
from connector.journal import Backfill
from connector.plan.document import SCHEMA_VERSION
from connector.plan.render import issue_lines, render_plan
from connector.plan.safety import Verdict
from connector.poll import sync_changed, sync_refs
from connector.sync import Planned, Result, plan_contracts

Orders = Annotated[list[str] | None, typer.Argument(help="Order ids; without any, every changed contract.")]
Force = Annotated[bool, typer.Option("--force", help="Although the connection is paused.")]


def plan(
    orders: Orders = None,
    records: Annotated[Path | None, typer.Option(help="Plan this records file, without any network.")] = None,
    existing: Annotated[Path | None, typer.Option(help="With --records: what Stripe holds.")] = None,
    mapping: Annotated[Path | None, typer.Option(help="With --records: the mapping file.")] = None,
    now: Annotated[str | None, typer.Option(help="With --records: the moment that counts as now (ISO, UTC).")] = None,
    time_zone: Annotated[str, typer.Option(help="With --records: the account's time zone.")] = "UTC",
    detailed_exitcode: Annotated[bool, typer.Option(help="Exit 2 when there are changes.")] = False,
    live_read: Annotated[bool, typer.Option("--refresh", help="Read every schedule to find edits by hand.")] = False,
    json: JsonOption = False,
    config: ConfigOption = None,
    connection: ConnectionOption = None,
) -> None:
    """Show what would change in Stripe, when what would be billed, and whether it adds up. Changes nothing."""
    if records is not None:
        options = OfflineOptions(records, existing, mapping, now, time_zone)
        raise typer.Exit(show_plans([plan_offline(options)], json=json, detailed=detailed_exitcode, single=True))
    with open_app(config) as app:
        desk = app.desk(connection)
        planned = list(plan_contracts(desk, refs_of(desk, orders), live=live_read))
        code = show_plans(planned, json=json, detailed=detailed_exitcode, single=False)
        raise typer.Exit(with_unknown(code, orders, planned))


def apply(
    orders: Orders = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    force: Force = False,
    json: JsonOption = False,
    config: ConfigOption = None,
    connection: ConnectionOption = None,
) -> None:
    """Plan, show, ask, and apply what is within the safety limits or was approved."""
    with open_app(config) as app:
        desk = app.desk(connection)
        require_not_paused(app, desk.name, force=force)
        refs = refs_of(desk, orders)
        planned = list(plan_contracts(desk, refs))
        if not json:
            for one in planned:
                print_plan(planned_text(one))
        if not any(one.judgement.verdict is Verdict.APPLY for one in planned):
            _nothing_to_apply(orders, planned, json=json)
        require_consent(app, yes=yes)
        shown = frozenset(one.plan.fingerprint for one in planned if one.plan)
        results = sync_refs(desk, refs, job="apply", config_hash=app.config.hash, shown=shown)
        raise typer.Exit(report_results(results, orders, json=json, shown=True))


def sync(
    orders: Orders = None,
    json: JsonOption = False,
    config: ConfigOption = None,
    connection: ConnectionOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask, even in live mode.")] = False,
    force: Force = False,
) -> None:
    """Plan and apply under the safety limits, and write the status back. What the scheduler does every minute."""
    with open_app(config) as app:
        desk = app.desk(connection)
        require_not_paused(app, desk.name, force=force)
        if app.config.mode == "live":
            require_consent(app, yes=yes)
        config_hash = app.config.hash
        if orders:
            results = sync_refs(desk, refs_of(desk, orders), job="sync", config_hash=config_hash)
        else:
            results = sync_changed(desk, job="sync", config_hash=config_hash)
        raise typer.Exit(report_results(results, orders, json=json))


def approve(
    fingerprint: Annotated[str, typer.Argument(help="The plan's fingerprint, or its first characters.")],
    by: Annotated[str, typer.Option(help="Who approves.")],
    reason: Annotated[str, typer.Option(help="Why it is right.")],
    hours: Annotated[int, typer.Option(help="How long the approval holds.")] = 24,
    config: ConfigOption = None,
) -> None:
    """Approve exactly one plan. If the contract or Stripe changes, the plan is another one and asks again."""
    with open_app(config) as app:
        now = next(iter(app.desks.values())).clock()
        backfill = _planned_backfill(app, fingerprint)
        if backfill is not None:
            app.journal.approve_backfill(backfill, by, reason, now)
            say(f"Approved back-fill {backfill.id}; `connector backfill resume {backfill.id}` applies it.")
            return
        whole = _pending_fingerprint(app, fingerprint)
        found = app.journal.approve(whole, by, reason, now, now + timedelta(hours=hours))
        say(f"Approved {found.fingerprint[:12]} of {found.contract_key} until {found.expires_at:%Y-%m-%d %H:%M} UTC.")
        say("The next sync applies it, if the order and Stripe still are what they were.")


def _planned_backfill(app: App, start: str) -> Backfill | None:
    """Return the back-fill whose dry run has a digest that begins like this."""
    known = [each for name in app.desks for each in app.journal.backfills(name) if each.phase == "planned"]
    found = [each for each in known if len(start) >= 8 and (each.digest or "").startswith(start)]
    return found[0] if len(found) == 1 else None


def _pending_fingerprint(app: App, start: str) -> str:
    """Return the one plan that waits for approval and whose fingerprint begins like this."""
    states = [state for name in app.desks for state in app.journal.contract_states(name, outcome="pending", limit=9999)]
    names = {str(state.status.get("fingerprint") or "") for state in states}
    found = sorted(name for name in names if start and name.startswith(start))
    if len(found) > 1:
        raise ConfigError(f"{len(found)} plans begin with {start!r}; give more of the fingerprint")
    if not found:
        raise ConfigError(
            f"no plan that begins with {start!r} waits for approval; `connector status --only pending` lists those "
            "that do. A plan waits once `connector sync` has met it."
        )
    return found[0]


def _nothing_to_apply(orders: list[str] | None, planned: list[Planned], *, json: bool) -> NoReturn:
    if json:
        show_plans(planned, json=True, detailed=False, single=False)
    say("Nothing can be applied.")
    raise typer.Exit(with_unknown(plan_exit(planned, detailed=False), orders, planned))


def with_unknown(code: int, orders: list[str] | None, planned: Sequence[Planned]) -> int:
    """Name the orders that the CRM does not have; return the code with them counted in."""
    missing = unknown_orders(orders, planned)
    for order in missing:
        say(f"{no_such(order)}.", "red")
    if not missing:
        return code
    return Exit.PARTIAL if planned and code == Exit.OK else code or Exit.INVALID


def report_results(results: Iterator[Result], orders: list[str] | None, *, json: bool, shown: bool = False) -> int:
    """Print results as they come, then the summary; return the exit code. Plans that were shown are named only."""
    done: list[Result] = []
    for result in results:
        done.append(result)
        if not json:
            text = planned_text(result.planned)
            print_plan(text.splitlines()[0] if shown else text)
            if result.error:
                say(f"    {result.outcome}: {result.error}", "red")
    if json:
        counts = dict(Counter(result.outcome for result in done))
        contracts = [result_json(result) for result in done]
        print_json({"schema_version": SCHEMA_VERSION, "counts": counts, "contracts": contracts})
    else:
        print_summary(done)
    return with_unknown(exit_code(done), orders, [result.planned for result in done])


def planned_text(one: Planned) -> str:
    """Return a planned contract as text, also one that could not be read."""
    name = _name(one)
    if one.plan is not None:
        return render_plan(one.plan, one.judgement, name=name)
    lines = [f"! {one.raw.root.id}  {name}  refused"]
    lines += [f"    {line}" for issue in one.issues for line in issue_lines(issue)]
    return "\n".join(lines)


def _name(one: Planned) -> str:
    if one.contract and one.contract.party.name:
        return one.contract.party.name
    account = one.raw.records.follow(one.raw.root, "Account")
    return str(account.fields.get("Name") or "") if account else ""


def show_plans(planned: list[Planned], *, json: bool, detailed: bool, single: bool) -> int:
    """Print plans, as text with a summary or as one JSON document; return the exit code."""
    if json:
        documents = [one.document() for one in planned]
        print_json(documents[0] if single else {"schema_version": SCHEMA_VERSION, "plans": documents})
    else:
        for one in planned:
            print_plan(planned_text(one))
        if not single:
            out.print(summary(planned))
    return plan_exit(planned, detailed=detailed)


def summary(planned: Sequence[Planned]) -> str:
    """Return how many plans got which verdict."""
    verdicts = [one.judgement.verdict for one in planned]
    return (
        f"{verdicts.count(Verdict.APPLY)} to apply, {verdicts.count(Verdict.NEEDS_APPROVAL)} need approval, "
        f"{verdicts.count(Verdict.REFUSE)} refused, {verdicts.count(Verdict.NOTHING)} unchanged."
    )


def plan_exit(planned: Sequence[Planned], *, detailed: bool) -> int:
    """Return the exit code of plans that were only shown."""
    verdicts = {one.judgement.verdict for one in planned}
    if Verdict.REFUSE in verdicts:
        return Exit.INVALID
    if Verdict.NEEDS_APPROVAL in verdicts:
        return Exit.APPROVAL
    return Exit.CHANGES if detailed and Verdict.APPLY in verdicts else Exit.OK
