"""The settings for people: every value with the layer that decided it. What `connector config show` prints."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from connector.config import Config


@dataclass(frozen=True, slots=True)
class ExplainedSetting:
    """One row of `connector config show`. A secret is shown as its reference; `place` is empty for a default."""

    key: str
    value: str
    layer: Literal["env", "file", "default"]
    place: str = ""


def explain_config(config: "Config") -> tuple[ExplainedSetting, ...]:
    """Return every setting, in the models' order, with the layer that decided it."""
    return tuple(_explained(key, value, config.sources) for key, value in _rows(config.model_dump(mode="json"), ""))


def _explained(key: str, value: str, sources: Mapping[str, str]) -> ExplainedSetting:
    place = sources.get(key, "")
    if not place:
        return ExplainedSetting(key, value, "default")
    return ExplainedSetting(key, value, "file" if ":" in place else "env", place)


def _rows(table: Mapping[str, Any], before: str) -> Iterator[tuple[str, str]]:
    for name, value in table.items():
        if isinstance(value, dict) and value:
            yield from _rows(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", _shown(value)


def _shown(value: Any) -> str:
    match value:
        case None | {}:
            return ""
        case bool():
            return str(value).lower()
        case _:
            return str(value)
