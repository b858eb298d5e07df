"""What the tests of the Salesforce emulator share: the real client, led to loopback."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

import pytest
import requests
from requests.adapters import HTTPAdapter
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import SalesforceError

if TYPE_CHECKING:
    from collections.abc import Callable

    from connector.sandbox.salesforce import SalesforceSandbox


class ToLoopback(HTTPAdapter):
    """The library speaks https only; this sends what it asks to the emulator instead."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.target = urlsplit(url)

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        parts = urlsplit(str(request.url))
        request.url = urlunsplit((self.target.scheme, self.target.netloc, parts.path, parts.query, ""))
        return super().send(request, *args, **kwargs)


def session_for(org: SalesforceSandbox) -> requests.Session:
    session = requests.Session()
    session.mount("https://", ToLoopback(org.url))
    return session


def connect(org: SalesforceSandbox, **options: Any) -> Salesforce:
    app = org.connected_app
    credentials = {"consumer_key": app.consumer_key, "consumer_secret": app.consumer_secret, "domain": "emulated.my"}
    return Salesforce(**{**credentials, **options}, session=session_for(org))


def refusal(act: Callable[[], Any]) -> tuple[int, str, str]:
    """Status, code and message of the refusal that an act earns."""
    with pytest.raises(SalesforceError) as caught:
        act()
    content: Any = caught.value.content
    return caught.value.status, content[0]["errorCode"], content[0]["message"]
