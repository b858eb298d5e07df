"""The JSON Schema of config.toml, for editors: `python -m connector.config.schema > schemas/config.schema.json`."""

import json
import sys
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from connector.config.settings import Config


class TomlSchema(GenerateJsonSchema):
    """JSON Schema as TOML needs it: there is no null, a key is left out instead."""

    def nullable_schema(self, schema: Any) -> JsonSchemaValue:
        """Describe an optional key like one that is there."""
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: Any) -> JsonSchemaValue:
        """Leave out a default that means "not set"."""
        described = super().default_schema(schema)
        return {key: value for key, value in described.items() if key != "default" or value is not None}

    def field_title_should_be_set(self, _schema: Any) -> bool:
        """Leave out titles: the keys are their own."""
        return False


def schema_text() -> str:
    """Return the schema as it is published; a test compares it with the file."""
    schema = Config.model_json_schema(schema_generator=TomlSchema)
    return json.dumps({"$schema": TomlSchema.schema_dialect, **schema}, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(schema_text())
