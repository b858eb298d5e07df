"""From records that a poll hinted at to accounts: a known contract goes by its customer, a new one by its record.

Two rows of one customer (a new deal beside known ones) may be worked on at once: the customer's own lease, taken when
a contract is carried out, lets one wait for the other.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime

from connector.desk import Desk
from connector.dispatch.protocol import Submission


def submissions(
    desk: Desk, records: Iterable[str], *, reason: str, due_at: datetime | None = None
) -> Iterator[Submission]:
    """Yield a submission for each record id of the connection; due now unless said otherwise.

    An amendment goes by the customer of its contract, where it was looked at before.
    """
    due = due_at or desk.clock()
    journal, ids = desk.account.journal, tuple(dict.fromkeys(records))
    roots = {record: stamp.root for record, stamp in journal.stamps(desk.name, ids).items()}
    accounts = journal.accounts_of(desk.name, (*ids, *roots.values()))
    for record in ids:
        account = accounts.get(record) or accounts.get(roots.get(record, ""))
        key = account_key(account) if account else record_key(record)
        yield Submission(connection=desk.name, account=key, reason=reason, due_at=due, records=(record,))


def account_key(account: str) -> str:
    """Return the key of a customer's row."""
    return f"account:{account}"


def record_key(record: str) -> str:
    """Return the key of the row of a record whose customer is not known."""
    return f"record:{record}"


def account_of(key: str) -> str | None:
    """Return the customer that a row is of; None for a record's."""
    kind, _, name = key.partition(":")
    return name if kind == "account" else None
