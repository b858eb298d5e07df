"""`dead` and `retry`: contracts that are not tried again by themselves, and how to start them again."""

from collections import Counter
from collections.abc import Iterator
from typing import Annotated, Any

import typer
from rich.text import Text

from connector.cli.context import ConfigOption, ConnectionOption, JsonOption, checked_id, open_app
from connector.cli.exits import Exit
from connector.cli.output import out, print_json, say
from connector.desk import Desk
from connector.domain.errors import ConfigError
from connector.failures import FailureClass
from connector.journal import FailureState

ClassOption = Annotated[FailureClass | None, typer.Option("--class", help="Only this class.", show_default=False)]
#: Most urgent first.
_ORDER = (FailureClass.BUG, FailureClass.FIX_MAPPING, FailureClass.FIX_DATA, FailureClass.WAIT)
_SAYS = {
    FailureClass.BUG: "unforeseen: report it; retry after the fix",
    FailureClass.FIX_MAPPING: "the mapping file has to change",
    FailureClass.FIX_DATA: "the record has to change",
    FailureClass.WAIT: "tried again by itself",
}
_PAGE = 1_000


def dead(
    kind: ClassOption = None,
    waiting: Annotated[bool, typer.Option("--waiting", help="Also what is tried again by itself.")] = False,
    json: JsonOption = False,
    config: ConfigOption = None,
    connection: ConnectionOption = None,
) -> None:
    """Show contracts that failed for good, by class: since when, how often tried, the last error, what to do."""
    kinds = {kind} if kind else set(FailureClass) - (set() if waiting else {FailureClass.WAIT})
    with open_app(config) as app:
        desks = [app.desk(connection)] if connection else list(app.desks.values())
        found = [failure for desk in desks for failure in all_failures(desk, kinds)]
    found.sort(key=lambda one: (_ORDER.index(FailureClass(one.kind)), one.since, one.contract_key))
    if json:
        counts = Counter(failure.kind for failure in found)
        print_json({"schema_version": 1, "counts": dict(counts), "contracts": [_row(failure) for failure in found]})
    else:
        _print(found)
    if found:
        raise typer.Exit(Exit.PARTIAL)


def retry(
    contract: Annotated[str | None, typer.Argument(help="The id of one contract's record.")] = None,
    kind: ClassOption = None,
    every: Annotated[bool, typer.Option("--all", help="All that failed.")] = False,
    config: ConfigOption = None,
    connection: ConnectionOption = None,
) -> None:
    """Make failed contracts due now: one, a class of them, or all. The next `retry` job, or sync, takes them up."""
    if sum((contract is not None, kind is not None, every)) != 1:
        raise typer.BadParameter("name one contract, or give --class or --all", param_hint="CONTRACT")
    with open_app(config) as app:
        desks = [app.desk(connection)] if connection else list(app.desks.values())
        number = sum(_retry(desk, contract, kind) for desk in desks)
        if not number and contract is not None:
            raise ConfigError(f"{contract} has no failure; `connector dead --waiting` lists those that have")
        say(f"{number} contracts are due now; `connector run` takes them up within its interval, `connector sync` now.")


def all_failures(desk: Desk, kinds: set[FailureClass]) -> Iterator[FailureState]:
    """Yield a connection's failures of some classes."""
    journal, after = desk.account.journal, ""
    while page := journal.failures(desk.name, kinds={kind.value for kind in kinds}, after=after, limit=_PAGE):
        yield from page
        after = page[-1].contract_key


def _retry(desk: Desk, contract: str | None, kind: FailureClass | None) -> int:
    name = checked_id(desk, contract) if contract else None
    return desk.account.journal.retry_failures(
        desk.name, desk.clock(), contract=name, kind=kind.value if kind else None
    )


def _print(found: list[FailureState]) -> None:
    if not found:
        say("No contract has failed for good.")
    for kind in _ORDER:
        some = [failure for failure in found if failure.kind == kind]
        if some:
            out.print(Text(f"{kind.value}: {len(some)}, {_SAYS[kind]}", style="bold"))
        for failure in some:
            tries = f"{failure.attempts} {'try' if failure.attempts == 1 else 'tries'}"
            due = f", next {failure.due_at:%Y-%m-%d %H:%M:%S} UTC" if failure.due_at else ""
            when = f"since {failure.since:%Y-%m-%d %H:%M} UTC, {tries}{due}"
            out.print(Text(f"  {failure.record}  {failure.connection}  {when}"))
            out.print(Text(f"    {failure.code}: {failure.error}"))
            if failure.remedy:
                out.print(Text(f"    fix: {failure.remedy}"))


def _row(failure: FailureState) -> dict[str, Any]:
    return {
        "connection": failure.connection,
        "contract": failure.contract_key,
        "record": failure.record,
        "class": failure.kind,
        "code": failure.code,
        "error": failure.error,
        "remedy": failure.remedy,
        "since": failure.since.isoformat(),
        "attempts": failure.attempts,
        "last_at": failure.last_at.isoformat(),
        "due_at": failure.due_at.isoformat() if failure.due_at else None,
    }
