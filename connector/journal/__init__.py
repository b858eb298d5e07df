"""The journal: our own book of runs, plans, approvals, operations and links, on SQLite or PostgreSQL.

An edge package: above `plan`, beside `crm` and `billing`, none of which it imports. Open it with `open_journal`.
"""

from connector.journal.audit import AuditCheck, AuditEntry, AuditHead
from connector.journal.canonical import canonical_json, read_json
from connector.journal.contracts import ContractState
from connector.journal.cursors import Cursor
from connector.journal.errors import JournalError, JournalSchemaError, LeaseLostError
from connector.journal.findings import Finding
from connector.journal.leases import Lease
from connector.journal.links import Link
from connector.journal.operations import Intent, Operation
from connector.journal.plans import Approval, PlanRecord
from connector.journal.runs import Run, RunContract
from connector.journal.stamps import Stamp
from connector.journal.store import Journal, open_journal

__all__ = [
    "Approval",
    "AuditCheck",
    "AuditEntry",
    "AuditHead",
    "ContractState",
    "Cursor",
    "Finding",
    "Intent",
    "Journal",
    "JournalError",
    "JournalSchemaError",
    "Lease",
    "LeaseLostError",
    "Link",
    "Operation",
    "PlanRecord",
    "Run",
    "RunContract",
    "Stamp",
    "canonical_json",
    "open_journal",
    "read_json",
]
