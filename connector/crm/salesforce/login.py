"""How to log in to Salesforce, and the one token that all threads share.

Of the ways offered, the JWT bearer flow and client credentials suit an unattended integration. The username-password
flow is kept for orgs that still allow it; new orgs block it. The SOAP login is left out: it ends with API version 65.
"""

import re
import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field

import requests
from jwt.exceptions import PyJWTError  # the vendor library signs with PyJWT, and lets its errors through
from simple_salesforce.exceptions import SalesforceAuthenticationFailed
from simple_salesforce.login import SalesforceLogin

from connector.crm.salesforce.transport import SalesforceTransport
from connector.domain.errors import ConfigError, RetryableError

_DOMAIN = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*")
_HOST = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*(:\d{1,5})?")


@dataclass(frozen=True, slots=True)
class JwtBearer:
    """A certificate instead of a password; `private_key` is the PEM text."""

    username: str
    consumer_key: str
    private_key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """The connected app's own run-as user; needs the org's My Domain, not login or test."""

    consumer_key: str
    consumer_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class UsernamePassword:
    """Legacy: the OAuth username-password flow. The security token is appended to the password."""

    username: str
    password: str = field(repr=False)
    consumer_key: str
    consumer_secret: str = field(repr=False)
    security_token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class OpenSession:
    """For development: a session id from elsewhere; it cannot be renewed. `instance` is a host."""

    session_id: str = field(repr=False)
    instance: str


Auth = JwtBearer | ClientCredentials | UsernamePassword | OpenSession


@dataclass(frozen=True, slots=True)
class SalesforceSettings:
    """One Salesforce org. Secrets are plain text here, already looked up, and never printed.

    `domain` is login, test, or the My Domain (`acme.my`, `acme--uat.sandbox.my`; the full host is understood).
    `timeout` is to connect and to read, in seconds. `base_url` sends everything to the emulator instead.
    `batch` is how many contracts are read together, at most 200: 27 characters an id keep a query below the 16 KB that
    an address may have.
    """

    auth: Auth
    name: str = "salesforce"
    domain: str = "login"
    api_version: str = "62.0"
    timeout: tuple[float, float] = (5.0, 60.0)
    pool_size: int = 32
    batch: int = 200
    base_url: str | None = None
    allow_remote_base_url: bool = False

    def __post_init__(self) -> None:
        host = self.domain.lower().removeprefix("https://").rstrip("/").removesuffix(".salesforce.com")
        object.__setattr__(self, "domain", host)
        if not _DOMAIN.fullmatch(host):
            raise ConfigError(f"{self.name}: domain {self.domain!r} is not login, test or a My Domain such as acme.my")
        if not re.fullmatch(r"\d{2,3}\.0", self.api_version):
            raise ConfigError(f"{self.name}: api_version {self.api_version!r} is not of the form 62.0")
        if not 1 <= self.batch <= 200:
            raise ConfigError(f"{self.name}: batch must be between 1 and 200, not {self.batch}")
        if isinstance(self.auth, ClientCredentials) and host in {"login", "test"}:
            raise ConfigError(
                f"{self.name}: Salesforce grants client credentials only at the org's own address; set domain to your "
                "My Domain, such as acme.my or acme--uat.sandbox.my"
            )


@dataclass(frozen=True, slots=True)
class Token:
    """An access token, the host it is good for, and its number: 1 for the first login, 2 after a renewal."""

    value: str = field(repr=False)
    instance: str
    generation: int


class TokenSource:
    """Logs in once for all threads, and once more for each time the token has expired."""

    __slots__ = ("_lock", "_login", "_token")

    def __init__(self, login: Callable[[], tuple[str, str]]) -> None:
        """`login` returns token and host; it is called under a lock, never twice for the same expired token."""
        self._login = login
        self._lock = threading.Lock()
        self._token: Token | None = None

    def current(self) -> Token:
        """Return the token in use, logging in the first time."""
        return self._token or self.renew(None)

    def renew(self, expired: Token | None) -> Token:
        """Replace an expired token; a thread that comes late gets what another one has fetched meanwhile."""
        with self._lock:
            if self._token is None or self._token == expired:
                value, instance = self._login()
                self._token = Token(value, instance, (expired.generation if expired else 0) + 1)
            return self._token


def log_in(settings: SalesforceSettings, transport: SalesforceTransport) -> tuple[str, str]:
    """Return token and host. ConfigError when Salesforce refuses us, RetryableError when it is away."""
    if isinstance(settings.auth, OpenSession):
        return settings.auth.session_id, _checked_host(settings, settings.auth.instance)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the library prints an approval link; our remedy says more
            token, instance = _grant(settings, transport)
    except SalesforceAuthenticationFailed as error:
        code = str(error.code)
        if code.isdigit() or code in _BUSY:
            raise RetryableError(f"{settings.name}: the login server is away ({code})", away=True) from error
        raise ConfigError(_refusal(settings, code, str(error.auth_message))) from error
    except (AttributeError, requests.JSONDecodeError) as error:  # an answer that is no OAuth answer
        raise RetryableError(f"{settings.name}: the login server gave an unreadable answer", away=True) from error
    except (PyJWTError, ValueError) as error:
        raise ConfigError(f"{settings.name}: the private key is not a PEM key that RS256 can sign with") from error
    return token, _checked_host(settings, instance)


def _grant(settings: SalesforceSettings, transport: SalesforceTransport) -> tuple[str, str]:
    match settings.auth:
        case JwtBearer(username, consumer_key, private_key):
            return SalesforceLogin(
                session=transport,
                domain=settings.domain,
                username=username,
                consumer_key=consumer_key,
                privatekey=private_key,
            )
        case ClientCredentials(consumer_key, consumer_secret):
            return SalesforceLogin(
                session=transport,
                domain=settings.domain,
                consumer_key=consumer_key,
                consumer_secret=consumer_secret,
            )
        case UsernamePassword(username, password, consumer_key, consumer_secret, security_token):
            return SalesforceLogin(
                session=transport,
                domain=settings.domain,
                username=username,
                password=password + security_token,
                consumer_key=consumer_key,
                consumer_secret=consumer_secret,
            )
        case OpenSession(session_id, instance):
            return session_id, instance


_BUSY = frozenset({"None", "server_error", "temporarily_unavailable", "login_rate_exceeded", "rate_limit_exceeded"})
_REMEDIES = {
    "invalid_client_id": "check the consumer key, and that the app exists in this org",
    "invalid_client": "check the consumer secret",
    "inactive_user": "activate the integration user",
    "inactive_org": "the org is closed or locked; ask Salesforce",
    "unsupported_grant_type": "enable this flow in the external client app's settings",
    "invalid_grant": (
        "check that the user is pre-authorised for the app, that the app's certificate or password is the present one, "
        "that domain is login for production and test for a sandbox, and the org's login history for the reason"
    ),
}


def _refusal(settings: SalesforceSettings, code: str, text: str) -> str:
    remedy = _REMEDIES.get(code, "see Setup, Login History, in the org")
    return (
        f"{settings.name}: Salesforce refused the login at {settings.domain} ({code}: {text[:200]}). To do: {remedy}."
    )


def _checked_host(settings: SalesforceSettings, instance: str) -> str:
    host = instance.removeprefix("https://").rstrip("/")
    if not _HOST.fullmatch(host):
        raise ConfigError(f"{settings.name}: {instance[:100]!r} is not the host of a Salesforce org")
    return host
