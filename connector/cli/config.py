"""`connector config`: what is configured, and where each value comes from."""

import os
from dataclasses import asdict

import typer
from rich.text import Text

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
    width = max(len(row.key) for row in rows)
    for row in rows:
        place = row.place or row.layer
        out.print(Text.assemble(f"{row.key:<{width}}  {row.value}", (f"  ({place})", "dim")))
