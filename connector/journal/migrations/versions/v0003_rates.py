"""The table of rates: how fast a vendor may be called, shared by every process that does."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "rates",
        sa.Column("bucket", sa.Text(), nullable=False),
        sa.Column("full", sa.Float(), nullable=False),
        sa.Column("rate", sa.Float(), nullable=False),
        sa.Column("arrival", sa.Float(), nullable=False),
        sa.Column("refused", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("bucket", name="pk_rates"),
    )
