"""`connector snapshot`: a contract's records as a file, so that a bug report can be replayed."""

from typing import Annotated

import typer

from connector.cli.context import ConfigOption, ConnectionOption, open_app
from connector.crm.protocol import ContractRef
from connector.crm.snapshot import dump_records
from connector.domain.errors import ConfigError


def snapshot(
    order: Annotated[str, typer.Argument(help="Any order of the contract.")],
    redact: Annotated[bool, typer.Option(help="Replace names, addresses and contacts; ids and amounts stay.")] = False,
    config: ConfigOption = None,
    connection: ConnectionOption = None,
) -> None:
    """Write the contract's CRM records to stdout; `connector plan --records FILE` plans them without any network."""
    with open_app(config) as app:
        desk = app.desk(connection)
        raw = next(iter(desk.crm.fetch([ContractRef(desk.name, order)], desk.mapping.paths)), None)
        if raw is None:
            raise ConfigError(f"the CRM has no order {order}")
        typer.echo(dump_records(raw, redact=redact), nl=False)
