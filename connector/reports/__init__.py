"""What ops ask first: what is won and not billed, billed and not in the CRM, edited, waiting, running out, late.

The reports read the journal; with `live` they also read the CRM and Stripe. Nothing here changes anything.
"""

from connector.reports.facts import Facts, Signals, read_facts
from connector.reports.reports import REPORTS, Report
from connector.reports.row import Row

__all__ = ["REPORTS", "Facts", "Report", "Row", "Signals", "read_facts"]
