"""A copy of a journal on SQLite that is whole although the journal is in use. PostgreSQL has its own tools."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from connector.journal.engine import create_private_file, database_file, journal_url
from connector.journal.errors import JournalError
from connector.journal.store import open_journal


def back_up(url: str, copy: Path) -> int:
    """Copy the journal to a new file that its owner alone can read; returns the rows of its audit chain.

    The copy is checked before it gets its name. Raises JournalError when it cannot be made, JournalSchemaError when
    there is no journal of this version.
    """
    file = database_file(journal_url(url))
    if file is None:
        raise JournalError("only a journal in a SQLite file is copied here; for PostgreSQL use pg_dump")
    if copy.exists():
        raise JournalError(f"{copy} is there already; name a new file")
    part = copy.with_name(f"{copy.name}.part")
    open_journal(url).close()
    try:
        part.unlink(missing_ok=True)
        create_private_file(part)
        with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(part)) as target:
            source.backup(target)
            target.execute("PRAGMA journal_mode = DELETE")  # one file, with nothing beside it
            (found,) = target.execute("PRAGMA integrity_check").fetchone()
        if found != "ok":
            raise JournalError(f"the copy is damaged: {found}")
        entries = _checked(part)
        os.link(part, copy)  # unlike a rename it never replaces a file that came to be meanwhile
    except (OSError, sqlite3.Error) as error:
        raise JournalError(f"the journal could not be copied to {copy}: {error}") from error
    finally:
        for left in copy.parent.glob(f"{part.name}*"):
            left.unlink()
    return entries


def _checked(file: Path) -> int:
    with open_journal(f"sqlite:///{file}") as journal:
        check = journal.verify_audit()
    if check.problem is not None:
        raise JournalError(f"the audit chain of the journal is broken: {check.problem}")
    return check.entries
