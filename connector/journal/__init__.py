"""The journal: our own book of runs, plans, approvals, operations and links, on SQLite or PostgreSQL.

An edge package: above `plan`, beside `crm` and `billing`, none of which it imports. Open it with `open_journal`.
"""

from connector.journal.audit import AuditCheck, AuditEntry, AuditHead
from connector.journal.breakers import OpenBreaker
from connector.journal.canonical import canonical_json, read_json
from connector.journal.contracts import ContractState
from connector.journal.cursors import Cursor
from connector.journal.errors import DATABASE_AWAY, JournalError, JournalSchemaError, LeaseLostError
from connector.journal.failures import FailureState
from connector.journal.leases import Lease
from connector.journal.links import Link
from connector.journal.operations import Intent, Operation
from connector.journal.pauses import ALL, Pause
from connector.journal.plans import Approval, PlanRecord
from connector.journal.runs import Run, RunContract
from connector.journal.store import Journal, open_journal

__all__ = [
    "ALL",
    "DATABASE_AWAY",
    "Approval",
    "AuditCheck",
    "AuditEntry",
    "AuditHead",
    "ContractState",
    "Cursor",
    "FailureState",
    "Intent",
    "Journal",
    "JournalError",
    "JournalSchemaError",
    "Lease",
    "LeaseLostError",
    "Link",
    "OpenBreaker",
    "Operation",
    "Pause",
    "PlanRecord",
    "Run",
    "RunContract",
    "canonical_json",
    "open_journal",
    "read_json",
]
