"""A contract parted by how its lines are paid: each part has schedules of its own, or an invoice.

They are linked as the schedules of different billing frequencies are: one plan, one tie-out.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from connector.compile.collection import methods_of, usual_method, varies
from connector.compile.deal import shaped_by
from connector.compile.horizon import going_on
from connector.compile.spec import ScheduleSpec
from connector.domain.contract import CollectionMethod, Contract
from connector.domain.timeline import Slice, Timeline


@dataclass(frozen=True, slots=True)
class Part:
    """What of a contract is paid in one way: its lines, with the revisions that concern them, and its pieces of time.

    Its keys carry `mark`, which is empty for the part with the contract's own keys. `method` is what its schedules are
    told; None where no line says anything, and the contract's settings say all.
    """

    contract: Contract
    pieces: Timeline
    mark: str = ""
    method: CollectionMethod | None = None

    @property
    def key(self) -> str:
        """Return the key of what the part is billed by."""
        return self.contract.ref + self.mark

    def named(self, spec: ScheduleSpec) -> ScheduleSpec:
        """Return a schedule of the part: `R1:12m` of what is paid in another way is `R1:send_invoice:12m`."""
        return replace(spec, key=self.key + spec.key.removeprefix(self.contract.ref), collection=self.method)


def parts_of(contract: Contract, pieces: Timeline = ()) -> tuple[Part, ...]:
    """Return the parts, first the one with the contract's own keys.

    That one has the lines that say nothing of their own, or else what the first order has: a later order that brings
    another way of paying adds schedules, and leaves those that run what they are.
    """
    if not varies(contract):
        return (Part(contract, pieces),)
    methods, usual = methods_of(contract), usual_method(contract)
    first = [methods[line.ref] for line in contract.revisions[0].lines] or [*methods.values()]
    own = usual if usual in first else min(first)
    parts = []
    for paid in sorted({*methods.values()}, key=lambda method: (method != own, method)):
        refs = {ref for ref, method in methods.items() if method == paid}
        mine = _only(contract, refs, whole=paid == own)
        parts.append(Part(mine, tuple(_pieces(pieces, refs)), "" if paid == own else f":{paid}", paid))
    return tuple(parts)


def _only(contract: Contract, refs: Collection[str], *, whole: bool) -> Contract:
    """Return the contract with nothing but some lines. What comes off a whole invoice comes off the first part's."""
    revisions = tuple(
        replace(
            revision,
            lines=tuple(line for line in revision.lines if line.ref in refs),
            discounts=tuple(one for one in revision.discounts if whole or one.amount is None),
        )
        for revision in shaped_by(contract, refs).revisions
    )
    # Whether it renews itself is decided for the contract as a whole: one part does not go on without the others.
    renews = contract.policies.auto_renew if going_on(contract) is not contract else "none"
    return replace(contract, revisions=revisions, policies=replace(contract.policies, auto_renew=renews))


def _pieces(pieces: Timeline, refs: Collection[str]) -> Iterator[Slice]:
    for piece in pieces:
        mine = tuple(entry for entry in piece.in_force if entry.line.ref in refs)
        if mine:
            yield replace(piece, in_force=mine)
