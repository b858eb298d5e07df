"""`map check` and `map fields`: a mapping file against grammar, Stripe's SDK, the org's fields and real records."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from connector.app import App, now_utc
from connector.cli.context import ConfigOption, ConnectionOption, JsonOption, open_app
from connector.cli.exits import Exit
from connector.cli.map_files import (
    Checked,
    FileArgument,
    RecordsOption,
    cached_catalogue,
    catalogue_path,
    connection_of,
    finish_problems,
    mapping_path,
    raw_contracts,
    read_catalogue,
    read_checked,
    write_cache,
)
from connector.cli.output import out, print_json, say
from connector.config import load_config
from connector.crm.salesforce.adapter import SalesforceCrm
from connector.crm.salesforce.catalogue import described, latest_records
from connector.domain.errors import ConfigError
from connector.mapping.advice import advise
from connector.mapping.catalogue import Catalogue, CrmField, dump_catalogue, from_records, with_counts
from connector.mapping.org_checks import check_against
from connector.mapping.problems import Problem, did_you_mean
from connector.mapping.raw import RawContract
from connector.mapping.usage import check_use

FieldsOption = Annotated[Path | None, typer.Option("--fields", help="A file of described fields.", show_default=False)]
RefreshOption = Annotated[bool, typer.Option("--refresh", help="Ask the CRM for its fields anew.")]


def check(
    file: FileArgument = None,
    records: RecordsOption = None,
    fields: FieldsOption = None,
    refresh: RefreshOption = False,
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
        known = _catalogue(fields, config, connection, checked, refresh=refresh)
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
    fields: Path | None, config: Path | None, connection: str | None, checked: Checked, *, refresh: bool
) -> Catalogue | None:
    """Return the org's fields: from a file, asked for anew, or as they were asked for last."""
    if fields is not None:
        return read_catalogue(fields)
    if refresh:
        with open_app(config) as app:
            return describe(app, connection, {**checked.mapping.paths} if checked.mapping else {})
    name = connection or (_only(config) if config is not None or Path("config.toml").exists() else None)
    return cached_catalogue(name) if name else None


def _only(config: Path | None) -> str:
    return connection_of(load_config(config, os.environ), None)


def describe(app: App, connection: str | None, paths: dict[str, frozenset[str]]) -> Catalogue:
    """Ask the CRM which fields it has, for all objects that the mapping reads, and keep the answer."""
    desk = app.desk(connection)
    if not isinstance(desk.crm, SalesforceCrm):
        raise ConfigError(f"the fields of {desk.mapping.crm} cannot be asked for yet; use --records")
    source = f"connection {desk.name}, {now_utc():%Y-%m-%d %H:%M} UTC"
    asked = {name: desk.mapping.paths.get(name, frozenset()) | paths.get(name, frozenset())
             for name in {*desk.mapping.paths, *paths}}  # fmt: skip
    known = described(desk.crm.client, asked, source)
    write_cache(catalogue_path(desk.name), dump_catalogue(known))
    return known


def fields(
    object: Annotated[str, typer.Argument(help="The CRM object, such as Order.")],  # noqa: A002
    records: RecordsOption = None,
    refresh: RefreshOption = False,
    sample: Annotated[int, typer.Option(help="Count fill rates over so many records that changed last.")] = 0,
    json: JsonOption = False,
    config: ConfigOption = None,
    connection: ConnectionOption = None,
) -> None:
    """List the fields of a CRM object: label, type, where a lookup leads, and how often each is filled."""
    if records:
        raws = list(raw_contracts(records))
        known = from_records((record for raw in raws for record in raw.records), f"{len(raws)} contracts")
    else:
        known = _asked(object, config, connection, refresh=refresh, sample=sample)
    found = known.objects.get(object)
    if found is None:
        hint = did_you_mean(object, known.objects)
        say(f"the CRM has no object {object}, as far as {known.source} tells. {hint}", "red")
        raise typer.Exit(Exit.INVALID)
    rows = sorted(found.fields.values(), key=lambda each: each.name)
    if json:
        print_json({"schema_version": 1, "object": object, "source": known.source,
                    "fields": [_row(known, each) for each in rows]})  # fmt: skip
        return
    _print(known, object, rows)


def _asked(name: str, config: Path | None, connection: str | None, *, refresh: bool, sample: int) -> Catalogue:
    loaded = load_config(config, os.environ)
    chosen = connection_of(loaded, connection)
    known = None if refresh or sample else cached_catalogue(chosen)
    if known is not None and name in known.objects:
        return known
    with open_app(config) as app:
        known = describe(app, chosen, {name: frozenset()})
        crm = app.desk(chosen).crm
        if sample and name in known.objects and isinstance(crm, SalesforceCrm):
            rows = list(latest_records(crm.client, known.objects[name], min(sample, 2000)))
            known = with_counts(known, from_records(rows, f"the last {len(rows)} records"))
    return known


def _row(known: Catalogue, each: CrmField) -> dict[str, object]:
    count = known.counted.get(each.object)
    filled = known.filled.get((each.object, each.name), 0) if count else None
    return {
        "name": each.name,
        "label": each.label,
        "type": each.type,
        "values": list(each.values),
        "leads_to": list(each.parents),
        "relationship": each.relationship,
        "filled": filled,
        "records": count,
    }


def _print(known: Catalogue, name: str, rows: list[CrmField]) -> None:
    out.print(Text(f"{name}  ({known.source})", style="bold"))
    width = max((len(each.name) for each in rows), default=0)
    count = known.counted.get(name, 0)
    for each in rows:
        rate = f"{known.filled.get((name, each.name), 0) * 100 // count:>3} % filled  " if count else ""
        lead = f"  → {each.relationship or each.name}: {', '.join(each.parents)}" if each.parents else ""
        words = f"  [{', '.join(each.values[:6])}{', …' if len(each.values) > 6 else ''}]" if each.values else ""
        out.print(Text(f"  {each.name:<{width}}  {each.type:<10} {rate}{each.label}{lead}{words}"))
