"""Rules that CPQ keeps by itself and that other tools, imports and hands can break.

Stripe can bill all of it, so the policy `crm_rules` decides: a note, a refusal, or nothing. Sources: cpq-connector-spec
4.1 and 5.3; salesforce.md C.5.
"""

from collections.abc import Iterator

from connector.domain.contract import Contract, Line, Revision, RevisionKind
from connector.domain.issues import Issue, IssueCode, block, warn
from connector.domain.timeline import line_end


def check_rules(contract: Contract) -> tuple[Issue, ...]:
    """Return what the amendments of a contract do that CPQ would not let them do."""
    if contract.policies.crm_rules == "off":
        return ()
    known = {line.ref: line for line in contract.lines}
    return tuple(
        issue
        for revision in contract.revisions
        if revision.kind is RevisionKind.AMENDMENT
        for line in revision.lines
        for issue in _broken(contract, revision, line, known.get(line.revises or ""))
    )


def _broken(contract: Contract, revision: Revision, line: Line, revised: Line | None) -> Iterator[Issue]:
    name = line.product.name
    if line.start < revision.effective:
        yield _issue(
            contract,
            (IssueCode.AMENDMENT_START, line.ref, "start"),
            f"{name}: the line starts on {line.start}, before the amendment does ({revision.effective})",
            "Let the amendment start on the contract's amendment start date, or correct the line's start.",
        )
    if revised is None or revised.segment is None:
        return
    label = revised.segment.label or revised.segment.index
    if line_end(revised, contract) <= revision.effective:
        yield _issue(
            contract,
            (IssueCode.SEGMENT_PAST, line.ref, "start"),
            f'{name}: segment "{label}" was over when the amendment starts ({revision.effective})',
            "Amend the segments that run or are to come; settle what is past by a one-time line.",
        )
    elif line_end(line, contract) != line_end(revised, contract):
        yield _issue(
            contract,
            (IssueCode.SEGMENT_PERIOD, line.ref, "end"),
            f'{name}: the amendment gives segment "{label}" another end: {line_end(line, contract)} instead of '
            f"{line_end(revised, contract)}",
            "Keep the dates of the segment; a shorter or longer segment is a new quote.",
        )


def _issue(contract: Contract, what: tuple[IssueCode, str, str], message: str, remedy: str) -> Issue:
    code, ref, slot = what
    say = block if contract.policies.crm_rules == "enforce" else warn
    return say(code, contract.source(ref, slot), message, remedy)
