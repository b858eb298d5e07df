"""What is wrong with a mapping file, as values: where, what, and what may have been meant. Never only the first one."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches


@dataclass(frozen=True, slots=True)
class Mark:
    """A stretch of one line of a file; line and column count from one."""

    line: int
    column: int
    width: int = 1


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault of a mapping file."""

    file: str
    line: int
    column: int
    code: str
    message: str
    excerpt: str
    hint: str = ""

    def render(self) -> str:
        """Return the problem for people: place, code and message, the line with carets under it, the hint."""
        head = f"{self.file}:{self.line}:{self.column}  {self.code}  {self.message}"
        return "\n".join(part for part in (head, self.excerpt, self.hint and f"   {self.hint}") if part)


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
    before = mark.line - 1
    shown = [before] if before >= 1 and source[before - 1].strip() else []
    lines = [f"{number:>{digits}} | {source[number - 1].rstrip()}" for number in (*shown, mark.line)]
    width = max(1, min(mark.width, len(source[mark.line - 1].rstrip()) - mark.column + 1))
    return "\n".join((*lines, f"{'':>{digits}} | {' ' * (mark.column - 1)}{'^' * width}"))
