"""The long version by hand: `python -m tests.jobs.chaos --minutes 10`; exits 1 when the storm left a difference."""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.jobs.chaos.play import Plot, both, verdict


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.jobs.chaos")
    parser.add_argument("--minutes", type=float, default=10.0, help="how long the storm lasts")
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument("--folder", type=Path, help="where to keep configurations, journals and logs")
    options = parser.parse_args()
    folder = options.folder or Path(tempfile.mkdtemp(prefix="chaos-"))
    seconds = options.minutes * 60
    rounds = max(1, round(options.minutes / 3))
    plot = Plot(seconds, rounds, steps=max(9, round(options.minutes * 9)), seed=options.seed)
    begun = time.monotonic()

    def told(words: str) -> None:
        sys.stdout.write(f"{time.monotonic() - begun:7.1f} s  {words}\n")
        sys.stdout.flush()

    told(f"configurations, journals and logs are in {folder}")
    peace, war, runner = both(folder, plot, told)
    found = verdict(peace, war)
    told(f"{runner.starts} starts, {runner.kills} kills, {runner.stops} orderly stops with codes {runner.codes}")
    for line in found:
        told(f"DIFFERENT {line}")
    told("the storm left nothing behind" if not found else f"{len(found)} differences")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
