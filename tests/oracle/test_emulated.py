"""Lives on the Stripe emulator, its clock advanced to their ends: invoices minus credits come to what was promised.

LIVES=600 plays more of them, in accounts of sixty; FIRST=500060 says from which seed on.
"""

import os

import pytest

from tests.oracle.emulated import Emulator
from tests.oracle.lives import life

#: Some as they come, and some whose lines are paid in different ways.
BATCHES = [range(5000, 5024), range(500_000, 500_014)]
_FIRST = int(os.environ.get("FIRST", "5060"))
MORE = [range(first, first + 60) for first in range(_FIRST, _FIRST + int(os.environ.get("LIVES", "0")), 60)]


@pytest.mark.parametrize("seeds", [*BATCHES, *MORE], ids=str)
def test_invoices_come_to_what_was_promised(seeds):
    lives = [life(seed) for seed in seeds]
    with Emulator(min(one.made for one in lives)) as emulator:
        found = emulator.play(lives)
        assert {one.life.seed: told for one in found if (told := list(emulator.faults(one)))} == {}
    assert sum(one.contract == one.life.final for one in found) > len(found) * 0.6
