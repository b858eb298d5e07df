"""The Stripe account a connection bills into, with what both doors need to reach it."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from connector.billing.client import Api
from connector.journal import Journal


@dataclass(frozen=True, slots=True)
class StripeAccount:
    """`connection` names the pair of CRM and Stripe account in the journal; days begin at midnight in `zone`."""

    connection: str
    zone: ZoneInfo
    api: Api
    journal: Journal
