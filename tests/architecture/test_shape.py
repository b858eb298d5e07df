"""Files and functions stay small, and names say something."""

from statistics import median

import pytest

from tests.architecture.shape import Source, sources, words

LONGEST_FILE, LONGEST_TEST_FILE, LONGEST_FUNCTION, MEDIAN = 400, 600, 60, 150

BANNED = {"manager", "helper", "util", "service", "handler", "processor", "common", "misc"}
#: A service period is what accountants call the time that an invoice line is for.
MEANT = ("service_period", "ServicePeriod")

OURS = [*sources("connector"), *sources("jobs")]
ALL = [*OURS, *sources("tests")]


def name_of(source: Source) -> str:
    return source.name


@pytest.mark.parametrize("source", OURS, ids=name_of)
def test_no_file_is_long(source: Source) -> None:
    assert source.lines <= LONGEST_FILE


def test_no_test_file_is_very_long() -> None:
    assert {s.name: s.lines for s in sources("tests") if s.lines > LONGEST_TEST_FILE} == {}


def test_half_of_all_files_are_short() -> None:
    typical = median(source.lines for source in OURS)
    assert typical <= MEDIAN, f"the median file has {typical} lines"


def test_no_function_is_long() -> None:
    long = {f"{s.name}:{name}": length for s in ALL for name, length in s.functions() if length > LONGEST_FUNCTION}
    assert long == {}


def test_no_name_is_vague() -> None:
    vague = {
        f"{source.name}:{name}"
        for source in ALL
        for name in source.names()
        if not any(meant in name for meant in MEANT) and words(name) & BANNED
    }
    assert vague == set()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("fetch_orders", {"fetch", "order"}),
        ("OrderHandlers", {"order", "handler"}),
        ("HTTPServer", {"http", "server"}),
        ("utils", {"util"}),
    ],
)
def test_words_of_a_name(name: str, expected: set[str]) -> None:
    assert words(name) == expected
