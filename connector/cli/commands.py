"""What the command line can do, by name: a command's module, and all it imports, is loaded when it is asked for.

`connector --help` is answered from this table alone. A vendor's SDK takes a quarter of a second, and nobody who asks
what there is should wait for it.
"""

from dataclasses import dataclass
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group


@dataclass(frozen=True, slots=True)
class Listed:
    """A command: where it is (`module:name` below this package), and the first sentence of its help."""

    place: str
    help: str


COMMANDS = {
    "demo": Listed(
        "demo:demo",
        "Show the whole path on bundled emulators of the CRM and Stripe: deal, plan, apply, write-back, second run.",
    ),
    "plan": Listed(
        "plan:plan",
        "Show what would change in Stripe, when what would be billed, and whether it adds up. Changes nothing.",
    ),
    "apply": Listed("plan:apply", "Plan, show, ask, and apply what is within the safety limits or was approved."),
    "sync": Listed(
        "plan:sync",
        "Plan and apply under the safety limits, and write the status back. What the scheduler does every minute.",
    ),
    "approve": Listed(
        "plan:approve",
        "Approve exactly one plan. If the contract or Stripe changes, the plan is another one and asks again.",
    ),
    "adopt": Listed(
        "adopt:adopt",
        "Find schedules that the journal does not know, by the CRM's id or their metadata, and take them over.",
    ),
    "drift": Listed(
        "drift:drift",
        "List what was edited in Stripe by hand, or decide on the edit of one contract. Reads every schedule once.",
    ),
    "reconcile": Listed(
        "reconcile:reconcile",
        "Compare all of Stripe with what was applied last, and list what nobody of us made. Nothing is repaired.",
    ),
    "explain": Listed(
        "explain:explain",
        "Explain a contract: its story, records, what the mapping made of them, timeline, desired, existing, plan.",
    ),
    "status": Listed("status:status", "Show the last known state of all contracts, from the journal alone."),
    "report": Listed(
        "report:report", "List what people should see to. Exits 0 when there is nothing, 4 when there is something."
    ),
    "snapshot": Listed(
        "snapshot:snapshot",
        "Write the contract's CRM records to stdout; `connector plan --records FILE` plans them without any network.",
    ),
    "doctor": Listed(
        "doctor:doctor", "Check credentials, permissions, fields, clock and mode of every connection. Changes nothing."
    ),
    "setup": Listed(
        "setup:setup",
        "Make fields, properties and labels that the connector needs in the CRM; what exists is never altered.",
    ),
    "sandbox": Listed(
        "sandbox:sandbox",
        "Serve the emulators over HTTP on loopback, each CRM seeded with a small company, until Ctrl-C.",
    ),
    "pause": Listed(
        "pause:pause",
        "Pause a connection: no job touches it, on any machine, until `resume`. The contract in hand is finished.",
    ),
    "resume": Listed("pause:resume", "Let a paused connection go on; what changed meanwhile is seen at its next sync."),
    "dead": Listed(
        "dead:dead",
        "Show contracts that failed for good, by class: since when, how often tried, the last error, what to do.",
    ),
    "retry": Listed(
        "dead:retry",
        "Make failed contracts due now: one, a class of them, or all. The next `retry` job, or sync, takes them up.",
    ),
    "run": Listed(
        "run:run", "Run the jobs on schedule until SIGTERM or Ctrl-C; the contract in hand is finished. Logs to stderr."
    ),
    "version": Listed("version:version", "Print the version."),
    "backfill": Listed("backfill:app", "Many contracts at once: a dry run first, then apply, pause, go on, report."),
    "alerts": Listed("alerts:app", "Incidents, and the channels that tell of them."),
    "config": Listed("config:app", "The configuration."),
    "db": Listed("db:app", "The journal's database."),
    "map": Listed("map:app", "Mapping files: check, try, test, and see what a change would do."),
}


class CommandTree(TyperGroup):
    """All commands as they are listed; the one that is asked for is loaded."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands.update({name: TyperCommand(name, short_help=one.help) for name, one in COMMANDS.items()})

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[Any, Any, list[str]]:
        """Return the name, the command itself, and the rest of the words."""
        name, _, rest = super().resolve_command(ctx, args)
        return name, load(name) if name else None, rest


def load(name: str) -> Any:
    """Import a command and return it as the command-line library has it, with its parameters or its own commands."""
    module, _, attribute = COMMANDS[name].place.partition(":")
    found = getattr(import_module(f"{__package__}.{module}"), attribute)
    tree = typer.Typer(pretty_exceptions_enable=False, rich_markup_mode=None)
    if isinstance(found, typer.Typer):
        tree.add_typer(found, name=name)
    else:
        tree.command(name)(found)
    command: Any = get_group(tree).commands[name]
    for one in getattr(command, "commands", {}).values():
        one.short_help = one.help.split("\n\n")[0]  # a list of commands shows it whole, where it would cut off help
    return command
