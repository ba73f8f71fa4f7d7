"""What a plan deleted is made again from what the plan kept, once, and never silently twice."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from artifact_tui.deletion import calls
from artifact_tui.deletion.items import ItemState
from artifact_tui.deletion.plan import Plan
from artifact_tui.deletion.undo import recipe_of, recreate
from artifact_tui.errors import ReadOnlyError
from tests.faults.rest.scene import HASTE
from tests.servers.rest.registry import Entry
from tests.servers.rest.traps import Fault

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from artifact_tui.clients.rest.rest_client import RestClient
    from tests.faults.rest.scene import Scene

KEYS = ["model/1", "dataset/2", "model/3"]


@pytest.fixture
async def client(scene: Scene) -> AsyncIterator[RestClient]:
    """Three artifacts, the first two of them deleted by a plan."""
    scene.server.seed(
        [
            Entry("1", "acme/bert", "model", url="https://example.org/bert"),
            Entry("2", "acme/text", "dataset", url="https://example.org/text"),
            Entry("3", "acme/bert", "model", url="https://example.org/bert3"),
        ]
    )
    found = scene.client()
    try:
        await scene.read(found)
        scene.save(scene.draft(found, KEYS[:2]))
        await scene.apply(found)
        yield found
    finally:
        await found.aclose()


def there(scene: Scene) -> list[tuple[str, str, str]]:
    return sorted((entry.type, entry.name, entry.url) for entry in scene.server.entries())


BOTH = [
    ("dataset", "acme/text", "https://example.org/text"),
    ("model", "acme/bert", "https://example.org/bert"),
    ("model", "acme/bert", "https://example.org/bert3"),
]


async def test_type_name_and_source_are_kept_and_made_again(
    scene: Scene, client: RestClient
) -> None:
    with Plan.open(scene.plan, write=True) as plan:
        recipe = recipe_of(plan, 1)
        assert recipe is not None
        found = await recreate(plan, client)
        again = await recreate(plan, client)
    assert there(scene) == BOTH
    assert {one.old_key for one in found} == set(KEYS[:2])
    known = {one.old_key: one.new_key for one in found}
    assert {one.old_key: one.new_key for one in again} == known, "the plan remembers them"
    assert not set(known.values()) & set(KEYS)
    assert all(one.before and one.new_key for one in again), "made once"
    assert there(scene) == BOTH


@pytest.mark.parametrize(("recipes", "noted"), [(2, True), (1, False)])
async def test_only_in_a_large_plan_a_slow_registry_is_not_asked_for_sources(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, recipes: int, *, noted: bool
) -> None:
    monkeypatch.setattr(calls, "RECIPES_START_S", -1.0)  # as if asking had taken too long already
    scene.server.seed([Entry("1", "a", "model", url="u"), Entry("2", "b", "model", url="v")])
    client = scene.client()
    await scene.read(client)
    scene.save(scene.draft(client, ["model/1", "model/2"]))
    await scene.apply(client, policy=replace(HASTE, recipes=recipes))
    await client.aclose()
    assert set(scene.states().values()) == {ItemState.VERIFIED}
    with Plan.open(scene.plan) as plan:
        assert [recipe_of(plan, seq) is not None for seq in (1, 2)] == [noted, noted]


async def test_another_source_can_be_given(scene: Scene, client: RestClient) -> None:
    with Plan.open(scene.plan, write=True) as plan:
        urls = {"model/1": "https://example.org/corrected"}
        (found,) = await recreate(plan, client, only=["model/1"], urls=urls)
    assert found.new_key
    assert ("model", "acme/bert", "https://example.org/corrected") in there(scene)
    assert len(there(scene)) == 2


@pytest.mark.parametrize("kind", ["rst_after", "500_after", "garbage", "400_after"])
async def test_what_was_made_in_spite_of_its_answer_is_told_as_made(
    scene: Scene, client: RestClient, kind: str
) -> None:
    scene.server.become(Fault(kind, methods=("POST",), path="/artifact/"))
    with Plan.open(scene.plan, write=True) as plan:
        (first,) = await recreate(plan, client, only=["model/1"])
        (second,) = await recreate(plan, client, only=["model/1"])
    assert (first.new_key, first.error, first.differs) == ("model/4", "", "")
    assert second.before
    assert len(there(scene)) == 2


async def test_a_lost_request_is_not_repeated_unasked(scene: Scene, client: RestClient) -> None:
    scene.server.become(Fault("rst_before", methods=("POST",), path="/artifact/"))
    with Plan.open(scene.plan, write=True) as plan:
        (first,) = await recreate(plan, client, only=["model/1"])
        scene.server.become()
        (second,) = await recreate(plan, client, only=["model/1"])
        made = len(there(scene))
        (third,) = await recreate(plan, client, only=["model/1"], uncertain=True)
    assert first.error
    assert "not known" in second.error
    assert made == 1
    assert third.new_key


async def test_a_refusal_can_be_tried_again(scene: Scene, client: RestClient) -> None:
    scene.server.become(Fault("400", methods=("POST",), path="/artifact/"))
    with Plan.open(scene.plan, write=True) as plan:
        (first,) = await recreate(plan, client, only=["model/1"])
        scene.server.become()
        (second,) = await recreate(plan, client, only=["model/1"])
    assert first.error
    assert second.new_key


async def test_what_is_said_to_be_made_and_is_not_there_can_be_asked_for_again(
    scene: Scene, client: RestClient
) -> None:
    scene.server.become(save_fault=1.0)
    with Plan.open(scene.plan, write=True) as plan:
        (first,) = await recreate(plan, client, only=["model/1"])
        scene.server.become()
        (second,) = await recreate(plan, client, only=["model/1"])
    assert first.error == "the registry said that it was made, and does not list it"
    assert second.new_key
    assert there(scene) == BOTH[1:]


async def test_what_stayed_is_not_made_again(scene: Scene, client: RestClient) -> None:
    scene.plan.unlink()
    scene.save(scene.draft(client, ["model/3"]))
    scene.server.become(Fault("403"))
    await scene.apply(client)
    assert scene.states() == {"model/3": ItemState.REFUSED}
    with Plan.open(scene.plan, write=True) as plan:
        assert await recreate(plan, client) == ()
        (asked,) = await recreate(plan, client, only=["model/3"])
    assert "still there" in asked.error
    assert len(there(scene)) == 1


async def test_a_read_only_registry_makes_nothing(scene: Scene, client: RestClient) -> None:
    reader = scene.client()
    reader.read_only = True
    with Plan.open(scene.plan, write=True) as plan, pytest.raises(ReadOnlyError):
        await recreate(plan, reader)
    await reader.aclose()
