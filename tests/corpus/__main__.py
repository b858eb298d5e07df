"""`make corpus`: the recordings, run by run: figures per kind, every reason once, every fault in full.

With --page the figures are written into docs/conformance.md as well.
"""

import sys

from tests.corpus.compare import play
from tests.corpus.figures import Played, Table, by_kind, reasons, recorded
from tests.corpus.page import write_page
from tests.corpus.recordings import ROOT, Recording, available, recordings
from tests.corpus.result import Comparison


def main(arguments: list[str]) -> int:
    """Print the figures, the reasons and the faults; return 1 when something asked for does not hold."""
    if not available():
        print(f"The recordings are not here ({ROOT}); set CONNECTOR_CORPUS to where they are.")
        return 0
    everything = [_played(recording) for recording in recordings()]
    results = [result for played in everything for result in played]
    _print_table(by_kind(everything), 22, 13)
    print()
    _print_table(recorded(everything), 32, 30)
    for title, counts in reasons(results):
        if not counts:
            continue
        print(f"\n{title}")
        for text, count in counts.most_common():
            print(f"{count:>5}  {text}")
    if "--page" in arguments:
        write_page(everything)
    return _print_faults([result for result in results if result.recording.run])


def _played(recording: Recording) -> Played:
    """Play a recording; one that cannot be played does not hide the others."""
    try:
        return play(recording)
    except Exception as error:  # noqa: BLE001
        broken = Comparison(recording)
        broken.fault("phases", f"it cannot be played: {error!r}")
        return [broken]


def _print_table(table: Table, first: int, width: int) -> None:
    for name, *cells in table:
        print(f"{name:<{first}}" + "".join(f"{cell:>{width}}" for cell in cells))


def _print_faults(results: list[Comparison]) -> int:
    bad = [result for result in results if not result.good]
    print(f"\n{len(bad)} of {len(results)} runs differ without a reason.")
    for result in bad:
        print(f"  {result.recording.kind}: {result.recording.name}, run {result.recording.number}")
        for fault in result.faults:
            print(f"      {fault}")
    waiting = any(result.not_yet for result in results)
    return 1 if bad or waiting else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
