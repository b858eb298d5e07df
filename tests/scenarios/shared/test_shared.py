"""One business, two CRMs: what was sold is the same, so Stripe must hold and bill the same.

Each scenario is written once (`scenarios.py`), put into an emulated CRM by a writer of that CRM, read over HTTP by its
adapter through the mapping file as it ships, synced into an emulated Stripe account, changed, and run to its end. Only
ids, links and prefixes may differ, and which of a CRM's own records an issue points at.
"""

from dataclasses import replace

import pytest

from tests.scenarios.shared.play import in_hubspot, in_salesforce
from tests.scenarios.shared.sales import Quantities, Sale
from tests.scenarios.shared.scenarios import GOOD, MISTAKES

#: CPQ keeps on every line what HubSpot only knows of the deal: whether it counts yet.
_SAID_TWICE = {"LINE_NOT_ACTIVE"}


def named(sale: Sale) -> str:
    return sale.name


def test_there_are_scenarios_enough() -> None:
    names = [sale.name for sale in (*GOOD, *MISTAKES)]
    assert len(names) == len(set(names))
    assert len(GOOD) >= 20
    assert len(MISTAKES) >= 10


@pytest.mark.parametrize("sale", GOOD, ids=named)
def test_both_crms_come_to_the_same(sale: Sale) -> None:
    salesforce, hubspot = in_salesforce(sale), in_hubspot(sale)
    for one, other in zip(salesforce.steps, hubspot.steps, strict=True):
        assert one.codes == other.codes == frozenset()
        assert set(one.outcomes) <= {"applied", "nothing"}
        assert "applied" in one.outcomes
        assert set(one.errors) == {None}, "the status was written, too"
        assert one.desired
        assert one == other
    assert salesforce.invoices == hubspot.invoices
    metered = all(item.product and item.product.metered for item in sale.items)
    assert bool(salesforce.invoices) is not metered, "nothing was used"


#: What changes inside a period that was billed, so that it matters who bills the part: Stripe by the second, or we.
WITHIN = [
    sale
    for sale in GOOD
    if sale.name
    in {
        "upsell in the current period",
        "upsell in a year billed in advance",
        "upsell heard of late",
        "all segments amended",
        "partial removal in the current period",
        "ended on a date",
        "ended back-dated",
    }
]


@pytest.mark.parametrize("sale", WITHIN, ids=named)
def test_both_crms_come_to_the_same_where_stripe_prorates(sale: Sale) -> None:
    by_stripe = in_salesforce(replace(sale, policies={**sale.policies, "proration": "stripe"}))
    hubspot = in_hubspot(sale, as_shipped=True)
    assert hubspot.steps == by_stripe.steps
    assert hubspot.invoices == by_stripe.invoices
    assert {code for step in hubspot.steps for code in step.codes} == set()


def test_who_prorates_makes_a_difference() -> None:
    sale = next(each for each in WITHIN if each.name == "upsell in the current period")
    by_days, by_stripe = in_hubspot(sale), in_hubspot(sale, as_shipped=True)
    assert [day for day, _ in by_days.invoices] == [day for day, _ in by_stripe.invoices]
    assert by_days.invoices != by_stripe.invoices


RESTATED = [sale for sale in GOOD if any(isinstance(change, Quantities) for change in sale.changes)]


@pytest.mark.parametrize("sale", RESTATED, ids=named)
def test_a_restated_deal_comes_to_the_same_as_its_changes(sale: Sale) -> None:
    described, restated = in_hubspot(sale), in_hubspot(sale, restates=True)
    assert described.steps == restated.steps
    assert described.invoices == restated.invoices


@pytest.mark.parametrize("sale", MISTAKES, ids=named)
def test_both_crms_make_the_same_of_a_mistake(sale: Sale) -> None:
    salesforce, hubspot = in_salesforce(sale), in_hubspot(sale)
    assert sale.codes
    told = [frozenset(played.steps[-1].codes) - _SAID_TWICE for played in (salesforce, hubspot)]
    assert told[0] == told[1] >= sale.codes
    assert [step.outcomes for step in salesforce.steps] == [step.outcomes for step in hubspot.steps]
    assert salesforce.steps[-1].outcomes[-1] in {"refused", "skipped"}


def test_the_comparison_sees_what_differs() -> None:
    sale = next(each for each in GOOD if each.name == "ramp by year")
    first, *rest = sale.items
    played = in_hubspot(sale)
    for name, other in {
        "quantity": replace(first, quantity="21"),
        "discount": replace(first, percent="11"),
        "label": replace(first, label="Pilot"),
        "end": replace(first, months=11),
    }.items():
        assert in_hubspot(replace(sale, items=[other, *rest])).steps[0].desired != played.steps[0].desired, name
    someone = replace(sale, customer=None if sale.customer is None else replace(sale.customer, name="Somebody else"))
    assert in_hubspot(someone).steps[0].desired != played.steps[0].desired
