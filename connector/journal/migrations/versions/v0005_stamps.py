"""Stamps: when records were modified, as they were handled last; until when a contract stays as it is; findings.

Tables are spelled out: this version must stay what it was when tables change later.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the tables; what was handled before is met anew by the first sweep."""
    op.create_table(
        "stamps",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("record", sa.Text(), nullable=False),
        sa.Column("root", sa.Text(), nullable=False),
        sa.Column("stamp", TIME),
        sa.Column("mapping", sa.Text(), nullable=False),
        sa.Column("swept_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("connection", "record", name="pk_stamps"),
    )
    op.create_index("ix_stamps_connection_swept_at", "stamps", ["connection", "swept_at"])
    op.add_column("contracts", sa.Column("same_until", sa.Date()))
    op.create_table(
        "findings",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("contract_key", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("found_at", TIME, nullable=False),
        sa.Column("seen_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("connection", "kind", "subject", name="pk_findings"),
    )
    op.create_table(
        "cleared",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("mark", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("connection", "subject", name="pk_cleared"),
    )
