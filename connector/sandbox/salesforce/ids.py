"""Record ids: 15 case-sensitive characters, or 18 with a checksum that survives case-insensitive systems.

Each group of five characters yields one checksum letter: bit i is set when character i is upper case (vendor page on
record ids). The first three characters are the object's key prefix.
"""

from __future__ import annotations

import re

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CHECKSUM = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_FORM = re.compile(r"[A-Za-z0-9]{15}([A-Za-z0-9]{3})?")
_INSTANCE = "8Z0"
"""Characters 4 to 6 name the instance and a reserved zero in real ids; one fixed value keeps ids reproducible."""


def checksum(short: str) -> str:
    """Return the three letters that make a 15-character id an 18-character one."""
    groups = (short[i : i + 5] for i in (0, 5, 10))
    return "".join(_CHECKSUM[sum(1 << i for i, letter in enumerate(group) if letter.isupper())] for group in groups)


def make_id(prefix: str, number: int) -> str:
    """Return the id of the ``number``-th record of an object."""
    digits = ""
    while number:
        number, digit = divmod(number, 62)
        digits = _ALPHABET[digit] + digits
    short = f"{prefix}{_INSTANCE}{digits:0>9}"
    return short + checksum(short)


def canonical(record_id: str) -> str | None:
    """Return the 18-character form of either form, or None when the text is no id at all."""
    if not _FORM.fullmatch(record_id):
        return None
    if len(record_id) == 15:
        return record_id + checksum(record_id)
    return _restore_case(record_id[:15], record_id[15:].upper())


def _restore_case(short: str, letters: str) -> str | None:
    """Let the checksum tell which letters were upper case: an 18-character id may arrive in any case."""
    restored = []
    for i, letter in enumerate(short):
        mask = _CHECKSUM.find(letters[i // 5])
        if mask < 0:
            return None
        upper = bool(mask >> (i % 5) & 1)
        if upper and not letter.isalpha():
            return None
        restored.append(letter.upper() if upper else letter.lower())
    return "".join(restored) + letters
