"""config.toml as text: its tables, and the line each key stands on, for errors that say where.

The TOML reader of the standard library keeps no positions, so a small scan of the text finds them again; what it does
not find (a key inside an inline table) gets the line of the nearest key around it.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from connector.config.errors import Fault, Loc, render_faults
from connector.config.secrets import holds_secret
from connector.domain.errors import ConfigError

_PART = r"""(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')"""
_NAME = rf"{_PART}(?:\s*\.\s*{_PART})*"
_TABLE = re.compile(rf"\s*\[\[?\s*({_NAME})\s*\]")
_KEY = re.compile(rf"\s*({_NAME})\s*=")
_POSITION = re.compile(r"\s*\(at (?:line (\d+), column (\d+)|end of document)\)$")
_STRIPE_REMEDY = 'Keep it elsewhere, write api_key = "env:STRIPE_API_KEY", and roll the key if others saw the file.'


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """The values of a file, their lines, and secrets that stand in it where none may."""

    name: str
    folder: Path
    values: Mapping[str, Any]
    lines: Mapping[Loc, int]
    faults: tuple[Fault, ...] = ()

    @property
    def referred(self) -> frozenset[str]:
        """Return the variables that references name."""
        texts = (value for _, value in leaves(self.values) if isinstance(value, str))
        return frozenset(text.removeprefix("env:") for text in texts if text.startswith("env:"))

    def line_of(self, loc: Loc) -> int:
        """Return the line of a key, or of the table around it."""
        for length in range(len(loc), 0, -1):
            if loc[:length] in self.lines:
                return self.lines[loc[:length]]
        return 1


def read_config_file(path: Path) -> ConfigFile:
    """Read the file. Raises ConfigError when it is not there or not TOML."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(
            f"{path}  CFG-001 there is no configuration file  Copy config.example.toml to {path} and edit it."
        ) from None
    except OSError as error:
        raise ConfigError(f"{path}  CFG-001 cannot be read ({error.strerror})  Check its owner and mode.") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}  CFG-001 is not UTF-8 text  Save it as UTF-8.") from None
    text = text.removeprefix("\ufeff")
    secrets = tuple(_find_secrets(str(path), text))
    try:
        values = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        syntax = _syntax_fault(str(path), text, str(error))
    else:
        return ConfigFile(str(path), path.absolute().parent, values, dict(_find_lines(text)), secrets)
    raise ConfigError(render_faults((*secrets, syntax)))


def leaves(values: Mapping[str, Any], loc: Loc = ()) -> Iterator[tuple[Loc, Any]]:
    """Yield every value that is no table, with its keys from the top down."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from leaves(value, (*loc, key))
        else:
            yield (*loc, key), value


def _syntax_fault(name: str, text: str, message: str) -> Fault:
    position = _POSITION.search(message)
    line = len(text.splitlines()) or 1
    column = ""
    if position and position[1]:
        line, column = int(position[1]), f":{position[2]}"
    reason = _POSITION.sub("", message)
    return Fault(f"{name}:{line}{column}", line, "CFG-002", f"not valid TOML: {reason[:1].lower()}{reason[1:]}")


def _find_secrets(name: str, text: str) -> Iterator[Fault]:
    for number, line in enumerate(text.splitlines(), start=1):
        if holds_secret(line):
            yield Fault(f"{name}:{number}", number, "CFG-006", "a secret must not stand in the file", _STRIPE_REMEDY)


def _find_lines(text: str) -> Iterator[tuple[Loc, int]]:
    table: Loc = ()
    quote = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if quote:  # inside a text of several lines
            quote = "" if quote in line else quote
            continue
        if found := _TABLE.match(line):
            table = _parts(found[1])
            yield table, number
        elif found := _KEY.match(line):
            yield (*table, *_parts(found[1])), number
            quote = next((mark for mark in ('"""', "'''") if line.count(mark) % 2), "")


def _parts(name: str) -> Loc:
    return tuple(part.strip("\"'") for part in re.findall(_PART, name))
