"""`connector alerts`: what is wrong just now, whether people could be told, and a test of the channels."""

import typer
from rich.text import Text

from connector.alerts import KINDS, send_test
from connector.cli.context import ConfigOption, JsonOption, open_app
from connector.cli.exits import Exit
from connector.cli.output import out, print_json, say
from connector.cli.report import age
from connector.domain.errors import ConfigError
from connector.masking import masked

app = typer.Typer(help="Incidents, and the channels that tell of them.", no_args_is_help=True)


@app.command("list")
def show(json: JsonOption = False, config: ConfigOption = None) -> None:
    """List open incidents and what could not be sent yet. Exits 4 when there is an incident."""
    with open_app(config) as opened:
        incidents, unsent = opened.journal.open_incidents(), opened.journal.unsent_notices()
        now = next(iter(opened.desks.values())).clock()
    if json:
        rows = [
            {
                "kind": one.kind,
                "connection": one.connection or None,
                "since": one.since.isoformat(),
                "opened_at": one.opened_at.isoformat(),
                "count": one.count,
                "what": one.what,
                "remedy": KINDS[one.kind].remedy,
            }
            for one in incidents
        ]
        waiting = [
            {"channel": one.channel, "word": one.word, "attempts": one.attempts, "error": one.error} for one in unsent
        ]
        print_json({"schema_version": 1, "incidents": rows, "unsent": waiting})
    else:
        for one in incidents:
            where = one.connection or "all connections"
            out.print(Text(f"{one.kind}  {where}  since {age(one.since, now)}", style="red"))
            out.print(Text(f"    {masked(one.what)}"))
            out.print(Text(f"    fix: {KINDS[one.kind].remedy}"))
        if not incidents:
            out.print("No incident is open.")
        for notice in unsent:
            say(f"not sent by {notice.channel} after {notice.attempts} tries: {notice.error or 'due now'}", "yellow")
    raise typer.Exit(Exit.PARTIAL if incidents else Exit.OK)


@app.command("test")
def send(config: ConfigOption = None) -> None:
    """Send a test message to every channel that is configured."""
    with open_app(config) as opened:
        done = send_test(opened)
    if not done:
        raise ConfigError("[alerts] names no channel: set webhook, or smtp_host with mail_from and mail_to")
    for channel, error in done.items():
        say(f"{channel}: {error or 'sent'}", "red" if error else "green")
    if any(done.values()):
        raise typer.Exit(Exit.REMOTE)
