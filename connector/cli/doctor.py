"""`connector doctor`: is everything in place? Prints exactly what is missing, and how to get it."""

import typer
from rich.text import Text

from connector.app import App
from connector.billing.client import API_VERSION
from connector.cli.context import ConfigOption, JsonOption, open_app
from connector.cli.exits import Exit
from connector.cli.output import out, print_json
from connector.config import check_sandbox
from connector.crm.protocol import ConnectedCrm, Probe
from connector.domain.errors import ConfigError, ConnectorError
from connector.sync import Desk


def doctor(json: JsonOption = False, config: ConfigOption = None) -> None:
    """Check credentials, permissions, fields, clock and mode of every connection. Changes nothing."""
    with open_app(config) as app:
        groups = {"Stripe": _stripe(app)}
        for name, desk in app.desks.items():
            groups[f"CRM {name}"] = [*_crm(app, desk), _push(app)]
    if json:
        print_json({"schema_version": 1, "probes": [_row(group, p) for group, all_ in groups.items() for p in all_]})
    else:
        _print(groups)
    if any(not probe.ok for probes in groups.values() for probe in probes):
        raise typer.Exit(Exit.INVALID)


def _stripe(app: App) -> list[Probe]:
    try:
        account = app.api.get("/v1/account")
    except ConnectorError as error:
        return [Probe("account", ok=False, detail=str(error), remedy="Check stripe.api_key.")]
    name = (account.get("business_profile") or {}).get("name") or account["id"]
    return [
        Probe("account", ok=True, detail=f"{name} ({account['id']}), {app.config.mode} mode, API {API_VERSION}"),
        *(_stripe_read(app, what) for what in ("customers", "products", "prices", "coupons", "subscription_schedules")),
    ]


def _stripe_read(app: App, what: str) -> Probe:
    try:
        app.api.get(f"/v1/{what}", {"limit": 1})
    except ConnectorError as error:
        return Probe(
            what, ok=False, detail=str(error), remedy=f"Give the restricted key read and write access to {what}."
        )
    return Probe(what, ok=True, detail="readable")


def _crm(app: App, desk: Desk) -> list[Probe]:
    if not isinstance(desk.crm, ConnectedCrm):
        return [Probe("probe", ok=False, detail=f"{desk.name} has no probes yet")]
    writes = {name: frozenset(fields) for name, fields in desk.mapping.write_back.items()}
    probes = list(desk.crm.probe(desk.mapping.paths, writes))
    return [*probes, _pairing(app, desk, desk.crm)]


def _pairing(app: App, desk: Desk, crm: ConnectedCrm) -> Probe:
    """Refuse a sandbox org with a live Stripe key: it would bill real customers for test orders."""
    try:
        sandbox = crm.is_sandbox()
        check_sandbox(app.config.mode, desk.name, sandbox=sandbox)
    except ConfigError as error:
        return Probe("mode", ok=False, detail=str(error), remedy="Pair a sandbox org with a test key.")
    except ConnectorError as error:
        return Probe(
            "mode", ok=False, detail=str(error), remedy="See the login above; the integration user reads Organization."
        )
    return Probe("mode", ok=True, detail=f"{'sandbox' if sandbox else 'production'} org with a {app.config.mode} key")


def _push(app: App) -> Probe:
    """Say that nothing is pushed to us, so that nobody looks for an address that could not be reached."""
    every = app.config.jobs.sync_every_seconds
    return Probe("push", ok=True, detail=f"not configured; changes are found by polling every {every:g} s")


def _print(groups: dict[str, list[Probe]]) -> None:
    for group, probes in groups.items():
        out.print(Text(group, style="bold"))
        for probe in probes:
            mark, style = ("ok", "green") if probe.ok else ("!!", "bold red")
            out.print(Text.assemble((f"  {mark} ", style), f"{probe.name}: {probe.detail}"))
            if not probe.ok and probe.remedy:
                out.print(Text(f"     fix: {probe.remedy}"))


def _row(group: str, probe: Probe) -> dict[str, object]:
    return {"group": group, "name": probe.name, "ok": probe.ok, "detail": probe.detail, "remedy": probe.remedy}
