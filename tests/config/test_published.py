"""What we publish beside the code: the example, the JSON Schema, the page."""

import itertools
import json
import re
import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from pydantic import BaseModel

from connector.config import Config, load_config
from connector.config.errors import model_at
from connector.config.rules import CRM_KINDS
from connector.config.schema import schema_text

ROOT = Path(__file__).parents[2]
EXAMPLE = (ROOT / "config.example.toml").read_text(encoding="utf-8")
UNCOMMENTED = re.sub(r"^#(?=[a-z_]+ = )", "", EXAMPLE, flags=re.MULTILINE)
PAGE = ROOT / "docs" / "configuration.md"


def settings(model: type[BaseModel] = Config, table: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Return the path of every setting; the example has one connection of each kind, named after it."""
    found = []
    for name in model.model_fields:
        if name == "crm":
            for kind in CRM_KINDS:
                connection = model_at(Config, (name, kind, kind))
                assert connection is not None
                found += settings(connection, (name, kind))
            continue
        place = (*table, name)
        inner = model_at(Config, place) if len(place) == 1 else None
        found += settings(inner, place) if inner else [place]
    return found


def value_at(values: dict[str, Any], place: tuple[str, ...]) -> Any:
    for part in place:
        values = values[part]
    return values


@pytest.mark.parametrize("text", [EXAMPLE, UNCOMMENTED], ids=["as it is", "uncommented"])
def test_the_example_loads(text: str, tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text, encoding="utf-8")
    assert load_config(path, {}).mode == "test"


def test_the_example_names_every_setting() -> None:
    values = tomllib.loads(UNCOMMENTED)
    for place in settings():
        assert value_at(values, place) is not None, place


def test_the_example_shows_the_defaults(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(EXAMPLE, encoding="utf-8")
    defaults = load_config(path, {}).model_dump()
    shown = tomllib.loads(UNCOMMENTED, parse_float=Decimal)
    for place in settings():
        default = value_at(defaults, place)
        if default not in (None, {}) and place[-1] != "mapping":
            assert value_at(shown, place) == default, place


def test_every_setting_of_the_example_is_explained() -> None:
    lines = EXAMPLE.splitlines()
    for before, line in itertools.pairwise(lines):
        if re.match(r"#?[a-z_]+ = ", line):
            assert before.startswith("# "), line


def test_the_schema_is_current() -> None:
    published = (ROOT / "schemas" / "config.schema.json").read_text(encoding="utf-8")
    assert published == schema_text(), "run: python -m connector.config.schema > schemas/config.schema.json"


def test_the_schema_takes_the_example_and_refuses_a_secret() -> None:
    schema = json.loads(schema_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    for text in (EXAMPLE, UNCOMMENTED):
        jsonschema.validate(tomllib.loads(text), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(tomllib.loads(EXAMPLE.replace("env:STRIPE_API_KEY", "sk_test_x")), schema)


def test_the_page_names_every_setting_and_every_code() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for place in settings():
        assert f"`{place[-1]}`" in page, place
    sources = (path.read_text(encoding="utf-8") for path in (ROOT / "connector" / "config").glob("*.py"))
    codes = {code for text in sources for code in re.findall(r"CFG-\d{3}", text)}
    assert codes == set(re.findall(r"CFG-\d{3}", page))
