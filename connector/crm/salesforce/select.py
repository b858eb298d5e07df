"""Orders of a selection, page by page: by id, 2,000 a call, so that a list of any length goes on after any id.

Columns are ours or the mapping's, values go through the vendor library's quoting; nobody types SOQL. Deleted orders are
not listed.
"""

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from connector.crm.salesforce.client import SalesforceClient
from connector.crm.salesforce.library import format_soql
from connector.crm.salesforce.query import field_path, record_id
from connector.crm.selection import Choice, Days, Selection, picked

PAGE = 2000  # rows; the largest page the API gives
#: Users that a name is looked up among.
_USERS = 10_000


def checked(client: SalesforceClient, selection: Selection) -> Selection:
    """Look up owners (id, e-mail, user name or name) and statuses; asks only for what was named."""
    owners = list(_owners(client)) if selection.owners else []
    stages = list(_statuses(client)) if selection.stages else []
    return picked(selection, owners=owners, stages=stages)


def page(client: SalesforceClient, selection: Selection, after: str, zone: ZoneInfo) -> tuple[str, ...]:
    """Return the ids of the next orders behind `after`."""
    conditions = [
        *([format_soql("Id > {id}", id=record_id(after))] if after else []),
        *([format_soql("OwnerId IN {ids}", ids=list(selection.owners))] if selection.owners else []),
        *([format_soql("Status IN {names}", names=list(selection.stages))] if selection.stages else []),
        *_closed(selection.closed, zone),
        *([_starts(selection)] if selection.starts and selection.start_path else []),
    ]
    where = f"WHERE {' AND '.join(conditions)} " if conditions else ""
    soql = f"SELECT Id FROM Order {where}ORDER BY Id LIMIT {PAGE}"  # noqa: S608 -- quoted above, part by part
    return tuple(row["Id"] for row in client.rows(soql))


def _closed(days: Days, zone: ZoneInfo) -> Iterator[str]:
    """Yield the conditions on the moment of activation."""
    first, after = days.moments(zone)
    for operator, moment in ((">=", first), ("<", after)):
        if isinstance(moment, datetime):
            yield format_soql(f"ActivatedDate {operator} {{moment}}", moment=moment)


def _starts(selection: Selection) -> str:
    """Return the condition on the contract's first day; an order without one is read, and looked at closer."""
    path, days = field_path(selection.start_path), selection.starts
    bounds = [(">=", days.first), ("<=", days.last)]
    told = [format_soql(f"{path} {operator} {{day}}", day=day) for operator, day in bounds if day]
    return f"(({' AND '.join(told)}) OR {path} = null)"


def _owners(client: SalesforceClient) -> Iterator[Choice]:
    soql = f"SELECT Id, Name, Email, Username FROM User ORDER BY Id LIMIT {_USERS}"  # noqa: S608 -- a constant
    for row in client.rows(soql):
        names = (row.get("Name"), row.get("Email"), row.get("Username"))
        yield Choice(row["Id"], tuple(str(name) for name in names if name))


def _statuses(client: SalesforceClient) -> Iterator[Choice]:
    body = client.read("sobjects/Order/describe") or {"fields": []}
    for field in body["fields"]:
        if field["name"] == "Status":
            for value in field.get("picklistValues") or ():
                yield Choice(value["value"], tuple(dict.fromkeys((value["value"], value.get("label") or ""))))
