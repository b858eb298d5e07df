"""All schedules of a Stripe account, read in pages: a hundred to a call instead of a call each.

A list is newest first and strongly consistent; a schedule that is made while it is read is not met (stripe.md E).
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from zoneinfo import ZoneInfo

from connector.billing.client import Api
from connector.billing.endpoints import ENDPOINTS
from connector.billing.normalize import read_schedule
from connector.compile.resource import Key
from connector.journal import Journal, Link
from connector.plan.existing import ExistingObject
from connector.plan.prices import Terms, terms_of_params

PAGE = 100  # the largest page the API gives

Answer = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Linked:
    """A schedule of a page, the link that knows it, and the terms of the prices it was applied with."""

    link: Link
    held: ExistingObject
    terms: Terms


def pages(api: Api, path: str, params: Mapping[str, Any]) -> Iterator[list[Answer]]:
    """Yield the pages of a list, newest first."""
    wanted: dict[str, Any] = {**params, "limit": PAGE}
    while True:
        answer = api.get(path, wanted)
        if answer["data"]:
            yield answer["data"]
        if not answer.get("has_more"):
            return
        wanted["starting_after"] = answer["data"][-1]["id"]


def schedule_pages(api: Api) -> Iterator[list[Answer]]:
    """Yield all schedules with what a comparison needs, one call a page."""
    expand = [f"data.{path}" for path in ENDPOINTS["subscription_schedule"].expand]
    return pages(api, "/v1/subscription_schedules", {"expand": expand})


def linked(page: Iterable[Answer], journal: Journal, connection: str, zone: ZoneInfo) -> dict[str, Linked]:
    """Return the schedules of a page that a connection's journal knows, by their ids."""
    answers = {str(answer["id"]): answer for answer in page}
    links = {link.stripe_id: link for link in journal.stripe_links(connection, answers) if _is_schedule(link)}
    ours = [answers[stripe_id] for stripe_id in links]
    named = {stripe_id for answer in ours for stripe_id in _named(answer)}
    names = {one.stripe_id: Key(one.kind, one.key) for one in journal.stripe_links(connection, named)}  # type: ignore[arg-type]
    terms = _terms(links.values(), journal, connection)
    found = {}
    for stripe_id, link in links.items():
        held = read_schedule(answers[stripe_id], names, zone)
        applied = dict(link.applied) if link.applied_hash else None
        found[stripe_id] = Linked(link, replace(held, applied=applied), terms)
    return found


def _is_schedule(link: Link) -> bool:
    return link.kind == "subscription_schedule"


def _named(answer: Answer) -> Iterator[str]:
    """Yield the ids of products and coupons that a schedule names."""
    for phase in answer["phases"]:
        yield from _coupons(phase)
        for item in (*phase["items"], *(phase.get("add_invoice_items") or ())):
            yield from _coupons(item)
            price = item["price"]
            yield str(price["product"]["id"] if isinstance(price["product"], Mapping) else price["product"])


def _coupons(holder: Answer) -> Iterator[str]:
    for discount in holder.get("discounts") or ():
        coupon = discount.get("coupon")
        if coupon:
            yield str(coupon["id"] if isinstance(coupon, Mapping) else coupon)


def _terms(links: Collection[Link], journal: Journal, connection: str) -> Terms:
    names = {("price", name) for link in links for name in _price_names(link.applied)}
    prices = journal.links(connection, names)
    return terms_of_params({name: dict(link.applied) for (_, name), link in prices.items()})


def _price_names(applied: Mapping[str, Any]) -> Iterator[str]:
    for phase in applied.get("phases", ()):
        for item in phase.get("items", ()):
            price = item.get("price")
            if isinstance(price, Mapping):
                yield str(price["$ref"]).removeprefix("price/")
