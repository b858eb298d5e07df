"""`connector report`: what ops ask first, with what is at stake and what to type next."""

import sys
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from connector.app import App
from connector.cli.context import ConfigOption, ConnectionOption, JsonOption, open_app
from connector.cli.exits import Exit
from connector.cli.output import out, print_json, say
from connector.desk import Desk
from connector.domain.errors import ConfigError
from connector.masking import masked
from connector.reports import REPORTS, Row, reports
from connector.reports.live import LIVE
from connector.reports.reports import Look, Report
from connector.reports.row import at_stake, in_words
from connector.reports.writing import SCHEMA_VERSION, csv_text, row_json, summary_json

NAMES = (*(report.name for report in REPORTS), "all")
_DAY = 24 * 3_600


def report(
    name: Annotated[str, typer.Argument(help=f"{', '.join(NAMES[:-1])}, or all.")] = "all",
    live: Annotated[
        bool, typer.Option("--live", help="Look into the CRM and Stripe too, not only the journal.")
    ] = False,
    csv: Annotated[bool, typer.Option("--csv", help="Comma-separated values on stdout, for spreadsheets.")] = False,
    json: JsonOption = False,
    config: ConfigOption = None,
    connection: ConnectionOption = None,
) -> None:
    """List what people should see to. Exits 0 when there is nothing, 4 when there is something."""
    if name not in NAMES:
        raise typer.BadParameter(f"{name!r} is no report; there are {', '.join(NAMES)}", param_hint="NAME")
    if json and csv:
        raise ConfigError("--json and --csv are two forms of one answer; give one of them")
    wanted = [one for one in REPORTS if name in {one.name, "all"}]
    with open_app(config) as app:
        desks = [app.desk(connection)] if connection else list(app.desks.values())
        found = [(one, _rows(app, desks, one, live=live)) for one in wanted]
        now = desks[0].clock()
    rows = [row for _, some in found for row in some]
    if json:
        summary = [summary_json(one.name, some) for one, some in found]
        print_json({"schema_version": SCHEMA_VERSION, "reports": summary, "rows": [row_json(row, now) for row in rows]})
    elif csv:
        sys.stdout.write(csv_text(rows))
    else:
        for one, some in found:
            _print(one, some, now)
    raise typer.Exit(Exit.PARTIAL if rows else Exit.OK)


def _rows(app: App, desks: Sequence[Desk], one: Report, *, live: bool) -> list[Row]:
    return [row for desk in desks for row in _of_desk(app, desk, one, live=live)]


def _of_desk(app: App, desk: Desk, one: Report, *, live: bool) -> Iterator[Row]:
    """Yield the rows of a connection; a contract that the journal names already is not told twice."""
    look = look_at(app, desk)
    told: set[str] = set()
    sources = [one.rows, LIVE[one.name]] if live and one.name in LIVE else [one.rows]
    for source in sources:
        for row in source(look):
            if row.record not in told:
                told.add(row.record)
                yield row


def look_at(app: App, desk: Desk) -> Look:
    """Return what the reports look at; with several connections, commands name theirs."""
    return reports.look_at(desk, app.signals, app.config.jobs, several=len(app.desks) > 1)


def _print(one: Report, rows: Sequence[Row], now: datetime) -> None:
    if not rows:
        out.print(Text(f"{one.title}: nothing", style="green"))
        return
    stake = in_words(at_stake(rows))
    out.print(Text(f"{one.title}: {len(rows)}{f', at stake {stake}' if stake else ''}", style="bold"))
    table = Table(box=None, pad_edge=False, show_edge=False, header_style="dim")
    for title in ("contract", "customer", "outcome", "since"):
        table.add_column(title, no_wrap=True)
    table.add_column("at stake", justify="right", no_wrap=True)
    for row in rows:
        table.add_row(row.record, row.name or "", row.outcome or "", age(row.since, now), row.money)
    head, *lines = _lines(table)
    out.print(head)
    for row, line in zip(rows, lines, strict=True):
        out.print(line)
        out.print(Text(f"    {masked(row.why, mail=False)}"))
        out.print(Text(f"    fix: {row.remedy}"))
        out.print(Text(f"    {row.command}", style="cyan"))


def _lines(table: Table) -> list[Text]:
    """Return a table as one text a row, so that what belongs to a row can follow it in lines as long as they like."""
    wide = Console(width=400, highlight=False, color_system=None)
    with wide.capture() as captured:
        wide.print(table)
    head, *lines = captured.get().splitlines()
    return [Text(head.rstrip(), style="dim"), *(Text(line.rstrip()) for line in lines)]


def age(since: datetime | None, now: datetime) -> str:
    """Return how long ago, short: 12 min, 5 h, 3 days; empty when not known."""
    if since is None:
        return ""
    seconds = int((now - since).total_seconds())
    if seconds < 2 * 3_600:
        return f"{max(seconds, 0) // 60} min"
    return f"{seconds // 3_600} h" if seconds < 2 * _DAY else f"{seconds // _DAY} days"


def print_short(app: App, desk: Desk) -> None:
    """Print what the reports come to, a line each, where there is something."""
    look = look_at(app, desk)
    for one in REPORTS:
        rows = list(one.rows(look))
        if rows:
            stake = in_words(at_stake(rows))
            oldest = age(min((row.since for row in rows if row.since), default=None), look.facts.now)
            parts = [
                f"{len(rows)}",
                *([f"at stake {stake}"] if stake else []),
                *([f"since {oldest}"] if oldest else []),
            ]
            say(f"{one.title}: {', '.join(parts)}: connector report {one.name}{look.option}", "yellow")
