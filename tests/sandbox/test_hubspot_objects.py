"""Single records: what is asked for, what is kept, what is refused."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from connector.sandbox.hubspot import HubSpotSandbox, Rule
from tests.sandbox.hubspot_portal import Portal, value_faults

NOW = datetime(2026, 11, 24, 8, 0, 0, 123_000, UTC)
DEAL = {"dealname": "Twelve seats", "dealstage": "closedwon"}
SEATS = {
    "name": "Seat",
    "quantity": "12",
    "price": "39",
    "recurringbillingfrequency": "monthly",
    "hs_recurring_billing_period": "P2Y",
}


@pytest.fixture
def sandbox():
    with HubSpotSandbox(now=NOW) as made:
        yield made


@pytest.fixture(params=["v3", "2026-03", "2026-09"])
def portal(sandbox, request):
    return Portal(sandbox, version=request.param)


def make(portal, kind="deals", **values):
    return portal.post(f"/objects/{kind}", {"properties": {**(DEAL if kind == "deals" else {}), **values}})


# --- reading -----------------------------------------------------------------------------------------------


def test_a_record_shows_what_was_asked_for(portal):
    deal_id = make(portal, amount=120)["id"]
    shown = portal.get(f"/objects/deals/{deal_id}", properties=["amount", "closedate,no_such_property"])
    assert shown["properties"] == {
        "amount": "120",
        "closedate": None,
        "createdate": "2026-11-24T08:00:00.123Z",
        "hs_lastmodifieddate": "2026-11-24T08:00:00.123Z",
        "hs_object_id": deal_id,
    }
    assert shown["createdAt"] == shown["updatedAt"] == "2026-11-24T08:00:00.123Z"
    assert shown["archived"] is False


def test_without_a_list_the_default_properties_are_shown(portal):
    shown = portal.get(f"/objects/deals/{make(portal)['id']}")["properties"]
    names = {"dealname", "amount", "closedate", "pipeline", "dealstage"}
    assert set(shown) == names | {"createdate", "hs_lastmodifieddate", "hs_object_id"}
    contact = make(portal, "contacts", email="Ann@Example.com")
    assert contact["properties"]["email"] == "ann@example.com"
    assert "lastmodifieddate" in contact["properties"]
    assert "hs_lastmodifieddate" not in contact["properties"]


@pytest.mark.parametrize("name", ["deals", "deal", "0-3", "DEAL"])
def test_a_type_goes_by_several_names(portal, name):
    deal_id = make(portal)["id"]
    assert portal.get(f"/objects/{name}/{deal_id}")["id"] == deal_id


def test_an_unknown_type_is_refused(portal):
    assert portal.refused("GET", "/objects/unicorns/1")[:2] == (400, "VALIDATION_ERROR")


def test_pages_follow_ids(portal):
    ids = [make(portal, "companies", name=f"Company {n}")["id"] for n in range(23)]
    seen, after = [], None
    while True:
        page = portal.get("/objects/companies", limit=10, after=after)
        seen += [row["id"] for row in page["results"]]
        if "paging" not in page:
            break
        after = page["paging"]["next"]["after"]
    assert seen == ids
    assert len(portal.get("/objects/companies")["results"]) == 10


def test_rows_may_be_repeated_on_the_next_page():
    with HubSpotSandbox(repeated_rows=1) as sandbox:
        portal = Portal(sandbox)
        ids = [make(portal, "companies", name=f"Company {n}")["id"] for n in range(3)]
        first = portal.get("/objects/companies", limit=2)
        second = portal.get("/objects/companies", limit=2, after=first["paging"]["next"]["after"])
        assert [row["id"] for page in (first, second) for row in page["results"]] == [*ids[:2], *ids[1:]]


def test_a_list_of_properties_may_be_too_long_for_an_address(portal):
    assert portal.call("GET", "/objects/deals", properties=",".join(["amount"] * 2_500)).status_code == 414


def test_page_sizes_end_at_a_hundred(portal):
    assert portal.refused("GET", "/objects/companies", limit=101)[0] == 400
    assert portal.refused("GET", "/objects/companies", limit=51, propertiesWithHistory="name")[0] == 400


def test_history_is_newest_first_with_its_source(sandbox, portal):
    deal_id = make(portal, amount="100")["id"]
    sandbox.clock.advance(timedelta(minutes=5))
    sandbox.update("deals", deal_id, {"amount": "90"})
    shown = portal.get(f"/objects/deals/{deal_id}", propertiesWithHistory="amount,dealname")
    assert [
        (row["value"], row["timestamp"], row["sourceType"]) for row in shown["propertiesWithHistory"]["amount"]
    ] == [
        ("90", "2026-11-24T08:05:00.123Z", "CRM_UI"),
        ("100", "2026-11-24T08:00:00.123Z", "INTEGRATION"),
    ]
    assert [row["value"] for row in shown["propertiesWithHistory"]["dealname"]] == ["Twelve seats"]


# --- writing -----------------------------------------------------------------------------------------------


def test_a_write_that_changes_nothing_moves_nothing(sandbox, portal):
    deal_id = make(portal, amount="100")["id"]
    sandbox.clock.advance(timedelta(seconds=10))
    same = portal.ok("PATCH", f"/objects/deals/{deal_id}", {"properties": {"amount": "100"}})
    assert same["updatedAt"] == "2026-11-24T08:00:00.123Z"
    other = portal.ok("PATCH", f"/objects/deals/{deal_id}", {"properties": {"amount": "101"}})
    assert other["updatedAt"] == other["properties"]["hs_lastmodifieddate"] == "2026-11-24T08:00:10.123Z"


def test_the_empty_text_and_null_clear(portal):
    deal_id = make(portal, amount="100", closedate="2026-11-24")["id"]
    body = {"properties": {"amount": "", "closedate": None}}
    assert portal.ok("PATCH", f"/objects/deals/{deal_id}", body)["properties"]["amount"] is None
    assert portal.get(f"/objects/deals/{deal_id}")["properties"]["closedate"] is None


@pytest.mark.parametrize(
    ("name", "given", "kept"),
    [
        ("amount", 12.5, "12.5"),
        ("bsync_release", True, "true"),
        ("bsync_effective_date", "1796083200000", "2026-12-01"),
        ("bsync_effective_date", "2026-12-01", "2026-12-01"),
        ("closedate", "2026-12-01T10:00:00+02:00", "2026-12-01T08:00:00.000Z"),
        ("closedate", 1_796_083_200_000, "2026-12-01T00:00:00.000Z"),
        ("bsync_action", "terminate", "terminate"),
        ("deal_currency_code", "JPY", "JPY"),
        ("hubspot_owner_id", "70311842", "70311842"),
    ],
)
def test_values_are_kept_as_text(portal, name, given, kept):
    deal_id = make(portal, **{name: given})["id"]
    assert portal.get(f"/objects/deals/{deal_id}", properties=name)["properties"][name] == kept


@pytest.mark.parametrize(
    ("name", "given", "code"),
    [
        ("no_such_property", "x", "PROPERTY_DOESNT_EXIST"),
        ("hs_mrr", "12", "READ_ONLY_VALUE"),
        ("hs_is_closed_won", "true", "READ_ONLY_VALUE"),
        ("amount", "twelve", "INVALID_NUMBER"),
        ("amount", "NaN", "INVALID_NUMBER"),
        ("closedate", "tomorrow", "INVALID_DATE"),
        ("bsync_effective_date", "2026-02-30", "INVALID_DATE"),
        ("bsync_effective_date", "1796083200001", "INVALID_DATE"),
        ("bsync_release", "yes", "INVALID_BOOLEAN"),
        ("bsync_action", "Terminate", "INVALID_OPTION"),
        ("dealtype", "upsell", "INVALID_OPTION"),
        ("deal_currency_code", "CHF", "INVALID_OPTION"),
        ("dealstage", "214883074", "INVALID_OPTION"),
        ("pipeline", "elsewhere", "INVALID_OPTION"),
        ("hubspot_owner_id", "1", "INVALID_OWNER_ID"),
        ("description", "x" * 65_537, "TOO_LONG"),
    ],
)
def test_a_wrong_value_rejects_the_whole_record(portal, name, given, code):
    deal_id = make(portal, amount="100")["id"]
    status, category, answer = portal.refused(
        "PATCH", f"/objects/deals/{deal_id}", {"properties": {"dealname": "New name", name: given}}
    )
    assert (status, category) == (400, "VALIDATION_ERROR")
    assert value_faults(answer) == {name: code}
    assert [(each["code"], each["context"]) for each in answer["errors"]] == [(code, {"propertyName": [name]})]
    assert portal.get(f"/objects/deals/{deal_id}")["properties"]["dealname"] == "Twelve seats"


def test_all_faults_are_told_at_once(portal):
    body = {"properties": {**DEAL, "nope": "1", "hs_acv": "1", "amount": "x"}}
    _, _, answer = portal.refused("POST", "/objects/deals", body)
    assert set(value_faults(answer)) == {"nope", "hs_acv", "amount"}


def test_required_properties(portal):
    status, _, answer = portal.refused("POST", "/objects/deals", {"properties": {"dealname": "No stage"}})
    assert (status, answer["context"]) == (400, {"properties": ["[dealstage]"]})
    assert portal.refused("POST", "/objects/notes", {"properties": {"hs_note_body": "<b>!</b>"}})[0] == 400


def test_unique_values(portal):
    first = make(portal, "contacts", email="ann@example.com")["id"]
    status, category, answer = portal.refused("POST", "/objects/contacts", {"properties": {"email": "ANN@example.com"}})
    assert (status, category) == (409, "CONFLICT")
    assert first in answer["message"]
    company = make(portal, "companies", name="A", bsync_stripe_customer_id="cus_1")["id"]
    other = make(portal, "companies", name="B")["id"]
    body = {"properties": {"bsync_stripe_customer_id": "cus_1"}}
    status, _, answer = portal.refused("PATCH", f"/objects/companies/{other}", body)
    assert (status, company in answer["message"]) == (409, True)
    found = portal.get("/objects/companies/cus_1", idProperty="bsync_stripe_customer_id")
    assert found["id"] == company
    assert portal.refused("GET", "/objects/companies/A", idProperty="name")[0] == 400


def test_archiving_hides_and_keeps_the_modified_moment(sandbox, portal):
    deal_id = make(portal)["id"]
    sandbox.clock.advance(timedelta(hours=1))
    portal.ok("DELETE", f"/objects/deals/{deal_id}")
    assert portal.refused("GET", f"/objects/deals/{deal_id}")[:2] == (404, "OBJECT_NOT_FOUND")
    assert portal.get("/objects/deals")["results"] == []
    gone = portal.get(f"/objects/deals/{deal_id}", archived="true")
    assert (gone["updatedAt"], gone["archivedAt"]) == ("2026-11-24T08:00:00.123Z", "2026-11-24T09:00:00.123Z")
    assert [row["id"] for row in portal.get("/objects/deals", archived="true")["results"]] == [deal_id]
    portal.ok("DELETE", f"/objects/deals/{deal_id}")
    sandbox.restore("deals", deal_id)
    assert portal.get(f"/objects/deals/{deal_id}")["archived"] is False


# --- what the service works out ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "figures"),
    [
        ({}, {"amount": "468", "hs_mrr": "468", "hs_arr": "5616", "hs_tcv": "11232", "hs_term_in_months": "24"}),
        (
            {"hs_discount_percentage": "25"},
            {"amount": "351", "hs_total_discount": "117", "hs_effective_unit_price": "29.25"},
        ),
        ({"discount": "4.5"}, {"amount": "414", "hs_total_discount": "54", "hs_effective_unit_price": "34.5"}),
        (
            {"recurringbillingfrequency": "quarterly", "hs_recurring_billing_period": "P1Y"},
            {"hs_recurring_billing_number_of_payments": "4", "hs_mrr": "156", "hs_acv": "1872", "hs_tcv": "1872"},
        ),
        (
            {"hs_recurring_billing_period": "P6M"},
            {"hs_acv": "2808", "hs_tcv": "2808", "hs_recurring_billing_terms": "FIXED"},
        ),
        (
            {"hs_recurring_billing_period": ""},
            {"hs_recurring_billing_terms": "AUTOMATICALLY_RENEW", "hs_tcv": "5616", "hs_term_in_months": None},
        ),
        (
            {"recurringbillingfrequency": "weekly", "hs_recurring_billing_period": "P12W"},
            {"hs_recurring_billing_number_of_payments": "12", "hs_tcv": "5616"},
        ),
        (
            {"recurringbillingfrequency": "", "hs_recurring_billing_period": ""},
            {"amount": "468", "hs_mrr": "0", "hs_tcv": "468", "hs_recurring_billing_terms": None},
        ),
        (
            {"hs_recurring_billing_start_date": "2027-01-31", "hs_recurring_billing_period": "P1M"},
            {"hs_billing_period_start_date": "2027-01-31", "hs_billing_period_end_date": "2027-02-28"},
        ),
        (
            {"hs_billing_start_delay_months": "3"},
            {"hs_billing_start_delay_type": "hs_billing_start_delay_months"},
        ),
    ],
)
def test_line_arithmetic(portal, given, figures):
    line_id = make(portal, "line_items", **{**SEATS, **given})["id"]
    shown = portal.get(f"/objects/line_items/{line_id}", properties=list(figures))["properties"]
    assert {name: shown[name] for name in figures} == figures


@pytest.mark.parametrize(("model", "amount"), [("volume", "300"), ("graduated", "349"), ("stairstep", "2")])
def test_tiers(portal, model, amount):
    """150 units over tiers that cost 3 up to 49, and 2 from 50 on: 49 x 3 + 101 x 2 when graduated."""
    tiers = {
        "price": "",
        "quantity": "150",
        "hs_pricing_model": model,
        "hs_tier_ranges": '[{"start":0,"end":49},{"start":50}]',
        "hs_tier_prices": '[{"index":0,"price":3},{"index":1,"price":2}]',
    }
    assert make(portal, "line_items", **{**SEATS, **tiers})["properties"]["amount"] == amount


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"price": "-1"}, {"price": "INVALID_NUMBER"}),
        ({"recurringbillingfrequency": "weekly"}, "BILLING_PERIOD_TO_FREQUENCY_FORM_MISMATCH"),
        ({"hs_recurring_billing_period": "P90D"}, "BILLING_PERIOD_TO_FREQUENCY_FORM_MISMATCH"),
        ({"hs_recurring_billing_period": "a year"}, "INVALID_OPTION"),
        ({"recurringbillingfrequency": "yearly"}, {"recurringbillingfrequency": "INVALID_OPTION"}),
        ({"amount": "1"}, {"amount": "READ_ONLY_VALUE"}),
    ],
)
def test_lines_that_are_refused(portal, given, code):
    _, _, answer = portal.refused("POST", "/objects/line_items", {"properties": {**SEATS, **given}})
    assert value_faults(answer) == (code if isinstance(code, dict) else {"hs_recurring_billing_period": code})


def test_a_deal_adds_up_without_being_edited(sandbox, portal):
    deal_id = make(portal, amount="1")["id"]
    sandbox.clock.advance(timedelta(minutes=1))
    for start in ("2027-01-01", "2028-01-01"):
        values = {**SEATS, "hs_recurring_billing_start_date": start, "hs_recurring_billing_period": "P1Y"}
        types = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 20}]
        body = {"properties": values, "associations": [{"to": {"id": deal_id}, "types": types}]}
        portal.post("/objects/line_items", body)
    names = ["hs_tcv", "hs_acv", "hs_mrr", "hs_num_of_associated_line_items", "hs_is_closed_won", "hs_closed_amount"]
    shown = portal.get(f"/objects/deals/{deal_id}", properties=names)
    values = shown["properties"]
    assert [values[name] for name in names] == ["11232", "11232", "936", "2", "true", "1"]
    assert shown["updatedAt"] == "2026-11-24T08:00:00.123Z"


def test_won_depends_on_the_stage_not_on_its_name(portal):
    deal_id = make(portal, pipeline="214883071", dealstage="214883074")["id"]
    shown = portal.get(f"/objects/deals/{deal_id}", properties="hs_is_closed_won,hs_deal_stage_probability")
    assert shown["properties"]["hs_is_closed_won"] == "true"
    portal.ok("PATCH", f"/objects/deals/{deal_id}", {"properties": {"dealstage": "214883075"}})
    shown = portal.get(f"/objects/deals/{deal_id}", properties="hs_is_closed_won,hs_is_closed_lost")
    assert (shown["properties"]["hs_is_closed_won"], shown["properties"]["hs_is_closed_lost"]) == ("false", "true")


# --- quotes, merging, the account's own rules ------------------------------------------------------------------


def test_a_published_quote_is_locked_until_it_is_a_draft_again(sandbox, portal):
    quote = {"hs_title": "Q", "hs_expiration_date": "2026-12-31", "hs_status": "DRAFT"}
    quote_id = make(portal, "quotes", **quote)["id"]
    deal_id = make(portal)["id"]
    sandbox.associate("deals", deal_id, "quotes", quote_id)
    line_id, typed = (make(portal, "line_items", **SEATS)["id"] for _ in range(2))
    sandbox.associate("quotes", quote_id, "line_items", line_id)
    sandbox.associate("deals", deal_id, "line_items", typed)
    (copy,) = sandbox.publish_quote(quote_id)
    assert copy not in {line_id, typed}
    assert typed not in sandbox.records("line_items")
    quotes = portal.get(f"/objects/deals/{deal_id}/associations/quotes")["results"]
    assert [each["typeId"] for each in quotes[0]["associationTypes"]] == [63, 1393]
    live = portal.get(f"/objects/deals/{deal_id}/associations/line_items")["results"]
    assert [str(each["toObjectId"]) for each in live] == [copy]
    assert portal.refused("PATCH", f"/objects/quotes/{quote_id}", {"properties": {"hs_title": "R"}})[0] == 400
    body = {"properties": {"hs_status": "DRAFT", "hs_title": "R"}}
    assert portal.ok("PATCH", f"/objects/quotes/{quote_id}", body)["properties"]["hs_title"] == "R"
    sandbox.publish_quote(quote_id)
    sandbox.accept_quote(quote_id)
    names = "hs_esign_num_signers_completed,hs_esign_date,hs_quote_amount"
    shown = portal.get(f"/objects/quotes/{quote_id}", properties=names)["properties"]
    assert (shown["hs_esign_num_signers_completed"], shown["hs_quote_amount"]) == ("1", "11232")


def test_archiving_a_quote_takes_its_lines(sandbox, portal):
    quote_id = make(portal, "quotes", hs_title="Q", hs_expiration_date="2026-12-31")["id"]
    line_id = make(portal, "line_items", **SEATS)["id"]
    sandbox.associate("quotes", quote_id, "line_items", line_id)
    portal.ok("DELETE", f"/objects/quotes/{quote_id}")
    assert portal.refused("GET", f"/objects/line_items/{line_id}")[0] == 404


def test_merging_makes_a_new_record_that_both_ids_lead_to(sandbox, portal):
    kept, gone = (
        make(portal, "companies", name=name, domain=domain)["id"]
        for name, domain in (("A", ""), ("B", "b.example.com"))
    )
    deal_id = make(portal)["id"]
    sandbox.associate("deals", deal_id, "companies", gone)
    made = portal.post("/objects/companies/merge", {"primaryObjectId": kept, "objectIdToMerge": gone})
    assert made["id"] not in {kept, gone}
    for old in (kept, gone):
        shown = portal.get(f"/objects/companies/{old}", properties="name,domain,hs_merged_object_ids")
        assert shown["id"] == made["id"]
        assert shown["properties"]["name"] == "A"
        assert shown["properties"]["domain"] == "b.example.com"
        assert shown["properties"]["hs_merged_object_ids"] == f"{kept};{gone}"
        renamed = portal.ok("PATCH", f"/objects/companies/{old}", {"properties": {"name": "A"}})
        assert renamed["id"] == made["id"]
    assert sandbox.associated("deals", deal_id, "companies") == [made["id"]]
    batch = portal.post("/objects/companies/batch/update", {"inputs": [{"id": gone, "properties": {"name": "X"}}]})
    assert batch["errors"][0]["context"]["ids"] == [gone]
    again = make(portal, "companies", name="C")["id"]
    last = portal.post("/objects/companies/merge", {"primaryObjectId": made["id"], "objectIdToMerge": again})
    assert portal.get(f"/objects/companies/{gone}")["id"] == last["id"]


def test_lines_cannot_be_merged(portal):
    ids = [make(portal, "line_items", **SEATS)["id"] for _ in range(2)]
    body = {"primaryObjectId": ids[0], "objectIdToMerge": ids[1]}
    assert portal.refused("POST", "/objects/line_items/merge", body)[0] == 400


def test_rules_of_the_account(sandbox, portal):
    deal_id = make(portal)["id"]
    sandbox.add_rule(Rule("deals", property="bsync_status_detail", max_length=5, message="keep it short"))
    path = f"/objects/deals/{deal_id}"
    _, _, answer = portal.refused("PATCH", path, {"properties": {"bsync_status_detail": "far too long"}})
    assert value_faults(answer) == {"bsync_status_detail": "TOO_LONG"}
    portal.ok("PATCH", path, {"properties": {"bsync_status_detail": "short"}})
    sandbox.add_rule(Rule("deals", when={"bsync_status": "synced"}, require=("closed_won_reason",)))
    response = portal.call("PATCH", path, {"properties": {"bsync_status": "synced"}})
    assert response.status_code == (400 if portal.version == "2026-09" else 200)


def test_a_property_comes_and_goes(sandbox, portal):
    deal_id = make(portal)["id"]
    body = {"properties": {"region": "west"}}
    assert portal.refused("PATCH", f"/objects/deals/{deal_id}", body)[0] == 400
    sandbox.add_property("deals", "region text")
    portal.ok("PATCH", f"/objects/deals/{deal_id}", body)
    sandbox.remove_property("deals", "region")
    assert "region" not in portal.get(f"/objects/deals/{deal_id}", properties="region")["properties"]
    assert portal.refused("GET", "/properties/deals/region")[0] == 404


def test_many_clients_at_once(sandbox, portal):
    """Eight clients write and read together: nothing is lost, no id given twice, every deal adds up."""
    deal_id = make(portal)["id"]
    types = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 20}]

    def work(number):
        client = Portal(sandbox, version=portal.version)
        made = []
        for n in range(10):
            tie = [{"to": {"id": deal_id}, "types": types}]
            body = {"properties": {**SEATS, "name": f"{number}-{n}"}, "associations": tie}
            made.append(client.post("/objects/line_items", body)["id"])
            assert client.search("line_items", query="", limit=1)["total"] > 0
        return made

    with ThreadPoolExecutor(8) as pool:
        ids = [each for made in pool.map(work, range(8)) for each in made]
    assert len(set(ids)) == 80
    shown = portal.get(f"/objects/deals/{deal_id}", properties="hs_num_of_associated_line_items,hs_mrr")
    assert shown["properties"]["hs_num_of_associated_line_items"] == "80"
    assert shown["properties"]["hs_mrr"] == str(80 * 12 * 39)


def test_a_locked_record(sandbox, portal):
    deal_id = make(portal)["id"]
    sandbox.lock_once(deal_id)
    assert portal.refused("PATCH", f"/objects/deals/{deal_id}", {"properties": {"amount": "1"}})[0] == 423
    portal.ok("PATCH", f"/objects/deals/{deal_id}", {"properties": {"amount": "1"}})
