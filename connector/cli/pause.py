"""`pause` and `resume`: stop a connection's jobs for a while, and let them go on."""

import getpass
from datetime import datetime
from typing import Annotated

import typer

from connector.app import App
from connector.cli.context import ConfigOption, open_app
from connector.cli.exits import Exit
from connector.cli.output import say
from connector.domain.errors import ConfigError
from connector.journal import ALL, Pause

Which = Annotated[str, typer.Argument(metavar="CONNECTION", help="The connection's name, or all.")]
By = Annotated[str | None, typer.Option(help="Who does it (default: who is logged in here).", show_default=False)]


def pause(
    connection: Which,
    reason: Annotated[str, typer.Option(help="Why; shown by status.")],
    by: By = None,
    config: ConfigOption = None,
) -> None:
    """Pause a connection: no job touches it, on any machine, until `resume`. The contract in hand is finished."""
    with open_app(config) as app:
        name = _named(app, connection)
        made = app.journal.pause(name, reason=reason, by=by or getpass.getuser(), now=_now(app))
        say(f"Paused: {paused_words(made)}.")
        say("A sync by hand needs --force now. Go on with: connector resume " + connection)


def resume(connection: Which, by: By = None, config: ConfigOption = None) -> None:
    """Let a paused connection go on; what changed meanwhile is seen at its next sync."""
    with open_app(config) as app:
        name = _named(app, connection)
        if app.journal.resume(name, by=by or getpass.getuser(), now=_now(app)):
            say(f"{connection} goes on.")
        else:
            say(f"{connection} was not paused.")
        for left in app.journal.pauses():
            if name in {ALL, left.connection} or left.connection == ALL:
                say(f"Still paused: {paused_words(left)}.", "yellow")


def paused_words(found: Pause) -> str:
    """Say what is paused, since when, by whom and why."""
    what = "all connections" if found.connection == ALL else found.connection
    return f"{what}, since {found.paused_at:%Y-%m-%d %H:%M} UTC by {found.paused_by}: {found.reason}"


def require_not_paused(app: App, connection: str, *, force: bool | None = None) -> None:
    """End the command when its connection is paused, unless forced; `force` is None where there is no such option."""
    found = app.journal.paused(connection)
    if found is None:
        return
    if force:
        say(f"Forced although paused: {paused_words(found)}.", "yellow")
        return
    first = "`connector resume` first" if force is None else "use --force, or `connector resume` first"
    say(f"Paused: {paused_words(found)}. Nothing was done; {first}.", "red")
    raise typer.Exit(Exit.BUSY)


def _named(app: App, connection: str) -> str:
    if connection == "all":
        return ALL
    if connection not in app.desks:
        raise ConfigError(f"there is no connection {connection!r}; there are {', '.join(app.desks)}, and all")
    return connection


def _now(app: App) -> datetime:
    return next(iter(app.desks.values())).clock()
