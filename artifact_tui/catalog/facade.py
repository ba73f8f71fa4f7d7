"""The catalog for an event loop: its questions as coroutines, SQL in threads of its own.

Three lanes, each a thread with its own connection: `list` for the rows of a list, `detail` for
what stands beside it, `marks` for everything that writes marks, in the order of the calls and
even when nobody waits for it any longer. All see what other processes and the other lanes have
committed.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Literal, TypeVar
from uuid import uuid4

from artifact_tui.catalog import marks, retention
from artifact_tui.catalog.catalog_file import CatalogLane, connect, marks_stamp, stamp
from artifact_tui.catalog.catalog_rows import snapshot
from artifact_tui.catalog.detail import version_detail
from artifact_tui.catalog.listing import (
    collection_outline,
    matching_totals,
    registry_totals,
    version_position,
    version_window,
)
from artifact_tui.catalog.version_names import existing_values, rows_by_keys

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from artifact_tui.catalog.catalog_rows import (
        CollectionRow,
        PickedBytes,
        Totals,
        VersionDetail,
        VersionRow,
    )
    from artifact_tui.catalog.listing import Sort
    from artifact_tui.catalog.marks import Selection
    from artifact_tui.catalog.retention import Expiring
    from artifact_tui.query import Where


T = TypeVar("T")

LaneName = Literal["list", "detail", "marks"]
Latest = bool | str
"""`True`: earlier calls of the same method that are not answered yet end as `Superseded`.

