"""The converters: the documented examples, and what they refuse."""

from datetime import date
from decimal import Decimal

import pytest

from connector.mapping.converters import CONVERTERS, Converter, UnreadableError
from connector.mapping.countries import CODES, NAMES, TAX_ID_TYPES
from connector.mapping.rules import Step

EXAMPLES = [(row, given, wanted) for row in CONVERTERS.values() for given, wanted in row.examples]


@pytest.mark.parametrize(("row", "given", "wanted"), EXAMPLES, ids=lambda each: getattr(each, "name", None))
def test_documented_example(row: Converter, given: object, wanted: object) -> None:
    found = Step(row.name, row.example_argument)(given)
    assert found == wanted
    assert type(found) is type(wanted)


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("decimal", "12 apples", "is not a number"),
        ("decimal", "", "is not a number"),
        ("decimal", "NaN", "is not a number"),
        ("decimal", float("inf"), "is not a number"),
        ("decimal", True, "is a checkbox, not a number"),
        ("whole_number", "12.5", "is not a whole number"),
        ("whole_number", "1e400000000", "is not a number of a sensible size"),
        ("date", "31.01.2025", "is not a date (expected like 2025-01-31)"),
        ("date", "2025-02-30", "is not a date (expected like 2025-01-31)"),
        ("day_after", "soon", "is not a date (expected like 2025-01-31)"),
        ("boolean", "maybe", "is neither yes nor no"),
        ("currency", "dollars", "is not a currency that Stripe bills in"),
        ("country", "Atlantis", "is not a country we know (use its two-letter code)"),
        ("country", "ZZ", "is not a country we know (use its two-letter code)"),
        ("tax_id_type", "Japan", "is a country with several kinds of tax numbers; map the type itself"),
        ("net_terms", "2/10 Net 30", 'is not a payment term we can read (expected like "Net 30" or "Due on receipt")'),
        ("net_terms", "30.5", 'is not a payment term we can read (expected like "Net 30" or "Due on receipt")'),
        ("months", "Invoice Plan", "is not a billing frequency we can bill (Monthly, Quarterly, Semiannual or Annual)"),
        ("months", 2, "is not a billing frequency we can bill (Monthly, Quarterly, Semiannual or Annual)"),
        ("email", "ap@example", "is not an e-mail address"),
        ("email", "a@example.com, b@example.com", "is not an e-mail address"),
        ("whole_below", "10.5", "is not a whole number"),
        ("text", ["a"], "is not a single value"),
        ("url", "not a page", "is not a web address"),
        ("url", "javascript://example.com", "is not a web address"),
        ("url", "localhost", "is not a web address"),
        ("locale", "English", "is not a language (expected like en or pt_BR)"),
        ("vat_id", "DE12345678", "is not a VAT number (expected like DE123456788)"),
        ("vat_id", "US123456789", "is not a VAT number (expected like DE123456788)"),
        ("vat_id", "", "is not a VAT number (expected like DE123456788)"),
        ("duration", "soon", 'is not a length of time we can read (expected like 24, "2 years" or P2Y)'),
        ("duration", "P", 'is not a length of time we can read (expected like 24, "2 years" or P2Y)'),
        ("day_after", "9999-12-31", "leads to a day outside of the calendar"),
        ("month_end", "9999-12-31", "leads to a day outside of the calendar"),
        ("fraction", "all", "is not a number"),
        ("nonzero", "none", "is not a number"),
    ],
)
def test_refuses_with_a_reason(name: str, given: object, said: str) -> None:
    with pytest.raises(UnreadableError) as caught:
        Step(name)(given)
    assert str(caught.value) == said


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("date", date(2025, 1, 31)),
        ("decimal", Decimal("0.9166666666666666")),
        ("months", 12),
        ("currency", "eur"),
        ("country", "DE"),
        ("tax_id_type", "eu_vat"),
        ("net_terms", 30),
        ("boolean", False),
    ],
)
def test_slots_may_convert_again(name: str, value: object) -> None:
    assert Step(name)(value) == value


JUNK = ["", " ", "0", "-1", "1e39", "9999-12-31", "0001-01-01", "NaN", "é", "<b", "<" * 999, "P", "\n\n", "\x00",
        "\u0968", "2025-01-31T", "a@b.c", "http://", "DE", "==", 0, -1, 10**39, 0.1, Decimal("-0"), Decimal("1e-39"),
        True, False, date.max, date.min, (), ("a", 1), ["x", None], {"a": 1}, object(), float("inf")]  # fmt: skip


@pytest.mark.parametrize("row", CONVERTERS.values(), ids=lambda row: row.name)
def test_whatever_a_crm_holds_is_read_or_refused_in_words(row: Converter) -> None:
    for value in JUNK:
        try:
            once = Step(row.name, row.example_argument)(value)
        except UnreadableError:
            continue
        assert once is None or isinstance(once, str | int | Decimal | date | tuple)


def test_json_floats_are_read_by_their_shortest_text() -> None:
    assert Step("decimal")(0.8853881278538813) == Decimal("0.8853881278538813")


def test_minor_units_follow_the_currency() -> None:
    assert Step("minor_units", "jpy")("500") == 500
    assert Step("minor_units", "kwd")("1.2345") == 1235


@pytest.mark.parametrize("spelling", ["One Time", "One-time", "ONETIME", "one_time"])
def test_is_sees_through_spelling(spelling: str) -> None:
    assert Step("is", "One Time")(spelling) is True


def test_every_name_and_tax_type_has_a_known_country() -> None:
    assert set(NAMES.values()) <= CODES
    assert set(TAX_ID_TYPES) <= CODES
