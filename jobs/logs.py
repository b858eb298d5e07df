"""How the jobs log: text for people, one JSON object a line for machines."""

import json
import logging
from datetime import UTC, datetime

from connector.config import LogConfig
from connector.config.secrets import hide_secrets

_TEXT = "%(asctime)s %(levelname)s %(name)s %(message)s"


def start_logging(config: LogConfig) -> None:
    """Log to stderr from now on, as configured."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines() if config.format == "json" else Text(_TEXT))
    logging.basicConfig(level=config.level.upper(), handlers=[handler], force=True)


class Text(logging.Formatter):
    """Lines for people; what looks like a secret is masked."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        return hide_secrets(super().format(record))


class JsonLines(logging.Formatter):
    """One JSON object a line, with the time in UTC; what looks like a secret is masked."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return hide_secrets(json.dumps(entry, ensure_ascii=False))
