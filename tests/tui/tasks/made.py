"""Plans in every state, made with the engine itself."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from artifact_tui import config
from artifact_tui.catalog import connect
from artifact_tui.deletion import plan_file, tasks, worker
from artifact_tui.deletion.confirmation import confirm
from artifact_tui.deletion.items import Action, ItemState, Options, Reason
from artifact_tui.deletion.journal import ItemEnd, Journal
from artifact_tui.deletion.plan import Plan, Status
from artifact_tui.model import Deletion, Identity
from tests.support.reviewing import draft_of
from tests.tui.review.world import NOW

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.tui.review.world import World


def planned(
    world: World,
    keys: Sequence[str],
    *,
    name: str = "vision",
    action: Action = Action.DELETE,
    confirmed: bool = True,
) -> Path:
    """A plan among the plans, confirmed or only saved."""
    path = config.plans_dir() / f"{len(list(config.plans_dir().iterdir()))}.plan"
    with closing(connect(world.store.layout.db)) as conn:
        draft = draft_of(
            conn,
            identity=Identity("local", world.address, world.store.uid),
            name=name,
            selection=keys,
            options=Options(action=action, delete_aliases=True),
            now_us=NOW,
            actor="ines",
        )
    with Plan.create(path, draft) as plan:
        if confirmed:
            confirm(plan, plan.summary.deletes, actor="ines")
    return path


def started(world: World, keys: Sequence[str], *, action: Action = Action.DELETE) -> Path:
    """A plan that is applied by a process of its own."""
    path = planned(world, keys, action=action)
    worker.start(path)
    return path


def paused(world: World, keys: Sequence[str]) -> tuple[Path, int]:
    """A plan of several calls whose process waits before one of them; and that process."""
    path = planned(world, keys)
    pid = worker.start(path)
    tasks.pause(path)
    return path, pid


def interrupted(world: World, keys: Sequence[str]) -> Path:
    """A plan whose process was killed: all is in the trash, of the last one it does not know."""
    path = planned(world, keys)
    with Plan.open(path, write=True) as plan, plan_file.hold_lock(path):
        plan_file.claim(path, plan.head.id, begun=False)
        journal = Journal(plan, lambda: NOW)
        journal.begin()
        items = list(plan.every_item())
        journal.intend([item.seq for item in items], {})
        journal.settle([ItemEnd(item.seq, ItemState.VERIFIED) for item in items[:-1]])
    world.store.delete([Deletion(key, delete_aliases=True) for key in keys])
    return path


def failed(world: World, keys: Sequence[str], error: str) -> Path:
    """A plan of which every item has failed and may be tried again."""
    path = planned(world, keys)
    with Plan.open(path, write=True) as plan, plan_file.hold_lock(path):
        plan_file.claim(path, plan.head.id, begun=False)
        journal = Journal(plan, lambda: NOW)
        journal.begin()
        journal.settle(
            [
                ItemEnd(
                    item.seq,
                    ItemState.FAILED,
                    Reason.REGISTRY_FAILED,
                    error=error,
                    retryable=True,
                )
                for item in plan.every_item()
            ]
        )
        journal.end(Status.FINISHED)
    return path
