"""What HubSpot does to a quote when a rep publishes it and a buyer accepts it (vendor's quotes guide).

Publishing locks the quote, makes it the deal's primary one and gives the deal its own copies of the lines, with new
ids. Acceptance is a status on a CPQ quote and a date and a count of signers on a legacy one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector.sandbox.hubspot.clock import stamp

if TYPE_CHECKING:
    from connector.sandbox.hubspot.backdoor import Backdoor

PRIMARY_QUOTE = 1393
_OWN = ("hs_createdate", "createdate", "hs_lastmodifieddate")


def publish(portal: Backdoor, quote_id: str) -> list[str]:
    """Publish a quote; returns the ids of the lines its deals were given."""
    link = f"https://app.hubspot.com/quotes/{quote_id}"
    status = {"hs_status": "APPROVAL_NOT_NEEDED", "hs_quote_link": link, "hs_public_url_key": f"key{quote_id}"}
    portal.update("quotes", quote_id, status)
    made = []
    for deal_id in portal.associated("quotes", quote_id, "deals"):
        portal.associate("deals", deal_id, "quotes", quote_id, PRIMARY_QUOTE)
        for old in portal.associated("deals", deal_id, "line_items"):
            portal.archive("line_items", old)
        rows = portal.records("line_items")
        for line_id in portal.associated("quotes", quote_id, "line_items"):
            values = {name: value for name, value in rows[line_id].items() if name not in _OWN}
            copy = portal.insert("line_items", values)
            portal.associate("deals", deal_id, "line_items", copy)
            made.append(copy)
    return made


def accept(portal: Backdoor, quote_id: str) -> None:
    """Let the buyer accept a published quote."""
    quote = portal.records("quotes")[quote_id]
    if quote.get("hs_template_type") == "CPQ_QUOTE":
        portal.update("quotes", quote_id, {"hs_status": "ACCEPTED"})
        return
    signed = {"hs_esign_num_signers_required": "1", "hs_esign_num_signers_completed": "1"}
    portal.update("quotes", quote_id, {**signed, "hs_esign_date": stamp(portal.store.clock.ms())})
