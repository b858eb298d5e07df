"""Settings from the environment: CONNECTOR_MODE, CONNECTOR_STRIPE__API_KEY, … Two underscores go down one table.

A secret may stand in its variable itself; it is then kept as a reference to that variable and never read here.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, cast

from pydantic import BaseModel
from pydantic_settings import BaseSettings, EnvSettingsSource

from connector.config.errors import Fault, Loc, holds_table, model_at
from connector.config.rules import has_password
from connector.config.secrets import is_reference

PREFIX = "CONNECTOR_"
_JSON_REMEDY = 'Write {"key": "value"}, or one variable for each key.'
SECRETS = frozenset(
    {"access_token", "api_key", "client_id", "client_secret", "password", "security_token", "private_key", "session_id"}
)


@dataclass(frozen=True, slots=True)
class Environment:
    """The values that variables give, and which variable gave each."""

    values: Mapping[str, Any]
    names: Mapping[Loc, str]
    faults: tuple[Fault, ...] = ()

    def name_of(self, loc: Loc) -> str:
        """Return the variable that set this key, or nothing."""
        current: Any = self.values
        for part in loc:
            if not isinstance(current, Mapping) or part not in current:
                return ""
            current = current[part]
        return next((self.names[loc[:n]] for n in range(len(loc), 0, -1) if loc[:n] in self.names), "")


def read_environment(model: type[BaseModel], env: Mapping[str, str], referred: frozenset[str]) -> Environment:
    """Read the variables that begin with CONNECTOR_; an empty one counts as not set.

    `referred` are variables that a reference in the file names: they hold secrets and are no settings.
    """
    ours = {name: value for name, value in env.items() if name.upper().startswith(PREFIX) and value}
    names = {tuple(name[len(PREFIX) :].lower().split("__")): name for name in ours}
    broken = {names[loc] for loc in names if _needs_json(model, loc) and not _is_json(ours[names[loc]])}
    source = EnvSettingsSource(
        cast("type[BaseSettings]", model), case_sensitive=False, env_prefix=PREFIX, env_nested_delimiter="__"
    )
    source.env_vars = {name.lower(): value for name, value in ours.items() if name not in broken}  # not the process's
    values = source()
    faults = (Fault(name, 0, "CFG-005", "a table in one variable must be JSON", _JSON_REMEDY) for name in broken)
    _refer_to_secrets(values, (), names, ours)
    known = {name for loc, name in names.items() if loc[0] in model.model_fields}
    used = referred | {value.removeprefix("env:") for value in ours.values() if value.startswith("env:")}
    return Environment(values, names, (*faults, *_unknown(model, ours.keys() - known - used)))


def _needs_json(model: type[BaseModel], loc: Loc) -> bool:
    table = model_at(model, loc[:-1])
    return table is not None and loc[-1] in table.model_fields and holds_table(table.model_fields[loc[-1]].annotation)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _refer_to_secrets(table: dict[str, Any], loc: Loc, names: Mapping[Loc, str], given: Mapping[str, str]) -> None:
    for key, value in table.items():
        place = (*loc, key)
        if isinstance(value, dict):
            _refer_to_secrets(value, place, names, given)
        elif place in names and (key in SECRETS or place == ("database",)):
            name = names[place]
            plain_database = key == "database" and not has_password(given[name])
            table[key] = given[name] if is_reference(given[name]) or plain_database else f"env:{name}"


def _unknown(model: type[BaseModel], names: set[str]) -> Iterator[Fault]:
    """Report variables that are probably meant as settings; others may share our prefix."""
    known = [PREFIX + "__".join(loc).upper() for loc in _places(model)]
    for name in sorted(names):
        near = get_close_matches(name.upper(), known, n=1, cutoff=0.85)
        if near or "__" in name:
            hint = f"Did you mean: {near[0]}?" if near else f"Variables begin with {PREFIX} and the name of a table."
            yield Fault(name, 0, "CFG-003", "this variable is no setting", hint)


def _places(model: type[BaseModel]) -> Iterator[Loc]:
    for name in model.model_fields:
        yield (name,)
        if table := model_at(model, (name,)):
            yield from ((name, each) for each in table.model_fields)
