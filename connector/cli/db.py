"""`connector db`: the journal's tables."""

import os
from pathlib import Path
from typing import Annotated

import typer

from connector.cli.context import ConfigOption
from connector.cli.output import say
from connector.config import load_config
from connector.dispatch import upgrade_dispatcher
from connector.journal.backup import back_up
from connector.journal.schema import current, head
from connector.journal.schema import upgrade as upgrade_schema

app = typer.Typer(help="The journal's database.", no_args_is_help=True)


@app.command()
def upgrade(config: ConfigOption = None) -> None:
    """Create the journal's tables, or bring them to this version. Safe to repeat."""
    settings = load_config(config, os.environ)
    url = settings.database_url()
    before = current(url)
    after = upgrade_schema(url)
    say(f"The journal is at version {after}" + (f" (was {before or 'empty'})." if before != after else " already."))
    done = upgrade_dispatcher(settings)
    if done is not None:
        say(f"{done}.")


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="Where to write the copy; it must not exist yet.")],
    config: ConfigOption = None,
) -> None:
    """Copy a journal on SQLite while it is in use. On PostgreSQL use pg_dump."""
    entries = back_up(load_config(config, os.environ).database_url(), file)
    say(f"The journal was copied to {file}; its audit chain of {entries} rows is whole.")


@app.command("current")
def show_current(config: ConfigOption = None) -> None:
    """Print the schema version of the database and of the program."""
    url = load_config(config, os.environ).database_url()
    typer.echo(f"database {current(url) or 'empty'}, program {head()}")
