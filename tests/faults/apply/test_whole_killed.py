"""Killed at every call about a whole collection, an apply resumes and tells the truth."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from artifact_tui.deletion.items import COLLECTION, ItemState
from artifact_tui.deletion.plan import Plan, Status
from tests.faults.apply.harness import spawn, write_script
from tests.support.linked_world import EVERYTHING, LinkedWorld, by_key

if TYPE_CHECKING:
    from pathlib import Path

S = ItemState

MOMENTS = [
    *(("delete_collection", call, do) for call in (1, 2, 3) for do in ("kill", "kill-after")),
    *(("collection", call, "kill") for call in (1, 2, 3, 4)),
    *(("delete", 1, do) for do in ("kill", "kill-after")),
    ("facts", 2, "kill"),
]


def populate(world: LinkedWorld) -> list[str]:
    """Two collections made from each other, one of links, and one that stays in part."""
    base = [world.registry.add("base") for _ in range(4)]
    tuned = [world.registry.add("tuned", parents=[key]) for key in base[:2]]
    links = [world.registry.link("best", key, aliases=[f"a{n}"]) for n, key in enumerate(base)]
    part = [world.registry.add("part") for _ in range(3)]
    return [*base, *tuned, *links, *part[:2]]


def run_out(plan: Path) -> tuple[Status, int]:
    """A worker until its end: where the plan is then, and what was left uncertain."""
    process = spawn(plan)
    process.wait(60)
    with Plan.open(plan) as found:
        if process.returncode != -signal.SIGKILL:
            assert not found.states().get(S.SENT)
        return found.status, found.states().get(S.SENT, 0)


def lies(world: LinkedWorld, path: Path) -> list[str]:
    """Every item whose state is not what the registry shows."""
    there = world.registry.live() | world.registry.collections()
    with Plan.open(path) as plan:
        plan.check_hash()
        items = list(plan.every_item())
    wrong = [
        f"{item.name} is {item.state}"
        for item in items
        if item.state is not S.SENT
        and (item.key in there) is (item.state in {S.VERIFIED, S.UNLINKED, S.DELETED})
    ]
    return wrong + [f"{item.name} is gone before us" for item in items if item.state is S.GONE]


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize(("op", "call", "do"), MOMENTS)
def test_killed_at_any_call_it_resumes_and_tells_the_truth(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, op: str, call: int, do: str
) -> None:
    monkeypatch.setenv("ARTIFACT_TUI_HOME", str(tmp_path / "home"))
    world = LinkedWorld(tmp_path)
    keys = populate(world)
    with world.plan(keys, EVERYTHING) as plan:
        path = plan.path
        assert plan.summary.wholes == 3
    write_script(world, {"op": op, "call": call, "do": do})
    status, uncertain = run_out(path)
    assert status is Status.INTERRUPTED, "it was killed"
    assert uncertain or op in {"collection", "facts"}
    for _ in range(3):
        assert lies(world, path) == []
        assert world.registry.live() >= {"part/2"}
        if status is Status.FINISHED:
            break
        status, _ = run_out(path)
    assert status is Status.FINISHED
    with Plan.open(path) as plan:
        items = by_key(list(plan.every_item()))
    wholes = {key for key, item in items.items() if item.kind == COLLECTION}
    assert {items[key].state for key in wholes} == {S.VERIFIED}
    assert {items[key].state for key in items if items[key].is_link} == {S.UNLINKED}
    assert world.registry.collections() == {"part"}
    assert world.registry.live() == {"part/2"}
