"""What commands share: options, opening the app, choosing contracts, asking before real money moves."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from connector.app import App, build_app
from connector.cli.exits import Exit
from connector.cli.output import live_banner, say
from connector.config import load_config
from connector.crm.protocol import ConnectedCrm, ContractRef
from connector.domain.errors import ConfigError
from connector.mapping.raw import RawContract
from connector.poll import changed_refs
from connector.sync import Desk, Planned

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
    """Return the contracts meant: the named orders, or everything that is worth a look since the last run."""
    if orders:
        return [ContractRef(desk.name, checked_id(desk, order)) for order in orders]
    return list(changed_refs(desk))


def fetch_one(desk: Desk, order: str) -> RawContract:
    """Return the contract of an order; raises ConfigError when the CRM has no such order."""
    ref = ContractRef(desk.name, checked_id(desk, order))
    raw = next(iter(desk.crm.fetch([ref], desk.mapping.paths)), None)
    if raw is None:
        raise ConfigError(no_such(order))
    return raw


def unknown_orders(orders: list[str] | None, found: Iterable[Planned]) -> list[str]:
    """Return the named orders that no contract came back for."""
    known = {record.id[:15] for one in found for record in (one.raw.root, *one.raw.records)}
    return [order for order in orders or () if order[:15] not in known]


def no_such(order: str) -> str:
    """Say that an order is not there."""
    return f"the CRM has no order {order}; check the id, and that the integration user may see it"


def checked_id(desk: Desk, order: str) -> str:
    """Return the id as it is; raises ConfigError for what cannot be the id of a record."""
    return desk.crm.checked_id(order) if isinstance(desk.crm, ConnectedCrm) else order


def require_consent(app: App, *, yes: bool) -> None:
    """Ask before applying; in live mode the account's id must be typed, and every org must be a production org."""
    if app.config.mode == "live":
        app.check_orgs()
        account = app.api.get("/v1/account")
        name = (account.get("business_profile") or {}).get("name") or ""
        live_banner(f"{account['id']} {name}".rstrip())
        if not yes and typer.prompt(f"Type {account['id']} to go on", err=True) != account["id"]:
            _decline("That is not the account's id; nothing was changed.")
    elif not yes and not typer.confirm("Apply?", err=True):
        _decline("Nothing was changed.")


def _decline(words: str) -> NoReturn:
    say(words)
    raise typer.Exit(Exit.APPROVAL)
