"""The org's own paths under ``/_sandbox/``, beside those every emulator has.

GET    clock                   the org's time
POST   clock                   ``{"now": "2027-01-31T00:00:00Z"}`` or ``{"advance_seconds": 3600}``
POST   tokens/expire           end every session
POST   locks                   ``{"ids": [...]}``: the next write of each fails with UNABLE_TO_LOCK_ROW, once
GET    records/{object}        every record of an object, deleted ones included
POST   records/{object}        insert past the API's rules; answers the id
PATCH  records/{object}/{id}   change past the API's rules; ``{"visible_in_seconds": n, "fields": {...}}`` commits late
DELETE records/{object}/{id}   move to the recycle bin
POST   orders/{id}/amend       ``{"start": "2027-12-01", "quantities": {"802...": 40}}``: sell new quantities
POST   orders/{id}/terminate   ``{"day": "2027-12-01"}``: end what runs; both answer the amendment order's id
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from connector.sandbox.http import CONTROL_PREFIX, Request, Response, Router, json_response
from connector.sandbox.salesforce.clock import parse_moment
from connector.sandbox.salesforce.contracting import amend, terminate
from connector.sandbox.salesforce.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable

    from connector.sandbox.salesforce.app import SalesforceApp

    Action = Callable[[SalesforceApp, dict[str, str], Any], Any]

DONE = {"ok": True}


def control(app: SalesforceApp, request: Request) -> Response | None:
    """Answer a control request, or None when it is not one of ours."""
    found = _ROUTES.match(request.method, "/" + request.path.removeprefix(CONTROL_PREFIX))
    if found is None:
        return None
    try:
        return json_response(found.handler(app, found.variables, request.json()) or DONE)
    except ApiError as error:
        return json_response(error.body(), error.status)


def _tell_time(app: SalesforceApp, _: dict[str, str], __: Any) -> Any:
    return {"now": app.clock.stamp()}


def _move_clock(app: SalesforceApp, _: dict[str, str], order: Any) -> Any:
    if "now" in order:
        app.clock.set(parse_moment(order["now"]))
    else:
        app.clock.advance(timedelta(seconds=float(order["advance_seconds"])))
    return {"now": app.clock.stamp()}


def _expire_tokens(app: SalesforceApp, _: dict[str, str], __: Any) -> None:
    app.desk.expire_all()


def _lock(app: SalesforceApp, _: dict[str, str], order: Any) -> None:
    app.backdoor.lock_once(*order["ids"])


def _rows(app: SalesforceApp, path: dict[str, str], _: Any) -> Any:
    return {"records": list(app.backdoor.records(path["object"], with_deleted=True).values())}


def _insert(app: SalesforceApp, path: dict[str, str], fields: Any) -> Any:
    return {"id": app.backdoor.insert(path["object"], fields)}


def _update(app: SalesforceApp, path: dict[str, str], order: Any) -> None:
    if "visible_in_seconds" in order:
        late = timedelta(seconds=float(order["visible_in_seconds"]))
        app.backdoor.update_late(path["object"], path["id"], order["fields"], late)
    else:
        app.backdoor.update(path["object"], path["id"], order)


def _delete(app: SalesforceApp, path: dict[str, str], _: Any) -> None:
    app.backdoor.delete(path["object"], path["id"])


def _amend(app: SalesforceApp, path: dict[str, str], order: Any) -> Any:
    start = date.fromisoformat(order["start"])
    return {"id": amend(app.backdoor, path["id"], start, order["quantities"])}


def _terminate(app: SalesforceApp, path: dict[str, str], order: Any) -> Any:
    return {"id": terminate(app.backdoor, path["id"], date.fromisoformat(order["day"]))}


_ROUTES: Router[Action] = Router()
_ROUTES.add("POST", "/orders/{id}/amend", _amend)
_ROUTES.add("POST", "/orders/{id}/terminate", _terminate)
_ROUTES.add("GET", "/clock", _tell_time)
_ROUTES.add("POST", "/clock", _move_clock)
_ROUTES.add("POST", "/tokens/expire", _expire_tokens)
_ROUTES.add("POST", "/locks", _lock)
_ROUTES.add("GET", "/records/{object}", _rows)
_ROUTES.add("POST", "/records/{object}", _insert)
_ROUTES.add("PATCH", "/records/{object}/{id}", _update)
_ROUTES.add("DELETE", "/records/{object}/{id}", _delete)
