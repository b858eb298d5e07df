"""`backfill`: many contracts at once: look first, then apply, pause, go on, and read what became of each."""

import getpass
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from connector.app import App
from connector.backfill import begin
from connector.backfill.document import SCHEMA_VERSION, backfill_json, overview_json
from connector.backfill.inputs import day, days, file_records, named_records
from connector.backfill.overview import Overview, overview
from connector.backfill.start import check_mapping, open_backfill
from connector.backfill.submit import submitter_of
from connector.cli.backfill_run import applied_exit, apply_with_meter, plan_with_meter, planned_exit, write_reports
from connector.cli.backfill_show import print_overview, state_words
from connector.cli.context import ConfigOption, ConnectionOption, JsonOption, checked_id, open_app, require_consent
from connector.cli.exits import Exit
from connector.cli.output import out, print_json, say
from connector.cli.pause import require_not_paused
from connector.crm.selection import Selection
from connector.domain.errors import ConfigError
from connector.journal import Backfill
from connector.plan.safety import Verdict
from connector.sync import Desk

app = typer.Typer(
    help="Many contracts at once: a dry run first, then apply, pause, go on, report.", no_args_is_help=True
)

Number = Annotated[int | None, typer.Argument(help="The back-fill's number; without one, the latest.")]
By = Annotated[str | None, typer.Option(help="Who does it (default: the user of this machine).")]
Submit = Annotated[str, typer.Option("--submit", help="How plans reach Stripe; there is: online.")]
Block = Annotated[int | None, typer.Option(min=1, help="Contracts taken at a time (default: the CRM's batch).")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask; only within the safety limits.")]


@app.command()
def start(
    records: Annotated[list[str] | None, typer.Argument(help="Ids of orders or deals.")] = None,
    from_file: Annotated[Path | None, typer.Option(help="A file of ids, or CSV: record,billed_through.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All that the mapping's filters let through.")] = False,
    owner: Annotated[list[str] | None, typer.Option(help="Owner: id, e-mail or name. May be repeated.")] = None,
    stage: Annotated[list[str] | None, typer.Option(help="Status or deal stage. May be repeated.")] = None,
    closed_from: Annotated[str | None, typer.Option(help="Closed (activated) on this day or later.")] = None,
    closed_to: Annotated[str | None, typer.Option(help="Closed on this day or earlier.")] = None,
    starts_from: Annotated[str | None, typer.Option(help="First day of the contract, at the earliest.")] = None,
    starts_to: Annotated[str | None, typer.Option(help="First day of the contract, at the latest.")] = None,
    billed_through: Annotated[str | None, typer.Option(help="First day that is not billed elsewhere already.")] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Go on and apply what was shown.")] = False,
    yes: Yes = False,
    by: By = None,
    submit: Submit = "online",
    block: Block = None,
    json: JsonOption = False,
    config: ConfigOption = None,
    connection: ConnectionOption = None,
) -> None:
    """Choose contracts and show what would happen to all of them. Nothing is changed without --apply."""
    selection = Selection(
        closed=days(closed_from, closed_to, "closed"),
        starts=days(starts_from, starts_to, "starts"),
        owners=tuple(owner or ()),
        stages=tuple(stage or ()),
        words=_words(locals()),
    )
    _check_choice(selection, named=bool(records), file=from_file, everything=everything)
    submitter_of(submit)
    first = day(billed_through, "--billed-through")
    with open_app(config) as wired:
        desk = wired.desk(connection)
        require_not_paused(wired, desk.name)

        def check(record: str) -> str:
            return checked_id(desk, record)

        named = file_records(from_file, check) if from_file else named_records(records, check) if records else None
        backfill = open_backfill(
            desk, selection, by=by or _user(), config_hash=wired.config.hash, billed_through=first, records=named
        )
        backfill = plan_with_meter(desk, backfill, block)
        raise typer.Exit(_shown(wired, desk, backfill, apply=apply, yes=yes, by=by, way=(submit, block), json=json))


@app.command()
def resume(
    number: Number = None,
    yes: Yes = False,
    by: By = None,
    submit: Submit = "online",
    block: Block = None,
    json: JsonOption = False,
    config: ConfigOption = None,
    connection: ConnectionOption = None,
) -> None:
    """Go on: end the dry run if it was stopped, else apply what it showed. Contracts that waited are tried again."""
    submitter_of(submit)
    with open_app(config) as wired:
        desk, backfill = _chosen(wired, connection, number)
        require_not_paused(wired, desk.name)
        check_mapping(desk, backfill)
        wired.journal.unpause_backfill(backfill.id, by or _user(), desk.clock())
        backfill = wired.journal.backfill(backfill.id)
        if backfill.phase in {"selecting", "planning"}:
            backfill = plan_with_meter(desk, backfill, block)
            raise typer.Exit(_shown(wired, desk, backfill, apply=False, yes=yes, by=by, way=(submit, block), json=json))
        wired.journal.reopen_items(backfill.id, ("waiting", "pending", "failed"))
        wired.journal.reopen_backfill(backfill.id)
        backfill = wired.journal.backfill(backfill.id)
        raise typer.Exit(_shown(wired, desk, backfill, apply=True, yes=yes, by=by, way=(submit, block), json=json))


@app.command()
def status(
    number: Number = None, json: JsonOption = False, config: ConfigOption = None, connection: ConnectionOption = None
) -> None:
    """Show how far a back-fill is, and what it showed."""
    with open_app(config) as wired:
        desk, backfill = _chosen(wired, connection, number)
        _print(overview(desk, backfill, rates=_rates(wired)), json=json)
        if not json:
            say(_next(wired, desk, backfill))


@app.command(name="list")
def list_backfills(json: JsonOption = False, config: ConfigOption = None, connection: ConnectionOption = None) -> None:
    """List the back-fills of a connection, newest first."""
    with open_app(config) as wired:
        found = wired.journal.backfills(wired.desk(connection).name)
    if json:
        print_json({"schema_version": SCHEMA_VERSION, "backfills": [backfill_json(each) for each in found]})
        return
    for each in found:
        line = f"{each.id:>4}  {each.started_at:%Y-%m-%d %H:%M}  {each.started_by}  {each.selection['words']}"
        out.print(f"{line}  {state_words(each)}", markup=False)
    if not found:
        say("There is no back-fill yet; `connector backfill start --all` makes one.")


@app.command()
def pause(
    number: Number = None,
    reason: Annotated[str, typer.Option(help="Why.")] = "asked to",
    by: By = None,
    config: ConfigOption = None,
    connection: ConnectionOption = None,
) -> None:
    """Stop a back-fill, in whatever process it runs, after the contract in hand."""
    with open_app(config) as wired:
        desk, backfill = _chosen(wired, connection, number)
        if backfill.phase == "done":
            raise ConfigError(f"back-fill {backfill.id} is done; there is nothing to pause")
        wired.journal.pause_backfill(backfill.id, by or _user(), reason, desk.clock())
        say(f"Back-fill {backfill.id} is paused; `connector backfill resume {backfill.id}` goes on.")


@app.command()
def approve(
    number: Number = None,
    reason: Annotated[str, typer.Option(help="Why it is right.", show_default=False)] = "",
    by: By = None,
    config: ConfigOption = None,
    connection: ConnectionOption = None,
) -> None:
    """Approve exactly what the dry run showed, contracts over a limit included."""
    if not reason.strip():
        raise typer.BadParameter("say why it is right", param_hint="--reason")
    with open_app(config) as wired:
        desk, backfill = _chosen(wired, connection, number)
        check_mapping(desk, backfill)
        wired.journal.approve_backfill(backfill, by or _user(), reason, desk.clock())
        say(f"Approved {(backfill.digest or '')[:12]}; `connector backfill resume {backfill.id}` applies it.")


@app.command()
def report(
    number: Number = None,
    html: Annotated[Path | None, typer.Option(help="Write the report as one HTML file.")] = None,
    csv: Annotated[Path | None, typer.Option(help="Write the report as CSV.")] = None,
    json: JsonOption = False,
    config: ConfigOption = None,
    connection: ConnectionOption = None,
) -> None:
    """Tell what became of every contract: totals here, each one in --html, --csv or --json."""
    with open_app(config) as wired:
        desk, backfill = _chosen(wired, connection, number)
        page = overview(desk, backfill, rates=_rates(wired))
        write_reports(wired.journal, page, html=html, csv=csv, json=json)
        if not json:
            print_overview(page)
        raise typer.Exit(applied_exit(page) if backfill.applied_at else planned_exit(page))


def _shown(
    wired: App,
    desk: Desk,
    backfill: Backfill,
    *,
    apply: bool,
    yes: bool,
    by: str | None,
    way: tuple[str, int | None],
    json: bool,
) -> int:
    """Show the dry run and, if asked, apply it; return the exit code."""
    page = overview(desk, backfill, rates=_rates(wired))
    code = planned_exit(page)
    if backfill.phase in {"selecting", "planning"}:
        _print(page, json=json)
        say(f"Stopped before the dry run had ended; `connector backfill resume {backfill.id}` goes on.", "yellow")
        return Exit.INTERRUPTED
    asks = backfill.verdict == Verdict.NEEDS_APPROVAL.value and not backfill.is_approved
    if not apply or asks or not page.selected:
        _print(page, json=json)
        say(_next(wired, desk, backfill), "yellow" if asks else "")
        return code
    if not json:
        print_overview(page)
    if page.outcomes["open"]:
        require_consent(wired, yes=yes)
    rate = wired.config.stripe.requests_per_second
    begun = begin(desk, backfill, by or _user())
    done = apply_with_meter(desk, begun, submitter_of(way[0]), by or _user(), rate=rate, block=way[1])
    page = overview(desk, done, rates=_rates(wired))
    _print(page, json=json)
    if done.phase != "done":
        say(f"Stopped; the journal is consistent. `connector backfill resume {done.id}` goes on.", "yellow")
        return Exit.INTERRUPTED
    return applied_exit(page)


def _print(page: Overview, *, json: bool) -> None:
    if json:
        print_json(overview_json(page))
    else:
        print_overview(page)


def _chosen(wired: App, connection: str | None, number: int | None) -> tuple[Desk, Backfill]:
    """Return a back-fill and the desk of its connection; without a number, the latest of the connection."""
    if number is not None:
        backfill = wired.journal.backfill(number)
        return wired.desk(backfill.connection), backfill
    desk = wired.desk(connection)
    found = wired.journal.backfills(desk.name, limit=1)
    if not found:
        raise ConfigError("there is no back-fill yet; `connector backfill start --all` makes one")
    return desk, found[0]


def _next(wired: App, desk: Desk, backfill: Backfill) -> str:
    """Say what to do next."""
    if backfill.verdict == Verdict.NEEDS_APPROVAL.value and not backfill.is_approved and backfill.phase == "planned":
        return (
            "It is over the safety limits. If it is right: "
            f'connector backfill approve {backfill.id} --reason "...", then connector backfill resume {backfill.id}'
        )
    if backfill.phase == "planned":
        return f"Nothing was changed. Apply it: connector backfill resume {backfill.id}"
    if backfill.phase == "done":
        return f"Done. What became of each: connector backfill report {backfill.id} --html report.html"
    at_work = wired.journal.items_in_hand(backfill.id, desk.clock())
    if at_work and not backfill.paused:
        return f"At work: {at_work} contracts are in hand."
    return f"Nobody works on it. Go on: connector backfill resume {backfill.id}"


def _check_choice(selection: Selection, *, named: bool, file: Path | None, everything: bool) -> None:
    """Insist on one way to choose: ids, a file, conditions, or explicitly everything."""
    conditions = bool(selection.closed or selection.owners or selection.stages or selection.starts)
    ways = [named, file is not None, conditions, everything]
    if sum(ways) == 0:
        raise ConfigError(
            "choose contracts: name ids, or --from-file, or conditions (--owner, --stage, --closed-from, "
            "--starts-from, ...), or --all"
        )
    if sum(ways) > 1:
        raise ConfigError("ids, --from-file, conditions and --all cannot be combined; choose one way")


def _words(typed: Mapping[str, object]) -> str:
    """Return the choice as it was typed, for people."""
    parts = [f"{name.replace('_', ' ')} {typed[name]}" for name in _DATES if typed[name]]
    for name in ("owner", "stage"):
        parts += [f"{name} {', '.join(map(str, values))}"] if isinstance(values := typed[name], list) else []
    parts += [f"ids of {typed['from_file']}"] if typed["from_file"] else []
    records = typed["records"]
    parts += [f"{len(records)} ids"] if isinstance(records, list) else []
    parts += ["all"] if typed["everything"] else []
    parts += [f"billed elsewhere until {typed['billed_through']}"] if typed["billed_through"] else []
    return "; ".join(parts)


_DATES = ("closed_from", "closed_to", "starts_from", "starts_to")


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container without a user entry
        return "unknown user"


def _rates(wired: App) -> tuple[float, float]:
    return wired.config.stripe.requests_per_second, wired.config.stripe.endpoint_requests_per_second
