"""Throttled applies: what limits them is told, and wishes reach calls that only wait."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from artifact_tui.clients.base import Transport
from artifact_tui.deletion import tasks
from artifact_tui.deletion.apply import Ending, apply
from artifact_tui.deletion.calls import Control, redacted
from artifact_tui.deletion.items import ItemState
from artifact_tui.deletion.plan import Plan, Status
from artifact_tui.model import Outcome, Result
from tests.servers.faulty.linked import LinkedClient
from tests.support.linked_world import WHOLE, LinkedWorld, by_key
from tests.support.world import HASTE

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence
    from pathlib import Path

    from artifact_tui.model import CollectionDeletion, Deletion, Facts

S = ItemState
QUICK = replace(HASTE, pace_every=0.01, beat=0.03, grace=0.05)
SECRET = "swordfish"  # noqa: S105 - nobody's


class ThrottledTransport(Transport):
    """What the connection of a `Throttled` says of itself."""

    def __init__(self, client: Throttled) -> None:
        self._client = client

    def silence(self) -> float:
        return 1e9

    def pace(self) -> str:
        asked = self._client.waiting > 0 and not self._client.silent
        return f"asked to wait, {SECRET}" if asked else "1 at once"

    def waits(self) -> bool:
        return self._client.waiting > 0 and not self._client.flying

    def scrub(self, text: str) -> str:
        return text.replace(SECRET, "***")


class Throttled(LinkedClient):
    """It carries out `left` requests, and then waits until `more` is set."""

    def __init__(self, world: LinkedWorld, left: int) -> None:
        super().__init__(world.registry)
        self.left = left
        self.more = asyncio.Event()
        self.waiting = 0
        self.flying = False
        """Whether a request is on its way all the time."""
        self.silent = False
        """Whether nothing says why there is no answer."""
        self.reads = False
        """Whether looks are throttled too."""
        self.identity = world.faulty().identity
        self.transport = ThrottledTransport(self)

    async def _turn(self) -> None:
        while self.left == 0 and not self.more.is_set():
            self.waiting += 1
            try:
                await self.more.wait()
            finally:
                self.waiting -= 1
        self.left = max(0, self.left - 1)

    async def facts(self, keys: Sequence[str]) -> Mapping[str, Facts]:
        if self.reads:
            await self._turn()
        return await super().facts(keys)

    async def delete(self, deletions: Sequence[Deletion]) -> Sequence[Outcome]:
        found = []
        for one in deletions:
            await self._turn()
            found.append(self.registry.delete(one))
        return found

    async def delete_collection(self, deletion: CollectionDeletion) -> Outcome:
        await self._turn()
        return await super().delete_collection(deletion)


class Telltale(Throttled):
    """It refuses every version, in words that hold a secret."""

    async def delete(self, deletions: Sequence[Deletion]) -> Sequence[Outcome]:
        return [Outcome(one.key, Result.REFUSED, f"not with {SECRET}") for one in deletions]


@pytest.fixture
def world(tmp_path: Path) -> LinkedWorld:
    return LinkedWorld(tmp_path)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - a file has no event
            await asyncio.sleep(0.005)


def play(
    world: LinkedWorld,
    plan: Plan,
    left: int,
    story: Callable[[Throttled, Control, asyncio.Task[Ending]], Coroutine[object, object, None]],
) -> None:
    """Apply a plan at a registry that throttles, while something else happens."""

    async def both() -> None:
        client, control = Throttled(world, left), Control()
        job = asyncio.create_task(apply(plan, client, control=control, policy=QUICK))
        try:
            await until(lambda: client.waiting > 0)
            await story(client, control, job)
        finally:
            control.stop("the test ends")
            client.more.set()
            await asyncio.wait_for(job, 100)

    asyncio.run(both())


def states(plan: Plan) -> dict[str, ItemState]:
    return {key: item.state for key, item in by_key(list(plan.every_item())).items()}


def test_the_pace_is_told_and_the_heart_beats_while_a_call_waits(world: LinkedWorld) -> None:
    keys = [world.registry.add("m") for _ in range(4)]
    with world.plan(keys) as plan:

        async def story(client: Throttled, control: Control, job: asyncio.Task[Ending]) -> None:
            assert not control.stopped
            await until(lambda: plan.pace == "asked to wait, ***")
            assert tasks.read_task(plan.path).pace == "asked to wait, ***"
            beat = plan.first_value("SELECT heartbeat_us FROM run")
            await until(lambda: plan.first_value("SELECT heartbeat_us FROM run") > beat)
            client.more.set()
            assert (await job).status is Status.FINISHED

        play(world, plan, 2, story)
        assert plan.pace == ""
        assert set(states(plan).values()) == {S.VERIFIED}
    assert tasks.read_task(plan.path).pace == ""


def test_what_a_registry_says_of_an_item_is_kept_without_secrets(world: LinkedWorld) -> None:
    with world.plan([world.registry.add("m")]) as plan:
        asyncio.run(apply(plan, Telltale(world, 1), policy=QUICK))
        (item,) = plan.every_item()
        assert (item.state, item.error) == (S.REFUSED, "not with ***")


def test_a_registry_that_does_not_answer_is_told_of_until_it_does(world: LinkedWorld) -> None:
    keys = [world.registry.add("m") for _ in range(4)]
    with world.plan(keys) as plan:

        async def story(client: Throttled, control: Control, job: asyncio.Task[Ending]) -> None:
            assert not control.stopped
            client.silent = True
            await until(lambda: plan.pace.startswith("no answer from the registry for "))
            client.silent = False
            await until(lambda: plan.pace == "asked to wait, ***")
            client.more.set()
            assert (await job).status is Status.FINISHED

        play(world, plan, 2, story)
        assert plan.pace == ""


def test_a_pause_reaches_a_call_that_waits_and_nothing_more_leaves(world: LinkedWorld) -> None:
    keys = [world.registry.add("m") for _ in range(4)]
    with world.plan(keys) as plan:

        async def story(client: Throttled, control: Control, job: asyncio.Task[Ending]) -> None:
            assert not control.stopped
            tasks.pause(plan.path)
            await until(lambda: plan.status is Status.PAUSED)
            assert client.waiting == 0
            assert list(states(plan).values()) == [S.VERIFIED, S.VERIFIED, S.PLANNED, S.PLANNED]
            tasks.resume(plan.path)
            client.more.set()
            assert (await job).status is Status.FINISHED

        play(world, plan, 2, story)
        assert set(states(plan).values()) == {S.VERIFIED}
    assert world.registry.live() == set()


def test_a_cancellation_gives_up_what_has_not_left(world: LinkedWorld) -> None:
    keys = [world.registry.add("m") for _ in range(4)]
    with world.plan(keys) as plan:

        async def story(client: Throttled, control: Control, job: asyncio.Task[Ending]) -> None:
            assert not control.stopped
            tasks.cancel(plan.path)
            assert (await job).status is Status.CANCELLED
            assert not client.more.is_set()

        play(world, plan, 2, story)
        found = list(states(plan).values())
    assert found == [S.VERIFIED, S.VERIFIED, S.NOT_TRIED, S.NOT_TRIED]
    assert world.registry.live() == set(keys[2:])


def test_what_is_on_its_way_is_not_given_up(world: LinkedWorld) -> None:
    keys = [world.registry.add("m") for _ in range(3)]
    with world.plan(keys) as plan:

        async def story(client: Throttled, control: Control, job: asyncio.Task[Ending]) -> None:
            client.flying = True
            control.stop("a signal")
            done, _ = await asyncio.wait({job}, timeout=0.3)
            assert not done
            client.more.set()
            assert (await job).status is Status.FINISHED, "the last call was in flight"

        play(world, plan, 2, story)
        assert set(states(plan).values()) == {S.VERIFIED}


def test_a_signal_does_not_wait_for_a_look_and_the_next_run_settles(world: LinkedWorld) -> None:
    keys = [world.registry.add("m") for _ in range(2)]
    with world.plan(keys) as plan:

        async def story(client: Throttled, control: Control, job: asyncio.Task[Ending]) -> None:
            client.reads = True
            control.stop("a signal")
            assert (await job).status is Status.INTERRUPTED

        play(world, plan, 1, story)
        assert list(states(plan).values()) == [S.VERIFIED, S.SENT]

        async def again() -> Ending:
            return await apply(plan, Throttled(world, 9), policy=QUICK)

        assert asyncio.run(again()).status is Status.FINISHED
        assert set(states(plan).values()) == {S.VERIFIED}


@pytest.mark.parametrize("flying", [False, True])
def test_a_look_that_takes_long_is_given_up_for_any_wish(
    world: LinkedWorld, *, flying: bool
) -> None:
    keys = [world.registry.add("m") for _ in range(2)]
    with world.plan(keys) as plan:

        async def both() -> None:
            client = Throttled(world, 0)
            client.reads, client.flying = True, flying
            job = asyncio.create_task(apply(plan, client, policy=QUICK))
            await until(lambda: client.waiting > 0)
            tasks.cancel(plan.path)
            assert (await asyncio.wait_for(job, 100)).status is Status.CANCELLED

        asyncio.run(both())
        assert set(states(plan).values()) == {S.NOT_TRIED}


def test_who_pauses_is_told_first_what_became_of_what_was_sent(world: LinkedWorld) -> None:
    key = world.registry.add("m")
    with world.plan([key]) as plan:

        async def both() -> None:
            client = Throttled(world, 2)
            client.reads = True
            job = asyncio.create_task(apply(plan, client, policy=QUICK))
            await until(lambda: client.waiting > 0)
            tasks.pause(plan.path)
            done, _ = await asyncio.wait({job}, timeout=0.3)
            assert not done
            assert plan.status is Status.APPLYING
            tasks.resume(plan.path)
            client.more.set()
            assert (await asyncio.wait_for(job, 100)).status is Status.FINISHED

        asyncio.run(both())
        assert states(plan) == {key: S.VERIFIED}


def test_a_whole_collection_that_only_waits_is_given_up_too(world: LinkedWorld) -> None:
    keys = [world.registry.add("m") for _ in range(3)]
    with world.plan(keys, WHOLE) as plan:

        async def story(client: Throttled, control: Control, job: asyncio.Task[Ending]) -> None:
            assert not control.stopped
            tasks.pause(plan.path)
            await until(lambda: plan.status is Status.PAUSED)
            assert set(states(plan).values()) == {S.PLANNED}
            assert plan.first_value("SELECT max(attempts) FROM progress") == 1
            tasks.resume(plan.path)
            client.more.set()
            assert (await job).status is Status.FINISHED

        play(world, plan, 0, story)
        assert set(states(plan).values()) == {S.VERIFIED}
    assert world.registry.collections() == set()


def test_words_are_kept_without_the_secrets_of_a_client(
    world: LinkedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARTIFACT_TUI_TOKEN", "open-sesame")
    words = f"no: {SECRET} and open-sesame {'x' * 600}"
    found = redacted(words, Throttled(world, 0))
    assert found.startswith("no: *** and *** x")
    assert len(found) == 500
    assert redacted(words).startswith(f"no: {SECRET} and *** x")
