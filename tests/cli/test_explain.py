"""`connector explain`: one contract on one page, section by section."""

from connector.offline import bundled_mapping, read_mapping
from tests.cli.conftest import Shop

SECTIONS = ["story", "raw", "contract", "timeline", "desired", "existing", "plan and verdict"]


def sections(text: str) -> dict[str, list[str]]:
    """Return the page's lines by section."""
    found: dict[str, list[str]] = {}
    name = ""
    for line in text.splitlines():
        title, rule, _ = line.partition(" ─")
        if rule:
            name = title
            found[name] = []
        else:
            found[name].append(line)
    return found


def test_the_page_follows_the_pipeline(shop: Shop):
    ran = shop.run("explain", shop.orders["ramp"])
    assert (ran.code, ran.err) == (0, "")
    page = sections(ran.out)
    assert list(page) == SECTIONS
    assert page["raw"][0] == f"Order {shop.orders['ramp']}  initial"
    assert sum(line.strip().startswith("OrderItem ") for line in page["raw"]) == 5
    assert page["raw"][-1].startswith("records: 1 Account, ")
    assert any("quantity" in line and "Quantity" in line for line in page["contract"])
    rules = bundled_mapping("salesforce")
    assert page["contract"][0] == f"rules: {rules}  ({read_mapping(rules).hash})"
    assert len(page["timeline"]) == 4
    assert "once: 1 x Onboarding and Data Migration" in page["timeline"][-1]
    assert f"subscription_schedule/{shop.orders['ramp']}" in page["desired"]
    assert page["existing"] == ["nothing yet"]
    assert page["plan and verdict"][-1].endswith("adds up")


def test_after_the_sync_it_names_what_stripe_holds(shop: Shop):
    shop.run("sync", shop.orders["ramp"])
    page = sections(shop.run("explain", shop.orders["ramp"], "--refresh").out)
    assert any(line.startswith("customer/") and "cus_" in line for line in page["existing"])
    assert any("sub_sched_" in line and line.endswith("not_started") for line in page["existing"])
    assert "nothing to do" in page["plan and verdict"][0]


def test_a_contract_that_cannot_be_read_has_its_issues_at_the_end(shop: Shop):
    page = sections(shop.run("explain", shop.orders["no_start"]).out)
    assert list(page) == SECTIONS
    assert page["timeline"] == ["none: the issues below come first"]
    assert page["desired"] == ["none"]
    assert any("fix: " in line for line in page["plan and verdict"])


def test_as_json_it_carries_plan_trace_and_existing(shop: Shop):
    shop.run("sync", shop.orders["usage"])
    document = shop.run("explain", shop.orders["usage"], "--json").document
    assert (document["schema_version"], document["verdict"]) == (1, "nothing")
    assert {entry["slot"] for entry in document["trace"]} >= {"quantity", "start", "currency", "stripe_id"}
    assert all(set(entry) == {"ref", "slot", "value", "raw", "record", "field", "line"} for entry in document["trace"])
    assert document["existing"][f"subscription_schedule/{shop.orders['usage']}"]["id"].startswith("sub_sched_")
