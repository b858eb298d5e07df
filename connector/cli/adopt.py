"""`adopt`: contracts whose schedule exists in Stripe, but that this connector has not billed yet, are taken over."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

import typer

from connector.cli.context import ConfigOption, ConnectionOption, JsonOption, open_app, refs_of, require_consent
from connector.cli.output import print_json, print_plan, say
from connector.cli.plan import plan_exit, planned_text, report_results, summary, with_unknown
from connector.crm.protocol import ContractRef
from connector.domain.issues import IssueCode
from connector.plan.document import SCHEMA_VERSION
from connector.plan.safety import Verdict
from connector.poll import sync_refs
from connector.sync import Planned, plan_contracts

Orders = Annotated[list[str] | None, typer.Argument(help="Order ids; without any, every order of the CRM.")]


def adopt(
    orders: Orders = None,
    apply: Annotated[bool, typer.Option("--apply", help="Link the schedules and apply the plans.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    json: JsonOption = False,
    config: ConfigOption = None,
    connection: ConnectionOption = None,
) -> None:
    """Find schedules that the journal does not know, by the CRM's id or their metadata, and take them over.

    Shows what would change for each contract and what money would move. Without --apply nothing changes.
    """
    with open_app(config) as app:
        desk = replace(app.desk(connection), seek=True)
        refs = refs_of(desk, orders) if orders else desk.crm.changed(None).refs
        planned = list(plan_contracts(desk, refs))
        found = [one for one in planned if _adoptable(one)]
        if not json:
            _show(found)
        if not apply or all(one.judgement.verdict is Verdict.REFUSE for one in found):
            if json:
                _print_document(found)
            _say_what_next(found, apply=apply)
            raise typer.Exit(with_unknown(plan_exit(found, detailed=False), orders, planned))
        require_consent(app, yes=yes)
        shown = frozenset(one.plan.fingerprint for one in found if one.plan)
        meant = [ContractRef(desk.name, one.raw.root.id) for one in found]
        results = sync_refs(desk, meant, job="adopt", config_hash=app.config.hash, shown=shown)
        code = report_results(results, None, json=json, shown=True)
        raise typer.Exit(with_unknown(code, orders, planned))


def _adoptable(one: Planned) -> bool:
    """Tell whether a contract has a schedule that nothing links, or several that say they bill it."""
    return bool(_schedules(one)) or any(issue.code is IssueCode.LIVE_CHANGE for issue in one.existing.issues)


def _schedules(one: Planned) -> list[str]:
    return [
        held.id
        for key, held in sorted(one.existing.objects.items())
        if key.kind == "subscription_schedule" and not held.linked
    ]


def _show(found: Sequence[Planned]) -> None:
    for one in found:
        print_plan(planned_text(one))
        if names := _schedules(one):
            print_plan(f"    adopts   {', '.join(names)}")
    if found:
        print_plan(summary(found))


def _print_document(found: Sequence[Planned]) -> None:
    adopts = {one.raw.key: _schedules(one) for one in found}
    print_json({"schema_version": SCHEMA_VERSION, "adopts": adopts, "plans": [one.document() for one in found]})


def _say_what_next(found: Sequence[Planned], *, apply: bool) -> None:
    if not found:
        say("No contract has a schedule in Stripe that the journal does not know.")
    elif apply:
        say("Nothing can be adopted.")
    else:
        say("Nothing was changed; `connector adopt --apply` links these schedules and applies the plans.")
