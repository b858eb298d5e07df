"""Every body that we send is held to the shared wire contracts."""

import json
from typing import Any
from urllib.parse import urlsplit

import pytest

from connector.crm.hubspot.adapter import HubSpotCrm
from tests.hubspot.world import HubSpotWorld, monthly
from tests.sandbox.hubspot_portal import check, needs_contracts, operations


def recorded(crm: HubSpotCrm, sent: list[tuple[str, str, Any]]) -> None:
    """Note every request of an adapter."""
    request = crm.client.door.transport.request

    def spy(method: Any, url: Any, *args: Any, **options: Any) -> Any:
        sent.append((str(method), urlsplit(str(url)).path, options.get("data")))
        return request(method, url, *args, **options)

    crm.client.door.transport.request = spy  # type: ignore[method-assign]


def operation(method: str, path: str, version: str) -> dict[str, Any] | None:
    """Return the operation of a call; the more fixed steps its path has, the better it fits."""
    steps = path.strip("/").split("/")
    fitting = []
    for each in operations():
        wanted = each["paths"][version].strip("/").split("/")
        same = [one == other or one.startswith("{") for one, other in zip(wanted, steps, strict=False)]
        if each["method"] == method and len(wanted) == len(steps) and all(same):
            fitting.append((sum(not step.startswith("{") for step in wanted), each))
    return max(fitting, key=lambda pair: pair[0])[1] if fitting else None


@needs_contracts
@pytest.mark.parametrize("version", ["2026-09", "2026-03", "v3"])
def test_every_request_keeps_its_contract(version: str) -> None:
    with HubSpotWorld() as world:
        crm = world.crm(api_version=version)
        desk = world.desk(crm)
        sent: list[tuple[str, str, Any]] = []
        recorded(crm, sent)
        company = world.company()
        deal = world.deal(company, [monthly(10, 20, "2026-12-01", name="Seat", hs_product_id=world.product())])
        world.deal(company, [monthly(1, 2, name="Odd", recurringbillingfrequency="weekly")])
        quote = world.portal.insert(
            "quotes", {"hs_title": "Q", "hs_status": "ACCEPTED", "hs_expiration_date": "2026-12-31"}
        )
        world.portal.associate("deals", world.deal(company), "quotes", quote)
        world.poll(desk)
        world.poll(desk)
        world.sync(deal, desk=desk)
        seen = set()
        for method, path, data in sent:
            found = operation(method, path, version)
            assert found is not None, (method, path)
            seen.add(found["id"])
            if data and found.get("request"):
                check(found["schema_file"], found["request"], json.loads(data))
        assert {
            "objects.search",
            "objects.batch_read",
            "objects.batch_update",
            "objects.create",
            "assoc.batch_read",
        } <= seen
