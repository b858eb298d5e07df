"""The account behind the token: its number, what kind it is, the zone its days begin in, and its address for people."""

import threading
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from connector.crm.hubspot.client import HubSpotClient

_HOST = "app.hubspot.com"


@dataclass(frozen=True, slots=True)
class Account:
    """One HubSpot account (portal)."""

    id: str
    kind: str
    time_zone: str
    ui_domain: str

    @property
    def is_sandbox(self) -> bool:
        """Tell whether no real deals are closed here: sandboxes, and test accounts of developers."""
        return self.kind != "STANDARD"

    @property
    def records_url(self) -> str:
        """Return the address that record pages begin with."""
        return f"https://{self.ui_domain}/contacts/{self.id}/record"


class AccountSource:
    """Asks once, for all threads."""

    def __init__(self, client: HubSpotClient) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._found: Account | None = None

    def get(self) -> Account:
        """Return the account; the first caller asks HubSpot."""
        with self._lock:
            if self._found is None:
                row = self._client.account()
                zone = str(row.get("timeZone") or "UTC")
                ZoneInfo(zone)  # HubSpot's names are IANA's
                kind, domain = str(row.get("accountType") or ""), str(row.get("uiDomain") or _HOST)
                self._found = Account(str(row["portalId"]), kind, zone, domain)
            return self._found
