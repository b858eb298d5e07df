"""Every recorded exchange about schedules, subscriptions and invoices, repeated: alike, or a listed difference."""

from pathlib import Path

import pytest

from tests.corpus.exchanges_compare import compare_exchanges
from tests.corpus.exchanges_differences import REASONS
from tests.corpus.exchanges_report import lines
from tests.corpus.recordings import ROOT, available, recordings

CONFORMANCE = Path(__file__).parents[2] / "docs" / "conformance.md"
PUBLISHED = 139
ALL = tuple(recordings()) if available() else ()
needs_recordings = pytest.mark.skipif(not available(), reason=f"the recordings are not at {ROOT}; set CONNECTOR_CORPUS")


@pytest.mark.corpus
@needs_recordings
@pytest.mark.parametrize("recording", ALL, ids=lambda recording: recording.name.rsplit("/", 1)[-1][:60])
def test_a_recording_repeated(recording):
    result = compare_exchanges(recording)
    assert result.unexplained == [], "\n".join(str(difference) for difference in result.unexplained)


@pytest.mark.corpus
@needs_recordings
def test_every_listed_difference_still_occurs():
    occurring = {reason.text for recording in ALL for _, reason in compare_exchanges(recording).explained}
    assert {reason.text for reason in REASONS} == occurring


@pytest.mark.corpus
@needs_recordings
def test_most_exchanges_can_be_repeated():
    results = [compare_exchanges(recording) for recording in ALL]
    compared = sum(len(result.compared) for result in results)
    assert sum(len(result.skipped) for result in results) < compared / 20


@pytest.mark.corpus
@needs_recordings
@pytest.mark.skipif(len(ALL) != PUBLISHED, reason="the page is about other recordings than these")
def test_the_page_has_these_figures():
    page = CONFORMANCE.read_text().splitlines()
    missing = [line for line in lines(compare_exchanges(recording) for recording in ALL) if line and line not in page]
    assert missing == [], "run python -m tests.corpus.exchanges_report"


@pytest.mark.parametrize("reason", REASONS, ids=lambda reason: reason.text[:40])
def test_the_page_lists_the_difference(reason):
    assert reason.text in " ".join(CONFORMANCE.read_text().split())
