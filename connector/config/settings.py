"""config.toml and the environment → one frozen Config, or one ConfigError that names every fault with its line.

A variable CONNECTOR_… wins over the file, the file over the defaults. Secrets are references (`secrets.py`) and
are read only when used. This is shell: it knows the domain and the plan's limits, but opens no door.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field, PrivateAttr, ValidationError, ValidationInfo, field_validator
from sqlalchemy import make_url

from connector.config.environment import read_environment
from connector.config.errors import Loc, read_faults, render_faults, shown
from connector.config.file import leaves, read_config_file
from connector.config.monitoring import AlertsConfig, MonitorConfig
from connector.config.rules import (
    CRM_KINDS,
    PACKAGED,
    SANDBOX_REMEDY,
    check_database,
    check_key_mode,
    check_sandbox,
    fault,
    is_loopback,
    sandbox_fault,
)
from connector.config.secrets import SecretRef, is_reference
from connector.config.show import ExplainedSetting, explain_config
from connector.config.tables import (
    Connection,
    HubSpotConnection,
    JobsConfig,
    LogConfig,
    SafetyConfig,
    SalesforceConnection,
    Settings,
    StripeConfig,
)
from connector.config.types import ByName, Origin
from connector.domain.errors import ConfigError
from connector.mapping.problems import did_you_mean

__all__ = [
    "AlertsConfig",
    "Config",
    "Connection",
    "ExplainedSetting",
    "HubSpotConnection",
    "JobsConfig",
    "LogConfig",
    "MonitorConfig",
    "SafetyConfig",
    "SalesforceConnection",
    "SecretRef",
    "StripeConfig",
    "check_key_mode",
    "check_sandbox",
    "explain_config",
    "load_config",
]

DEFAULT_PATH = Path("config.toml")


class Config(Settings):
    """Everything that is set once for the whole program."""

    mode: Literal["test", "live"] = "test"
    """test or live; the Stripe key must be of the same mode."""
    time_zone: str = "UTC"
    """Days begin at midnight here: an IANA name such as Europe/Berlin."""
    database: str = "sqlite:///connector.db"
    """The journal: sqlite:///FILE, postgresql://USER@HOST/NAME, or a reference to such a URL with its password."""
    stripe: StripeConfig
    """The Stripe account that is billed."""
    crm: ByName[Connection] = Field(min_length=1)
    """CRM connections by name."""
    safety: SafetyConfig = Field(default_factory=SafetyConfig)
    """How far a plan, or a run, may go without approval."""
    jobs: JobsConfig = Field(default_factory=JobsConfig)
    """When the scheduled jobs run."""
    log: LogConfig = Field(default_factory=LogConfig)
    """What is logged, and how."""
    monitor: MonitorConfig = Field(default_factory=MonitorConfig)
    """A page for monitoring."""
    alerts: AlertsConfig = Field(default_factory=AlertsConfig)
    """Who is told when something is wrong."""

    _origin: Origin = PrivateAttr(default_factory=Origin)

    def model_post_init(self, context: Any, /) -> None:
        """Keep where the settings come from."""
        if isinstance(context, Origin):
            self._origin = context

    @property
    def zone(self) -> ZoneInfo:
        """Return the time zone that days begin in."""
        return ZoneInfo(self.time_zone)

    @property
    def sources(self) -> Mapping[str, str]:
        """Return where each key was set: config.toml:12 or the name of a variable. Defaults are not listed."""
        return self._origin.sources

    @property
    def hash(self) -> str:
        """Return the SHA-256 of what is set. Secrets are in it by reference only, the folder not at all."""
        content = self.model_dump(mode="json")
        for connection in content["crm"].values():
            connection["mapping"] = Path(os.path.relpath(connection["mapping"], self._origin.folder)).as_posix()
        content["jobs"].pop("archive")
        return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()

    def database_url(self) -> str:
        """Read the database's URL; a SQLite file without a leading slash lies beside the configuration."""
        url = self.database
        if is_reference(url):
            url = SecretRef(url, self._origin.folder, self._origin.env).resolve()
        if not url.startswith("sqlite"):
            return url
        parsed = make_url(url)
        if parsed.database in {None, "", ":memory:"}:
            return url
        return parsed.set(database=str(self._origin.folder / str(parsed.database))).render_as_string()

    @field_validator("time_zone")
    @classmethod
    def _check_time_zone(cls, value: str) -> str:
        known = available_timezones()
        if value in known:
            return value
        if not known:
            raise fault("CFG-005", "this machine has no list of time zones", "Run pip install tzdata.")
        raise fault(
            "CFG-005",
            f"time_zone is {shown(value)}, which is no IANA time zone",
            did_you_mean(value, known),
        )

    @field_validator("database")
    @classmethod
    def _check_database(cls, value: str) -> str:
        if not is_reference(value):
            check_database(value)
        return value

    @field_validator("stripe")
    @classmethod
    def _check_stripe(cls, value: StripeConfig, info: ValidationInfo) -> StripeConfig:
        if info.data.get("mode") == "live" and value.base_url and not is_loopback(value.base_url):
            hint = 'Leave base_url out, or set mode = "test".'
            raise fault("CFG-010", "a live key must not go to another base_url", hint, ("base_url",))
        return value

    @field_validator("crm")
    @classmethod
    def _check_crm(cls, value: Mapping[str, Connection], info: ValidationInfo) -> Mapping[str, Any]:
        mode = info.data.get("mode", "")
        refused = {name: each for name, each in value.items() if sandbox_fault(mode, sandbox=each.known_sandbox)}
        if refused:
            tags = {name: each.kind if each.kind in CRM_KINDS else PACKAGED for name, each in refused.items()}
            places = ((name, tags[name], "sandbox" if each.sandbox else "domain") for name, each in refused.items())
            raise fault("CFG-012", sandbox_fault(mode, sandbox=True), SANDBOX_REMEDY, *places)
        return value


def load_config(path: Path | None, env: Mapping[str, str]) -> Config:
    """Read the file (config.toml when None) and the variables. Raises ConfigError with all faults, one a line."""
    file = read_config_file(path or DEFAULT_PATH)
    variables = read_environment(Config, env, file.referred)
    values = _merge(file.values, variables.values)
    faults = [*file.faults, *variables.faults]

    def place(loc: Loc) -> tuple[str, int]:
        line = file.line_of(loc)
        name = variables.name_of(loc)
        return (name, 0) if name else (f"{file.name}:{line}", line)

    origin = Origin(file.folder, env, {".".join(loc).lower(): place(loc)[0] for loc, _ in leaves(values)})
    config = None
    try:
        config = Config.model_validate(values, context=origin)
    except ValidationError as error:
        faults += read_faults(Config, error.errors(), place)
    if config is None or faults:  # raised out here, so that no traceback leads to pydantic's error and its inputs
        raise ConfigError(render_faults(faults))
    return config


def _merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Lay one layer over another; tables are joined, anything else is replaced."""
    merged = dict(below)
    for key, value in above.items():
        under = merged.get(key)
        merged[key] = _merge(under, value) if isinstance(under, Mapping) and isinstance(value, Mapping) else value
    return merged
