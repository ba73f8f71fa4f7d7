"""Items of a plan file by windows, for a list; and a plan's report. All in threads."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from artifact_tui.deletion.plan import PAGE, Plan
from artifact_tui.deletion.report import Group, Report, report

if TYPE_CHECKING:
    from pathlib import Path

    from artifact_tui.deletion.items import Item


async def report_of(path: Path) -> Report:
    """What became of a plan; raises PlanError when it cannot be read."""

    def work() -> Report:
        with Plan.open(path) as plan:
            return report(plan)

    return await asyncio.to_thread(work)


class PlanItems:
    """The items of one group of a report. Any window costs a walk from the nearest known one."""

    def __init__(self, path: Path, group: Group) -> None:
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
