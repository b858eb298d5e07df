"""The published JSON Schema of mapping files: `python -m connector.mapping.schema > schemas/mapping.schema.json`."""

import json
import sys
from typing import Any

from connector.mapping.sections import MappingModel

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema_text() -> str:
    """Return the schema as the file in schemas/ holds it."""
    schema: dict[str, Any] = {"$schema": DIALECT, **_tidy(MappingModel.model_json_schema())}
    schema["$defs"] = _without_null(schema["$defs"])  # only whole sections may be left empty
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


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


if __name__ == "__main__":
    sys.stdout.write(schema_text())
