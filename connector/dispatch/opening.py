"""From the configuration to the engine it names."""

import threading
from collections.abc import Callable
from datetime import datetime
from functools import partial

from connector.config import Config
from connector.dispatch.lease_table import LeaseTableDispatcher
from connector.dispatch.protocol import Dispatcher
from connector.domain.errors import ConfigError
from connector.journal import Journal
from connector.journal.engine import journal_url

EXTRA = "connector[distributed]"


def open_dispatcher(config: Config, journal: Journal, clock: Callable[[], datetime]) -> Dispatcher:
    """Return the engine that `jobs.dispatcher` names. Raises ConfigError when it cannot work here; close it."""
    if config.jobs.dispatcher == "embedded":
        return LeaseTableDispatcher(journal, clock)
    url = _postgres_url(config)
    try:
        from connector.dispatch.procrastinate import ProcrastinateDispatcher  # noqa: PLC0415 -- the extra
    except ImportError as error:
        raise _not_installed(error) from error
    return ProcrastinateDispatcher(journal, clock, url)


class Engine:
    """The engine of a program, opened when it is first asked for: most commands need none."""

    def __init__(self, config: Config, journal: Journal, clock: Callable[[], datetime]) -> None:
        self._open = partial(open_dispatcher, config, journal, clock)
        self._opened: Dispatcher | None = None
        self._lock = threading.Lock()

    def dispatcher(self) -> Dispatcher:
        """Return the engine. Raises ConfigError when it cannot work here."""
        with self._lock:
            if self._opened is None:
                self._opened = self._open()
            return self._opened

    def close(self) -> None:
        """Let go of its connections, if it has any."""
        with self._lock:
            if self._opened is not None:
                self._opened.close()


def upgrade_dispatcher(config: Config) -> str | None:
    """Bring the tables of the configured engine up to date, after the journal's; returns what was done, or None."""
    if config.jobs.dispatcher == "embedded":
        return None
    url = _postgres_url(config)
    try:
        from connector.dispatch.procrastinate_schema import apply_schema  # noqa: PLC0415 -- the extra
    except ImportError as error:
        raise _not_installed(error) from error
    return apply_schema(url)


def _postgres_url(config: Config) -> str:
    """Return the URL as libpq reads it."""
    url = journal_url(config.database_url())
    if url.get_backend_name() != "postgresql":
        raise ConfigError(
            'jobs.dispatcher is "procrastinate", which works on PostgreSQL only, and the journal is on SQLite. '
            'Set database to a postgresql:// URL, or dispatcher = "embedded".'
        )
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


def _not_installed(error: ImportError) -> ConfigError:
    return ConfigError(
        f'jobs.dispatcher is "procrastinate", which is not installed ({error}). '
        f"Run pip install '{EXTRA}', or set dispatcher = \"embedded\"."
    )
