"""Sizes that a registry tells only when it is asked, for rows on screen and for a plan.

What is answered is kept in the catalog for as long as the digest of a version stays the same. What
the registry does not tell stays unknown.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from artifact_tui.catalog.catalog_file import CatalogLane, open_to_write, transaction

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from artifact_tui.clients.base import Client


_WITHOUT_SIZE = "size IS NULL AND source_key IS NULL"
"""Versions whose size can be asked for: that of a link is its source's."""

ASKED_AT_ONCE = 200
"""Versions asked about between two writes; the client makes fewer or more requests of it."""


async def ask_sizes(
    client: Client,
    path: Path,
    keys: Sequence[str],
    *,
    progress: Callable[[int, int], object] | None = None,
) -> int:
    """Ask for the sizes of these versions, and keep what is answered; how many are new.

    Args:
        client: the registry; where its listing tells sizes, nothing is asked.
        path: the catalog file, filled by `sync`.
        keys: version keys.
        progress: called on the event loop with how many were asked about, and of how many.

    Raises:
        RegistryError: the registry or the file could not be used. What was learnt is kept.
    """
    if not keys or not client.can("sizes"):
        return 0
    kept = 0
    lane = await CatalogLane.open("sizes", partial(open_to_write, path))
    try:
        for start in range(0, len(keys), ASKED_AT_ONCE):
            page = keys[start : start + ASKED_AT_ONCE]
            sizes = await client.sizes(page)
            kept += await lane.run(partial(put_sizes, sizes=sizes), keep=True)
            if progress is not None:
                progress(start + len(page), len(keys))
    finally:
        await lane.close()
    return kept


def put_sizes(conn: sqlite3.Connection, sizes: Mapping[str, int]) -> int:
    """Keep sizes by version key, where none is known; returns how many are new."""
    with transaction(conn):
        sql = f"UPDATE version SET size = ? WHERE key = ? AND {_WITHOUT_SIZE}"
        return max(0, conn.executemany(sql, [(size, key) for key, size in sizes.items()]).rowcount)


def keys_without_size(conn: sqlite3.Connection) -> list[str]:
    """The keys of all versions outside the trash whose size can be asked for."""
    sql = f"SELECT key FROM version WHERE {_WITHOUT_SIZE} AND state <> 'trash' ORDER BY id"
    return [key for (key,) in conn.execute(sql)]


def picked_without_size(conn: sqlite3.Connection) -> list[str]:
    """The keys of the picked versions whose size can be asked for."""
    sql = f"""SELECT v.key FROM picked p CROSS JOIN version v ON v.id = p.version_id
        WHERE {_WITHOUT_SIZE} ORDER BY v.id"""
    return [key for (key,) in conn.execute(sql)]
