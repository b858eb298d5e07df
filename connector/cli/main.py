"""The command tree, and the one place where errors become exit codes."""

import sys
from collections.abc import Sequence
from typing import NoReturn

import typer

from connector.cli.commands import CommandTree
from connector.cli.exits import Exit

app = typer.Typer(
    name="connector",
    cls=CommandTree,
    context_settings={"max_content_width": 110},
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # frames and colours would double the time that help takes
)


@app.callback()
def connector() -> None:
    """Turn closed CRM deals into correct Stripe billing."""


def main() -> NoReturn:
    """Run the command line; every expected failure is one clear text and a code a script may rely on."""
    sys.exit(run())


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; without arguments, those of the process."""
    try:
        result = app(args=arguments, prog_name="connector", standalone_mode=False)
    except KeyboardInterrupt:
        return _interrupted("Interrupted; the journal is consistent, the next run goes on from here.")
    except typer.Abort:
        return _interrupted("Nobody confirmed, so nothing was changed. Use --yes where nobody can.")
    except Exception as error:  # noqa: BLE001  (the last resort of a command: usage errors, and bugs)
        return _failed_by(error)
    return result if isinstance(result, int) else Exit.OK


def _failed_by(error: Exception) -> int:
    """Say what went wrong; a usage error is worded by the command-line library."""
    show = getattr(error, "show", None)
    if show is not None and hasattr(error, "exit_code"):
        show()
        return Exit.USAGE
    from connector.cli.failures import say_failure  # noqa: PLC0415 -- all that can go wrong is much to load

    return say_failure(error)


def _interrupted(text: str) -> int:
    typer.secho(text, fg="red", err=True)
    return Exit.INTERRUPTED
