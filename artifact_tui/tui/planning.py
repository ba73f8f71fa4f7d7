"""What screens ask of plans, off the event loop: draft, save, apply; items, reports and tasks."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from artifact_tui import config
from artifact_tui.deletion import worker
from artifact_tui.deletion.calls import storage_of
from artifact_tui.deletion.confirmation import confirm
from artifact_tui.deletion.draft_items import PAGE
from artifact_tui.deletion.items import Action
from artifact_tui.deletion.plan import Plan, Status, new_path
from artifact_tui.deletion.review import (
    ask_what_is_needed,
    build_plan,
    models_asked,
    with_options,
)
from artifact_tui.deletion.storage import (
    ChosenOrphans,
    plan_chosen_orphans,
    require_storage,
    with_storage,
)
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
from artifact_tui.errors import RegistryError
from artifact_tui.model import actor

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from artifact_tui.catalog.lineage import LineageProgress
    from artifact_tui.catalog.marks import Selection
    from artifact_tui.deletion.items import Item, Options
    from artifact_tui.deletion.plan import Draft
    from artifact_tui.tui.services import Services


@dataclass(frozen=True, slots=True)
class ReviewedDraft:
    """A draft, and why it does not say what stays behind in the storage."""

    draft: Draft
    storage_error: str = ""
    """Untrusted text; empty when the storage was looked at, or there is none."""
    lineage_error: str = ""
    """Why not all dependents are known that were to be asked for: untrusted text."""


async def draft_of(
    services: Services,
    selection: Selection | ChosenOrphans,
    options: Options,
    query_text: str,
    *,
    before: Draft | None = None,
    collections: Sequence[str] = (),
    progress: Callable[[LineageProgress], object] | None = None,
    ask: bool = True,
) -> ReviewedDraft:
    """A draft for a selection; nothing is written anywhere. A later call ends this one.

    `collections` are keys: all of these are selected too, empty ones themselves.
    With `before` the same versions are judged again, from fresh facts, with other consents.
    Where a registry tells lineage only when asked, it is asked first, if `ask`; `progress` hears
    how far.
    """
    if isinstance(selection, ChosenOrphans):
        return ReviewedDraft(await _draft_of_orphans(services, selection, options))
    asked_for = selection if before is None else before.requested
    lineage_error = ""
    if ask:
        lineage_error = await ask_lineage(
            services, asked_for, options, collections=collections, progress=progress
        )

    def work(conn: sqlite3.Connection) -> Draft:
        if before is not None:
            return with_options(conn, before, options, now_us=services.now())
        return build_plan(
            conn,
            identity=services.client.identity,
            name=services.target.name,
            selection=selection,
            options=options,
            production=services.target.production,
            read_only=services.read_only,
            now_us=services.now(),
            actor=actor(),
            query_text=query_text,
            capabilities=services.client.capabilities,
            collections=collections,
        )

    draft = await services.catalog.run(work, latest="review")
    storage = storage_of(services.client) if options.action is Action.DELETE else None
    try:
        return ReviewedDraft(await with_storage(draft, storage), lineage_error=lineage_error)
    except RegistryError as error:
        if options.storage or options.storage_versions:
            raise
        return ReviewedDraft(draft, f"{error} {error.hint}".strip(), lineage_error)


async def ask_lineage(
    services: Services,
    selection: Selection,
    options: Options,
    *,
    collections: Sequence[str] = (),
    progress: Callable[[LineageProgress], object] | None = None,
) -> str:
    """Ask for what must be known; why it is not all known, or nothing. Untrusted text."""
    client = services.client
    if client.capabilities.scanned_lineage and options.unknown_lineage:
        return ""
    try:
        if services.link is not None and progress is not None:
            await services.link.scan_ended(lambda found: progress(models_asked(found)))
        asked = await ask_what_is_needed(
            client,
            services.catalog_path,
            selection,
            options,
            collections=collections,
            marks=config.marks_file(client.identity.uid),
            progress=progress,
        )
        if services.link is not None and asked is not None and asked.models:
            await services.link.prepare()
    except RegistryError as error:
        return f"{error} {error.hint}".strip()
    return "" if asked is None else asked.missing


async def _draft_of_orphans(services: Services, chosen: ChosenOrphans, options: Options) -> Draft:
    return await plan_chosen_orphans(
        require_storage(services.client),
        chosen.objects,
        chosen.findings,
        identity=services.client.identity,
        name=services.target.name,
        production=services.target.production,
        read_only=services.read_only,
        now_us=services.now(),
        actor=actor(),
        for_good=options.storage_versions,
    )


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


class PlanItems:
    """The items of one group of a report. Any window costs a walk from the nearest known one."""

    def __init__(self, path: Path, group: ResultGroup) -> None:
        self._path = path
        self._group = group
        self._known = {0: 0}
        """The `seq` before some positions."""

    @property
    def count(self) -> int:
        """How many items the group had when the report was made."""
        return self._group.count

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
