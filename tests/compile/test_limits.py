"""What Stripe cannot hold, found before the first write."""

from dataclasses import replace
from typing import Any, cast

import pytest

from connector.compile.contract import compile_contract
from connector.compile.limits import check_limits
from connector.domain.contract import Contract, Party
from connector.domain.issues import Issue, Severity
from connector.domain.period import add_months
from tests.builders import START, contract, line, once, product, ramp

SEND = (("default_settings", "collection_method"), "send_invoice")
NET_30 = (("default_settings", "invoice_settings", "days_until_due"), 30)
FIELDS = ("default_settings", "invoice_settings", "custom_fields")


def scheduled(*extras: object, **fields) -> Contract:
    return contract(line(), extras={"subscription_schedule": extras}, **fields)


def segments(count: int) -> Contract:
    months = [add_months(START, number) for number in range(count + 1)]
    return contract(*ramp(*((months[n], months[n + 1], n + 1, 10) for n in range(count)), interval=1), end=months[-1])


def lines(count: int) -> Contract:
    return contract(*(line(f"L{n}", of=f"P{n}") for n in range(count)))


def one_offs(count: int) -> Contract:
    return contract(line(), *(once(f"O{n}") for n in range(count)))


def metadata(count: int = 1, *, key: str = "k", value: str = "v") -> Contract:
    return scheduled(*((("metadata", f"{key}{n}"), value) for n in range(count)))


def custom_fields(count: int = 1, *, name: str = "n", value: str = "v") -> Contract:
    return scheduled(*(((*FIELDS, f"{name}{n}"), value) for n in range(count)))


def issues_of(made: Contract) -> list[Issue]:
    return list(compile_contract(made).issues)


@pytest.mark.parametrize(
    ("made", "code", "words"),
    [
        (metadata(50), "LIMIT_METADATA", "subscription_schedule/R1: 51 metadata keys; Stripe keeps 50"),
        (metadata(key="k" * 40), "LIMIT_METADATA", "is over 40"),
        (metadata(value="v" * 501), "LIMIT_METADATA", "metadata 'k0' has 501 characters; Stripe keeps 500"),
        (custom_fields(5), "LIMIT_CUSTOM_FIELDS", "5 invoice custom fields; Stripe prints 4"),
        (custom_fields(name="n" * 40), "LIMIT_CUSTOM_FIELDS", "is too long (name 40, value 140 characters)"),
        (custom_fields(value="v" * 141), "LIMIT_CUSTOM_FIELDS", "is too long (name 40, value 140 characters)"),
        (scheduled(SEND), "PAYMENT_TERMS", "nothing says how many days the customer has to pay"),
    ],
)
def test_over_a_limit_blocks(made, code, words):
    (found,) = issues_of(made)
    assert (found.code, found.severity, found.record) == (code, Severity.BLOCK, "R1")
    assert words in found.message
    assert found.remedy.rstrip(")").endswith(".")


@pytest.mark.parametrize(
    "made",
    [
        segments(40),
        lines(45),
        one_offs(50),
        metadata(49),
        metadata(key="k" * 39),
        metadata(value="v" * 500),
        custom_fields(4),
        custom_fields(name="n" * 39),
        custom_fields(value="v" * 140),
        scheduled(SEND, NET_30),
        scheduled(),
    ],
)
def test_at_a_limit_is_fine(made):
    assert issues_of(made) == []


def test_a_phase_with_too_many_items_is_never_sent():
    """Lines are dealt out to linked schedules; the limit itself is watched all the same."""
    desired = compile_contract(lines(20)).desired
    assert desired is not None
    (schedule,) = desired.of("subscription_schedule")
    (phase,) = cast("list[Any]", schedule.params["phases"])
    wide = replace(schedule, params={**schedule.params, "phases": [{**phase, "items": [*phase["items"], {}]}]})
    (found,) = check_limits(replace(desired, resources=(wide,)), "R1")
    assert (found.code, found.message) == ("LIMIT_ITEMS", "the phase from 2027-01-01 has 21 lines; Stripe takes 20")


def test_invoices_sent_need_an_address():
    silent = Party("ACC", "Example Ltd")
    (found,) = issues_of(scheduled(SEND, NET_30, party=silent))
    assert (found.code, found.severity) == ("CUSTOMER_EMAIL", Severity.WARN)
    assert issues_of(scheduled(party=silent)) == []


@pytest.mark.parametrize(("terms", "codes"), [({}, ["PAYMENT_TERMS"]), ({"days_until_due": 14}, [])])
def test_invoices_of_one_time_lines_need_payment_terms_too(terms, codes):
    sent = {"collection_method": "send_invoice", **terms}
    made = contract(once(), extras={"invoice": tuple(((key,), value) for key, value in sent.items())})
    assert [issue.code for issue in issues_of(made)] == codes


def test_metadata_is_checked_wherever_it_hangs():
    long = ((("metadata", "note"), "v" * 501),)
    sold = product(extras={"product": long})
    made = contract(line(of=sold, extras={"item": long, "price": long}), extras={"customer": long})
    kinds = [issue.message.partition("/")[0] for issue in issues_of(made)]
    assert kinds == ["customer", "product", "price", "subscription_schedule"]


def test_what_is_over_a_limit_is_still_shown():
    assert compile_contract(metadata(50)).desired is not None
