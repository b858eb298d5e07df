"""Usage rates of a line → tiers with inclusive upper bounds."""

from connector.domain.contract import Tier, TiersMode
from connector.domain.issues import Issue, IssueCode, Source, block
from connector.mapping.raw import RawLine, RawRecord
from connector.mapping.reading import Reader, Scope

Rated = tuple[tuple[Tier, ...], TiersMode | None]


def read_tiers(reader: Reader, line: RawLine, *, expected: bool) -> Rated:
    """Return the tiers of a line and how they rate, both empty for a line without rates."""
    if not line.rates:
        if expected or line.rate_schedules:
            message = "The product is priced in tiers, but the line has no rates."
            remedy = "Add a consumption schedule with rates to the product, or to the line."
            reader.notes.issues.append(block(IssueCode.TIERS_MISSING, Source(line.record.id, None), message, remedy))
        return (), None
    before = len(reader.notes.issues)
    mode = _mode(reader, line)
    tiers = [tier for rate in line.rates if (tier := _tier(reader, rate))]
    if len(reader.notes.issues) == before:
        reader.notes.issues += _shape_issues(line, tiers)
    if len(reader.notes.issues) > before:
        return (), None
    return tuple(sorted(tiers, key=_bound)), mode


def _mode(reader: Reader, line: RawLine) -> TiersMode | None:
    if len(line.rate_schedules) != 1:
        message = f"The line has {len(line.rate_schedules)} price schedules; exactly one can be billed."
        reader.notes.issues.append(_invalid(Source(line.record.id, None), message, "Leave one schedule on the line."))
        return None
    schedule = line.rate_schedules[0]
    scope = _scope(reader, "tier_schedule", schedule)
    if scope is None:
        return None
    method = scope.text("rating_method")
    if method is not None and method.strip().casefold() != "tier":
        message = f'The price schedule has the rating method "{method}"; only Tier can be billed.'
        scope.report(_invalid(scope.source("rating_method"), message, "Use a schedule with the rating method Tier."))
    if not scope.flag("active", default=True):
        message = "The price schedule is not active."
        scope.report(_invalid(scope.source("active"), message, "Activate the schedule."))
    mode = scope.text("mode")
    if mode is None and not scope.failed("mode"):
        scope.missing("mode", IssueCode.TIERS_INVALID)
    return TiersMode(mode) if mode else None


def _tier(reader: Reader, rate: RawRecord) -> Tier | None:
    scope = _scope(reader, "tier", rate)
    if scope is None:
        return None
    price, up_to, flat = scope.decimal("price"), scope.whole("up_to"), scope.text("method") == "flat"
    if price is None:
        scope.missing("price", IssueCode.TIERS_INVALID)
        return None
    if scope.failed("up_to") or scope.failed("method"):
        return None
    if up_to is not None and up_to < 1:
        message = f"A tier ends at {up_to} units, before the first one."
        scope.report(_invalid(scope.source("up_to"), message, "Correct the upper bound."))
    return Tier(up_to, flat_price=price) if flat else Tier(up_to, unit_price=price)


def _scope(reader: Reader, section: str, record: RawRecord) -> Scope | None:
    scope = reader.table_scope(section, record)
    if scope is None:
        message = f"The mapping does not say how {record.object} is read."
        remedy = f'Add {record.object} to section "{section}" of the mapping.'
        reader.notes.issues.append(_invalid(Source(record.id, None), message, remedy))
    return scope


def _shape_issues(line: RawLine, tiers: list[Tier]) -> list[Issue]:
    source = Source(line.record.id, None)
    bounds = [tier.up_to for tier in tiers]
    if None not in bounds:
        message = (
            f"The highest tier ends at {max(bound for bound in bounds if bound)} units; nothing prices more than that."
        )
        return [block(IssueCode.TIERS_OPEN, source, message, "Leave the upper bound of the last rate empty.")]
    if len(set(bounds)) < len(bounds):
        message = "Two tiers end at the same quantity."
        return [_invalid(source, message, "Give every rate its own upper bound.")]
    return []


def _bound(tier: Tier) -> tuple[bool, int]:
    return (tier.up_to is None, tier.up_to or 0)


def _invalid(source: Source, message: str, remedy: str) -> Issue:
    return block(IssueCode.TIERS_INVALID, source, message, remedy)
