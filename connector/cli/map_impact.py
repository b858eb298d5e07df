"""`map impact`, `map snapshot` and `map diff`: what a change of the mapping means before anybody merges it."""

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from connector.app import now_utc
from connector.cli.context import ConfigOption, ConnectionOption, JsonOption, open_app
from connector.cli.exits import Exit
from connector.cli.map_files import CACHE, mapping_path, usable
from connector.cli.output import out, print_json, say
from connector.config import load_config
from connector.crm.archive import ArchiveHead, read_head, write_archive
from connector.crm.protocol import ContractRef, FieldPaths
from connector.desk import Desk
from connector.domain.errors import ConfigError
from connector.domain.money import text as money_text
from connector.impact import Effect, Impact, Question, impact
from connector.mapping.difference import RuleChange, compare_documents
from connector.mapping.raw import RawContract
from connector.plan.safety import Limits

NewArgument = Annotated[Path, typer.Argument(help="The changed mapping file.")]
OldOption = Annotated[
    Path | None, typer.Option("--old", help="The file it is compared with; else the connection's.", show_default=False)
]
#: Contracts read from the CRM at a time.
BATCH = 200


def impact_command(
    new: NewArgument,
    old: OldOption = None,
    snapshot: Annotated[Path | None, typer.Option(help="The snapshot; else the one kept last.")] = None,
    top: Annotated[int, typer.Option(help="How many of the biggest changes are named.")] = 10,
    today: Annotated[str | None, typer.Option(help="The day that counts as today (ISO).")] = None,
    processes: Annotated[int, typer.Option(help="Processes to use; 0: one for each core.")] = 0,
    json: JsonOption = False,
    config: ConfigOption = None,
    connection: ConnectionOption = None,
) -> None:
    """Plan all contracts of a snapshot by the old and the new file: which change, and what money moves. No network."""
    before = mapping_path(old, config, connection)
    for path in (before, new):
        usable(path)
    archive = snapshot or _latest(connection)
    question = Question(before, new, _day(today), _limits(config))
    found = impact(archive, question, processes=processes or os.cpu_count() or 1)
    if json:
        print_json(_document(found, archive, question, top))
    else:
        _print(found, archive, question, top)
    raise typer.Exit(Exit.CHANGES if found.effects else Exit.OK)


def _latest(connection: str | None) -> Path:
    found = sorted(CACHE.glob(f"snapshot-{connection or '*'}.jsonl.gz"))
    if len(found) == 1:
        return found[0]
    what = "there is no snapshot of the contracts yet" if not found else "there are several snapshots"
    raise ConfigError(f"{what}; make one with: connector map snapshot, or name one with --snapshot FILE")


def _limits(config: Path | None) -> Limits:
    """Return the limits of the configuration, where there is one; plain tables, so that they reach other processes."""
    there = config is not None or Path("config.toml").exists()
    limits = load_config(config, os.environ).safety.limits() if there else Limits()
    return replace(limits, max_contract_amount=dict(limits.max_contract_amount))


def _day(text: str | None) -> date:
    if text is None:
        return now_utc().date()
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(f"--today {text!r} is not a day such as 2026-01-31") from error


def _print(found: Impact, archive: Path, question: Question, top: int) -> None:
    states = found.states
    head = read_head(archive)
    out.print(Text(f"{question.old} → {question.new}", style="bold"))
    out.print(f"{found.contracts} contracts, as {head.source} held them on {head.taken_at:%Y-%m-%d %H:%M} UTC")
    out.print(Text(f"{len(found.effects)} change ({states['live']} of them are in Stripe), "
                   f"{found.contracts - len(found.effects)} do not"))  # fmt: skip
    for word, says in (
        ("changed", "are billed otherwise"),
        ("blocked", "are no longer billed"),
        ("billable", "are billed that were not before"),
    ):
        if states.get(word):
            out.print(Text(f"  {states[word]:>5} {says}", style="red" if word == "blocked" else ""))
    if states["waits"]:
        out.print(Text(f"  {states['waits']:>5} wait for approval, by a limit of their own", style="yellow"))
    for currency, money in found.money.items():
        if currency:
            change = money_text(money.after - money.before, currency)
            moved = money_text(money.moved, currency)
            out.print(Text(f"  {currency.upper()}  {money_text(money.before, currency)} → "
                           f"{money_text(money.after, currency)}, change {change}, on other days {moved}"))  # fmt: skip
    for effect in found.effects[:top]:
        _print_effect(effect)
    if len(found.effects) > top:
        out.print(f"and {len(found.effects) - top} more (--top, or --json for all)")
    _print_notes(found, question.limits)


def _print_effect(effect: Effect) -> None:
    style = {"blocked": "red", "billable": "green"}.get(effect.state, "yellow")
    live = ", in Stripe" if effect.live else ""
    out.print(Text(f"~ {effect.ref}  {effect.name}  {effect.state}{live}", style=style))
    if effect.currency:
        moved = f", {money_text(effect.moved, effect.currency)} on other days" if effect.moved else ""
        out.print(
            f"    {money_text(effect.before, effect.currency)} → {money_text(effect.after, effect.currency)}{moved}"
        )
    if effect.codes:
        out.print(f"    {', '.join(effect.codes)}")
    elif effect.paths:
        out.print(f"    {', '.join(effect.paths)}", markup=False)
    for reason in effect.waits:
        out.print(f"    waits: {reason}", markup=False)


