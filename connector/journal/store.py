"""The journal as one book, and how to open it.

It keeps runs, plans, approvals, adopted edits, operations, links, cursors, leases, slots, pauses, breakers, failures,
work, back-fills, incidents and the audit chain; never money events. It reads no clock and knows nothing of CRMs, of
Stripe's SDK or of plans' insides: what it stores of them is plain JSON.
"""

from types import TracebackType
from typing import Self

from connector.journal.adoptions import Adoptions
from connector.journal.audit import Audit
from connector.journal.backfill_items import BackfillItems
from connector.journal.backfills import Backfills
from connector.journal.breakers import Breakers
from connector.journal.contracts import Contracts
from connector.journal.cursors import Cursors
from connector.journal.engine import create_private_file, database_file, journal_url, open_engine
from connector.journal.failures import Failures
from connector.journal.findings import Findings
from connector.journal.incidents import Incidents
from connector.journal.leases import Leases
from connector.journal.links import Links
from connector.journal.operations import Operations
from connector.journal.overview import Overview
from connector.journal.pauses import Pauses
from connector.journal.plans import Plans
from connector.journal.rates import BucketRates
from connector.journal.retention import Retention
from connector.journal.runs import Runs
from connector.journal.schema import require_head, upgrade_engine
from connector.journal.slots import Slots
from connector.journal.sold import SoldVersions
from connector.journal.stamps import Stamps
from connector.journal.takeovers import Takeovers
from connector.journal.work import Work
from connector.journal.work_holders import WorkHolders


class Journal(
    Links,
    Operations,
    Plans,
    Runs,
    Adoptions,
    Contracts,
    Cursors,
    Stamps,
    Findings,
    Leases,
    BucketRates,
    Work,
    WorkHolders,
    Backfills,
    BackfillItems,
    Takeovers,
    SoldVersions,
    Audit,
    Incidents,
    Overview,
    Slots,
    Pauses,
    Breakers,
    Failures,
    Retention,
):
    """All chapters over one pooled engine. Threads share it; every method is one transaction.

    Inheritance only binds the chapters: none overrides another.
    """

    def close(self) -> None:
        """Close the pooled connections."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_journal(url: str, *, upgrade: bool = False) -> Journal:
    """Open the journal at a database URL (`sqlite:///path`, `sqlite://` in memory, `postgresql://…`).

    Raises JournalSchemaError, with the remedy, unless its tables are exactly those of this program; with `upgrade` they
    are brought there first, and a SQLite file and its folder are created. Raises JournalError for a URL it cannot use.
    """
    parsed = journal_url(url)
    file = database_file(parsed)
    if upgrade and file is not None:
        create_private_file(file)
    engine = open_engine(parsed)
    try:
        if upgrade:
            upgrade_engine(engine)
        require_head(engine)
    except BaseException:
        engine.dispose()
        raise
    return Journal(engine)
