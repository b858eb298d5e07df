"""The portal's object types with their ids, default properties and searched properties (vendor's table)."""

from __future__ import annotations

from connector.sandbox.hubspot import catalog
from connector.sandbox.hubspot.schema import ObjectType, Schema, object_type

_AGES = ("createdate", "hs_lastmodifieddate", "hs_object_id")
_OTHERS = """
0-5 tickets ticket
0-18 communications communication
0-47 meetings meeting
0-48 calls call
0-49 emails email
0-53 invoices invoice
0-64 quote_templates quote_template
0-84 discounts discount
0-85 fees fee
0-86 taxes tax
0-101 payments commerce_payment
0-115 users user
0-123 orders order
0-136 leads lead
0-142 carts cart
0-162 services service
"""


def default_schema() -> Schema:
    """Return the types of a fresh portal."""
    return Schema([*_sales(), _products(), *_people(), *_activities(), *_commerce(), *_others()])


def _sales() -> list[ObjectType]:
    deals = object_type(
        "0-3",
        "deals",
        "deal",
        catalog.DEALS,
        primary="dealname",
        defaults=("dealname", "amount", "closedate", "pipeline", "dealstage", *_AGES),
        searched=("dealname", "pipeline", "dealstage", "description", "dealtype"),
        required=("dealname", "dealstage"),
        created_property="createdate",
    )
    lines = object_type(
        "0-8",
        "line_items",
        "line_item",
        catalog.LINE_ITEMS,
        primary="name",
        defaults=("quantity", "amount", "price", *_AGES),
        created_property="createdate",
    )
    quotes = object_type(
        "0-14",
        "quotes",
        "quote",
        catalog.QUOTES,
        primary="hs_title",
        defaults=("hs_expiration_date", "hs_public_url_key", "hs_status", "hs_title", "hs_createdate", *_AGES[1:]),
        searched=("hs_title", "hs_quote_number", "hs_sender_email", "hs_sender_company_name", "hs_public_url_key"),
        required=("hs_title", "hs_expiration_date"),
    )
    return [deals, lines, quotes]


def _products() -> ObjectType:
    return object_type(
        "0-7",
        "products",
        "product",
        catalog.PRODUCTS,
        primary="name",
        defaults=("name", "description", "price", *_AGES),
        searched=("name", "description", "price", "hs_sku"),
        created_property="createdate",
    )


def _people() -> list[ObjectType]:
    companies = object_type(
        "0-2",
        "companies",
        "company",
        catalog.COMPANIES,
        primary="name",
        defaults=("name", "domain", *_AGES),
        searched=("website", "phone", "name", "domain"),
        created_property="createdate",
    )
    contacts = object_type(
        "0-1",
        "contacts",
        "contact",
        catalog.CONTACTS,
        primary="email",
        defaults=("firstname", "lastname", "email", "createdate", "lastmodifieddate", "hs_object_id"),
        searched=("firstname", "lastname", "email", "phone", "hs_additional_emails", "company"),
        created_property="createdate",
        modified_property="lastmodifieddate",
    )
    return [companies, contacts]


def _activities() -> list[ObjectType]:
    notes = object_type(
        "0-46",
        "notes",
        "note",
        catalog.NOTES,
        primary="hs_note_body",
        searched=("hs_note_body",),
        required=("hs_timestamp",),
    )
    tasks = object_type(
        "0-27",
        "tasks",
        "task",
        catalog.TASKS,
        primary="hs_task_subject",
        searched=("hs_task_body", "hs_task_subject"),
        required=("hs_timestamp",),
    )
    return [notes, tasks]


def _commerce() -> list[ObjectType]:
    return [
        object_type("0-69", "subscriptions", "subscription", catalog.SUBSCRIPTIONS),
        object_type("0-721", "contracts", "contract", catalog.CONTRACTS),
    ]


def _others() -> list[ObjectType]:
    named = [line.split() for line in _OTHERS.strip().splitlines()]
    return [object_type(type_id, name, singular, "hs_name text\n") for type_id, name, singular in named]
