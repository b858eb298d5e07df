"""One note on a deal that waits for somebody, kept up to date in place and not repeated.

Activities have no key of ours, and a search is late; so the note carries a line of its own by which it is found among
the deal's notes. A deal that never needed anybody never costs a call here.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from html import escape

from connector.crm.hubspot.changes import OwnWrites
from connector.crm.hubspot.client import HubSpotClient, Ties
from connector.crm.protocol import WriteBack
from connector.domain.errors import RejectedError

#: Statuses, in letters only, that wait for somebody.
_WAITING = frozenset({"blocked", "failed", "pending", "needsreview"})
_NOTE_TO_DEAL = 214
_BODY = "hs_note_body"


class Notes:
    """The notes of one set of writes."""

    def __init__(self, client: HubSpotClient, own: OwnWrites) -> None:
        self._client = client
        self._own = own
        self._prefix = client.settings.prefix

    def tell(self, writes: Iterable[WriteBack]) -> dict[str, str]:
        """Write or close the notes of deals; return why by deal, where HubSpot refused a note."""
        bodies = {write.id: body for write in writes if (body := self._body(write)) is not None}
        if not bodies:
            return {}
        refused: dict[str, str] = {}
        known = self._known(bodies)
        for deal, (text, waiting) in bodies.items():
            try:
                self._put(deal, f"{text}{marker(deal)}", known.get(deal), waiting=waiting)
            except RejectedError as error:
                refused[deal] = f"the note on the deal was refused: {error}"
        return refused

    def _body(self, write: WriteBack) -> tuple[str, bool] | None:
        """Return what the note says and whether the deal waits; None when nothing changed that concerns anybody."""
        before, now = (
            {name: values.get(f"{self._prefix}{name}") for name in ("status", "status_detail")}
            for values in (write.held, {**write.held, **write.fields})
        )
        waited, waits = (_letters(values["status"]) in _WAITING for values in (before, now))
        if before == now or not (waited or waits):
            return None
        if not waits:
            return "<p><strong>Billing: resolved.</strong> Nothing is left to do here.</p>", False
        status, detail = (escape(str(now[name] or "")) for name in ("status", "status_detail"))
        return f"<p><strong>Billing: {status}</strong></p><p>{detail}</p>", True

    def _known(self, deals: Iterable[str]) -> dict[str, tuple[str, str]]:
        """Return id and body of our note on each deal that has one."""
        ties = self._client.ties("deals", "notes", deals)
        notes = {
            row["id"]: str(row["properties"].get(_BODY) or "")
            for row in self._client.read("notes", _ids(ties), [_BODY])
        }
        found: dict[str, tuple[str, str]] = {}
        for deal, some in ties.items():
            mine = (tie.to for tie in some if marker(deal) in notes.get(tie.to, ""))
            if (note := next(mine, None)) is not None:
                found[deal] = (note, notes[note])
        return found

    def _put(self, deal: str, body: str, known: tuple[str, str] | None, *, waiting: bool) -> None:
        values = {
            _BODY: body,
            "hs_timestamp": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        }
        if known is not None:
            if known[1] != body:
                self._client.update_one("notes", known[0], values)
            return
        if waiting:
            types = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": _NOTE_TO_DEAL}]
            self._client.create("notes", values, [{"to": {"id": deal}, "types": types}])


def marker(deal: str) -> str:
    """Return the line by which our note on a deal is known."""
    return f"<p>Kept up to date by the billing connector, deal {deal}.</p>"


def _ids(ties: Ties) -> Iterator[str]:
    for some in ties.values():
        yield from (tie.to for tie in some)


def _letters(status: object) -> str:
    return "".join(char for char in str(status or "").casefold() if char.isalnum())
