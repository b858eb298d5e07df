"""Every recording, run by run: phases, money, invoices, failures; what differs must have a reason."""

import pytest

from tests.corpus.compare import play
from tests.corpus.recordings import ROOT, Recording, available, recordings

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not available(), reason=f"the recordings are not at {ROOT}; set CONNECTOR_CORPUS"),
]
_ALL = tuple(recordings()) if available() else ()


@pytest.mark.parametrize("recording", _ALL, ids=lambda recording: recording.name.rsplit("/", 1)[-1][:60])
def test_recording(recording: Recording):
    played = play(recording)
    told = [(result.recording.number, text) for result in played for text in (*result.faults, result.not_yet) if text]
    assert not told, "\n".join(f"run {number}: {text}" for number, text in told)
    assert all(result.good for result in played)
