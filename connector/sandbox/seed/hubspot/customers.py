"""Quillmoor's customers: invented companies, each with the person who gets its invoices."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Customer:
    """A company record and its billing contact; the country is free text, as people type it."""

    name: str
    domain: str
    street: str
    city: str
    state: str
    zip: str
    country: str
    first_name: str
    last_name: str

    @property
    def email(self) -> str:
        """A mailbox under a name that never resolves to anyone."""
        return f"{self.first_name}.{self.last_name}@{self.domain}".lower()


def _customer(name: str, place: str, person: str) -> Customer:
    street, city, state, code, country = (part.strip() for part in place.split("|"))
    first, last = person.split()
    domain = f"{name.split(maxsplit=1)[0].lower()}.example.com"
    return Customer(name, domain, street, city, state, code, country, first, last)


CUSTOMERS = {
    "mossgate": _customer(
        "Mossgate Outfitters Inc.", "41 Alder St|Portland|Oregon|97205|United States", "Renee Calder"
    ),
    "brightloom": _customer("Brightloom Textiles LLC", "900 Mill Ave|Greenville|SC|29601|USA", "Owen Tate"),
    "harrowby": _customer("Harrowby Travel Ltd", "12 Quay Lane|Bristol||BS1 4DJ|United Kingdom", "Imogen Shaw"),
    "wiesengrund": _customer("Wiesengrund Versand GmbH", "Lindenweg 8|Kassel||34117|Germany", "Tobias Rehm"),
    "pinnock": _customer("Pinnock Dental Group", "77 Harbor Blvd|Tampa|Florida|33602|US", "Luis Ortega"),
    "sakuragi": _customer("Sakuragi Foods KK", "2-4-1 Honmachi|Osaka||541-0053|Japan", "Mika Arai"),
    "ravensholt": _customer("Ravensholt Events Inc.", "350 W 5th St|Austin|TX|78701|United States", "Paula Grey"),
    "coldbrook": _customer("Coldbrook Insurance Co.", "1 Chapel Sq|Hartford|CT|06103|United States", "Neil Abbot"),
    "tessaly": _customer("Tessaly Games Studio", "Rue du Port 5|Lyon||69002|France", "Claire Morel"),
    "oakhurst": _customer("Oakhurst Property Trust", "66 Elm Rd|Columbus|OH|43215|United States", "Dean Fowler"),
    "fernandina": _customer("Fernandina Boats LLC", "18 Dock St|Savannah|GA|31401|USA", "Rosa Pike"),
    "lanternhill": _customer("Lanternhill Schools", "5 College Way|Madison|WI|53703|United States", "Amy Strand"),
}
