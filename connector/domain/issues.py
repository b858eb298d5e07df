"""Problems of the data, as values: collected, never raised one at a time, shown alike in the CRM, console and CLI.

Every code is listed here once, with the remedy a sales-ops person can act on. docs/issues.md
explains each, and a test compares the two.
"""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """Whether the contract may be billed in spite of the issue."""

    BLOCK = "block"
    WARN = "warn"


class IssueCode(StrEnum):
    """Stable names; they are written to the CRM, so a code is never renamed."""

    FIELD_MISSING = "FIELD_MISSING"
    FIELD_INVALID = "FIELD_INVALID"
    START_MISSING = "START_MISSING"
    TERM_MISSING = "TERM_MISSING"
    TERM_INVALID = "TERM_INVALID"
    NOT_ACTIVE = "NOT_ACTIVE"
    ON_HOLD = "ON_HOLD"
    REVISION_NOT_ACTIVE = "REVISION_NOT_ACTIVE"
    NO_LINES = "NO_LINES"
    LINE_NOT_ACTIVE = "LINE_NOT_ACTIVE"
    LINE_SKIPPED = "LINE_SKIPPED"
    LINE_DATES = "LINE_DATES"
    LINE_TOTAL = "LINE_TOTAL"
    ORDER_TOTAL = "ORDER_TOTAL"
    CURRENCY_MIXED = "CURRENCY_MIXED"
    CURRENCY_UNKNOWN = "CURRENCY_UNKNOWN"
    CUSTOMER_CHANGED = "CUSTOMER_CHANGED"
    CUSTOMER_CURRENCY = "CUSTOMER_CURRENCY"
    CUSTOMER_DELETED = "CUSTOMER_DELETED"
    CUSTOMER_UNKNOWN = "CUSTOMER_UNKNOWN"
    CUSTOMER_EMAIL = "CUSTOMER_EMAIL"
    AMOUNT_STEP = "AMOUNT_STEP"
    QUANTITY_FRACTION = "QUANTITY_FRACTION"
    QUANTITY_ZERO = "QUANTITY_ZERO"
    QUANTITY_METERED = "QUANTITY_METERED"
    QUANTITY_REDUCED = "QUANTITY_REDUCED"
    NEGATIVE_PRICE = "NEGATIVE_PRICE"
    BILLING_FREQUENCY = "BILLING_FREQUENCY"
    SEGMENT_GAP = "SEGMENT_GAP"
    SEGMENT_OVERLAP = "SEGMENT_OVERLAP"
    SEGMENT_LABELS = "SEGMENT_LABELS"
    COVERAGE_GAP = "COVERAGE_GAP"
    TIERS_MISSING = "TIERS_MISSING"
    TIERS_OPEN = "TIERS_OPEN"
    TIERS_INVALID = "TIERS_INVALID"
    DISCOUNT_INVALID = "DISCOUNT_INVALID"
    SEGMENT_ORDER = "SEGMENT_ORDER"
    OTHER_CONTRACT = "OTHER_CONTRACT"
    RECORD_GONE = "RECORD_GONE"
    ORIGINAL_MISSING = "ORIGINAL_MISSING"
    LINE_KEYS = "LINE_KEYS"
    IN_PLACE_EDIT = "IN_PLACE_EDIT"
    BILLED_ELSEWHERE = "BILLED_ELSEWHERE"
    PRORATION_POLICY = "PRORATION_POLICY"
    SETTLEMENT = "SETTLEMENT"
    RENEWAL = "RENEWAL"
    REVISED_LINE_UNKNOWN = "REVISED_LINE_UNKNOWN"
    TERMINATION = "TERMINATION"
    AMENDMENT_START = "AMENDMENT_START"
    SEGMENT_PAST = "SEGMENT_PAST"
    SEGMENT_PERIOD = "SEGMENT_PERIOD"
    LIVE_CHANGE = "LIVE_CHANGE"
    DRIFT = "DRIFT"
    LIMIT_PHASES = "LIMIT_PHASES"
    LIMIT_ITEMS = "LIMIT_ITEMS"
    LIMIT_ONE_OFFS = "LIMIT_ONE_OFFS"
    LIMIT_METADATA = "LIMIT_METADATA"
    LIMIT_TEXT = "LIMIT_TEXT"
    LIMIT_CUSTOM_FIELDS = "LIMIT_CUSTOM_FIELDS"
    PAYMENT_TERMS = "PAYMENT_TERMS"
    TIE_OUT = "TIE_OUT"
    SCHEDULE_OVER = "SCHEDULE_OVER"
    WINDOW_SHORT = "WINDOW_SHORT"
    STRIPE_REJECTED = "STRIPE_REJECTED"
    CRM_REJECTED = "CRM_REJECTED"


@dataclass(frozen=True, slots=True, order=True)
class Source:
    """Where a value came from: the CRM record and field, so that an issue can point at it."""

    record: str | None = None
    field: str | None = None


NOWHERE = Source()


@dataclass(frozen=True, slots=True, order=True)
class Issue:
    """One problem: what, where, why, and how to fix it."""

    code: IssueCode
    severity: Severity
    message: str
    remedy: str
    record: str | None = None
    field: str | None = None

    @property
    def blocks(self) -> bool:
        """Tell whether nothing may be billed while the issue stands."""
        return self.severity is Severity.BLOCK


def block(code: IssueCode, source: Source, message: str, remedy: str) -> Issue:
    """Return an issue that keeps the contract from being billed."""
    return Issue(code, Severity.BLOCK, message, remedy, source.record, source.field)


def warn(code: IssueCode, source: Source, message: str, remedy: str) -> Issue:
    """Return an issue that people should know of, although the contract can be billed."""
    return Issue(code, Severity.WARN, message, remedy, source.record, source.field)


def blocking(issues: tuple[Issue, ...]) -> tuple[Issue, ...]:
    """Return the issues that keep the contract from being billed."""
    return tuple(issue for issue in issues if issue.blocks)
