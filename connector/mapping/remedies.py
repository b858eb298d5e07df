"""What to do about a fault of a mapping file, where nothing more exact can be said than its code tells."""

from collections.abc import Mapping
from types import MappingProxyType

REMEDIES: Mapping[str, str] = MappingProxyType(
    {
        "MAP-001": "Look at the line and the one above it: brackets, quotes, colons and indentation must match.",
        "MAP-002": "Keep one of the two.",
        "MAP-003": "Split the file with include, or write out what is repeated less often.",
        "MAP-004": "Take out the word that begins with an exclamation mark.",
        "MAP-005": "Begin with: version: 1",
        "MAP-006": "Write version: 1, or use the program that the file was made for.",
        "MAP-010": "Take it out, or correct its name.",
        "MAP-011": "Take it out, or correct its name; docs/mapping.md lists all slots.",
        "MAP-012": "Take it out, or correct its name.",
        "MAP-013": "Add it; docs/mapping.md shows a whole small file. A file that includes another need not repeat it.",
        "MAP-014": "Write it as the page docs/mapping.md shows it.",
        "MAP-020": "Name a field, such as TotalAmount, or a way to it, such as Account.Name.",
        "MAP-021": "Write one of: from: FIELD, first_of: [...], const: VALUE.",
        "MAP-022": "docs/mapping.md lists all converters.",
        "MAP-023": "Write it like {truncate: 350}, or without an argument like trim.",
        "MAP-024": "Write it like {path: Status, eq: Activated}; combine several under all or any.",
        "MAP-025": "Write a value that fits the slot, or leave the rule out.",
        "MAP-026": "Leave it out.",
        "MAP-030": "Take it out, or correct its name.",
        "MAP-031": "See Stripe's API reference for its parameters.",
        "MAP-032": "Leave it out.",
        "MAP-033": "Choose a shorter key.",
        "MAP-034": "Leave one out, or shorten its name.",
        "MAP-035": "Write it in section stripe.",
        "MAP-040": "docs/policies.md explains all policies.",
        "MAP-050": "Take it out, or correct its name; docs/mapping.md lists all statuses.",
        "MAP-060": "Name a .yaml file in the same folder or below it.",
        "MAP-061": "Let one file include the others, and none of them include it.",
        "MAP-062": "Take it out of the list.",
        "MAP-101": "Leave it out.",
    }
)

#: What the YAML reader says → what to do.
SYNTAX: tuple[tuple[str, str], ...] = (
    (
        "cannot start any token",
        "Indent with spaces, never with tabs, and put text with signs such as @ or % in quotes.",
    ),
    ("mapping values are not allowed", "A colon may be missing on the line above, or text with a colon needs quotes."),
    ("undefined alias", "Text that begins with * must be in quotes."),
    ("expected ',' or", "A bracket is open: add the missing ] or }, or a comma."),
    ("could not find expected ':'", "Add the colon after the name, and a space after it."),
    ("expected <block end>", "Indent all entries of a table alike."),
)


def remedy(code: str, message: str) -> str:
    """Return what to do about a fault: by the reader's words for a fault of YAML, else by its code."""
    if code == "MAP-001":
        return next((says for words, says in SYNTAX if words in message), REMEDIES[code])
    return REMEDIES.get(code, "")
