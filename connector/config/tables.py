"""The tables of config.toml as frozen models: names, defaults, units and rules.

What a field is for stands under it, once; the JSON Schema and editors show the same words.
"""

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationInfo, field_validator

from connector.config.rules import (
    AUTH_NEEDS,
    CRM_KINDS,
    PACKAGED,
    fault,
    is_base_url,
    is_loopback,
    is_salesforce_url,
)
from connector.config.secrets import is_reference
from connector.config.types import OFF, Amounts, Every, RelativePath, Secret, Secrets, Texts
from connector.plan.safety import Limits

_NEEDED_BY_LOGIN = tuple(dict.fromkeys(name for names in AUTH_NEEDS.values() for name in names))


class Settings(BaseModel):
    """What all tables share: nothing changes after reading, nothing unknown is accepted, no error shows a value."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, use_attribute_docstrings=True)


class StripeConfig(Settings):
    """The Stripe account that is billed."""

    api_key: Secret
    """Where the key is kept; a restricted key (rk_) is best. Its mode must be the mode above."""
    allow_remote_base_url: bool = False
    """Let base_url point to another machine, in test mode only."""
    base_url: str | None = None
    """Send Stripe's calls here instead, for an emulator: http://127.0.0.1:PORT."""
    requests_per_second: float = Field(default=25.0, gt=0, le=10_000)
    """Requests a second in all. Stripe allows 25 in test mode; raise it to 100 for live."""
    endpoint_requests_per_second: float = Field(default=25.0, gt=0, le=10_000)
    """Requests a second to one endpoint, such as customers."""
    rate_share: float = Field(default=1.0, gt=0, le=1)
    """The share of both that is ours: 0.8 leaves a fifth to what else uses the Stripe account."""
    shared_limiter: bool = False
    """Keep the limits in the database: for several processes, or machines, that use one Stripe account."""

    @field_validator("base_url")
    @classmethod
    def _check_base_url(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None or is_loopback(value) or (info.data.get("allow_remote_base_url") and is_base_url(value)):
            return value
        raise fault("CFG-010", "base_url does not point to this machine", "Write http://127.0.0.1:PORT.")


class SalesforceConnection(Settings):
    """One Salesforce org: where it is, how we log in, which mapping reads it."""

    kind: Literal["salesforce"]
    """The kind of CRM."""
    mapping: RelativePath
    """The mapping file."""
    auth: Literal["client_credentials", "jwt", "password", "session"]
    """How we log in. Client credentials and JWT suit a program; session is for development."""
    domain: str = Field(default="login", pattern=r"^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$", validate_default=True)
    """login, test, or the org's My Domain: acme.my, acme--uat.sandbox.my."""
    client_id: Secret | None = Field(default=None, validate_default=True)
    """The consumer key of the connected app. For client_credentials, jwt and password."""
    client_secret: Secret | None = Field(default=None, validate_default=True)
    """The consumer secret of the connected app. For client_credentials and password."""
    username: str | None = Field(default=None, validate_default=True)
    """The integration user. For jwt and password."""
    password: Secret | None = Field(default=None, validate_default=True)
    """The user's password. For password."""
    security_token: Secret | None = None
    """The user's security token, where the org asks for one. For password."""
    private_key: Secret | None = Field(default=None, validate_default=True)
    """The PEM key whose certificate the connected app knows. For jwt."""
    session_id: Secret | None = Field(default=None, validate_default=True)
    """A session that is already open. For session."""
    instance_url: str | None = Field(default=None, validate_default=True)
    """The org's address that the session belongs to: https://acme.my.salesforce.com. For session."""
    base_url: str | None = None
    """Send the org's calls here instead, for an emulator: http://127.0.0.1:PORT."""
    api_version: str = Field(default="62.0", pattern=r"^\d{2,3}\.0$")
    """Version of Salesforce's API."""
    sandbox: bool | None = None
    """Whether the org is a sandbox; found out when not said. A sandbox never bills in live mode."""

    @property
    def known_sandbox(self) -> bool | None:
        """Tell whether the org is a sandbox by its address or by the file; None when only the org knows."""
        host = self.domain.lower().removesuffix(".salesforce.com")
        return True if host == "test" or host.endswith(".sandbox.my") else self.sandbox

    @field_validator(*_NEEDED_BY_LOGIN)
    @classmethod
    def _check_login(cls, value: Any, info: ValidationInfo) -> Any:
        auth = info.data.get("auth", "")
        if value is None and info.field_name in AUTH_NEEDS.get(auth, ()):
            raise fault("CFG-009", f'with auth = "{auth}"', f"{info.field_name} is needed")
        return value

    @field_validator("username")
    @classmethod
    def _check_username(cls, value: str | None) -> str | None:
        if value is not None and is_reference(value):
            raise fault("CFG-007", "username is no secret and takes no reference", "Write the name itself.")
        return value

    @field_validator("domain")
    @classmethod
    def _check_domain(cls, value: str, info: ValidationInfo) -> str:
        if value in {"login", "test"} and info.data.get("auth") == "client_credentials":
            raise fault("CFG-005", f'client credentials do not work at "{value}"', "Write your My Domain: acme.my.")
        return value

    @field_validator("instance_url")
    @classmethod
    def _check_instance_url(cls, value: str | None) -> str | None:
        if value is None or is_salesforce_url(value) or (is_loopback(value) and value.startswith("https:")):
            return value
        raise fault("CFG-010", "instance_url is no Salesforce address", "Write https://YOUR-DOMAIN.my.salesforce.com.")

    @field_validator("base_url")
    @classmethod
    def _check_base_url(cls, value: str | None) -> str | None:
        if value is None or is_loopback(value):
            return value
        raise fault("CFG-010", "base_url does not point to this machine", "Write http://127.0.0.1:PORT.")


class HubSpotConnection(Settings):
    """One HubSpot account: how we log in, how fast we may go, which mapping reads it."""

    kind: Literal["hubspot"]
    """The kind of CRM."""
    mapping: RelativePath
    """The mapping file."""
    access_token: Secret
    """The token of the private app or service key (pat-...)."""
    prefix: str = Field(default="bsync_", pattern=r"^[a-z][a-z0-9_]{0,19}$")
    """What the connector's own properties begin with. The mapping file names them in full."""
    api_version: Literal["2026-09", "2026-03", "v3"] = "2026-09"
    """Version of HubSpot's API."""
    requests_per_ten_seconds: int = Field(default=90, ge=5, le=1_000)
    """Requests in ten seconds. HubSpot allows 100 and, from Professional on, 190; other apps may share them."""
    searches_per_second: float = Field(default=4.0, gt=0, le=100)
    """Searches a second. HubSpot allows five to all apps of the account together."""
    base_url: str | None = None
    """Send the account's calls here instead, for an emulator: http://127.0.0.1:PORT."""
    sandbox: bool | None = None
    """Whether the account is a sandbox or a test account; found out when not said. It never bills in live mode."""

    @property
    def known_sandbox(self) -> bool | None:
        """Tell whether the account is a sandbox by the file; None when only HubSpot knows."""
        return self.sandbox

    @field_validator("base_url")
    @classmethod
    def _check_base_url(cls, value: str | None) -> str | None:
        if value is None or is_loopback(value):
            return value
        raise fault("CFG-010", "base_url does not point to this machine", "Write http://127.0.0.1:PORT.")


class PackagedConnection(Settings):
    """A CRM of a kind that is a Python package of its own (docs/adding-a-crm.md)."""

    kind: str = Field(pattern=r"^[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)+$")
    """The kind of CRM: the package's name, with its dots."""
    mapping: RelativePath
    """The mapping file."""
    options: Texts = Field(default_factory=lambda: MappingProxyType({}))
    """What the kind's adapter takes, such as an address; it says which."""
    secrets: Secrets = Field(default_factory=lambda: MappingProxyType({}))
    """Where the secrets that it needs are kept."""
    sandbox: bool | None = None
    """Whether no real deals are closed there; found out when not said. A sandbox never bills in live mode."""

    @property
    def known_sandbox(self) -> bool | None:
        """Tell whether it is a sandbox by the file; None when only the CRM knows."""
        return self.sandbox


def _kind_of(value: Any) -> str:
    """Return which model describes a connection; an unknown kind is an error of the first one."""
    kind = value.get("kind") if isinstance(value, Mapping) else getattr(value, "kind", None)
    if isinstance(kind, str) and "." in kind:
        return PACKAGED
    return kind if kind in CRM_KINDS else CRM_KINDS[0]


Connection = Annotated[
    Annotated[SalesforceConnection, Tag("salesforce")]
    | Annotated[HubSpotConnection, Tag("hubspot")]
    | Annotated[PackagedConnection, Tag(PACKAGED)],
    Discriminator(_kind_of),
]


class SafetyConfig(Settings):
    """How far a plan, or a run, may go without approval."""

    max_contract_amount: Amounts = Field(default_factory=lambda: MappingProxyType({}))
    """The most one contract may bill, in major units by currency; "*" stands for all others. Empty: no limit."""
    max_backdating_days: int = Field(default=366, ge=0)
    """How many days ago a new contract may have started."""
    max_terminations: int = Field(default=0, ge=0)
    """How many contracts one run may end."""
    max_changed_share: Decimal = Field(default=Decimal("0.3"), ge=0, le=1)
    """Which share of the known contracts one run may change: 0.3 is 30 %."""
    min_population: int = Field(default=10, ge=0)
    """From how many known contracts on max_changed_share counts."""

    def limits(self) -> Limits:
        """Return the same as the plan's own value."""
        return Limits(
            self.max_contract_amount,
            self.max_backdating_days,
            self.max_terminations,
            self.max_changed_share,
            self.min_population,
        )


class JobsConfig(Settings):
    """When the scheduled jobs run, and how they go about what fails."""

    sync_every_seconds: Every = 60.0
    """Seconds between two looks for changed contracts, or "off"."""
    write_back_every_seconds: Every = 30.0
    """Seconds between two tries to tell the CRM what it could not be told, or "off"."""
    retry_every_seconds: Every = 30.0
    """Seconds between two looks for failed contracts whose next try is due, or "off"."""
    sweep_every_hours: Every = 24.0
    """Hours between two sweeps: ids and stamps of the CRM against what was looked at, or "off"."""
    deep_sweep_every_days: int = Field(default=7, ge=1)
    """Days between two sweeps that look at every known contract, whatever its stamp."""
    reconcile_every_hours: Every = 24.0
    """Hours between two comparisons of all of Stripe's schedules with what was applied last, or "off"."""
    housekeeping_every_hours: Every = 24.0
    """Hours between two rounds of housekeeping, or "off"."""
    extend_every_hours: Every = 6.0
    """Hours between two looks for contracts with more phases than Stripe holds, or "off"."""
    alerts_every_seconds: Every = 60.0
    """Seconds between two looks for something to alarm about, or "off"."""
    extend_days_ahead: int = Field(default=45, ge=1, le=366)
    """Days before the last phase in Stripe begins on which the next phases are appended."""
    night_hour: int = Field(default=2, ge=0, le=23)
    """The hour, in the time zone above, at which the day of jobs begins that run every 24 hours or less often."""
    stop_seconds: float = Field(default=30.0, ge=0, le=3600)
    """Seconds that the contract in hand has to be finished when the process is told to stop; then it is handed back."""
    retry_first_seconds: float = Field(default=5.0, gt=0, le=86_400)
    """Seconds until a contract that met an outage is tried again; each further wait is twice as long."""
    retry_most_seconds: float = Field(default=3600.0, gt=0, le=604_800)
    """Seconds between two tries at most."""
    breaker_outages: int = Field(default=8, ge=1, le=1000)
    """Calls in a row that a vendor must leave unanswered before nothing is sent to it for a while."""
    breaker_seconds: float = Field(default=30.0, gt=0, le=86_400)
    """Seconds for which nothing is sent at first; twice as long each time, up to twenty times this."""
    keep_days: Every = OFF
    """Days for which runs and plans are kept at least; older ones are archived and removed. "off": for ever."""
    archive: RelativePath | None = None
    """Folder into which old runs and plans are written before they are removed. Without it nothing is removed."""
    remove_without_archive: bool = False
    """Remove old runs and plans although there is no archive."""
    dispatcher: Literal["embedded", "procrastinate"] = "embedded"
    """Who deals out the work: embedded, or procrastinate, for which the journal must be on PostgreSQL."""
    threads: int = Field(default=32, ge=1, le=128)
    """Customers that are worked on beside each other; 64 where Stripe is slow to answer (over half a second)."""


class LogConfig(Settings):
    """What is logged, and how."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least severe message that is logged."""
    format: Literal["text", "json"] = "text"
    """Text for people, JSON lines for machines."""
