"""`connector run`: check, take over from who died, schedule, and stop in an orderly way.

The first SIGTERM or Ctrl-C lets the contract in hand be finished. If that takes longer than `jobs.stop_seconds`, the
contract is handed back: its leases, its row of work and the slots are free at once, an open intent is settled by
whoever comes next, with the same idempotency key. A second signal ends the process where it stands, which the journal
survives like a power cut.
"""

import logging
import os
import sys
import time
from functools import partial

from connector.app import App, build_app
from connector.config import Config
from connector.domain.errors import ConfigError, RetryableError
from connector.health import start_monitor
from connector.journal import is_gone, worker_name
from connector.signals import obeying
from jobs import JOBS
from jobs.firing import CLAIMING, Firing
from jobs.scheduler import Scheduler
from jobs.stopping import Stopping
from jobs.workers import Workers, work_off

_log = logging.getLogger(__name__)

_RECHECK_SECONDS = 15.0
_leave = partial(os._exit, 130)


def run(config: Config) -> None:
    """Run the JOBS table until told to stop; raises ConfigError or JournalError when it must not begin."""
    stop = Stopping()
    for chatty in ("apscheduler", "alembic", "stripe"):  # that something woke up, or was called, is no news
        logging.getLogger(chatty).setLevel(logging.ERROR)
    with obeying(stop.set, _leave), build_app(config, sleep=stop.sleep) as app:
        if not _may_begin(app, stop):
            return
        app.engine.dispatcher()
        take_over_from_the_dead(app)
        with start_monitor(app):
            _work(app, stop)


def _work(app: App, stop: Stopping) -> None:
    """Keep the jobs going until told to stop, and end in an orderly way."""
    scheduler, workers = Scheduler(app, stop), Workers(app, stop)
    workers.start()
    scheduler.start()
    _log.info("started: %s", ", ".join(scheduler.names))
    stop.wait()
    _log.info("told to stop: what is in hand is finished, for %g seconds at most", app.config.jobs.stop_seconds)
    last = time.monotonic() + app.config.jobs.stop_seconds
    jobs_ended = scheduler.stop(app.config.jobs.stop_seconds)
    ended = workers.join(max(0.0, last - time.monotonic())) and jobs_ended
    if not ended:
        _hand_back(app)
    _log.info("stopped; the journal is consistent")
    if not ended:  # threads that wait for a vendor would keep the process
        logging.shutdown()
        sys.stderr.flush()
        os._exit(0)


def run_once(config: Config, name: str) -> bool:
    """Run one job now for every connection, for those who have a cron; tell whether it could be done everywhere.

    What the job submits is worked off, with all else that is due.
    """
    known = {job.name: job for job in JOBS}
    if name not in known:
        raise ConfigError(f"there is no job {name!r}; there are {', '.join(known)}")
    stop = Stopping()
    with obeying(stop.set, _leave), build_app(config, sleep=stop.sleep) as app:
        app.check_orgs()
        job = known[name]
        if job.submits:
            app.engine.dispatcher()
        take_over_from_the_dead(app)
        names = ("*",) if job.whole else tuple(app.desks)
        done = {connection: Firing(app, job, connection).run_now(stop) for connection in names}
        fired = [connection for connection, was in done.items() if was]
        worked_off = not job.submits or work_off(app, fired, stop)
        return worked_off and all(done.values())


def take_over_from_the_dead(app: App) -> None:
    """Free what killed processes of this machine held: customers, slots, work. Others' wait until they run out."""
    now = next(iter(app.desks.values())).clock()
    dead = [lease for lease in app.journal.held_leases(now) if is_gone(lease.owner)]
    for lease in dead:
        app.journal.release_lease(lease)
    owners = [owner for owner in app.journal.slot_owners(now) if is_gone(owner)]
    for owner in owners:
        app.journal.free_slots(owner, now)
    workers = [worker for worker in app.journal.work_owners() if is_gone(worker)]
    for worker in workers:
        app.journal.free_work(worker, now, died=True)
    if dead or owners or workers:
        _log.warning("a process before this one was killed; what it held is free again: %d customers", len(dead))


def _may_begin(app: App, stop: Stopping) -> bool:
    """Ask every org whether it may meet this key; while one cannot be asked, wait. False when told to stop first."""
    while not stop.is_set():
        try:
            app.check_orgs()
        except RetryableError as error:
            _log.error("not begun yet: %s; asked again in %d seconds", error, _RECHECK_SECONDS)
            stop.wait(_RECHECK_SECONDS)
        else:
            return True
    return False


def _hand_back(app: App) -> None:
    """Free what this process holds although its threads have not come back: they end with it."""
    now, mine = next(iter(app.desks.values())).clock(), worker_name()
    held = [lease for lease in app.journal.held_leases(now) if lease.owner.startswith(f"{mine}:")]
    for lease in held:
        app.journal.release_lease(lease)
    app.journal.free_work(mine, now, died=False)
    with CLAIMING:  # a claim under way ends first; told to stop, nobody begins another
        app.journal.free_slots(mine, now)
    _log.warning("not finished in time: the contracts of %d customers were handed back", len(held))
