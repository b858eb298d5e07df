"""The journal's schema and its versions: alembic, configured in code so that it works from an installed package.

`upgrade` may be started by any number of processes at once: one does the work, the others wait and find it done. Only
then is alembic loaded (nine megabytes); that the versions are the right ones is told without it.
"""

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import Connection, Engine, column, inspect, select, table, text

from connector.journal.engine import READ_ONLY, create_private_file, database_file, journal_url, open_engine
from connector.journal.errors import JournalSchemaError

VERSION_TABLE = "journal_version"
UPGRADE = "run: connector db upgrade"
_MIGRATIONS = Path(__file__).parent / "migrations"
_UPGRADE_LOCK = 0x6A6F7572  # any number, the same for every program that upgrades


def head() -> str:
    """Return the schema version this program works with."""
    return versions()[-1]


def versions() -> tuple[str, ...]:
    """List the schema versions this program knows, oldest first: each one's file is named v and its number."""
    names = sorted(path.stem for path in (_MIGRATIONS / "versions").glob("v[0-9]*.py"))
    return tuple(name.removeprefix("v").partition("_")[0] for name in names)


def current(url: str) -> str | None:
    """Return the schema version of a database; None if no journal was ever set up there. Creates nothing."""
    parsed = journal_url(url)
    file = database_file(parsed)
    if file is not None and not file.exists():
        return None
    engine = open_engine(parsed)
    try:
        return _current(engine)
    finally:
        engine.dispose()


def upgrade(url: str) -> str:
    """Bring the database at a URL to `head()`, creating it where it is a SQLite file; returns the version.

    Raises JournalSchemaError if it is newer than this program. All or nothing on both databases.
    """
    parsed = journal_url(url)
    file = database_file(parsed)
    if file is not None:
        create_private_file(file)
    engine = open_engine(parsed)
    try:
        return upgrade_engine(engine)
    finally:
        engine.dispose()


def upgrade_engine(engine: Engine) -> str:
    """`upgrade` for a database that is already open."""
    from alembic import command  # noqa: PLC0415 -- see above
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":  # SQLite has taken its write lock by now
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _UPGRADE_LOCK})
        revision = _revision(connection)
        problem = schema_problem(revision, versions(), engine.url.render_as_string(hide_password=True))
        if problem is not None and problem.remedy != UPGRADE:
            raise problem
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return head()


def require_head(engine: Engine) -> None:
    """Raise JournalSchemaError unless the tables are those of this program."""
    file = database_file(engine.url)
    revision = None if file is not None and not file.exists() else _current(engine)
    problem = schema_problem(revision, versions(), engine.url.render_as_string(hide_password=True))
    if problem is not None:
        raise problem


def schema_problem(revision: str | None, known: Sequence[str], where: str) -> JournalSchemaError | None:
    """Say what is wrong with the schema found at `where`, given the versions this program knows, oldest first."""
    if revision is None:
        return JournalSchemaError(f"there is no journal at {where}", remedy=UPGRADE)
    if revision not in known:
        problem = f"the journal at {where} has schema {revision}, which this program does not know"
        return JournalSchemaError(problem, remedy="install the version of connector that made it, or a newer one")
    if revision != known[-1]:
        problem = f"the journal at {where} has schema {revision}, this program needs {known[-1]}"
        return JournalSchemaError(problem, remedy=UPGRADE)
    return None


def _current(engine: Engine) -> str | None:
    with engine.connect().execution_options(**READ_ONLY) as connection:
        return _revision(connection)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    return connection.scalar(select(column("version_num")).select_from(table(VERSION_TABLE)))
