"""What Quillmoor sells: a shared inbox by the seat and month, and what goes with it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Product:
    """An entry of the product library; ``frequency`` none is sold once."""

    key: str
    sku: str
    name: str
    price: str
    frequency: str | None = "monthly"
    description: str = ""


PRODUCTS = {
    product.key: product
    for product in (
        Product("seat", "QM-SEAT", "Inbox seat", "39", description="One agent of the shared inbox"),
        Product("plus", "QM-SEAT-PLUS", "Inbox seat Plus", "59", description="With routing rules and reports"),
        Product("guest", "QM-GUEST", "Guest seat", "9", description="May read and comment"),
        Product("archive", "QM-ARCHIVE", "Mail archive", "120", description="Seven years of mail, searchable"),
        Product("answers", "QM-ANSWERS", "Suggested answers", "0.08", description="Per answer, in packs sold by tier"),
        Product("platform", "QM-PLATFORM", "Inbox platform", "4800", "annually", "Yearly base fee"),
        Product("support", "QM-SUPPORT", "Priority support", "750", "quarterly", "Answer within the hour"),
        Product("setup", "QM-SETUP", "Guided setup", "2400", None, "Import, rules and training"),
    )
}
