"""Every story, told to the end: the plan document and the text, as they were agreed."""

import json

import pytest

from tests.scenarios.story import HERE, NAMES, load, told


@pytest.mark.parametrize("name", NAMES)
def test_the_story_ends_as_agreed(name, update_goldens):
    found = told(name)
    document = json.dumps(found.document, indent=1, ensure_ascii=False) + "\n"
    text = f"# {load(name).about}\n{found.text}"
    if update_goldens:
        (HERE / f"{name}.plan.json").write_text(document, encoding="utf-8")
        (HERE / f"{name}.plan.txt").write_text(text, encoding="utf-8")
    assert (HERE / f"{name}.plan.txt").read_text(encoding="utf-8") == text
    assert (HERE / f"{name}.plan.json").read_text(encoding="utf-8") == document


def test_every_golden_has_its_story():
    goldens = {path.name.removesuffix(".plan.json").removesuffix(".plan.txt") for path in HERE.glob("*.plan.*")}
    assert goldens == set(NAMES)
