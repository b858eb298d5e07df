"""Writers of SQLite take turns, and those that queue share one commit.

A commit waits for the disk; with many threads, the disk would set the pace. So a transaction stays open while others
wait to write: each but the first writes within a savepoint of its own, and the last one commits for all. Nobody goes
on before that commit, so what `writing` promises holds: when the block ends, all of it is on disk, or none.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, RootTransaction

#: So many writers share a commit at most; with an endless queue nobody would ever commit.
SHARED = 32


class _Shared:
    """One transaction that is open, and how it ended."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.transaction: RootTransaction = connection.begin()
        self.writers = 0
        self.undone = False
        self.over = threading.Event()
        self.error: BaseException | None = None


class Turns:
    """The queue of writers of one database in this process. Other processes wait at SQLite's own lock."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._turn = threading.Lock()
        self._counting = threading.Lock()
        self._queue = 0
        self._open: _Shared | None = None

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One writer's part. Raises what the commit raises, in every thread that took part."""
        with self._its_turn():
            shared = self._joined()
            try:
                with _part(shared):
                    yield shared.connection
            finally:
                self._leave(shared)
        shared.over.wait()
        if shared.error is not None:
            raise shared.error

    @contextmanager
    def _its_turn(self) -> Iterator[None]:
        with self._counting:
            self._queue += 1
        try:
            self._turn.acquire()
        except BaseException:  # interrupted while it waited: somebody may count on this one to commit
            with self._counting:
                self._queue -= 1
            with self._turn:
                if self._open is not None:
                    self._leave(self._open)
            raise
        with self._counting:
            self._queue -= 1
        try:
            yield
        finally:
            self._turn.release()

    def _joined(self) -> _Shared:
        if self._open is None:
            connection = self._engine.connect()
            try:
                self._open = _Shared(connection)
            except BaseException:
                connection.close()
                raise
        self._open.writers += 1
        return self._open

    def _leave(self, shared: _Shared) -> None:
        """Commit, unless somebody waits for a turn and will."""
        with self._counting:
            somebody_comes = self._queue > 0
        if somebody_comes and shared.writers < SHARED and not shared.undone:
            return
        self._open = None
        try:
            if shared.undone:
                shared.transaction.rollback()
            else:
                shared.transaction.commit()
        except BaseException as error:  # noqa: BLE001 -- raised in every thread that wrote
            shared.error = error
            shared.connection.invalidate()  # its transaction may still be open; nobody must be given it
        finally:
            shared.connection.close()
            shared.over.set()


@contextmanager
def _part(shared: _Shared) -> Iterator[None]:
    """Keep all that one writer does, or nothing of it; before the first there is nobody whose part has to stand."""
    if shared.writers > 1:
        with shared.connection.begin_nested():
            yield
        return
    try:
        yield
    except BaseException:
        shared.undone = True
        raise
