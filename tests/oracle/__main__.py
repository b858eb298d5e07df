"""Compare contracts by chance: `python -m tests.oracle --contracts 10000 --first 1`, or play lives: `--lives 2000`.

`--open` plays contracts without an end.

Prints every disagreement, and what was refused by code; the exit code is 1 if there is a disagreement.
"""

import argparse
import sys
from collections import Counter, defaultdict
from collections.abc import Callable

from tests.builders import seeded
from tests.oracle.deals import deal, today_of
from tests.oracle.laws import broken
from tests.oracle.lives import Life, life
from tests.oracle.open_ended import open_life
from tests.oracle.play import judged
from tests.oracle.verdict import judge


def main() -> int:
    """Run the contracts asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.oracle", description=__doc__)
    parser.add_argument("--contracts", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--lives", type=int, default=0, help="so many contracts that live, instead")
    parser.add_argument("--open", type=int, default=0, help="so many contracts without an end, instead")
    asked = parser.parse_args()
    if asked.lives or asked.open:
        return live(range(asked.first, asked.first + (asked.lives or asked.open)), open_life if asked.open else life)
    return compare(range(asked.first, asked.first + asked.contracts))


def live(seeds: range, of: Callable[[int], Life]) -> int:
    """Play lives, print what is wrong with them and why visits were refused."""
    counts: Counter[str] = Counter()
    refused: dict[str, list[int]] = defaultdict(list)
    visits: Counter[str] = Counter()
    for seed in seeds:
        played, told = judged(of(seed))
        counts.update(visits=played.visits, complete=played.complete, disagreements=len(told) > 0)
        for code in dict.fromkeys(code for code, _ in played.refused):
            refused[code].append(seed)
        visits.update(code for code, _ in played.refused)
        for text in told:
            print(f"{seed}: {text}")
    print(f"lives: {len(seeds)}, " + ", ".join(f"{name}: {count}" for name, count in sorted(counts.items())))
    for code, found in sorted(refused.items()):
        print(f"  {code}: {visits[code]} in {len(found)} lives, for example {found[:5]}")
    return 1 if counts["disagreements"] else 0


def compare(seeds: range) -> int:
    """Compare contracts planned at once."""
    counts: Counter[str] = Counter()
    refused: dict[str, list[int]] = defaultdict(list)
    for seed in seeds:
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
    print(f"contracts: {len(seeds)}, " + ", ".join(f"{name}: {count}" for name, count in sorted(counts.items())))
    for code, found in sorted(refused.items()):
        print(f"  {code}: {len(found)}, for example {found[:5]}")
    return 1 if counts["disagreements"] or counts["broken laws"] else 0


if __name__ == "__main__":
    sys.exit(main())
