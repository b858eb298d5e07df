"""`plan --records`: the offline door on the command line."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from connector.app import now_utc
from connector.crm.snapshot import load_records
from connector.domain.errors import ConfigError
from connector.offline import EXISTING_FORMAT, OfflineSettings, bundled_mapping, plan_records, read_mapping
from connector.plan.safety import Limits
from connector.sync import Planned


@dataclass(frozen=True, slots=True)
class OfflineOptions:
    """The options as they were typed."""

    records: Path
    existing: Path | None
    mapping: Path | None
    now: str | None
    time_zone: str


def plan_offline(options: OfflineOptions) -> Planned:
    """Plan the records file; raises ConfigError that names the file and what is wrong with it."""
    text = _read(options.records, "records file")
    file = load_records(text, source=str(options.records))
    mapping = read_mapping(options.mapping or bundled_mapping(file.crm, file.records))
    settings = OfflineSettings(now=_now(options.now), zone=_zone(options.time_zone), limits=Limits())
    existing = _existing(options.existing) if options.existing else None
    return plan_records(text, mapping, settings, existing_text=existing, source=str(options.records))


def _read(path: Path, what: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot read the {what} {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"the {what} {path} is not UTF-8 text") from error


def _existing(path: Path) -> str:
    """Return the text of an existing file after a look at its shape, so that a mistake in it is named."""
    text = _read(path, "existing file")
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise ConfigError(f"{path}: {where}: not valid JSON: {error.msg}") from error
    objects = document.get("objects") if isinstance(document, dict) else None
    if not isinstance(document, dict) or document.get("format") != EXISTING_FORMAT or not isinstance(objects, list):
        raise ConfigError(f'{path}: an existing file is {{"format": "{EXISTING_FORMAT}", "objects": [...]}}')
    for number, entry in enumerate(objects, start=1):
        if not isinstance(entry, dict) or not isinstance(entry.get("id"), str):
            raise ConfigError(f"{path}: object {number} has no id; put whole objects there, as Stripe's API shows them")
    return text


def _now(text: str | None) -> datetime:
    if text is None:
        return now_utc()
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(f"--now {text!r} is not a moment such as 2023-11-15T16:49:00Z") from error
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ConfigError(f"--time-zone {name!r} is not a time zone such as Europe/Berlin") from error
