"""`connector status`: how every contract stands, worst first."""

import json as jsonlib
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.text import Text

from connector.app import App
from connector.cli.context import ConfigOption, ConnectionOption, JsonOption, open_app
from connector.cli.exits import Exit
from connector.cli.output import out, print_json, say
from connector.cli.report import look_at, print_short
from connector.cli.running import running_json, running_words
from connector.desk import Desk
from connector.domain.issues import Issue
from connector.journal import ContractState
from connector.plan.document import issue_json
from connector.plan.render import issue_lines
from connector.reports import REPORTS
from connector.reports.writing import summary_json
from connector.windows import short_windows

#: Worst first.
OUTCOMES = ("failed", "refused", "pending", "waiting", "busy", "applied", "nothing", "skipped")
_STYLES = {"failed": "red", "refused": "red", "pending": "yellow", "waiting": "yellow"}


def status(
    only: Annotated[str | None, typer.Option(help="Only this outcome: failed, refused, pending, …")] = None,
    json: JsonOption = False,
    config: ConfigOption = None,
    connection: ConnectionOption = None,
) -> None:
    """Show the last known state of all contracts, from the journal alone."""
    if only is not None and only not in OUTCOMES:
        raise typer.BadParameter(f"{only!r} is no outcome; there are {', '.join(OUTCOMES)}", param_hint="--only")
    with open_app(config) as app:
        desk = app.desk(connection)
        states = sorted(
            app.journal.contract_states(desk.name, outcome=only, limit=10_000),
            key=lambda state: (_rank(state.outcome), state.contract_key),
        )
        short = short_windows(desk) if only is None else ()
        if json:
            print_json(_document(app, desk, states, short))
        else:
            for line in running_words(app, desk):
                say(line, "yellow")
            _print(states)
            if only is None:
                _print_rest(app, desk, short, known=bool(states))
    if short or any(state.outcome in {"failed", "refused"} for state in states):
        raise typer.Exit(Exit.PARTIAL)


def _document(app: App, desk: Desk, states: list[ContractState], short: Sequence[Issue]) -> dict[str, object]:
    look = look_at(app, desk)
    return {
        "schema_version": 1,
        "open_intents": look.facts.intents.count,
        **running_json(app, desk),
        "issues": [issue_json(issue) for issue in short],
        "reports": [summary_json(one.name, list(one.rows(look))) for one in REPORTS],
        "contracts": [_row(state) for state in states],
    }


def _print_rest(app: App, desk: Desk, short: Sequence[Issue], *, known: bool) -> None:
    if not known:
        say("The journal knows no contract yet; run `connector sync` first.")
    waiting = app.journal.open_intents(desk.name).count
    if waiting:
        say(f"{waiting} Stripe writes have no answer yet; the next sync settles them.", "yellow")
    for line in (line for issue in short for line in issue_lines(issue)):
        say(line, "red")
    print_short(app, desk)


def _rank(outcome: str) -> int:
    return OUTCOMES.index(outcome) if outcome in OUTCOMES else len(OUTCOMES)


def _print(states: list[ContractState]) -> None:
    for state in states:
        words = state.status.get("message") or state.status.get("error") or ""
        change = f"  next change {state.next_change}" if state.next_change else ""
        name = state.status.get("name") or ""
        out.print(Text(f"{state.outcome:<8} {state.record}  {name}{change}", style=_STYLES.get(state.outcome, "")))
        if words:
            out.print(Text(f"         {words}"))
        if words and state.status.get("remedy"):
            out.print(Text(f"         fix: {state.status['remedy']}"))
        for adopted in state.status.get("adopted") or ():
            out.print(Text(f"         adopted: {adopted}"))
        if state.outcome == "pending" and state.status.get("fingerprint"):
            out.print(Text(f"         approve: connector approve {state.status['fingerprint'][:12]}"))


def _row(state: ContractState) -> dict[str, object]:
    return {
        "contract": state.contract_key,
        "record": state.record,
        "outcome": state.outcome,
        "status": jsonlib.loads(jsonlib.dumps(dict(state.status))),
        "next_change": state.next_change.isoformat() if state.next_change else None,
        "updated_at": state.updated_at.isoformat(),
    }
