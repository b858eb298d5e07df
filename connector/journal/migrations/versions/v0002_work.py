"""The dispatcher's work, one row for each account that something is or was to be done for; contracts by record."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the table and its hinted records."""
    op.create_table(
        "work",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("generation", NUMBER, nullable=False),
        sa.Column("due_at", TIME),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("failure", sa.Text()),
        sa.Column("last_error", sa.Text()),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("lease_owner", sa.Text()),
        sa.Column("lease_until", TIME),
        sa.Column("updated_at", TIME, nullable=False),
        sa.CheckConstraint("state IN ('due', 'running', 'idle', 'parked', 'dead')", name="ck_work_state"),
        sa.PrimaryKeyConstraint("connection", "account", name="pk_work"),
    )
    op.create_index("ix_work_state_due_at", "work", ["state", "due_at"])
    op.create_index("ix_work_state_lease_until", "work", ["state", "lease_until"])
    op.create_index("ix_work_lease_owner", "work", ["lease_owner"])
    op.create_table(
        "work_records",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("record", sa.Text(), nullable=False),
        sa.Column("generation", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("connection", "account", "record", name="pk_work_records"),
    )
    op.create_index("ix_contracts_connection_record", "contracts", ["connection", "record"])
