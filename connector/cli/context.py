"""What commands share: options, opening the app, choosing contracts, asking before real money moves."""

import os
from pathlib import Path
from typing import Annotated

import typer

from connector.app import App, build_app
from connector.cli.output import live_banner, say
from connector.config import load_config
from connector.crm.protocol import ContractRef
from connector.domain.errors import ConfigError
from connector.poll import changed_refs
from connector.sync import Desk

ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="Configuration file (default: config.toml here).", show_default=False)
]
ConnectionOption = Annotated[
    str | None, typer.Option("--connection", help="CRM connection, when there are several.", show_default=False)
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]


def open_app(path: Path | None) -> App:
    """Load the configuration and wire everything."""
    return build_app(load_config(path, os.environ))


def refs_of(desk: Desk, orders: list[str] | None) -> list[ContractRef]:
    """Return the contracts meant: the named orders, or everything that changed since the cursor."""
    if orders:
        return [ContractRef(desk.name, order) for order in orders]
    return list(changed_refs(desk))


def require_consent(app: App, *, yes: bool) -> None:
    """Ask before applying; in live mode the account's name must be typed."""
    if app.config.mode == "live":
        account = app.api.get("/v1/account")
        name = (account.get("business_profile") or {}).get("name") or account["id"]
        live_banner(f"{account['id']} {name}")
        if not yes and typer.prompt(f"Type {account['id']} to go on", err=True) != account["id"]:
            raise ConfigError("not confirmed; nothing was changed")
        return
    if not yes and not typer.confirm("Apply?", err=True):
        say("Nothing was changed.")
        raise typer.Exit(0)
