"""Write-back: absolute values to records named by id, a hundred at a time; each record is refused on its own.

A batch is taken whole or not at all, and one value that an account's own rules forbid is enough. So a batch that is
refused is sent again record by record, and a record that is refused once more without anything but its status. An id
that was merged away is only understood when one record is named, which the second way does, too.
"""

import logging
from collections.abc import Iterable, Mapping

from connector.crm.hubspot.changes import MODIFIED, OwnWrites
from connector.crm.hubspot.client import RECORDS, HubSpotClient, chunks
from connector.crm.hubspot.notes import Notes
from connector.crm.hubspot.schema import AccountSchema
from connector.crm.protocol import WriteBack, WriteResult
from connector.domain.errors import RejectedError

logger = logging.getLogger(__name__)

#: Own properties, without the prefix, that say how a contract stands: the least that people must be told.
STATUS = ("status", "status_detail", "error_code")


class Writer:
    """Writes one set of records, and keeps what became of each."""

    def __init__(self, client: HubSpotClient, schema: AccountSchema, own: OwnWrites) -> None:
        self._client = client
        self._schema = schema
        self._own = own
        self._least = frozenset(f"{client.settings.prefix}{name}" for name in STATUS)

    def write(self, writes: Iterable[WriteBack]) -> tuple[WriteResult, ...]:
        """Return one result for each write, in order. Raises when HubSpot is away, or refuses us as a whole."""
        everything = tuple(writes)
        errors: dict[tuple[str, str], str | None] = {}
        for name in dict.fromkeys(write.object for write in everything):
            mine = {write.id: self._values(write) for write in everything if write.object == name}
            for some in chunks(((key, values) for key, values in mine.items() if values), RECORDS):
                errors |= {(name, key): error for key, error in self._batch(name, dict(some)).items()}
        notes = Notes(self._client, self._own).tell(write for write in everything if write.object == "deals")
        return tuple(
            WriteResult(write.object, write.id, self._error(write, errors, notes.get(write.id))) for write in everything
        )

    def _values(self, write: WriteBack) -> dict[str, str]:
        """Return a write's values as HubSpot takes them, without properties that the account does not have."""
        known = self._schema.of(write.object)
        if missing := sorted(set(write.fields) - set(known)):
            logger.warning("HubSpot has no %s of %s; `connector setup` makes them", ", ".join(missing), write.object)
        return {name: known[name].text(value) for name, value in write.fields.items() if name in known}

    def _error(self, write: WriteBack, errors: Mapping[tuple[str, str], str | None], note: str | None) -> str | None:
        lost = sorted(self._least & set(write.fields) - set(self._schema.of(write.object)))
        said = [
            errors.get((write.object, write.id)),
            f"the account has no property {lost[0]}; `connector setup hubspot` makes it" if lost else None,
            note,
        ]
        return "; ".join(text for text in said if text) or None

    def _batch(self, name: str, changes: Mapping[str, dict[str, str]]) -> dict[str, str | None]:
        untouched = self._own.untouched(name, self._client.read(name, changes, [MODIFIED]))
        try:
            rows = self._client.update(name, changes)
        except RejectedError:
            rows = []
        self._own.note(name, rows, untouched)
        taken = {str(row["id"]) for row in rows}
        return {
            key: None if key in taken else self._alone(name, key, values, untouched) for key, values in changes.items()
        }

    def _alone(self, name: str, key: str, values: Mapping[str, str], untouched: frozenset[str]) -> str | None:
        """Write one record; if it is refused, at least its status. Return why it was refused."""
        try:
            self._own.note(name, [self._client.update_one(name, key, values)], untouched)
        except RejectedError as error:
            least = {field: value for field, value in values.items() if field in self._least}
            if least and least != values:
                self._alone(name, key, least, untouched)
            return self._words(name, error)
        return None

    def _words(self, name: str, error: RejectedError) -> str:
        """Return a refusal for people, with the properties' labels as they see them."""
        text = str(error)
        known = self._schema.of(name)
        for field in (error.param or "").split(","):
            if field in known and known[field].label != field:
                text = text.replace(f"{field}:", f"{known[field].label} ({field}):")
        return text
