"""`connector config`: what is configured, and where each value comes from."""

import os
from dataclasses import asdict

import typer
from rich.table import Table

from connector.cli.context import ConfigOption, JsonOption
from connector.cli.output import out, print_json
from connector.config import explain_config, load_config

app = typer.Typer(help="The configuration.", no_args_is_help=True)


@app.command()
def show(config: ConfigOption = None, json: JsonOption = False) -> None:
    """Print every setting with its source (environment, file or default). Secrets are never shown."""
    rows = explain_config(load_config(config, os.environ))
    if json:
        print_json({"schema_version": 1, "settings": [asdict(row) for row in rows]})
        return
    table = Table("setting", "value", "from")
    for row in rows:
        table.add_row(row.key, row.value, row.place or row.layer)
    out.print(table)
