"""The JSON Schema of config.toml, for editors: `python -m connector.config_schema > schemas/config.schema.json`."""

import json
import sys

from connector.config import Config


def schema_text() -> str:
    """Return the schema as it is published; a test compares it with the file."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **Config.model_json_schema()}
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(schema_text())
