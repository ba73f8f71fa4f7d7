from __future__ import annotations

from typing import TYPE_CHECKING

from artifact_tui.deletion.apply import apply
from artifact_tui.deletion.calls import Control
from artifact_tui.deletion.items import ItemState, Reason, Verdict
from artifact_tui.deletion.plan import Status
from artifact_tui.deletion.tasks import ResultGroup, read_report
from tests.servers.faulty.faulty import Rule, Script
from tests.support.world import HASTE

if TYPE_CHECKING:
    from tests.support.world import World


def rows(groups: tuple[ResultGroup, ...]) -> list[tuple[str, int]]:
    return [(group.words, group.count) for group in groups]


async def test_results_are_grouped_by_state_and_reason(world: World) -> None:
    keys = world.add_plain(8, "sweep")
    moved, silent = world.add("moved"), world.add("silent")
    named = world.add("named", aliases=["best"])
    hard = world.add("hard", protected=["prod"])
    client = world.faulty(Script((Rule("delete", "failed", None, (silent,)),)))
    with world.plan([*keys, moved, silent, named, hard], faulty=True) as plan:
        before = read_report(plan)
        assert (before.status, before.complete) == (Status.CONFIRMED, False)
        assert rows(before.results) == [("not yet tried", 10)]
        world.store.alias(moved, "new")
        world.trash(keys[0])
        await apply(plan, client, policy=HASTE)
        found = read_report(plan)
    assert rows(found.results) == [
        ("deleted, verified gone", 7),
        ("already gone", 1),
        ("refused: its aliases changed since the review", 1),
        ("failed: the registry failed", 1),
    ]
    assert rows(found.left_out) == [
        ("left alone, needs consent: it carries an alias", 1),
        ("left alone, blocked: it carries a protected alias", 1),
    ]
    refused, failed = found.results[2:]
    assert refused.examples == ("moved:v0 (+new)",)
    assert failed.errors == (("a scripted fault", 1),)
    assert (failed.retryable, refused.retryable) == (1, 0)
    assert len(found.results[0].examples) == 5
    assert found.deleted_bytes == 7 * 4
    assert found.left_out[0].verdict is Verdict.CONSENT
    assert found.left_out[0].state is None
    assert (found.status, found.complete) == (Status.FINISHED, False)


async def test_complete_means_all_of_it(world: World) -> None:
    keys = world.add_plain(3)
    with world.plan(keys) as plan:
        control = Control()
        control.stop("stopped by a test")
        await apply(plan, world.client, control=control)
        assert not read_report(plan).complete
        assert read_report(plan).why == "stopped by a test"
        world.trash(keys[1])
        await apply(plan, world.client)
        found = read_report(plan)
    assert found.complete
    assert [(g.state, g.reason) for g in found.results] == [
        (ItemState.VERIFIED, Reason.NONE),
        (ItemState.GONE, Reason.NONE),
    ]
