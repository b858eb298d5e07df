"""Lives on the Stripe emulator, its clock advanced to their ends: invoices minus credits come to what was promised.

LIVES=600 plays more of them, in accounts of sixty.
"""

import os

import pytest

from tests.oracle.emulated import Emulator
from tests.oracle.lives import life

BATCHES = [range(first, first + 60) for first in range(5000, 5060 + int(os.environ.get("LIVES", "0")), 60)]


@pytest.mark.parametrize("seeds", BATCHES, ids=str)
def test_invoices_come_to_what_was_promised(seeds):
    lives = [life(seed) for seed in seeds]
    with Emulator(min(one.made for one in lives)) as emulator:
        found = emulator.play(lives)
        assert {one.life.seed: told for one in found if (told := list(emulator.faults(one)))} == {}
    assert sum(one.contract == one.life.final for one in found) > len(found) * 0.6
