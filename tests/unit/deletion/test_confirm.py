from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from artifact_tui.deletion.confirmation import confirm, deletion_confirmation
from artifact_tui.deletion.items import Action
from artifact_tui.deletion.plan import Plan, Status, Summary
from artifact_tui.errors import ConfirmationError, PlanError

if TYPE_CHECKING:
    from tests.support.world import World


def asked(summary: Summary, *, production: bool = False, name: str = "team") -> str:
    return deletion_confirmation(summary, production=production, registry=name).expected


@pytest.mark.parametrize("action", list(Action))
def test_the_greater_the_harm_the_more_is_typed(action: Action) -> None:
    def few(**more: object) -> Summary:
        return Summary(action=action, **{"deletes": 3, **more})  # type: ignore[arg-type]

    assert asked(few()) == "y"
    assert asked(few(deletes=10)) == "y"
    assert asked(few(deletes=11)) == "11"
    assert asked(few(deletes=3391)) == "3391"
    assert asked(few(aliases=(("best", 1),))) == "3"
    assert asked(few(objects=1)) == "3"
    assert asked(few(objects=1, for_good=True)) == "team"
    assert asked(few(emptied=(("sweep", 3),))) == "sweep"
    assert asked(few(emptied=(("a", 2), ("b", 1)))) == "team"
    assert asked(few(orphaned=1)) == "team"
    assert asked(few(), production=True) == "team"


def test_a_name_that_cannot_be_typed_gives_way() -> None:
    for name in ("a" * 41, "bad\x1b[2J", "ri\u202eght", " edge ", "back\\slash", "", "m\u200bx"):
        one = Summary(deletes=12, emptied=((name, 12),))
        assert asked(one) == "team"
        assert asked(one, name="x" * 81) == "12"
        assert asked(one, name="bad\n") == "12"
    assert asked(Summary(deletes=1, emptied=(("m[latest]", 1),))) == "m[latest]"


def test_nothing_to_delete_cannot_be_confirmed() -> None:
    found = deletion_confirmation(Summary(), production=False, registry="team")
    assert not found.expected
    assert not found.matches("")
    assert not found.matches("y")
    for answer in ("", "y", 0):
        with pytest.raises(ConfirmationError):
            found.check(answer)


def test_only_the_exact_words_match() -> None:
    found = deletion_confirmation(Summary(deletes=11), production=False, registry="team")
    assert found.matches("11")
    assert found.matches(" 11\n")
    for typed in ("", " ", "y", "1", "111", "11.", "1 1", "\u0661\u0661"):
        assert not found.matches(typed)
    named = deletion_confirmation(Summary(deletes=1), production=True, registry="Team")
    assert not named.matches("team")


def test_a_plan_is_confirmed_once_with_the_right_words(world: World) -> None:
    keys = world.add_plain(3)
    world.add_plain(1)
    with world.plan(keys, confirmed=False) as plan:
        with pytest.raises(ConfirmationError):
            confirm(plan, "n", actor="me")
        with pytest.raises(ConfirmationError):
            confirm(plan, 4, actor="me")
        before = plan.status
        confirm(plan, "y", actor="me")
        assert [before, plan.status] == [Status.DRAFT, Status.CONFIRMED]
        plan.conn.execute("UPDATE journal SET status='finished'")
        with pytest.raises(PlanError):
            confirm(plan, 3, actor="me")


def test_an_edited_plan_cannot_be_confirmed(world: World) -> None:
    plan = world.plan(world.add_plain(3), confirmed=False)
    plan.conn.execute("UPDATE item SET label='v9' WHERE seq=1")
    with plan, pytest.raises(PlanError, match="changed after it was reviewed"):
        confirm(plan, 3, actor="me")


def test_a_plan_of_nothing_cannot_be_confirmed_by_count(world: World) -> None:
    key = world.add(protected=["production"])
    with Plan.create(world.path.with_name("p.plan"), world.draft([key])) as plan:
        assert plan.summary.blocked == 1
        with pytest.raises(ConfirmationError):
            confirm(plan, 0, actor="me")
