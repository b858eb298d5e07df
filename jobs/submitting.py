"""How a job has contracts looked at: it submits their records, and is done; `jobs/workers.py` does the work.

Once submitted they are rows in the journal, so a cursor may move on: whatever dies in between loses nothing.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice

from connector.app import App
from connector.desk import Desk
from connector.dispatch import submissions
from connector.stamps import WAVE
from jobs.stopping import Stop

#: Among the counts of a job's run: records that it submitted.
SUBMITTED = "submitted"
_PAGE = 1_000


class Submitting:
    """One run of a job that submits. `counts` are those of the run."""

    def __init__(self, app: App, desk: Desk, job: str, run_id: int) -> None:
        self._app, self._desk, self._job, self._run_id = app, desk, job, run_id
        self.counts: Counter[str] = Counter()

    def submit(self, records: Iterable[str], stop: Stop) -> bool:
        """Submit records, page by page; tell whether all were, or it was told to stop."""
        source = iter(records)
        while page := tuple(islice(source, _PAGE)):
            self._submit(page)
            if stop.is_set():
                return False
        return not stop.is_set()

    def _submit(self, records: Sequence[str]) -> None:
        desk, journal = self._desk, self._desk.account.journal
        if not journal.is_at_work(desk.name, desk.clock()):  # the limits on a run begin to count anew
            journal.save_cursor(desk.name, WAVE, {"run": self._run_id}, desk.clock())
        self._app.engine.dispatcher().submit(submissions(desk, records, reason=self._job))
        self.counts[SUBMITTED] += len(records)


@contextmanager
def submitting(app: App, desk: Desk, job: str) -> Iterator[Submitting]:
    """Open a run of a job, and close it with its counts, even when it is broken off."""
    journal = desk.account.journal
    run = journal.start_run(job, desk.name, desk.clock(), mapping_hash=desk.mapping.hash, config_hash=app.config.hash)
    made = Submitting(app, desk, job, run.id)
    try:
        yield made
    finally:
        journal.finish_run(run.id, made.counts, desk.clock())
