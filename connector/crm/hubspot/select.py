"""Deals of a selection, page by page: by id, so that HubSpot's limit of 10,000 search results is never met.

Owners and stages go by name; those of people who left, and of every pipeline, count as well.
"""

from collections.abc import Iterator
from zoneinfo import ZoneInfo

from connector.crm.hubspot.client import HubSpotClient, Row
from connector.crm.hubspot.moments import millis
from connector.crm.selection import Choice, Days, Selection, picked


def checked(client: HubSpotClient, selection: Selection) -> Selection:
    """Look up owners (id, e-mail or name) and stages (id or name); asks only for what was named."""
    owners = list(_owners(client)) if selection.owners else []
    stages = list(_stages(client)) if selection.stages else []
    return picked(selection, owners=owners, stages=stages)


def page(client: HubSpotClient, selection: Selection, after: str, zone: ZoneInfo) -> tuple[str, ...]:
    """Return the ids of the next deals behind `after`."""
    filters = [
        *([_among("hubspot_owner_id", selection.owners)] if selection.owners else []),
        *([_among("dealstage", selection.stages)] if selection.stages else []),
        *_closed(selection.closed, zone),
    ]
    return tuple(str(row["id"]) for row in client.search("deals", filters, [], after=after or "0"))


def _among(name: str, values: tuple[str, ...]) -> Row:
    return {"propertyName": name, "operator": "IN", "values": list(values)}


def _closed(days: Days, zone: ZoneInfo) -> Iterator[Row]:
    first, after = days.moments(zone)
    if first:
        yield {"propertyName": "closedate", "operator": "GTE", "value": millis(first)}
    if after:
        yield {"propertyName": "closedate", "operator": "LT", "value": millis(after)}


def _owners(client: HubSpotClient) -> Iterator[Choice]:
    for row in (*client.owners(), *client.owners(archived=True)):
        full = f"{row.get('firstName') or ''} {row.get('lastName') or ''}".strip()
        yield Choice(str(row["id"]), tuple(name for name in (full, str(row.get("email") or "")) if name))


def _stages(client: HubSpotClient) -> Iterator[Choice]:
    for pipeline in client.pipelines("deals"):
        for stage in pipeline["stages"]:
            label = str(stage["label"])
            yield Choice(str(stage["id"]), (label, f"{pipeline['label']}: {label}"))
