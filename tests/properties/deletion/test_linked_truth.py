"""With links and whole collections: only what was reviewed goes, and the plan is true."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings

from artifact_tui.deletion.apply import apply
from artifact_tui.deletion.checks import recheck
from artifact_tui.deletion.items import COLLECTION, DONE, Item, ItemState, Verdict
from artifact_tui.deletion.plan import Plan, Status
from artifact_tui.model import Result
from tests.properties.deletion.circles import circles, stayed
from tests.properties.deletion.linked_scene import Scene, Stage, scenes
from tests.servers.faulty.faulty import FaultyClient, Wrapped
from tests.support.linked_world import LinkedWorld
from tests.support.world import HASTE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from artifact_tui.model import CollectionDeletion, Deletion, Facts, Identity, Outcome

ALONE = replace(HASTE, wholes=1)
"""Others come between the looks at a whole collection, never within one."""

RUNS = 8
"""More than the faults of a scene can interrupt."""

LIES = frozenset({"done", "absent"})

DID = frozenset({Result.DONE, Result.UNLINKED})


class Witness(Wrapped):
    """The registry, with someone who looks at all that goes in the moment before it does."""

    def __init__(self, world: LinkedWorld, plan: Plan) -> None:
        super().__init__(world.client)
        self._registry = world.registry
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
        return [self._one(deletion) for deletion in deletions]

    def _one(self, deletion: Deletion) -> Outcome:
        before = self._registry.facts([deletion.key])
        live = self._registry.live()
        outcome = self._registry.delete(deletion)
        if outcome.result in DID:
            self._look(before[deletion.key])
            lost = live - self._registry.live()
            if deletion.key.startswith("link:") and lost != {deletion.key}:
                self.wrong.append(f"{deletion.key} took {lost}")
        return outcome

    async def delete_collection(self, deletion: CollectionDeletion) -> Outcome:
        members = self._registry.members(deletion.key)
        before = self._registry.facts(members)
        outcome = self._registry.delete_collection(deletion)
        if outcome.result in DID:
            self.done.append(deletion.key)
            whole = self._reviewed.get(deletion.key)
            for key in members:
                self._look(before[key], together=members)
                item = self._reviewed.get(key)
                if whole is None or item is None or item.belongs != whole.seq:
                    self.wrong.append(f"{key} went with {deletion.key}, and did not belong to it")
        return outcome

    def _look(self, before: Facts, *, together: Sequence[str] = ()) -> None:
        key, item = before.key, self._reviewed.get(before.key)
        self.done.append(key)
        if item is None:
            self.wrong.append(f"{key} was never reviewed, and went")
            return
        outside = tuple(d for d in before.dependents if d not in together)
        now = replace(before, dependents=outside)
        circle = self._circles[key]
        if stuck := stayed(self._plan, circle.intersection(outside) - {key}):
            self.wrong.append(f"{key} went, and {stuck} of its circle stays")
        if refusal := recheck(item.facts, now, self._options, self._planned, circle):
            self.wrong.append(f"{key} went, and had changed: {refusal}")


async def _play(stage: Stage, plan: Plan, witness: Witness) -> None:
    base = stage.world.path.with_name(plan.head.id)
    client = FaultyClient(witness, stage.script, base, hook=stage.hook)
    client_identity = stage.world.faulty().identity
    for _ in range(RUNS):
        ending = await apply(plan, _Named(client, client_identity), policy=ALONE)
        if ending.status is Status.FINISHED:
            return
    raise AssertionError(f"it never ended: {plan.states()}")


class _Named(Wrapped):
    """A client under the name that the plan was made for."""

    def __init__(self, client: FaultyClient, identity: Identity) -> None:
        super().__init__(client)
        self.identity = identity


def _lies(stage: Stage, plan: Plan, witness: Witness) -> list[str]:
    """Every item whose state is not what the registry shows."""
    registry = stage.world.registry
    there = registry.live() | registry.collections()
    liar = any(rule.do == "absent-after" for rule in stage.scene.rules)
    wrong = []
    for item in plan.every_item():
        gone, ours = item.key not in there, item.key in witness.done
        if item.verdict is not Verdict.DELETE:
            wrong += [f"{item.name} was {item.verdict}, and we did it"] if ours else []
            continue
        if item.key not in stage.given and not _shell(item, stage):
            wrong += _about(item, stage, gone=gone, ours=ours, liar=liar, witness=witness)
    return wrong


def _shell(item: Item, stage: Stage) -> bool:
    """An empty collection that is there although the registry said done: nobody can tell."""
    lies = any(rule.op == "delete_collection" and rule.do in LIES for rule in stage.scene.rules)
    return lies and item.kind == COLLECTION and not stage.world.registry.members(item.key)


def _about(
    item: Item, stage: Stage, *, gone: bool, ours: bool, liar: bool, witness: Witness
) -> list[str]:
    wrong = []
    done = item.state in DONE
    taken = item.key in stage.taken
    broken = item.is_link and item.facts.source_key in witness.done  # it stayed, then broke
    if item.state is ItemState.SENT:
        wrong.append(f"{item.name} is still uncertain")
    if done is not gone and (done or not (taken or broken)):
        wrong.append(f"{item.name} is {item.state}, {gone=}")
    if item.state is ItemState.GONE and ours and not liar:
        wrong.append(f"{item.name} is {item.state}, and we did it")
    if item.state in DONE - {ItemState.GONE} and not (ours or taken or broken):
        wrong.append(f"{item.name} is {item.state}, and nobody did it")
    if item.state is ItemState.VERIFIED and item.is_link:
        wrong.append(f"{item.name} is a link, and {item.state}")
    if item.state is ItemState.UNLINKED and not item.is_link:
        wrong.append(f"{item.name} is no link, and {item.state}")
    if ours and not done:
        wrong.append(f"{item.name} is {item.state}, and we did it")
    return wrong


def _check(folder: Path, scene: Scene) -> None:
    world = LinkedWorld(folder)
    stage = Stage(world, scene)
    stage.build()
    before = world.registry.live()
    draft = world.draft(stage.chosen, scene.options, collections=stage.named)
    if draft.summary.deletes == 0:
        return
    with world.planned(draft) as plan:
        assert plan.summary == replace(draft.summary, states=plan.states())
        witness = Witness(world, plan)
        stage.drift(0)
        asyncio.run(_play(stage, plan, witness))
        assert witness.wrong == []
        assert _lies(stage, plan, witness) == []
        if stage.calm and not scene.options.orphan_dependents:
            left = world.registry.facts(witness.done)
            assert [facts for facts in left.values() if facts.dependents] == []
        going = {item.key for item in plan.every_item(verdict=Verdict.DELETE)}
        broken = {link.key for i in plan.every_item() for link in i.facts.links if i.key in going}
        assert before - world.registry.live() - stage.taken <= going | broken
        whole = [item for item in plan.every_item() if item.kind == COLLECTION]
        assert all(item.verdict is Verdict.DELETE for item in whole)


@pytest.mark.slow
@pytest.mark.timeout(400)
@given(scene=scenes())
@settings(max_examples=150)
def test_only_what_was_reviewed_goes_and_every_state_is_true(scene: Scene) -> None:
    with tempfile.TemporaryDirectory() as folder:
        _check(Path(folder), scene)
