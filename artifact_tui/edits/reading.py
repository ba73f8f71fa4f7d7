"""Which versions are to be changed, and what must be known of them, read from the catalog."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from artifact_tui.catalog import holding, queries, retention, selection
from artifact_tui.edits.changes import NOTHING_AROUND, Around, Changes, Foresight
from artifact_tui.errors import UsageError
from artifact_tui.model import TTL_INHERIT

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from artifact_tui.catalog.rows import VersionRow
    from artifact_tui.catalog.selection import Selection
    from artifact_tui.edits.changes import KeptT
    from artifact_tui.edits.lives import Clock
    from artifact_tui.edits.wanted import Wanted

MOST = 100_000
"""Versions that `subjects` holds."""


@dataclass(frozen=True, slots=True)
class Subjects:
    """The versions that were chosen, with their tags by id."""

    rows: tuple[VersionRow, ...]
    tags: Mapping[int, tuple[str, ...]]


def subjects(conn: sqlite3.Connection, chosen: Selection) -> Subjects:
    """Read what was chosen, to look at it from all sides.

    Raises:
        UsageError: these are more than `MOST`.
    """
    found = selection.select(conn, chosen)
    if found > MOST:
        raise UsageError(
            f"{found:,} versions are chosen: at most {MOST:,} can be changed at once.",
            hint="Mark fewer of them. Nothing was changed.",
        )
    rows = tuple(selection.picked_rows(conn))
    return Subjects(rows, queries.tags_of(conn, [row.id for row in rows]))


def around(
    conn: sqlite3.Connection,
    rows: Iterable[VersionRow],
    wanted: Wanted,
    before: Around = NOTHING_AROUND,
) -> Around:
    """Who holds the aliases that these are to get, and what they would inherit.

    Collections of `before` are not asked again for what is inherited: that may be a long look.
    """
    ids = {row.collection_id for row in rows}
    held = {alias: holding.holders(conn, alias, ids) for alias in wanted.add_aliases}
    if wanted.ttl_us != TTL_INHERIT:
        return Around(held)
    told = retention.inherited(conn, ids - before.collections)
    return Around(held, {**before.inherited, **told}, before.collections | ids)


def foreseen(
    conn: sqlite3.Connection,
    chunks: Iterable[Sequence[VersionRow]],
    wanted: Wanted,
    keep: Callable[[VersionRow], KeptT],
    clock: Clock,
) -> Changes[KeptT]:
    """What becomes of any number of versions; the arguments are as for `Foresight`.

    Raises:
        UsageError: two versions of one collection would get the same alias.
    """
    foresight = Foresight(wanted, keep, clock)
    named = bool(wanted.add_tags or wanted.remove_tags)
    known = NOTHING_AROUND
    for rows in chunks:
        tags = queries.tags_of(conn, [row.id for row in rows]) if named else {}
        known = around(conn, rows, wanted, known)
        foresight.take(rows, tags=tags, around=known)
    return foresight.changes()
