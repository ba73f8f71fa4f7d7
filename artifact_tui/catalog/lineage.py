"""Lineage: how much of it is known, how the rest is asked for, and how answers are written down.

A sync brings the lineage that a registry lists; the rest is asked for before it is needed
(`ask_lineage`), by one method of the client. Most registries then tell the dependents of the
versions asked about. One that tells only parents is asked about all versions of certain types
(`scan_lineage`), which can be stopped anywhere and goes on where it was, since the catalog knows
whom it has not asked about yet. What is answered becomes edges between versions that the catalog
lists, `relative` rows for the others, and the time of the answer: before something is deleted,
what is older than the last sync is asked again.
"""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from artifact_tui import model
from artifact_tui.catalog.catalog_file import CatalogLane, open_to_write, transaction
from artifact_tui.model import GONE
from artifact_tui.text import plural

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from artifact_tui.clients.base import Client
    from artifact_tui.model import Lineage, Relative


SCANNED_TYPES = """\
(SELECT j.value FROM json_each(ifnull(
  (SELECT m.value FROM meta m WHERE m.name = 'scanned_types'), '["model"]')) j)"""
"""The types whose versions must all be asked, where that is how dependents are found."""

_COVERAGE = f"""
SELECT count(s.version_id), count(*)
FROM collection c CROSS JOIN version v ON v.collection_id = c.id
LEFT JOIN lineage_scan s ON s.version_id = v.id
WHERE c.type IN {SCANNED_TYPES} AND v.state = 'live'"""

_HIDDEN = "SELECT 1 FROM meta WHERE name = 'incomplete' AND value = '1'"

_IS_SCANNED = "SELECT 1 FROM meta WHERE name = 'scanned_lineage' AND value = '1'"


@dataclass(frozen=True, slots=True)
class LineageCoverage:
    """Of the versions that must be asked for their lineage, how many it is known of."""

    scanned: int = 0
    """Those whose lineage is known."""
    total: int = 0
    """Those to ask about, as far as they are found yet; 0 where nobody must be asked."""
    hidden: bool = False
    """The registry does not list everything: there may be more of them."""
    untold: int = 0
    """Those that were asked about, and of which the registry told nothing."""
    capped: bool = False
    """There were more than `MOST_ASKED`: the rest was not asked about."""
    models: bool = False
    """All models must be asked what they were made from: their registry tells nothing else."""

    @property
    def asked(self) -> int:
        """Those that were asked about."""
        return self.scanned + self.untold

    @property
    def complete(self) -> bool:
        """Whether the dependents that the catalog shows are all there are."""
        return self.scanned >= self.total and not (self.hidden or self.capped)

    @property
    def missing(self) -> str:
        """What a question left unknown, and why; empty when all is known."""
        if self.models:
            left = self.total - self.scanned
            of_all = plural(self.total, "model")
            return f"the registry told nothing about {left:,} of {of_all}" if left else ""
        parts, asked = [], self.asked
        if self.untold:
            of_all = plural(asked, "version")
            parts.append(f"the registry told nothing about {self.untold:,} of {of_all}")
        if self.capped:
            parts.append(
                f"there are more than the {self.total:,} versions that are asked about at once"
            )
        if asked < self.total:
            parts.append(f"{self.total:,} versions are to be asked about, and {asked:,} were")
        return "; ".join(parts)

    def words(self) -> str:
        """How far the scan is, for a sentence about dependents."""
        more = ", and the registry does not list everything" if self.hidden else ""
        return f"{self.scanned:,} of {self.total:,} models scanned{more}"

    def asking_words(self) -> str:
        """How far it is, for a progress line; and why models are asked about other versions."""
        known = f"{self.scanned:,} of {self.total:,}"
        if self.models:
            return f"what was made from these only models tell: {known} did"
        return f"lineage of {self.asked:,} of {self.total:,}"


NOTHING_TO_SCAN = LineageCoverage()
"""Where nothing has to be scanned."""


def lineage_coverage(conn: sqlite3.Connection) -> LineageCoverage:
    """How far the scan of lineage got."""
    if conn.execute(_IS_SCANNED).fetchone() is None:
        return NOTHING_TO_SCAN
    hidden = conn.execute(_HIDDEN).fetchone() is not None
    scanned, total = conn.execute(_COVERAGE).fetchone()
    return LineageCoverage(scanned, total, hidden, models=True)


ASK_PAGE = 500
"""Versions asked about between two writes; the client makes fewer or more requests of it."""
MOST_ASKED = 100_000
"""Versions that one call asks about at most."""
_KEYS_AT_ONCE = 5_000

