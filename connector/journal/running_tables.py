"""The tables of running by itself: which job runs where, what is paused or away, what is wrong, and who is told.

As with `tables.py`, a change here needs a migration beside it.
"""

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, Table, Text, text

from connector.journal.columns import UtcTime
from connector.journal.tables import Number, metadata

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

incidents = Table(
    "incidents",
    metadata,
    Column("id", Number, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("connection", Text, nullable=False),  # "" for what concerns all of them
    Column("since", UtcTime, nullable=False),  # since when it is so, as far as is known
    Column("opened_at", UtcTime, nullable=False),
    Column("seen_at", UtcTime, nullable=False),
    Column("closed_at", UtcTime),
    Column("count", Integer, nullable=False),
    Column("what", Text, nullable=False),
    Index(
        "uq_incidents_open",
        "kind",
        "connection",
        unique=True,
        sqlite_where=text("closed_at IS NULL"),
        postgresql_where=text("closed_at IS NULL"),
    ),
)

notices = Table(
    "notices",
    metadata,
    Column("id", Number, primary_key=True),
    Column("incident_id", Number, ForeignKey("incidents.id", ondelete="CASCADE"), nullable=False),
    Column("channel", Text, nullable=False),
    Column("word", Text, nullable=False),
    Column("made_at", UtcTime, nullable=False),
    Column("due_at", UtcTime, nullable=False),  # not before; moved on by whoever takes it up, and by a failure
    Column("attempts", Integer, nullable=False),
    Column("sent_at", UtcTime),
    Column("error", Text),
    CheckConstraint("word IN ('opened', 'reminder', 'closed')", name="word"),
    Index(None, "incident_id"),
    Index(None, "sent_at", "due_at"),
)
