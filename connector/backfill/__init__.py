"""Back-fills: many contracts at once, looked at first, then done, stopped and gone on with at any moment.

A selection becomes rows of the journal, one a contract (`dry_run`); all of them are shown on one page (`overview`);
what was shown is applied with a checkpoint a contract (`applying`); the report tells what became of each.
"""

from connector.backfill.applying import apply_backfill, begin
from connector.backfill.overview import Overview, overview
from connector.backfill.planning import dry_run
from connector.backfill.worker import Worker

__all__ = ["Overview", "Worker", "apply_backfill", "begin", "dry_run", "overview"]
