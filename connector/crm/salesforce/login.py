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

from connector.crm.salesforce.library import SalesforceAuthenticationFailed, SalesforceLogin
from connector.crm.salesforce.settings import (
    ClientCredentials,
    JwtBearer,
    OpenSession,
    SalesforceSettings,
    UsernamePassword,
)
from connector.crm.salesforce.transport import SalesforceTransport
from connector.domain.errors import ConfigError, RetryableError

_HOST = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*(:\d{1,5})?")


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
    except ValueError as error:
        raise ConfigError(f"{settings.name}: the private key is not a PEM key that RS256 can sign with") from error
    return token, _checked_host(settings, instance)


def _grant(settings: SalesforceSettings, transport: SalesforceTransport) -> tuple[str, str]:
    match settings.auth:
        case JwtBearer(username, consumer_key, private_key):
            return _by_certificate(settings, transport, username, consumer_key, private_key)
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


def _by_certificate(
    settings: SalesforceSettings, transport: SalesforceTransport, username: str, consumer_key: str, private_key: str
) -> tuple[str, str]:
    """Log in by the JWT flow; raises ValueError for a key that cannot sign."""
    from jwt.exceptions import PyJWTError  # noqa: PLC0415 -- cryptography takes eight megabytes

    try:
        return SalesforceLogin(
            session=transport,
            domain=settings.domain,
            username=username,
            consumer_key=consumer_key,
            privatekey=private_key,
        )
    except PyJWTError as error:  # the library signs with PyJWT, and lets its errors through
        raise ValueError(str(error)) from error


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
