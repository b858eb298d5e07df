"""Takes people and companies out of CRM records, and leaves what billing is computed from. Pure."""

import re
from collections.abc import Callable
from typing import Any

#: Field name pattern → placeholder, the first that fits. Free text is told by its name; picklists are kept.
_RULES: tuple[tuple[re.Pattern[str], Callable[[int], str]], ...] = (
    (re.compile(r"mail(?!ing)", re.IGNORECASE), lambda n: f"person{n}@example.com"),
    (re.compile(r"phone|fax|mobile", re.IGNORECASE), lambda n: f"+1555{n:07d}"),
    (re.compile(r"street|address_?line|^address2?$", re.IGNORECASE), lambda n: f"{n} Example Street"),
    (re.compile(r"City$|_city$|^city$"), lambda n: f"City {n}"),
    (re.compile(r"postal|zip", re.IGNORECASE), lambda n: f"{n:05d}"),
    (re.compile(r"tax_?(id|num)(?!.*type)|(?<![a-z])vat", re.IGNORECASE), lambda n: f"TAX{n}"),
    (re.compile(r"po_?num", re.IGNORECASE), lambda n: f"PO-{n}"),
    (re.compile(r"website|url|link", re.IGNORECASE), lambda n: f"https://example.com/{n}"),
    (re.compile(r"desc|note|comment|memo|message", re.IGNORECASE), lambda n: f"Description {n}"),
    (re.compile(r"name|^company$|^domain$", re.IGNORECASE), lambda n: f"Name {n}"),
)
_PICKLISTS = frozenset({"StageName", "ForecastCategoryName"})
_SUFFIX = re.compile(r"__[a-z]+$")
_ID = re.compile(r"(?=\D*\d)[a-zA-Z0-9]{15}(?:[a-zA-Z0-9]{3})?")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


class Redaction:
    """Placeholders for one file: numbered as they come, the same value always the same."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[tuple[int, str], str] = {}

    def fields(self, name: str, fields: dict[str, Any]) -> dict[str, Any]:
        """Return a record's fields with personal text replaced; `name` is the record's object."""
        return {field: self._value(name, field, value) for field, value in fields.items()}

    def _value(self, name: str, field: str, value: Any) -> Any:
        if isinstance(value, dict):  # a compound address or name
            return {part: self._value(name, part, inner) for part, inner in value.items()}
        if (
            not isinstance(value, str)
            or field in _PICKLISTS
            or (field.endswith(("Id", "__c")) and _ID.fullmatch(value))
        ):
            return value
        plain = _SUFFIX.sub("", field)
        for number, (pattern, placeholder) in enumerate(_RULES):
            if pattern.search(plain) or (number == 0 and _EMAIL.fullmatch(value)):
                return self._placeholder(number, value, placeholder)
        return value

    def _placeholder(self, number: int, value: str, placeholder: Callable[[int], str]) -> str:
        count = sum(1 for rule, _ in self._known if rule == number) + 1
        return self._known.setdefault((number, value), placeholder(count))
