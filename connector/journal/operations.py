"""Operations: every write to Stripe, in two steps. The intent is on disk before the call, the result after it.

What a crash leaves behind is therefore an intent without a result: the call may or may not have happened, and the next
run settles it with the same idempotency key, or by look-up once the key is too old (`Operation.started_at`).
The result and the link it produces are one transaction: there is no moment at which only one of them is true.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, bindparam, case, func, select, text

from connector.journal.audit import append_audit
from connector.journal.chapter import Chapter, columns_of, insert_by
from connector.journal.errors import JournalError
from connector.journal.leases import Lease, require_lease
from connector.journal.links import Link, read_link, write_link
from connector.journal.tables import operations, runs

Verb = Literal["create", "update", "retire"]
State = Literal["intent", "done", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """What is about to be written to Stripe, before it has a number in the journal.

    `body_hash` is of the encoded request; `applied` are the desired parameters that the link will remember, and
    `applied_hash` their hash.
    """

    run_id: int | None
    connection: str
    contract_key: str
    account_key: str
    kind: str
    key: str
    verb: Verb
    idempotency_key: str
    body_hash: str
    applied_hash: str
    applied: Mapping[str, Any]
    currency: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation(Intent):
    """A write to Stripe and what became of it. `attempts` above 1 means that an earlier try may have reached Stripe.

    `started_at` (UTC) is the first use of the idempotency key: Stripe forgets keys after about a day.
    """

    id: int
    state: State
    attempts: int
    stripe_id: str | None
    request_id: str | None
    error: Mapping[str, Any] | None
    started_at: datetime
    finished_at: datetime | None


class Operations(Chapter):
    """The chapter of operations."""

    def record_intent(self, intent: Intent, now: datetime, *, lease: Lease | None = None) -> Operation:
        """Write down what is about to be called; call only after this returns.

        The same idempotency key again, while its operation is open or failed, is the same operation with one more
        attempt. With `lease`, raises LeaseLostError instead of writing when the account is no longer ours. Raises
        JournalError when the key was used for another body: Stripe would refuse that too.
        """
        with self._writing() as database:
            if lease is not None:
                require_lease(database, lease, now)
            # The second look is for a worker that wrote the same intent a moment ago; with leases there is none.
            found = _reopened(database, intent) or _inserted(database, intent, now) or _reopened(database, intent)
            if found is None:
                raise JournalError(f"another worker is using idempotency key {intent.idempotency_key}")
            return found

    def record_result(self, operation_id: int, stripe_id: str, request_id: str | None, now: datetime) -> Link:
        """Close an operation whose call succeeded and write its link, in one transaction.

        Saying it twice is saying it once. Raises JournalError for an unknown operation and for a second, different id.
        """
        with self._writing() as database:
            operation = _locked(database, operation_id)
            if operation.state == "done" and operation.stripe_id != stripe_id:
                raise JournalError(f"operation {operation_id} already produced {operation.stripe_id}, not {stripe_id}")
            link = _link_after(operation, stripe_id, now)
            if operation.state == "done":  # what later operations made of the link must stand
                return read_link(database, link.connection, link.kind, link.key) or link
            stored = write_link(database, link)
            result = {"stripe_id": stripe_id, "request_id": request_id}
            _close(database, operation, "done", {**result, "error": None}, now)
            _audit(database, operation, result, now)
            return stored

    def record_failure(
        self, operation_id: int, error: Mapping[str, Any], now: datetime, *, request_id: str | None = None
    ) -> Operation:
        """Close an operation that Stripe refused for certain. An unknown outcome (a timeout) stays an intent instead.

        Raises JournalError for an unknown operation and for one that has succeeded.
        """
        with self._writing() as database:
            operation = _locked(database, operation_id)
            if operation.state == "done":
                raise JournalError(f"operation {operation_id} has succeeded and cannot fail any more")
            result = {"error": error, "request_id": request_id}
            _close(database, operation, "failed", result, now)
            _audit(database, operation, result, now)
            return _locked(database, operation_id)

    def epoch(self, connection: str, kind: str, key: str) -> int:
        """Count the settled operations on an object, to be put into the idempotency key of the next.

        A repeat after a crash then has the same key, and the same body sent again later (A, then B, then A) a new one:
        with the old key Stripe would answer from memory and change nothing.
        """
        with self._reading() as database:
            named = {"connection": connection, "kind": kind, "key": key}
            return int(database.execute(_SETTLED, named).scalar_one())

    def contract_mark(self, connection: str, contract_key: str) -> tuple[int, datetime | None]:
        """Return a mark of a contract's operations that changes with each that is begun or closed."""
        with self._reading() as database:
            named = {"connection": connection, "contract_key": contract_key}
            number, finished = database.execute(_MARK, named).one()
            return number or 0, finished

    def changed_contracts(self, connection: str, job: str, since_run: int) -> dict[str, bool]:
        """Name the contracts that runs of a job, from a number on, changed; each with whether something was ended.

        What was only created is no change.
        """
        ended = func.max(case((operations.c.verb == "retire", 1), else_=0))
        these = select(runs.c.id).where(runs.c.id >= since_run, runs.c.job == job, runs.c.connection == connection)
        query = select(operations.c.contract_key, ended).where(
            operations.c.run_id.in_(these),
            operations.c.connection == connection,
            operations.c.verb != "create",
            operations.c.state == "done",
        )
        with self._reading() as database:
            return {row[0]: bool(row[1]) for row in database.execute(query.group_by(operations.c.contract_key))}

    def shared_mark(self, connection: str) -> int:
        """Return a mark of the changes to products, which contracts of many customers share; creations do not count."""
        query = select(func.max(operations.c.id)).where(
            operations.c.connection == connection, operations.c.kind == "product", operations.c.verb != "create"
        )
        with self._reading() as database:
            return int(database.execute(query).scalar_one() or 0)

    def pending_intents(
        self, connection: str, contract_key: str | None = None, *, begun: datetime | None = None
    ) -> tuple[Operation, ...]:
        """List the calls whose outcome is unknown, oldest first: of one contract, or of all.

        With `begun`, only those that were begun then or earlier.
        """
        query = _OPEN if contract_key is None else _OPEN_OF_CONTRACT
        query = query if begun is None else query.where(_C.started_at <= bindparam("begun", type_=_C.started_at.type))
        named = {"connection": connection, "contract_key": contract_key, "begun": begun}
        with self._reading() as database:
            return tuple(Operation(**row) for row in database.execute(query, named).mappings())

    def contract_operations(self, connection: str, contract_key: str, *, limit: int = 100) -> tuple[Operation, ...]:
        """List the latest operations of a contract, newest first."""
        of_contract = (operations.c.connection == connection, operations.c.contract_key == contract_key)
        query = select(*_COLUMNS).where(*of_contract).order_by(operations.c.id.desc()).limit(limit)
        with self._reading() as database:
            return tuple(Operation(**row) for row in database.execute(query).mappings())

    def run_operations(self, run_id: int) -> tuple[Operation, ...]:
        """List all operations of a run in the order they were begun."""
        return self._operations(operations.c.run_id == run_id)

    def _operations(self, *conditions: ColumnElement[bool]) -> tuple[Operation, ...]:
        query = select(*_COLUMNS).where(*conditions).order_by(operations.c.id)
        with self._reading() as database:
            return tuple(Operation(**row) for row in database.execute(query).mappings())


