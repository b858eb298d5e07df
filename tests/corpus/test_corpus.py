"""Every recording: phases, money, failures; what differs must have a reason."""

import pytest

from tests.corpus.compare import compare
from tests.corpus.recordings import ROOT, Recording, available, recordings

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not available(), reason=f"the recordings are not at {ROOT}; set CONNECTOR_CORPUS"),
]
_ALL = tuple(recordings()) if available() else ()


@pytest.mark.parametrize("recording", _ALL, ids=lambda recording: recording.name.rsplit("/", 1)[-1][:60])
def test_recording(recording: Recording):
    result = compare(recording)
    assert result.good, "\n".join(result.faults)
