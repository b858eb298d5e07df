"""How the program logs: text for people, one JSON object a line for machines, each line with its run and contract.

`bound` says what a stretch of work is about; every line logged within it carries that. The values live in a context of
the thread, so bind within the thread that does the work. Secrets are masked in every line, also in tracebacks; e-mail
addresses are, too, unless the level is debug.
"""

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Literal, Protocol

from connector import metrics
from connector.masking import masked

_TEXT = "%(asctime)s %(levelname)s %(name)s %(message)s"
_bound: ContextVar[Mapping[str, object]] = ContextVar("bound", default=MappingProxyType({}))


@contextmanager
def bound(**values: object) -> Iterator[None]:
    """Put values (run, connection, contract, job) on every line logged within; what is bound outside stays."""
    token = _bound.set({**_bound.get(), **values})
    try:
        yield
    finally:
        _bound.reset(token)


def bound_values() -> Mapping[str, object]:
    """Return what is bound here."""
    return _bound.get()


class LogSettings(Protocol):
    """What the configuration says of the log."""

    @property
    def level(self) -> Literal["debug", "info", "warning", "error"]:
        """Return the least severe level that is logged."""
        ...

    @property
    def format(self) -> Literal["text", "json"]:
        """Return whether lines are for people or for machines."""
        ...


def start_logging(config: LogSettings) -> None:
    """Log to stderr from now on, as configured."""
    handler = logging.StreamHandler()
    mail = config.level != "debug"
    handler.setFormatter(JsonLines(mail=mail) if config.format == "json" else Text(mail=mail))
    handler.addFilter(_counted)
    logging.basicConfig(level=config.level.upper(), handlers=[handler], force=True)


def _counted(record: logging.LogRecord) -> bool:
    metrics.logged(record.levelname.lower())
    return True


class Text(logging.Formatter):
    """Lines for people."""

    def __init__(self, *, mail: bool = True) -> None:
        super().__init__(_TEXT)
        self._mail = mail

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, what is bound at the end of the message."""
        values = " ".join(f"{name}={value}" for name, value in _bound.get().items())
        text = super().format(record)
        if values:
            first, newline, rest = text.partition("\n")
            text = f"{first} [{values}]{newline}{rest}"
        return masked(text, mail=self._mail)


class JsonLines(logging.Formatter):
    """One JSON object a line, with the time in UTC."""

    def __init__(self, *, mail: bool = True) -> None:
        super().__init__()
        self._mail = mail

    def format(self, record: logging.LogRecord) -> str:
        """Return the line. Values are masked before they become JSON, so that the line stays JSON."""
        entry: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": masked(record.getMessage(), mail=self._mail),
        }
        for name, value in _bound.get().items():
            entry[name] = value if isinstance(value, int) else masked(str(value), mail=self._mail)
        if record.exc_info:
            entry["exception"] = masked(self.formatException(record.exc_info), mail=self._mail)
        return json.dumps(entry, ensure_ascii=False)
