"""Converters of text: lines of an address, rich text, languages, tax numbers. The table is in `converters.py`."""

import html
import re

from stdnum.eu import vat as eu_vat
from stdnum.exceptions import ValidationError
from stdnum.gb import vat as gb_vat

from connector.mapping.values import UnreadableError, as_text, row

_TAG = re.compile(r"<[^<>]{0,500}>")
_BREAK = re.compile(r"<\s*(?:br|/p|/div|/li)\b[^<>]{0,100}>", re.IGNORECASE)

_URL = re.compile(r"https?://[\w-]+(?:\.[\w-]+)+(?::\d{1,5})?(?:[/?#][^\s<>]*)?", re.IGNORECASE)
_LOCALE = re.compile(r"([A-Za-z]{2,3})(?:[-_]([A-Za-z]{2}|\d{3}))?(?:[.@].*)?")


def single_line(value: object) -> str:
    """Text on one line: every run of spaces and line ends becomes one space."""
    return " ".join(as_text(value).split())


def first_line(value: object) -> str:
    """First line of a text of several lines, such as a street."""
    return next(iter(_lines(value)), "")


def other_lines(value: object) -> str:
    """All lines but the first, joined with commas; empty when there is only one."""
    return ", ".join(_lines(value)[1:])


def plain_text(value: object) -> str:
    """Text without the tags of a rich-text field."""
    text = html.unescape(_TAG.sub("", _BREAK.sub("\n", as_text(value))))
    return "\n".join(line.strip() for line in text.splitlines() if line.strip())


def digits(value: object) -> str:
    """Digits of a text, without everything between them."""
    return "".join(re.findall(r"[0-9]", as_text(value)))


def joined(value: object, between: object) -> str:
    """Text from a list, with the argument between its parts."""
    return as_text(between).join(as_text(part) for part in value) if isinstance(value, list | tuple) else as_text(value)


def prefixed(value: object, before: object) -> str:
    """Text with the argument in front, unless it begins so already."""
    text, front = as_text(value), as_text(before)
    return text if text.startswith(front) else front + text


def as_url(value: object) -> str:
    """Web address; one without a scheme gets https."""
    text = as_text(value).strip()
    whole = text if re.match(r"[a-z][a-z0-9+.-]*://", text, re.IGNORECASE) else f"https://{text}"
    if len(whole) <= 2048 and _URL.fullmatch(whole):
        return whole
    msg = "is not a web address"
    raise UnreadableError(msg)


def as_locale(value: object) -> str:
    """Language of a person as Stripe takes it (IETF tag), from a CRM's language or locale."""
    if match := _LOCALE.fullmatch(as_text(value).strip()):
        language, region = match[1].lower(), match[2]
        return f"{language}-{region.upper()}" if region else language
    msg = "is not a language (expected like en or pt_BR)"
    raise UnreadableError(msg)


def as_vat_id(value: object) -> str:
    """VAT number of the European Union or Great Britain, in its usual spelling; its check digits are checked too."""
    text = re.sub(r"[\s.\-/]", "", as_text(value)).upper()
    try:
        if text[:2] == "GB":
            return f"GB{gb_vat.validate(text)}"
        return str(eu_vat.validate(f"EL{text[2:]}" if text[:2] == "GR" else text))
    except ValidationError:
        msg = "is not a VAT number (expected like DE123456788)"
        raise UnreadableError(msg) from None


def _lines(value: object) -> list[str]:
    return [line.strip() for line in as_text(value).splitlines() if line.strip()]


TEXT_ROWS = (
    row("single_line", single_line, (" Main St\n Floor 2 ", "Main St Floor 2")),
    row("first_line", first_line, ("1 Main St\r\nFloor 2", "1 Main St"), ("1 Main St", "1 Main St")),
    row("other_lines", other_lines, ("1 Main St\nFloor 2\nDoor 3", "Floor 2, Door 3"), ("1 Main St", "")),
    row("plain_text", plain_text, ("<p>Bill to <b>HQ</b></p>", "Bill to HQ"), ("a &amp; b", "a & b")),
    row("digits", digits, ("+1 (555) 010-0", "15550100"), ("PO 77", "77")),
    row("join", joined, (("card", "sepa_debit"), "card, sepa_debit"), argument=str, given=", "),
    row("prefix", prefixed, ("4711", "PO 4711"), ("PO 4711", "PO 4711"), argument=str, given="PO "),
    row("url", as_url, ("example.com", "https://example.com"), ("http://example.com/a", "http://example.com/a")),
    row("locale", as_locale, ("en_US", "en-US"), ("de", "de"), ("pt_BR.UTF-8", "pt-BR")),
    row("vat_id", as_vat_id, ("DE 123 456 788", "DE123456788"), ("gr123456783", "EL123456783")),
)
