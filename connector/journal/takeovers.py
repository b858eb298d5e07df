"""Takeovers: from which day on a contract is ours to bill, where people told us and not the CRM (`billed_through`)."""

from datetime import date, datetime

from sqlalchemy import bindparam, exists, literal, select

from connector.journal.chapter import Chapter, insert_into, upsert
from connector.journal.columns import UtcTime
from connector.journal.tables import backfill_items, links, takeovers

#: Kinds of links by which Stripe bills a contract.
_BILLING = ("subscription_schedule", "invoice")


class Takeovers(Chapter):
    """The chapter of takeovers. A day counts in every later run, or the past would be billed again."""

    def take_over(self, backfill_id: int, connection: str, by: str, now: datetime) -> None:
        """Remember the days of a back-fill's contracts in one statement, before the first of them is billed.

        Contracts that have something in Stripe by our hand are left out: another day would change what they bill.
        """
        key = backfill_items.c.contract_key
        linked = (links.c.connection == connection, links.c.contract_key == key, links.c.retired_at.is_(None))
        billed = exists().where(*linked, links.c.kind.in_(_BILLING))
        told = (key.is_not(None), backfill_items.c.billed_through.is_not(None), ~billed)
        days = select(
            literal(connection),
            backfill_items.c.contract_key,
            backfill_items.c.billed_through,
            literal(by),
            literal(now, UtcTime()),
        ).where(backfill_items.c.backfill_id == backfill_id, *told)
        names = [column.name for column in takeovers.c]
        with self._writing() as database:
            adding = insert_into(database, takeovers).from_select(names, days)
            later = {name: adding.excluded[name] for name in ("billed_through", "told_by", "told_at")}
            database.execute(adding.on_conflict_do_update(index_elements=list(takeovers.primary_key), set_=later))

    def save_takeover(self, connection: str, contract_key: str, day: date, by: str, now: datetime) -> None:
        """Remember the day of one contract."""
        row = {"connection": connection, "contract_key": contract_key, "billed_through": day}
        with self._writing() as database:
            upsert(database, takeovers, {**row, "told_by": by, "told_at": now})

    def takeover(self, connection: str, contract_key: str) -> date | None:
        """Return the day for a contract; None for almost all."""
        with self._reading() as database:
            named = {"connection": connection, "contract_key": contract_key}
            return database.execute(_DAY, named).scalar_one_or_none()


_DAY = select(takeovers.c.billed_through).where(
    takeovers.c.connection == bindparam("connection"), takeovers.c.contract_key == bindparam("contract_key")
)
