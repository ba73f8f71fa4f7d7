"""Which versions are to be changed, and what a change would do to them, off the event loop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from artifact_tui.edits import reading
from artifact_tui.edits.changes import Foresight
from artifact_tui.tui.edits.plan import planned

if TYPE_CHECKING:
    from artifact_tui.catalog.rows import VersionRow
    from artifact_tui.edits.reading import Selection, Subjects
    from artifact_tui.edits.wanted import Wanted
    from artifact_tui.tui.edits.plan import EditPlan
    from artifact_tui.tui.services import Services


async def subjects_of(services: Services, chosen: Selection) -> Subjects:
    """Read what was chosen.

    Raises:
        UsageError: these are more than can be changed at once.
    """
    return await services.catalog.run(
        lambda conn: reading.subjects(conn, chosen), latest="subjects"
    )


async def plan_of(services: Services, subjects: Subjects, wanted: Wanted) -> EditPlan:
    """What a change would do to each of these; nothing is sent.

    Raises:
        UsageError: two versions of one collection would get the same alias.
    """
    rows = subjects.rows
    held = (
        await services.catalog.run(
            lambda conn: reading.holders(conn, rows, wanted), latest="holders"
        )
        if wanted.add_aliases
        else {}
    )

    def foreseen() -> EditPlan:
        now_us, restores = services.now(), services.client.capabilities.restore
        foresight: Foresight[VersionRow] = Foresight(
            wanted, lambda row: row, gone_by_us=None if restores else now_us
        )
        foresight.take(rows, tags=subjects.tags, holders=held)
        return planned(wanted, foresight.changes(), now_us)

    return await asyncio.to_thread(foreseen)
