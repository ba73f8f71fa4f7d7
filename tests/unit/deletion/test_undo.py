"""What an undo says about what came back, what did not, and what is not as it was."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from artifact_tui.clients.base import MakingClient
from artifact_tui.deletion import tasks
from artifact_tui.deletion.apply import apply
from artifact_tui.deletion.undo import (
    CAVEAT,
    Reingestion,
    RemadeEntry,
    Undone,
    reingest,
    undo,
    wait_for_end,
    why_no_undo,
)
from artifact_tui.errors import PlanError
from artifact_tui.model import Outcome, Recipe, Result
from tests.support.able import Able

if TYPE_CHECKING:
    from tests.support.world import World

NAMES = {"1": "net:v1", "2": "net:v2\x1b[31m", "3": " net:v3"}

MADE = RemadeEntry(1, "model/1", "net:1", Recipe("model", "net", "http://a"), new_key="model/9")
"""An entry that was made again as it was."""


def test_what_is_restored_is_counted_and_only_what_differs_is_named() -> None:
    undone = Undone(
        (
            Outcome("1", Result.DONE),
            Outcome("2", Result.DONE, "its alias is taken"),
            Outcome("3", Result.ABSENT, "it is not in the trash"),
        ),
        names=NAMES,
    )
    assert undone.lines == [
        "2 versions restored, 1 not.",
        r"net:v2\x1b[31m is back, but its alias is taken.",
        r"\x20net:v3 was not restored: it is not in the trash.",
    ]
    assert (undone.missing, undone.complete) == (1, False)
    assert Undone((Outcome("1", Result.DONE, "its alias is taken"),)).complete


def test_what_is_made_again_has_a_new_key_and_a_caveat() -> None:
    assert Undone(remade=(MADE,)).lines == [
        "1 entry made again.", "net:1 is now model/9: a new id, new metrics."
    ]  # fmt: skip
    other = replace(MADE, before=True, differs="its type is model")
    failed = replace(MADE, new_key="", error="424\x1b")
    undone = Undone(remade=(other, failed))
    assert undone.lines == [
        "1 entry made again, 1 of them not as before, 1 not.",
        "net:1 is now model/9 (by an earlier try): a new id, new metrics. But its type is model.",
        r"net:1 was not made again: 424\x1b.",
        CAVEAT,
    ]
    assert undone.missing == 1
    assert not Undone(remade=(other,)).complete
    assert not Undone(remade=(other,)).missing


def test_nothing_comes_back_without_a_trash_and_a_source() -> None:
    assert not why_no_undo(Able("restore"), "zoo")
    assert not why_no_undo(MakingClient(), "zoo")
    assert why_no_undo(Able(freeing="The server frees them"), "zoo") == (
        "“zoo” cannot restore: what was deleted stays deleted. The server frees them."
    )
    assert Undone().lines == ["There is nothing to bring back."]


async def test_what_was_not_deleted_is_not_made_again(world: World) -> None:
    keys = world.add_plain(2)
    with world.plan(keys) as plan:
        tasks.cancel(plan.path)
        assert not await wait_for_end(plan.path)
        with pytest.raises(PlanError, match="it was not deleted"):
            await reingest(plan.path, world.client, Reingestion(keys[0], "m:v0", "https://x"))


async def test_an_undo_restores_what_the_plan_deleted_and_nothing_else(world: World) -> None:
    keys, other = world.add_plain(3), world.add("other")
    with world.plan(keys) as plan:
        world.trash(keys[0])
        world.trash(other)
        await apply(plan, world.client)
        assert await wait_for_end(plan.path)
    undone = await undo(plan.path, world.client)
    assert (len(undone.restored), undone.complete) == (2, True)
    assert world.live() == set(keys[1:])