_NEEDS = """
v.source_key IS NULL AND (:parents OR v.state <> 'trash' AND v.used_count IS NOT 0
  AND NOT EXISTS (SELECT 1 FROM lineage_scan s WHERE s.version_id = v.id AND NOT :again
    AND s.at_us >= (SELECT CAST(m.value AS INTEGER) FROM meta m WHERE m.name = 'synced_us')))"""

_GIVEN = f"""
SELECT v.id, v.key, {_NEEDS}
FROM json_each(:asked) j CROSS JOIN version v ON v.key = j.value ORDER BY j.key"""

_CHILDREN = f"""
SELECT DISTINCT v.id, v.key, {_NEEDS}
FROM json_each(:asked) j CROSS JOIN edge e ON e.parent_id = j.value
CROSS JOIN version v ON v.id = e.child_id ORDER BY v.id"""


async def ask_lineage(
    client: Client,
    path: Path,
    keys: Sequence[str],
    *,
    closure: bool = False,
    parents: bool = False,
    again: bool = False,
    progress: Callable[[LineageCoverage], object] | None = None,
    now_us: int | None = None,
    most: int = MOST_ASKED,
) -> LineageCoverage:
    """Ask for the dependents of these versions, where they are not known since the last sync.

    A registry that tells only parents is asked about all versions of its `scanned_types` instead,
    as far as they were not asked about yet (`scan_lineage`). At others links and versions that no
    run used need no question; keys that the catalog does not know are left out.

    Args:
        client: the registry; it paces its own requests.
        path: the catalog file, filled by `sync`.
        keys: version keys.
        closure: ask on for the dependents that are found, until nothing new comes.
        parents: ask for parents too, about all of `keys`, whatever is known.
        again: ask also about those whose lineage is known since the last sync.
        progress: called on the event loop after every page.
        now_us: microseconds UTC to note instead of the clock.
        most: versions to ask about at most.

    Raises:
        RegistryError: the registry or the file could not be used. What was learnt is kept.
    """
    if client.scanned_types:
        if not keys:
            return NOTHING_TO_SCAN
        return await scan_lineage(client, path, again=again, progress=progress, now_us=now_us)
    state = LineageCoverage()
    seen: set[int] = set()
    waiting: deque[tuple[int, str]] = deque()
    lane = await CatalogLane.open("ask", partial(open_to_write, path))

    async def queue(query: str, asked: Sequence[str] | Sequence[int]) -> None:
        """Queue those that need a question; look below those whose answer is known."""
        nonlocal state
        while asked:
            flags = {"parents": parents and query is _GIVEN, "again": again}
            found = await lane.run(partial(_candidates, query=query, asked=asked, flags=flags))
            fresh = [row for row in found if row[0] not in seen]
            seen.update(row[0] for row in fresh)
            needed = [(number, key) for number, key, needs in fresh if needs]
            room = most - state.total
            waiting.extend(needed[:room])
            state = replace(
                state,
                total=state.total + min(len(needed), room),
                capped=state.capped or len(needed) > room,
            )
            asked = [number for number, _, needs in fresh if not needs] if closure else []
            query = _CHILDREN

    try:
        await queue(_GIVEN, list(dict.fromkeys(keys)))
        while waiting:
            page = [waiting.popleft() for _ in range(min(ASK_PAGE, len(waiting)))]
            asked = [key for _, key in page]
            found = await client.lineage(asked, parents=parents)
            at_us = model.now_us() if now_us is None else now_us
            put = partial(put_lineage, asked=asked, found=found, now_us=at_us, parents=parents)
            await lane.run(put, keep=True)
            untold = sum(key not in found for key in asked)
            state = replace(
                state,
                scanned=state.scanned + len(asked) - untold,
                untold=state.untold + untold,
            )
            if closure:
                await queue(_CHILDREN, [number for number, _ in page])
            if progress is not None:
                progress(state)
        return state
    finally:
        await lane.close()


def _candidates(
    conn: sqlite3.Connection,
    query: str,
    asked: Sequence[str] | Sequence[int],
    flags: Mapping[str, bool],
) -> list[tuple[int, str, int]]:
    """Id, key and whether a question is needed, of the versions that a query finds."""
    found: list[tuple[int, str, int]] = []
    for start in range(0, len(asked), _KEYS_AT_ONCE):
        chunk = json.dumps(asked[start : start + _KEYS_AT_ONCE])
        found += conn.execute(query, {"asked": chunk, **flags}).fetchall()
    return found


