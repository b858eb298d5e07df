"""The composition root: one Config → everything wired. Only here are clients built and the wall clock read."""

import ctypes
import logging
import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from tenacity import Retrying

from connector.billing.account import StripeAccount
from connector.billing.client import StripeApi
from connector.billing.limiter import Limiter, Paced, Rates
from connector.billing.shared_limiter import SharedLimiter
from connector.breaker import Breaker, Opening, Patience
from connector.config import Config, HubSpotConnection, SalesforceConnection, check_key_mode, check_sandbox
from connector.config.secrets import SecretRef
from connector.config.tables import Connection, PackagedConnection
from connector.crm.hubspot.settings import HubSpotSettings
from connector.crm.kinds import Connecting, connect
from connector.crm.protocol import ConnectedCrm, Crm
from connector.crm.salesforce.settings import (
    Auth,
    ClientCredentials,
    JwtBearer,
    OpenSession,
    SalesforceSettings,
    UsernamePassword,
)
from connector.desk import Backoff
from connector.dispatch import Engine
from connector.domain.errors import ConfigError
from connector.journal import ALL, Journal, OpenBreaker, open_journal
from connector.mapping.mapping_file import MappingFile
from connector.offline import read_mapping
from connector.reports import Signals
from connector.reports.facts import Breaker as VendorAway
from connector.retry import retry_policy
from connector.sync import Desk

_log = logging.getLogger(__name__)
_M_ARENA_MAX = -8  # glibc's <malloc.h>


def now_utc() -> datetime:
    """Return the present moment; the only place where the connector reads the wall clock."""
    return datetime.now(UTC)


def share_heaps() -> None:
    """Let all threads take memory from one heap, where the C library would give them sixteen on two cores.

    What is left over in several adds up: a sixth of a back-fill's memory in sixteen, 2 MB in two. Only glibc knows
    heaps; it heeds this before threads begin.
    """
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)


@dataclass(frozen=True, slots=True)
class App:
    """Everything, wired. Close it, or use it as a context manager."""

    config: Config
    journal: Journal
    desks: Mapping[str, Desk]
    api: StripeApi
    engine: Engine
    """Who deals out the work that the jobs submit."""
    breakers: Mapping[tuple[str, str], Breaker] = field(default_factory=dict)
    """By connection (`*`: Stripe, which all share) and vendor."""
    signals: Signals = field(default_factory=Signals)
    """What the reports hear beyond contracts and runs."""

    def breakers_of(self, connection: str) -> tuple[Breaker, ...]:
        """Return the breakers that a connection's work goes through."""
        return tuple(breaker for (name, _), breaker in self.breakers.items() if name in {ALL, connection})

    def desk(self, name: str | None = None) -> Desk:
        """Return the desk of a connection; without a name, the only one."""
        if name is None and len(self.desks) == 1:
            return next(iter(self.desks.values()))
        if name is not None and name in self.desks:
            return self.desks[name]
        known = ", ".join(self.desks) or "none"
        what = f"there is no connection {name!r}" if name else "several connections are configured; choose one"
        raise ConfigError(f"{what}. Use --connection NAME; configured: {known}.")

    def check_orgs(self) -> None:
        """Ask every org whether it is a sandbox; raises ConfigError where test orders would bill live customers."""
        for name, desk in self.desks.items():
            if self.config.mode == "live" and isinstance(desk.crm, ConnectedCrm):
                check_sandbox(self.config.mode, name, sandbox=desk.crm.is_sandbox())

    def close(self) -> None:
        """Close the connections."""
        self.engine.close()
        self.api.transport.close()
        self.journal.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def build_app(
    config: Config,
    *,
    clock: Callable[[], datetime] = now_utc,
    upgrade: bool = False,
    sleep: Callable[[float], None] = time.sleep,
) -> App:
    """Wire everything; raises ConfigError with the remedy. Nothing is called outside yet, and no login is made.

    `upgrade` brings the journal's tables up to date first (the demo's private database). `sleep` waits between tries.
    """
    share_heaps()
    api_key = config.stripe.api_key.resolve()
    check_key_mode(api_key, config.mode)
    journal = open_journal(config.database_url(), upgrade=upgrade)
    breakers = _breakers(config, journal, clock)
    policies = {key: retry_policy(sleep=sleep, breaker=breaker) for key, breaker in breakers.items()}
    limiter, policy = _limiter(config, journal), policies[ALL, "Stripe"]
    api = StripeApi(api_key, base_url=config.stripe.base_url, limiter=limiter, policy=policy)
    test = "" if config.mode == "live" else "/test"
    mappings = {name: read_mapping(Path(connection.mapping)) for name, connection in config.crm.items()}
    desks = {
        name: Desk(
            name=name,
            crm=_crm(name, connection, mappings[name], policies[name, connection.kind]),
            mapping=mappings[name],
            account=StripeAccount(name, config.zone, api, journal),
            limits=config.safety.limits(),
            clock=clock,
            dashboard=f"https://dashboard.stripe.com{test}",
            ahead=config.jobs.extend_days_ahead,
            backoff=Backoff(
                timedelta(seconds=config.jobs.retry_first_seconds), timedelta(seconds=config.jobs.retry_most_seconds)
            ),
            threads=config.jobs.threads,
        )
        for name, connection in config.crm.items()
    }
    return App(config, journal, desks, api, Engine(config, journal, clock), breakers, _signals(journal))


