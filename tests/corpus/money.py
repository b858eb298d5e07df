"""Money: our bills against what the CRM sold, and against what the recorded schedule bills where that is right."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from connector.domain.money import round_minor, to_minor
from tests.corpus.result import Comparison

_DAY = re.compile(r"\d{4}-\d\d-\d\d")


def compare_money(result: Comparison) -> None:
    """Ask whether our bills come to what the CRM sold, to the minor unit, or the rest has a reason of its own."""
    accounts = result.document["tie_out"].items()
    result.money = bool(accounts)
    if not accounts:
        result.fault("money", f"nothing is compiled: {result.document['issues']}")
    for currency, account in accounts:
        if Decimal(account["difference"]) and not account["explained"]:
            result.fault("money", f"unexplained difference {account['difference']}")
        for reason in account["reasons"]:
            result.explain("money", f"{reason['reason']}: {_DAY.sub('its day', reason['message'].partition(': ')[2])}")
        _compare_with_records(result, currency, Decimal(account["crm"]))
        _compare_with_recorded(result, account)


def _compare_with_records(result: Comparison, currency: str, told: Decimal) -> None:
    """Add up the CRM's lines a second time, from the records themselves."""
    counted = {revision["ref"] for revision in result.document["contract"]["revisions"]}
    skipped = {issue["record"] for issue in result.document["issues"] if issue["code"] == "LINE_SKIPPED"}
    lines = result.recording.table("OrderItem").items()
    totals = [line["TotalPrice"] for ref, line in lines if line["OrderId"] in counted and ref not in skipped]
    sold = sum(round_minor(to_minor(Decimal(str(total)), currency)) for total in totals)
    if sold != told:
        result.fault("money", f"the CRM's lines come to {sold}, the tie-out says {told}")


def _compare_with_recorded(result: Comparison, account: Mapping[str, Any]) -> None:
    """Compare with the recorded schedule's whole life, where the recording says that it bills what was sold.

    Recorded sums are before discounts, and count what the policy leaves unbilled.
    """
    money = result.recording.data["checks"].get("money") or {}
    if not (result.recording.is_last and result.recording.agrees and money.get("comparable") and money.get("equal")):
        return
    if result.recording.outcome != "success":  # the recorded schedule is without what this run should have done
        return
    amounts = [bill["amount"] for bill in result.document["billing"]]
    ours = sum(Decimal(amount) for amount in (*amounts, *(reason["amount"] for reason in account["reasons"])))
    if ours != Decimal(str(money["stripe_total"])):
        result.fault("money", f"ours come to {ours}, the recorded schedule to {money['stripe_total']}")