_COLUMNS = columns_of(operations, Operation)
# Statements that every contract needs are built once: building one costs more than running it.
_C = operations.c
_OF_CONNECTION = _C.connection == bindparam("connection")
_SETTLED = select(func.count()).where(
    _OF_CONNECTION, _C.kind == bindparam("kind"), _C.key == bindparam("key"), _C.state != "intent"
)
_OF_CONTRACT = _C.contract_key == bindparam("contract_key")
_MARK = select(func.max(_C.id), func.max(_C.finished_at)).where(_OF_CONNECTION, _OF_CONTRACT)
_OPEN = select(*_COLUMNS).where(_OF_CONNECTION, _C.state == "intent").order_by(_C.id)
_OPEN_OF_CONTRACT = select(*_COLUMNS).where(_OF_CONNECTION, _OF_CONTRACT, _C.state == "intent").order_by(_C.id)
_SAME_KEY = (
    select(*_COLUMNS)
    .where(_OF_CONNECTION, _C.idempotency_key == bindparam("idempotency_key"), _C.state != "done")
    .order_by(_C.id.desc())
    .limit(1)
    .with_for_update()
)
_ONE = select(*_COLUMNS).where(_C.id == bindparam("number")).with_for_update()
_INTENT = tuple(Intent.__dataclass_fields__)


