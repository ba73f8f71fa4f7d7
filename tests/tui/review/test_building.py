"""While a review is being built it shows how far it is, and nothing can be confirmed."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest

from artifact_tui.catalog.lineage import LineageCoverage
from artifact_tui.deletion import judging
from artifact_tui.tui import planning
from artifact_tui.tui.screens import review_screen
from tests.tui.review.world import plans

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Iterator

    from artifact_tui.deletion.plan import Draft, Head
    from artifact_tui.deletion.review import ReviewRequest
    from artifact_tui.tui.planning import Progress
    from artifact_tui.tui.services import Services
    from tests.tui.review.world import World


class Gate:
    """Holds every build back where verdicts are given, until it is opened."""

    def __init__(self) -> None:
        self._open = threading.Event()

    def open(self) -> None:
        """Let builds go on."""
        self._open.set()

    def close(self) -> None:
        """Hold them back from now on."""
        self._open.clear()

    def wait(self) -> None:
        """Called by a build."""
        assert self._open.wait(60)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    """A closed gate."""
    gate = Gate()
    give_verdicts = judging.give_verdicts

    def slowly(conn: sqlite3.Connection, head: Head, holding: Collection[str] = ()) -> None:
        gate.wait()
        give_verdicts(conn, head, holding)

    monkeypatch.setattr(judging, "give_verdicts", slowly)
    monkeypatch.setattr(review_screen, "PATIENCE", 0.01)
    yield gate
    gate.open()


async def test_the_first_versions_are_shown_and_nothing_can_be_confirmed(
    world: World, gate: Gate
) -> None:
    keys = world.keys()
    async with world.opened() as user:
        user.app.open_review(keys[:1] + keys[2:3])
        await user.sees("2 versions", "under review", "resnet50:v0", "resnet50:v2")
        await user.sees("Reading the facts", "2 versions, step 4 of 7: who stays, and why")
        await user.presses("y", "enter", "tab", "y", "enter", "s", "enter")
        assert not user.app.screen.query_one("#confirm-box").has_focus
        gate.open()
        await user.sees("will be deleted", "Type y to delete")
        await user.sees_no("under review")
        assert not plans()
    assert set(keys) == set(world.keys())


async def test_it_can_be_left_meanwhile_and_begun_again(world: World, gate: Gate) -> None:
    async with world.opened() as user:
        await user.sees("resnet50")
        await user.presses("enter", "j", "d")
        await user.sees("Reading the facts", "esc leaves")
        await user.presses("escape")
        await user.sees("5 versions")
        gate.open()
        await user.presses("d")
        await user.sees("will be deleted", "Type y to delete")
        assert not plans()


async def test_nothing_can_be_confirmed_while_it_is_judged_again(world: World, gate: Gate) -> None:
    gate.open()
    async with world.opened() as user:
        user.app.open_review(world.keys()[:2])
        await user.sees("needs your consent", "Type y to delete")
        gate.close()
        await user.presses("a")
        await user.sees("step 1 of 4: who stays, and why")
        await user.presses("tab", "y", "enter", "y", "enter")
        assert not plans()
        gate.open()
        await user.sees("aliases that go", "Type 2 to delete")
        assert not plans()


async def test_a_plan_without_the_consent_just_given_is_not_saved_while_lineage_is_asked(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = asyncio.Event()
    draft_of = planning.draft_of

    async def asking(
        services: Services, request: ReviewRequest, *, progress: Progress | None = None
    ) -> Draft:
        if request.options.delete_aliases:
            assert progress is not None
            progress(LineageCoverage(1, 5))
            await told.wait()
        return await draft_of(services, request, progress=progress)

    monkeypatch.setattr(planning, "draft_of", asking)
    async with world.opened() as user:
        user.app.open_review(world.keys()[:2])
        await user.sees("Type y to delete")
        await user.presses("a")
        await user.sees("Asking the registry")
        for key in ("s", "p", "o"):
            await user.presses(key)
            await user.sees("Not possible here: the facts are being read.")
            await user.presses("j")
            await user.sees_no("Not possible here")
        told.set()
        await user.sees("aliases that go", "Type 2 to delete")
