"""The journal: our own book of runs, plans, approvals, operations and links, on SQLite or PostgreSQL.

An edge package: above `plan`, beside `crm` and `billing`, none of which it imports. Open it with `open_journal`.
"""

from connector.journal.adoptions import AdoptedRow
from connector.journal.audit import AuditCheck, AuditEntry, AuditHead
from connector.journal.backfill_items import BackfillItem, BackfillTotal
from connector.journal.backfills import Backfill, Listed
from connector.journal.breakers import OpenBreaker
from connector.journal.canonical import canonical_json, read_json
from connector.journal.contracts import ContractState
from connector.journal.cursors import Cursor
from connector.journal.errors import DATABASE_AWAY, JournalError, JournalSchemaError, LeaseLostError
from connector.journal.failures import FailureState
from connector.journal.findings import Finding
from connector.journal.incidents import Incident, Notice
from connector.journal.leases import Lease
from connector.journal.links import Link
from connector.journal.operations import Intent, Operation
from connector.journal.overview import OpenIntents
from connector.journal.pauses import ALL, Pause
from connector.journal.plans import Approval, PlanRecord
from connector.journal.runs import ContractPage, Run, RunContract
from connector.journal.sold import SoldRow
from connector.journal.stamps import Stamp
from connector.journal.store import Journal, open_journal
from connector.journal.work_rows import Claim, Key, Settlement, Submission, WorkItem, WorkState
from connector.journal.worker import is_gone, worker_name

__all__ = [
    "ALL",
    "DATABASE_AWAY",
    "AdoptedRow",
    "Approval",
    "AuditCheck",
    "AuditEntry",
    "AuditHead",
    "Backfill",
    "BackfillItem",
    "BackfillTotal",
    "Claim",
    "ContractPage",
    "ContractState",
    "Cursor",
    "FailureState",
    "Finding",
    "Incident",
    "Intent",
    "Journal",
    "JournalError",
    "JournalSchemaError",
    "Key",
    "Lease",
    "LeaseLostError",
    "Link",
    "Listed",
    "Notice",
    "OpenBreaker",
    "OpenIntents",
    "Operation",
    "Pause",
    "PlanRecord",
    "Run",
    "RunContract",
    "Settlement",
    "SoldRow",
    "Stamp",
    "Submission",
    "WorkItem",
    "WorkState",
    "canonical_json",
    "is_gone",
    "open_journal",
    "read_json",
    "worker_name",
]
