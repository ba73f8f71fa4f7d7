"""Which versions are to be changed, and what a change would do to them, off the event loop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from artifact_tui.edits import reading
from artifact_tui.edits.changes import NOTHING_AROUND, Foresight
from artifact_tui.edits.lives import Clock
from artifact_tui.model import TTL_INHERIT
from artifact_tui.tui.edits.plan import planned

if TYPE_CHECKING:
    from artifact_tui.catalog.rows import VersionRow
    from artifact_tui.catalog.selection import Selection
    from artifact_tui.edits.reading import Subjects
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
    rows, around = subjects.rows, NOTHING_AROUND
    if wanted.add_aliases or wanted.ttl_us == TTL_INHERIT:
        around = await services.catalog.run(
            lambda conn: reading.around(conn, rows, wanted), latest="around"
        )

    def foreseen() -> EditPlan:
        foresight: Foresight[VersionRow] = Foresight(wanted, lambda row: row, clock_of(services))
        foresight.take(rows, tags=subjects.tags, around=around)
        return planned(wanted, foresight.changes())

    return await asyncio.to_thread(foreseen)


def clock_of(services: Services) -> Clock:
    """By when something expires at once in this registry."""
    return Clock(services.now(), services.client.capabilities.restore)
