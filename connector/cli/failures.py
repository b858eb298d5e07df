"""How a command that failed ends: one text, and the code that a script may rely on."""

from connector.cli.exits import Exit
from connector.cli.output import err, say
from connector.domain.errors import ConfigError, ConnectorError, RejectedError, RetryableError
from connector.journal import JournalError, JournalSchemaError, LeaseLostError

_CODES = (
    ((ConfigError, JournalSchemaError), Exit.INVALID),
    ((RejectedError, RetryableError), Exit.REMOTE),
    ((LeaseLostError,), Exit.BUSY),
)


def say_failure(error: Exception) -> Exit:
    """Say what went wrong, and return the code; what nobody foresaw is a bug, and shows its traceback."""
    if isinstance(error, ConnectorError | JournalError):
        say(str(error), "red")
        return next((code for kinds, code in _CODES if isinstance(error, kinds)), Exit.BUG)
    err.print_exception(show_locals=False)
    say("This is a bug in the connector. Nothing is half done: the next run goes on from here.", "red")
    return Exit.BUG
