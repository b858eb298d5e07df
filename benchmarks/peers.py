"""What one would write in an afternoon: the same deals, by a script, and by the script in threads with tenacity.

They do less than the connector (no plan, no tie-out, no journal, nothing that is found again after a crash) and are
given the same emulators. Nobody publishes a program that does the whole job, so these are the peers.
"""

import time
from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import stripe
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

from benchmarks.company import order_id
from benchmarks.emulators import Emulators
from connector.crm.salesforce.client import SalesforceClient
from connector.crm.salesforce.settings import ClientCredentials, SalesforceSettings

_ORDER = "SELECT Id, AccountId, Account.Name, EffectiveDate FROM Order WHERE Id = '{}'"
_FIELDS = "Id, Product2Id, Product2.Name, Quantity, UnitPrice, ServiceDate, EndDate"
_LINES = f"SELECT {_FIELDS} FROM OrderItem WHERE OrderId = '{{}}'"  # noqa: S608 -- ids are the emulator's own
_CONTACT = "SELECT Id, Email FROM Contact WHERE AccountId = '{}' LIMIT 1"
_AGAIN = (stripe.RateLimitError, stripe.APIConnectionError, stripe.APIError)


class Script:
    """The script: three reads of Salesforce, eleven calls to Stripe (product and price of four lines), two writes.

    That is less than the vendor's own connector needs (33 and 12). A `patient` one tries again what was refused.
    """

    def __init__(self, both: Emulators, *, patient: bool) -> None:
        settings = SalesforceSettings(
            auth=ClientCredentials(both.key, both.secret), domain="acme.my", base_url=both.salesforce, pool_size=64
        )
        self._crm = SalesforceClient(settings)  # the library, on a session that reaches the emulator
        bases: Any = dict.fromkeys(("api", "connect", "files", "meter_events"), both.stripe)
        self._stripe = stripe.StripeClient("sk_test_peer", base_addresses=bases, max_network_retries=0)
        self._try = Retrying(
            retry=retry_if_exception_type(_AGAIN if patient else ()),
            wait=wait_exponential_jitter(initial=0.5, max=8),
            stop=stop_after_attempt(20),
            reraise=True,
        )

    def deal(self, number: int) -> None:
        """Read a deal, make its schedule, and tell the order."""
        order = next(iter(self._crm.rows(_ORDER.format(order_id(number)))))
        lines = list(self._crm.rows(_LINES.format(order["Id"])))
        contact = next(iter(self._crm.rows(_CONTACT.format(order["AccountId"]))), {})
        customer = self._customer(order, contact)
        phases: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
        for line in lines:
            if line["EndDate"] and line["ServiceDate"]:
                item = {"price": self._price(line), "quantity": int(line["Quantity"])}
                phases[line["ServiceDate"], line["EndDate"]].append(item)
        years = sorted((key, items) for key, items in phases.items() if key[1] < f"{int(key[0][:4]) + 1}-12-31")
        wanted: Any = {
            "customer": customer,
            "start_date": "now",
            "phases": [{"items": items, "duration": {"interval": "year", "interval_count": 1}} for _, items in years],
        }
        self._try(self._stripe.v1.subscription_schedules.create, wanted)
        for name, record in (("Order", order["Id"]), ("Account", order["AccountId"])):
            fields = {"Stripe_Sync_Status__c": "Synced"} if name == "Order" else {"Stripe_Customer_Id__c": customer}
            self._crm.write("PATCH", f"sobjects/{name}/{record}", fields)

    def _customer(self, order: dict[str, Any], contact: dict[str, Any]) -> str:
        email = contact.get("Email") or "nobody@example.com"
        found = self._try(self._stripe.v1.customers.list, {"email": email, "limit": 100})
        for one in found.data:
            if one.to_dict()["metadata"].get("account") == order["AccountId"]:
                return one.id
        params: Any = {"name": order["Account"]["Name"], "email": email, "metadata": {"account": order["AccountId"]}}
        return str(self._try(self._stripe.v1.customers.create, params).id)

    def _price(self, line: dict[str, Any]) -> str:
        amount = f"{line['UnitPrice']:.2f}".replace(".", "")
        product = self._product(line)
        key = f"{line['Product2Id']}-{amount}"
        found = self._try(self._stripe.v1.prices.list, {"lookup_keys": [key], "limit": 1})
        if found.data:
            return found.data[0].id
        params: Any = {
            "currency": "usd",
            "unit_amount": int(amount),
            "lookup_key": key,
            "recurring": {"interval": "year"},
            "product": product,
        }
        try:
            return str(self._try(self._stripe.v1.prices.create, params).id)
        except stripe.InvalidRequestError:  # another thread was faster
            return str(self._try(self._stripe.v1.prices.list, {"lookup_keys": [key], "limit": 1}).data[0].id)

    def _product(self, line: dict[str, Any]) -> str:
        wanted = line["Product2Id"]
        try:
            return str(self._try(self._stripe.v1.products.retrieve, wanted).id)
        except stripe.InvalidRequestError:
            pass
        try:
            params: Any = {"id": wanted, "name": line["Product2"]["Name"]}
            return str(self._try(self._stripe.v1.products.create, params).id)
        except stripe.InvalidRequestError:  # another thread was faster
            return str(wanted)


def sequential(both: Emulators, numbers: Iterable[int]) -> float:
    """Return the deals a second of the script, one deal after the other."""
    script = Script(both, patient=False)
    count, started = 0, time.monotonic()
    for number in numbers:
        script.deal(number)
        count += 1
    return count / (time.monotonic() - started)


def threaded(both: Emulators, numbers: Iterable[int], threads: int = 32) -> float:
    """Return the deals a second of the script in threads that try again whatever was refused."""
    script = Script(both, patient=True)
    started = time.monotonic()
    with ThreadPoolExecutor(threads) as pool:
        count = sum(1 for _ in pool.map(script.deal, numbers))
    return count / (time.monotonic() - started)
