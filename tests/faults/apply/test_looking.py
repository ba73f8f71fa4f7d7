"""The looks around deletions: each version just before and after, and no more than that."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from artifact_tui.deletion import calls
from artifact_tui.deletion.items import ItemState, Reason
from tests.servers.faulty.faulty import Rule, Script
from tests.support.linked_world import WHOLE, LinkedWorld, by_key, run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from artifact_tui.model import Facts

S = ItemState


@pytest.fixture
def world(tmp_path: Path) -> LinkedWorld:
    return LinkedWorld(tmp_path)


def looks(world: LinkedWorld) -> list[tuple[str, int]]:
    """Every call with the number of its keys, in order."""
    return [
        (line["op"], len(line["keys"]))
        for line in world.faulty().served.lines()
        if line["at"] == "begin"
    ]


def test_one_look_serves_the_group_before_and_the_one_after(world: LinkedWorld) -> None:
    keys = [world.registry.add("m") for _ in range(30)]
    with world.plan(keys) as plan:
        run(plan, world.faulty())
        assert plan.summary.states == {S.VERIFIED: 30}
    assert looks(world) == [
        ("facts", 1), ("delete", 1), ("facts", 11), ("delete", 10), ("facts", 29),
        ("delete", 19), ("facts", 19),
    ]  # fmt: skip


def test_what_changed_before_the_shared_look_is_refused(world: LinkedWorld) -> None:
    keys = [world.registry.add("m") for _ in range(5)]

    def hook(op: str, call: int) -> None:
        if (op, call) == ("facts", 2):
            world.registry.alias("m", keys[3], "new")

    with world.plan(keys) as plan:
        run(plan, world.faulty(hook=hook))
        found = by_key(list(plan.every_item()))
    assert (found[keys[3]].state, found[keys[3]].reason) == (S.REFUSED, Reason.ALIASES_CHANGED)
    assert world.registry.live() == {keys[3]}


def test_a_shared_look_that_fails_is_asked_again(world: LinkedWorld) -> None:
    keys = [world.registry.add("m") for _ in range(5)]
    with world.plan(keys) as plan:
        run(plan, world.faulty(Script((Rule("facts", "raise", 2),))))
        assert plan.summary.states == {S.VERIFIED: 5}
    assert [count for op, count in looks(world) if op == "delete"] == [1, 4]


def test_slow_looks_are_not_shared_and_old_ones_not_believed(
    world: LinkedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = [world.registry.add("m") for _ in range(30)]
    monkeypatch.setattr(calls, "AHEAD_S", 0.02)
    client = world.faulty()
    facts = client.facts

    async def slowly(asked: Sequence[str]) -> Mapping[str, Facts]:
        await asyncio.sleep(0.05)
        return await facts(asked)

    monkeypatch.setattr(client, "facts", slowly)
    with world.plan(keys) as plan:
        run(plan, client)
        assert plan.summary.states == {S.VERIFIED: 30}
    assert [count for op, count in looks(world) if op == "facts"] == [1, 1, 10, 10, 19, 19]


def test_what_the_registry_let_wait_for_too_long_is_looked_at_again(world: LinkedWorld) -> None:
    keys = [world.registry.add("m") for _ in range(12)]
    taken, named = keys[3], keys[4]

    def hook(op: str, call: int) -> None:
        if (op, call) == ("delete", 2):
            world.registry.trash(taken)
            world.registry.alias("m", named, "new")

    rules = (Rule("delete", "waited", 2), Rule("delete", "waited", 3, (keys[6],)))
    with world.plan(keys) as plan:
        run(plan, world.faulty(Script(rules), hook))
        found = by_key(list(plan.every_item()))
    assert (found[taken].state, found[taken].attempts) == (S.GONE, 0)
    assert (found[named].reason, found[named].attempts) == (Reason.ALIASES_CHANGED, 0)
    others = [found[key] for key in keys if key not in {taken, named}]
    assert {(item.state, item.attempts) for item in others} == {(S.VERIFIED, 1)}
    assert [count for op, count in looks(world) if op == "delete"] == [1, 10, 9, 1]


def test_what_waited_beside_something_uncertain_has_one_turn(world: LinkedWorld) -> None:
    keys = [world.registry.add("m") for _ in range(12)]
    rules = (
        Rule("delete", "waited", 2, (keys[2], keys[3])),
        Rule("delete", "unknown-after", 2, (keys[1],)),
        Rule("facts", "raise", 3),
    )
    with world.plan(keys) as plan:
        run(plan, world.faulty(Script(rules, batch_delete=3)))
        found = by_key(list(plan.every_item()))
    assert {(item.state, item.attempts) for item in found.values()} == {(S.VERIFIED, 1)}
    assert world.registry.live() == set()


def test_a_whole_collection_that_waited_for_too_long_is_looked_at_again(world: LinkedWorld) -> None:
    keys = [world.registry.add("m") for _ in range(3)]

    def hook(op: str, call: int) -> None:
        if (op, call) == ("delete_collection", 1):
            world.registry.alias("m", keys[1], "new")

    with world.plan(keys, WHOLE) as plan:
        run(plan, world.faulty(Script((Rule("delete_collection", "waited", 1),)), hook))
        found = by_key(list(plan.every_item()))
    assert (found["m"].reason, found["m"].attempts) == (Reason.COLLECTION_CHANGED, 0)
    assert [found[key].attempts for key in keys] == [1, 0, 1]
    assert world.registry.live() == {keys[1]}