A text does the same among all calls with that text, so that one method can serve two places.
"""


class Catalog:
    """One catalog, opened for a screen. Every method may raise `Superseded`, once it is closed too.

    What happens in the threads: only SQL. What happens on the event loop: only waiting.
    """

    def __init__(self, lanes: dict[LaneName, CatalogLane]) -> None:
        self._lanes = lanes
        self.window_read: Callable[[Sequence[VersionRow]], object] | None = None
        """Hears of the rows of every window: they are on screen, or close to it."""
        self._stamp: tuple[int, ...] = ()
        self._marks_stamp = 0

    @classmethod
    async def open(cls, path: Path, marks_path: Path | None = None) -> Catalog:
        """Open a catalog file and the file of its marks; without one, marks end with the program.

        Raises:
            RegistryError: the file is missing or is no catalog.
            ArtifactTuiError: the file of the marks cannot be used.
        """
        connecting = partial(connect, path, marks=marks_path or f"marks-{uuid4().hex}")
        lanes: dict[LaneName, CatalogLane] = {}
        names: tuple[LaneName, ...] = ("marks", "list", "detail")
        try:
            for name in names:
                lanes[name] = await CatalogLane.open(name, connecting)
        except BaseException:
            await asyncio.gather(*(lane.close() for lane in lanes.values()))
            raise
        catalog = cls(lanes)
        await catalog.changed()
        await catalog.marks_changed()
        return catalog

    async def close(self) -> None:
        """Stop what runs, finish writing marks and close every connection.

        Those who wait for an answer get `Superseded`.
        """
        await asyncio.gather(*(lane.close() for lane in self._lanes.values()))

    async def run(
        self,
        work: Callable[..., T],
        *facts: object,
        lane: LaneName = "detail",
        latest: Latest = False,
    ) -> T:
        """Call `work` with a lane's connection and these facts, in its thread, as one step."""
        group = latest if isinstance(latest, str) else ""
        if latest is True:
            group = getattr(work, "__qualname__", repr(work))

        def job(conn: sqlite3.Connection) -> T:
            return work(conn, *facts)

        return await self._lanes[lane].run(job, group=group, keep=lane == "marks" and not group)

    async def changed(self) -> bool:
        """Whether anyone changed the catalog since it was opened, or since this was last asked."""
        now = await self.run(stamp, lane="list")
        before, self._stamp = self._stamp, now
        return before != now

    async def marks_changed(self) -> bool:
        """Whether another program changed the marks since this was last asked."""
        now = await self.run(marks_stamp, latest=True, lane="marks")
        before, self._marks_stamp = self._marks_stamp, now
        return before != now

    async def outline(
        self, where: Where, sort: Sort, *, empty: bool = False, latest: Latest = False
    ) -> tuple[tuple[CollectionRow, ...], Totals]:
        """The outline and the totals of one moment: a sync goes on meanwhile."""

        def at_once(conn: sqlite3.Connection) -> tuple[tuple[CollectionRow, ...], Totals]:
            with snapshot(conn):
                return collection_outline(conn, where, sort, empty=empty), registry_totals(conn)

        return await self.run(at_once, latest=latest, lane="list")

    async def matching(self, where: Where, *, latest: Latest = False) -> tuple[int, int | None]:
        """How many versions match, and their bytes."""
        return await self.run(matching_totals, where, latest=latest, lane="list")

    async def window(
        self,
        collection_id: int,
        where: Where,
        sort: Sort,
        start: int,
        count: int,
        *,
        latest: Latest = False,
    ) -> tuple[VersionRow, ...]:
        """Rows `start` to `start + count` of a collection's matching versions, in order."""
        asked = (collection_id, where, sort, start, count)
        rows = await self.run(version_window, *asked, latest=latest, lane="list")
        if self.window_read is not None:
            self.window_read(rows)
        return rows

    async def position(
        self,
        collection_id: int,
        where: Where,
        sort: Sort,
        version_id: int,
        *,
        latest: Latest = False,
    ) -> int | None:
        """Where a version stands in its collection's order; None when it does not match."""
        asked = (collection_id, where, sort, version_id)
        return await self.run(version_position, *asked, latest=latest, lane="list")

    async def detail(self, version_id: int, *, latest: Latest = False) -> VersionDetail:
        """Everything about one version; `NotFoundError` when it is gone."""
        return await self.run(version_detail, version_id, latest=latest)

    async def by_keys(self, keys: Sequence[str]) -> tuple[VersionRow, ...]:
        """The versions with these keys that are still there, in this order."""
        return await self.run(rows_by_keys, keys)

    async def values(
        self, field: str, prefix: str, limit: int = 50, *, latest: Latest = False
    ) -> tuple[str, ...]:
        """Values of a field that begin with `prefix`, for completion."""
        return await self.run(existing_values, field, prefix, limit, latest=latest)

    async def freed(self, chosen: Selection = "marked", *, latest: Latest = False) -> PickedBytes:
        """The bytes of the chosen versions, and those that their deletion would free."""
        return await self.run(marks.chosen_bytes, chosen, latest=latest)

    async def expiring(self, where: Where, now_us: int, *, latest: Latest = False) -> Expiring:
        """The versions that match and have a time to live, by date."""
        return await self.run(retention.expiring, where, now_us, latest=latest, lane="list")

    async def expiring_rows(
        self, where: Where, start: int, count: int, *, latest: Latest = False
    ) -> tuple[VersionRow, ...]:
        """Rows `start` to `start + count` of them, the first to expire first."""
        return await self.run(
            retention.expiring_rows, where, start, count, latest=latest, lane="list"
        )

    async def mark(self, keys: Sequence[str]) -> int:
        """Mark these versions; returns how many were not marked before."""
        return await self.run(marks.mark_keys, keys, lane="marks")

    async def unmark(self, keys: Sequence[str]) -> int:
        """Take these marks away; returns how many there were."""
        return await self.run(marks.unmark_keys, keys, lane="marks")

    async def mark_where(self, where: Where) -> int:
        """Mark every version that matches; returns how many were not marked before."""
        return await self.run(marks.mark_where, where, lane="marks")

    async def mark_window(
        self, collection_id: int, where: Where, sort: Sort, start: int, count: int
    ) -> int:
        """Mark rows `start` to `start + count` of a collection's matching versions, in order.

        Returns how many were not marked before.
        """
        asked = (collection_id, where, sort, start, count)
        return await self.run(marks.mark_window, *asked, lane="marks")

    async def unmark_where(self, where: Where) -> int:
        """Take the mark of every version that matches away; returns how many there were."""
        return await self.run(marks.unmark_where, where, lane="marks")

    async def marked_count(self) -> int:
        """How many versions are marked."""
        return await self.run(marks.marked_count, lane="marks")

    async def marked_any(self) -> bool:
        """Whether any version is marked."""
        return await self.run(marks.marked_any, lane="marks")

    async def marked_and_hidden(self, where: Where, *, latest: Latest = False) -> tuple[int, int]:
        """How many versions are marked, and how many of these a filter hides.

        No mark waits for it: marks that are still to be written are not counted.
        """
        return await self.run(marks.marked_and_hidden, where, latest=latest)
