"""What screens ask of plans beside the event loop: drafts, their items, reports, the tasks."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from artifact_tui import config
from artifact_tui.deletion.draft_items import PAGE
from artifact_tui.deletion.plan import Plan, Status
from artifact_tui.deletion.review import ReviewRequest, ReviewSource, ask_lineage, asks, review
from artifact_tui.deletion.tasks import (
    SUFFIX,
    Report,
    ResultGroup,
    Task,
    list_tasks,
    read_report,
    read_task,
)
from artifact_tui.tui.widgets.outline import Windows

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from pathlib import Path

    from artifact_tui.catalog.lineage import LineageCoverage
    from artifact_tui.deletion.items import Item
    from artifact_tui.deletion.plan import Draft
    from artifact_tui.deletion.review import BuildProgress
    from artifact_tui.tui.services import Services

    LineageHeard = Callable[[LineageCoverage], object]
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


async def ask_for_lineage(
    services: Services, keys: Sequence[str], *, progress: LineageHeard
) -> str:
    """Ask for the lineage of these versions; why not all is known, which is untrusted text."""
    request = ReviewRequest(selection=keys)
    async with _scanned(services, request, progress):
        return await ask_lineage(source_of(services), request, progress=progress)


@asynccontextmanager
async def _scanned(
    services: Services, request: ReviewRequest, progress: LineageHeard | None
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


def report_of(path: Path) -> Report:
    """What became of a plan.

    Raises:
        PlanError: it cannot be read.
    """
    with Plan.open(path) as plan:
        return read_report(plan)


def result_items(path: Path, group: ResultGroup) -> Windows[Item]:
    """The items of one group of a report. Any window costs a walk from the nearest known one."""
    known = {0: 0}
    """The `seq` before some positions."""

    def read(start: int, count: int) -> Sequence[Item]:
        position = max(place for place in known if place <= start)
        after = known[position]
        with Plan.open(path) as plan:
            while True:
                items = plan.items(
                    verdict=group.verdict,
                    state=group.state,
                    reason=group.reason,
                    after=after,
                    limit=count if position == start else min(start - position, PAGE),
                )
                if position == start or not items:
                    return items
                position += len(items)
                after = items[-1].seq
                known[position] = after

    return Windows(group.count, lambda start, count: asyncio.to_thread(read, start, count))


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

        def work() -> tuple[Task, ...]:
            applied, plans = config.task_folders()
            files = (*applied.glob("*"), *plans.glob(f"*{SUFFIX}"))
            names = frozenset(path.name for path in files)
            if everything or names != self._names:
                self._names = names
                self._tasks = {task.path: task for task in list_tasks()}
            else:
                alive = [path for path, task in self._tasks.items() if task.alive]
                self._tasks.update((path, read_task(path)) for path in alive)
            rank = _STATUS_RANK
            return tuple(
                sorted(
                    self._tasks.values(),
                    key=lambda task: (rank.get(task.status, 3), -task.created_us, task.id),
                )
            )

        async with self._turn:
            return await asyncio.to_thread(work)
