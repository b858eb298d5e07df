"""`connector drift`: what was edited in Stripe by hand, and what is to become of it: restore, leave, or adopt it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from connector.app import App
from connector.cli.context import (
    ConfigOption,
    ConnectionOption,
    JsonOption,
    checked_id,
    no_such,
    open_app,
    require_consent,
    unknown_orders,
)
from connector.cli.exits import Exit
from connector.cli.output import out, print_json, print_plan, say
from connector.cli.plan import planned_text
from connector.cli.results import exit_code, print_summary
from connector.crm.protocol import ContractRef
from connector.domain.errors import ConfigError
from connector.drift import (
    adopt_drift,
    forget_drift,
    has_adopted,
    ignore_drift,
    ignored_by,
    plan_adoption,
    plan_without,
    restore_drift,
)
from connector.journal import Approval
from connector.plan.document import SCHEMA_VERSION, issue_json
from connector.plan.drift import adopted_in_words
from connector.sync import Desk, Planned, Result, plan_contracts

_PAGE = 500


def drift(
    orders: Annotated[list[str] | None, typer.Argument(help="Order ids; without any, every known contract.")] = None,
    restore: Annotated[
        bool, typer.Option("--restore", help="Approve and apply the plan that undoes the edit.")
    ] = False,
    ignore: Annotated[bool, typer.Option("--ignore", help="Leave the edit as it is; needs --reason.")] = False,
    adopt: Annotated[
        bool, typer.Option("--adopt", help="Let the edit count for its part of the contract; needs --reason.")
    ] = False,
    forget: Annotated[bool, typer.Option("--forget", help="Take back what was adopted, and apply that.")] = False,
    by: Annotated[str | None, typer.Option(help="Who decides.")] = None,
    reason: Annotated[str | None, typer.Option(help="Why it is right.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before something is written to Stripe.")] = False,
    json: JsonOption = False,
    config: ConfigOption = None,
    connection: ConnectionOption = None,
) -> None:
    """List what was edited in Stripe by hand, or decide on the edit of one contract. Reads every schedule once."""
    named = {"restore": restore, "ignore": ignore, "adopt": adopt, "forget": forget}
    decisions = [name for name, given in named.items() if given]
    if decisions:
        _check_decision(orders, decisions, by=by, reason=reason, json=json)
    with open_app(config) as app:
        desk = app.desk(connection)
        planned = list(plan_contracts(desk, _refs(desk, orders), live=True))
        if decisions:
            decision = _Decision(app, desk, decisions[0], (by or "").strip(), reason, yes)
            code = decision.take(next(iter(planned), None))
        else:
            code = _list(desk, planned, json=json)
        for order in unknown_orders(orders, planned):
            say(f"{no_such(order)}.", "red")
            code = code or Exit.INVALID
        raise typer.Exit(code)


def _check_decision(
    orders: list[str] | None, decisions: Sequence[str], *, by: str | None, reason: str | None, json: bool
) -> None:
    if len(decisions) > 1:
        words = " and ".join(f"--{name}" for name in decisions)
        raise ConfigError(f"{words} are {'two' if len(decisions) == 2 else 'several'} decisions; give one of them")
    (decision,) = decisions
    if len(orders or ()) != 1:
        raise ConfigError("a decision is on the edit of one contract; name one order")
    if not (by or "").strip():
        raise ConfigError("a decision needs --by: who decides")
    if decision in {"ignore", "adopt"} and not (reason or "").strip():
        raise ConfigError(f"--{decision} needs --reason: why the edit in Stripe is right")
    if json:
        raise ConfigError("--json is for the list; a decision prints what it did")


def _refs(desk: Desk, orders: list[str] | None) -> list[ContractRef]:
    """Return the named orders, else every contract that the journal knows."""
    if orders:
        return [ContractRef(desk.name, checked_id(desk, order)) for order in orders]
    refs: list[ContractRef] = []
    after = ""
    while page := desk.account.journal.contract_states(desk.name, after=after, limit=_PAGE):
        refs += [ContractRef(desk.name, state.record) for state in page]
        after = page[-1].contract_key
    return refs


@dataclass(frozen=True, slots=True)
class _Decision:
    app: App
    desk: Desk
    name: str
    by: str
    reason: str | None
    yes: bool

    def take(self, one: Planned | None) -> int:
        """Decide on the edit of one contract, and return the exit code."""
        if one is None:
            return Exit.INVALID
        if one.waiting is not None:
            say(f"Stripe could not be looked at: {one.waiting}", "red")
            return Exit.REMOTE
        plan = one.plan
        if self.name in {"restore", "ignore"} or plan is None or plan.blocked:
            print_plan(planned_text(one))
        if plan is None or plan.blocked:
            say("The contract is refused; nothing was decided.", "red")
            return Exit.INVALID
        if self.name == "forget":
            return self._forget(one)
        if not plan.edits:
            say("Nothing was edited in Stripe by hand.")
            return Exit.OK
        return {"restore": self._restore, "ignore": self._ignore, "adopt": self._adopt}[self.name](one)

    def _restore(self, one: Planned) -> int:
        require_consent(self.app, yes=self.yes)
        return self._done(restore_drift(self.desk, one, by=self.by, reason=self.reason, config_hash=self._hash))

    def _ignore(self, one: Planned) -> int:
        if one.plan is not None:
            found = ignore_drift(self.desk, one.plan, by=self.by, reason=self.reason or "")
            say(f"Ignored by {found.approved_by}: {found.reason}. Nothing was changed.")
            say("The next change of this contract would undo the edit, and therefore asks for approval.")
        return Exit.OK

    def _adopt(self, one: Planned) -> int:
        adopting = plan_adoption(self.desk, one, by=self.by, reason=(self.reason or "").strip())
        print_plan(planned_text(adopting.planned))
        if adopting.planned.plan and adopting.planned.plan.operations:
            require_consent(self.app, yes=self.yes)  # the contract has changed as well
        return self._done(adopt_drift(self.desk, adopting, by=self.by, config_hash=self._hash))

    def _forget(self, one: Planned) -> int:
        if not has_adopted(self.desk, one):
            say("Nothing is adopted for this contract.")
            return Exit.OK
        without = plan_without(self.desk, one)
        print_plan(planned_text(without))
        if without.plan is None or without.plan.blocked:
            say("Without what is adopted the contract is refused; nothing was decided.", "red")
            return Exit.INVALID
        require_consent(self.app, yes=self.yes)
        return self._done(forget_drift(self.desk, without, by=self.by, reason=self.reason, config_hash=self._hash))

    @property
    def _hash(self) -> str:
        return self.app.config.hash

    def _done(self, results: Iterable[Result]) -> int:
        done = list(results)
        for result in done:
            if result.error:
                say(f"{result.outcome}: {result.error}", "red")
        print_summary(done)
        return exit_code(done)


def _list(desk: Desk, planned: Sequence[Planned], *, json: bool) -> int:
    """Print the drift of contracts; what could not be looked at is named too, as it may have some."""
    drifted = [(one, ignored_by(desk, one.plan)) for one in planned if one.plan and one.plan.edits]
    unseen = [one for one in planned if _is_unseen(one)]
    adopted = [(one, words) for one in planned if (words := _adopted(one))]
    if json:
        contracts = [_json(one, ignored) for one, ignored in drifted]
        refused = [
            {"contract": one.raw.key, "waiting": one.waiting, "issues": [issue_json(issue) for issue in one.issues]}
            for one in unseen
        ]
        kept = [{"contract": one.raw.key, "record": one.raw.root.id, "edits": words} for one, words in adopted]
        print_json({"schema_version": SCHEMA_VERSION, "contracts": contracts, "adopted": kept, "not_compared": refused})
    else:
        for one, ignored in drifted:
            print_plan(_text(one, ignored))
        for one, words in adopted:
            print_plan("\n".join([f"= {one.raw.root.id}", *(f"    adopted  {each}" for each in words)]))
        for one in unseen:
            why = one.waiting or next((issue.message for issue in one.issues if issue.blocks), "")
            print_plan(f"! {one.raw.root.id}  not compared: {why}")
        counted = sum(1 for _, ignored in drifted if ignored)
        undecided = len(drifted) - counted
        out.print(
            f"{undecided} edited by hand, {counted} ignored, {len(adopted)} adopted, {len(unseen)} not compared, "
            f"of {len(planned)}."
        )
    if any(ignored is None for _, ignored in drifted):
        return Exit.DIFFERENCE
    return Exit.REMOTE if any(one.waiting is not None for one in unseen) else Exit.OK


def _adopted(one: Planned) -> list[str]:
    return [*adopted_in_words(one.plan.contract, one.plan.desired)] if one.plan and one.plan.desired else []


def _is_unseen(one: Planned) -> bool:
    return one.waiting is not None or one.plan is None or (one.plan.blocked and not one.plan.edits)


def _text(one: Planned, ignored: Approval | None) -> str:
    edits = one.plan.edits if one.plan else ()
    lines = [f"~ {one.raw.root.id}  {', '.join(sorted({edit.schedule for edit in edits}))}"]
    for edit in edits:
        lines += [f"    {edit.path}"]
        values = (("desired", edit.desired), ("last applied", edit.applied), ("live", edit.live))
        lines += [f"      {name:<13} {'not there' if value is None else value}" for name, value in values]
    if ignored:
        day = ignored.approved_at.date()
        lines += [f"    ignored by {ignored.approved_by} on {day}: {ignored.reason}"]
    return "\n".join(lines)


def _json(one: Planned, ignored: Approval | None) -> Any:
    edits = one.plan.edits if one.plan else ()
    return {
        "contract": one.raw.key,
        "record": one.raw.root.id,
        "fingerprint": one.plan.fingerprint if one.plan else None,
        "edits": [
            {
                "schedule": edit.schedule,
                "path": edit.path,
                "desired": edit.desired,
                "last_applied": edit.applied,
                "live": edit.live,
            }
            for edit in edits
        ],
        "ignored": {"by": ignored.approved_by, "at": ignored.approved_at.isoformat(), "reason": ignored.reason}
        if ignored
        else None,
    }
