"""`python -m tests.corpus.exchanges_report`: the table of docs/conformance.md about the emulator."""

import sys
from collections import Counter, defaultdict

from tests.corpus.exchanges_compare import compare_exchanges
from tests.corpus.recordings import ROOT, available, recordings


def main() -> int:
    """Print how many exchanges there are per call, how many are alike, and the reasons for the others."""
    if not available():
        print(f"The recordings are not here ({ROOT}); set CONNECTOR_CORPUS to where they are.")
        return 0
    results = [compare_exchanges(recording) for recording in recordings()]
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    distinct: dict[str, set[str]] = defaultdict(set)
    for result in results:
        different = {difference.exchange.number for difference, _ in result.explained}
        wrong = {difference.exchange.number for difference in result.unexplained}
        for exchange in result.compared:
            for call in (f"{exchange.method} {exchange.route}", "all"):
                distinct[call].add(exchange.fingerprint)
                number = exchange.number
                kind = "wrong" if number in wrong else "listed" if number in different else "alike"
                counts[call][kind] += 1
        for exchange, _ in result.skipped:
            for call in (f"{exchange.method} {exchange.route}", "all"):
                counts[call]["skipped"] += 1
    print(
        "| call | exchanges | distinct | alike | a listed difference | not repeatable |\n|---|---:|---:|---:|---:|---:|"
    )
    for call in sorted(counts, key=lambda name: (name == "all", name.split()[-1], name)):
        row = counts[call]
        cells = [sum(row.values()), len(distinct[call]), row["alike"], row["listed"] or "", row["skipped"] or ""]
        print(f"| `{call}` | " + " | ".join(str(cell) for cell in cells) + " |")
    reasons: Counter[str] = sum((result.reasons for result in results), Counter())
    skipped = Counter(why for result in results for _, why in result.skipped)
    for texts in (reasons, skipped):
        print("\n| times | reason |\n|---:|---|")
        for text, times in texts.most_common():
            print(f"| {times} | {text} |")
    faults = [str(difference) for result in results for difference in result.unexplained]
    print("\n".join(faults))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
