"""The offline door: plan a contract from a records file, without any network. For bug reports, CI and acceptance.

It is the same pipeline with its doors replaced: the CRM is a file, Stripe a file (or nothing), the journal is empty.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from connector.billing.account import StripeAccount
from connector.billing.client import Json
from connector.billing.targets import sdk_targets
from connector.crm.exact_json import read_json
from connector.crm.kinds import is_package, mapping_of
from connector.crm.snapshot import SnapshotCrm, load_records
from connector.domain.errors import ConfigError, RejectedError
from connector.journal import open_journal
from connector.mapping.grammar import load_mapping
from connector.mapping.mapping_file import MappingFile
from connector.mapping.raw import RawRecords
from connector.plan.safety import Limits
from connector.sync import Desk, Planned, plan_contract

EXISTING_FORMAT = "stripe-objects/1"


#: CRM → the mapping file that comes with the connector; the second for orgs that had Stripe's own connector before.
_BUNDLED = {"salesforce": ("salesforce-cpq.yaml", "salesforce-cpq-changeover.yaml")}
#: A field of that connector's package: records that have it come from such an org.
_VENDOR_FIELD = "Stripe_ID__c"


def bundled_mapping(crm: str, records: RawRecords | None = None) -> Path:
    """Return the mapping file that comes with the connector, or with a kind's package, or for records as they are."""
    if is_package(crm):
        return mapping_of(crm)
    usual, changeover = _BUNDLED.get(crm, (f"{crm}.yaml", f"{crm}.yaml"))
    vendor = records is not None and any(_VENDOR_FIELD in record.fields for record in records)
    here = Path(__file__).resolve().parent
    for folder in (here.parent / "mappings", here / "bundled"):
        path = folder / (changeover if vendor else usual)
        if path.exists():
            return path
    raise ConfigError(f"there is no bundled mapping file for {crm!r}; name one with --mapping FILE")


def read_mapping(path: Path) -> MappingFile:
    """Load a mapping file; raises ConfigError with every problem, each with its place and a hint."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot read the mapping file {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"the mapping file {path} is not UTF-8 text") from error
    loaded = load_mapping(text, name=str(path), targets=sdk_targets(), include=read_included)
    if loaded.mapping is None:
        problems = "\n".join(problem.render() for problem in loaded.problems)
        raise ConfigError(f"the mapping file cannot be used:\n{problems}")
    return loaded.mapping


def read_included(name: str) -> str | None:
    """Return the text of a file that a mapping file includes, None when it cannot be read."""
    try:
        return Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None


@dataclass(frozen=True, slots=True)
class OfflineSettings:
    """How to plan: the moment that counts as now (UTC), the account's time zone, and the limits."""

    now: datetime
    zone: ZoneInfo
    limits: Limits


def plan_records(
    records_text: str,
    mapping: MappingFile,
    settings: OfflineSettings,
    *,
    existing_text: str | None = None,
    source: str = "records file",
) -> Planned:
    """Plan the contract of a records file against what an existing file says Stripe holds."""
    file = load_records(records_text, source=source)
    if file.crm != mapping.crm:
        raise ConfigError(f"{source}: the records are from {file.crm}, the mapping {mapping.name} is for {mapping.crm}")
    crm = SnapshotCrm(file, name=file.crm, renewal=mapping.renewal)
    with open_journal("sqlite://", upgrade=True) as journal:
        api = RecordedApi(_existing(existing_text)) if existing_text else _NoStripe()
        account = StripeAccount(file.crm, settings.zone, api, journal)
        desk = Desk(file.crm, crm, mapping, account, settings.limits, lambda: settings.now, "")
        raw = next(iter(crm.fetch(crm.changed(None).refs, mapping.paths)), None)
        if raw is None:
            raise ConfigError(f"{source}: the root record {file.root_id} is not among the records")
        return plan_contract(desk, raw)


class RecordedApi:
    """Stripe as a file: reads by id, nothing can be written."""

    def __init__(self, objects: Mapping[str, Json]) -> None:
        self._objects = objects

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> Json:
        """Return the object a path ends with, with prices in place of their ids; lists are empty."""
        found = self._objects.get(path.rsplit("/", 1)[-1])
        if found is None and path.count("/") == 2:
            return {"data": [], "has_more": False}
        if found is None:
            raise RejectedError(f"the existing file has no {path}", vendor="stripe", status=404)
        return self._with_prices(found) if params and params.get("expand") else found

    def post(self, path: str, params: Mapping[str, Any], *, idempotency_key: str) -> Json:
        """Refuse: planning never writes."""
        msg = f"offline planning must not write ({path}, {idempotency_key}, {len(params)} parameters)"
        raise AssertionError(msg)

    def _with_prices(self, value: Any, key: str = "") -> Any:
        if isinstance(value, Mapping):
            return {name: self._with_prices(entry, name) for name, entry in value.items()}
        if isinstance(value, list):
            return [self._with_prices(entry) for entry in value]
        return self._objects.get(value, value) if key == "price" else value


class _NoStripe(RecordedApi):
    """Nothing is known of Stripe: ids the CRM names are taken as they are."""

    def __init__(self) -> None:
        super().__init__({})

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> Json:
        """Answer a read of an object with just its id, so that it counts as existing; a schedule as not known."""
        name = path.rsplit("/", 1)[-1]
        if path.count("/") == 2 or name.startswith("sub_sched_"):
            return super().get(path, params)
        return {"id": name}


def _existing(text: str) -> Mapping[str, Json]:
    document = read_json(text)
    if not isinstance(document, Mapping) or document.get("format") != EXISTING_FORMAT:
        raise ConfigError(f'the existing file must begin with {{"format": "{EXISTING_FORMAT}", "objects": [...]}}')
    return {entry["id"]: _plain(entry) for entry in document["objects"]}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    return int(value) if isinstance(value, Decimal) and value == value.to_integral_value() else value
