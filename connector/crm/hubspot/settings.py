"""One HubSpot account: the token, where calls go, how fast, and what our own properties begin with."""

import re
from dataclasses import dataclass, field

from connector.domain.errors import ConfigError

#: Paths of HubSpot's API that are understood: the dated ones, and the undated ones that lose support in 2027.
API_VERSIONS = ("2026-09", "2026-03", "v3")


@dataclass(frozen=True, slots=True)
class HubSpotSettings:
    """One account. The token is plain text here, already looked up, and never printed.

    `prefix` is what the connector's own properties begin with.
    `burst` is requests in ten seconds and `searches` searches a second; both are shared with other apps of the account,
    so the defaults leave room below HubSpot's limits (100 or more in ten seconds, 5 searches a second).
    `timeout` is to connect and to read, in seconds. `base_url` sends everything to the emulator instead.
    `batch` is how many contracts are read together: associations come in thousands.
    """

    token: str = field(repr=False)
    name: str = "hubspot"
    prefix: str = "bsync_"
    api_version: str = "2026-09"
    burst: int = 90
    searches: float = 4.0
    timeout: tuple[float, float] = (5.0, 60.0)
    pool_size: int = 32
    batch: int = 1000
    base_url: str | None = None
    allow_remote_base_url: bool = False

    def __post_init__(self) -> None:
        if self.api_version not in API_VERSIONS:
            raise ConfigError(f"{self.name}: api_version {self.api_version!r} is none of: {', '.join(API_VERSIONS)}")
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,19}", self.prefix):
            raise ConfigError(f"{self.name}: prefix {self.prefix!r} is not of the form bsync_ (a-z, 0-9 and _)")
        if not 1 <= self.batch <= 1000:
            raise ConfigError(f"{self.name}: batch must be between 1 and 1000, not {self.batch}")
