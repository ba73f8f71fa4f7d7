"""Lineage in circles: what the review says of it, and that all of one goes or none."""

from __future__ import annotations

from artifact_tui.deletion.checks import recheck
from artifact_tui.deletion.items import ItemState, Options, Reason, Verdict
from artifact_tui.model import Alias, Facts, VersionState
from tests.support.judge import Candidate, Judgement, judge

S = ItemState
ORPHAN = Options(orphan_dependents=True)
BEST = (Alias("best"),)


def one(key: str, *dependents: str, aliases: tuple[Alias, ...] = ()) -> Candidate:
    facts = Facts(key, "d", VersionState.LIVE, aliases, tuple(sorted(dependents)))
    return Candidate(key, "m", key, "model", 1, facts)


def judged(*found: Candidate, options: Options | None = None) -> dict[str, Judgement]:
    return {c.key: j for c, j in zip(found, judge(found, options or Options()), strict=True)}


def test_a_circle_goes_together_between_what_is_below_and_above_it() -> None:
    found = judged(
        one("top", "a"), one("a", "b"), one("b", "a", "leaf"), one("leaf"), one("self", "self")
    )
    assert {j.verdict for j in found.values()} == {Verdict.DELETE}
    assert {k: j.level for k, j in found.items()} == {
        "top": 2, "a": 1, "b": 1, "leaf": 0, "self": 0,
    }  # fmt: skip


def test_one_that_stays_keeps_its_circle_and_what_that_was_made_from() -> None:
    found = judged(
        one("top", "a"), one("a", "b"), one("b", "c", "a"), one("c", "a", aliases=BEST), one("leaf")
    )
    assert (found["c"].verdict, found["c"].reason) == (Verdict.CONSENT, Reason.ALIAS)
    stays = (Verdict.BLOCKED, Reason.DEPENDENT_STAYS)
    assert {(found[k].verdict, found[k].reason) for k in ("top", "a", "b")} == {stays}
    assert found["b"].detail == "m:a, m:c"
    assert found["c"].outside == ("a",)
    assert found["leaf"].verdict is Verdict.DELETE


def test_a_dependent_outside_keeps_the_whole_circle() -> None:
    found = judged(one("a", "b"), one("b", "a", "elsewhere"))
    assert (found["b"].reason, found["b"].detail) == (Reason.DEPENDENTS, "elsewhere")
    assert (found["a"].reason, found["a"].detail) == (Reason.DEPENDENT_STAYS, "m:b")


def test_where_parents_may_be_lost_the_rest_of_a_circle_goes_in_its_order() -> None:
    circle = [one("a", "b"), one("b", "c"), one("c", "a", aliases=BEST)]
    found = judged(*circle, options=ORPHAN)
    assert {k: j.verdict for k, j in found.items()} == {
        "a": Verdict.DELETE, "b": Verdict.DELETE, "c": Verdict.CONSENT,
    }  # fmt: skip
    assert (found["b"].outside, found["b"].level, found["a"].level) == (("c",), 0, 1)


def test_a_circle_of_thousands_is_judged() -> None:
    ring = [one(str(n), str((n + 1) % 5000)) for n in range(5000)]
    assert {(j.verdict, j.level) for j in judge(ring, Options())} == {(Verdict.DELETE, 0)}


def test_just_before_only_those_that_go_together_may_be_there_still() -> None:
    reviewed = one("a", "b", "x").facts
    planned = {"b": ("a", "c"), "c": ("a",), "x": ()}
    for now in (one("a", "b"), one("a", "c"), one("a"), one("a", "a")):
        assert recheck(reviewed, now.facts, Options(), planned.get, {"a", "b", "c"}) is None
    refusal = recheck(reviewed, one("a", "b", "x").facts, Options(), planned.get, {"a", "b", "c"})
    assert refusal is not None
    assert (refusal.reason, refusal.keys) == (Reason.DEPENDENT_STAYS, ("x",))
