"""The picture of docs/benchmarks.md: deals a second, ours and the peers', under the line of what Stripe allows."""

from collections.abc import Iterable
from pathlib import Path

from benchmarks.table import Row

WIDTH, BAR, LEFT = 720, 26, 250


def draw(rows: Iterable[Row], path: Path, *, bound: float = 25.0) -> bool:
    """Draw the rows that are deals a second; False, and nothing drawn, when there are none."""
    bars = [(row.name.partition(": ")[2], row.value) for row in rows if row.unit == "deals/s"]
    if not bars:
        return False
    scale = (WIDTH - LEFT - 70) / bound
    height = 60 + len(bars) * (BAR + 10)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}"',
        'font-family="sans-serif" font-size="13">',
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        '<text x="12" y="22" font-weight="bold">Deals a second; the line is what Stripe allows</text>',
    ]
    for number, (name, value) in enumerate(bars):
        y, color = 40 + number * (BAR + 10), "#2b6cb0" if name == "connector" else "#a0aec0"
        wide = max(value * scale, 1)
        parts += [
            f'<text x="{LEFT - 8}" y="{y + 18}" text-anchor="end">{name}</text>',
            f'<rect x="{LEFT}" y="{y}" width="{wide:.1f}" height="{BAR}" fill="{color}"/>',
            f'<text x="{LEFT + wide + 6:.1f}" y="{y + 18}">{value:.2f}</text>',
        ]
    line = LEFT + bound * scale
    parts += [f'<path d="M{line:.1f} 34V{height - 16}" stroke="#c53030" stroke-dasharray="4 3"/>', "</svg>"]
    path.write_text("\n".join(parts) + "\n", encoding="utf-8")
    return True
