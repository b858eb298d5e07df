"""Plans and approvals: what was going to happen, and who agreed to exactly that.

A plan is known by its fingerprint. An approval is of a fingerprint: if the world has moved, the plan made then has
another fingerprint and asks again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, select

from connector.journal.audit import append_audit
from connector.journal.chapter import Chapter, columns_of, row_of, upsert
from connector.journal.errors import JournalError
from connector.journal.tables import approvals, plans

#: Edits that are ignored are kept beside approvals, under names that no plan has.
_IGNORED = "ignored:"
_NEVER = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class PlanRecord:
    """A plan as it was made: first at `created_at`, last at `seen_at` (UTC), with the latest verdict on it."""

    connection: str
    contract_key: str
    fingerprint: str
    plan: Mapping[str, Any]
    verdict: str
    created_at: datetime
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class Approval:
    """A person's word that a plan may be applied, until `expires_at` (UTC)."""

    id: int
    connection: str
    contract_key: str
    fingerprint: str
    approved_by: str
    approved_at: datetime
    reason: str
    expires_at: datetime


class Plans(Chapter):
    """The chapter of plans and approvals."""

    def record_plan(
        self,
        connection: str,
        contract_key: str,
        fingerprint: str,
        *,
        plan: Mapping[str, Any],
        verdict: str,
        now: datetime,
    ) -> None:
        """Keep a plan. The same plan made again only moves `seen_at` and the verdict."""
        with self._writing() as database:
            write_plan(database, PlanRecord(connection, contract_key, fingerprint, plan, verdict, now, now))

    def plan(self, fingerprint: str) -> PlanRecord | None:
        """Return the plan of a fingerprint; of several contracts that share it, the one seen last."""
        return self._latest_plan(plans.c.fingerprint == fingerprint)

    def latest_plan(self, connection: str, contract_key: str) -> PlanRecord | None:
        """Return the plan made last for a contract."""
        return self._latest_plan(plans.c.connection == connection, plans.c.contract_key == contract_key)

    def approve(self, fingerprint: str, by: str, reason: str, now: datetime, expires: datetime) -> Approval:
        """Approve one plan until `expires`; written to the audit chain in the same transaction.

        Raises JournalError when the fingerprint names no plan, or plans of several contracts, or is expired at once.
        """
        if expires <= now:
            raise JournalError("an approval must expire after it is given")
        of_fingerprint = select(plans.c.connection, plans.c.contract_key).where(plans.c.fingerprint == fingerprint)
        with self._writing() as database:
            found = database.execute(of_fingerprint).mappings().all()
            if len(found) != 1:
                raise JournalError(f"fingerprint {fingerprint} names {len(found)} plans; it must name one")
            named = {**found[0], "fingerprint": fingerprint, "approved_by": by, "reason": reason}
            statement = approvals.insert().values(**named, approved_at=now, expires_at=expires)
            row = database.execute(statement.returning(*_APPROVAL)).mappings().one()
            append_audit(database, actor=by, action="plan.approved", detail={**named, "expires_at": expires}, now=now)
            return Approval(**row)

    def approval(self, fingerprint: str, now: datetime) -> Approval | None:
        """Return the latest approval of a fingerprint that has not expired."""
        valid = (approvals.c.fingerprint == fingerprint, approvals.c.expires_at > now)
        query = select(*_APPROVAL).where(*valid).order_by(approvals.c.id.desc()).limit(1)
        with self._reading() as database:
            row = database.execute(query).mappings().one_or_none()
        return None if row is None else Approval(**row)

    def ignore_edits(
        self, connection: str, contract_key: str, digest: str, *, by: str, reason: str, now: datetime, told: str
    ) -> Approval:
        """Remember that edits made in Stripe by hand stay as they are; written to the audit chain with what they are.

        `digest` names what Stripe holds (plan/drift.py). It holds until another edit is made: it does not expire.
        """
        named = {"connection": connection, "contract_key": contract_key, "fingerprint": _IGNORED + digest}
        given = {**named, "approved_by": by, "reason": reason}
        with self._writing() as database:
            statement = approvals.insert().values(**given, approved_at=now, expires_at=_NEVER)
            row = database.execute(statement.returning(*_APPROVAL)).mappings().one()
            append_audit(database, actor=by, action="drift.ignored", detail={**given, "edits": told}, now=now)
            return Approval(**row)

    def ignored_edits(self, contract_key: str, digest: str, now: datetime) -> Approval | None:
        """Return who said last that these edits of a contract stay as they are, and why."""
        found = self.approval(_IGNORED + digest, now)
        return found if found and found.contract_key == contract_key else None

    def _latest_plan(self, *conditions: ColumnElement[bool]) -> PlanRecord | None:
        query = select(*_PLAN).where(*conditions).order_by(plans.c.seen_at.desc(), plans.c.created_at.desc()).limit(1)
        with self._reading() as database:
            row = database.execute(query).mappings().one_or_none()
        return None if row is None else PlanRecord(**row)


_PLAN = columns_of(plans, PlanRecord)
_APPROVAL = columns_of(approvals, Approval)


def write_plan(database: Connection, plan: PlanRecord) -> None:
    """Upsert a plan inside a caller's transaction: the same one made again only moves `seen_at` and the verdict."""
    upsert(database, plans, row_of(plan), keep=("created_at", "plan"))
