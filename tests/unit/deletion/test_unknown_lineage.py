"""Registries that cannot tell dependents: what the review says of their versions."""

from __future__ import annotations

from dataclasses import replace

from artifact_tui.catalog.lineage import LineageCoverage
from artifact_tui.deletion.items import Options, Reason, Verdict
from artifact_tui.model import Alias, Facts, VersionState
from tests.support.judge import Candidate, judge

PARTLY = LineageCoverage(3, 4)
CONSENT = Options(unknown_lineage=True)


def facts(key: str, *dependents: str) -> Facts:
    return Facts(key, "d", VersionState.LIVE, dependents=dependents)


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
