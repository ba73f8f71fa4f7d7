"""Learns what was made from what, where a registry tells only a version's own parents.

The catalog itself knows whom it has not asked about yet, so a scan can be stopped anywhere and
goes on where it was: after a stop, a crash or a sync that brought new versions.
"""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import TYPE_CHECKING

from artifact_tui.catalog import sync_store
from artifact_tui.catalog.coverage import Coverage, lineage_coverage
from artifact_tui.catalog.lane import Lane

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from artifact_tui.clients.base import LineageScan
    from artifact_tui.model import Relative

PAGE = 24
"""Versions asked about between two writes: a few seconds on a slow server."""


async def scan_lineage(
    client: LineageScan,
    path: Path,
    *,
    again: bool = False,
    progress: Callable[[Coverage], object] | None = None,
    now_us: int | None = None,
) -> Coverage:
    """Ask for the parents of every live model in the catalog that was not asked about yet.

    Args:
        client: the registry; it paces its own requests.
        path: the catalog file, filled by `sync`.
        again: ask about all of them, also those whose parents are known.
        progress: called on the event loop at the beginning, and after every page.
        now_us: microseconds UTC to note instead of the clock.

    Returns:
        How complete the knowledge is: versions that the registry does not tell about stay unknown.

    Raises:
        RegistryError: the registry or the file could not be used. What was learnt is kept.
    """
    lane = await Lane.open("scan", partial(sync_store.open_file, path))
    try:
        if again:
            await lane.run(sync_store.forget_scans, keep=True)
        coverage = await lane.run(lineage_coverage)
        if progress is not None and not coverage.complete:
            progress(coverage)
        after = 0
        while page := await lane.run(partial(sync_store.unscanned, after=after, count=PAGE)):
            after = page[-1][0]
            found = await _ask(client, [key for _, key in page])
            at = time.time_ns() // 1000 if now_us is None else now_us
            coverage = await lane.run(partial(_put, found=found, at=at), keep=True)
            if progress is not None:
                progress(coverage)
            if not coverage.scanned and len(page) == PAGE:
                break  # it tells nothing of a page of them: it has no lineage to tell
        return await lane.run(lineage_coverage)
    finally:
        await lane.close()


async def _ask(client: LineageScan, keys: Sequence[str]) -> dict[str, Sequence[Relative]]:
    """The parents of versions; those that the registry does not tell are left out."""
    answers = await asyncio.gather(*(client.lineage(key) for key in keys), return_exceptions=True)
    known: dict[str, Sequence[Relative]] = {}
    for key, answer in zip(keys, answers, strict=True):
        if isinstance(answer, BaseException):
            raise answer
        if answer is not None:
            known[key] = answer
    return known


def _put(conn: sqlite3.Connection, found: dict[str, Sequence[Relative]], at: int) -> Coverage:
    """Write a page down; how far the scan is then."""
    sync_store.put_lineage(conn, found, at)
    return lineage_coverage(conn)
