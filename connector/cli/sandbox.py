"""`connector sandbox`: Salesforce, HubSpot and Stripe on this machine, for trying things out."""

import time
from pathlib import Path
from typing import Annotated

import typer

from connector.app import now_utc
from connector.cli.output import say
from connector.cli.playground import CRMS, Playground


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
    ports = {"salesforce_port": salesforce_port, "stripe_port": stripe_port, "hubspot_port": hubspot_port}
    with Playground(today, crms=CRMS, **ports) as playground:
        path = playground.write_config(write_config, crms=("salesforce",))
        other = path.with_name(f"{path.stem}-hubspot{path.suffix}")
        playground.write_config(other, database=other.with_suffix(".db").resolve(), crms=("hubspot",))
        org, portal, stripe = playground.salesforce.url, playground.hubspot.url, playground.stripe.url
        say(f"Salesforce  {org}   Stripe  {stripe}   HubSpot  {portal}")
        say(f"Try:  connector db upgrade --config {path}")
        say(f"      connector sync --config {path}")
        say(f"The same with HubSpot: --config {other}")
        say("Counters: GET /_sandbox/counters on each. Ctrl-C stops it; nothing is kept.")
        while True:
            time.sleep(3600)
