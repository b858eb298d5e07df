"""How commands print: people read colours on a terminal, programs read one JSON document on stdout."""

import json
import sys
from typing import Any

from rich.console import Console
from rich.text import Text

_STYLES = {"+": "green", "~": "yellow", "-": "red", "!": "bold red", "=": "dim"}

#: For people. With --json it goes to stderr, so that stdout carries the document alone.
out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def print_json(document: Any) -> None:
    """Print one JSON document."""
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def print_plan(text: str, console: Console | None = None) -> None:
    """Print a rendered plan, each line coloured by its mark."""
    for line in text.splitlines():
        stripped = line.lstrip()
        style = _STYLES.get(stripped[:1], "") if stripped[1:2] == " " else ""
        if "DOES NOT ADD UP" in line:
            style = "bold red"
        elif stripped.startswith("tie-out"):
            style = "bold"
        (console or out).print(Text(line, style=style))


def say(text: str, style: str = "") -> None:
    """Print a line for people on stderr."""
    err.print(Text(text, style=style))


def live_banner(account: str) -> None:
    """Say loudly that real money is about to move."""
    err.print(Text(f" LIVE MODE  {account}  real invoices will be made ", style="bold white on red"))
