"""Stamps and findings: what was handled, what a sweep has met, what stands; the same on both databases."""

from datetime import UTC, datetime, timedelta

from connector.journal import Finding, Journal, Stamp
from tests.journal.builders import CRM, NOW, state

T = datetime(2026, 11, 24, 8, tzinfo=UTC)


def stamp(record: str, **more: object) -> Stamp:
    return Stamp(**{"record": record, "root": record, "stamp": T, "mapping": "m", **more})  # type: ignore[arg-type]


def test_a_stamp_comes_back_as_it_was_saved_and_the_last_one_counts(journal: Journal):
    journal.save_stamps(CRM, [stamp("a"), stamp("b", root="a")], NOW)
    journal.save_stamps(CRM, [stamp("a", stamp=T + timedelta(microseconds=1), mapping="n")], NOW)
    found = journal.stamps(CRM, ["a", "b", "c"])
    assert found == {"a": stamp("a", stamp=T + timedelta(microseconds=1), mapping="n"), "b": stamp("b", root="a")}
    assert journal.stamps("other", ["a"]) == {}


def test_thousands_go_in_and_out_at_once(journal: Journal):
    many = [stamp(f"r{number}") for number in range(2_500)]
    journal.save_stamps(CRM, many, NOW)
    assert journal.stamps(CRM, [one.record for one in many]) == {one.record: one for one in many}


def test_what_a_sweep_meets_is_known_but_not_handled(journal: Journal):
    journal.save_stamps(CRM, [stamp("a")], NOW)
    journal.mark_swept(CRM, ["a", "b"], NOW)
    assert journal.stamps(CRM, ["a", "b"]) == {"a": stamp("a"), "b": stamp("b", stamp=None, mapping="")}


def test_what_no_sweep_has_met_since_is_lost(journal: Journal):
    later = NOW + timedelta(hours=1)
    journal.save_stamps(CRM, [stamp("a"), stamp("b", root="a"), stamp("c")], NOW)
    journal.mark_swept(CRM, ["a"], later)
    assert journal.lost_records(CRM, later) == (("b", "a"), ("c", "c"))
    assert journal.lost_records(CRM, later, after="b") == (("c", "c"),)
    assert journal.lost_records(CRM, later, limit=1) == (("b", "a"),)
    assert journal.lost_records(CRM, NOW) == ()
    journal.forget_stamps(CRM, ["b"])
    assert journal.lost_records(CRM, later) == (("c", "c"),)


def test_a_contract_whose_record_was_never_met_is_lost_unless_it_is_not_meant(journal: Journal):
    journal.save_contract(state(contract_key="C1", record="r1"))
    journal.save_contract(state(contract_key="C2", record="r2", outcome="skipped"))
    journal.save_contract(state(contract_key="C3", record="r3"))
    journal.save_stamps(CRM, [stamp("r3")], NOW)
    assert journal.lost_records(CRM, NOW) == (("r1", "r1"),)


def finding(subject: str, at: datetime = NOW, **more: object) -> Finding:
    known = {"connection": CRM, "kind": "edited", "contract_key": "C", "detail": "d", "found_at": at, "seen_at": at}
    return Finding(**{**known, "subject": subject, **more})  # type: ignore[arg-type]


def test_findings_are_replaced_and_keep_when_they_were_found_first(journal: Journal):
    later = NOW + timedelta(days=1)
    assert journal.replace_findings(CRM, [finding("s1"), finding("s2")]) == (finding("s1"), finding("s2"))
    fresh = journal.replace_findings(CRM, [finding("s2", later, detail="e"), finding("s3", later)])
    assert fresh == (finding("s3", later),)
    assert journal.findings(CRM) == (finding("s2", later, detail="e", found_at=NOW), finding("s3", later))
    assert journal.findings("other") == ()
    journal.replace_findings("other", [])
    assert len(journal.findings(CRM)) == 2


def test_what_was_explained_is_known_by_its_mark(journal: Journal):
    journal.save_cleared(CRM, {"s1": "m1", "s2": "m2"})
    journal.save_cleared(CRM, {"s1": "m3"})
    assert journal.cleared(CRM, ["s1", "s2", "s3"]) == {"s1": "m3", "s2": "m2"}
    assert journal.cleared("other", ["s1"]) == {}
