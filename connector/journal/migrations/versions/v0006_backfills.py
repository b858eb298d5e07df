"""Back-fills: what was selected, shown and done, contract by contract; and from which day on contracts are ours."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0004"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the tables."""
    _create_backfills()
    _create_items()
    op.create_table(
        "backfill_shared",
        sa.Column("backfill_id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("backfill_id", "name", name="pk_backfill_shared"),
        sa.ForeignKeyConstraint(
            ["backfill_id"], ["backfills.id"], name="fk_backfill_shared_backfill_id", ondelete="CASCADE"
        ),
    )
    op.create_table(
        "takeovers",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("contract_key", sa.Text(), nullable=False),
        sa.Column("billed_through", sa.Date(), nullable=False),
        sa.Column("told_by", sa.Text(), nullable=False),
        sa.Column("told_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("connection", "contract_key", name="pk_takeovers"),
    )


def _create_backfills() -> None:
    op.create_table(
        "backfills",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("phase", sa.Text(), nullable=False),
        sa.Column("selection", sa.Text(), nullable=False),
        sa.Column("cursor", sa.Text(), nullable=False),
        sa.Column("billed_through", sa.Date()),
        sa.Column("mapping_hash", sa.Text(), nullable=False),
        sa.Column("config_hash", sa.Text(), nullable=False),
        sa.Column("started_by", sa.Text(), nullable=False),
        sa.Column("started_at", TIME, nullable=False),
        sa.Column("calls", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text()),
        sa.Column("verdict", sa.Text()),
        sa.Column("reasons", sa.Text()),
        sa.Column("planned_at", TIME),
        sa.Column("approved", sa.Text()),
        sa.Column("applied_by", sa.Text()),
        sa.Column("applied_at", TIME),
        sa.Column("paused", sa.Text()),
        sa.Column("finished_at", TIME),
        sa.PrimaryKeyConstraint("id", name="pk_backfills"),
        sa.CheckConstraint(
            "phase IN ('selecting', 'planning', 'planned', 'applying', 'done')", name="ck_backfills_phase"
        ),
    )
    _index("backfills", "connection", "id")


def _create_items() -> None:
    op.create_table(
        "backfill_items",
        sa.Column("backfill_id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("record", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("contract_key", sa.Text()),
        sa.Column("root", sa.Text()),
        sa.Column("name", sa.Text()),
        sa.Column("currency", sa.Text()),
        sa.Column("change", sa.Text()),
        sa.Column("verdict", sa.Text()),
        sa.Column("outcome", sa.Text()),
        sa.Column("fingerprint", sa.Text()),
        sa.Column("wanted", sa.Text()),
        sa.Column("billed_through", sa.Date()),
        sa.Column("sold", sa.BigInteger()),
        sa.Column("to_bill", sa.BigInteger()),
        sa.Column("elsewhere", sa.BigInteger()),
        sa.Column("differences", sa.Text()),
        sa.Column("writes", sa.Integer(), nullable=False),
        sa.Column("issues", sa.Text()),
        sa.Column("reasons", sa.Text()),
        sa.Column("ids", sa.Text()),
        sa.Column("words", sa.Text()),
        sa.Column("claimed_by", sa.Text()),
        sa.Column("claimed_until", TIME),
        sa.Column("due_at", TIME),
        sa.Column("settled_at", TIME),
        sa.PrimaryKeyConstraint("backfill_id", "record", name="pk_backfill_items"),
        sa.ForeignKeyConstraint(
            ["backfill_id"], ["backfills.id"], name="fk_backfill_items_backfill_id", ondelete="CASCADE"
        ),
        sa.CheckConstraint("state IN ('selected', 'planned', 'done', 'left_out')", name="ck_backfill_items_state"),
        sa.UniqueConstraint("backfill_id", "contract_key", name="uq_backfill_items_backfill_id_contract_key"),
    )
    _index("backfill_items", "backfill_id", "state", "record")


def _index(table: str, *columns: str) -> None:
    op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns))
