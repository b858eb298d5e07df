"""The command tree, and the one place where errors become exit codes."""

import sys
from collections.abc import Sequence
from typing import NoReturn

import typer

from connector import __version__
from connector.cli import alerts as alert_commands
from connector.cli import backfill as backfill_commands
from connector.cli import config as config_commands
from connector.cli import db as db_commands
from connector.cli import map as map_commands
from connector.cli.adopt import adopt
from connector.cli.dead import dead, retry
from connector.cli.demo import demo
from connector.cli.doctor import doctor
from connector.cli.drift import drift
from connector.cli.exits import Exit
from connector.cli.explain import explain
from connector.cli.output import err, say
from connector.cli.pause import pause, resume
from connector.cli.plan import apply, approve, plan, sync
from connector.cli.reconcile import reconcile
from connector.cli.report import report
from connector.cli.run import run as run_jobs
from connector.cli.sandbox import sandbox
from connector.cli.setup import setup
from connector.cli.snapshot import snapshot
from connector.cli.status import status
from connector.domain.errors import ConfigError, ConnectorError, RejectedError, RetryableError
from connector.journal import JournalError, JournalSchemaError, LeaseLostError

app = typer.Typer(
    name="connector",
    help="Turn closed CRM deals into correct Stripe billing.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
for command in (
    demo,
    plan,
    apply,
    sync,
    approve,
    adopt,
    drift,
    reconcile,
    explain,
    status,
    report,
    snapshot,
    doctor,
    setup,
    sandbox,
):
    app.command()(command)
for running in (pause, resume, dead, retry):
    app.command()(running)
app.command("run")(run_jobs)
app.add_typer(backfill_commands.app, name="backfill")
app.add_typer(alert_commands.app, name="alerts")
app.add_typer(config_commands.app, name="config")
app.add_typer(db_commands.app, name="db")
app.add_typer(map_commands.app, name="map")


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


def main() -> NoReturn:
    """Run the command line; every expected failure is one clear text and a code a script may rely on."""
    sys.exit(run())


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; without arguments, those of the process."""
    try:
        result = app(args=arguments, prog_name="connector", standalone_mode=False)
    except KeyboardInterrupt:
        return _failed("Interrupted; the journal is consistent, the next run goes on from here.", Exit.INTERRUPTED)
    except typer.Abort:
        return _failed("Nobody confirmed, so nothing was changed. Use --yes where nobody can.", Exit.INTERRUPTED)
    except (ConnectorError, JournalError) as error:
        return _failed(str(error), _code(error))
    except Exception as error:  # noqa: BLE001  (the last resort of a command: usage errors, and bugs)
        return _unexpected(error)
    return result if isinstance(result, int) else Exit.OK


def _code(error: Exception) -> Exit:
    for kinds, code in (
        ((ConfigError, JournalSchemaError), Exit.INVALID),
        ((RejectedError, RetryableError), Exit.REMOTE),
        ((LeaseLostError,), Exit.BUSY),
    ):
        if isinstance(error, kinds):
            return code
    return Exit.BUG


def _unexpected(error: Exception) -> int:
    """Show a usage error as the command-line library words it; anything else is a bug and shows its traceback."""
    show = getattr(error, "show", None)
    if show is not None and hasattr(error, "exit_code"):
        show()
        return Exit.USAGE
    err.print_exception(show_locals=False)
    return _failed("This is a bug in the connector. Nothing is half done: the next run goes on from here.", Exit.BUG)


def _failed(text: str, code: Exit) -> int:
    say(text, "red")
    return code
