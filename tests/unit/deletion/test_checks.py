from __future__ import annotations

from dataclasses import replace

import pytest

from artifact_tui.deletion.checks import Refusal, names_in_line, recheck
from artifact_tui.deletion.items import Action, Options, Reason, Verdict
from artifact_tui.model import Alias, Facts, VersionState
from tests.support.judge import Candidate, Judgement, judge

PURGE = Options(action=Action.PURGE)
ORPHAN = Options(orphan_dependents=True)


def facts(
    key: str,
    *dependents: str,
    aliases: tuple[Alias, ...] = (),
    state: VersionState = VersionState.LIVE,
    digest: str = "sha256:a",
) -> Facts:
    return Facts(key, digest, state, aliases, tuple(sorted(dependents)))


def one(
    key: str,
    *dependents: str,
    aliases: tuple[Alias, ...] = (),
    state: VersionState = VersionState.LIVE,
) -> Candidate:
    return Candidate(
        key, "m", key, "model", 1, facts(key, *dependents, aliases=aliases, state=state)
    )


def verdicts(candidates: list[Candidate], options: Options | None = None) -> dict[str, Judgement]:
    judged = judge(candidates, options or Options())
    return {c.key: j for c, j in zip(candidates, judged, strict=True)}


def test_a_plain_version_is_deleted() -> None:
    assert judge([one("a")], Options()) == [Judgement(Verdict.DELETE)]


def test_an_alias_needs_consent_and_a_protected_one_blocks() -> None:
    plain, hard = Alias("best"), Alias("production", protected=True)
    found = verdicts([one("a", aliases=(plain,)), one("b", aliases=(plain, hard))])
    assert (found["a"].verdict, found["a"].reason) == (Verdict.CONSENT, Reason.ALIAS)
    assert (found["b"].verdict, found["b"].reason) == (Verdict.BLOCKED, Reason.PROTECTED)
    assert (found["a"].detail, found["b"].detail) == ("best", "production")
    found = verdicts(
        [one("a", aliases=(plain,)), one("b", aliases=(hard,))],
        Options(delete_aliases=True, orphan_dependents=True),
    )
    assert found["a"].verdict is Verdict.DELETE
    assert found["b"].verdict is Verdict.BLOCKED


def test_an_alias_in_another_collection_says_where() -> None:
    found = verdicts([one("a", aliases=(Alias("prod", protected=True, scope="registry"),))])
    assert found["a"].detail == "prod in registry"


def test_a_dependent_outside_the_plan_blocks_unless_it_may_lose_its_parent() -> None:
    assert verdicts([one("a", "x")])["a"] == Judgement(
        Verdict.BLOCKED, Reason.DEPENDENTS, "x", 0, ("x",)
    )
    assert verdicts([one("a", "x")], ORPHAN)["a"] == Judgement(Verdict.DELETE, outside=("x",))


def test_dependents_go_first_and_those_that_stay_hold_their_parents() -> None:
    chain = [one("a", "b"), one("b", "c"), one("c")]
    found = verdicts(chain)
    assert [found[k].level for k in "abc"] == [2, 1, 0]
    assert {j.verdict for j in found.values()} == {Verdict.DELETE}
    held = verdicts([one("a", "b"), one("b", "c"), one("c", aliases=(Alias("best"),))])
    assert held["c"].verdict is Verdict.CONSENT
    assert {held[k].reason for k in "ab"} == {Reason.DEPENDENT_STAYS}
    assert held["b"].detail == "m:c"


def test_one_dependent_outside_is_the_reason_even_beside_one_inside() -> None:
    found = verdicts([one("a", "b", "x"), one("b", aliases=(Alias("best"),))])
    assert found["a"].reason is Reason.DEPENDENTS


@pytest.mark.parametrize(
    ("state", "options", "reason"),
    [
        (VersionState.TRASH, Options(), Reason.IN_TRASH),
        (VersionState.PENDING, Options(), Reason.PENDING),
        (VersionState.LIVE, PURGE, Reason.NOT_IN_TRASH),
        (VersionState.PENDING, PURGE, Reason.NOT_IN_TRASH),
        (VersionState.TRASH, PURGE, Reason.NONE),
        (VersionState.LIVE, Options(), Reason.NONE),
    ],
)
def test_the_state_must_fit_the_action(
    state: VersionState, options: Options, reason: Reason
) -> None:
    found = judge([one("a", state=state)], options)[0]
    assert found.reason is reason
    assert (found.verdict is Verdict.DELETE) is (reason is Reason.NONE)


def test_a_purge_is_blocked_by_live_dependents_too() -> None:
    item = one("a", "x", state=VersionState.TRASH)
    assert judge([item], PURGE)[0].reason is Reason.DEPENDENTS
    allowed = Options(action=Action.PURGE, orphan_dependents=True)
    assert judge([item], allowed)[0].verdict is Verdict.DELETE


