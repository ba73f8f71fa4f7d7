"""Registries that lie, fall silent or fall over, one call at a time, in this process."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from artifact_tui.deletion import tasks
from artifact_tui.deletion.apply import apply
from artifact_tui.deletion.calls import Control
from artifact_tui.deletion.items import ItemState, Options, Reason
from artifact_tui.deletion.plan import Plan, Status
from artifact_tui.errors import PlanError
from artifact_tui.model import Facts, VersionState
from tests.servers.faulty.faulty import FaultyClient, Rule, Script
from tests.support.world import HASTE, World, all_options

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from artifact_tui.model import Deletion, Outcome

S = ItemState


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    found = World(tmp_path / "registry")
    yield found
    found.close()


def script(*rules: Rule) -> Script:
    return Script(rules)


async def outcome(
    world: World, *rules: Rule, count: int = 3
) -> tuple[dict[ItemState, int], Status, list[str], FaultyClient]:
    """Apply a plan of plain versions under these rules: states, status, keys, the registry."""
    keys = world.add_plain(count)
    client = world.faulty(script(*rules))
    with world.plan(keys, faulty=True) as plan:
        await apply(plan, client, policy=HASTE)
        states = dict(plan.summary.states)
        for item in plan.every_item():
            gone = item.key not in world.live()
            assert gone is (item.state in {S.VERIFIED, S.DELETED, S.GONE}), item
        return states, plan.status, keys, client


@pytest.mark.parametrize("do", ["failed", "unknown"])
async def test_what_may_work_later_is_tried_again_and_works(world: World, do: str) -> None:
    states, status, _, client = await outcome(world, Rule("delete", do, 2))
    assert (states, status) == ({S.VERIFIED: 3}, Status.FINISHED)
    assert len(client.served.really()) == 3


@pytest.mark.parametrize("do", ["failed-after", "unknown-after", "drop-after", "echo-after"])
async def test_what_was_done_under_a_bad_answer_is_not_done_twice(world: World, do: str) -> None:
    states, status, keys, client = await outcome(world, Rule("delete", do))
    assert (states, status) == ({S.VERIFIED: 3}, Status.FINISHED)
    assert sorted(client.served.really()) == sorted(keys)


@pytest.mark.parametrize("do", ["failed", "unknown"])
async def test_patience_ends(world: World, do: str) -> None:
    states, status, keys, client = await outcome(world, Rule("delete", do))
    assert (states, status) == ({S.FAILED: 3}, Status.FINISHED)
    calls = [line for line in client.served.lines() if line["op"] == "delete"]
    sent = [key for line in calls if line["at"] == "begin" for key in line["keys"]]
    assert all(sent.count(key) == len(HASTE.delays) + 1 for key in keys)


@pytest.mark.parametrize(
    ("do", "reason"), [("done", Reason.STILL_THERE), ("absent", Reason.SAID_ABSENT)]
)
async def test_a_lie_is_found_out_and_can_be_retried(world: World, do: str, reason: Reason) -> None:
    keys = world.add_plain(3)
    client = world.faulty(script(Rule("delete", do)))
    with world.plan(keys, faulty=True) as plan:
        await apply(plan, client, policy=HASTE)
        failed = plan.items(state=S.FAILED)
        tries = 1 + len(HASTE.delays)
        assert [(i.reason, i.retryable, i.attempts) for i in failed] == [(reason, True, tries)] * 3
        assert reason.words.startswith("answered")


@pytest.mark.parametrize("do", ["done", "absent"])
async def test_what_survived_is_deleted_again_one_by_one(world: World, do: str) -> None:
    keys = world.add_plain(3)
    client = world.faulty(script(Rule("delete", do, 2)))
    with world.plan(keys, faulty=True) as plan:
        await apply(plan, client, policy=HASTE)
        assert plan.summary.states == {S.VERIFIED: 3}
    calls = [x["keys"] for x in client.served.lines() if (x["op"], x["at"]) == ("delete", "begin")]
    assert [len(call) for call in calls] == [1, 2, 1, 1]


async def test_absent_after_we_may_have_sent_it_counts_as_deleted(world: World) -> None:
    rules = (Rule("delete", "raise-after", 1), Rule("facts", "raise", 2))
    states, status, _, _ = await outcome(world, *rules, count=1)
    assert (states, status) == ({S.VERIFIED: 1}, Status.FINISHED)


async def test_gone_after_an_earlier_run_sent_it_counts_as_deleted(world: World) -> None:
    keys = world.add_plain(2)
    control = Control()

    def someone(op: str, call: int) -> None:
        if (op, call) == ("delete", 4):
            control.stop("enough")

    client = world.faulty(script(Rule("delete", "failed")), someone)
    with world.plan(keys, faulty=True) as plan:
        await apply(plan, client, control=control, policy=HASTE)
        tries = [(item.state, item.attempts) for item in plan.every_item()]
        assert tries == [(S.PLANNED, 2), (S.PLANNED, 2)]
        world.trash(*keys)  # or a request that was slow to arrive
        await apply(plan, client, policy=HASTE)
        assert [item.state for item in plan.every_item()] == [S.VERIFIED] * 2


async def test_absent_with_the_effect_is_gone_and_not_ours_to_claim(world: World) -> None:
    states, _, _, _ = await outcome(world, Rule("delete", "absent-after"), count=1)
    assert states == {S.GONE: 1}


async def test_a_refusal_is_final(world: World) -> None:
    states, status, _, client = await outcome(world, Rule("delete", "refused"))
    assert (states, status) == ({S.REFUSED: 3}, Status.FINISHED)
    assert len([x for x in client.served.lines() if x["op"] == "delete"]) == 4


@pytest.mark.parametrize("do", ["raise", "raise-after", "busy"])
@pytest.mark.parametrize("op", ["facts", "delete"])
@pytest.mark.parametrize("call", [1, 2, 3])
async def test_a_call_that_fails_as_a_whole_is_tried_again(
    world: World, op: str, do: str, call: int
) -> None:
    states, status, keys, client = await outcome(world, Rule(op, do, call), count=30)
    assert (states, status) == ({S.VERIFIED: 30}, Status.FINISHED)
    assert sorted(client.served.really()) == sorted(set(client.served.really()) & set(keys))


async def test_a_registry_out_of_reach_ends_the_run_and_leaves_the_rest(world: World) -> None:
    keys = world.add_plain(30)
    rules = [Rule("delete", "raise", 2), *(Rule("facts", "raise", n) for n in range(3, 7))]
    client = world.faulty(script(*rules))
    with world.plan(keys, faulty=True) as plan:
        ending = await apply(plan, client, policy=HASTE)
        assert ending.status is Status.INTERRUPTED
        assert "cannot be reached" in ending.why
        assert plan.summary.states == {S.VERIFIED: 1, S.SENT: 10, S.PLANNED: 19}
        assert (await apply(plan, client, policy=HASTE)).status is Status.FINISHED
        assert plan.summary.states == {S.VERIFIED: 30}


class Choosy(FaultyClient):
    """It raises for what it cannot delete, instead of answering so."""

    def __init__(self, world: World, cannot: Iterable[str]) -> None:
        super().__init__(world.client, Script(), world.path)
        self._cannot = set(cannot)
        self.tried: list[str] = []

    async def delete(self, deletions: Sequence[Deletion]) -> Sequence[Outcome]:
        self.tried += [one.key for one in deletions]
        if bad := self._cannot.intersection(one.key for one in deletions):
            raise KeyError(min(bad))
        return await super().delete(deletions)


@pytest.mark.parametrize("first", [0, 11])
async def test_many_in_a_row_that_raise_fail_one_by_one(world: World, first: int) -> None:
    keys = world.add_plain(30)
    bad = keys[first : first + 12]
    with world.plan(keys, faulty=True) as plan:
        ending = await apply(plan, Choosy(world, bad), policy=HASTE)
        assert ending.status is Status.FINISHED
        failed = plan.items(state=S.FAILED)
        assert [item.key for item in failed] == bad
        assert {(item.reason, item.retryable) for item in failed} == {(Reason.NO_ANSWER, True)}
        assert [item.error for item in failed] == [f"KeyError: '{key}'" for key in bad]
    assert world.live() == set(bad)


async def test_a_resume_begins_with_what_was_not_tried(world: World) -> None:
    keys = world.add_plain(60)
    bad = keys[:40]
    with world.plan(keys, faulty=True) as plan:
        ending = await apply(plan, Choosy(world, bad), policy=HASTE)
        assert (ending.status, ending.why) == (Status.INTERRUPTED, f"KeyError: '{keys[20]}'")
        assert world.live() == set(keys)
        again = Choosy(world, bad)
        await apply(plan, again, policy=HASTE)
        assert again.tried[0] == keys[21]
        assert world.live() == set(bad)
        assert (await apply(plan, Choosy(world, bad[:1]), policy=HASTE)).status is Status.FINISHED
    assert world.live() == {keys[0]}


async def test_what_is_lost_is_tried_one_by_one_later(world: World) -> None:
    keys = world.add_plain(30)
    client = world.faulty(script(Rule("delete", "raise", 2)))
    with world.plan(keys, faulty=True) as plan:
        assert (await apply(plan, client, policy=HASTE)).status is Status.FINISHED
        assert plan.summary.states == {S.VERIFIED: 30}
    calls = [x["keys"] for x in client.served.lines() if (x["op"], x["at"]) == ("delete", "begin")]
    assert [len(call) for call in calls] == [1, 10, 1, 10, 8, *[1] * 10]
    assert [call[0] for call in calls[5:]] == calls[1]


async def test_after_an_outage_a_plan_is_not_ended_one_by_one(world: World) -> None:
    keys = world.add_plain(300)
    client = world.faulty(script(*(Rule("delete", "failed", n) for n in range(1, 5))))
    with world.plan(keys, faulty=True) as plan:
        assert (await apply(plan, client, policy=HASTE)).status is Status.FINISHED
        assert plan.summary.states == {S.VERIFIED: 300}
    calls = [x["keys"] for x in client.served.lines() if (x["op"], x["at"]) == ("delete", "begin")]
    assert [len(call) for call in calls] == [1, 10, 100, 189, *[1] * 11, 10, 100, 179]


async def test_one_that_breaks_every_call_it_is_in_takes_no_other_along(world: World) -> None:
    keys = world.add_plain(200)

    class Poisoned(FaultyClient):
        async def delete(self, deletions: Sequence[Deletion]) -> Sequence[Outcome]:
            if keys[150] in {one.key for one in deletions}:
                raise KeyError(keys[150])
            return await super().delete(deletions)

    client = Poisoned(world.client, script(), world.path)
    with world.plan(keys, faulty=True) as plan:
        assert (await apply(plan, client, policy=HASTE)).status is Status.FINISHED
        assert plan.summary.states == {S.VERIFIED: 199, S.FAILED: 1}
        assert plan.items(state=S.FAILED)[0].key == keys[150]


async def test_nothing_is_claimed_about_what_nobody_can_see(world: World) -> None:
    keys = world.add_plain(5)
    rules = [Rule("delete", "raise-after", 1), *(Rule("facts", "raise", n) for n in range(2, 6))]
    client = world.faulty(script(*rules))
    with world.plan(keys, faulty=True) as plan:
        ending = await apply(plan, client, policy=HASTE)
        assert ending.status is Status.INTERRUPTED
        assert plan.summary.states == {S.SENT: 1, S.PLANNED: 4}
        assert plan.items(state=S.SENT)[0].reason is Reason.NO_ANSWER
        await apply(plan, client, policy=HASTE)
        assert plan.summary.states == {S.VERIFIED: 5}


@pytest.mark.parametrize(
    ("do", "end"), [("unknown-after", S.VERIFIED), ("done", S.VERIFIED), ("absent", S.VERIFIED)]
)
async def test_what_could_not_be_looked_at_is_looked_at_later(
    world: World, do: str, end: ItemState
) -> None:
    rules = (Rule("delete", do, 1), Rule("facts", "raise", 2))
    states, status, _, _ = await outcome(world, *rules, count=1)
    assert (states, status) == ({end: 1}, Status.FINISHED)


async def test_done_that_nobody_could_check_is_called_deleted_and_no_more(world: World) -> None:
    rules = [Rule("facts", "raise", n) for n in range(2, 12)]
    states, status, _, _ = await outcome(world, *rules, count=1)
    assert (states, status) == ({S.DELETED: 1}, Status.FINISHED)


async def test_a_client_that_breaks_is_a_registry_that_fails(world: World) -> None:
    keys = world.add_plain(2)

    class Broken(FaultyClient):
        async def facts(self, keys: Sequence[str]) -> Mapping[str, Facts]:
            raise KeyError(len(keys))

    client = Broken(world.client, Script(), world.path)
    with world.plan(keys, faulty=True) as plan:
        ending = await apply(plan, client, policy=HASTE)
        assert (ending.status, ending.why) == (Status.INTERRUPTED, "KeyError: 1")
    assert world.live() == set(keys)


async def test_facts_about_something_else_are_not_believed(world: World) -> None:
    keys = world.add_plain(2)

    class Mixed(FaultyClient):
        async def facts(self, keys: Sequence[str]) -> Mapping[str, Facts]:
            return {key: Facts("other", "d", VersionState.TRASH) for key in keys}

    client = Mixed(world.client, Script(), world.path)
    with world.plan(keys, faulty=True) as plan:
        await apply(plan, client, policy=HASTE)
        assert plan.summary.states == {S.PLANNED: 2}
    assert world.live() == set(keys)


async def test_a_token_in_an_error_is_not_kept(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARTIFACT_TUI_TOKEN", "s3cret-token")

    class Leaky(FaultyClient):
        async def facts(self, keys: Sequence[str]) -> Mapping[str, Facts]:
            raise RuntimeError(f"{keys}: Authorization: Bearer s3cret-token")

    with world.plan(world.add_plain(2), faulty=True) as plan:
        await apply(plan, Leaky(world.client, Script(), world.path), policy=HASTE)
        assert "Bearer ***" in plan.why
        path = plan.path
    assert b"s3cret-token" not in path.read_bytes()


async def test_without_conditional_deletes_the_look_still_protects(world: World) -> None:
    keys = world.add_plain(20)
    hit = keys[15]

    def someone(op: str, call: int) -> None:
        if (op, call) == ("delete", 2):
            world.store.alias(hit, "new")

    client = world.faulty(Script(conditional_delete=False), someone)
    with world.plan(keys, faulty=True) as plan:
        await apply(plan, client, policy=HASTE)
        refused = plan.items(state=S.REFUSED)
        assert [(i.key, i.reason) for i in refused] == [(hit, Reason.ALIASES_CHANGED)]
    assert world.live() == {hit}


@pytest.mark.parametrize("what", ["alias", "dependent"])
async def test_consent_does_not_reach_what_came_later(world: World, what: str) -> None:
    key = world.add()

    def someone(op: str, call: int) -> None:
        if (op, call) == ("delete", 1):
            if what == "alias":
                world.store.alias(key, "new")
            else:
                world.add("new", parents=[key])

    client = world.faulty(Script(conditional_delete=False), someone)
    options = Options(delete_aliases=True, orphan_dependents=what == "alias")
    with world.plan([key], options, faulty=True) as plan:
        await apply(plan, client, policy=HASTE)
        assert plan.summary.states == {S.REFUSED: 1}
    assert key in world.live()


async def test_a_stop_ends_the_waiting_for_a_registry_out_of_reach(world: World) -> None:
    control = Control()
    rules = tuple(Rule("delete", "raise", n) for n in range(1, 9))

    def someone(op: str, _: int) -> None:
        if op == "delete":
            control.stop("enough")

    client = world.faulty(Script(rules), someone)
    with world.plan(world.add_plain(2), faulty=True) as plan:
        ending = await apply(plan, client, control=control, policy=HASTE)
        assert (ending.status, ending.why) == (Status.INTERRUPTED, "enough")
        assert plan.summary.states == {S.PLANNED: 2}
        assert plan.items()[0].attempts == 1
        assert [item.done_us for item in plan.every_item()] == [None, None]


async def test_a_change_between_look_and_call_is_seen_by_the_token(world: World) -> None:
    key = world.add(aliases=["best"])

    def someone(op: str, call: int) -> None:
        if (op, call) == ("delete", 1):
            world.store.alias(key, "new")

    client = world.faulty(hook=someone)
    with world.plan([key], all_options(), faulty=True) as plan:
        await apply(plan, client, policy=HASTE)
        item = plan.items(state=S.REFUSED)[0]
        assert (item.reason, item.detail) == (Reason.ALIASES_CHANGED, "+new")
    assert world.live() == {key}


async def test_what_failed_is_retried_as_a_group_with_its_parents(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = world.add("base")
    tuned = world.add("tuned", parents=[base])
    changed = world.add("plain")
    client = world.faulty(script(*(Rule("delete", "failed", n, (tuned,)) for n in range(1, 6))))
    started: list[Path] = []
    monkeypatch.setattr(
        "artifact_tui.deletion.worker.start", lambda path, **_: started.append(path)
    )
    with world.plan([base, tuned, changed], faulty=True) as plan:
        world.store.alias(changed, "new")
        await apply(plan, client, policy=HASTE)
        assert plan.summary.states == {S.FAILED: 1, S.REFUSED: 2}
        assert tasks.read_task(plan.path).retryable == 1
        assert tasks.retry_failed(plan.path) == 1
        assert started == [plan.path]
        assert plan.summary.states == {S.PLANNED: 2, S.REFUSED: 1}
        await apply(plan, client, policy=HASTE)
        assert plan.summary.states == {S.VERIFIED: 2, S.REFUSED: 1}
        assert tasks.retry_failed(plan.path) == 0
    assert world.live() == {changed}


async def test_what_was_cancelled_stays_so_when_what_failed_is_retried(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("artifact_tui.deletion.worker.start", lambda _path, **_: None)
    parents = [world.add("m"), world.add("n")]
    failing, tuned = world.add("a"), world.add("b", parents=parents)
    control = Control()

    def stop(op: str, call: int) -> None:
        if (op, call) == ("delete", 6):
            control.stop("enough")

    client = world.faulty(Script((Rule("delete", "failed", None, (failing,)),), 1), stop)
    with world.plan([*parents, failing, tuned], faulty=True) as plan:
        await apply(plan, client, control=control, policy=HASTE)
        assert plan.summary.states == {S.FAILED: 1, S.VERIFIED: 2, S.PLANNED: 1}
        tasks.cancel(plan.path)
        assert tasks.retry_failed(plan.path) == 1
        ending = await apply(plan, world.faulty(), policy=HASTE)
        assert plan.summary.states == {S.VERIFIED: 3, S.NOT_TRIED: 1}
        assert (ending.status, plan.status) == (Status.CANCELLED, Status.CANCELLED)
    assert world.live() == {parents[1]}


async def test_where_nothing_failed_nothing_is_tried_again(world: World) -> None:
    base = world.add("base")
    tuned = world.add("tuned", parents=[base])
    with world.plan([base, tuned], faulty=True) as plan:
        world.store.alias(tuned, "new")
        await apply(plan, world.faulty(), policy=HASTE)
        reasons = [(item.reason, item.done_us) for item in plan.every_item()]
        assert {reason for reason, _ in reasons} == {Reason.ALIASES_CHANGED, Reason.DEPENDENT_STAYS}
        assert tasks.retry_failed(plan.path) == 0
        assert plan.status is Status.FINISHED
        assert [(item.reason, item.done_us) for item in plan.every_item()] == reasons


@pytest.mark.parametrize("room", range(6))
async def test_a_full_disk_stops_the_deleting(world: World, room: int) -> None:
    keys = world.add_plain(600)
    client = world.faulty()
    plan = world.plan(keys, faulty=True)
    with plan:
        pages = plan.first_value("PRAGMA page_count")
        plan.conn.execute(f"PRAGMA max_page_count={pages + room}")
        with pytest.raises(PlanError, match="full"):
            await apply(plan, client, policy=HASTE)
    really = client.served.really()
    with Plan.open(plan.path, write=True) as again:
        states = again.summary.states
        assert states.get(S.VERIFIED, 0) <= len(really)
        assert states.get(S.VERIFIED, 0) + states.get(S.SENT, 0) >= len(really)
        await apply(again, client, policy=HASTE)
        assert again.summary.states == {S.VERIFIED: 600}
    assert sorted(client.served.really()) == sorted(keys)


async def test_every_kind_of_fault_together_still_ends_in_the_truth(world: World) -> None:
    rules = [
        Rule("delete", "raise", 1),
        Rule("delete", "raise-after", 2),
        Rule("facts", "raise", 3),
        Rule("delete", "unknown-after", 4),
        Rule("delete", "failed", 5),
        Rule("delete", "drop-after", 6),
    ]
    keys = world.add_plain(40)
    client = world.faulty(replace(script(*rules), batch_delete=5))
    with world.plan(keys, faulty=True) as plan:
        await apply(plan, client, policy=HASTE)
        assert plan.summary.states == {S.VERIFIED: 40}
    assert world.live() == set()
