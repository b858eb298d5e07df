"""`python -m tests.corpus.exchanges_report`: the tables of docs/conformance.md about the emulator."""

import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from tests.corpus.exchanges import Exchange
from tests.corpus.exchanges_compare import Comparison, compare_exchanges
from tests.corpus.recordings import ROOT, available, recordings

HEAD = (
    "| call | exchanges | distinct | alike | a listed difference | not repeatable |",
    "|---|---:|---:|---:|---:|---:|",
)


def main() -> int:
    """Print how many exchanges there are per call, how many are alike, and the reasons for the others."""
    if not available():
        print(f"The recordings are not here ({ROOT}); set CONNECTOR_CORPUS to where they are.")
        return 0
    results = [compare_exchanges(recording) for recording in recordings()]
    print("\n".join(lines(results)))
    faults = [str(difference) for result in results for difference in result.unexplained]
    print("\n".join(faults))
    return 1 if faults else 0


def lines(results: Iterable[Comparison]) -> Iterator[str]:
    """Yield the tables: calls, reasons for differences, reasons for what cannot be repeated."""
    results = list(results)
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    distinct: dict[str, set[str]] = defaultdict(set)
    for result in results:
        for exchange, kind in _sorted(result):
            for call in (f"{exchange.method} {exchange.route}", "all"):
                counts[call][kind] += 1
                if kind != "skipped":
                    distinct[call].add(exchange.fingerprint)
    yield from HEAD
    for call in sorted(counts, key=lambda name: (name == "all", name.split()[-1], name)):
        row = counts[call]
        cells = [sum(row.values()), len(distinct[call]), row["alike"], row["listed"] or "", row["skipped"] or ""]
        yield f"| `{call}` | " + " | ".join(str(cell) for cell in cells) + " |"
    reasons: Counter[str] = sum((result.reasons for result in results), Counter())
    skipped = Counter(why for result in results for _, why in result.skipped)
    for texts in (reasons, skipped):
        yield from ("", "| times | reason |", "|---:|---|")
        yield from (f"| {times} | {text} |" for text, times in texts.most_common())


def _sorted(result: Comparison) -> Iterator[tuple[Exchange, str]]:
    different = {difference.exchange.number for difference, _ in result.explained}
    wrong = {difference.exchange.number for difference in result.unexplained}
    for exchange in result.compared:
        number = exchange.number
        yield exchange, "wrong" if number in wrong else "listed" if number in different else "alike"
    for exchange, _ in result.skipped:
        yield exchange, "skipped"


if __name__ == "__main__":
    sys.exit(main())
