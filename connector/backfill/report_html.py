"""The report of a back-fill as one HTML file that needs nothing else: no script, no font, no picture from elsewhere."""

from collections.abc import Iterable, Iterator, Mapping
from html import escape
from string import Template
from typing import IO

from connector.backfill.overview import OUTCOMES, Money, Overview
from connector.domain.money import text
from connector.journal import BackfillItem

#: What people call an outcome.
WORDS: Mapping[str, str] = {
    "applied": "applied",
    "nothing": "unchanged",
    "skipped": "not active or on hold",
    "refused": "refused",
    "pending": "waiting for approval",
    "failed": "failed",
    "waiting": "to be tried again",
    "left": "changed since it was shown",
    "open": "not come to yet",
}
#: What is not billed is not added up: nobody has decided what it comes to.
NOT_BILLED = frozenset({"refuse", "refused", "skipped"})
_PAGE = Template("""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title><style>
:root { color-scheme: light dark; --line: #d0d7de; --soft: #f6f8fa; --ok: #1a7f37; --bad: #cf222e; --wait: #9a6700; }
@media (prefers-color-scheme: dark) { :root { --line: #3d444d; --soft: #151b23; --ok: #3fb950; --bad: #f85149;
  --wait: #d29922; } }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; padding: 0 1rem; max-width: 1200px; }
h1 { font-size: 1.5rem; margin-bottom: .2rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
table { border-collapse: collapse; width: 100%; } th, td { padding: .35rem .6rem; text-align: left;
  border-bottom: 1px solid var(--line); vertical-align: top; } th { background: var(--soft); position: sticky; top: 0; }
.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; } .s { color: #6e7781; }
.applied, .nothing { color: var(--ok); } .refused, .failed { color: var(--bad); }
.pending, .waiting, .left { color: var(--wait); } code { font-size: .9em; white-space: nowrap; }
table.narrow { width: auto; min-width: 20rem; } dd { overflow-wrap: anywhere; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1.2rem; }
dt { color: #6e7781; } dd { margin: 0; }
.scroll { overflow-x: auto; }
</style></head><body>
""")


def write_html(file: IO[str], page: Overview, items: Iterable[BackfillItem]) -> None:
    """Write the report, contract by contract as they come; memory stays flat."""
    title = f"Back-fill {page.backfill.id} of {page.backfill.connection}"
    file.write(_PAGE.substitute(title=escape(title)))
    file.write(f"<h1>{escape(title)}</h1>\n")
    for part in (_facts(page), _outcomes(page), _money(page), _issues(page)):
        file.writelines(part)
    file.write("<h2>Contracts</h2>\n<div class=scroll><table><thead><tr><th>Contract<th>Outcome<th class=n>Sold")
    file.write("<th class=n>Billed by Stripe<th class=n>Billed elsewhere<th>Stripe<th>What to do</tr></thead><tbody>\n")
    for item in items:
        file.write(_contract(item))
    file.write("</tbody></table></div>\n</body></html>\n")


def _facts(page: Overview) -> Iterator[str]:
    backfill = page.backfill
    facts = [
        ("State", f"{backfill.phase}{', paused: ' + str(backfill.paused['reason']) if backfill.paused else ''}"),
        ("Selection", str(backfill.selection["words"])),
        ("Started", f"{backfill.started_at:%Y-%m-%d %H:%M} UTC by {backfill.started_by}"),
        ("Approved", f"by {backfill.approved['by']}: {backfill.approved['reason']}" if backfill.approved else "-"),
        (
            "Applied",
            f"{backfill.applied_at:%Y-%m-%d %H:%M} UTC by {backfill.applied_by}" if backfill.applied_at else "-",
        ),
        ("Finished", f"{backfill.finished_at:%Y-%m-%d %H:%M} UTC" if backfill.finished_at else "-"),
        ("Left out", ", ".join(f"{count} {why}" for why, count in page.left_out.items()) or "none"),
        ("Stripe writes", str(page.writes)),
        ("Mapping", backfill.mapping_hash),
        ("Digest", backfill.digest or "-"),
    ]
    yield "<dl>"
    yield from (f"<dt>{escape(name)}<dd>{escape(value)}\n" for name, value in facts)
    yield "</dl>\n"


