"""What was given up, page by page: the same view for both engines."""

from collections.abc import Iterator

from connector.dispatch.protocol import Item
from connector.journal import Journal, WorkState

_PAGE = 500


def dead_letters(journal: Journal, connection: str | None = None) -> Iterator[Item]:
    """Go through dead letters by connection and account; memory stays flat."""
    after = ("", "")
    while page := journal.work_items(WorkState.DEAD, connection=connection, after=after, limit=_PAGE):
        yield from page
        after = page[-1].key
