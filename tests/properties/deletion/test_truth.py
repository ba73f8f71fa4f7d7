"""Whatever others and the registry do: only what was reviewed goes, and the plan is true."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings

from artifact_tui.deletion.apply import apply
from artifact_tui.deletion.checks import recheck
from artifact_tui.deletion.items import DONE, Action, ItemState, Verdict
from artifact_tui.deletion.plan import Plan, Status
from artifact_tui.model import Result
from tests.properties.deletion.circles import circles, stayed
from tests.properties.deletion.scene import Scene, Stage, scenes
from tests.servers.faulty.faulty import FaultyClient, Wrapped
from tests.support.world import HASTE, World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from artifact_tui.model import Deletion, Outcome

RUNS = 8
"""More than the faults of a scene can interrupt."""

NUMBERS = itertools.count()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    found = World(tmp_path / "registry")
    yield found
    found.close()


class Witness(Wrapped):
    """The real registry, with someone who looks at each version in the moment before it goes."""

    def __init__(self, world: World, plan: Plan) -> None:
        super().__init__(world.client)
        self._world = world
        self._options = plan.head.options
        self._plan = plan
        self._reviewed = {i.key: i for i in plan.every_item(verdict=Verdict.DELETE)}
        self._circles = circles(self._reviewed)
        self.done: list[str] = []
        self.wrong: list[str] = []

    def _planned(self, key: str) -> tuple[str, ...] | None:
        item = self._reviewed.get(key)
        return item.facts.dependents if item else None

    async def delete(self, deletions: Sequence[Deletion]) -> Sequence[Outcome]:
        def work() -> list[Outcome]:
            return self._world.store.delete(deletions)

        return self._watch([d.key for d in deletions], work)

    async def purge(self, keys: Sequence[str]) -> Sequence[Outcome]:
        return self._watch(keys, lambda: self._world.store.purge(keys))

    def _watch(self, keys: Sequence[str], work: Callable[[], list[Outcome]]) -> list[Outcome]:
        before = self._world.store.facts(keys)
        outcomes = work()
        for outcome in outcomes:
            if outcome.result is not Result.DONE:
                continue
            key, item = outcome.key, self._reviewed.get(outcome.key)
            self.done.append(key)
            if item is None:
                self.wrong.append(f"{key} was never reviewed, and went")
                continue
            now, together = before[key], self._circles[key]
            refusal = recheck(item.facts, now, self._options, self._planned, together)
            if stuck := stayed(self._plan, together.intersection(now.dependents) - {key}):
                self.wrong.append(f"{key} went, and {stuck} of its circle stays")
            if refusal is not None:
                self.wrong.append(f"{key} went, and had changed: {refusal}")
            if any(alias.protected for alias in before[key].aliases):
                self.wrong.append(f"{key} went, and was protected")
        return outcomes


async def _play(stage: Stage, plan: Plan, witness: Witness) -> None:
    client = FaultyClient(
        witness,
        stage.script,
        stage.world.path.with_name(plan.head.id),
        hook=stage.hook,
    )
    for _ in range(RUNS):
        ending = await apply(plan, client, policy=HASTE)
        if ending.status is Status.FINISHED:
            return
    raise AssertionError(f"it never ended: {plan.states()}")


def _truth(stage: Stage, plan: Plan, witness: Witness) -> list[str]:
    """Every item whose state is not what the registry shows."""
    live, trashed = stage.world.live(), stage.world.trashed()
    there = live if plan.head.options.action is Action.DELETE else live | trashed
    liar = any(rule.do == "absent-after" for rule in stage.scene.rules)
    wrong = []
    for item in plan.every_item():
        gone, ours = item.key not in there, item.key in witness.done
        if item.verdict is not Verdict.DELETE:
            wrong += [f"{item.name} was {item.verdict}, and we did it"] if ours else []
            continue
        done = item.state in DONE
        if item.state is ItemState.SENT:
            wrong.append(f"{item.name} is still uncertain")
        if item.key in stage.touched:
            continue
        if done is not gone and (done or item.key not in stage.taken):
            wrong.append(f"{item.name} is {item.state}, {gone=}")
        if item.state is ItemState.GONE and ours and not liar:
            wrong.append(f"{item.name} is {item.state}, and we did it")
        if item.state is ItemState.VERIFIED and not (ours or item.key in stage.taken):
            wrong.append(f"{item.name} is {item.state}, and nobody did it")
        if ours and not done:
            wrong.append(f"{item.name} is {item.state}, and we did it")
    return wrong


def _check(world: World, scene: Scene) -> None:
    stage = Stage(world, scene)
    stage.build(next(NUMBERS))
    before = world.live() | world.trashed()
    chosen = [stage.keys[position] for position in sorted(scene.chosen)]
    draft = world.draft(chosen, scene.options, faulty=True)
    identity = world.faulty().identity
    if draft.summary.deletes == 0:
        return
    with world.planned(draft) as plan:
        assert plan.summary == replace(draft.summary, states=plan.states())
        witness = Witness(world, plan)
        assert plan.head.identity.uid == identity.uid
        stage.drift(0)
        asyncio.run(_play(stage, plan, witness))
        assert witness.wrong == []
        assert _truth(stage, plan, witness) == []
        if stage.calm and not scene.options.orphan_dependents:
            left = world.store.facts([*{*witness.done} & world.trashed()])
            orphans = {key: set(facts.dependents) - {key} for key, facts in left.items()}
            assert not any(orphans.values())
        lost = before - world.live() - world.trashed() - stage.taken
        planned = {item.key for item in plan.every_item(verdict=Verdict.DELETE)}
        assert lost <= planned
    plan.path.unlink()


@pytest.mark.slow
@pytest.mark.timeout(400)
@given(scene=scenes())
@settings(max_examples=150)
def test_only_what_was_reviewed_goes_and_every_state_is_true(world: World, scene: Scene) -> None:
    _check(world, scene)
