"""Rules between settings that a type cannot say: which keys go with which mode, where a base URL may point.

Each rule is a pure function. Inside the models a broken rule becomes a `fault`; `check_key_mode` and `check_sandbox`
are for facts that are only known later, when a secret was read or an org was asked.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import SplitResult, urlsplit

from pydantic_core import PydanticCustomError
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from connector.config.secrets import HOW
from connector.domain.errors import ConfigError

#: Kinds of CRM that a connection can have; what an unknown kind lacks is told by the first.
CRM_KINDS = ("salesforce", "hubspot")
#: What connections are called whose kind is a package of its own.
PACKAGED = "packaged"
#: Kind of login → what it needs.
AUTH_NEEDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "client_credentials": ("client_id", "client_secret"),
        "jwt": ("client_id", "username", "private_key"),
        "password": ("client_id", "client_secret", "username", "password"),
        "session": ("session_id", "instance_url"),
    }
)

_STRIPE_KEY = re.compile(r"[sr]k_(test|live)_\w+")
_SALESFORCE_HOST = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*\.(salesforce|force|cloudforce)\.com")
_DATABASES = frozenset({"sqlite", "sqlite+pysqlite", "postgres", "postgresql", "postgresql+psycopg"})


def fault(code: str, text: str, hint: str = "", *at: tuple[str, ...]) -> PydanticCustomError:
    """Return an error for pydantic to collect; `at` leads from the checked value to the keys at fault."""
    return PydanticCustomError(
        "config", "{text}  {hint}", {"code": code, "text": text, "hint": hint, "at": at or ((),)}
    )


def check_key_mode(key: str, mode: str) -> None:
    """Refuse a Stripe key of the other mode, or what is no secret key. Restricted keys (rk_) are welcome."""
    match = _STRIPE_KEY.fullmatch(key)
    if match is None:
        raise ConfigError(
            "stripe.api_key  CFG-011 this is no secret or restricted Stripe key  "
            "Use one that begins with rk_test_, rk_live_, sk_test_ or sk_live_."
        )
    if match[1] != mode:
        raise ConfigError(
            f'stripe.api_key  CFG-011 a {match[1]} key does not go with mode = "{mode}"  '
            f'Use a {mode} key, or set mode = "{match[1]}" if that is what you mean.'
        )


def check_sandbox(mode: str, connection: str, *, sandbox: bool | None) -> None:
    """Refuse to bill live customers from a CRM sandbox; `sandbox` is None when nobody knows yet."""
    if text := sandbox_fault(mode, sandbox=sandbox):
        raise ConfigError(f"crm.{connection}  CFG-012 {text}  {SANDBOX_REMEDY}")


SANDBOX_REMEDY = 'Connect the production org, or set mode = "test".'


def sandbox_fault(mode: str, *, sandbox: bool | None) -> str:
    """Return what is wrong with this pair, or nothing."""
    return 'a CRM sandbox must not bill live customers (mode = "live")' if mode == "live" and sandbox else ""


def is_loopback(url: str) -> bool:
    """Tell whether a base URL stays on this machine: http(s) to 127.x, ::1 or localhost, with nothing but a port."""
    host = (_split(url).hostname or "") if is_base_url(url) else ""
    return host in {"localhost", "::1"} or re.fullmatch(r"127(\.\d{1,3}){3}", host) is not None


def is_base_url(url: str) -> bool:
    """Tell whether a URL is scheme, host and port only: no user, path or query."""
    parts = _split(url)
    plain = parts.path in {"", "/"} and not parts.query and not parts.fragment and "@" not in parts.netloc
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and plain


def is_salesforce_url(url: str) -> bool:
    """Tell whether a URL is https to a host of Salesforce, so that a token goes nowhere else."""
    parts = _split(url)
    host = parts.netloc.lower()
    return parts.scheme == "https" and is_base_url(url) and _SALESFORCE_HOST.fullmatch(host) is not None


def _split(url: str) -> SplitResult:
    """Take a URL apart; an unreadable one has no parts."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return urlsplit("")
    return parts


def check_database(url: str) -> None:
    """Refuse what the journal cannot open, and a password that stands in the file."""
    parsed = _parsed(url)
    if parsed is None or parsed.drivername not in _DATABASES:
        raise fault("CFG-005", "database is no URL we know", "Write sqlite:///FILE or postgresql://USER@HOST/NAME.")
    if has_password(url):
        raise fault("CFG-006", "database holds a password, and a secret must not stand in the file", HOW)


def has_password(url: str) -> bool:
    """Tell whether a database's URL carries a password, or may do so unreadably."""
    parsed = _parsed(url)
    return parsed is None or parsed.password is not None or "password" in parsed.query


def _parsed(url: str) -> URL | None:
    try:
        return make_url(url)
    except (ArgumentError, ValueError):
        return None
