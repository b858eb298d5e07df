"""What the conformance suite needs of a CRM: an emulator, its adapter, and people who work in it."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

from connector.crm.hubspot.adapter import HubSpotCrm
from connector.crm.hubspot.client import ROWS
from connector.crm.hubspot.settings import HubSpotSettings
from connector.crm.protocol import ConnectedCrm, FieldPaths, WriteBack
from connector.mapping.raw import RawContract
from connector.offline import bundled_mapping, read_mapping
from connector.retry import retry_policy
from connector.sandbox.hubspot import HubSpotSandbox, rate_limit_body
from connector.sandbox.salesforce import FaultRule, SalesforceSandbox
from tests.crm.builders import PATHS, Tables, amend, deal, sf_id
from tests.crm.conftest import NOW, crm_for

#: Present of both emulators: not the host's, so that an adapter which asks the host's clock is found out.
START = NOW - timedelta(hours=1)


_HUBSPOT = read_mapping(bundled_mapping("hubspot")).paths


class Site(Protocol):
    """One emulated CRM with contracts in it, one of which (the last) is amended once."""

    contracts: Sequence[str]
    amendment: str
    paths: FieldPaths
    #: Options with which answers come in small pages, and how many contracts are more than a page then.
    paged: Mapping[str, Any]
    many: int
    #: Whether the adapter logs in again by itself when its session has ended; a fixed token cannot.
    logs_in: bool
    #: An object and a field of it that the CRM does not have.
    unknown: tuple[str, str]

    def crm(self) -> ConnectedCrm:
        """Return a new adapter; it waits for nothing between attempts."""
        ...

    def requests(self) -> int:
        """Return how many requests came in so far."""
        ...

    def advance(self, **by: float) -> None:
        """Let time pass in the CRM."""
        ...

    def edit(self, contract: str) -> None:
        """Let somebody edit the contract's record."""
        ...

    def edit_line(self, contract: str) -> None:
        """Let somebody edit a line of it, and nothing else."""
        ...

    def edit_late(self, contract: str) -> None:
        """Let an edit be stamped now and be seen 30 seconds later."""
        ...

    def lock(self, contract: str) -> None:
        """Let the next write to the record find it locked."""
        ...

    def expire(self) -> None:
        """End every session."""
        ...

    def exhaust(self) -> None:
        """Let the CRM's own limit be reached: the next request is refused in its own words, a later one is not."""
        ...

    def delete(self, contract: str) -> None:
        """Let somebody delete the contract's record."""
        ...

    def delete_line(self, contract: str) -> None:
        """Let somebody delete a line of it."""
        ...

    def merge_payers(self, contract: str, other: str) -> None:
        """Let somebody merge the customer of a contract into that of another one."""
        ...

    def payer(self, raw: RawContract) -> str:
        """Return the name of who pays, as the fetched records lead to it."""
        ...

    def edited(self, raw: RawContract) -> object:
        """Return what `edit` has written, as it was fetched."""
        ...

    def break_next(self, action: str, **more: Any) -> None:
        """Let the next request fail: `status`, `drop_before` or `drop_after` its execution."""
        ...

    def write(self, contract: str, text: str) -> WriteBack:
        """Return a write of a free text to the record."""
        ...

    def bad_write(self, contract: str) -> WriteBack:
        """Return a write that the CRM refuses."""
        ...

    def written(self, contract: str) -> object:
        """Return the free text that the record holds."""
        ...

    def link(self, contract: str) -> str:
        """Return how the record's id ends a link for people."""
        ...

    def nobody(self) -> str:
        """Return an id that no record has."""
        ...


class SalesforceSite:
    """A Salesforce org with CPQ."""

    paths: FieldPaths = MappingProxyType({**PATHS, "Order": PATHS["Order"] | {"PoNumber"}})

    paged: Mapping[str, Any] = MappingProxyType({"page_size": 1})
    many = 3
    logs_in = True
    unknown = ("Order", "Nothing_Like_It__c")

    def __init__(self, running: ExitStack, count: int, **options: Any) -> None:
        tables: Tables = {}
        self.contracts: Sequence[str] = [deal(tables, n, lines=2) for n in range(1, count + 1)]
        self.amendment = amend(tables, self.contracts[-1], count + 1)
        self.org = running.enter_context(SalesforceSandbox(records=tables, now=START, **options))
        self.org.clock.set(NOW)

    def crm(self) -> ConnectedCrm:
        return crm_for(self.org)

    def requests(self) -> int:
        return len(self.org.log)

    def advance(self, **by: float) -> None:
        self.org.clock.advance(timedelta(**by))

    def edit(self, contract: str) -> None:
        self.org.update("Order", contract, {"PoNumber": f"PO {self.requests()}"})

    def edit_line(self, contract: str) -> None:
        line = next(key for key, row in self.org.records("OrderItem").items() if row["OrderId"] == contract)
        self.org.update("OrderItem", line, {"Quantity": 7.0})

    def edit_late(self, contract: str) -> None:
        self.org.update_late("Order", contract, {"PoNumber": "late"}, visible_in=timedelta(seconds=30))

    def lock(self, contract: str) -> None:
        self.org.lock_rows_once(contract)

    def expire(self) -> None:
        self.org.expire_tokens()

    def exhaust(self) -> None:
        body = [{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "ConcurrentRequests Limit exceeded."}]
        self.org.inject(FaultRule(route="/services/data", action="status", status=403, body=body))

    def delete(self, contract: str) -> None:
        self.org.delete("Order", contract)

    def delete_line(self, contract: str) -> None:
        line = next(key for key, row in self.org.records("OrderItem").items() if row["OrderId"] == contract)
        self.org.delete("OrderItem", line)

    def merge_payers(self, contract: str, other: str) -> None:
        """Salesforce moves what hangs on the account that goes, and deletes it."""
        orders = self.org.records("Order")
        lost, kept = (orders[each]["AccountId"] for each in (contract, other))
        for key, row in orders.items():
            if row["AccountId"] == lost:
                self.org.update("Order", key, {"AccountId": kept})
        self.org.delete("Account", lost)

    def payer(self, raw: RawContract) -> str:
        account = raw.records.follow(raw.root, "Account")
        return str(account.fields["Name"]) if account else ""

    def edited(self, raw: RawContract) -> object:
        return raw.root.fields.get("PoNumber")

    def break_next(self, action: str, **more: Any) -> None:
        self.org.inject(FaultRule(route="/services/data", action=action, **more))

    def write(self, contract: str, text: str) -> WriteBack:
        return WriteBack("Order", contract, {"Stripe_Sync_Message__c": text})

    def bad_write(self, contract: str) -> WriteBack:
        return WriteBack("Order", contract, {"Stripe_MRR__c": "many"})

    def written(self, contract: str) -> object:
        return self.org.records("Order")[contract].get("Stripe_Sync_Message__c")

    def link(self, contract: str) -> str:
        return f"/{contract}"

    def nobody(self) -> str:
        return sf_id("801", 999)


