"""The emulators together, and a configuration that points at them."""

import os
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Self

from connector.config import Config, load_config
from connector.offline import bundled_mapping
from connector.sandbox.hubspot import HubSpotSandbox
from connector.sandbox.salesforce import SalesforceSandbox
from connector.sandbox.seed import ORDERS, hubspot, seed
from connector.sandbox.stripe import StripeSandbox

_HEAD = """\
# Written by `connector sandbox`: everything points at emulators on this machine.
mode = "test"
database = "sqlite:///{database}"

[stripe]
api_key = "file:{folder}/stripe_key"
base_url = "{stripe}"
requests_per_second = 1000
endpoint_requests_per_second = 1000
"""
_SALESFORCE = """
[crm.salesforce]
kind = "salesforce"
mapping = "{mapping}"
domain = "sandbox.my"
auth = "client_credentials"
client_id = "file:{folder}/client_id"
client_secret = "file:{folder}/client_secret"
base_url = "{url}"
sandbox = true
"""
_HUBSPOT = """
[crm.hubspot]
kind = "hubspot"
mapping = "{mapping}"
access_token = "file:{folder}/hubspot_token"
base_url = "{url}"
requests_per_ten_seconds = 1000
searches_per_second = 100.0
sandbox = true
"""
CRMS = ("salesforce", "hubspot")


class Playground:
    """A Salesforce org and a HubSpot portal, each with a small company in it, and an empty Stripe account."""

    def __init__(
        self,
        today: date,
        *,
        crms: tuple[str, ...] = ("salesforce",),
        salesforce_port: int = 0,
        stripe_port: int = 0,
        hubspot_port: int = 0,
    ) -> None:
        """Set up the emulators of `crms`, and Stripe."""
        self.crms = crms
        self.salesforce = SalesforceSandbox(port=salesforce_port, records=seed(today))
        self.hubspot = HubSpotSandbox(port=hubspot_port, **hubspot.seed(today)._asdict())
        self.stripe = StripeSandbox(port=stripe_port)
        self.orders = ORDERS
        self.deals = hubspot.DEALS

    def __enter__(self) -> Self:
        for emulator in self._emulators():
            emulator.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for emulator in self._emulators():
            emulator.stop()

    def _emulators(self) -> Iterator[SalesforceSandbox | HubSpotSandbox | StripeSandbox]:
        yield from (self.stripe, *(getattr(self, name) for name in self.crms))

    def write_config(self, path: Path, *, database: Path | None = None, crms: tuple[str, ...] | None = None) -> Path:
        """Write a configuration file, with the emulators' fake secrets beside it, readable by the owner only.

        `crms` are the connections in it: all that are there, when not given.
        """
        folder = path.resolve().parent
        folder.mkdir(parents=True, exist_ok=True)
        app = self.salesforce.connected_app
        secrets = {
            "stripe_key": "sk_test_sandbox",
            "client_id": app.consumer_key,
            "client_secret": app.consumer_secret,
            "hubspot_token": self.hubspot.token,
        }
        for name, value in secrets.items():
            _write_private(folder / name, value)
        head = _HEAD.format(database=database or folder / "sandbox.db", folder=folder, stripe=self.stripe.url)
        connections = (self._connection(name, folder) for name in crms or self.crms)
        path.write_text(head + "".join(connections), encoding="utf-8")
        return path

    def config(self, path: Path) -> Config:
        """Load the written configuration; variables of the environment do not reach into the playground."""
        return load_config(path, {})

    def _connection(self, crm: str, folder: Path) -> str:
        template, url = {
            "salesforce": (_SALESFORCE, self.salesforce.url),
            "hubspot": (_HUBSPOT, self.hubspot.url),
        }[crm]
        return template.format(mapping=bundled_mapping(crm), folder=folder, url=url)


def _write_private(path: Path, value: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(value)
