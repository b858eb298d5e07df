"""What running by itself needs: slots, pauses, breakers and failures."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create everything."""
    _create_slots()
    _create_pauses_and_breakers()
    _create_failures()


def _create_slots() -> None:
    op.create_table(
        "slots",
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("slot", TIME, nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("claimed_at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("finished_at", TIME),
        sa.PrimaryKeyConstraint("job", "connection", "slot", name="pk_slots"),
    )
    _index("slots", "slot")


def _create_pauses_and_breakers() -> None:
    op.create_table(
        "pauses",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("paused_by", sa.Text(), nullable=False),
        sa.Column("paused_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("connection", name="pk_pauses"),
    )
    op.create_table(
        "breakers",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("vendor", sa.Text(), nullable=False),
        sa.Column("opened_at", TIME, nullable=False),
        sa.Column("retry_at", TIME, nullable=False),
        sa.Column("openings", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("connection", "vendor", name="pk_breakers"),
    )


def _create_failures() -> None:
    op.create_table(
        "failures",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("contract_key", sa.Text(), nullable=False),
        sa.Column("record", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("remedy", sa.Text(), nullable=False),
        sa.Column("since", TIME, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_at", TIME, nullable=False),
        sa.Column("due_at", TIME),
        sa.Column("mapping_hash", sa.Text(), nullable=False),
        sa.CheckConstraint("kind IN ('fix_data', 'fix_mapping', 'wait', 'bug')", name="ck_failures_kind"),
        sa.PrimaryKeyConstraint("connection", "contract_key", name="pk_failures"),
    )
    _index("failures", "connection", "due_at")
    _index("failures", "connection", "record")


def _index(table: str, *columns: str) -> None:
    op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns))
