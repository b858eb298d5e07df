"""What alembic runs for every command: migrate over the connection it was given, inside that connection's transaction.

`connector.journal.schema` makes the connection, holds the lock and commits.
"""

from alembic import context

from connector.journal.schema import VERSION_TABLE
from connector.journal.tables import metadata


def migrate() -> None:
    """Run the versions that are due."""
    connection = context.config.attributes["connection"]
    context.configure(connection=connection, target_metadata=metadata, version_table=VERSION_TABLE)
    context.run_migrations()


if __name__ == "env_py":  # alembic's name for this file; importing it any other way does nothing
    migrate()
