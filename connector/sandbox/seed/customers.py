"""Harbourline's customers: invented companies with believable addresses, tax ids and bill-to contacts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Customer:
    """An account with the person who gets its invoices."""

    name: str
    street: str
    city: str
    state: str | None
    postal_code: str
    country: str
    tax_id: str | None
    first_name: str
    last_name: str
    title: str = "Accounts Payable"

    @property
    def email(self) -> str:
        """A mailbox under a name that never resolves to anyone."""
        return (
            f"{self.first_name}.{self.last_name}@example.com".lower()
            .replace(" ", "")
            .encode("ascii", "ignore")
            .decode()
        )


CUSTOMERS = {
    "everbright": Customer(
        "Everbright Cold Chain Inc.",
        "2200 W Fulton St",
        "Chicago",
        "Illinois",
        "60612",
        "US",
        None,
        "Dana",
        "Whitfield",
    ),
    "alpenfracht": Customer(
        "Alpenfracht Spedition GmbH",
        "Industriestr. 14",
        "Rosenheim",
        None,
        "83022",
        "DE",
        "DE811907980",
        "Jonas",
        "Brandl",
    ),
    "heron": Customer(
        "Blue Heron Freight Ltd", "7 Canal Wharf", "Leeds", None, "LS11 5PS", "GB", "GB980780684", "Priya", "Nair"
    ),
    "kestrel": Customer(
        "Kestrel Last Mile B.V.",
        "Waalhaven Z.z. 19",
        "Rotterdam",
        None,
        "3089 JH",
        "NL",
        "NL853746333B01",
        "Sanne",
        "Visser",
    ),
    "mesa": Customer(
        "Grand Mesa Haulage LLC",
        "845 Struthers Ave",
        "Grand Junction",
        "Colorado",
        "81501",
        "US",
        None,
        "Luis",
        "Ortega",
    ),
    "juniper": Customer(
        "Juniper Foods Distribution Inc.", "310 Commerce Dr", "Fresno", "California", "93725", "US", None, "Kim", "Tran"
    ),
    "pinecrest": Customer(
        "Pinecrest Building Supply Inc.", "1190 Mill Rd", "Spokane", "Washington", "99202", "US", None, "Ruth", "Ellery"
    ),
    "lumen": Customer(
        "Lumen Retail Supply S.A.S.",
        "12 Quai Rambaud",
        "Lyon",
        None,
        "69002",
        "FR",
        "FR40303265045",
        "Camille",
        "Roche",
    ),
    "quayside": Customer(
        "Quayside Imports Ltd", "Alexandra Rd", "Dublin", None, "D01 H4C6", "IE", "IE6388047V", "Aoife", "Kelleher"
    ),
    "redwood": Customer(
        "Redwood Crate & Freight LLC", "55 Harbor Way", "Eureka", "California", "95501", "US", None, "Tom", "Abara"
    ),
    "hanami": Customer(
        "Hanami Delivery K.K.", "3-8-1 Kaigan, Minato-ku", "Tokyo", "Tokyo", "105-0022", "JP", None, "Haruka", "Mori"
    ),
    "dunes": Customer(
        "Delta & Dunes Logistics W.L.L.",
        "Street 30, Shuwaikh",
        "Kuwait City",
        None,
        "70651",
        "KW",
        None,
        "Fahad",
        "Saleh",
    ),
    "orchard": Customer(
        "Orchard Valley Produce Co.",
        "48 Packing House Rd",
        "Yakima",
        "Washington",
        "98902",
        "US",
        None,
        "Grace",
        "Hume",
    ),
    "nordwind": Customer(
        "Nordwind Kontraktlogistik AG",
        "Hafenstrasse 87",
        "Basel",
        None,
        "4057",
        "CH",
        "CHE-109.322.551 MWST",
        "Reto",
        "Frei",
    ),
    "corvo": Customer(
        "Corvo Transportes Lda", "Rua do Ouro 201", "Porto", None, "4150-552", "PT", "PT501964843", "Ines", "Matos"
    ),
    "maple": Customer(
        "Maple Harbour Movers Inc.",
        "600 Barrington St",
        "Halifax",
        "Nova Scotia",
        "B3J 1Z6",
        "CA",
        None,
        "Owen",
        "Pike",
    ),
    "ironbridge": Customer(
        "Ironbridge Couriers Ltd",
        "Unit 4, Halesfield 9",
        "Telford",
        None,
        "TF7 4QL",
        "GB",
        "GB685547213",
        "Meg",
        "Lathom",
    ),
    "silverlake": Customer(
        "Silverlake Pharma Logistics Inc.",
        "9 Research Pkwy",
        "Durham",
        "North Carolina",
        "27713",
        "US",
        None,
        "Ana",
        "Kessler",
    ),
    "fjordline": Customer(
        "Fjordline Parcel AS", "Skoltegrunnskaien 1", "Bergen", None, "5003", "NO", "NO923609016MVA", "Silje", "Haugen"
    ),
}
