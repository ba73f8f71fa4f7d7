"""Registries that cannot tell dependents: what the review says, and what stands in at the check."""

from __future__ import annotations

from dataclasses import replace

from artifact_tui.catalog.lineage import LineageCoverage
from artifact_tui.deletion.checks import recheck, with_lineage
from artifact_tui.deletion.items import Options, Reason, Verdict
from artifact_tui.model import Alias, Facts, VersionState
from tests.support.judge import Candidate, judge

PARTLY = LineageCoverage(3, 4)
CONSENT = Options(unknown_lineage=True)
AGREED = Options(unknown_lineage=True, orphan_dependents=True)


def facts(key: str, *dependents: str) -> Facts:
    return Facts(key, "d", VersionState.LIVE, dependents=dependents)


def silent(key: str) -> Facts:
    return replace(facts(key), lineage_known=False)


def one(key: str, *dependents: str, aliases: tuple[Alias, ...] = ()) -> Candidate:
    known = replace(facts(key, *dependents), aliases=aliases)
    return Candidate(key, "m", key, "model", None, known)


def test_what_is_not_fully_known_needs_consent() -> None:
    (found,) = judge([one("a")], Options(), coverage=PARTLY)
    assert (found.verdict, found.reason) == (Verdict.CONSENT, Reason.LINEAGE_UNKNOWN)
    assert found.detail == "3 of 4 models scanned"
    assert judge([one("a")], CONSENT, coverage=PARTLY)[0].verdict is Verdict.DELETE
    assert judge([one("a")], Options(), coverage=LineageCoverage(4, 4))[0].verdict is Verdict.DELETE
    assert judge([one("a")], Options(), coverage=LineageCoverage(0, 0))[0].verdict is Verdict.DELETE


def test_known_dependents_block_whatever_is_unknown() -> None:
    (found,) = judge([one("a", "x")], CONSENT, coverage=PARTLY)
    assert (found.verdict, found.reason) == (Verdict.BLOCKED, Reason.DEPENDENTS)


def test_one_consent_is_not_another() -> None:
    tagged = one("a", aliases=(Alias("best"),))
    (found,) = judge([tagged], Options(delete_aliases=True), coverage=PARTLY)
    assert found.reason is Reason.LINEAGE_UNKNOWN
    (found,) = judge([tagged], CONSENT, coverage=PARTLY)
    assert found.reason is Reason.ALIAS


def test_a_parent_of_what_waits_for_consent_stays() -> None:
    found = judge([one("a", "b"), one("b")], Options(), coverage=PARTLY)
    assert [j.verdict for j in found] == [Verdict.BLOCKED, Verdict.CONSENT]


PLAN = {"child": (), "gone": ()}


def check(reviewed: Facts, now: Facts, options: Options = AGREED) -> Reason:
    full = with_lineage(reviewed, now, PLAN.get, lambda key: key == "child")
    found = recheck(reviewed, full, options, PLAN.get)
    return Reason.NONE if found is None else found.reason


def test_a_silent_registry_is_not_taken_at_its_word() -> None:
    assert check(facts("a"), silent("a")) is Reason.NONE
    assert check(facts("a", "outside"), silent("a")) is Reason.NONE, "not lost: nobody said so"


def test_what_was_known_and_is_no_longer_told_needs_the_consent_again() -> None:
    assert check(facts("a"), silent("a"), Options()) is Reason.LINEAGE_UNKNOWN
    assert check(facts("a", "child"), silent("a"), Options()) is Reason.DEPENDENT_STAYS
    assert check(silent("a"), silent("a"), Options()) is Reason.LINEAGE_UNKNOWN
    assert check(silent("a"), silent("a")) is Reason.NONE
    assert check(silent("a"), facts("a"), Options()) is Reason.NONE


def test_a_dependent_of_the_plan_that_stays_holds_its_parent() -> None:
    assert check(facts("a", "gone"), silent("a")) is Reason.NONE
    assert check(facts("a", "child", "gone"), silent("a")) is Reason.DEPENDENT_STAYS


def test_everything_else_is_compared_as_ever() -> None:
    changed = replace(silent("a"), digest="other")
    assert check(facts("a"), changed) is Reason.CONTENT_CHANGED


def test_facts_that_know_their_lineage_are_left_alone() -> None:
    now = facts("a", "new")
    assert with_lineage(facts("a"), now, PLAN.get, lambda _: True) is now
    assert check(facts("a"), now) is Reason.DEPENDENT_ADDED
