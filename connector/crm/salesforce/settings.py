"""How to reach one Salesforce org, and the ways to log in to it. Nothing of the vendor's library is needed for this."""

import re
from dataclasses import dataclass, field

from connector.domain.errors import ConfigError

_DOMAIN = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*")


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
