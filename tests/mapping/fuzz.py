"""Broken mapping files by the thousand: whatever is in a file, the loader answers, soon, and says where.

`python -m tests.mapping.fuzz --seconds 600` runs for ten minutes and prints the seed of what fails; a test runs a few
seconds of it. `python -m tests.mapping.fuzz --seed N` repeats one input.
"""

import argparse
import random
import re
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

from connector.billing.targets import sdk_targets
from connector.mapping.advice import advise
from connector.mapping.grammar import load_mapping
from connector.mapping.problems import Problem
from tests.mapping.test_wrong_files import BASE, CASES

ROOT = Path(__file__).parents[2]
#: Longest that one file may take, in seconds of this process; a file of a few kilobytes takes a hundredth of it.
LONGEST = 20.0
_SIGNS = "{}[]:,-#&*!|>'\"%@`?~ \n\t\r\\.0123456789abcXYZ_é\u2028\x00\x07\ufeff\U0001f600$"
_WORDS = (
    "from", "first_of", "const", "when", "value_map", "as", "default", "required", "empty", "clear", "on",
    "include", "without", "path", "eq", "in", "all", "any", "not", "exists", "contains", "policies", "stripe",
    "preview", "line", "contract", "null", "true", "~", "1e9999", "0x1F", ".inf", ".nan", "-0", "2026-02-30",
    "99999999999999999999999", "<<", "*a", "&a", "!!python/object", "!x", "---", "...", "%YAML 1.1", "? ", "|",
    ">-", "metadata.", "custom_fields.x", "default_settings.invoice_settings.days_until_due", "truncate",
    "minor_units", "day_after", "[" * 30, "{a: " * 30, "a" * 300, "mappings/deals.yaml", "other.yaml",
    "write_back", "{}", "[]", "''", '""', "\u0000",
)  # fmt: skip


def seeds() -> tuple[str, ...]:
    """Return the files that inputs are made of: every wrong file of the gallery, and parts of the shipped ones."""
    texts = [BASE + path.read_text(encoding="utf-8").partition("=====\n")[0] for path in CASES]
    whole = (ROOT / "mappings" / "salesforce-cpq.yaml").read_text(encoding="utf-8")
    parts = [BASE + part for part in re.split(r"\n(?=\w)", whole) if part.startswith(("stripe", "policies", "write"))]
    return (BASE, *texts, *parts, whole)


def made(seed: int, texts: tuple[str, ...]) -> str:
    """Return the input of a seed."""
    chance = random.Random(seed)  # noqa: S311  (an input must come again)
    text = chance.choice(texts)
    for _ in range(chance.randint(1, 6)):
        text = chance.choice(_CHANGES)(text, chance)
    return text


def _sign(text: str, chance: random.Random) -> str:
    at = chance.randrange(len(text) + 1)
    return text[:at] + chance.choice(_SIGNS) + text[at + chance.randint(0, 1) :]


def _word(text: str, chance: random.Random) -> str:
    places = [match.span() for match in re.finditer(r"[\w.]+", text)] or [(0, 0)]
    start, end = chance.choice(places)
    return text[:start] + chance.choice(_WORDS) + text[end:]


def _cut(text: str, chance: random.Random) -> str:
    start = chance.randrange(len(text) + 1)
    return text[:start] + text[start + chance.randint(1, 40) :]


def _repeat(text: str, chance: random.Random) -> str:
    lines = text.splitlines(keepends=True) or [""]
    start = chance.randrange(len(lines))
    part = lines[start : start + chance.randint(1, 4)]
    at = chance.randrange(len(lines) + 1)
    return "".join([*lines[:at], *part * chance.choice((1, 1, 2, 30)), *lines[at:]])


def _indent(text: str, chance: random.Random) -> str:
    lines = text.splitlines(keepends=True) or [""]
    at = chance.randrange(len(lines))
    lines[at] = " " * chance.randint(0, 5) + lines[at].lstrip()
    return "".join(lines)


def _splice(text: str, chance: random.Random) -> str:
    start = chance.randrange(len(text) + 1)
    piece = text[start : start + chance.randint(1, 200)]
    at = chance.randrange(len(text) + 1)
    return text[:at] + piece + text[at:]


_CHANGES: tuple[Callable[[str, random.Random], str], ...] = (
    _sign,
    _sign,
    _word,
    _word,
    _cut,
    _repeat,
    _indent,
    _splice,
)


def fault_of(text: str) -> str | None:
    """Load one input; return what is wrong with the answer, None when it is as promised."""
    warnings.simplefilter("error")
    started = time.process_time()
    others = {"mappings/other.yaml": BASE, "mappings/base.yaml": text[: len(text) // 2]}
    try:
        loaded = load_mapping(text, name="mappings/deals.yaml", targets=sdk_targets(), include=others.get)
        problems = list(loaded.problems)
        if loaded.mapping is not None and loaded.document is not None:
            problems += advise(loaded.document)
        rendered = [problem.render() for problem in problems]
    except Exception as error:  # noqa: BLE001  (the point of the exercise)
        return f"{type(error).__name__}: {error}"
    if time.process_time() - started > LONGEST:
        return f"took {time.process_time() - started:.0f} s"
    if loaded.mapping is None and not rendered:
        return "refused without a word"
    return next(_unclear(text, problems), None)


def _unclear(text: str, problems: list[Problem]) -> Iterator[str]:
    count = max(1, len(text.splitlines()))
    for each in problems:
        if not re.fullmatch(r"MAP-\d{3}", each.code) or not each.hint:
            yield f"{each.code} without a remedy: {each.message}"
        if each.column < 1 or each.line < 1 or (each.file == "mappings/deals.yaml" and each.line > count):
            yield f"place {each.line}:{each.column} is not in the file"


def run(seconds: float, first: int) -> Iterator[tuple[int, str | None]]:
    """Yield seeds with what is wrong with the answer, until the time is over."""
    texts, until, seed = seeds(), time.monotonic() + seconds, first
    while time.monotonic() < until:
        yield seed, fault_of(made(seed, texts))
        seed += 1


def main() -> int:
    """Run for a time, or repeat one seed; return 1 when something failed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--first", type=int, default=0, help="the seed to begin with")
    parser.add_argument("--seed", type=int, help="repeat this one, and show it")
    given = parser.parse_args()
    if given.seed is not None:
        text = made(given.seed, seeds())
        print(text)
        print("-----", fault_of(text) or "as promised")
        return 0
    count, failed = 0, 0
    for seed, fault in run(given.seconds, given.first):
        count += 1
        if fault:
            failed += 1
            print(f"seed {seed}: {fault}")
    print(f"{count} files, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
