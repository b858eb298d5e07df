"""The two CRM doors, `fetch` and `write_back`, and the hint that something changed."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

from connector.mapping.catalogue import Catalogue, CrmObject
from connector.mapping.raw import RawContract, RawRecord

#: Which columns to read: CRM object → dotted paths from it. Derived from the mapping file, never written by hand.
FieldPaths = Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True, order=True)
class ContractRef:
    """A contract in a CRM, named by the id of any of its records (order or deal)."""

    crm: str
    id: str


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a stream was read: the record's own stamp (UTC) and id, so that equal stamps lose nothing."""

    stamp: datetime
    id: str = ""


@dataclass(frozen=True, slots=True)
class Changed:
    """What a poll found: contracts that may have changed, and the cursor to continue from."""

    refs: tuple[ContractRef, ...]
    cursor: Cursor


@dataclass(frozen=True, slots=True)
class WriteBack:
    """Values for one record: only the fields that differ from what the CRM holds.

    With `upsert_by` the record is named by a key of ours: `upsert_by` is the key field, `id` its value, and the record
    is made when there is none. `held` is what the record held in all fields that are ours to write.
    """

    object: str
    id: str
    fields: Mapping[str, Any]
    upsert_by: str | None = None
    held: Mapping[str, Any] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class WriteResult:
    """What became of one write-back; `error` is the CRM's reason, None when it was stored."""

    object: str
    id: str
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Probe:
    """One thing that `doctor` looked at: what was found, and what to do when it is not well."""

    name: str
    ok: bool
    detail: str
    remedy: str = ""


class Crm(Protocol):
    """A CRM adapter. It knows topology and transport, nothing of Stripe and nothing of what fields mean."""

    name: str
    batch: int
    """How many contracts are best fetched together."""

    def changed(self, since: Cursor | None) -> Changed:
        """Return contracts that may have changed since the cursor; a hint only, repeats are harmless."""
        ...

    def fetch(self, refs: Sequence[ContractRef], paths: FieldPaths) -> Iterator[RawContract]:
        """Read whole contracts, in batches; several refs of one contract give one RawContract.

        A ref whose record is gone gives nothing. Raises RetryableError, RejectedError, ConfigError.
        """
        ...

    def write_back(self, writes: Iterable[WriteBack]) -> tuple[WriteResult, ...]:
        """Store ids and status; a row the CRM refuses comes back with its reason, the others are stored."""
        ...


@runtime_checkable
class ConnectedCrm(Crm, Protocol):
    """A CRM behind a login, not a file."""

    def is_sandbox(self) -> bool:
        """Ask whether no real deals are closed here: a sandbox must never meet a live Stripe key."""
        ...

    def checked_id(self, text: str) -> str:
        """Return a contract's record id as the CRM has it; raises ConfigError for what cannot be one."""
        ...

    def describe(self, paths: FieldPaths, source: str) -> Catalogue:
        """Return the objects that paths start at or lead through, with their fields; `source` is told to people."""
        ...

    def latest(self, found: CrmObject, limit: int) -> Iterator[RawRecord]:
        """Yield an object's records that changed last, with every field that can be read."""
        ...

    def probe(self, paths: FieldPaths, writes: FieldPaths) -> tuple[Probe, ...]:
        """Say what is well and what is missing, with a remedy; `writes` are write-back fields by object."""
        ...
