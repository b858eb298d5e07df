"""The account: pipelines, owners, account details, usage, and what a token may do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connector.sandbox.http import Response, json_response
from connector.sandbox.hubspot.errors import ApiError, invalid, not_found
from connector.sandbox.hubspot.portal import PORTAL_ID
from connector.sandbox.hubspot.tokens import object_scopes, schema_scopes

if TYPE_CHECKING:
    from connector.sandbox.hubspot.api import Api, Call
    from connector.sandbox.hubspot.portal import Pipeline


class AccountResource:
    """``/pipelines``, ``/owners``, ``/account-info`` and the token's own description."""

    def __init__(self, api: Api) -> None:
        self.api = api

    def install(self) -> None:
        """Register the routes."""
        add = self.api.add
        add("GET", "/pipelines/{objectType}", self.pipelines)
        add("GET", "/pipelines/{objectType}/{pipelineId}", self.pipeline)
        add("GET", "/pipelines/{objectType}/{pipelineId}/stages", self.stages)
        add("GET", "/owners", self.owners)
        add("GET", "/owners/{ownerId}", self.owner)
        add("GET", "/account-info/details", self.details)
        add("GET", "/account-info/api-usage/daily/private-apps", self.usage)
        add("POST", "/oauth/v2/private-apps/get/access-token-info", self.token_info)

    def pipelines(self, call: Call) -> Response:
        """Return every pipeline of a type; only deals have some here."""
        return json_response({"results": [each.body(n) for n, each in enumerate(self._pipelines(call))]})

    def pipeline(self, call: Call) -> Response:
        """Return one pipeline."""
        order, found = self._pipeline(call)
        return json_response(found.body(order))

    def stages(self, call: Call) -> Response:
        """Return a pipeline's stages."""
        _, found = self._pipeline(call)
        return json_response({"results": [stage.body(n) for n, stage in enumerate(found.stages)]})

    def _pipelines(self, call: Call) -> list[Pipeline]:
        kind = self.api.kind(call)
        self.api.allow(call, [*object_scopes(kind, "read"), *schema_scopes(kind, "read")])
        return self.api.portal.pipelines if kind.name == "deals" else []

    def _pipeline(self, call: Call) -> tuple[int, Pipeline]:
        for order, each in enumerate(self._pipelines(call)):
            if each.id == call["pipelineId"]:
                return order, each
        raise not_found(f"no pipeline {call['pipelineId']}")

    def owners(self, call: Call) -> Response:
        """Page through the people of the account."""
        self.api.allow(call, ["crm.objects.owners.read"])
        archived, email = call.flag("archived"), call.query("email")
        limit, after = call.number("limit", 100, 500), call.query("after", "0")
        found = [each for each in self.api.portal.owners if each.archived == archived and int(each.id) > int(after)]
        found = [each for each in found if not email or each.email == email]
        answer: dict[str, Any] = {"results": [each.body() for each in found[:limit]]}
        if len(found) > limit:
            answer["paging"] = {"next": {"after": found[limit - 1].id}}
        return json_response(answer)

    def owner(self, call: Call) -> Response:
        """Return one owner, archived ones only when asked for."""
        self.api.allow(call, ["crm.objects.owners.read"])
        for each in self.api.portal.owners:
            if each.id == call["ownerId"] and each.archived == call.flag("archived"):
                return json_response(each.body())
        raise not_found(f"no owner {call['ownerId']}")

    def details(self, call: Call) -> Response:
        """Return the account; every token may ask."""
        del call
        return json_response(self.api.portal.details(self.api.store.clock.now()))

    def usage(self, call: Call) -> Response:
        """Return how much of the day's budget is used."""
        del call
        return json_response(self.api.limits.usage())

    def token_info(self, call: Call) -> Response:
        """Tell what a private app's token may do; a service key is not described here."""
        key = call.fields().get("tokenKey")
        found = self.api.desk.tokens.get(str(key))
        if found is None:
            raise invalid("tokenKey is not a token of this account")
        if found.kind != "private_app":
            raise ApiError("VALIDATION_ERROR", f"the token is not one of a private app but of a {found.kind}")
        answer = {"userId": 70_316_842, "hubId": PORTAL_ID, "appId": found.app_id, "scopes": sorted(found.scopes)}
        return json_response(answer)
