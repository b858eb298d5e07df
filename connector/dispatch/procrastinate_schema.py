"""procrastinate's own tables, beside the journal's in the same database."""

from typing import Any, LiteralString

import psycopg
from procrastinate.schema import SchemaManager
from psycopg import sql

_UPGRADE_LOCK = 0x70726F63  # any number, the same for every program that upgrades


def apply_schema(url: str) -> str:
    """Create procrastinate's tables where there are none; returns what was done. All or nothing."""
    with psycopg.connect(url) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [_UPGRADE_LOCK])
        if _is_there(connection):
            return "The tables of procrastinate are there already"
        schema: LiteralString = SchemaManager.get_schema()
        connection.execute(sql.SQL(schema))
        return "The tables of procrastinate were created"


def has_schema(url: str) -> bool:
    """Tell whether procrastinate's tables are there."""
    with psycopg.connect(url) as connection:
        return _is_there(connection)


def _is_there(connection: psycopg.Connection[Any]) -> bool:
    row = connection.execute("SELECT to_regclass('procrastinate_jobs')").fetchone()
    return row is not None and row[0] is not None