def _print_notes(found: Impact, limits: Limits) -> None:
    for name, paths in found.unread.items():
        say(f"The snapshot did not read {', '.join(paths)} of {name}: these count as empty. "
            "Make a new one: connector map snapshot --mapping FILE", "yellow")  # fmt: skip
    for text in found.unreadable[:10]:
        say(f"not compared: {text}", "yellow")
    share, live = limits.max_changed_share, found.states["live"]
    if found.contracts >= limits.min_population and live > found.contracts * share:
        say(f"A sync after this change alters {live} of {found.contracts} contracts, over the limit of "
            f"{share:.0%}: what is in Stripe waits for approval.", "yellow")  # fmt: skip


def _document(found: Impact, archive: Path, question: Question, top: int) -> dict[str, Any]:
    return {
        "schema_version": 1,
        "old": str(question.old),
        "new": str(question.new),
        "snapshot": str(archive),
        "contracts": found.contracts,
        "changed": len(found.effects),
        "states": dict(found.states),
        "money": {
            currency: {"before": str(m.before), "after": str(m.after), "change": str(m.after - m.before),
                       "moved": str(m.moved)}
            for currency, m in found.money.items()
        },
        "biggest": [_effect_json(effect) for effect in found.effects[:top]],
        "refs": [effect.ref for effect in found.effects],
        "unread": {name: list(paths) for name, paths in found.unread.items()},
        "unreadable": list(found.unreadable),
    }  # fmt: skip


def _effect_json(effect: Effect) -> dict[str, Any]:
    return {
        "ref": effect.ref,
        "name": effect.name,
        "currency": effect.currency,
        "live": effect.live,
        "state": effect.state,
        "before": str(effect.before),
        "after": str(effect.after),
        "moved": str(effect.moved),
        "paths": list(effect.paths),
        "codes": list(effect.codes),
        "waits": list(effect.waits),
    }


def snapshot(
    file: Annotated[Path | None, typer.Argument(help="Where to; else .connector/snapshot-NAME.jsonl.gz.")] = None,
    mapping: Annotated[list[Path] | None, typer.Option(help="Read what these mapping files need, too.")] = None,
    config: ConfigOption = None,
    connection: ConnectionOption = None,
) -> None:
    """Keep the records of all known contracts in one file, for `map impact` and `map check`. Reads the CRM only."""
    with open_app(config) as app:
        desk = app.desk(connection)
        path = file or CACHE / f"snapshot-{desk.name}.jsonl.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        paths = _paths(desk, mapping or [])
        refs, made = _known(desk)
        head = ArchiveHead(desk.mapping.crm, desk.name, now_utc(), made, paths)
        count = write_archive(path, head, _contracts(desk, refs, paths))
    say(f"{count} contracts in {path}", "green")


def _paths(desk: Desk, more: list[Path]) -> FieldPaths:
    paths = {name: set(found) for name, found in desk.mapping.paths.items()}
    for path in more:
        for name, found in usable(path)[0].paths.items():
            paths.setdefault(name, set()).update(found)
    return {name: frozenset(found) for name, found in paths.items()}


def _known(desk: Desk) -> tuple[list[ContractRef], dict[str, date]]:
    """Return every contract that the journal knows, and the days on which schedules were made.

    In a new installation that knows none, the contracts that the CRM has are returned.
    """
    refs: list[ContractRef] = []
    made: dict[str, date] = {}
    after, journal = "", desk.account.journal
    while page := journal.contract_states(desk.name, after=after, limit=500):
        for state in page:
            refs.append(ContractRef(desk.name, state.record))
            links = journal.contract_links(desk.name, state.contract_key)
            moments = [link.created_at for link in links if link.kind == "subscription_schedule"]
            if moments:
                made[state.record] = min(moments).astimezone(desk.account.zone).date()
        after = page[-1].contract_key
    return refs or list(desk.crm.changed(None).refs), made


def _contracts(desk: Desk, refs: list[ContractRef], paths: FieldPaths) -> Iterator[RawContract]:
    told: set[str] = set()
    for start in range(0, len(refs), BATCH):
        for raw in desk.crm.fetch(refs[start : start + BATCH], paths):
            if raw.key not in told:
                told.add(raw.key)
                yield raw


def diff(
    old: Annotated[Path, typer.Argument(help="The file as it was.")],
    new: Annotated[Path, typer.Argument(help="The file as it is.")],
    json: JsonOption = False,
) -> None:
    """Show which rules differ in meaning between two mapping files; comments and order do not count."""
    (_, before), (_, after) = usable(old), usable(new)
    changes = compare_documents(before, after)
    if json:
        print_json({"schema_version": 1, "changes": [_change_json(change) for change in changes]})
    else:
        for change in changes:
            _print_change(change)
        say(f"rules that differ: {len(changes)}" if changes else "the files mean the same")
    raise typer.Exit(Exit.CHANGES if changes else Exit.OK)


def _print_change(change: RuleChange) -> None:
    mark, style = {"added": ("+", "green"), "removed": ("-", "red"), "changed": ("~", "yellow")}[change.kind]
    out.print(Text(f"{mark} {change.name}  ({change.file}:{change.line})", style=style))
    for sign, text in (("-", change.before), ("+", change.after)):
        if text is not None:
            out.print(Text(f"    {sign} {text}"))


def _change_json(change: RuleChange) -> dict[str, Any]:
    return {
        "name": change.name,
        "kind": change.kind,
        "before": change.before,
        "after": change.after,
        "file": change.file,
        "line": change.line,
    }
