"""The account around the records: pipelines, owners, currencies, time zone, and rules its admins made."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from connector.sandbox.hubspot.clock import stamp
from connector.sandbox.hubspot.errors import fault
from connector.sandbox.hubspot.schema import BUILT_AT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from connector.sandbox.hubspot.schema import ObjectType

PORTAL_ID = 48_120_937


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of a pipeline; ``probability`` 1.0 and closed is won, 0.0 and closed is lost."""

    id: str
    label: str
    probability: float
    closed: bool = False

    @property
    def won(self) -> bool:
        """Whether a deal here is won."""
        return self.closed and self.probability == 1.0

    def body(self, order: int) -> dict[str, Any]:
        """Return the stage as the pipelines API shows it."""
        return {
            "label": self.label,
            "displayOrder": order,
            "metadata": {"isClosed": str(self.closed).lower(), "probability": str(self.probability)},
            "id": self.id,
            "createdAt": stamp(BUILT_AT),
            "updatedAt": stamp(BUILT_AT),
            "writePermissions": "CRM_PERMISSIONS_ENFORCEMENT",
            "archived": False,
        }


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A row of stages."""

    id: str
    label: str
    stages: tuple[Stage, ...]

    def stage(self, stage_id: str) -> Stage | None:
        """Return one of its stages."""
        return next((stage for stage in self.stages if stage.id == stage_id), None)

    def body(self, order: int) -> dict[str, Any]:
        """Return the pipeline as the API shows it."""
        return {
            "label": self.label,
            "displayOrder": order,
            "id": self.id,
            "stages": [stage.body(n) for n, stage in enumerate(self.stages)],
            "createdAt": stamp(BUILT_AT),
            "updatedAt": stamp(BUILT_AT),
            "archived": False,
        }


SALES = Pipeline(
    "default",
    "Sales pipeline",
    (
        Stage("appointmentscheduled", "Appointment scheduled", 0.2),
        Stage("qualifiedtobuy", "Qualified to buy", 0.4),
        Stage("presentationscheduled", "Presentation scheduled", 0.6),
        Stage("decisionmakerboughtin", "Decision maker bought in", 0.8),
        Stage("contractsent", "Contract sent", 0.9),
        Stage("closedwon", "Closed won", 1.0, closed=True),
        Stage("closedlost", "Closed lost", 0.0, closed=True),
    ),
)
EXPANSION = Pipeline(
    "214883071",
    "Expansion",
    (
        Stage("214883072", "Spotted", 0.3),
        Stage("214883073", "Agreed", 0.7),
        Stage("214883074", "Signed", 1.0, closed=True),
        Stage("214883075", "Dropped", 0.0, closed=True),
    ),
)
"""A pipeline made by an admin: numeric ids, and a won stage that is not called so."""


@dataclass(frozen=True, slots=True)
class Owner:
    """A person deals belong to."""

    id: str
    email: str
    first_name: str
    last_name: str
    archived: bool = False

    def body(self) -> dict[str, Any]:
        """Return the owner as the API shows it."""
        return {
            "id": self.id,
            "email": self.email,
            "type": "PERSON",
            "firstName": self.first_name,
            "lastName": self.last_name,
            "userId": int(self.id) + 5_000,
            "userIdIncludingInactive": int(self.id) + 5_000,
            "createdAt": stamp(BUILT_AT),
            "updatedAt": stamp(BUILT_AT),
            "archived": self.archived,
            "teams": [],
        }


OWNERS = (
    Owner("70311842", "sales.one@example.com", "Sales", "One"),
    Owner("70311843", "sales.two@example.com", "Sales", "Two"),
    Owner("70311844", "gone@example.com", "Former", "Rep", archived=True),
)


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of the account's admins that writes of any client have to pass.

    ``require`` is asked of records that have the values of ``when`` after the write; the service enforces such
    conditional rules on API writes from version 2026-09 on (vendor's changelog). ``property`` with ``pattern``
    or ``max_length`` checks a value in every version.
    """

    object: str
    when: Mapping[str, str] = field(default_factory=dict)
    require: tuple[str, ...] = ()
    property: str = ""
    pattern: str = ""
    max_length: int | None = None
    message: str = ""
    every_version: bool = False

    def faults(self, kind: ObjectType, values: Mapping[str, str], version: str) -> list[dict[str, Any]]:
        """Return what is wrong with a record after a write."""
        if self.object not in {kind.name, kind.singular, kind.type_id}:
            return []
        if any(values.get(name) != wanted for name, wanted in self.when.items()):
            return []
        conditional = version == "2026-09" or self.every_version
        missing = [name for name in self.require if conditional and not values.get(name)]
        found = [fault(name, "REQUIRED_FIELD", self.message or f"{name} is required") for name in missing]
        value = values.get(self.property, "")
        if value and self.max_length is not None and len(value) > self.max_length:
            found.append(fault(self.property, "TOO_LONG", self.message or f"at most {self.max_length} characters"))
        if value and self.pattern and not re.fullmatch(self.pattern, value):
            found.append(
                fault(self.property, "INVALID_OPTION", self.message or f"{value} breaks a rule of the account")
            )
        return found


@dataclass(slots=True)
class Portal:
    """The account."""

    pipelines: list[Pipeline] = field(default_factory=lambda: [SALES, EXPANSION])
    owners: list[Owner] = field(default_factory=lambda: list(OWNERS))
    rules: list[Rule] = field(default_factory=list)
    time_zone: str = "America/New_York"
    currency: str = "USD"
    more_currencies: tuple[str, ...] = ("EUR", "GBP", "JPY")
    rates: Mapping[str, str] = field(default_factory=lambda: {"EUR": "1.08", "GBP": "1.27", "JPY": "0.0067"})
    account_type: str = "SANDBOX"

    @property
    def currencies(self) -> tuple[str, ...]:
        """Currencies deals may be in."""
        return (self.currency, *self.more_currencies)

    def pipeline(self, pipeline_id: str) -> Pipeline | None:
        """Return a deal pipeline."""
        return next((each for each in self.pipelines if each.id == pipeline_id), None)

    def stage(self, values: Mapping[str, str]) -> Stage | None:
        """Return the stage a deal is in."""
        found = self.pipeline(values.get("pipeline", "default"))
        return found.stage(values.get("dealstage", "")) if found else None

    def details(self, now: datetime) -> dict[str, Any]:
        """Return the account as the account info API shows it."""
        offset = now.astimezone(ZoneInfo(self.time_zone)).utcoffset()
        minutes = int(offset.total_seconds() // 60) if offset else 0
        sign = "-" if minutes < 0 else "+"
        return {
            "portalId": PORTAL_ID,
            "accountType": self.account_type,
            "timeZone": self.time_zone,
            "companyCurrency": self.currency,
            "additionalCurrencies": list(self.more_currencies),
            "utcOffset": f"{sign}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}",
            "utcOffsetMilliseconds": minutes * 60_000,
            "uiDomain": "app.hubspot.com",
            "dataHostingLocation": "na1",
        }
