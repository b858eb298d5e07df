"""The journal's tables: what we did, to what, on whose word. Money events are not kept here.

The same definitions serve SQLite and PostgreSQL. A change here needs a migration beside it (`migrations/versions`); a
test compares the two. Times are UTC; keys are ours; `connection` is the name of a configured CRM-to-Stripe pair.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from connector.journal.columns import JsonText, UtcTime

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite numbers rows by itself only in a column declared INTEGER.
Number = BigInteger().with_variant(Integer, "sqlite")

runs = Table(
    "runs",
    metadata,
    Column("id", Number, primary_key=True),
    Column("job", Text, nullable=False),
    Column("connection", Text, nullable=False),
    Column("started_at", UtcTime, nullable=False),
    Column("finished_at", UtcTime),  # NULL: running, or killed
    Column("mapping_hash", Text, nullable=False),
    Column("config_hash", Text, nullable=False),
    Column("counts", JsonText),
    Index(None, "connection", "job", "id"),
)

run_contracts = Table(
    "run_contracts",
    metadata,
    Column("run_id", Number, ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("contract_key", Text, primary_key=True),
    Column("connection", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("issues", JsonText, nullable=False),
    Column("fingerprint", Text),
    Column("tie_out", JsonText),
    Column("duration_ms", Integer, nullable=False),
    Column("recorded_at", UtcTime, nullable=False),
    Index(None, "connection", "contract_key", "run_id"),
)

contracts = Table(
    "contracts",
    metadata,
    Column("connection", Text, primary_key=True),
    Column("contract_key", Text, primary_key=True),
    Column("record", Text, nullable=False),  # the CRM's own reference
    Column("account_key", Text, nullable=False),
    Column("source_hash", Text, nullable=False),  # of all that went in, while nothing was to do; "" when something was
    Column("same_until", Date),  # equal means nothing to do before this day; NULL: on no day known
    Column("outcome", Text, nullable=False),
    Column("status", JsonText, nullable=False),
    Column("next_change", Date),
    Column("updated_at", UtcTime, nullable=False),
    Column("since", UtcTime),  # since when it is settled, or is not
    Index(None, "connection", "account_key"),
    Index(None, "connection", "record"),
    Index(None, "connection", "outcome", "contract_key"),
    Index(None, "connection", "outcome", "since"),
    Index(None, "connection", "next_change"),
)

links = Table(
    "links",
    metadata,
    Column("connection", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("stripe_id", Text, nullable=False),
    Column("applied_hash", Text, nullable=False),
    Column("applied", JsonText, nullable=False),
    Column("contract_key", Text, nullable=False),
    Column("account_key", Text, nullable=False),
    Column("currency", Text),
    Column("created_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    Column("retired_at", UtcTime),  # set once the object was retired at Stripe; the id stays known
    Index(None, "connection", "contract_key"),
    Index(None, "connection", "account_key"),
    Index(None, "connection", "stripe_id"),
)

operations = Table(
    "operations",
    metadata,
    Column("id", Number, primary_key=True),
    Column("run_id", Number, ForeignKey("runs.id", ondelete="SET NULL")),
    Column("connection", Text, nullable=False),
    Column("contract_key", Text, nullable=False),
    Column("account_key", Text, nullable=False),
    Column("currency", Text),
    Column("kind", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("verb", Text, nullable=False),
    Column("idempotency_key", Text, nullable=False),
    Column("body_hash", Text, nullable=False),  # of the encoded request body
    Column("applied_hash", Text, nullable=False),  # of the desired parameters below
    Column("applied", JsonText, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("stripe_id", Text),
    Column("request_id", Text),
    Column("error", JsonText),
    Column("started_at", UtcTime, nullable=False),  # first use of the idempotency key
    Column("finished_at", UtcTime),
    CheckConstraint("state IN ('intent', 'done', 'failed')", name="state"),
    CheckConstraint("verb IN ('create', 'update', 'retire')", name="verb"),
    Index(None, "connection", "contract_key", "id"),
    Index(None, "connection", "kind", "key"),
    Index(None, "connection", "idempotency_key"),
    Index(None, "run_id"),
    Index(
        "uq_operations_open_intent",
        "connection",
        "idempotency_key",
        unique=True,
        sqlite_where=text("state = 'intent'"),
        postgresql_where=text("state = 'intent'"),
    ),
)

plans = Table(
    "plans",
    metadata,
    Column("connection", Text, primary_key=True),
    Column("contract_key", Text, primary_key=True),
    Column("fingerprint", Text, primary_key=True),
    Column("plan", JsonText, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("seen_at", UtcTime, nullable=False),  # the last time the same plan was made again
    Index(None, "fingerprint"),
)

approvals = Table(
    "approvals",
    metadata,
    Column("id", Number, primary_key=True),
    Column("connection", Text, nullable=False),
    Column("contract_key", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("approved_by", Text, nullable=False),
    Column("approved_at", UtcTime, nullable=False),
    Column("reason", Text, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Index(None, "fingerprint"),
)

adopted_edits = Table(
    "adopted_edits",
    metadata,
    Column("id", Number, primary_key=True),
    Column("connection", Text, nullable=False),
    Column("contract_key", Text, nullable=False),
    Column("edit", JsonText, nullable=False),
    Column("adopted_by", Text, nullable=False),
    Column("adopted_at", UtcTime, nullable=False),
    Column("reason", Text, nullable=False),
    Column("ended_at", UtcTime),  # set once it was taken back, or undone by a plan that was applied
    Index(None, "connection", "contract_key"),
)

cursors = Table(
    "cursors",
    metadata,
    Column("connection", Text, primary_key=True),
    Column("stream", Text, primary_key=True),
    Column("value", JsonText, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
)

stamps = Table(
    "stamps",
    metadata,
    Column("connection", Text, primary_key=True),
    Column("record", Text, primary_key=True),  # an order or deal, by the CRM's id
    Column("root", Text, nullable=False),  # the contract's own record: another one for amendments
    Column("stamp", UtcTime),  # of the CRM, when the record was handled last; NULL: known, never handled
    Column("mapping", Text, nullable=False),  # hash of the mapping file it was read by
    Column("swept_at", UtcTime, nullable=False),  # when the CRM was last seen to have it
    Index(None, "connection", "swept_at"),
)

findings = Table(
    "findings",
    metadata,
    Column("connection", Text, primary_key=True),
    Column("kind", Text, primary_key=True),  # edited, ended, missing, unknown
    Column("subject", Text, primary_key=True),  # Stripe's id of what it is about
    Column("contract_key", Text, nullable=False),  # "" when no contract is known
    Column("detail", Text, nullable=False),
    Column("found_at", UtcTime, nullable=False),
    Column("seen_at", UtcTime, nullable=False),  # the last reconcile that met it
)

cleared = Table(
    "cleared",
    metadata,
    Column("connection", Text, primary_key=True),
    Column("subject", Text, primary_key=True),  # Stripe's id of a schedule that is not, to the letter, what was applied
    Column("mark", Text, nullable=False),  # hash of how it was found; a look at the contract explained all of it
)

leases = Table(
    "leases",
    metadata,
    Column("account_key", Text, primary_key=True),
    Column("owner", Text),  # NULL: released; the row stays so that `generation` only ever grows
    Column("expires_at", UtcTime, nullable=False),
    Column("generation", Number, nullable=False),
)

work = Table(
    "work",
    metadata,
    Column("connection", Text, primary_key=True),
    Column("account", Text, primary_key=True),  # the customer, or the record where the customer is not known yet
    Column("state", Text, nullable=False),
    Column("generation", Number, nullable=False),  # grows with every submission
    Column("due_at", UtcTime),  # NULL: nothing was submitted since the last claim
    Column("attempts", Integer, nullable=False),
    Column("failure", Text),
    Column("last_error", Text),
    Column("reason", Text, nullable=False),
    Column("lease_owner", Text),
    Column("lease_until", UtcTime),
    Column("updated_at", UtcTime, nullable=False),
    CheckConstraint("state IN ('due', 'running', 'idle', 'parked', 'dead')", name="state"),
    Index(None, "state", "due_at"),
    Index(None, "state", "lease_until"),
    Index(None, "lease_owner"),
)

work_records = Table(
    "work_records",
    metadata,
    Column("connection", Text, primary_key=True),
    Column("account", Text, primary_key=True),
    Column("record", Text, primary_key=True),  # a record that was hinted at; gone once it was looked at
    Column("generation", Number, nullable=False),  # of the submission that hinted at it last
)

rates = Table(
    "rates",
    metadata,
    Column("bucket", Text, primary_key=True),
    Column("full", Float, nullable=False),  # the configured rate, requests a second
    Column("rate", Float, nullable=False),  # what was learned: less where the vendor refused
    Column("arrival", Float, nullable=False),  # when the next slot begins, seconds since 1970
    Column("refused", Float, nullable=False),  # when the vendor refused last
)

audit = Table(
    "audit",
    metadata,
    Column("seq", Number, primary_key=True, autoincrement=False),
    Column("at", UtcTime, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("detail", JsonText, nullable=False),
    Column("prev_hash", Text, nullable=False),
    Column("hash", Text, nullable=False),
)

backfills = Table(
    "backfills",
    metadata,
    Column("id", Number, primary_key=True),
    Column("connection", Text, nullable=False),
    Column("phase", Text, nullable=False),
    Column("selection", JsonText, nullable=False),
    Column("cursor", Text, nullable=False),  # the last record that was listed
    Column("billed_through", Date),
    Column("mapping_hash", Text, nullable=False),
    Column("config_hash", Text, nullable=False),
    Column("started_by", Text, nullable=False),
    Column("started_at", UtcTime, nullable=False),
    Column("calls", JsonText, nullable=False),  # what reading took, what writing will take
    Column("digest", Text),  # of all that the dry run showed; NULL until it has ended
    Column("verdict", Text),
    Column("reasons", JsonText),
    Column("planned_at", UtcTime),
    Column("approved", JsonText),  # {digest, by, reason, at}
    Column("applied_by", Text),
    Column("applied_at", UtcTime),
    Column("paused", JsonText),  # {by, reason, at}
    Column("finished_at", UtcTime),
    CheckConstraint("phase IN ('selecting', 'planning', 'planned', 'applying', 'done')", name="phase"),
    Index(None, "connection", "id"),
)

backfill_items = Table(
    "backfill_items",
    metadata,
    Column(
        "backfill_id", Number, ForeignKey("backfills.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    ),
    Column("record", Text, primary_key=True),  # as it was listed or named
    Column("state", Text, nullable=False),
    Column("contract_key", Text),
    Column("root", Text),  # the contract's first record
    Column("name", Text),
    Column("currency", Text),
    Column("change", Text),
    Column("verdict", Text),
    Column("outcome", Text),
    Column("fingerprint", Text),
    Column("wanted", Text),  # digest of what Stripe shall hold
    Column("billed_through", Date),
    Column("sold", BigInteger),  # minor units, these three
    Column("to_bill", BigInteger),
    Column("elsewhere", BigInteger),
    Column("differences", JsonText),  # reason → minor units, of sold - to_bill
    Column("writes", Integer, nullable=False),
    Column("issues", JsonText),
    Column("reasons", JsonText),
    Column("ids", JsonText),
    Column("words", Text),
    Column("claimed_by", Text),
    Column("claimed_until", UtcTime),
    Column("due_at", UtcTime),
    Column("settled_at", UtcTime),
    CheckConstraint("state IN ('selected', 'planned', 'done', 'left_out')", name="state"),
    UniqueConstraint("backfill_id", "contract_key", name="uq_backfill_items_backfill_id_contract_key"),
    Index(None, "backfill_id", "state", "record"),
)

backfill_shared = Table(  # objects that several contracts of a back-fill need, each counted once
    "backfill_shared",
    metadata,
    Column(
        "backfill_id", Number, ForeignKey("backfills.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    ),
    Column("name", Text, primary_key=True),
)

takeovers = Table(  # the first day that is not billed elsewhere, where people told us and not the CRM
    "takeovers",
    metadata,
    Column("connection", Text, primary_key=True),
    Column("contract_key", Text, primary_key=True),
    Column("billed_through", Date, nullable=False),
    Column("told_by", Text, nullable=False),
    Column("told_at", UtcTime, nullable=False),
)

sold = Table(  # what the first record of a contract sold when it was billed, where edits count from a day on
    "sold",
    metadata,
    Column("connection", Text, primary_key=True),
    Column("contract_key", Text, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),  # the oldest is 0
    Column("since", Date),  # the first day on which it counts; NULL: from the beginning
    Column("inputs", Text, nullable=False),  # fingerprint of what was sold
    Column("records", Text, nullable=False),  # as they were read, JSON with exact numbers
    Column("kept_at", UtcTime, nullable=False),
)
