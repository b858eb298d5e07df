"""One figure a row, and the table they make."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """What was measured, and what the vendor's own connector needs for the same where that is published."""

    name: str
    value: float
    unit: str
    incumbent: float | None = None

    @property
    def ratio(self) -> str:
        """Return how many times less we need."""
        return f"{self.incumbent / self.value:.0f}x less" if self.incumbent and self.value else ""


def render(rows: Iterable[Row]) -> str:
    """Return the rows as a Markdown table."""
    lines = ["| figure | measured | unit | vendor's own connector | |", "|---|---:|---|---:|---|"]
    for row in rows:
        incumbent = "" if row.incumbent is None else f"{row.incumbent:g}"
        lines.append(f"| {row.name} | {_digits(row.value)} | {row.unit} | {incumbent} | {row.ratio} |")
    return "\n".join(lines)


def _digits(value: float) -> str:
    return f"{value:g}" if value == int(value) else f"{value:.2f}" if value < 100 else f"{value:.0f}"
