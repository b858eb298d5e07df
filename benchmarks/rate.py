"""How much of Stripe's limit of 25 requests a second a run uses, when answers come at once and when they take time."""

import time
from collections.abc import Iterator

from benchmarks.company import order_id
from benchmarks.emulators import emulators
from benchmarks.table import Row
from connector.billing.limiter import Rates
from connector.crm.protocol import ContractRef
from connector.journal import open_journal
from connector.poll import sync_refs

LIMIT = Rates(total=25, endpoint=25, burst=1)
COUNT = 60
#: Seconds Stripe takes for an answer.
DELAYS = (0.0, 0.1)


def rate() -> Iterator[Row]:
    """Yield achieved by allowed requests."""
    for delay in DELAYS:
        with emulators(COUNT, customers=True) as both, open_journal("sqlite://", upgrade=True) as journal:
            both.slow_down_stripe(delay)
            desk = both.desk(journal, LIMIT)
            refs = [ContractRef(desk.name, order_id(number)) for number in range(COUNT)]
            begin, before = time.monotonic(), both.counters()["stripe"]
            for result in sync_refs(desk, refs, job="benchmark", config_hash=""):
                assert result.outcome == "applied", result.error
            calls = both.counters()["stripe"] - before
            allowed = LIMIT.total * (time.monotonic() - begin)
            words = f"answers after {delay * 1000:.0f} ms" if delay else "answers at once"
            yield Row(f"share of Stripe's 25 requests/s used, {words}", calls / allowed, "of 1")
