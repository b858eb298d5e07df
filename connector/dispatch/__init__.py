"""Who works on which account when: one seam, and two engines behind it.

`open_dispatcher` returns the engine that the configuration names; `Reconciler` is what it is given to run.
"""

from connector.dispatch.opening import Engine, open_dispatcher, upgrade_dispatcher
from connector.dispatch.protocol import Connections, Dispatcher, Failure, Item, Outcome, Reconcile, Submission
from connector.dispatch.reconciler import Reconciler
from connector.dispatch.submissions import account_key, record_key, submissions

__all__ = [
    "Connections",
    "Dispatcher",
    "Engine",
    "Failure",
    "Item",
    "Outcome",
    "Reconcile",
    "Reconciler",
    "Submission",
    "account_key",
    "open_dispatcher",
    "record_key",
    "submissions",
    "upgrade_dispatcher",
]
