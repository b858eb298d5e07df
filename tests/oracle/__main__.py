"""Compare contracts by chance: `python -m tests.oracle --contracts 10000 --first 1`.

Prints every disagreement, and what was refused by code; the exit code is 1 if there is a disagreement.
"""

import argparse
import sys
from collections import Counter, defaultdict

from tests.builders import seeded
from tests.oracle.deals import deal, today_of
from tests.oracle.laws import broken
from tests.oracle.verdict import judge


def main() -> int:
    """Run the contracts asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.oracle", description=__doc__)
    parser.add_argument("--contracts", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    asked = parser.parse_args()
    counts: Counter[str] = Counter()
    refused: dict[str, list[int]] = defaultdict(list)
    for seed in range(asked.first, asked.first + asked.contracts):
        contract = deal(seed)
        verdict = judge(contract, today_of(seed, contract))
        told = [*(verdict.faults if verdict.wrong else ()), *broken(contract, seeded(seed))]
        counts["disagreements"] += verdict.wrong
        counts["broken laws"] += len(told) > 0 and not verdict.wrong
        counts["compared"] += verdict.compared
        counts["refused although right"] += "TIE_OUT" in verdict.codes and not verdict.faults
        for code in verdict.codes:
            refused[code].append(seed)
        for text in told:
            print(f"{seed}: {text}")
    print(f"contracts: {asked.contracts}, " + ", ".join(f"{name}: {count}" for name, count in sorted(counts.items())))
    for code, seeds in sorted(refused.items()):
        print(f"  {code}: {len(seeds)}, for example {seeds[:5]}")
    return 1 if counts["disagreements"] or counts["broken laws"] else 0


if __name__ == "__main__":
    sys.exit(main())
