"""`connector snapshot`: a contract's records as a file, so that a bug report can be replayed."""

from typing import Annotated

import typer

from connector.cli.context import ConfigOption, ConnectionOption, fetch_one, open_app
from connector.crm.snapshot import dump_records


def snapshot(
    order: Annotated[str, typer.Argument(help="Any order of the contract.")],
    redact: Annotated[bool, typer.Option(help="Replace names, addresses and contacts; ids and amounts stay.")] = False,
    config: ConfigOption = None,
    connection: ConnectionOption = None,
) -> None:
    """Write the contract's CRM records to stdout; `connector plan --records FILE` plans them without any network."""
    with open_app(config) as app:
        desk = app.desk(connection)
        typer.echo(dump_records(fetch_one(desk, order), redact=redact), nl=False)
