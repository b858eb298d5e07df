"""The figures in docs/conformance.md, written anew between the marks that name them."""

import re
from collections import Counter
from pathlib import Path

from tests.corpus.figures import Played, Table, by_kind, reasons, recorded

PAGE = Path(__file__).resolve().parents[2] / "docs" / "conformance.md"


def write_page(everything: list[Played]) -> None:
    """Replace what the page says of figures and reasons."""
    text = PAGE.read_text(encoding="utf-8")
    results = [result for played in everything for result in played]
    told = [f"{title}\n\n{_times(counts)}" for title, counts in reasons(results) if counts]
    for name, body in (
        ("figures", _table(by_kind(everything))),
        ("recorded", _table(recorded(everything))),
        ("reasons", "\n\n".join(told)),
    ):
        block = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end of {name} -->)", re.DOTALL)
        text, found = block.subn(lambda match, body=body: f"{match[1]}\n{body}\n\n{match[2]}", text)  # type: ignore[misc]
        if found != 1:
            msg = f"{PAGE} has no marks for {name}"
            raise ValueError(msg)
    PAGE.write_text(text, encoding="utf-8")


def _table(table: Table) -> str:
    head, *rows = table
    lines = [head, ("---", *("---:" for _ in head[1:])), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _times(counts: Counter[str]) -> str:
    return _table([("reason", "times"), *((text, str(count)) for text, count in counts.most_common())])
