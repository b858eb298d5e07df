"""Rates: how fast a vendor may be called, for every process that uses one account, and what was learned of it.

One row for each bucket (all calls, or those of one endpoint). Slots are taken by one statement, on the database's clock
where that is another machine; it is the generic cell rate algorithm with its clock in a row. Nothing here is worth
keeping through a crash: a lost row begins anew.
"""

import time
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Float, bindparam, case, func, literal, select

from connector.journal.chapter import Chapter, insert_by
from connector.journal.tables import rates


@dataclass(frozen=True, slots=True)
class Slots:
    """Slots that were taken: the first begins in `delay` seconds, the others follow at `rate` a second."""

    delay: float
    rate: float


class BucketRates(Chapter):
    """The chapter of rates. A bucket is "mode endpoint"; rates are requests a second."""

    def take_slots(self, bucket: str, full: float, count: int, *, gain: float = 0.0) -> Slots:
        """Take the next slots of a bucket.

        `full` is the configured rate: a bucket that was made for another one begins anew. `gain` is what answers since
        the last time earned: it leads back towards `full`, unless the vendor refused within the last second.
        """
        values = {"bucket": bucket, "full": full, "count": float(count), "gain": gain, "host": time.time()}
        with self._writing() as database:
            row = database.execute(_take(database.dialect.name), values).one()
        return Slots(row.arrival - count / row.rate - row.now, row.rate)

    def narrow_rate(self, bucket: str, full: float, share: float, least: float) -> None:
        """Go slower after a refusal: by `share`, not below `least`, and once a second however many were refused."""
        values = {"bucket": bucket, "full": full, "share": share, "least": least, "host": time.time()}
        with self._writing() as database:
            database.execute(_narrow(database.dialect.name), values)

    def save_rate(self, bucket: str, full: float, rate: float) -> None:
        """Remember what one process has learned by itself."""
        with self._writing() as database:
            database.execute(
                insert_by(database.dialect.name, rates)
                .values(bucket=bucket, full=full, rate=rate, arrival=0.0, refused=0.0)
                .on_conflict_do_update(index_elements=[rates.c.bucket], set_={"full": full, "rate": rate})
            )

    def learned_rates(self) -> dict[str, tuple[float, float]]:
        """Return what was learned: by bucket, the configured rate it was learned under, and the rate."""
        with self._reading() as database:
            rows = database.execute(select(rates.c.bucket, rates.c.full, rates.c.rate))
            return {row.bucket: (row.full, row.rate) for row in rows}


_HOST = bindparam("host", type_=Float)
_FULL = bindparam("full", type_=Float)


def _now(dialect: str) -> Any:
    """SQLite is on this machine; PostgreSQL's clock is the same for all that use it."""
    return func.extract("epoch", func.clock_timestamp()).cast(Float) if dialect == "postgresql" else _HOST


def _later(dialect: str, one: Any, other: Any) -> Any:
    return func.greatest(one, other) if dialect == "postgresql" else func.max(one, other)


def _earlier(dialect: str, one: Any, other: Any) -> Any:
    return func.least(one, other) if dialect == "postgresql" else func.min(one, other)


@cache
def _take(dialect: str) -> Any:
    count, gain, now = bindparam("count", type_=Float), bindparam("gain", type_=Float), _now(dialect)
    grown = _earlier(dialect, _FULL, rates.c.rate + gain)
    rate = case((rates.c.full != _FULL, _FULL), (rates.c.refused <= now - 1.0, grown), else_=rates.c.rate)
    first = insert_by(dialect, rates).values(
        bucket=bindparam("bucket"), full=_FULL, rate=_FULL, arrival=now + count / _FULL, refused=literal(0.0)
    )
    return first.on_conflict_do_update(
        index_elements=[rates.c.bucket],
        set_={"full": _FULL, "rate": rate, "arrival": _later(dialect, rates.c.arrival, now) + count / rate},
    ).returning(rates.c.arrival, rates.c.rate, now.label("now"))


@cache
def _narrow(dialect: str) -> Any:
    share, least, now = bindparam("share", type_=Float), bindparam("least", type_=Float), _now(dialect)
    first = insert_by(dialect, rates).values(
        bucket=bindparam("bucket"), full=_FULL, rate=_FULL * share, arrival=now, refused=now
    )
    return first.on_conflict_do_update(
        index_elements=[rates.c.bucket],
        set_={"rate": _later(dialect, rates.c.rate * share, least), "refused": now},
        where=rates.c.refused <= now - 1.0,
    )
