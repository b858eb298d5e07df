"""`map fields`, and asking a CRM for its fields: the answer is kept, so that checks need no login."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from connector.app import App, now_utc
from connector.cli.context import ConfigOption, ConnectionOption, JsonOption, open_app
from connector.cli.exits import Exit
from connector.cli.map_files import (
    RecordsOption,
    cached_catalogue,
    catalogue_path,
    connection_of,
    raw_contracts,
    write_cache,
)
from connector.cli.output import out, print_json, say
from connector.config import load_config
from connector.crm.protocol import ConnectedCrm
from connector.domain.errors import ConfigError
from connector.mapping.catalogue import Catalogue, CrmField, dump_catalogue, from_records, with_counts
from connector.mapping.problems import did_you_mean

RefreshOption = Annotated[bool, typer.Option("--refresh", help="Ask the CRM for its fields anew.")]
SampleOption = Annotated[
    int, typer.Option(min=0, max=2000, help="Count fill rates over so many records that changed last.")
]


def describe(
    app: App,
    connection: str | None,
    paths: Mapping[str, frozenset[str]],
    *,
    sample: int = 0,
    only: Iterable[str] | None = None,
) -> Catalogue:
    """Ask the CRM which fields it has, for all objects that the mapping reads, and keep the answer.

    With `sample` as many records of each object (of `only` these) are read for the fill rates, which are not kept.
    """
    desk = app.desk(connection)
    if not isinstance(desk.crm, ConnectedCrm):
        raise ConfigError(f"the fields of {desk.mapping.crm} cannot be asked for; use --records")
    source = f"connection {desk.name}, {now_utc():%Y-%m-%d %H:%M} UTC"
    names = {*desk.mapping.paths, *paths}
    asked = {name: desk.mapping.paths.get(name, frozenset()) | paths.get(name, frozenset()) for name in names}
    known = desk.crm.describe(asked, source)
    write_cache(catalogue_path(desk.name), dump_catalogue(known))
    return _counted(desk.crm, known, sample, known.objects if only is None else only) if sample else known


def _counted(crm: ConnectedCrm, known: Catalogue, sample: int, names: Iterable[str]) -> Catalogue:
    objects = [known.objects[name] for name in names if name in known.objects]
    rows = [row for found in objects for row in crm.latest(found, sample)]
    return with_counts(known, from_records(rows, f"the {sample} records of each object that changed last"))


def fields(
    object: Annotated[str, typer.Argument(help="The CRM object, such as Order or deals.")],  # noqa: A002
    records: RecordsOption = None,
    refresh: RefreshOption = False,
    sample: SampleOption = 0,
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
        what = "the CRM has no object" if known.described else "the records have no object"
        say(f"{what} {object} ({known.source}). {hint}", "red")
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
        return describe(app, chosen, {name: frozenset()}, sample=sample, only=[name])


def _row(known: Catalogue, each: CrmField) -> dict[str, object]:
    count = known.counted.get(each.object) if each.counts else None
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
        rate = _rate(known, each, count) if count else ""
        lead = f"  → {each.relationship or each.name}: {', '.join(each.parents)}" if each.parents else ""
        words = f"  [{', '.join(each.values[:6])}{', …' if len(each.values) > 6 else ''}]" if each.values else ""
        out.print(Text(f"  {each.name:<{width}}  {each.type:<10} {rate}{each.label}{lead}{words}"))


def _rate(known: Catalogue, each: CrmField, count: int) -> str:
    if not each.counts:
        return " " * 14
    return f"{known.filled.get((each.object, each.name), 0) * 100 // count:>3} % filled  "
