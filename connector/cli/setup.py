"""`connector setup`: make in the CRM what the connector needs there. The plan first, then only what is missing."""

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from connector.cli.context import ConfigOption, JsonOption, open_app
from connector.cli.exits import Exit
from connector.cli.output import out, print_json, say
from connector.crm.salesforce.metadata import source_files
from connector.crm.setup import Part, Provider, State, missing
from connector.domain.errors import ConfigError

_MARKS = {
    State.THERE: ("=", "dim"),
    State.MISSING: ("+", "green"),
    State.MADE: ("+", "bold green"),
    State.DIFFERS: ("!", "bold red"),
    State.REFUSED: ("!", "bold red"),
}


def setup(
    connection: Annotated[str | None, typer.Argument(help="CRM connection, such as hubspot.")] = None,
    folder: Annotated[
        Path | None,
        typer.Option("--folder", help="Only write Salesforce's parts as an sfdx source folder, to deploy by hand."),
    ] = None,
    user: Annotated[
        str, typer.Option("--user", help="Salesforce: who gets the permission set; else the user who logs in.")
    ] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Make what is missing without asking.")] = False,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Make fields, properties and labels that the connector needs in the CRM; what exists is never altered.

    Running it twice is running it once.
    """
    if folder is not None:
        _write_folder(folder)
        return
    with open_app(config) as app:
        crm = app.desk(connection).crm
        if not isinstance(crm, Provider):
            raise ConfigError(
                f"{crm.name}: setup does not know this kind of CRM yet; see its mapping file for the fields"
            )
        parts = crm.setup_plan(user)
        if not json:
            _print(parts)
        if missing(parts) and (yes or (not json and _agreed(parts))):
            parts = crm.setup_apply(user)
            if not json:
                _print(parts)
    if json:
        print_json({"schema_version": 1, "parts": [_row(part) for part in parts]})
    if any(part.state in {State.DIFFERS, State.REFUSED} for part in parts):
        raise typer.Exit(Exit.INVALID)


def _write_folder(folder: Path) -> None:
    for name, text in source_files():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    say(f"Written to {folder}. Deploy it with: sf project deploy start --source-dir {folder}/force-app")


def _agreed(parts: tuple[Part, ...]) -> bool:
    if typer.confirm(f"Make the {len(missing(parts))} that are missing?", err=True):
        return True
    say("Nothing was changed.")
    return False


def _print(parts: tuple[Part, ...]) -> None:
    for part in parts:
        mark, style = _MARKS[part.state]
        if part.state is not State.THERE:
            out.print(Text.assemble((f"{mark} ", style), f"{part.kind} {part.name}: {part.detail}"))
        if part.remedy:
            out.print(Text(f"  fix: {part.remedy}"))
    counts = Counter(part.state.value for part in parts)
    say("  ".join(f"{number} {word}" for word, number in counts.items()))


def _row(part: Part) -> dict[str, str]:
    return {
        "kind": part.kind,
        "name": part.name,
        "state": part.state.value,
        "detail": part.detail,
        "remedy": part.remedy,
    }
