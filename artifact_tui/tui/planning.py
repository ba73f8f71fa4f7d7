"""What screens ask of plans, off the event loop: draft, save, apply; items, reports and tasks."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from artifact_tui import config
from artifact_tui.deletion import worker
from artifact_tui.deletion.confirmation import confirm
from artifact_tui.deletion.draft_items import PAGE
from artifact_tui.deletion.plan import Plan, Status, new_path
from artifact_tui.deletion.review import (
    ReviewRequest,
    ReviewSource,
    ask_lineage,
    asks,
    review,
)
from artifact_tui.deletion.review_words import items_of
from artifact_tui.deletion.tasks import (
    SUFFIX,
    Report,
    ResultGroup,
    Task,
    list_tasks,
    read_report,
    read_task,
)
from artifact_tui.deletion.undo import note_source
from artifact_tui.tui.widgets.outline import Windows

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from pathlib import Path

    from artifact_tui.catalog.lineage import LineageCoverage
    from artifact_tui.deletion.items import Item
    from artifact_tui.deletion.plan import Draft
    from artifact_tui.deletion.review import BuildProgress
    from artifact_tui.deletion.review_words import ItemPick
    from artifact_tui.tui.services import Services

    LineageTold = Callable[[LineageCoverage], object]
    Progress = Callable[[LineageCoverage | BuildProgress], object]


def source_of(services: Services) -> ReviewSource:
    """The registry of a session as what is reviewed."""
    return ReviewSource(
        services.client,
        replace(services.target, read_only=services.read_only),
        services.catalog_path,
        config.marks_file(services.client.identity.uid),
    )


async def draft_of(
    services: Services, request: ReviewRequest, *, progress: Progress | None = None
) -> Draft:
    """The draft of a request, once the scan of lineage that runs has ended.

    Raises:
        ArtifactTuiError: as `deletion.review.review`.
    """
    async with _scanned(services, request, progress):
        return await review(source_of(services), request, now_us=services.now(), progress=progress)


async def asked_lineage(services: Services, keys: Sequence[str], *, progress: LineageTold) -> str:
    """Ask for the lineage of these versions; why not all is known, which is untrusted text."""
    request = ReviewRequest(selection=keys)
    async with _scanned(services, request, progress):
        return await ask_lineage(source_of(services), request, progress=progress)


@asynccontextmanager
async def _scanned(
    services: Services, request: ReviewRequest, progress: LineageTold | None
) -> AsyncIterator[None]:
    """Wait for a scan of lineage that runs, and let the header know what was asked beside it."""
    link, client = services.link, services.client
    if link is None or not client.scanned_types or not asks(client, request):
        yield
        return
    if progress is not None:
        await link.scan_ended(progress)
    yield
    await link.prepare()


async def save_plan(draft: Draft, path: Path) -> None:
    """Write the draft into a new plan file.

    Raises:
        PlanError: the file is there already, or cannot be written.
    """

    def work() -> None:
        Plan.create(path, draft).close()

    await asyncio.to_thread(work)


async def apply_plan(draft: Draft, typed: str, *, wanted: str = "") -> Path:
    """Save the draft among the plans, confirm it with what was typed, start its own process.

    `wanted` is the address from which the versions are to be made again afterwards.

    Raises:
        ArtifactTuiError: it could not be saved, confirmed or started. Nothing was deleted.
    """

    def work() -> Path:
        path = new_path(draft.head)
        with Plan.create(path, draft) as plan:
            confirm(plan, typed, actor=draft.head.actor)
            if wanted:
                note_source(plan, wanted)
        worker.start(path)
        return path

    return await asyncio.to_thread(work)


async def report_of(path: Path) -> Report:
    """What became of a plan; raises PlanError when it cannot be read."""

    def work() -> Report:
        with Plan.open(path) as plan:
            return read_report(plan)

    return await asyncio.to_thread(work)


async def draft_rows(draft: Draft, pick: ItemPick) -> Windows[Item]:
    """The items of one group of a draft, read off the event loop."""
    items = await asyncio.to_thread(items_of, draft, pick)

    async def read(start: int, count: int) -> Sequence[Item]:
        return await asyncio.to_thread(items.__getitem__, slice(start, start + count))

    return Windows(len(items), read)


def plan_rows(path: Path, group: ResultGroup) -> Windows[Item]:
    """The items of one group of a report, as many as it had when the report was made."""
    return Windows(group.count, PlanItems(path, group).window)


class PlanItems:
    """The items of one group of a report. Any window costs a walk from the nearest known one."""

    def __init__(self, path: Path, group: ResultGroup) -> None:
        self._path = path
        self._group = group
        self._known = {0: 0}
        """The `seq` before some positions."""

    async def window(self, start: int, count: int) -> list[Item]:
        """The items from `start`, at most `count` of them."""
        return await asyncio.to_thread(self._read, start, count)

    def _read(self, start: int, count: int) -> list[Item]:
        group = self._group
        position = max(known for known in self._known if known <= start)
        after = self._known[position]
        with Plan.open(self._path) as plan:
            while True:
                limit = count if position == start else min(start - position, PAGE)
                items = plan.items(
                    verdict=group.verdict,
                    state=group.state,
                    reason=group.reason,
                    after=after,
                    limit=limit,
                )
                if position == start or not items:
                    return items
                position += len(items)
                after = items[-1].seq
                self._known[position] = after


_STATUS_RANK = {Status.APPLYING: 0, Status.PAUSED: 0, Status.INTERRUPTED: 1, Status.CONFIRMED: 2}
"""What needs attention comes first."""


class TaskWatch:
    """Remembers tasks; `read` looks again only at what can have changed."""

    def __init__(self) -> None:
        self._tasks: dict[Path, Task] = {}
        self._names: frozenset[str] = frozenset()
        self._turn = asyncio.Lock()

    async def read(self, *, everything: bool = False) -> tuple[Task, ...]:
        """All tasks, what runs first, then the newest; `everything` reads the ended ones again."""
        async with self._turn:
            return await asyncio.to_thread(self._read, everything)

    def _read(self, everything: bool) -> tuple[Task, ...]:  # noqa: FBT001
        applied, plans = config.task_folders()
        found = (*applied.glob("*"), *plans.glob(f"*{SUFFIX}"))
        names = frozenset(path.name for path in found)
        if everything or names != self._names:
            self._names = names
            self._tasks = {task.path: task for task in list_tasks()}
        else:
            for path, task in self._tasks.items():
                if task.alive:
                    self._tasks[path] = read_task(path)
        tasks = self._tasks.values()
        return tuple(
            sorted(tasks, key=lambda t: (_STATUS_RANK.get(t.status, 3), -t.created_us, t.id))
        )
