"""The published JSON Schema of mapping files: `connector map schema > schemas/mapping.schema.json`.

It is made from the pydantic model, so that an editor refuses what the grammar refuses, and completes slots, converters,
policies and, from the installed SDK, Stripe's parameters.
"""

import json
import re
from typing import Any

from connector.mapping.sections import MappingModel
from connector.mapping.slots import SLOTS
from connector.mapping.targets import Targets

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema_text(targets: Targets) -> str:
    """Return the schema as the file in schemas/ holds it, with Stripe's parameters as the SDK has them."""
    schema: dict[str, Any] = {"$schema": DIALECT, **_tidy(MappingModel.model_json_schema())}
    parts = schema["$defs"] = _without_null(schema["$defs"])  # only whole sections may be left empty
    for kind, place in parts["StripeSection"]["properties"].items():
        place.update(_parameters(kind, targets))
    _complete_policies(parts)
    _require(schema)
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _parameters(kind: str, targets: Targets) -> dict[str, Any]:
    """Return the table of a kind's parameters; free names (metadata, custom fields) become patterns."""
    names = sorted(name for name in targets.known.get(kind, ()) if targets.instead(kind, name) is None)
    rule = {"$ref": "#/$defs/RuleModel"}
    free = {f"^{re.escape(name[:-1])}.{{1,40}}$".replace("\\_", "_"): rule for name in names if name.endswith(".*")}
    return {
        "properties": {name: rule for name in names if not name.endswith(".*")},
        "patternProperties": free,
        "additionalProperties": False,
    }


def _require(schema: dict[str, Any]) -> None:
    """Ask for what must be there only in a file that includes no other: the other one may have it."""
    whole: dict[str, Any] = {"required": schema.pop("required"), "properties": {}}
    for name, place in schema["properties"].items():
        part = schema["$defs"].get(place.get("$ref", "").rpartition("/")[2], {})
        if "required" in part:
            whole["properties"][name] = {"required": part.pop("required")}
    schema["if"] = {"not": {"required": ["include"]}}
    schema["then"] = whole


def _complete_policies(parts: dict[str, Any]) -> None:
    """Name the words of every policy, so that an editor offers them; a rule may stand there as well."""
    parts["PolicyRuleTable"] = parts["PolicyRuleModel"]["anyOf"][-1]
    for name, place in parts["PoliciesSection"]["properties"].items():
        if choices := SLOTS["policies"][name].choices:
            words = [{"enum": list(choices)}, {"$ref": "#/$defs/PolicyRuleTable"}]
            parts["PoliciesSection"]["properties"][name] = {"description": place["description"], "anyOf": words}


def _tidy(part: Any, *, named: bool = False) -> Any:
    """Drop titles and empty defaults, which only repeat names; `named` marks tables whose keys are names of ours."""
    if isinstance(part, list):
        return [_tidy(item) for item in part]
    if not isinstance(part, dict):
        return part
    noise = {
        key for key in ("title", "default") if not named and (key == "title" or not _says_something(part.get(key)))
    }
    inner = {"properties", "$defs"} if not named else set()
    return {key: _tidy(value, named=key in inner) for key, value in part.items() if key not in noise}


def _says_something(default: object) -> bool:
    return (
        any(value is not None for value in default.values()) if isinstance(default, dict) else default not in (None, [])
    )


def _without_null(part: Any) -> Any:
    """Turn "this or nothing" into "this"."""
    if isinstance(part, list):
        return [_without_null(item) for item in part]
    if not isinstance(part, dict):
        return part
    options = part.get("anyOf")
    if isinstance(options, list) and len(options) == 2 and {"type": "null"} in options:
        first, second = options
        kept = second if first == {"type": "null"} else first
        part = {**kept, **{key: value for key, value in part.items() if key != "anyOf"}}
    return {key: _without_null(value) for key, value in part.items()}
