"""`map check`: a mapping file against grammar, Stripe's SDK, the org's fields and real records."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from connector.cli.context import ConfigOption, ConnectionOption, JsonOption, open_app
from connector.cli.map_fields import RefreshOption, SampleOption, describe
from connector.cli.map_files import (
    Checked,
    FileArgument,
    RecordsOption,
    cached_catalogue,
    connection_of,
    finish_problems,
    mapping_path,
    raw_contracts,
    read_catalogue,
    read_checked,
)
from connector.config import load_config
from connector.mapping.advice import advise
from connector.mapping.catalogue import Catalogue, from_records, with_counts
from connector.mapping.org_checks import check_against
from connector.mapping.problems import Problem
from connector.mapping.raw import RawContract
from connector.mapping.usage import check_use

FieldsOption = Annotated[Path | None, typer.Option("--fields", help="A file of described fields.", show_default=False)]


def check(
    file: FileArgument = None,
    records: RecordsOption = None,
    fields: FieldsOption = None,
    refresh: RefreshOption = False,
    sample: SampleOption = 0,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings count as errors.")] = False,
    json: JsonOption = False,
    config: ConfigOption = None,
    connection: ConnectionOption = None,
) -> None:
    """Check a mapping file: grammar, Stripe's parameters, the org's fields, and what records fill. Changes nothing."""
    path = mapping_path(file, config, connection)
    checked = read_checked(path)
    if checked.mapping is not None and checked.document is not None:
        raws = list(raw_contracts(records or ()))
        known = _catalogue(fields, config, connection, checked, refresh=refresh, sample=sample)
        checked = replace(checked, problems=(*checked.problems, *_found(checked, known, raws)))
    raise typer.Exit(finish_problems(checked, json=json, strict=strict))


def _found(checked: Checked, known: Catalogue | None, raws: list[RawContract]) -> Iterator[Problem]:
    """Yield what is wrong beyond the grammar, each problem once."""
    if checked.mapping is None or checked.document is None:
        return
    found = [*advise(checked.document)]
    if raws:
        seen = from_records((record for raw in raws for record in raw.records), f"{len(raws)} contracts")
        found += check_use(checked.document, checked.mapping, raws)
        known = with_counts(known, seen) if known is not None else seen
    if known is not None:
        found += check_against(checked.document, known)
    told: set[tuple[str, int, str]] = set()
    for each in sorted(found, key=lambda each: (each.file != str(checked.path), each.line, each.column)):
        if (each.file, each.line, each.code) not in told or each.code != "MAP-102":
            told.add((each.file, each.line, each.code))
            yield each


def _catalogue(
    fields: Path | None,
    config: Path | None,
    connection: str | None,
    checked: Checked,
    *,
    refresh: bool,
    sample: int,
) -> Catalogue | None:
    """Return the org's fields: from a file, asked for anew, or as they were asked for last."""
    if fields is not None:
        return read_catalogue(fields)
    if (refresh or sample) and checked.mapping is not None:
        with open_app(config) as app:
            return describe(app, connection, checked.mapping.paths, sample=sample)
    name = connection or (_only(config) if config is not None or Path("config.toml").exists() else None)
    return cached_catalogue(name) if name else None


def _only(config: Path | None) -> str:
    return connection_of(load_config(config, os.environ), None)
