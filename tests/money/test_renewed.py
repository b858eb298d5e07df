"""Renewals, billed: one schedule or two, no day twice and none left out; and contracts that renew themselves."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from connector.plan.safety import Limits
from connector.sandbox.seed.closing import Deal
from connector.sandbox.seed.lines import line
from tests.money.goods import CUSTOMERS, SEAT, SITE
from tests.money.ledger import invoices_of_customer
from tests.money.world import Case, MoneyWorld, Synced

START, END, LATER = date(2026, 12, 1), date(2027, 12, 1), date(2028, 12, 1)
POLICIES = ("append", "hand_over", "separate")


def cases() -> list[Case]:
    """Return one order for each policy, each of another customer, and two that renew themselves."""
    found = []
    for number, policy in enumerate(POLICIES):
        sold = [
            line(SEAT, 12, START, months=12, frequency="Monthly"),
            line(SITE, 1, START, months=12, frequency="Monthly"),
        ]
        found.append(Case(Deal(policy, CUSTOMERS[number], policy, START, 12, sold, 1), policies={"renewal": policy}))
    sold = [line(SEAT, 12, START, months=12, frequency="Monthly")]
    for number, name in enumerate(("by itself", "by itself, then by an order"), start=len(POLICIES)):
        deal = Deal(name, CUSTOMERS[number], name, START, 12, sold, 1)
        found.append(Case(deal, policies={"renewal": "append", "auto_renew": "same_price"}))
    return found


@dataclass(frozen=True)
class Run:
    """The world at the end of 2029, what the syncs made of the orders, and the renewal orders."""

    world: MoneyWorld
    first: dict[str, Synced]
    renewed: dict[str, list[Synced]]
    orders: dict[str, str]
    again: dict[str, list[Synced]]


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    with MoneyWorld(cases(), limits=Limits(max_changed_share=Decimal(1))) as world:
        first = {one.case.name: one for one in world.sync_all()}
        assert {one.result.outcome for one in first.values()} == {"applied"}
        world.move_to(date(2027, 9, 15))
        orders = {name: world.salesforce.renew(world.orders[name], uplift="5") for name in POLICIES}
        renewed = {name: world.sync_order(name, order) for name, order in orders.items()}
        again = {name: world.sync_order(name, order) for name, order in orders.items()}
        world.move_to(date(2028, 2, 10))
        late = world.salesforce.renew(world.orders["by itself, then by an order"], uplift="5")
        renewed["late"] = world.sync_order("by itself, then by an order", late)
        world.move_to(date(2029, 11, 2))
        yield Run(world, first, renewed, orders, again)


def days(run: Run, name: str) -> dict[date, int]:
    return invoices_of_customer(run.world, run.first[name])


#: 12 seats at 1200 and a site at 1000 a year, by the month; then five percent more.
OLD, NEW = 120_000 + 8_333, 126_000 + 8_750
FIRST_TERM = {date(2026 + (11 + n) // 12, (11 + n) % 12 + 1, 1): OLD for n in range(12)}
SECOND_TERM = {date(2027 + (11 + n) // 12, (11 + n) % 12 + 1, 1): NEW for n in range(12)}


@pytest.mark.parametrize("name", POLICIES)
def test_each_month_is_billed_once_at_the_price_of_its_term(run: Run, name: str):
    assert days(run, name) == FIRST_TERM | SECOND_TERM


@pytest.mark.parametrize("name", POLICIES)
def test_syncing_again_changes_nothing(run: Run, name: str):
    assert {one.result.outcome for one in run.again[name]} == {"nothing"}


def schedule_of(run: Run, key: str) -> dict[str, Any]:
    link = run.world.journal.link("salesforce", "subscription_schedule", key) if run.world.journal else None
    assert link is not None, key
    return dict(run.world.api().get(f"/v1/subscription_schedules/{link.stripe_id}"))


def test_an_appended_renewal_is_on_the_same_schedule_by_one_write(run: Run):
    (synced,) = run.renewed["append"]
    assert (synced.order, synced.result.outcome) == (run.world.orders["append"], "applied")
    schedule = schedule_of(run, run.world.orders["append"])
    names = [phase["metadata"]["salesforce_order_id"] for phase in schedule["phases"]]
    assert names == [run.world.orders["append"], run.orders["append"]]
    assert (schedule["status"], schedule["end_behavior"]) == ("completed", "cancel")
    assert synced.result.writes <= 3  # the schedule, and a price for terms that two lines share
    order = run.world.salesforce.records("Order")[run.orders["append"]]
    assert order["Stripe_Schedule_Id__c"] == schedule["id"]


def test_a_renewal_that_is_handed_over_is_linked_both_ways(run: Run):
    old, new = (schedule_of(run, key) for key in (run.world.orders["hand_over"], run.orders["hand_over"]))
    assert {one.order: one.result.outcome for one in run.renewed["hand_over"]} == {
        run.orders["hand_over"]: "applied",
        run.world.orders["hand_over"]: "applied",
    }
    assert old["metadata"]["salesforce_renewed_by_order_id"] == run.orders["hand_over"]
    assert new["metadata"]["salesforce_renews_order_id"] == run.world.orders["hand_over"]
    assert (old["end_behavior"], new["end_behavior"]) == ("cancel", "cancel")
    assert old["phases"][-1]["end_date"] == new["phases"][0]["start_date"]


def test_separate_contracts_do_not_know_of_each_other(run: Run):
    assert [one.order for one in run.renewed["separate"]] == [run.orders["separate"]]
    for key in (run.world.orders["separate"], run.orders["separate"]):
        assert set(schedule_of(run, key)["metadata"]) == {"salesforce_order_id", "salesforce_order_link"}


def test_what_renews_itself_is_billed_on(run: Run):
    found = days(run, "by itself")
    assert set(found.values()) == {120_000}
    assert len(found) == 36


def test_an_order_that_comes_late_takes_over_from_its_day(run: Run):
    assert {one.result.outcome for one in run.renewed["late"]} == {"applied"}
    found = days(run, "by itself, then by an order")
    assert sum(found.values()) == 12 * 120_000 + 12 * 126_000 + sum(v for day, v in found.items() if day >= LATER)
    assert {amount for day, amount in found.items() if day >= LATER} == {126_000}
