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
from typing import TYPE_CHECKING, NamedTuple

from artifact_tui import model
from artifact_tui.catalog import catalog_file
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


class LineageCoverage(NamedTuple):
    """Of all live versions that must be asked for parents, those that were; else 0 of 0."""

    scanned: int
    total: int
    hidden: bool = False
    """The registry does not list everything: there may be more of them."""

    @property
    def complete(self) -> bool:
        """Whether the dependents that the catalog shows are all there are."""
        return self.scanned >= self.total and not self.hidden

    def words(self) -> str:
        """How far the scan is, for a sentence about dependents."""
        more = ", and the registry does not list everything" if self.hidden else ""
        return f"{self.scanned:,} of {self.total:,} models scanned{more}"


NOTHING_TO_SCAN = LineageCoverage(0, 0)
"""Where nothing has to be scanned."""


def lineage_coverage(conn: sqlite3.Connection) -> LineageCoverage:
    """How far the scan of lineage got."""
    if conn.execute(_IS_SCANNED).fetchone() is None:
        return LineageCoverage(0, 0)
    hidden = conn.execute(_HIDDEN).fetchone() is not None
    scanned, total = conn.execute(_COVERAGE).fetchone()
    return LineageCoverage(scanned, total, hidden)


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


_Candidate = tuple[int, str, int]
"""Id, key, and whether a question is needed."""


@dataclass(frozen=True, slots=True)
class _AskOptions:
    """What one call was told; see `ask_lineage`."""

    closure: bool
    parents: bool
    again: bool
    most: int


@dataclass(frozen=True, slots=True)
class LineageProgress:
    """How far the asking is."""

    asked: int = 0
    """Versions asked about."""
    total: int = 0
    """Versions to ask about, as far as they are found yet."""
    untold: int = 0
    """Those of them that the registry did not tell about: their dependents are not known."""
    capped: bool = False
    """There were more than `MOST_ASKED`: the rest was not asked about."""
    models: bool = False
    """Models are asked what they were made from: their registry tells nothing else."""

    @property
    def complete(self) -> bool:
        """Whether all that was to be known is known now."""
        return not self.untold and not self.capped and self.asked == self.total

    @property
    def missing(self) -> str:
        """What is not known, and why; empty when all is."""
        parts = []
        if self.untold:
            asked = plural(self.asked, "model" if self.models else "version")
            parts.append(f"the registry told nothing about {self.untold:,} of {asked}")
        if self.capped:
            parts.append(
                f"there are more than the {self.total:,} versions that are asked about at once"
            )
        if self.asked < self.total:
            parts.append(f"{self.total:,} versions are to be asked about, and {self.asked:,} were")
        return "; ".join(parts)

    def words(self) -> str:
        """How far it is, for a progress line; and why models are asked about other versions."""
        if self.models:
            known = self.asked - self.untold
            return f"what was made from these only models tell: {known:,} of {self.total:,} did"
        return f"lineage of {self.asked:,} of {self.total:,}"


def models_asked(found: LineageCoverage) -> LineageProgress:
    """How far the questions about what models were made from are."""
    untold = found.total - found.scanned
    return LineageProgress(asked=found.total, total=found.total, untold=untold, models=True)


async def ask_lineage(
    client: Client,
    path: Path,
    keys: Sequence[str],
    *,
    closure: bool = False,
    parents: bool = False,
    again: bool = False,
    progress: Callable[[LineageProgress], object] | None = None,
    now_us: int | None = None,
    most: int = MOST_ASKED,
) -> LineageProgress:
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
            return LineageProgress()
        tell = None if progress is None else lambda found: progress(models_asked(found))
        scan = scan_lineage(client, path, again=again, progress=tell, now_us=now_us)
        return models_asked(await scan)
    lane = await CatalogLane.open("ask", partial(catalog_file.open_to_write, path))
    try:
        walk = _LineageWalk(client, lane, _AskOptions(closure, parents, again, most))
        await walk.start(keys)
        while walk.waiting:
            await walk.step(model.now_us() if now_us is None else now_us)
            if progress is not None:
                progress(walk.state)
        return walk.state
    finally:
        await lane.close()


class _LineageWalk:
    """One call of `ask_lineage` on its way."""

    def __init__(self, client: Client, lane: CatalogLane, asking: _AskOptions) -> None:
        self._client = client
        self._lane = lane
        self._asking = asking
        self._seen: set[int] = set()
        self.waiting: deque[tuple[int, str]] = deque()
        self.state = LineageProgress()

    async def start(self, keys: Sequence[str]) -> None:
        """Find out which of the given versions need a question."""
        asked = list(dict.fromkeys(keys))
        look = partial(_candidates, parents=self._asking.parents, again=self._asking.again)
        await self._take(await self._lane.run(partial(look, query=_GIVEN, asked=asked)))

    async def step(self, at: int) -> None:
        """Ask about the next page, and write the answer down."""
        page = [self.waiting.popleft() for _ in range(min(ASK_PAGE, len(self.waiting)))]
        keys = [key for _, key in page]
        parents = self._asking.parents
        found = await self._client.lineage(keys, parents=parents)
        put = partial(put_asked, asked=keys, found=found, now_us=at, parents=parents)
        await self._lane.run(put, keep=True)
        untold = sum(key not in found for key in keys)
        old = self.state
        self.state = replace(old, asked=old.asked + len(keys), untold=old.untold + untold)
        if self._asking.closure:
            await self._take(await self._children([number for number, _ in page]))

    async def _take(self, found: list[_Candidate]) -> None:
        """Queue those that need a question; look below those whose answer is known."""
        while found:
            fresh = [row for row in found if row[0] not in self._seen]
            self._seen |= {row[0] for row in fresh}
            self._queue([(number, key) for number, key, needs in fresh if needs])
            known = [number for number, _, needs in fresh if not needs]
            found = await self._children(known) if self._asking.closure else []

    def _queue(self, wanted: list[tuple[int, str]]) -> None:
        """Queue versions, as many as may be asked about."""
        room = self._asking.most - self.state.total
        self.waiting += wanted[:room]
        self.state = replace(
            self.state,
            total=self.state.total + min(len(wanted), room),
            capped=self.state.capped or len(wanted) > room,
        )

    async def _children(self, ids: list[int]) -> list[_Candidate]:
        """What was made from these, directly."""
        look = partial(_candidates, query=_CHILDREN, asked=ids, again=self._asking.again)
        return await self._lane.run(look)


