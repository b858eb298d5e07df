"""The two emulators together, and a configuration that points at them."""

import os
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Self

from connector.config import Config, load_config
from connector.offline import bundled_mapping
from connector.sandbox.salesforce import SalesforceSandbox
from connector.sandbox.seed import ORDERS, seed
from connector.sandbox.stripe import StripeSandbox

_TEMPLATE = """\
# Written by `connector sandbox`: everything points at emulators on this machine.
mode = "test"
database = "sqlite:///{database}"

[stripe]
api_key = "file:{folder}/stripe_key"
base_url = "{stripe}"
requests_per_second = 1000
endpoint_requests_per_second = 1000

[crm.salesforce]
kind = "salesforce"
mapping = "{mapping}"
domain = "sandbox.my"
auth = "client_credentials"
client_id = "file:{folder}/client_id"
client_secret = "file:{folder}/client_secret"
base_url = "{salesforce}"
sandbox = true
"""


class Playground:
    """A Salesforce org with a small company in it, and an empty Stripe account."""

    def __init__(self, today: date, *, salesforce_port: int = 0, stripe_port: int = 0) -> None:
        self.salesforce = SalesforceSandbox(port=salesforce_port, records=seed(today))
        self.stripe = StripeSandbox(port=stripe_port)
        self.orders = ORDERS

    def __enter__(self) -> Self:
        self.salesforce.start()
        self.stripe.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stripe.stop()
        self.salesforce.stop()

    def write_config(self, path: Path, *, database: Path | None = None) -> Path:
        """Write a configuration file, with the emulators' fake secrets beside it, readable by the owner only."""
        folder = path.resolve().parent
        folder.mkdir(parents=True, exist_ok=True)
        app = self.salesforce.connected_app
        secrets = {
            "stripe_key": "sk_test_sandbox",
            "client_id": app.consumer_key,
            "client_secret": app.consumer_secret,
        }
        for name, value in secrets.items():
            _write_private(folder / name, value)
        text = _TEMPLATE.format(
            database=database or folder / "sandbox.db",
            folder=folder,
            stripe=self.stripe.url,
            salesforce=self.salesforce.url,
            mapping=bundled_mapping("salesforce"),
        )
        path.write_text(text, encoding="utf-8")
        return path

    def config(self, path: Path) -> Config:
        """Load the written configuration; variables of the environment do not reach into the playground."""
        return load_config(path, {})


def _write_private(path: Path, value: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(value)