def _reopened(database: Connection, intent: Intent) -> Operation | None:
    """Open the unsettled or failed operation of the same key again; its first start stands, as the key is that old."""
    named = {"connection": intent.connection, "idempotency_key": intent.idempotency_key}
    row = database.execute(_SAME_KEY, named).mappings().one_or_none()
    if row is None:
        return None
    if row["body_hash"] != intent.body_hash:
        raise JournalError(
            f"idempotency key {intent.idempotency_key} was used for another body (operation {row['id']})"
        )
    again = {"run_id": intent.run_id, "state": "intent", "attempts": row["attempts"] + 1, "error": None}
    database.execute(operations.update().where(operations.c.id == row["id"]).values(**again, finished_at=None))
    return _locked(database, row["id"])


def _inserted(database: Connection, intent: Intent, now: datetime) -> Operation | None:
    values = {name: getattr(intent, name) for name in _INTENT} | {"state": "intent", "attempts": 1, "started_at": now}
    row = database.execute(_insert_unless_open(database.dialect.name), values).mappings().one_or_none()
    return None if row is None else Operation(**row)


@cache
def _insert_unless_open(dialect: str) -> Any:
    insert = insert_by(dialect, operations)
    names = (*_INTENT, "state", "attempts", "started_at")
    values = insert.values({name: bindparam(name, type_=_C[name].type) for name in names})
    unless_open = values.on_conflict_do_nothing(
        index_elements=[_C.connection, _C.idempotency_key], index_where=text("state = 'intent'")
    )
    return unless_open.returning(*_COLUMNS)


def _locked(database: Connection, operation_id: int) -> Operation:
    row = database.execute(_ONE, {"number": operation_id}).mappings().one_or_none()
    if row is None:
        raise JournalError(f"there is no operation {operation_id}")
    return Operation(**row)


def _close(database: Connection, operation: Operation, state: State, values: Mapping[str, Any], now: datetime) -> None:
    named = {**values, "number": operation.id, "state": state, "finished_at": now}
    database.execute(_closing(tuple(sorted(values))), named)


@cache
def _closing(names: tuple[str, ...]) -> Any:
    told = {name: bindparam(name, type_=_C[name].type) for name in (*names, "state", "finished_at")}
    return operations.update().where(_C.id == bindparam("number")).values(told)


def _link_after(operation: Operation, stripe_id: str, now: datetime) -> Link:
    return Link(
        connection=operation.connection,
        kind=operation.kind,
        key=operation.key,
        stripe_id=stripe_id,
        applied_hash=operation.applied_hash,
        applied=operation.applied,
        contract_key=operation.contract_key,
        account_key=operation.account_key,
        currency=operation.currency,
        created_at=now,
        updated_at=now,
        retired_at=now if operation.verb == "retire" else None,
    )


def _audit(database: Connection, operation: Operation, result: Mapping[str, Any], now: datetime) -> None:
    state = "failed" if "error" in result else "done"
    detail = {
        "operation": operation.id,
        "connection": operation.connection,
        "contract_key": operation.contract_key,
        "kind": operation.kind,
        "key": operation.key,
        "verb": operation.verb,
        "body_hash": operation.body_hash,
        **result,
    }
    append_audit(database, actor=f"run:{operation.run_id}", action=f"operation.{state}", detail=detail, now=now)
