"""The properties and the pair of labels that a portal has after the connector's setup ran.

The emulator keeps its own list, as it imports nothing of the product: a portal is what the admin says it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector.sandbox.hubspot.schema import parse

if TYPE_CHECKING:
    from connector.sandbox.hubspot.links import Links
    from connector.sandbox.hubspot.schema import Schema

GROUP, GROUP_LABEL = "billing_sync", "Billing sync"
LABEL, INVERSE_LABEL, LABEL_NAME = "Amends", "Amended by", "bsync_amends"
DEALS = """
action                   select:new|amend|renew|terminate|skip
original_deal            text
contract_key             text
contract_start_date      date
contract_end_date        date
effective_date           date
amendment_mode           select:delta|restate
proration                select:none|create_prorations|always_invoice
termination_mode         select:period_end|on_date|now
collection_method        select:charge_automatically|send_invoice
days_until_due           number
auto_renew               bool
release                  bool
status                   select:pending|blocked|needs_review|syncing|synced|failed|terminated
status_detail            area
error_code               text
synced_at                datetime
fingerprint              text
stripe_customer_id       text
stripe_schedule_id       text
stripe_subscription_id   text
stripe_url               text
segment_count            number
current_segment          number
current_segment_label    text
next_change_date         date
current_mrr              number
"""
LINE_ITEMS = """
segment_index    number
segment_label    text
line_key         text
change           select:add|update|remove
end_date         date
usage            bool
stripe_price_id  text
"""
COMPANIES = """
stripe_customer_id  text  uniq
billing_email       text
"""
PRODUCTS = """
stripe_product_id  text
"""
_TABLES = {"deals": DEALS, "line_items": LINE_ITEMS, "companies": COMPANIES, "products": PRODUCTS}


def set_up(schema: Schema, links: Links, prefix: str = "bsync_") -> None:
    """Define group, properties and label pair."""
    for name, lines in _TABLES.items():
        kind = schema[name]
        kind.groups[GROUP] = {"name": GROUP, "label": GROUP_LABEL, "displayOrder": -1, "archived": False}
        for made in parse(lines, GROUP):
            made.hubspot_defined = False
            made.name = prefix + made.name
            kind.properties[made.name] = made
    deals = schema["deals"]
    links.define_own(deals, deals, LABEL, INVERSE_LABEL, LABEL_NAME)
