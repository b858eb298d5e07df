"""Contracts by chance that were once billed otherwise than the oracle says, and what was wrong with them."""

FOUND = {
    132: "stub first, whole months from the 31st: a stub was seen where none is",
    243: "a one-time line after everything had ended was billed with the last phase, long before its day",
    344: "a credit took a rounded part of one unit times many",
    1166: "a credit counted the price of the first line, but took units of a later one",
    2022: "stub first, a line joins across the end of the stub: the year was never counted from there",
    2115: "stub first, 39 months from the 31st: billing dates of the 30th in the amounts, of the 31st in Stripe",
    2979: "stub first, the stub is two segments: the year was never counted from its end",
    2986: "a credit counted the price of the first line, but took units of a later one",
    3817: "stub first, the stub is four segments, synced late",
}

#: The tie-out refused them although the bills are right: cents of a price are tens of the dinar's smallest unit.
REFUSED = (27, 468, 878, 905, 1041, 1435, 1837, 2088)

#: A later order changed bills before it, or the order of lines changed any.
UNLAWFUL = {
    240: "a one-time line went with a frequency that was over, while another ran",
    743: "a one-time line went with a frequency that was over, while another ran",
    20048: "later ramps moved a one-time line to another frequency",
    20850: "a termination moved the billing dates of a frequency that only amendments sold",
    100199: "more and less of a line in one order, in another order of lines",
    100222: "rounding adjust: a later order took back the cents of the first bill",
    100473: "all lines exchanged in the midst of a last stub: a new period began",
}

#: Lives whose changes were once billed wrongly, or lost, or never came to rest.
LIVED = {
    1107: "correction manual: the last stubs of lines of later orders were waived as parts",
    1110: "correction manual: a one-time credit was waived as a part",
    1127: "correction manual: what joined late and no invoice followed was never billed",
    1138: "one frequency was taken away: the other was made anew under another key, and billed twice",
    1143: "correction manual: a fee that no invoice followed was never billed",
    1019: "a stub cut short was refused",
    2021: "correction manual: a fee of nothing was settled again and again",
    2108: "a credit waited for an invoice that a nearer end left out",
    5040: "proration none, made late: fees billed with the first invoice were billed apart again",
    1216: "a coupon with its rest of months was named, but never made",
    1342: "proration none: what was taken away before it began was billed",
    26: "credit notes did not come to the sum of what they settle",
    1254: "the order of amounts billed once was a difference",
    2140: "made late, the past skipped: a coupon's months were counted from the wrong day when it was read back",
    20167: "made late: a coupon for one invoice was read back as one for one period",
    80119: "more phases than Stripe holds: what waited for an invoice beyond the window was billed again",
    80139: "correction manual: a fee heard of late was billed or not, depending on its policy's other half",
    80162: "the past of a schedule that a later order added was skipped, and then missed",
    80194: "correction manual: a fee heard of late, where an invoice follows, was never billed",
    1047: "a schedule that had not begun was given a start in the past, and billed nothing for it",
    102795: "proration none: the promise gave back what a later order was to begin, and a still later one took away",
    103098: "correction manual: units that never began were given back although later orders had joined them unbilled",
    101545: "backdated_start skip, made on the last of a month: a part that is skipped was sent",
    200770: "settlement none: all of one frequency was exchanged for another, and what was kept was given back later",
    300095: "one frequency was taken away: what was given back for it with another's invoices was taken back again",
    305508: "an amount off that was given again in Stripe's spelling was another amount",
    103348: "a window that is released: the stand-in thought that what waits for an invoice is lost with it",
    106243: "a coupon given again on the day of an invoice at the end of a month: its months were counted a day on",
    309030: "changed on the last day: the rest of a coupon was named for the hours that are left, but not made",
}

#: Lives that still disagree.
OPEN = {
    504802: "looked at before the first invoice of a line with a coupon for once: its phase is made longer, and the "
    "coupon is taken twice",
}