def _signals(journal: Journal) -> Signals:
    """Return what the journal keeps for the reports beyond contracts and runs."""

    def away() -> tuple[VendorAway, ...]:
        found = journal.open_breakers()
        return tuple(VendorAway(one.vendor, one.connection, one.opened_at, one.reason) for one in found)

    def classes(connection: str) -> dict[str, str]:
        return {one.contract_key: one.kind for one in journal.failures(connection, limit=100_000)}

    def dead(connection: str) -> dict[str, int]:  # nobody's change of a record or a mapping is waited for
        bugs = journal.failure_counts(connection).get("bug", 0)
        return {"bug": bugs} if bugs else {}

    def paused(connection: str) -> str | None:
        pause = journal.paused(connection)
        return pause.reason if pause else None

    return Signals(breakers=away, classes=classes, dead=dead, paused=paused)


def _breakers(config: Config, journal: Journal, clock: Callable[[], datetime]) -> dict[tuple[str, str], Breaker]:
    """Return a breaker for Stripe and one for each CRM, as the process before this one left them."""
    first = timedelta(seconds=config.jobs.breaker_seconds)
    patience = Patience(config.jobs.breaker_outages, first, first * 20)
    left = {(one.connection, one.vendor): one for one in journal.open_breakers()}
    keys = [(ALL, "Stripe"), *((name, connection.kind) for name, connection in config.crm.items())]
    return {
        key: Breaker(
            key[1], clock, patience=patience, opening=_opening(left.get(key)), told=partial(_tell, journal, key)
        )
        for key in keys
    }


def _opening(left: OpenBreaker | None) -> Opening | None:
    return Opening(left.opened_at, left.retry_at, left.openings, left.reason) if left else None


def _tell(journal: Journal, key: tuple[str, str], opening: Opening | None) -> None:
    """Keep what became of a breaker, for `status` and for the next process, and log it."""
    connection, vendor = key
    whose = "" if connection == ALL else f"connection {connection}: "
    if opening is None:
        journal.close_breaker(connection, vendor)
        _log.warning("%s%s answers again; the circuit breaker is closed", whose, vendor)
        return
    journal.save_breaker(
        OpenBreaker(connection, vendor, opening.opened_at, opening.retry_at, opening.openings, opening.reason)
    )
    until = f"{opening.retry_at:%Y-%m-%d %H:%M:%S} UTC"
    _log.error("%s%s is away, nothing is sent until %s: %s", whose, vendor, until, opening.reason)


def _limiter(config: Config, journal: Journal) -> Paced:
    """Return what paces calls to Stripe: it begins with what earlier runs learned under the same configuration."""
    stripe, account = config.stripe, config.mode
    rates = Rates(stripe.requests_per_second, stripe.endpoint_requests_per_second, share=stripe.rate_share)
    if stripe.shared_limiter:
        return SharedLimiter(journal, account, replace(rates, burst=1))
    learned = {
        name: rate
        for bucket, (full, rate) in journal.learned_rates().items()
        if bucket.startswith(f"{account} ") and full == rates.full(name := bucket.removeprefix(f"{account} "))
    }

    def learn(bucket: str, rate: float) -> None:
        journal.save_rate(f"{account} {bucket}", rates.full(bucket), rate)

    return Limiter(replace(rates, learned=learned), learn=learn)


def _crm(name: str, connection: Connection, mapping: MappingFile, policy: Retrying) -> Crm:
    """Return the adapter of a connection: the one place where a kind of CRM becomes an object."""
    # Each vendor's SDK takes tens of megabytes and a quarter of a second: only those that are used are imported.
    match connection:
        case SalesforceConnection():
            from connector.crm.salesforce.adapter import SalesforceCrm  # noqa: PLC0415

            return SalesforceCrm(salesforce_settings(name, connection), policy=policy, renewal=mapping.renewal)
        case HubSpotConnection():
            from connector.crm.hubspot.adapter import HubSpotCrm  # noqa: PLC0415

            return HubSpotCrm(hubspot_settings(name, connection), policy=policy, renewal=mapping.renewal)
        case PackagedConnection():
            secrets = {key: secret.resolve() for key, secret in connection.secrets.items()}
            return connect(connection.kind, Connecting(name, connection.options, secrets, mapping.renewal))


def hubspot_settings(name: str, connection: HubSpotConnection) -> HubSpotSettings:
    """Return the adapter's settings with the token looked up."""
    return HubSpotSettings(
        token=connection.access_token.resolve(),
        name=name,
        prefix=connection.prefix,
        api_version=connection.api_version,
        burst=connection.requests_per_ten_seconds,
        searches=connection.searches_per_second,
        base_url=connection.base_url,
    )


def salesforce_settings(name: str, connection: SalesforceConnection) -> SalesforceSettings:
    """Return the adapter's settings with every secret looked up."""
    return SalesforceSettings(
        auth=_auth(connection),
        name=name,
        domain=connection.domain,
        api_version=connection.api_version,
        base_url=connection.base_url,
    )


def _auth(connection: SalesforceConnection) -> Auth:
    match connection.auth:
        case "client_credentials":
            return ClientCredentials(_secret(connection.client_id), _secret(connection.client_secret))
        case "jwt":
            return JwtBearer(
                _secret(connection.username), _secret(connection.client_id), _secret(connection.private_key)
            )
        case "password":
            return UsernamePassword(
                _secret(connection.username),
                _secret(connection.password),
                _secret(connection.client_id),
                _secret(connection.client_secret),
                _secret(connection.security_token) if connection.security_token else "",
            )
        case "session":
            return OpenSession(_secret(connection.session_id), connection.instance_url or "")


def _secret(value: SecretRef | str | None) -> str:
    return value.resolve() if isinstance(value, SecretRef) else value or ""
