"""What a person lives through: mark, review, consent, confirm, watch, undo."""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifact_tui.model import Deletion
from tests.support.catalogs import marked_keys
from tests.tui.review.world import only_task, plans, types_it

if TYPE_CHECKING:
    from tests.tui.review.world import World

TIMES = "\N{MULTIPLICATION SIGN}"


async def test_marks_three_includes_the_aliased_one_watches_it_finish_and_restores(
    world: World,
) -> None:
    async with world.opened() as user:
        await user.sees("resnet50")
        await user.presses("enter", "j", "space", "space", "space", "d")
        await user.sees("Review · 3 versions in 1 collection", "facts read 11:06 UTC")
        await user.sees("will be deleted", "needs your consent")
        assert f"carry an alias: candidate {TIMES}1" in user.line("needs your consent")
        assert "[a] include them" in user.line("needs your consent")

        await user.presses("a")
        await user.sees("aliases that go", "lose every version")
        assert f"candidate {TIMES}1" in user.line("aliases that go")
        assert "resnet50 (all 3)" in user.line("lose every version")
        await user.sees("Type resnet50 to delete")

        await types_it(user, "resnet50")
        await user.sees("enter applies the plan now")
        await user.presses("enter")
        await user.sees("finished", "3 deleted", "deleted, verified gone")
        assert world.live() == {"imagenet:v0", "distilled:v0"}

        await user.presses("escape")
        await user.presses("u")
        await user.sees("resnet50:v1", "candidate", "3 versions")
        await user.presses("asterisk", "r")
        await user.sees("3 versions restored.", "The trash is empty")
        assert {"resnet50:v0", "resnet50:v1", "resnet50:v2"} <= world.live()


async def test_a_consent_is_about_what_is_there_when_it_is_given(world: World) -> None:
    first, second, third = world.keys()[:3]
    async with world.opened() as user:
        user.app.open_review([first, second, third])
        await user.sees("Review · 3 versions in 1 collection", "[a] include them")
        assert f"candidate {TIMES}1" in user.line("needs your consent")
        world.store.alias(first, "best")
        world.store.delete([Deletion(third)])
        await user.presses("a")
        await user.sees(f"best {TIMES}1, candidate {TIMES}1", "it was deleted already")
        assert "resnet50 (all 2)" in user.line("lose every version")


async def test_a_blocked_version_says_why_and_its_dependent_can_join(world: World) -> None:
    parent = world.keys()[3]
    async with world.opened() as user:
        user.app.open_review([parent])
        await user.sees("live versions outside this plan were made from it")
        await user.sees("Nothing would be deleted as it stands")
        await user.presses("tab", "y", "enter")
        assert not plans()
        await user.presses("w")  # its dependent has a protected alias: still nothing goes
        await user.sees(f"protected alias production {TIMES}1", "a version of this plan")
        await user.presses("w")
        await user.sees_no("protected alias production")
        await user.presses("o")
        await user.sees("lose a parent", "distilled:v0: made from 1 version of this plan")
        await user.sees("Type vision to delete", "1 live version will lose a parent")


async def test_every_item_of_a_group_can_be_seen_with_its_facts(world: World) -> None:
    async with world.opened() as user:
        user.app.open_review(world.keys())
        await user.sees("will be deleted")
        await user.presses("j")
        await user.sees("needs your consent · 1")
        await user.presses("enter")
        await user.sees("Stays: it carries an alias: candidate", "aliases candidate", "sha256:")
        await user.presses("escape")
        await user.sees("needs your consent: carry an alias")
        await user.presses("escape")
        await user.sees("space mark")


async def test_what_changed_since_the_review_is_refused_and_said(world: World) -> None:
    keys = world.keys()
    async with world.opened() as user:
        user.app.open_review([keys[0], keys[2]])
        await user.sees("Type y to delete")
        world.store.alias(keys[0], "rescued")
        await types_it(user, "y")
        await user.presses("enter")
        await user.sees("finished", "1 deleted · 1 refused")
        await user.sees("its aliases changed since the review", "resnet50:v0 (+rescued)")
        await user.presses("enter")
        await user.sees("Result", "refused")
        await user.presses("j", "enter")
        await user.sees("+rescued")
    assert "resnet50:v0" in world.live()
    assert "resnet50:v2" not in world.live()


async def test_marks_of_what_is_gone_go_and_those_of_what_stayed_stay(world: World) -> None:
    keys = world.keys()
    async with world.opened() as user:
        await user.app.services.catalog.mark([keys[0], keys[2]])
        user.app.open_review("marked")
        await user.sees("Type y to delete")
        world.store.alias(keys[0], "rescued")
        await types_it(user, "y")
        await user.presses("enter")
        await user.sees("1 deleted · 1 refused")
        await user.until(lambda: not only_task().alive)
        await user.presses("escape")
        await user.sees("1 marked")
        assert await user.app.services.catalog.run(marked_keys) == (keys[0],)