SCAN_PAGE = 24
"""Versions asked about between two writes: a few seconds on a slow server."""


async def scan_lineage(
    client: Client,
    path: Path,
    *,
    again: bool = False,
    progress: Callable[[LineageCoverage], object] | None = None,
    now_us: int | None = None,
) -> LineageCoverage:
    """Ask for the parents of every live version of `scanned_types` that was not asked about yet.

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
    lane = await CatalogLane.open("scan", partial(open_to_write, path))

    def forget(conn: sqlite3.Connection) -> None:
        with transaction(conn):
            conn.execute("DELETE FROM lineage_scan")

    def following(conn: sqlite3.Connection) -> list[tuple[int, str]]:
        return conn.execute(_UNSCANNED, (after, SCAN_PAGE)).fetchall()

    after = 0
    try:
        if again:
            await lane.run(forget, keep=True)
        coverage = await lane.run(lineage_coverage)
        if progress is not None and not coverage.complete:
            progress(coverage)
        while page := await lane.run(following):
            after = page[-1][0]
            asked = [key for _, key in page]
            found = await client.lineage(asked)
            at_us = model.now_us() if now_us is None else now_us
            put = partial(put_lineage, asked=asked, found=found, now_us=at_us, scan=True)
            await lane.run(put, keep=True)
            coverage = await lane.run(lineage_coverage)
            if progress is not None:
                progress(coverage)
            if not coverage.scanned and len(page) == SCAN_PAGE:
                break  # it tells nothing of a page of them: it has no lineage to tell
        return await lane.run(lineage_coverage)
    finally:
        await lane.close()


_EDGE = """
INSERT OR IGNORE INTO edge
SELECT p.id, c.id FROM version p CROSS JOIN version c WHERE p.key = ? AND c.key = ?"""

_RELATIVE = """
INSERT OR REPLACE INTO relative
SELECT :id, :up, :key, :name WHERE NOT EXISTS (SELECT 1 FROM version WHERE key = :key)"""

_UNSCANNED = f"""
SELECT v.id, v.key FROM version v CROSS JOIN collection c ON c.id = v.collection_id
WHERE v.id > ? AND v.state = 'live' AND c.type IN {SCANNED_TYPES}
  AND NOT EXISTS (SELECT 1 FROM lineage_scan s WHERE s.version_id = v.id)
ORDER BY v.id LIMIT ?"""


def put_lineage(
    conn: sqlite3.Connection,
    asked: Sequence[str],
    found: Mapping[str, Lineage],
    now_us: int,
    *,
    scan: bool = False,
    parents: bool = False,
) -> None:
    """Write down what the registry answered about the lineage of versions, and whom it left out.

    Of a scan the parents are these and no others; without any, those known to be gone. Else the
    dependents are these and no others, and parents are only added to: an edge may stand for a way
    through deleted versions, which the answer about the child does not tell.
    """
    with transaction(conn):
        for key in asked:
            row = conn.execute("SELECT id FROM version WHERE key = ?", (key,)).fetchone()
            if row is None:
                continue
            answer = found.get(key)
            if answer is None:
                conn.execute("DELETE FROM lineage_scan WHERE version_id = ?", row)
                continue
            above = [one for one in answer.parents if one.key != key]
            if scan:
                conn.execute("DELETE FROM edge WHERE child_id = ?", row)
            else:
                conn.execute("DELETE FROM edge WHERE parent_id = ?", row)
                below = [one for one in answer.dependents if one.key != key]
                conn.executemany(_EDGE, [(key, one.key) for one in below])
                _put_relatives(conn, row[0], below, up=False)
            if scan or parents:
                conn.executemany(_EDGE, [(one.key, key) for one in above])
            if scan and above:
                conn.execute("DELETE FROM relative WHERE version_id = ? AND up", row)
            if parents or (scan and above):
                _put_relatives(conn, row[0], above, up=True)
            conn.execute("INSERT OR REPLACE INTO lineage_scan VALUES (?, ?)", (row[0], now_us))


def _put_relatives(
    conn: sqlite3.Connection, version_id: int, rows: Sequence[Relative], *, up: bool
) -> None:
    """The relatives in one direction that are not listed here: these, and known gone parents."""
    side = (version_id, int(up), f"%{GONE}" if up else "")
    conn.execute("DELETE FROM relative WHERE version_id = ? AND up = ? AND name NOT LIKE ?", side)
    conn.executemany(
        _RELATIVE,
        [{"id": version_id, "up": int(up), "key": row.key, "name": row.name} for row in rows],
    )
