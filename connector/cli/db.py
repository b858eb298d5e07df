"""`connector db`: the journal's tables."""

import os

import typer

from connector.cli.context import ConfigOption
from connector.cli.output import say
from connector.config import load_config
from connector.dispatch import upgrade_dispatcher
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


@app.command("current")
def show_current(config: ConfigOption = None) -> None:
    """Print the schema version of the database and of the program."""
    url = load_config(config, os.environ).database_url()
    typer.echo(f"database {current(url) or 'empty'}, program {head()}")
