"""What contracts sold when they were billed: kept whole, in order, for one contract of one connection."""

from datetime import date

from connector.journal import Journal, SoldRow
from tests.journal.builders import CRM, NOW

FIRST = SoldRow(None, "a", '{"quantity": 10.50}')
EDITED = SoldRow(date(2027, 3, 1), "b", "{}")


def test_versions_come_back_in_order_and_are_replaced_whole(journal: Journal):
    assert journal.sold(CRM, "C") == ()
    journal.save_sold(CRM, "C", [FIRST, EDITED], NOW)
    journal.save_sold(CRM, "D", [FIRST], NOW)
    assert journal.sold(CRM, "C") == (FIRST, EDITED)
    journal.save_sold(CRM, "C", [EDITED, FIRST], NOW)
    assert journal.sold(CRM, "C") == (EDITED, FIRST)
    journal.save_sold(CRM, "C", [], NOW)
    assert journal.sold(CRM, "C") == ()
    assert journal.sold(CRM, "D") == (FIRST,)
    assert journal.sold("other", "D") == ()
