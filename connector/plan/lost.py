"""Amounts billed once that wait for an invoice which never comes, because the schedule now ends before it.

At its end Stripe keeps them pending, and cancels them unbilled. Ended at once, a schedule bills them (`invoice_now`).
"""

from dataclasses import replace
from datetime import date

from connector.compile.bills import bills_after, one_off_days
from connector.compile.spec import ScheduleSpec
from connector.domain.period import day_after
from connector.plan.held import Held


def without_lost(held: Held, told: ScheduleSpec | None, today: date) -> Held:
    """Return a schedule as if it had never carried what it will not bill; `told` is how it is to go on."""
    since = _in_vain_from(held, told, today)
    if since is None:
        return held
    waiting = {id(one) for _, day, one in one_off_days(held.spec, held.made) if day >= since}
    begun = held.stretches[: held.running + 1]
    kept = (replace(each, one_offs=tuple(o for o in each.one_offs if id(o) not in waiting)) for each in begun)
    return replace(held, stretches=(*kept, *held.stretches[held.running + 1 :]))


def _in_vain_from(held: Held, told: ScheduleSpec | None, today: date) -> date | None:
    """Return the day from which one-offs are on no invoice any more; None: all are, or nobody can tell."""
    spec = held.spec
    if told is None or held.ended or not spec.phases or told.open or told.end <= today < spec.end:
        return None
    if spec.end <= today:
        return spec.end
    if not bills_after(told, today):
        return day_after(today)
    return spec.end if told.end <= spec.end else None  # it is made longer in time: an invoice follows after all