class HubSpotSite:
    """A HubSpot portal."""

    paths: FieldPaths = MappingProxyType({**_HUBSPOT, "deals": _HUBSPOT["deals"] | {"hs_next_step"}})

    paged: Mapping[str, Any] = MappingProxyType({"association_page": 1})
    many = ROWS + 3
    logs_in = False
    unknown = ("deals", "nothing_like_it")

    def __init__(self, running: ExitStack, count: int, **options: Any) -> None:
        self.portal = running.enter_context(HubSpotSandbox(now=START, **options))
        self.contracts: Sequence[str] = [self._deal(number) for number in range(1, count + 1)]
        self.amendment = self._deal(count + 1, bsync_original_deal=self.contracts[-1])
        self.portal.clock.set(NOW)

    def _deal(self, number: int, **values: str) -> str:
        company = self.portal.insert("companies", {"name": f"Customer {number}"})
        known = {"dealname": f"Deal {number}", "pipeline": "default", "dealstage": "closedwon"}
        made = self.portal.insert("deals", {**known, **values})
        self.portal.associate("deals", made, "companies", company, 5)
        for _ in range(2):
            line = self.portal.insert("line_items", {"name": "Seat", "quantity": "5", "price": "10"})
            self.portal.associate("deals", made, "line_items", line)
        return made

    def crm(self) -> ConnectedCrm:
        settings = HubSpotSettings(self.portal.token, base_url=self.portal.url, burst=100_000, searches=100_000.0)
        return HubSpotCrm(settings, policy=retry_policy(sleep=lambda _: None))

    def requests(self) -> int:
        return len(self.portal.log)

    def advance(self, **by: float) -> None:
        self.portal.clock.advance(timedelta(**by))

    def edit(self, contract: str) -> None:
        self.portal.update("deals", contract, {"hs_next_step": f"Step {self.requests()}"})

    def edit_line(self, contract: str) -> None:
        line = self.portal.associated("deals", contract, "line_items")[0]
        self.portal.update("line_items", line, {"quantity": "7"})

    def edit_late(self, contract: str) -> None:
        self.portal.set_lag(30.0)
        self.edit(contract)

    def lock(self, contract: str) -> None:
        self.portal.lock_once(contract)

    def expire(self) -> None:
        self.portal.revoke_tokens()

    def exhaust(self) -> None:
        body = rate_limit_body("TEN_SECONDLY_ROLLING")
        self.portal.inject(FaultRule(route="/crm/", action="status", status=429, body=body))

    def delete(self, contract: str) -> None:
        self.portal.archive("deals", contract)

    def delete_line(self, contract: str) -> None:
        self.portal.archive("line_items", self.portal.associated("deals", contract, "line_items")[0])

    def merge_payers(self, contract: str, other: str) -> None:
        lost, kept = (self.portal.associated("deals", each, "companies")[0] for each in (contract, other))
        self.portal.merge("companies", kept, lost)

    def payer(self, raw: RawContract) -> str:
        company = raw.records.follow(raw.root, "Company")
        return str(company.fields["name"]) if company else ""

    def edited(self, raw: RawContract) -> object:
        return raw.root.fields.get("hs_next_step")

    def break_next(self, action: str, **more: Any) -> None:
        self.portal.inject(FaultRule(route="/crm/", action=action, **more))

    def write(self, contract: str, text: str) -> WriteBack:
        return WriteBack("deals", contract, {"bsync_status_detail": text})

    def bad_write(self, contract: str) -> WriteBack:
        return WriteBack("deals", contract, {"bsync_current_mrr": "many"})

    def written(self, contract: str) -> object:
        return self.portal.records("deals")[contract].get("bsync_status_detail")

    def link(self, contract: str) -> str:
        return f"/0-3/{contract}"

    def nobody(self) -> str:
        return "10399999999"


def packaged() -> tuple[str, ...]:
    """Return the kinds of CRM that are packages of their own, found by their folders."""
    folder = Path(__file__).parents[1] / "crms"
    return tuple(f"tests.crms.{each.name}" for each in sorted(folder.iterdir()) if not each.name.startswith("_"))


#: Kind of CRM → its site. A kind without one fails the suite.
SITES: dict[str, Callable[..., Site]] = {
    "salesforce": SalesforceSite,
    "hubspot": HubSpotSite,
    **{kind: import_module(f"{kind}.scenarios").SITE for kind in packaged()},
}
