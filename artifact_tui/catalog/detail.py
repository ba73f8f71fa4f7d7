"""Everything about one version, with the tree of what was made from it."""

from __future__ import annotations

import json
from itertools import chain
from typing import TYPE_CHECKING

from artifact_tui.catalog.catalog_rows import (
    DependentRef,
    VersionDetail,
    VersionRef,
    refs_of,
    relative_ref,
    rows_of,
    snapshot,
    tags_of,
    unique_of,
)
from artifact_tui.catalog.lineage import lineage_coverage
from artifact_tui.database import as_number, as_text
from artifact_tui.errors import NotFoundError
from artifact_tui.model import File
from artifact_tui.query import sql

if TYPE_CHECKING:
    import sqlite3


DEPENDENTS_SHOWN = 200
"""Lines of the tree of dependents."""
DEPENDENTS_COUNTED = 1_000
"""Dependents beyond this many are not counted."""
FILES_SHOWN = 200
"""Files that are listed."""

_CHILDREN = """
SELECT x.id FROM edge e CROSS JOIN version x ON x.id = e.child_id
WHERE e.parent_id = :id AND x.state <> 'trash' LIMIT :limit"""

_DIRECT = sql.DEPENDENT_ROWS.replace("v.id", ":id").format(what="x.id") + " LIMIT :limit"

_ALL = """
WITH RECURSIVE below(id) AS (
  VALUES (:id)
  UNION
  SELECT e.child_id FROM below CROSS JOIN edge e ON e.parent_id = below.id)
"""

_TOTAL = f"""{_ALL}
SELECT count(*) FROM (
  SELECT 1 FROM below CROSS JOIN version x ON x.id = below.id
  WHERE x.state <> 'trash' AND x.id <> :id LIMIT :limit)"""

_TOTAL_ELSEWHERE = f"""{_ALL}
SELECT count(DISTINCT r.key)
FROM below CROSS JOIN relative r ON r.version_id = below.id AND r.up = 0"""

_PARENTS = (
    f"SELECT {as_text('key')}, {as_text('name')} FROM relative"
    " WHERE version_id = ? AND up = 1 ORDER BY name LIMIT ?"
)

_ELSEWHERE = sql.ELSEWHERE_ROWS.replace("v.id", "?").format(what="DISTINCT r.key, r.name")

_UNKNOWN = f"""
SELECT 1 FROM json_each(?) j CROSS JOIN version v ON v.id = j.value
WHERE NOT {sql.LINEAGE_KNOWN}"""

_NOTE = f"SELECT {as_text('note')} FROM version WHERE id = ?"

_FILES = f"""
SELECT {as_text("f.path")}, ifnull({as_number("b.size")}, 0), {as_text("b.digest")},
  ifnull({as_number("f.mode")}, 420) FROM file f CROSS JOIN blob b ON b.id = f.blob_id
WHERE f.version_id = ? ORDER BY f.path LIMIT ?"""


def version_detail(conn: sqlite3.Connection, version_id: int) -> VersionDetail:
    """Everything about one version.

    Raises:
        NotFoundError: it is gone.
    """
    with snapshot(conn):
        rows = rows_of(conn, [version_id])
        if not rows:
            raise NotFoundError(
                "This version is gone.", hint="Someone purged it. Sync to see what is there."
            )
        dependents, total = dependents_tree(conn, version_id)
        (files,) = conn.execute(
            "SELECT count(*) FROM file WHERE version_id = ?", (version_id,)
        ).fetchone()
        shown = [version_id, *(one.ref.id for one in dependents if not one.ref.elsewhere)]
        unknown = conn.execute(_UNKNOWN, (json.dumps(shown),)).fetchone()
        return VersionDetail(
            row=rows[0],
            note=conn.execute(_NOTE, (version_id,)).fetchone()[0],
            tags=tags_of(conn, [version_id]).get(version_id, ()),
            unique=unique_of(conn, [version_id])[version_id],
            parents=parents_of(conn, version_id),
            dependents=dependents,
            dependents_total=min(total, DEPENDENTS_COUNTED),
            dependents_capped=total > DEPENDENTS_COUNTED,
            files=tuple(File(*row) for row in conn.execute(_FILES, (version_id, FILES_SHOWN))),
            files_total=files or rows[0].file_count or 0,
            used_us=rows[0].used_us,
            coverage=lineage_coverage(conn),
            lineage_known=unknown is None,
        )


def dependents_tree(
    conn: sqlite3.Connection, version_id: int
) -> tuple[tuple[DependentRef, ...], int]:
    """The first lines of the tree of live dependents, and how many there are.

    Depth first, each version once. Trashed versions are looked through: what was made from them
    stands in their place. The number is exact up to
    `DEPENDENTS_COUNTED`, and larger when there are more.
    """
    lines = _walk(conn, version_id)
    listed = {
        ref.id: ref for ref in refs_of(conn, [one for _, one in lines if isinstance(one, int)])
    }
    (total,) = conn.execute(_TOTAL, {"id": version_id, "limit": DEPENDENTS_COUNTED + 1}).fetchone()
    if total <= DEPENDENTS_COUNTED:
        total += conn.execute(_TOTAL_ELSEWHERE, {"id": version_id}).fetchone()[0]
    refs = tuple(
        DependentRef(depth, listed[one] if isinstance(one, int) else one) for depth, one in lines
    )
    return refs, total


def parents_of(conn: sqlite3.Connection, version_id: int) -> tuple[VersionRef, ...]:
    """What a version was made from, by id; those in the trash too, and last those elsewhere."""
    ids = conn.execute(
        "SELECT parent_id FROM edge WHERE child_id = ? ORDER BY parent_id", (version_id,)
    )
    listed = refs_of(conn, list(chain.from_iterable(ids)))
    beyond = conn.execute(_PARENTS, (version_id, DEPENDENTS_SHOWN))
    return (*listed, *(relative_ref(key, name) for key, name in beyond))


def _walk(conn: sqlite3.Connection, root: int) -> list[tuple[int, int | VersionRef]]:
    """Depth and id of the first dependents, depth first; those elsewhere as they are."""
    seen: set[int | str] = {root}
    lines: list[tuple[int, int | VersionRef]] = []
    waiting: list[tuple[int, int | VersionRef]] = [
        (1, one) for one in _below(conn, root, DEPENDENTS_SHOWN)
    ]
    while waiting and len(lines) < DEPENDENTS_SHOWN:
        depth, one = waiting.pop()
        name = one if isinstance(one, int) else one.key
        if name in seen:
            continue
        seen.add(name)
        lines.append((depth, one))
        if isinstance(one, int):
            left = DEPENDENTS_SHOWN - len(lines) + len(seen)
            waiting += [(depth + 1, child) for child in _below(conn, one, left)]
    return lines


def _below(conn: sqlite3.Connection, version_id: int, limit: int) -> list[int | VersionRef]:
    """The nearest live versions made from a version, the last one first."""
    found: list[int | VersionRef] = [*_direct(conn, version_id, limit)]
    beyond = conn.execute(f"{_ELSEWHERE} ORDER BY r.name LIMIT ?", (version_id, limit))
    found += [relative_ref(key, name) for key, name in beyond]
    return found[::-1]


def _direct(conn: sqlite3.Connection, version_id: int, limit: int) -> list[int]:
    """The nearest live versions made from a version, at most `limit`."""
    asked = {"id": version_id, "limit": limit}
    children = list(chain.from_iterable(conn.execute(_CHILDREN, asked)))
    if len(children) == limit:
        return children
    return list(chain.from_iterable(conn.execute(_DIRECT, asked)))
