"""What is wrong with a mapping file, as values: where, what, and what may have been meant. Never only the first one."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

#: Longer lines are shown in part.
WIDTH = 110


@dataclass(frozen=True, slots=True)
class Mark:
    """A stretch of one line of a file; line and column count from one. `file` is empty for the file itself."""

    line: int
    column: int
    width: int = 1
    file: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault of a mapping file (an error), or something an admin should know of (a warning)."""

    file: str
    line: int
    column: int
    code: str
    message: str
    excerpt: str
    hint: str = ""
    severity: Literal["error", "warning"] = "error"

    def render(self) -> str:
        """Return the problem for people: place, code and message, the line with carets under it, the hint."""
        word = "" if self.severity == "error" else "warning: "
        hint = "\n".join(f"   {line}" for line in self.hint.splitlines())
        head = f"{self.file}:{self.line}:{self.column}  {self.code}  {word}{self.message}"
        return "\n".join(part for part in (head, self.excerpt, hint) if part)


def did_you_mean(word: str, known: Iterable[str], *, cutoff: float = 0.6) -> str:
    """Return "Did you mean: start?", or the known words when nothing is near: `did_you_mean("strat", ["start"])`."""
    words = sorted(known)
    folded = {name.casefold(): name for name in words}
    close = [folded[name] for name in get_close_matches(word.casefold(), list(folded), n=3, cutoff=cutoff)]
    if close:
        return f"Did you mean: {', '.join(close)}?"
    return f"Known: {', '.join(words)}." if 0 < len(words) <= 40 else ""


def excerpt(source: tuple[str, ...], mark: Mark) -> str:
    """Return the line and the one before it, numbered, with carets under the fault."""
    if not 1 <= mark.line <= len(source):
        return ""
    digits = max(5, len(str(mark.line)) + 2)
    left = max(0, mark.column - WIDTH // 2) if len(source[mark.line - 1]) > WIDTH else 0
    first = mark.line - 1 if mark.line > 1 and not left and source[mark.line - 2].strip() else mark.line
    lines = [f"{number:>{digits}} | {_cut(source[number - 1], left)}" for number in range(first, mark.line + 1)]
    width = max(
        1, min(mark.width, len(source[mark.line - 1].rstrip()) - mark.column + 1, left + WIDTH - mark.column + 1)
    )
    return "\n".join((*lines, f"{'':>{digits}} | {' ' * (mark.column - 1 - left)}{'^' * width}"))


def _cut(line: str, left: int) -> str:
    """Return the part of a long line that starts at `left`, with dots where something is left out."""
    shown = line[left : left + WIDTH].rstrip()
    shown = f"…{shown[1:]}" if left and shown else shown
    return f"{shown[:-1]}…" if len(line.rstrip()) > left + WIDTH else shown
