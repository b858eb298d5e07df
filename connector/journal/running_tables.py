"""The tables of running by itself: which job runs where, what is paused or away, and which contracts are not right.

As with `tables.py`, a change here needs a migration beside it.
"""

from sqlalchemy import CheckConstraint, Column, Index, Integer, Table, Text

from connector.journal.columns import UtcTime
from connector.journal.tables import metadata

slots = Table(
    "slots",
    metadata,
    Column("job", Text, primary_key=True),
    Column("connection", Text, primary_key=True),
    Column("slot", UtcTime, primary_key=True),  # its beginning
    Column("owner", Text, nullable=False),
    Column("claimed_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("finished_at", UtcTime),
    Index(None, "slot"),
)

pauses = Table(
    "pauses",
    metadata,
    Column("connection", Text, primary_key=True),  # `*`: all
    Column("reason", Text, nullable=False),
    Column("paused_by", Text, nullable=False),
    Column("paused_at", UtcTime, nullable=False),
)

breakers = Table(
    "breakers",
    metadata,
    Column("connection", Text, primary_key=True),  # `*`: what all connections share
    Column("vendor", Text, primary_key=True),
    Column("opened_at", UtcTime, nullable=False),
    Column("retry_at", UtcTime, nullable=False),
    Column("openings", Integer, nullable=False),
    Column("reason", Text, nullable=False),
)

failures = Table(
    "failures",
    metadata,
    Column("connection", Text, primary_key=True),
    Column("contract_key", Text, primary_key=True),
    Column("record", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("error", Text, nullable=False),
    Column("remedy", Text, nullable=False),
    Column("since", UtcTime, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("last_at", UtcTime, nullable=False),
    Column("due_at", UtcTime),  # NULL: waits for people
    Column("mapping_hash", Text, nullable=False),
    CheckConstraint("kind IN ('fix_data', 'fix_mapping', 'wait', 'bug')", name="kind"),
    Index(None, "connection", "due_at"),
    Index(None, "connection", "record"),
)
