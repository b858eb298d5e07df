"""Edits by hand, told from plain values: what we applied last, what Stripe holds, what the contract says now."""

from copy import deepcopy
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from connector.compile.contract import compile_contract
from connector.domain.contract import Contract
from connector.plan.canonical import canonical
from connector.plan.drift import edits_digest, edits_in_words
from connector.plan.existing import ExistingState
from connector.plan.plan import Plan
from connector.plan.safety import Verdict
from tests.plan.builders import SCHEDULE, applied, judged, planned
from tests.plan.test_plan import two_years

pytestmark = pytest.mark.usefixtures()
