"""What must never be read in a log, an alert or a report: secrets, and at info and above the addresses of people.

Two nets. What looks like a secret is masked by its form. What *is* one, because it was looked up in this process
(`remember_secret`), is masked by its value, whatever it looks like: a password has no form. Every sink calls `masked`.
"""

import json
import re
import threading
from urllib.parse import quote, quote_plus, unquote, urlsplit

SECRET = re.compile(r"(?<![A-Za-z0-9_])(?:[sr]k_\w{8,}|whsec_\w{8,}|-----BEGIN [A-Z ]*PRIVATE KEY-----)")
_MASK = "(secret)"
_KEY_BODY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL)
#: Other forms of secrets: what is kept stands in groups, the secret in between goes.
_FORMS = (
    re.compile(r"(?i)(\bauthorization\b[\"']?\s*[:=]\s*[\"']?)(?:(?:bearer|basic|token)\s+)?[^\s\"',;}]+()"),
    re.compile(r"(?i)(\b(?:bearer|basic)\s+)[A-Za-z0-9+/=_.~-]{12,}()"),
    re.compile(
        r"(?i)([\"']?\b(?:[a-z]+_)*(?:password|passwd|secret|api_?key|(?:access|refresh|security|id)_?token|assertion|"
        r"session_?id|sid)\b[\"']?\s*[:=]\s*[\"']?)(?!(?:env|file|keyring):|\(secret\))[^\s\"',;&}]+()"
    ),
    re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s:/@]*:)[^\s/@]+(@)"),
    re.compile(r"()\beyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]*()"),
    re.compile(r"()\bpat-[a-z0-9]{2,4}-[A-Za-z0-9-]{8,}()"),
    re.compile(r"(\bhttps://hooks\.[\w.-]+/)[\w/-]+()"),
    re.compile(r"()\b00D[A-Za-z0-9]{12,15}![\w.]{16,}()"),
)
_MAIL = re.compile(r"(?<![\w.+/-])([\w])[\w.+-]*@([\w-]+(?:\.[\w-]+)+)")
#: Shorter values would be found in ordinary words.
_SHORTEST = 6
_MOST = 512
#: A shorter path is no secret: the database of a URL is named there.
_LONG_PATH = 24

_lock = threading.Lock()
_known: tuple[str, ...] = ()


def remember_secret(value: str) -> None:
    """Mask this value from now on wherever it turns up, also as it stands in an address or in JSON.

    Of an address its path and its password are masked alone, too: libraries log them apart.
    """
    global _known  # noqa: PLW0603 -- a process has one set of secrets, as it has one stderr
    parts = [value, *_parts(value)] if "://" in value else [value]
    spelled = ({part, quote(part, safe=""), quote_plus(part), json.dumps(part)[1:-1]} for part in parts)
    forms = {form for each in spelled for form in each if len(form) >= _SHORTEST}
    with _lock:
        kept = [each for each in _known if each not in forms]
        _known = tuple(sorted([*kept[-_MOST:], *forms], key=len, reverse=True))


def _parts(address: str) -> list[str]:
    try:
        split = urlsplit(address)
    except ValueError:
        return []
    path = split.path if len(split.path) >= _LONG_PATH else ""
    return [part for part in (path, unquote(split.password or "")) if part]


def masked(text: str, *, mail: bool = True) -> str:
    """Return the text without secrets and, with `mail`, without the addresses of people (a@acme.example: a…@…)."""
    for value in _known:
        if value in text:
            text = text.replace(value, _MASK)
    text = _KEY_BODY.sub(_MASK, text)
    text = SECRET.sub(_MASK, text)
    for form in _FORMS:
        text = form.sub(rf"\1{_MASK}\2", text)
    return _MAIL.sub(r"\1…@\2", text) if mail else text
