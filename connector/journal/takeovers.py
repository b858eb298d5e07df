"""Takeovers: from which day on a contract is ours to bill, where people told us and not the CRM (`billed_through`)."""

from datetime import date, datetime

from sqlalchemy import literal, select

from connector.journal.chapter import Chapter, insert_into
from connector.journal.columns import UtcTime
from connector.journal.tables import backfill_items, takeovers


class Takeovers(Chapter):
    """The chapter of takeovers. A day counts in every later run, or the past would be billed again."""

    def take_over(self, backfill_id: int, connection: str, by: str, now: datetime) -> None:
        """Remember the days of all contracts of a back-fill, in one statement: before the first of them is billed."""
        told = (backfill_items.c.contract_key.is_not(None), backfill_items.c.billed_through.is_not(None))
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

    def takeover(self, connection: str, contract_key: str) -> date | None:
        """Return the day for a contract; None for almost all."""
        this = (takeovers.c.connection == connection, takeovers.c.contract_key == contract_key)
        with self._reading() as database:
            return database.execute(select(takeovers.c.billed_through).where(*this)).scalar_one_or_none()