def _outcomes(page: Overview) -> Iterator[str]:
    yield "<h2>Outcomes</h2>\n<table class=narrow><tbody>\n"
    for outcome in OUTCOMES:
        if count := page.outcomes.get(outcome, 0):
            yield f"<tr><td class={outcome}>{escape(WORDS[outcome])}<td class=n>{count:,}</tr>\n"
    yield f"<tr><th>selected<th class=n>{page.selected:,}</tr>\n</tbody></table>\n"


def _money(page: Overview) -> Iterator[str]:
    yield "<h2>Money</h2>\n<div class=scroll><table><thead><tr><th>Outcome<th class=n>Contracts<th class=n>Sold"
    yield "<th class=n>Billed by Stripe<th class=n>Difference<th>Of it</tr></thead><tbody>\n"
    for outcome in (each for each in OUTCOMES if each not in NOT_BILLED):
        for money in page.money.get(outcome, ()):
            words = f"<td class={outcome}>{escape(WORDS[outcome])}"
            yield f"<tr>{words}<td class=n>{money.contracts:,}{_amounts(money)}</tr>\n"
    yield "</tbody></table></div>\n"


def _amounts(money: Money) -> str:
    amounts = (money.sold, money.to_bill, money.difference)
    reasons = (f"{reason} {text(minor, money.currency)}" for reason, minor in sorted(money.reasons.items()))
    cells = "".join(f"<td class=n>{escape(text(amount, money.currency))}" for amount in amounts)
    return f"{cells}<td>{escape(', '.join(reasons))}"


def _issues(page: Overview) -> Iterator[str]:
    if not page.issues:
        return
    yield "<h2>Issues</h2>\n<div class=scroll><table><thead><tr><th>Code<th class=n>Contracts<th>For example"
    yield "<th>What to do</tr></thead><tbody>\n"
    for issue in page.issues:
        records = ", ".join(issue.records)
        yield (
            f"<tr><td><code>{escape(issue.code)}</code><td class=n>{issue.count:,}"
            f"<td>{escape(issue.message)}<br><span class=s>{escape(records)}</span><td>{escape(issue.remedy)}</tr>\n"
        )
    yield "</tbody></table></div>\n"


def _contract(item: BackfillItem) -> str:
    outcome = item.outcome or "open"
    if item.state == "left_out":
        return ""
    amounts = "".join(
        f"<td class=n>{escape(text(minor, item.currency)) if minor is not None and item.currency else ''}"
        for minor in (item.sold, item.to_bill, item.elsewhere or None)
    )
    to_do = [item.words or "; ".join(item.reasons or ())]
    to_do += [f"{issue['code']}: {issue['message']} {issue['remedy']}" for issue in item.issues or ()]
    words = "<br>".join(escape(each) for each in to_do if each)
    name = escape(item.name or "")
    return (
        f"<tr><td>{name}<br><span class=s>{escape(item.root or item.record)}</span>"
        f"<td class={outcome}>{escape(WORDS.get(outcome, outcome))}{amounts}<td>{_stripe(item)}<td>{words}</tr>\n"
    )


def _stripe(item: BackfillItem) -> str:
    ids = item.ids or {}
    shown = [ids[name] for name in ("schedule.id", "invoice.id", "customer.id") if name in ids]
    link = ids.get("link", "")
    if link.startswith("https://") and shown:
        first = f'<a href="{escape(link)}"><code>{escape(shown[0])}</code></a>'
        return "<br>".join([first, *(f"<code>{escape(each)}</code>" for each in shown[1:])])
    return "<br>".join(f"<code>{escape(each)}</code>" for each in shown)
