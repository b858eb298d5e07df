"""Contracts that another system billed until a day: where the CRM has no field for it, people say so in a back-fill."""

from dataclasses import replace

from connector.desk import Desk
from connector.mapping.raw import RawContract
from connector.mapping.reader import Reading


def taken_over(desk: Desk, raw: RawContract, reading: Reading) -> Reading:
    """Return the reading with the first day that is not billed elsewhere; what the CRM itself says counts first."""
    contract = reading.contract
    if contract is None or contract.billed_through is not None:
        return reading
    records = (raw.root.id, *(revision.record.id for revision in raw.revisions))
    asked = next((day for record in records if (day := desk.billed_through.get(record))), None)
    day = asked or desk.account.journal.takeover(desk.name, contract.key)
    return replace(reading, contract=replace(contract, billed_through=day)) if day else reading
