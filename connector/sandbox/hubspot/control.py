"""The portal's own paths under ``/_sandbox/``, beside those every emulator has.

GET    clock                           the portal's time
POST   clock                           ``{"now": "2027-01-31T00:00:00Z"}`` or ``{"advance_seconds": 3600}``
POST   lag                             ``{"seconds": 5}`` or ``{"seconds": [1, 8]}``: how late search hears of writes
POST   tokens                          ``{"value": "pat-...", "kind": "private_app", "scopes": [...]}``
POST   tokens/revoke                   end every token
POST   limits                          ``{"burst": 100, "daily": 250000, "searches": 5}``, or null for none
POST   limits/exhaust                  ``{"policy": "DAILY"}`` (TEN_SECONDLY_ROLLING, SECONDLY): use a budget up
POST   locks                           ``{"ids": [...]}``: the next write of each record fails with 423, once
POST   rules                           a rule of the account's admins, see ``portal.Rule``
DELETE rules                           drop them
GET    records/{object}                every record of a type, archived ones included
POST   records/{object}                insert past the API's rules; answers the id
PATCH  records/{object}/{id}           change past the API's rules
DELETE records/{object}/{id}           archive
POST   records/{object}/{id}/restore   bring back
POST   records/{object}/{id}/merge     ``{"with": "10300000002"}``; answers the id of the record they became
POST   quotes/{id}/publish             lock it, copy its lines to the deal; answers the ids of the copies
POST   quotes/{id}/accept              what the buyer does
GET    webhooks                        subscriptions, outbox and deliveries
POST   webhooks                        ``{"url": "http://127.0.0.1:9000/hooks", "type": "deal.propertyChange",
                                       "property": "dealstage"}``: subscribe, and deliver in the background
POST   webhooks/options                ``{"twice": true, "reverse": true, "same_event_id": true}``
POST   associations                    ``{"from": ["deals", "1"], "to": ["deals", "2"], "type_id": -1}``
DELETE associations                    the same, to separate two records
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from connector.sandbox.clock import parse_moment
from connector.sandbox.http import CONTROL_PREFIX, Request, Response, Router, json_response
from connector.sandbox.hubspot.clock import stamp
from connector.sandbox.hubspot.errors import ApiError
from connector.sandbox.hubspot.limits import Limits
from connector.sandbox.hubspot.portal import Rule
from connector.sandbox.hubspot.quoting import accept, publish
from connector.sandbox.hubspot.tokens import ALL_SCOPES, Token

if TYPE_CHECKING:
    from collections.abc import Callable

    from connector.sandbox.hubspot.app import HubSpotApp

    Action = Callable[[HubSpotApp, dict[str, str], Any], Any]

DONE = {"ok": True}


def control(app: HubSpotApp, request: Request) -> Response | None:
    """Answer a control request, or None when it is not one of ours."""
    found = _ROUTES.match(request.method, "/" + request.path.removeprefix(CONTROL_PREFIX))
    if found is None:
        return None
    try:
        return json_response(found.handler(app, found.variables, request.json()) or DONE)
    except ApiError as error:
        return json_response(error.body(), error.status)


def _tell_time(app: HubSpotApp, _: dict[str, str], __: Any) -> Any:
    return {"now": stamp(app.clock.ms())}


def _move_clock(app: HubSpotApp, _: dict[str, str], order: Any) -> Any:
    if "now" in order:
        app.clock.set(parse_moment(order["now"]))
    else:
        app.clock.advance(timedelta(seconds=float(order["advance_seconds"])))
    return {"now": stamp(app.clock.ms())}


def _lag(app: HubSpotApp, _: dict[str, str], order: Any) -> None:
    seconds = order["seconds"]
    low, high = seconds if isinstance(seconds, list) else (seconds, seconds)
    app.api.store.lag = (float(low), float(high))


def _add_token(app: HubSpotApp, _: dict[str, str], order: Any) -> None:
    scopes = frozenset(order.get("scopes") or ALL_SCOPES)
    app.desk.add(Token(str(order["value"]), str(order.get("kind", "private_app")), scopes))


def _revoke(app: HubSpotApp, _: dict[str, str], __: Any) -> None:
    app.desk.revoke_all()


def _limits(app: HubSpotApp, _: dict[str, str], order: Any) -> None:
    app.limits.limits = Limits(**order) if order else None


def _exhaust(app: HubSpotApp, _: dict[str, str], order: Any) -> None:
    app.limits.exhaust(str(order["policy"]))


def _lock(app: HubSpotApp, _: dict[str, str], order: Any) -> None:
    app.backdoor.lock_once(*map(str, order["ids"]))


def _add_rule(app: HubSpotApp, _: dict[str, str], order: Any) -> None:
    app.portal.rules.append(Rule(**{**order, "require": tuple(order.get("require", ()))}))


def _drop_rules(app: HubSpotApp, _: dict[str, str], __: Any) -> None:
    app.portal.rules.clear()


def _rows(app: HubSpotApp, path: dict[str, str], _: Any) -> Any:
    live, found = (app.backdoor.records(path["object"], with_archived=archived) for archived in (False, True))
    rows = [{"id": key, "archived": key not in live, "properties": values} for key, values in found.items()]
    return {"records": rows}


def _insert(app: HubSpotApp, path: dict[str, str], values: Any) -> Any:
    return {"id": app.backdoor.insert(path["object"], values)}


def _update(app: HubSpotApp, path: dict[str, str], values: Any) -> None:
    app.backdoor.update(path["object"], path["id"], values)


def _archive(app: HubSpotApp, path: dict[str, str], _: Any) -> None:
    app.backdoor.archive(path["object"], path["id"])


def _restore(app: HubSpotApp, path: dict[str, str], _: Any) -> None:
    app.backdoor.restore(path["object"], path["id"])


def _merge(app: HubSpotApp, path: dict[str, str], order: Any) -> Any:
    return {"id": app.backdoor.merge(path["object"], path["id"], str(order["with"]))}


def _publish(app: HubSpotApp, path: dict[str, str], _: Any) -> Any:
    return {"ids": publish(app.backdoor, path["id"])}


def _accept(app: HubSpotApp, path: dict[str, str], _: Any) -> None:
    accept(app.backdoor, path["id"])


def _associate(app: HubSpotApp, _: dict[str, str], order: Any) -> None:
    (source, source_id), (target, target_id) = order["from"], order["to"]
    app.backdoor.associate(source, str(source_id), target, str(target_id), order.get("type_id"))


def _dissociate(app: HubSpotApp, _: dict[str, str], order: Any) -> None:
    (source, source_id), (target, target_id) = order["from"], order["to"]
    app.backdoor.dissociate(source, str(source_id), target, str(target_id))


def _show_webhooks(app: HubSpotApp, _: dict[str, str], __: Any) -> Any:
    hooks = app.webhooks
    return {
        "client_secret": hooks.secret,
        "subscriptions": [asdict(each) for each in hooks.subscriptions],
        "outbox": [asdict(each) for each in hooks.outbox],
        "deliveries": [asdict(each) for each in hooks.deliveries],
    }


def _subscribe(app: HubSpotApp, _: dict[str, str], order: Any) -> Any:
    made = app.webhooks.subscribe(order["url"], order["type"], order.get("property"), order.get("object_type_id"))
    app.webhooks.start()
    return asdict(made)


def _webhook_options(app: HubSpotApp, _: dict[str, str], order: Any) -> None:
    for name in ("twice", "reverse", "same_event_id"):
        setattr(app.webhooks, name, bool(order.get(name)))


_ROUTES: Router[Action] = Router()
_ROUTES.add("GET", "/webhooks", _show_webhooks)
_ROUTES.add("POST", "/webhooks", _subscribe)
_ROUTES.add("POST", "/webhooks/options", _webhook_options)
_ROUTES.add("GET", "/clock", _tell_time)
_ROUTES.add("POST", "/clock", _move_clock)
_ROUTES.add("POST", "/lag", _lag)
_ROUTES.add("POST", "/tokens", _add_token)
_ROUTES.add("POST", "/tokens/revoke", _revoke)
_ROUTES.add("POST", "/limits", _limits)
_ROUTES.add("POST", "/limits/exhaust", _exhaust)
_ROUTES.add("POST", "/locks", _lock)
_ROUTES.add("POST", "/rules", _add_rule)
_ROUTES.add("DELETE", "/rules", _drop_rules)
_ROUTES.add("GET", "/records/{object}", _rows)
_ROUTES.add("POST", "/records/{object}", _insert)
_ROUTES.add("PATCH", "/records/{object}/{id}", _update)
_ROUTES.add("DELETE", "/records/{object}/{id}", _archive)
_ROUTES.add("POST", "/records/{object}/{id}/restore", _restore)
_ROUTES.add("POST", "/records/{object}/{id}/merge", _merge)
_ROUTES.add("POST", "/quotes/{id}/publish", _publish)
_ROUTES.add("POST", "/quotes/{id}/accept", _accept)
_ROUTES.add("POST", "/associations", _associate)
_ROUTES.add("DELETE", "/associations", _dissociate)
