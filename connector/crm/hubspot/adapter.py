"""HubSpot as a CRM: what changed, whole contracts, and what people are told.

Transport, reads and topology live in the sibling modules; this one puts them together. It knows nothing of what a
property means: which ones to read comes from the mapping.
"""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from tenacity import Retrying

from connector.crm.hubspot.account import Account, AccountSource
from connector.crm.hubspot.amendments import Amendments
from connector.crm.hubspot.catalogue import described, latest_records
from connector.crm.hubspot.changes import OwnWrites, Poll, stamps
from connector.crm.hubspot.client import HubSpotClient, chunks
from connector.crm.hubspot.family import families, together
from connector.crm.hubspot.probe import probe
from connector.crm.hubspot.reads import BatchReader
from connector.crm.hubspot.schema import AccountSchema
from connector.crm.hubspot.select import checked, page
from connector.crm.hubspot.settings import HubSpotSettings
from connector.crm.hubspot.setup import Setup
from connector.crm.hubspot.write import Writer
from connector.crm.protocol import Changed, ContractRef, Cursor, FieldPaths, Probe, WriteBack, WriteResult
from connector.crm.selection import Quota, Selection
from connector.crm.setup import Part
from connector.domain.errors import ConfigError, RejectedError, RetryableError
from connector.mapping.catalogue import Catalogue, CrmObject
from connector.mapping.raw import RawContract, RawRecord


class HubSpotCrm:
    """One HubSpot account; safe to use from many threads."""

    def __init__(
        self,
        settings: HubSpotSettings,
        *,
        policy: Retrying | None = None,
        renewal: str = "hand_over",
        lag: timedelta = timedelta(seconds=10),
        overlap: timedelta = timedelta(minutes=15),
    ) -> None:
        """`renewal` is the mapping's policy: which deals make one contract.

        `lag` keeps a poll away from the server's present, `overlap` lets it read the last minutes again.
        """
        self.name = settings.name
        self.batch = settings.batch
        self.client = HubSpotClient(settings, policy=policy)
        self.schema = AccountSchema(self.client)
        self._account = AccountSource(self.client)
        self._amendments = Amendments(self.client, self.schema)
        self._own = OwnWrites()
        self._lag, self._overlap = lag, overlap
        self._renewal = renewal

    def changed(self, since: Cursor | None) -> Changed:
        """Return deals that may have changed since the cursor; None means since ever, which tells every deal."""
        started = time.monotonic()
        start = since.stamp - self._overlap if since else None
        poll = Poll(self.client, self._own, since=start, seen=since.seen if since else {})
        refs = tuple(ContractRef(self.name, deal) for deal in dict.fromkeys(poll.deals()))
        now = self.client.door.transport.server_clock.now()
        if now is None:
            raise RetryableError("HubSpot did not tell its time (no Date header), so changes cannot be polled")
        stamp = (now - timedelta(seconds=time.monotonic() - started) - self._lag).replace(microsecond=0)
        end = max(stamp, since.stamp) if since else stamp
        again = end - self._overlap
        self._own.forget_before(again)
        if refs:
            self._amendments.forget()
        return Changed(refs, Cursor(end, again=again, seen=poll.seen_since(again)), poll.stamps())

    def stamps(self) -> Iterator[Mapping[str, datetime]]:
        """Read ids and modification dates of all deals, 200 a request; archived ones are left out."""
        return stamps(self.client)

    def fetch(self, refs: Sequence[ContractRef], paths: FieldPaths) -> Iterator[RawContract]:
        """Read whole contracts by the ids of their deals, in batches.

        Deals that cannot be placed in a contract do not hold up the others: they are raised together, as one
        RejectedError after the last contract, with their ids in `param`. Archived deals yield nothing: whether anything
        is billed for them is not known here.
        """
        if not refs:
            return
        rejected: list[RejectedError] = []
        account = self._account.get()
        reader = BatchReader(self.client, self._amendments, self._own, paths, zone=account.time_zone)
        for ids in chunks(dict.fromkeys(ref.id for ref in refs), self.batch):
            records = reader.records(ids)
            roots = [reader.became(key) for key in ids]
            try:
                yield from families(records, roots, instance_url=account.records_url, renewal=self._renewal)
            except RejectedError as error:
                rejected.append(error)
        if rejected:
            raise together(rejected)

    def write_back(self, writes: Iterable[WriteBack]) -> tuple[WriteResult, ...]:
        """Store values; a record that HubSpot refuses comes back with its reason, the others are stored."""
        return Writer(self.client, self.schema, self._own).write(writes)

    def account(self) -> Account:
        """Return which account this is: a sandbox must never meet a live Stripe key."""
        return self._account.get()

    def is_sandbox(self) -> bool:
        """Ask whether this is a sandbox or test account."""
        return self.account().is_sandbox

    def checked_id(self, text: str) -> str:
        """Return a deal's id; raises ConfigError for what cannot be one."""
        if text.isdigit():
            return text
        raise ConfigError(f"{text!r} is no id of a deal: it is the number at the end of the deal's address")

    def setup_plan(self, user: str = "") -> tuple[Part, ...]:
        """Look at everything that setup makes; nothing is changed."""
        _check_nobody(user)
        return Setup(self.client, self.schema).plan()

    def setup_apply(self, user: str = "") -> tuple[Part, ...]:
        """Make what is missing; made twice is made once."""
        _check_nobody(user)
        return Setup(self.client, self.schema).apply()

    def describe(self, paths: FieldPaths, source: str) -> Catalogue:
        """Return the objects that paths start at or lead through, with their fields."""
        return described(self.client, paths, source)

    def latest(self, found: CrmObject, limit: int) -> Iterator[RawRecord]:
        """Yield an object's records that changed last, with every field that can be read."""
        return latest_records(self.client, found, limit)

    def probe(self, paths: FieldPaths, writes: FieldPaths) -> tuple[Probe, ...]:
        """Say what of the account is well and what is missing, with a remedy; `writes` are write-back fields."""
        return probe(self.client, self.schema, self._account, paths, writes)

    def checked(self, selection: Selection) -> Selection:
        """Return the selection with owners and stages by id; ConfigError, with suggestions, for unknown ones."""
        return checked(self.client, selection)

    def page(self, selection: Selection, after: str, zone: ZoneInfo) -> tuple[str, ...]:  # noqa: ARG002
        """Return the next deals behind `after`, by id; days are those of the HubSpot account."""
        return page(self.client, selection, after, ZoneInfo(self.account().time_zone))

    def quota(self) -> Quota:
        """Return the calls made, and what HubSpot leaves for today."""
        return Quota(self.client.door.calls, self.client.door.pace.daily_left)


def _check_nobody(user: str) -> None:
    if user:
        raise ConfigError("setup of HubSpot grants nothing to a user: a token has its scopes where it was made")