def test_read_only_blocks_everything() -> None:
    consents = Options(delete_aliases=True, orphan_dependents=True)
    judged = judge([one("a"), one("b", "x")], consents, read_only=True)
    assert {(j.verdict, j.reason) for j in judged} == {(Verdict.BLOCKED, Reason.READ_ONLY)}


def test_a_lineage_of_thousands_of_steps_is_judged() -> None:
    chain = [one(str(n), *([str(n + 1)] if n < 5000 else [])) for n in range(5001)]
    judged = judge(chain, Options())
    assert [j.level for j in judged] == list(range(5000, -1, -1))


def test_long_lists_are_cut() -> None:
    assert names_in_line("abc") == "a, b, c"
    assert names_in_line("abcdefgh") == "a, b, c, d, e and 3 more"


BASE = facts("k", "x", "p", aliases=(Alias("best"),))
PLANNED = {"p": ("q", "r"), "q": ()}


AGREED = Options(delete_aliases=True, orphan_dependents=True)


def again(now: Facts | None, options: Options = AGREED) -> Refusal | None:
    return recheck(BASE, now, options, PLANNED.get)


def test_what_nobody_agreed_to_is_refused_whatever_the_plan_says() -> None:
    best = (Alias("best"),)
    found = again(facts("k", "x", aliases=best), Options(orphan_dependents=True))
    assert (found.reason if found else None) is Reason.ALIAS
    found = again(facts("k", "x", aliases=best), Options(delete_aliases=True))
    assert (found.reason if found else None) is Reason.DEPENDENTS
    kept = facts("k", aliases=(Alias("best", protected=True),))
    found = recheck(kept, kept, AGREED, PLANNED.get)
    assert (found.reason if found else None) is Reason.PROTECTED


def test_what_is_called_otherwise_than_it_was_shown_is_refused() -> None:
    shown = replace(facts("k"), collection="old", label="v1", type="model")
    assert recheck(shown, shown, Options(), PLANNED.get) is None
    assert recheck(shown, facts("k"), Options(), PLANNED.get) is None, "it is not told"
    for now in (
        replace(shown, collection="new"),
        replace(shown, label="v2"),
        replace(shown, type="d"),
    ):
        found = recheck(shown, now, Options(), PLANNED.get)
        assert (found.reason if found else None) is Reason.RENAMED


def test_nothing_changed_but_what_the_plan_did() -> None:
    best = (Alias("best"),)
    assert again(facts("k", "x", aliases=best)) is None
    # q, below p, is of this plan as well; r is live, stays, and was reviewed below p
    assert again(facts("k", "x", "r", aliases=best)) is None


@pytest.mark.parametrize(
    ("now", "reason"),
    [
        (facts("k", "x", aliases=(Alias("best"),), digest="sha256:b"), Reason.CONTENT_CHANGED),
        (facts("k", "x", aliases=(Alias("best"), Alias("new"))), Reason.ALIASES_CHANGED),
        (facts("k", "x"), Reason.ALIASES_CHANGED),
        (facts("k", "x", aliases=(Alias("best", scope="r"),)), Reason.ALIASES_CHANGED),
        (facts("k", "x", aliases=(Alias("best", protected=True),)), Reason.PROTECTED_SINCE),
        (facts("k", "x", "new", aliases=(Alias("best"),)), Reason.DEPENDENT_ADDED),
        (facts("k", aliases=(Alias("best"),)), Reason.DEPENDENT_LOST),
        (facts("k", "x", "p", aliases=(Alias("best"),)), Reason.DEPENDENT_STAYS),
        (facts("k", "x", "q", aliases=(Alias("best"),)), Reason.DEPENDENT_STAYS),
        (
            facts("k", "x", aliases=(Alias("best"),), state=VersionState.PENDING),
            Reason.STATE_CHANGED,
        ),
    ],
)
def test_what_changed_is_refused_with_its_reason(now: Facts, reason: Reason) -> None:
    refusal = again(now)
    assert refusal is not None
    assert refusal.reason is reason
    assert not refusal.gone
    assert reason.words


def test_gone_and_in_the_trash_are_gone() -> None:
    assert again(None) == Refusal(gone=True)
    assert again(facts("k", state=VersionState.TRASH)) == Refusal(gone=True)


def test_a_purge_sees_trash_as_its_object_and_less_lineage_as_its_own_doing() -> None:
    base = facts("k", "x", state=VersionState.TRASH)
    now = facts("k", state=VersionState.TRASH)
    assert recheck(base, now, PURGE, PLANNED.get) is None
    assert recheck(base, None, PURGE, PLANNED.get) == Refusal(gone=True)
    restored = recheck(base, facts("k", "x"), PURGE, PLANNED.get)
    assert restored is not None
    assert restored.reason is Reason.RESTORED
    more = recheck(base, facts("k", "x", "y", state=VersionState.TRASH), PURGE, PLANNED.get)
    assert more is not None
    assert more.reason is Reason.DEPENDENT_ADDED


def test_every_reason_has_words() -> None:
    assert all(reason.words for reason in Reason if reason is not Reason.NONE)
