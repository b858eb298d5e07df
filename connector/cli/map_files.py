"""What the `map` commands share: which file is meant, reading it with its problems, records and the org's fields."""

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from connector.billing.targets import sdk_targets
from connector.cli.exits import Exit
from connector.cli.output import out, print_json, say
from connector.config import Config, load_config
from connector.crm.archive import read_lines
from connector.crm.protocol import ContractRef
from connector.crm.snapshot import RecordsFile, SnapshotCrm, load_records
from connector.domain.errors import ConfigError
from connector.mapping.catalogue import Catalogue, load_catalogue
from connector.mapping.document import Document
from connector.mapping.grammar import Loaded, load_mapping
from connector.mapping.mapping_file import MappingFile
from connector.mapping.problems import Problem
from connector.mapping.raw import RawContract
from connector.offline import bundled_mapping, read_included

#: Where answers of a CRM are kept between commands, below the current folder.
CACHE = Path(".connector")

FileArgument = Annotated[
    Path | None, typer.Argument(help="The mapping file; without it the connection's own.", show_default=False)
]
RecordsOption = Annotated[
    list[Path] | None, typer.Option(help="Records files, folders of them, or snapshots.", show_default=False)
]


@dataclass(frozen=True, slots=True)
class Checked:
    """A mapping file that was read: the rules (None with errors), the text behind them, and what was found."""

    path: Path
    mapping: MappingFile | None
    document: Document | None
    problems: tuple[Problem, ...]


def mapping_path(file: Path | None, config: Path | None, connection: str | None) -> Path:
    """Return the file that is meant: the named one, else that of the connection, else the bundled one."""
    if file is not None:
        return file
    if config is None and not Path("config.toml").exists():
        return bundled_mapping("salesforce")
    found = load_config(config, os.environ)
    return Path(found.crm[connection_of(found, connection)].mapping)


def connection_of(config: Config, name: str | None) -> str:
    """Return the connection that is meant; ConfigError when that is not clear."""
    if name is None and len(config.crm) == 1:
        return next(iter(config.crm))
    if name in config.crm:
        return str(name)
    what = f"there is no connection {name!r}" if name else "several connections are configured; choose one"
    raise ConfigError(f"{what}. Use --connection NAME; configured: {', '.join(config.crm)}.")


def read_text(path: Path, what: str = "mapping file") -> str:
    """Return the text of a file; ConfigError says why not."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot read the {what} {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"the {what} {path} is not UTF-8 text") from error


def read_checked(path: Path) -> Checked:
    """Read a mapping file with all its faults."""
    loaded = load(read_text(path), path)
    return Checked(path, loaded.mapping, loaded.document, loaded.problems)


def load(text: str, path: Path) -> Loaded:
    """Read the text of a mapping file as if it stood at a path."""
    return load_mapping(text, name=str(path), targets=sdk_targets(), include=read_included)


def usable(path: Path) -> tuple[MappingFile, Document]:
    """Return a mapping without faults; else show them all and end with the code for invalid input."""
    checked = read_checked(path)
    if checked.mapping is None or checked.document is None:
        show_problems(checked.problems)
        raise typer.Exit(Exit.INVALID)
    return checked.mapping, checked.document


def show_problems(problems: Iterable[Problem]) -> None:
    """Print problems for people, with an empty line between."""
    for problem in problems:
        style = "red" if problem.severity == "error" else "yellow"
        head, _, rest = problem.render().partition("\n")
        out.print(head, style=style, markup=False)
        if rest:
            out.print(rest, markup=False)
        out.print("")


def problem_json(problem: Problem) -> dict[str, Any]:
    """Return a problem as JSON."""
    return {
        "file": problem.file,
        "line": problem.line,
        "column": problem.column,
        "code": problem.code,
        "severity": problem.severity,
        "message": problem.message,
        "excerpt": problem.excerpt,
        "hint": problem.hint,
    }


def raw_contracts(paths: Iterable[Path]) -> Iterator[RawContract]:
    """Yield the contracts of records files, of folders of them, and of snapshots of many contracts."""
    for path in paths:
        if path.name.endswith((".jsonl", ".jsonl.gz")):
            for number, line in read_lines(path):
                yield from _contracts(load_records(line, source=f"{path}, line {number}"))
            continue
        files = sorted(path.glob("*.json")) if path.is_dir() else [path]
        if not files:
            raise ConfigError(f"there is no records file (*.json) in the folder {path}")
        for each in files:
            yield from _contracts(load_records(read_text(each, "records file"), source=str(each)))


def _contracts(file: RecordsFile) -> Iterator[RawContract]:
    yield from SnapshotCrm(file, name=file.crm).fetch([ContractRef(file.crm, file.root_id)], {})


def catalogue_path(connection: str) -> Path:
    """Return where the described fields of a connection are kept."""
    return CACHE / f"fields-{connection}.json"


def cached_catalogue(connection: str) -> Catalogue | None:
    """Return the fields that were described last, None when none were."""
    path = catalogue_path(connection)
    if not path.exists():
        return None
    return read_catalogue(path)


def read_catalogue(path: Path) -> Catalogue:
    """Read a file of described fields; ConfigError when it is none."""
    try:
        return load_catalogue(json.loads(read_text(path, "file of fields")))
    except ValueError as error:
        raise ConfigError(f"{path}: {error}. Make it again: connector map fields --refresh") from error


def write_cache(path: Path, document: Any) -> None:
    """Write a JSON file of the cache as a whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.new")
    draft.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    draft.replace(path)


def finish_problems(checked: Checked, *, json: bool, strict: bool) -> int:
    """Print what was found, and return the exit code: warnings count only when asked to."""
    errors = sum(problem.severity == "error" for problem in checked.problems)
    warnings = len(checked.problems) - errors
    if json:
        print_json(
            {
                "schema_version": 1,
                "file": str(checked.path),
                "hash": checked.mapping.hash if checked.mapping else None,
                "errors": errors,
                "warnings": warnings,
                "problems": [problem_json(problem) for problem in checked.problems],
            }
        )
    else:
        show_problems(checked.problems)
        style = "red" if errors else "yellow" if warnings else "green"
        say(f"{checked.path}: {_count(errors, 'error')}, {_count(warnings, 'warning')}", style)
    return Exit.INVALID if errors or (strict and warnings) else Exit.OK


def _count(number: int, word: str) -> str:
    return f"{number or 'no'} {word}{'' if number == 1 else 's'}"
