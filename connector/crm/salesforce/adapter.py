"""Salesforce CPQ as a CRM: what changed, whole contracts, and what people are told.

Transport, queries and topology live in the sibling modules; this one puts them together. It knows nothing of what a
field means: which columns to read comes from the mapping, and every column that the org lacks is left out and
remembered in `missing_columns`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import chain
from typing import Any
from zoneinfo import ZoneInfo

from tenacity import Retrying

from connector.crm.protocol import Changed, ContractRef, Cursor, FieldPaths, Probe, WriteBack, WriteResult
from connector.crm.salesforce.catalogue import described, latest_records
from connector.crm.salesforce.changes import (
    Rows,
    Window,
    changed_rows,
    earlier_quotes,
    first_orders,
    order_stamps,
)
from connector.crm.salesforce.client import COMPOSITE_QUERIES, SalesforceClient
from connector.crm.salesforce.errors import UNKNOWN_COLUMN
from connector.crm.salesforce.family import families, together
from connector.crm.salesforce.probe import Organization, organization, probe
from connector.crm.salesforce.query import Query, chunks, record_id
from connector.crm.salesforce.reads import (
    AMENDED_QUOTE,
    RENEWED_QUOTE,
    asked_orders,
    below_lines,
    further_quotes,
    of_quotes,
    routed,
    tied_quotes,
    whole_families,
)
from connector.crm.salesforce.rows import RecordHeap
from connector.crm.salesforce.schema import OrgSchema
from connector.crm.salesforce.select import checked, page
from connector.crm.salesforce.settings import SalesforceSettings
from connector.crm.salesforce.setup import Setup
from connector.crm.salesforce.write import CollectionWriter
from connector.crm.selection import Quota, Selection
from connector.crm.setup import Part
from connector.domain.errors import ConfigError, ConnectorError, RejectedError
from connector.mapping.catalogue import Catalogue, CrmObject
from connector.mapping.raw import RawContract, RawRecord, RawRecords
from connector.retry import retry_policy


class SalesforceCrm:
    """One Salesforce org; safe to use from many threads."""

    def __init__(
        self,
        settings: SalesforceSettings,
        *,
        policy: Retrying | None = None,
        lag: timedelta = timedelta(seconds=60),
        overlap: timedelta = timedelta(minutes=10),
        renewal: str = "hand_over",
    ) -> None:
        """`lag` keeps a poll away from the server's present, `overlap` lets it read the last minutes again.

        `renewal` is the mapping's policy: it decides which orders make one contract.
        """
        self.name = settings.name
        self.batch = settings.batch
        self.client = SalesforceClient(settings, policy=policy)
        self.schema = OrgSchema(self.client)
        self._policy = policy or retry_policy()
        self._lag, self._overlap = lag, overlap
        self._renewal = renewal

    @property
    def missing_columns(self) -> Mapping[str, frozenset[str]]:
        """Object → paths that the mapping reads and the org does not have or show, as far as queries found out."""
        return self.schema.missing

    def changed(self, since: Cursor | None) -> Changed:
        """Return orders that may have changed since the cursor, by themselves or by a line; None means since ever."""
        window = Window(since.stamp if since else None, self._lag, self._overlap)
        rows = Rows(window, since.seen if since else {})
        refs = tuple(ContractRef(self.name, order) for order in dict.fromkeys(self._changed_orders(rows)))
        end = window.end(self.client)
        again = end - self._overlap
        return Changed(refs, Cursor(end, again=again, seen=rows.seen_since(again)), rows.orders)

    def stamps(self) -> Iterator[Mapping[str, datetime]]:
        """Read ids and stamps of all orders, 2,000 a request; those in the recycle bin are left out."""
        return order_stamps(self.client)

    def fetch(self, refs: Sequence[ContractRef], paths: FieldPaths) -> Iterator[RawContract]:
        """Read whole contracts by their orders' (or opportunities') ids, in batches of three or four requests.

        Orders that cannot be placed in a contract do not hold up the others: they are raised together, as one
        RejectedError after the last contract, with their ids in `param`.
        """
        columns = routed(paths)
        rejected: list[RejectedError] = []
        for ids in chunks((record_id(ref.id) for ref in refs), self.client.settings.batch):
            records = self._records(ids, columns)
            address = self.client.settings.base_url or self.client.instance_url
            try:
                yield from families(records, ids, instance_url=address, renewal=self._renewal)
            except RejectedError as error:
                rejected.append(error)
        if rejected:
            raise together(rejected)

    def write_back(self, writes: Iterable[WriteBack]) -> tuple[WriteResult, ...]:
        """Store values; a row that Salesforce refuses comes back with its reason, the others are stored."""
        return CollectionWriter(self.client, self._policy).write(writes)

    def organization(self) -> Organization:
        """Read which org this is: a sandbox must never meet a live Stripe key."""
        return organization(self.client)

    def is_sandbox(self) -> bool:
        """Ask the org whether it is a sandbox."""
        return self.organization().is_sandbox

    def checked_id(self, text: str) -> str:
        """Return an order's id; raises ConfigError for what cannot be one."""
        try:
            return record_id(text)
        except RejectedError as error:
            raise ConfigError(f"{error}; an order's id begins with 801, its number is not enough") from error

    def setup_plan(self, user: str = "") -> tuple[Part, ...]:
        """Look at everything that setup makes; nothing is changed. `user` gets the permission set, else who logs in."""
        return Setup(self.client, user).plan()

    def setup_apply(self, user: str = "") -> tuple[Part, ...]:
        """Deploy what is missing; made twice is made once."""
        parts = Setup(self.client, user).apply()
        self.schema.forget()
        return parts

    def describe(self, paths: FieldPaths, source: str) -> Catalogue:
        """Return the objects that paths start at or lead through, with their fields."""
        return described(self.client, paths, source)

    def latest(self, found: CrmObject, limit: int) -> Iterator[RawRecord]:
        """Yield an object's records that changed last, with every field that can be read."""
        return latest_records(self.client, found, limit)

    def probe(self, paths: FieldPaths, writes: FieldPaths) -> tuple[Probe, ...]:
        """Say what of the org is well and what is missing, with a remedy; `writes` are write-back fields by object."""
        return probe(self.client, self.schema, paths, writes)

    def checked(self, selection: Selection) -> Selection:
        """Return the selection with owners and statuses by id; ConfigError, with suggestions, for unknown ones."""
        return checked(self.client, selection)

    def page(self, selection: Selection, after: str, zone: ZoneInfo) -> tuple[str, ...]:
        """Return the next orders behind `after`, by id, 2,000 a call."""
        return page(self.client, selection, after, zone)

    def quota(self) -> Quota:
        """Return the calls made, and what Salesforce leaves for the rolling day."""
        usage = self.client.usage
        return Quota(self.client.calls, usage[1] - usage[0] if usage else None)

    def _records(self, ids: Sequence[str], paths: FieldPaths) -> RawRecords:
        heap = RecordHeap()
        self._ask(asked_orders(ids, paths), heap)
        records = heap.records()
        asked = list(records.of("Order"))
        if not asked:
            return records
        self._ask(whole_families(asked, records, paths), heap)
        quotes = self._follow_renewals({quote for order in asked for quote in tied_quotes(records, order)}, heap, paths)
        records, own = heap.records(), {order.id for order in asked}
        families = [o for o in records.of("Order") if o.id in own or quotes.intersection(tied_quotes(records, o))]
        self._ask(below_lines(families, records, paths), heap)
        return heap.records()

    def _follow_renewals(self, quotes: set[str], heap: RecordHeap, paths: FieldPaths) -> set[str]:
        """Read the terms before and after those that are known, where they make one contract; return all quotes.

        Where a renewal is handed over, the term before is read as well: it learns of its successor.
        """
        known = set(quotes)
        while fresh := further_quotes(heap.records(), known, self._renewal) - known:
            self._ask(of_quotes(sorted(fresh), paths), heap)
            known |= fresh
        return known

    def _ask(self, queries: Iterable[Query], heap: RecordHeap) -> None:
        """Run queries, five to a request; one that is refused is asked again without what the org lacks."""
        pending = self.schema.askable(queries)
        while pending:
            refused: list[Query] = []
            for start in range(0, len(pending), COMPOSITE_QUERIES):
                group = pending[start : start + COMPOSITE_QUERIES]
                for query, answer in zip(group, self.client.compose([query.soql for query in group]), strict=True):
                    if not isinstance(answer, ConnectorError):
                        heap.add(answer)
                    elif isinstance(answer, RejectedError) and answer.code in UNKNOWN_COLUMN:
                        refused.append(query)
                    else:
                        raise answer
            for query in refused:
                self.schema.learn(query)
            pending = self.schema.askable(refused)

    def _changed_orders(self, rows: Rows) -> Iterator[str]:
        """Yield ids of orders that have rows which were not told before."""
        bereft: set[str] = set()
        orders = (("Order", row) for row in self._order_rows(rows.window))
        lines = (("OrderItem", row) for row in changed_rows(self.client, "OrderItem", ("OrderId",), rows.window))
        for name, row in chain(orders, lines):
            if not rows.is_new(name, row):
                continue
            yield row["Id" if name == "Order" else "OrderId"]
            if row.get("IsDeleted"):
                bereft.update(earlier_quotes(row))
        yield from first_orders(self.client, bereft)

    def _order_rows(self, window: Window) -> Iterator[dict[str, Any]]:
        """Read changed orders; in an org without CPQ nothing is amended, and there is no such column."""
        query = Query("Order", frozenset({"IsDeleted", AMENDED_QUOTE, RENEWED_QUOTE}), "")
        try:
            (known,) = self.schema.askable([query])
            yield from changed_rows(self.client, "Order", known.columns, window)
        except RejectedError as error:  # of the first page, so nothing is yielded twice
            if error.code not in UNKNOWN_COLUMN:
                raise
            self.schema.learn(query)
            (known,) = self.schema.askable([query])
            yield from changed_rows(self.client, "Order", known.columns, window)
