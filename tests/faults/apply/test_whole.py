"""Whole collections: when one request is offered, in what order, and what it may touch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from artifact_tui.clients.base import Client
from artifact_tui.deletion import tasks, worker
from artifact_tui.deletion.confirmation import confirmation_of
from artifact_tui.deletion.items import COLLECTION, Item, ItemState, Options, Reason, Verdict
from artifact_tui.deletion.plan import Plan, Status
from artifact_tui.deletion.tasks import read_report
from artifact_tui.errors import PlanError
from tests.servers.faulty.faulty import Rule, Script
from tests.support.linked_world import EVERYTHING, WHOLE, LinkedWorld, by_key, run

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

S = ItemState


@pytest.fixture
def world(tmp_path: Path) -> LinkedWorld:
    return LinkedWorld(tmp_path)


def wholes(items: Sequence[Item]) -> list[Item]:
    return [item for item in items if item.kind == COLLECTION]


def states(plan: Plan) -> dict[str, ItemState]:
    return {key: item.state for key, item in by_key(list(plan.every_item())).items()}


def test_it_is_offered_when_every_version_goes_and_used_when_asked(world: LinkedWorld) -> None:
    sweep = [world.registry.add("sweep") for _ in range(4)]
    keep = [world.registry.add("keep") for _ in range(2)]
    draft = world.draft([*sweep, keep[0]])
    (offer,) = draft.summary.whole
    assert (offer.name, offer.versions, offer.used) == ("sweep", 4, False)
    assert (draft.summary.cheaper, draft.summary.wholes) == (3, 0)
    assert wholes(draft.items) == []
    draft = world.draft([*sweep, keep[0]], WHOLE)
    (item,) = wholes(draft.items)
    assert (item.name, item.key, item.label, item.verdict) == (
        "sweep", "sweep", "", Verdict.DELETE,
    )  # fmt: skip
    found = by_key(draft.items)
    assert {found[key].belongs for key in sweep} == {item.seq}
    assert all(found[key].level > item.level for key in sweep)
    assert found[keep[0]].belongs is None
    assert [i.seq for i in draft.items] == list(range(1, 7))
    assert (draft.summary.cheaper, draft.summary.wholes) == (0, 1)
    assert (draft.summary.deletes, draft.summary.versions) == (6, 5)
    assert draft.summary.whole[0].used


def test_what_waits_for_consent_keeps_its_collection(world: LinkedWorld) -> None:
    keys = [world.registry.add("sweep"), world.registry.add("sweep", aliases=["best"])]
    assert world.draft(keys, WHOLE).summary.whole == ()
    agreed = Options(whole_collections=True, delete_aliases=True)
    (offer,) = world.draft(keys, agreed).summary.whole
    assert (offer.versions, offer.aliases) == (2, 1)


def test_the_review_says_which_links_break(world: LinkedWorld) -> None:
    keys = [world.registry.add("sweep") for _ in range(2)]
    world.registry.link("best", keys[0])
    (offer,) = world.draft(keys, EVERYTHING).summary.whole
    assert offer.broken == (("best", 1),)
    assert not offer.links


def test_an_empty_collection_goes_when_it_is_named(world: LinkedWorld) -> None:
    world.registry.collection("empty")
    kept = world.registry.add("keep")
    with world.plan([], collections=["empty"]) as plan:
        assert (plan.summary.deletes, plan.summary.versions) == (1, 0)
        assert confirmation_of(plan).expected == "empty"
        run(plan, world.faulty())
        assert states(plan) == {"empty": S.VERIFIED}
    assert world.registry.collections() == {"keep"}
    assert world.registry.live() == {kept}


def test_a_collection_that_is_only_homeless_trash_is_no_offer(world: LinkedWorld) -> None:
    key = world.registry.add("sweep")
    world.registry.trash(key)
    assert world.draft([key], WHOLE).summary.whole == ()


def test_a_named_collection_goes_with_all_its_versions(world: LinkedWorld) -> None:
    keys = [world.registry.add("sweep") for _ in range(3)]
    with world.plan([], WHOLE, collections=["sweep"]) as plan:
        run(plan, world.faulty())
        assert states(plan) == dict.fromkeys([*keys, "sweep"], S.VERIFIED)
    assert world.sent() == [("delete_collection", ["sweep"])]
    assert world.draft([], WHOLE, collections=["sweep"]).items == ()


def test_read_only_blocks_collections_too(world: LinkedWorld) -> None:
    world.registry.collection("empty")
    draft = world.draft([], WHOLE, collections=["empty"], read_only=True)
    assert [(i.verdict, i.reason) for i in draft.items] == [(Verdict.BLOCKED, Reason.READ_ONLY)]


def test_what_must_go_before_a_version_goes_before_its_collection(world: LinkedWorld) -> None:
    base = [world.registry.add("base") for _ in range(2)]
    tuned = world.registry.add("tuned", parents=[base[0]])
    world.registry.add("tuned")
    shown = world.registry.link("best", base[1])
    with world.plan([*base, tuned, shown], WHOLE) as plan:
        run(plan, world.faulty())
        assert set(states(plan).values()) == {S.VERIFIED, S.UNLINKED}
    calls = [op for op, _ in world.sent()]
    assert calls == ["delete_collection", "delete", "delete_collection"]
    assert world.sent()[0][1] == ["best"]
    assert world.sent()[2][1] == ["base"]


def test_collections_that_each_need_the_other_first_are_not_offered(world: LinkedWorld) -> None:
    a = world.registry.add("a")
    b = world.registry.add("b", parents=[a])
    late = world.registry.add("a", parents=[b])
    alone = world.registry.add("c", parents=[late])
    draft = world.draft([a, b, late, alone], WHOLE)
    assert [one.name for one in draft.summary.whole] == ["c"]
    with world.plan([a, b, late, alone], WHOLE) as plan:
        run(plan, world.faulty())
        assert set(states(plan).values()) == {S.VERIFIED}
    assert world.sent()[0] == ("delete_collection", ["c"])
    assert [keys for _, keys in world.sent()[1:]] == [[late], [b], [a]]


def test_versions_of_one_collection_made_from_each_other_go_at_once(world: LinkedWorld) -> None:
    one = world.registry.add("chain")
    two = world.registry.add("chain", parents=[one])
    three = world.registry.add("chain", parents=[two])
    with world.plan([one, two, three], WHOLE) as plan:
        run(plan, world.faulty())
        assert set(states(plan).values()) == {S.VERIFIED}
    assert len(world.sent()) == 1


def test_links_of_a_whole_collection_are_unlinked(world: LinkedWorld) -> None:
    sources = [world.registry.add("mnist") for _ in range(3)]
    links = [world.registry.link("best", key, aliases=[f"x{n}"]) for n, key in enumerate(sources)]
    with world.plan(links, EVERYTHING) as plan:
        run(plan, world.faulty())
        assert states(plan) == dict.fromkeys(links, S.UNLINKED) | {"best": S.VERIFIED}
        assert read_report(plan).complete
        assert read_report(plan).freed == "0 B"
    assert world.registry.live() == set(sources)
    assert world.registry.collections() == {"mnist"}


def add_version(world: LinkedWorld, keys: list[str]) -> object:
    assert keys
    return world.registry.add("sweep")


DRIFTS: list[tuple[Callable[[LinkedWorld, list[str]], object], str]] = [
    (add_version, "1 version that nobody reviewed"),
    (lambda w, k: w.registry.alias("sweep", k[1], "new"), "sweep:sweep-1"),
    (lambda w, k: w.registry.link("best", k[1]), "sweep:sweep-1"),
    (lambda w, k: w.registry.add("other", parents=[k[1]]), "sweep:sweep-1"),
]


@pytest.mark.parametrize(("drift", "detail"), DRIFTS)
def test_a_collection_that_changed_goes_one_by_one(
    world: LinkedWorld, drift: Callable[[LinkedWorld, list[str]], object], detail: str
) -> None:
    keys = [world.registry.add("sweep") for _ in range(3)]
    with world.plan(keys, WHOLE) as plan:
        before = world.registry.live()
        drift(world, keys)
        stays = world.registry.live() - before
        run(plan, world.faulty())
        found = by_key(list(plan.every_item()))
        assert plan.status is Status.FINISHED
    whole = found["sweep"]
    assert (whole.state, whole.reason, whole.detail) == (
        S.REFUSED, Reason.COLLECTION_CHANGED, detail,
    )  # fmt: skip
    assert "delete_collection" not in [op for op, _ in world.sent()]
    assert stays <= world.registry.live()
    assert found[keys[0]].state is found[keys[2]].state is S.VERIFIED
    untouched = detail.startswith("1 version")
    assert found[keys[1]].state is (S.VERIFIED if untouched else S.REFUSED)
    assert (keys[1] in world.registry.live()) is not untouched


def test_versions_that_went_meanwhile_do_not_stop_it(world: LinkedWorld) -> None:
    keys = [world.registry.add("sweep") for _ in range(3)]
    with world.plan(keys, WHOLE) as plan:
        world.registry.trash(keys[0])
        run(plan, world.faulty())
        assert states(plan) == {
            "sweep": S.VERIFIED, keys[0]: S.GONE, keys[1]: S.VERIFIED, keys[2]: S.VERIFIED,
        }  # fmt: skip


def test_a_collection_that_somebody_else_deleted_is_gone_with_all_in_it(
    world: LinkedWorld,
) -> None:
    keys = [world.registry.add("sweep") for _ in range(3)]
    with world.plan(keys, WHOLE) as plan:
        world.registry.drop("sweep")
        run(plan, world.faulty())
        assert set(states(plan).values()) == {S.GONE}
    assert world.sent() == []


@pytest.mark.parametrize(
    ("fault", "state", "reason"),
    [
        ("refused", S.REFUSED, Reason.REGISTRY_REFUSED),
        ("failed", S.FAILED, Reason.REGISTRY_FAILED),
        ("unknown", S.FAILED, Reason.NO_ANSWER),
        ("done", S.FAILED, Reason.STILL_THERE),
        ("absent", S.FAILED, Reason.SAID_ABSENT),
    ],
)
def test_a_collection_that_will_not_go_leaves_its_versions_to_their_own_turn(
    world: LinkedWorld, fault: str, state: ItemState, reason: Reason
) -> None:
    keys = [world.registry.add("sweep") for _ in range(3)]
    client = world.faulty(Script((Rule("delete_collection", fault),)))
    with world.plan(keys, WHOLE) as plan:
        run(plan, client)
        found = by_key(list(plan.every_item()))
    assert (found["sweep"].state, found["sweep"].reason) == (state, reason)
    assert {found[key].state for key in keys} == {S.VERIFIED}
    assert found["sweep"].retryable is (state is S.FAILED)
    assert world.registry.collections() == {"sweep"}


@pytest.mark.parametrize("fault", ["unknown-after", "failed-after", "raise-after", "echo-after"])
def test_an_answer_that_was_lost_is_settled_by_asking(world: LinkedWorld, fault: str) -> None:
    keys = [world.registry.add("sweep") for _ in range(3)]
    client = world.faulty(Script((Rule("delete_collection", fault),)))
    with world.plan(keys, WHOLE) as plan:
        run(plan, client)
        assert set(states(plan).values()) == {S.VERIFIED}
    assert len(world.sent()) == 1


def test_a_registry_that_falls_silent_leaves_it_uncertain_until_the_next_run(
    world: LinkedWorld,
) -> None:
    keys = [world.registry.add("sweep") for _ in range(3)]
    silent = [Rule("collection", "raise", call) for call in range(2, 6)]
    client = world.faulty(Script((Rule("delete_collection", "raise-after"), *silent)))
    with world.plan(keys, WHOLE) as plan:
        ending = run(plan, client)
        assert ending.status is Status.INTERRUPTED
        assert set(states(plan).values()) == {S.SENT}
        assert run(plan, client).status is Status.FINISHED
        assert set(states(plan).values()) == {S.VERIFIED}
    assert len(world.sent()) == 1


def test_what_failed_can_be_tried_again(
    world: LinkedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = [world.registry.add("sweep") for _ in range(3)]
    rules = tuple(Rule("delete_collection", "failed", call) for call in range(1, 5))
    client = world.faulty(Script(rules))
    monkeypatch.setattr(worker, "start", lambda _, **__: 0)
    with world.plan(keys, WHOLE) as plan:
        run(plan, client)
        assert states(plan)["sweep"] is S.FAILED
        assert tasks.retry_failed(plan.path) == 1
        run(plan, client)
        assert set(states(plan).values()) == {S.VERIFIED}
    assert world.registry.collections() == set()


def test_several_collections_are_confirmed_by_the_registry(world: LinkedWorld) -> None:
    keys = [world.registry.add(name) for name in "abcdef"]
    with world.plan(keys, WHOLE) as plan:
        asked = confirmation_of(plan)
        assert asked.expected == "here"
        assert asked.why == "6 collections go with all in them"
        run(plan, world.faulty())
        assert set(states(plan).values()) == {S.VERIFIED}
        task = tasks.read_task(plan.path)
        assert (task.total, task.settled) == (12, 12)


class OneByOne(Client):
    """The same registry through a client that knows no whole collections."""

    def __init__(self, world: LinkedWorld) -> None:
        self.identity = world.faulty().identity


def test_a_client_that_knows_no_whole_collections_is_not_asked(world: LinkedWorld) -> None:
    key = world.registry.add("sweep")
    client = OneByOne(world)
    with world.plan([key], WHOLE) as plan, pytest.raises(PlanError, match="whole collections"):
        run(plan, client)


def test_a_plan_of_another_format_is_refused_with_a_way_on(world: LinkedWorld) -> None:
    key = world.registry.add("sweep")
    with world.plan([key]) as plan:
        plan.conn.execute("PRAGMA user_version=2")
        path = plan.path
    with pytest.raises(PlanError, match="an older artifact-tui"):
        Plan.open(path)
