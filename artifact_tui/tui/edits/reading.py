"""Which versions are to be changed, read from the catalog; and what a change would do to them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from artifact_tui.catalog import queries, selection
from artifact_tui.catalog.holding import holders
from artifact_tui.errors import UsageError
from artifact_tui.query import Where
from artifact_tui.tui.edits.foresee import foresee
from artifact_tui.tui.edits.plan import planned

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence
    from typing import Literal

    from artifact_tui.catalog.rows import VersionRef, VersionRow
    from artifact_tui.tui.edits.foresee import Wanted
    from artifact_tui.tui.edits.plan import EditPlan
    from artifact_tui.tui.services import Services

    Selection = Sequence[str] | Where | Literal["marked"]

MOST = 100_000
"""Versions that one change can be for."""


@dataclass(frozen=True, slots=True)
class Subjects:
    """The versions that were chosen, with their tags by id."""

    rows: tuple[VersionRow, ...]
    tags: Mapping[int, tuple[str, ...]]


async def subjects_of(services: Services, selection_: Selection) -> Subjects:
    """Read what was chosen: keys, what matches, or the marks.

    Raises:
        UsageError: these are more than `MOST`.
    """

    def work(conn: sqlite3.Connection) -> Subjects:
        found = _pick(conn, selection_)
        if found > MOST:
            raise UsageError(
                f"{found:,} versions are chosen: at most {MOST:,} can be changed at once.",
                hint="Mark fewer of them. Nothing was changed.",
            )
        rows = tuple(selection.picked_rows(conn))
        return Subjects(rows, queries.tags_of(conn, [row.id for row in rows]))

    return await services.catalog.run(work, latest="subjects")


def _pick(conn: sqlite3.Connection, selection_: Selection) -> int:
    if isinstance(selection_, Where):
        return selection.select_where(conn, selection_)
    if selection_ == "marked":
        return selection.select_marked(conn)
    return selection.select_keys(conn, selection_)


async def plan_of(services: Services, subjects: Subjects, wanted: Wanted) -> EditPlan:
    """What a change would do to each of these; nothing is sent.

    Raises:
        UsageError: two versions of one collection would get the same alias.
    """
    collections = {row.collection_id for row in subjects.rows}

    def work(conn: sqlite3.Connection) -> dict[str, dict[int, VersionRef]]:
        return {alias: holders(conn, alias, collections) for alias in wanted.add_aliases}

    held = await services.catalog.run(work, latest="holders") if wanted.add_aliases else {}

    def foreseen() -> EditPlan:
        changes = foresee(subjects.rows, wanted, tags=subjects.tags, holders=held)
        return planned(wanted, changes, services.now())

    return await asyncio.to_thread(foreseen)
