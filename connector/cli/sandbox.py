"""`connector sandbox`: Salesforce, HubSpot and Stripe on this machine, for trying things out."""

import time
from pathlib import Path
from typing import Annotated

import typer

from connector.app import now_utc
from connector.cli.output import say
from connector.cli.playground import Playground
from connector.sandbox.hubspot import HubSpotSandbox
from connector.sandbox.seed import hubspot


def sandbox(
    salesforce_port: Annotated[int, typer.Option(help="Port of the Salesforce emulator (0: any).")] = 8401,
    stripe_port: Annotated[int, typer.Option(help="Port of the Stripe emulator (0: any).")] = 8402,
    hubspot_port: Annotated[int, typer.Option(help="Port of the HubSpot emulator (0: any).")] = 8403,
    write_config: Annotated[Path, typer.Option(help="Where to write a configuration that uses them.")] = Path(
        ".connector/sandbox.toml"
    ),
) -> None:
    """Serve the emulators over HTTP on loopback, each CRM seeded with a small company, until Ctrl-C."""
    today = now_utc().date()
    portal = HubSpotSandbox(port=hubspot_port, **hubspot.seed(today)._asdict())
    with portal, Playground(today, salesforce_port=salesforce_port, stripe_port=stripe_port) as playground:
        path = playground.write_config(write_config)
        say(f"Salesforce  {playground.salesforce.url}   Stripe  {playground.stripe.url}   HubSpot  {portal.url}")
        say(f"Try:  connector db upgrade --config {path}")
        say(f"      connector sync --config {path}")
        say(f"HubSpot has no connection in that file yet; its token is {portal.token}")
        say("Counters: GET /_sandbox/counters on each. Ctrl-C stops it; nothing is kept.")
        while True:
            time.sleep(3600)
