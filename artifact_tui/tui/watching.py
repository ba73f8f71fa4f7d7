"""The list of tasks for a screen, read again as cheaply as it can be, in a thread."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from artifact_tui import places
from artifact_tui.deletion.plan import Status
from artifact_tui.deletion.tasks import SUFFIX, Task, list_tasks, read_task

if TYPE_CHECKING:
    from pathlib import Path

_RANK = {Status.APPLYING: 0, Status.PAUSED: 0, Status.INTERRUPTED: 1, Status.CONFIRMED: 2}
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
        applied, plans = places.task_folders()
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
        return tuple(sorted(tasks, key=lambda t: (_RANK.get(t.status, 3), -t.created_us, t.id)))
