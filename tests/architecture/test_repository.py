"""The repository speaks of the project alone: no machine's paths, no package index, no secret; every link leads on."""

import re
from pathlib import Path

import pytest

from tests.architecture.shape import ROOT, pages, repository

#: Written in pieces, so that this file does not find itself.
FORBIDDEN = {
    "a path of somebody's machine": re.compile(r"(?<![\w.])/(?:" + r"work|root|home|Users)/\w"),
    "a package index": re.compile("|".join(["py" + r"pi\.org", "python" + "hosted", r"(?<!no-emit-)index" + "-url"])),
    "working papers": re.compile("shared/" + "research|shared/" + r"design|(?<!\w)research" + r"/\w+\.md"),
    "a live Stripe key": re.compile("[sr]k_" + "live_[A-Za-z0-9]{16,}"),
    "a Stripe test key": re.compile("[sr]k_" + "test_[A-Za-z0-9]{24,}"),
    "a webhook secret": re.compile("wh" + "sec_[A-Za-z0-9]{24,}"),
    "a cloud or code host token": re.compile("AK" + r"IA[0-9A-Z]{16}|gh[pousr]_\w{30,}|xox[abp]-\w{10,}"),
    "a signed token": re.compile(r"eyJ[\w-]{20,}\.eyJ[\w-]{20,}\.[\w-]{20,}"),
    "a private key": re.compile("PRIVATE" + r" KEY-----(?:\\n|\s)+(?:[A-Za-z0-9+/=]{60,}(?:\\n|\s)+){3}"),
}
LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)")
PATH = re.compile(r"`((?:connector|jobs|tests|schemas|mappings|docs|requirements)/[\w/.-]+\.\w+)`")


@pytest.mark.parametrize("what", FORBIDDEN)
def test_nothing_is_told_that_is_not_the_projects(what: str) -> None:
    if not repository():
        pytest.skip("no checkout")
    found = []
    for path in repository():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.splitlines(), start=1):
            found += [f"{path.relative_to(ROOT)}:{number}"] if FORBIDDEN[what].search(line) else []
        if "private key" in what and FORBIDDEN[what].search(text):
            found.append(str(path.relative_to(ROOT)))
    assert found == []


def anchors(page: Path) -> frozenset[str]:
    """Return the anchors of a page's headings, as code hosts make them."""
    headings = re.findall(r"^#+ (.+)$", _without_code(page.read_text(encoding="utf-8")), flags=re.MULTILINE)
    return frozenset(re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings)


def _without_code(text: str) -> str:
    return re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    dead = []
    for target in LINK.findall(_without_code(page.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        other = (page.parent / name).resolve() if name else page
        if not other.exists() or (anchor and anchor not in anchors(other)):
            dead.append(target)
    assert dead == []


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_files_that_are_named_exist(page: Path) -> None:
    named = PATH.findall(page.read_text(encoding="utf-8"))
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_decisions_are_numbered_and_listed() -> None:
    folder = ROOT / "docs/decisions"
    numbered = sorted(path.name for path in folder.glob("[0-9]*.md"))
    assert [name[:4] for name in numbered] == [f"{number:04}" for number in range(1, len(numbered) + 1)]
    assert LINK.findall((folder / "README.md").read_text(encoding="utf-8")) == numbered


@pytest.mark.parametrize("path", sorted((ROOT / "docs/decisions").glob("[0-9]*.md")), ids=lambda path: path.stem)
def test_decisions_have_the_same_parts(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith(f"# {path.name[:4]} ")
    assert re.findall(r"^\*\*(\w+)\.\*\*", text, flags=re.MULTILINE) == [
        "Context",
        "Decision",
        "Consequences",
        "Rejected",
    ]