def _candidates(
    conn: sqlite3.Connection,
    query: str,
    asked: Sequence[str] | Sequence[int],
    *,
    parents: bool = False,
    again: bool = False,
) -> list[_Candidate]:
    """Id, key and whether a question is needed, of the versions that a query finds."""
    found: list[_Candidate] = []
    for start in range(0, len(asked), _KEYS_AT_ONCE):
        chunk = json.dumps(asked[start : start + _KEYS_AT_ONCE])
        flags = {"parents": parents, "again": again}
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
    try:
        if again:
            await lane.run(forget_scans, keep=True)
        coverage = await lane.run(lineage_coverage)
        if progress is not None and not coverage.complete:
            progress(coverage)
        after = 0
        while page := await lane.run(partial(unscanned, after=after, count=SCAN_PAGE)):
            after = page[-1][0]
            answers = await client.lineage([key for _, key in page])
            found = {key: answer.parents for key, answer in answers.items()}
            at = model.now_us() if now_us is None else now_us
            coverage = await lane.run(partial(_put_page, found=found, at=at), keep=True)
            if progress is not None:
                progress(coverage)
            if not coverage.scanned and len(page) == SCAN_PAGE:
                break  # it tells nothing of a page of them: it has no lineage to tell
        return await lane.run(lineage_coverage)
    finally:
        await lane.close()


def _put_page(
    conn: sqlite3.Connection, found: Mapping[str, Sequence[Relative]], at: int
) -> LineageCoverage:
    """Write a page down; how far the scan is then."""
    put_lineage(conn, found, at)
    return lineage_coverage(conn)


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


def unscanned(conn: sqlite3.Connection, after: int, count: int) -> list[tuple[int, str]]:
    """Id and key of the next live versions whose own parents nobody has asked for yet."""
    return conn.execute(_UNSCANNED, (after, count)).fetchall()


def put_lineage(
    conn: sqlite3.Connection, found: Mapping[str, Sequence[Relative]], now_us: int
) -> None:
    """The parents of versions, by key: these and no others; without any, those known to be gone."""
    with transaction(conn):
        for key, parents in found.items():
            version_id = _version_id(conn, key)
            if version_id is None:
                continue
            conn.execute("DELETE FROM edge WHERE child_id = ?", (version_id,))
            above = [parent for parent in parents if parent.key != key]
            conn.executemany(_EDGE, [(row.key, key) for row in above])
            if above:
                conn.execute("DELETE FROM relative WHERE version_id = ? AND up", (version_id,))
                _put_relatives(conn, version_id, above, up=True)
            _note_scan(conn, version_id, now_us)


def forget_scans(conn: sqlite3.Connection) -> None:
    """Start over: what every version was made from is to be asked again."""
    with transaction(conn):
        conn.execute("DELETE FROM lineage_scan")


def put_asked(
    conn: sqlite3.Connection,
    asked: Sequence[str],
    found: Mapping[str, Lineage],
    now_us: int,
    *,
    parents: bool,
) -> None:
    """What the registry answered about these versions; what it left out is not known any more.

    The dependents are these and no others. Parents are only added to: an edge may stand for a
    way through deleted versions, which the answer about the child does not tell.
    """
    with transaction(conn):
        for key in asked:
            version_id, answer = _version_id(conn, key), found.get(key)
            if version_id is None:
                continue
            if answer is None:
                conn.execute("DELETE FROM lineage_scan WHERE version_id = ?", (version_id,))
                continue
            conn.execute("DELETE FROM edge WHERE parent_id = ?", (version_id,))
            below = [row for row in answer.dependents if row.key != key]
            conn.executemany(_EDGE, [(key, row.key) for row in below])
            _put_relatives(conn, version_id, below, up=False)
            if parents:
                above = [row for row in answer.parents if row.key != key]
                conn.executemany(_EDGE, [(row.key, key) for row in above])
                _put_relatives(conn, version_id, above, up=True)
            _note_scan(conn, version_id, now_us)


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


def _version_id(conn: sqlite3.Connection, key: str) -> int | None:
    """The id of a version; None when it is not listed."""
    row = conn.execute("SELECT id FROM version WHERE key = ?", (key,)).fetchone()
    return None if row is None else int(row[0])


def _note_scan(conn: sqlite3.Connection, version_id: int, now_us: int) -> None:
    """Note when a version's lineage was told."""
    conn.execute("INSERT OR REPLACE INTO lineage_scan VALUES (?, ?)", (version_id, now_us))
