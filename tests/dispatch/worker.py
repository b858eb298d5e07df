"""Workers as processes of their own, which tests kill. The first argument says which.

`hang KIND URL LEASE`: takes accounts, holds the customer of each, says so, and never ends.
`sync CONFIG SHIFT`: what a node of a real installation does, its clock shifted by so many seconds; ends on SIGTERM.
"""

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

from connector.app import build_app, now_utc
from connector.config import load_config
from connector.dispatch import Item, Outcome, Reconciler, open_dispatcher
from connector.journal import worker_name
from tests.dispatch.engines import Engine, now


def hang(kind: str, url: str, lease: str) -> None:
    engine = Engine(kind, url)
    dispatcher = engine.open(lease=timedelta(seconds=float(lease)))

    def reconcile(items: Sequence[Item]) -> Iterator[tuple[Item, Outcome]]:
        for item in items:
            engine.journal.acquire_lease(item.account, f"{worker_name()}:1", now(), timedelta(hours=1))
            print("begun", item.account, flush=True)
            time.sleep(3600)
            yield item, Outcome()

    dispatcher.run(reconcile, threads=1, block=3, stop=threading.Event())


def sync(config_file: str, shift: str) -> None:
    logging.basicConfig(level="WARNING", stream=sys.stdout, format="%(message)s")
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    by = timedelta(seconds=float(shift))
    with build_app(load_config(Path(config_file), os.environ), clock=lambda: now_utc() + by) as app:
        dispatcher = open_dispatcher(app.config, app.journal, lambda: now_utc() + by)
        try:
            dispatcher.run(Reconciler(app.desks, app.config.hash), threads=1, block=20, stop=stop)
        finally:
            dispatcher.close()


if __name__ == "__main__":
    if sys.argv[1] == "hang":
        hang(*sys.argv[2:])
    else:
        sync(*sys.argv[2:])
