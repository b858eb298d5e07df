"""`map new`, `map set` and `map schema`: files that a program writes for people to go on with."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from connector.billing.targets import sdk_targets
from connector.cli.context import ConfigOption, ConnectionOption, open_app
from connector.cli.exits import Exit
from connector.cli.map_check import FieldsOption
from connector.cli.map_fields import describe
from connector.cli.map_files import load, read_catalogue, show_problems, usable
from connector.cli.output import out, say
from connector.domain.errors import ConfigError
from connector.mapping.schema import schema_text
from connector.mapping.starter import starter
from connector.mapping.writing import EditError, content_hash, set_value
from connector.mapping_store import read_mapping_text, save_mapping
from connector.offline import bundled_mapping


def new(
    file: Annotated[Path, typer.Argument(help="The file to make; it must not be there.")],
    crm: Annotated[str, typer.Option(help="The CRM.")] = "salesforce",
    fields: FieldsOption = None,
    config: ConfigOption = None,
    connection: ConnectionOption = None,
) -> None:
    """Make a commented mapping file to begin with; fields that the org does not have are left as remarks."""
    if file.exists():
        raise ConfigError(f"{file} is there already; choose another name")
    _, document = usable(bundled_mapping(crm))
    known = read_catalogue(fields) if fields is not None else None
    if known is None and (config is not None or Path("config.toml").exists()):
        with open_app(config) as app:
            known = describe(app, connection, {})
    text = starter(document, known, name=str(file), schema="../schemas/mapping.schema.json")
    file.parent.mkdir(parents=True, exist_ok=True)
    save_mapping(file, text, seen="")
    loaded = load(text, file)
    show_problems(loaded.problems)
    say(f"made {file}; next: connector map check {file}", "green")
    raise typer.Exit(Exit.OK if loaded.mapping else Exit.INVALID)


def set_command(
    file: Annotated[Path, typer.Argument(help="The mapping file.")],
    name: Annotated[str, typer.Argument(help="What is set: line.interval, stripe.customer.metadata.region, …")],
    rule: Annotated[str, typer.Argument(help="The rule, on one line: Cadence__c, or {from: Cadence__c, as: months}.")],
    expect: Annotated[str | None, typer.Option(help="Only if the file still has this content hash.")] = None,
) -> None:
    """Set one value of a mapping file; comments, order and everything else stay. A file with errors is not saved."""
    text = read_mapping_text(file)
    seen = content_hash(text)
    if expect is not None and not (seen.startswith(expect) and len(expect) >= 6):
        raise ConfigError(f"{file} was changed by somebody else: it is {seen} now, {expect} was expected")
    try:
        changed = set_value(text, name, rule)
    except EditError as error:
        raise ConfigError(f"{file}: {error}") from error
    loaded = load(changed, file)
    if loaded.mapping is None:
        show_problems(loaded.problems)
        say("nothing was saved", "red")
        raise typer.Exit(Exit.INVALID)
    saved = save_mapping(file, changed, seen=seen)
    out.print(f"{file}  {saved}", markup=False)


def schema() -> None:
    """Print the JSON Schema of mapping files, with the parameters of the installed Stripe SDK, for editors."""
    sys.stdout.write(schema_text(sdk_targets()))
