"""Renewals that continue a contract: what they renew must end where they begin."""

from collections.abc import Iterator

from connector.domain.contract import Charge, Contract, Line, Revision, RevisionKind
from connector.domain.issues import Issue, IssueCode, block
from connector.domain.timeline import Timeline, line_end


def check_renewals(contract: Contract, timeline: Timeline) -> tuple[Issue, ...]:
    """Return the renewals that begin while the lines they renew still run: both would be billed."""
    roots = _roots(contract)
    return tuple(issue for revision in contract.revisions[1:] for issue in _check(contract, timeline, revision, roots))


def _check(contract: Contract, timeline: Timeline, renewal: Revision, roots: dict[str, str]) -> Iterator[Issue]:
    if renewal.kind is not RevisionKind.RENEWAL:
        return
    own = {line.ref for line in renewal.lines}
    begins = {roots[line.ref]: line.start for line in renewal.lines if line.charge is not Charge.ONE_TIME}
    for piece in timeline:
        for entry in piece.in_force:
            line, start = entry.line, begins.get(roots[entry.line.ref])
            if line.ref in own or start is None or not line.start < start:
                continue
            if piece.period.start <= start < piece.period.end:
                yield _overlap(contract, renewal, line)


def _overlap(contract: Contract, renewal: Revision, line: Line) -> Issue:
    return block(
        IssueCode.RENEWAL,
        contract.source(renewal.ref, "effective"),
        f"{line.product.name}: the renewal begins on {renewal.effective}, before what it renews ends on "
        f"{line_end(line, contract)}; both would be billed",
        "Amend the contract so that the line ends when the renewal begins, or let the renewal begin later.",
    )


def _roots(contract: Contract) -> dict[str, str]:
    known = {line.ref: line for line in contract.lines}
    roots: dict[str, str] = {}
    for line in contract.lines:
        root, seen = line, {line.ref}
        while root.revises in known and root.revises not in seen:
            root = known[root.revises]
            seen.add(root.ref)
        roots[line.ref] = root.ref
    return roots
