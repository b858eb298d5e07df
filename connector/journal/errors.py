"""What can go wrong with the journal, named by what the caller does next.

Everything else that a database can raise (a full disk, a lost connection) stays SQLAlchemy's own exception.
"""

from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

#: The database itself cannot be used just now; it is nobody's contract's fault.
DATABASE_AWAY = (OperationalError, InterfaceError, PoolTimeoutError)


class JournalError(Exception):
    """The journal was asked for something it cannot do honestly; the message says what."""


class JournalSchemaError(JournalError):
    """The tables are missing, older or newer than this program: do not start.

    `remedy` is the sentence that tells an operator what to do; it is part of the message too.
    """

    def __init__(self, problem: str, *, remedy: str) -> None:
        super().__init__(f"{problem}; {remedy}")
        self.problem = problem
        self.remedy = remedy


class LeaseLostError(JournalError):
    """Another worker may hold the account by now: stop before the next call to a vendor."""
