"""The portal's records as they pile up: product library, companies and contacts, deals with their lines and quotes."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import count
from typing import TYPE_CHECKING

from connector.sandbox.hubspot.app import Association
from connector.sandbox.hubspot.arithmetic import derived_line, plain
from connector.sandbox.hubspot.portal import OWNERS
from connector.sandbox.hubspot.store import make_id
from connector.sandbox.hubspot.types import default_schema
from connector.sandbox.seed.hubspot.catalog import PRODUCTS
from connector.sandbox.seed.hubspot.customers import CUSTOMERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from connector.sandbox.seed.hubspot.sales import Deal, Line

_TYPE_IDS = {kind.name: kind.type_id for kind in default_schema().types}
AMENDS = -1
"""The label pair made by setup is the account's first: a deal to the deal it amends."""


@dataclass(slots=True)
class Book:
    """Collects records and associations."""

    today: date
    records: dict[str, dict[str, dict[str, str]]] = field(default_factory=lambda: defaultdict(dict))
    associations: list[Association] = field(default_factory=list)
    numbers: dict[str, Iterator[int]] = field(default_factory=lambda: defaultdict(lambda: count(1)))
    products: dict[str, str] = field(default_factory=dict)
    companies: dict[str, tuple[str, str]] = field(default_factory=dict)
    deals: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, moment: datetime, values: Mapping[str, str]) -> str:
        """Add a record saved at a moment and return its id."""
        record_id = make_id(_TYPE_IDS[name], next(self.numbers[name]))
        stamp = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        created = (
            "createdate" if name in {"deals", "line_items", "products", "companies", "contacts"} else "hs_createdate"
        )
        modified = "lastmodifieddate" if name == "contacts" else "hs_lastmodifieddate"
        own = {key: value for key, value in values.items() if value}
        self.records[name][record_id] = {**own, created: stamp, modified: stamp}
        return record_id

    def tie(self, source: str, source_id: str, target: str, target_id: str, type_id: int | None = None) -> None:
        """Associate two records."""
        self.associations.append(Association(source, source_id, target, target_id, type_id))

    def stock(self) -> None:
        """Fill the product library."""
        for product in PRODUCTS.values():
            values = {"name": product.name, "hs_sku": product.sku, "price": product.price, "hs_active": "true"}
            values |= {"description": product.description, "recurringbillingfrequency": product.frequency or ""}
            self.products[product.key] = self.add("products", self.moment(200, 9), values)

    def company(self, key: str) -> tuple[str, str]:
        """Return a customer's company and billing contact, added when first sold to."""
        if key not in self.companies:
            customer, moment = CUSTOMERS[key], self.moment(90, 10)
            place = {"address": customer.street, "city": customer.city, "state": customer.state, "zip": customer.zip}
            place["country"] = customer.country
            person = {"email": customer.email, "firstname": customer.first_name, "lastname": customer.last_name}
            company = self.add("companies", moment, {"name": customer.name, "domain": customer.domain, **place})
            contact = self.add("contacts", moment, {**person, "jobtitle": "Accounts payable"})
            self.tie("contacts", contact, "companies", company)
            self.companies[key] = (company, contact)
        return self.companies[key]

    def sell(self, deal: Deal) -> str:
        """Add a deal with everything around it."""
        closed = self.moment(deal.closed_days_ago, 15)
        total = sum((_value(line, deal.currency) for line in deal.lines), start=Decimal(0))
        values = {
            "dealname": f"{CUSTOMERS[deal.customer].name}: {deal.title}" if deal.customer else deal.title,
            "pipeline": deal.pipeline,
            "dealstage": deal.stage,
            "amount": plain(total),
            "closedate": closed.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            "deal_currency_code": deal.currency,
            "dealtype": "newbusiness",
            "hubspot_owner_id": OWNERS[len(self.deals) % 2].id,
        }
        deal_id = self.deals[deal.key] = self.add("deals", closed, {**values, **deal.fields})
        if deal.customer:
            company, contact = self.company(deal.customer)
            self.tie("deals", deal_id, "companies", company)
            self.tie("deals", deal_id, "contacts", contact)
        self._lines("deals", deal_id, deal.lines, deal.currency, closed)
        if deal.amends:
            self.tie("deals", deal_id, "deals", self.deals[deal.amends], AMENDS)
        if deal.quote:
            self._quote(deal, deal_id, closed)
        return deal_id

    def _lines(self, owner: str, owner_id: str, lines: Iterable[Line], currency: str, moment: datetime) -> None:
        for position, line in enumerate(lines):
            values = {"hs_product_id": self.products[line.product], **line.values(currency, position)}
            line_id = self.add("line_items", moment - timedelta(minutes=5), values)
            self.tie(owner, owner_id, "line_items", line_id)

    def _quote(self, deal: Deal, deal_id: str, closed: datetime) -> None:
        quote = deal.quote
        if quote is None:
            return
        expires = (closed + timedelta(30)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        values = {"hs_title": deal.title, "hs_expiration_date": expires, "hs_currency": deal.currency, **quote.fields}
        quote_id = self.add("quotes", closed - timedelta(minutes=30), values)
        self.tie("deals", deal_id, "quotes", quote_id)
        self._lines("quotes", quote_id, quote.lines, deal.currency, closed)

    def moment(self, days_ago: int, hour: int) -> datetime:
        """Return an hour of a past day."""
        return datetime.combine(self.today - timedelta(days_ago), time(hour, 12), UTC)


def _value(line: Line, currency: str) -> Decimal:
    return Decimal(derived_line(line.values(currency, 0))["hs_tcv"])
