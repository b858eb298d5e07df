"""Door four for a batch: the CRM is told of many contracts in few calls, and nothing that is to be told gets lost.

Who is not told keeps the reason in the result, so that the run that follows tells it; a refusal of the CRM never undoes
or hides what was billed.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import partial

from connector.contained import with_result
from connector.crm.protocol import WriteBack, WriteResult
from connector.desk import Desk, Result
from connector.domain.errors import RejectedError, RetryableError
from connector.write_back import write_backs

_TAKEN_OVER = "billing is done, but another worker took the customer over before the CRM was told"
_Place = tuple[str, str, str | None]


def tell(desk: Desk, results: Sequence[Result], held: Collection[str]) -> list[Result]:
    """Write back what is to be said of each result; return them with the reason where the CRM could not be told.

    `held` are the customers that are still ours: of the others whoever took them over tells what is true now.
    """
    wanted = [with_result(desk, result, partial(_writes, desk, held)) for result in results]
    refused = _refused(desk, [writes or () for _, writes in wanted])
    reasons = [_TAKEN_OVER if writes is None else _reason(writes, refused) for _, writes in wanted]
    return [
        replace(result, error=result.error or reason, untold=reason)
        for (result, _), reason in zip(wanted, reasons, strict=True)
    ]


def _writes(desk: Desk, held: Collection[str], result: Result) -> tuple[WriteBack, ...] | None:
    """Return what is to be said of a result; None when that is no longer ours to say."""
    if result.status is None or result.outcome == "skipped":
        return ()
    if result.planned.account not in held:
        return None
    return write_backs(result.planned.raw, desk.mapping, result.status, desk.clock())


def _refused(desk: Desk, wanted: Sequence[tuple[WriteBack, ...]]) -> dict[_Place, str] | str:
    """Write everything at once, each record once; return why by record, or why nothing could be told."""
    records: dict[_Place, WriteBack] = {}
    for write in (one for writes in wanted for one in writes):
        place = _place(write)
        before = records.get(place)
        records[place] = write if before is None else replace(write, fields={**before.fields, **write.fields})
    if not records:
        return {}
    try:
        answers = desk.crm.write_back(records.values())
    except (RetryableError, RejectedError) as error:
        return str(error)
    return {place: one.error for place, one in zip(records, answers, strict=True) if one.error}


def _place(write: WriteBack) -> _Place:
    return write.object, write.id, write.upsert_by


def _reason(writes: Sequence[WriteBack], refused: dict[_Place, str] | str) -> str | None:
    if not writes:
        return None
    if isinstance(refused, str):
        return f"billing is done, but the CRM could not be told: {refused}"
    found = [WriteResult(one.object, one.id, refused[_place(one)]) for one in writes if _place(one) in refused]
    if not found:
        return None
    reasons = "; ".join(f"{one.object} {one.id}: {one.error}" for one in found)
    return f"billing is done, but the CRM refused to store the status: {reasons}"
