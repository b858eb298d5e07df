"""`map try` and `map test`: what a mapping makes of real records, and whether that is what was expected."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from connector.cli.context import ConfigOption, ConnectionOption, JsonOption, fetch_one, open_app
from connector.cli.exits import Exit
from connector.cli.map_files import mapping_path, raw_contracts, usable
from connector.cli.output import out, print_json, say
from connector.domain.errors import ConfigError
from connector.map_cases import CaseResult, run_cases
from connector.mapping.document import Document
from connector.mapping.mapping_file import MappingFile
from connector.mapping.places import RulePlace, rule_places
from connector.mapping.raw import RawContract
from connector.mapping.reader import Reading, read_contract
from connector.mapping.reading import Traced
from connector.mapping.values import UnreadableError, as_text
from connector.plan.document import issue_json
from connector.plan.render import issue_lines

#: Where cases are looked for.
CASES = Path("mappings") / "tests"


def try_record(
    record: Annotated[str, typer.Argument(help="An order of the contract, or a records file.")],
    mapping: Annotated[Path | None, typer.Option(help="The mapping file; else the connection's own.")] = None,
    empty: Annotated[bool, typer.Option("--empty", help="Name the rules that gave nothing, too.")] = False,
    json: JsonOption = False,
    config: ConfigOption = None,
    connection: ConnectionOption = None,
) -> None:
    """Show every value that a mapping reads from a contract: the rule, the path, what stood there. Changes nothing."""
    path = mapping_path(mapping, config, connection)
    rules, document = usable(path)
    raw = _fetch(record, rules, config, connection)
    reading = read_contract(raw, rules)
    if json:
        print_json(_document(path, rules, raw, reading))
    else:
        _print(path, document, reading, empty=empty)
    raise typer.Exit(Exit.INVALID if any(issue.blocks for issue in reading.issues) else Exit.OK)


def _fetch(record: str, rules: MappingFile, config: Path | None, connection: str | None) -> RawContract:
    file = Path(record)
    if file.suffix == ".json" or file.exists():
        raw = next(raw_contracts([file]), None)
        if raw is None:
            raise ConfigError(f"{file}: the root record is not among the records")
        return raw
    with open_app(config) as app:
        return fetch_one(replace(app.desk(connection), mapping=rules), record)


def _print(path: Path, document: Document, reading: Reading, *, empty: bool) -> None:
    groups: dict[str, list[Traced]] = {}
    for traced in reading.trace:
        groups.setdefault(traced.ref, []).append(traced)
    for ref, values in groups.items():
        out.print(Text(ref, style="bold"))
        for traced in values:
            out.print(Text(f"  {traced.slot:<28} {_text(traced.value)}"))
            out.print(Text(f"      {_where(path, traced)}", style="dim"))
    if empty:
        _print_empty(path, document, reading)
    for issue in reading.issues:
        for line in issue_lines(issue):
            out.print(Text(line, style="red" if issue.blocks else "yellow"))


def _where(path: Path, traced: Traced) -> str:
    source = traced.path or traced.field or "written in the mapping"
    raw = "" if traced.raw is None else f' = "{_text(traced.raw)}"'
    held = f" ({traced.field} of {traced.record})" if "." in source and traced.record else ""
    return f"{source}{raw}{held}, {traced.file or path}:{traced.line}"


def _print_empty(path: Path, document: Document, reading: Reading) -> None:
    used = {(traced.file, traced.line) for traced in reading.trace}
    out.print(Text("gave nothing", style="bold"))
    for place in rule_places(document):
        marks = _marks(document, place)
        if not used & {(mark.file, mark.line) for mark in marks}:
            out.print(Text(f"  {place.name:<28} {marks[0].file or path}:{marks[0].line}", style="dim"))


def _marks(document: Document, place: RulePlace) -> list[Any]:
    options = place.data.get("first_of") or () if isinstance(place.data, dict) else ()
    return [document.key_mark(loc) for loc in (place.loc, *((*place.loc, "first_of", i) for i in range(len(options))))]


def _text(value: object) -> str:
    try:
        return as_text(value)
    except UnreadableError:
        return ", ".join(map(_text, value)) if isinstance(value, list | tuple) else str(value)


def _document(path: Path, rules: MappingFile, raw: RawContract, reading: Reading) -> dict[str, Any]:
    return {
        "schema_version": 1,
        "mapping": str(path),
        "hash": rules.hash,
        "record": raw.root.id,
        "values": [
            {
                "ref": traced.ref,
                "slot": traced.slot,
                "value": _text(traced.value),
                "path": traced.path or None,
                "raw": None if traced.raw is None else _text(traced.raw),
                "record": traced.record,
                "field": traced.field,
                "file": traced.file or str(path),
                "line": traced.line,
            }
            for traced in reading.trace
        ],
        "issues": [issue_json(issue) for issue in reading.issues],
    }


def run_tests(
    files: Annotated[list[Path] | None, typer.Argument(help="Files of cases, or folders.", show_default=False)] = None,
    mapping: Annotated[Path | None, typer.Option(help="Try this mapping instead of the one that is named.")] = None,
    json: JsonOption = False,
) -> None:
    """Run the cases of mappings/tests (or of the files named): records in, expected values or plan out. No network."""
    found = [result for path in _case_files(files or [CASES]) for result in run_cases(path, mapping)]
    failed = [result for result in found if result.mismatches]
    if json:
        print_json({"schema_version": 1, "cases": len(found), "failed": len(failed),
                    "results": [_result_json(result) for result in found]})  # fmt: skip
    else:
        for result in found:
            _print_result(result)
        say(f"cases: {len(found)}, failed: {len(failed)}", "red" if failed else "green")
    raise typer.Exit(Exit.INVALID if failed else Exit.OK)


def _case_files(paths: list[Path]) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        files = sorted(path.glob("*.y*ml")) if path.is_dir() else [path]
        if not files or not files[0].exists():
            raise ConfigError(f"there are no cases at {path}; docs/mapping.md shows how a case is written")
        found += files
    return found


def _print_result(result: CaseResult) -> None:
    mark, style = ("!!", "bold red") if result.mismatches else ("ok", "green")
    out.print(Text.assemble((f"{mark} ", style), f"{result.file}:{result.line}  {result.name}"))
    for each in result.mismatches:
        out.print(Text(f"   line {each.line}  {each.what}"))
        out.print(Text(f"      expected  {each.expected}", style="green"))
        out.print(Text(f"      found     {each.found}", style="red"))


def _result_json(result: CaseResult) -> dict[str, Any]:
    return {
        "file": result.file,
        "line": result.line,
        "name": result.name,
        "mismatches": [
            {"line": each.line, "what": each.what, "expected": each.expected, "found": each.found}
            for each in result.mismatches
        ],
    }
