"""First tables: runs, contracts, links, operations, plans, approvals, cursors, leases and the audit chain.

It repeats the definitions instead of importing them: this version must stay what it was when tables change later.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create everything."""
    _create_runs()
    _create_contracts()
    _create_links()
    _create_operations()
    _create_plans()
    _create_cursors_and_leases()
    _create_audit()
    for statement in _append_only(op.get_bind().dialect.name):
        op.execute(statement)


def _create_runs() -> None:
    op.create_table(
        "runs",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("started_at", TIME, nullable=False),
        sa.Column("finished_at", TIME),
        sa.Column("mapping_hash", sa.Text(), nullable=False),
        sa.Column("config_hash", sa.Text(), nullable=False),
        sa.Column("counts", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_runs"),
    )
    _index("runs", "connection", "job", "id")
    op.create_table(
        "run_contracts",
        sa.Column("run_id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("contract_key", sa.Text(), nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("issues", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text()),
        sa.Column("tie_out", sa.Text()),
        sa.Column("duration_ms", sa.Integer(), nullable=False),
        sa.Column("recorded_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_run_contracts_run_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "contract_key", name="pk_run_contracts"),
    )
    _index("run_contracts", "connection", "contract_key", "run_id")


def _create_contracts() -> None:
    op.create_table(
        "contracts",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("contract_key", sa.Text(), nullable=False),
        sa.Column("record", sa.Text(), nullable=False),
        sa.Column("account_key", sa.Text(), nullable=False),
        sa.Column("source_hash", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("next_change", sa.Date()),
        sa.Column("updated_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("connection", "contract_key", name="pk_contracts"),
    )
    _index("contracts", "connection", "account_key")
    _index("contracts", "connection", "outcome", "contract_key")
    _index("contracts", "connection", "next_change")


def _create_links() -> None:
    op.create_table(
        "links",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("stripe_id", sa.Text(), nullable=False),
        sa.Column("applied_hash", sa.Text(), nullable=False),
        sa.Column("applied", sa.Text(), nullable=False),
        sa.Column("contract_key", sa.Text(), nullable=False),
        sa.Column("account_key", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text()),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.Column("retired_at", TIME),
        sa.PrimaryKeyConstraint("connection", "kind", "key", name="pk_links"),
    )
    _index("links", "connection", "contract_key")
    _index("links", "connection", "account_key")
    _index("links", "connection", "stripe_id")


def _create_operations() -> None:
    op.create_table(
        "operations",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("run_id", NUMBER),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("contract_key", sa.Text(), nullable=False),
        sa.Column("account_key", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text()),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("verb", sa.Text(), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        sa.Column("body_hash", sa.Text(), nullable=False),
        sa.Column("applied_hash", sa.Text(), nullable=False),
        sa.Column("applied", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("stripe_id", sa.Text()),
        sa.Column("request_id", sa.Text()),
        sa.Column("error", sa.Text()),
        sa.Column("started_at", TIME, nullable=False),
        sa.Column("finished_at", TIME),
        sa.CheckConstraint("state IN ('intent', 'done', 'failed')", name="ck_operations_state"),
        sa.CheckConstraint("verb IN ('create', 'update', 'retire')", name="ck_operations_verb"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_operations_run_id", ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name="pk_operations"),
    )
    _index("operations", "connection", "contract_key", "id")
    _index("operations", "connection", "kind", "key")
    _index("operations", "connection", "idempotency_key")
    _index("operations", "run_id")
    is_open = sa.text("state = 'intent'")
    open_key = ["connection", "idempotency_key"]
    op.create_index(
        "uq_operations_open_intent",
        "operations",
        open_key,
        unique=True,
        sqlite_where=is_open,
        postgresql_where=is_open,
    )


def _create_plans() -> None:
    op.create_table(
        "plans",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("contract_key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("plan", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("seen_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("connection", "contract_key", "fingerprint", name="pk_plans"),
    )
    _index("plans", "fingerprint")
    op.create_table(
        "approvals",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("contract_key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("approved_by", sa.Text(), nullable=False),
        sa.Column("approved_at", TIME, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_approvals"),
    )
    _index("approvals", "fingerprint")


def _create_cursors_and_leases() -> None:
    op.create_table(
        "cursors",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("connection", "stream", name="pk_cursors"),
    )
    op.create_table(
        "leases",
        sa.Column("account_key", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text()),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("generation", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("account_key", name="pk_leases"),
    )


def _create_audit() -> None:
    op.create_table(
        "audit",
        sa.Column("seq", NUMBER, autoincrement=False, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("prev_hash", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_audit"),
    )


def _append_only(dialect: str) -> tuple[str, ...]:
    """Triggers by which the database itself refuses to change or delete audit rows."""
    if dialect == "postgresql":
        body = "$$ BEGIN RAISE EXCEPTION 'the audit chain is append-only'; END $$"
        call = "FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only()"
        return (
            f"CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS {body}",
            f"CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit {call}",
        )
    refuse = "BEGIN SELECT RAISE(ABORT, 'the audit chain is append-only'); END"
    return (
        f"CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit {refuse}",
        f"CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit {refuse}",
    )


def _index(table: str, *columns: str) -> None:
    op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns))
