"""A plan in numbers, counted from its items: what a file says about itself is not believed.

All of it is SQL over the plan file: half a million items cost no more memory than five. What the
items cannot tell (bytes that are freed, collections that lose all they have) is what the review
of its maker found in the catalog.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from artifact_tui.deletion.draft import Summary, Whole, most_first
from artifact_tui.deletion.items import COLLECTION, OBJECT, Reason, Verdict

if TYPE_CHECKING:
    import sqlite3

    from artifact_tui.deletion.items import Options

_COUNTS = """SELECT verdict, kind, reason, count(*), coalesce(sum(size), 0), sum(size IS NULL),
    sum(added), sum(json_extract(facts, '$.source_key') <> '') FROM item
    GROUP BY 1, 2, 3 ORDER BY min(seq)"""

_GOES = "verdict='delete'"

_FOLLOWED = """SELECT count(*) FROM item i WHERE verdict='delete'
    AND json_extract(facts, '$.source_key') <> ''
    AND EXISTS(SELECT 1 FROM item s WHERE s.key = json_extract(i.facts, '$.source_key')
      AND s.verdict='delete')"""

_LINKS = """SELECT json_extract(l.value, '$.name'), count(*)
    FROM item i, json_each(i.facts, '$.links') l
    WHERE {where} AND NOT EXISTS(SELECT 1 FROM item o
      WHERE o.key = json_extract(l.value, '$.key') AND o.verdict='delete' AND {where_other})
    GROUP BY 1"""

# An alias that a link of the same list carries, and its source has by that link, counts once.
_ALIASES = """SELECT json_extract(a.value, '$.name'), count(*)
    FROM item i, json_each(i.facts, '$.aliases') a
    WHERE {where} AND {lost} AND NOT (json_extract(a.value, '$.scope') <> '' AND EXISTS(
      SELECT 1 FROM json_each(i.facts, '$.links') l
      WHERE json_extract(l.value, '$.name') = json_extract(a.value, '$.scope')
      AND EXISTS(SELECT 1 FROM item o WHERE o.key = json_extract(l.value, '$.key')
        AND json_extract(o.facts, '$.source_key') <> '' AND {same}))) GROUP BY 1"""

_LOST = (
    "NOT (json_extract(i.facts, '$.source_key') <> '' AND json_extract(a.value, '$.scope') <> '')"
)

_WHOLES = """SELECT c.seq, c.key, c.collection, count(m.seq),
    coalesce(sum(json_extract(m.facts, '$.source_key') <> ''), 0)
    FROM item c LEFT JOIN item m ON m.belongs = c.seq AND m.kind='version' AND m.verdict='delete'
    WHERE c.kind='collection' AND c.verdict='delete' GROUP BY c.seq"""


def counted(conn: sqlite3.Connection, told: Summary, options: Options) -> Summary:
    """What the items of an open plan add up to; `told` is what its maker saw in the catalog."""
    total: Counter[str] = Counter()
    reasons: Counter[Reason] = Counter()
    for verdict, kind, reason, count, size, unknown, added, links in conn.execute(_COUNTS):
        total["items"] += count
        total[verdict] += count
        if verdict != Verdict.DELETE:
            reasons[Reason(reason)] += count
            continue
        total["added"] += added
        total["listed"] += size
        total["unknown"] += unknown
        total["links"] += links
        total[kind] += count
        if kind == OBJECT:
            total["bytes"] += size
    whole, cheaper = _whole(conn, told)
    return replace(
        told,
        action=options.action,
        items=total["items"],
        deletes=total[Verdict.DELETE],
        consents=total[Verdict.CONSENT],
        blocked=total[Verdict.BLOCKED],
        added=total["added"],
        listed=total["listed"],
        unknown_sizes=total["unknown"],
        unlinks=total["links"],
        followed=_one(conn, _FOLLOWED) if total["links"] else 0,
        linked=_names(conn, _LINKS.format(where=f"i.{_GOES}", where_other="1")),
        consent_links=_names(
            conn, _LINKS.format(where=f"i.verdict<>'delete' AND i.reason='{Reason.LINKED}'",
                                where_other="0"),
        ),
        whole=whole,
        wholes=total[COLLECTION],
        cheaper=cheaper,
        aliases=_aliases(conn, "verdict='delete'"),
        consent_aliases=_aliases(conn, "verdict='consent'"),
        protected_aliases=_aliases(
            conn, f"verdict<>'delete' AND {{}}.reason='{Reason.PROTECTED}'", protected=True
        ),
        collections=_one(
            conn, f"SELECT count(DISTINCT collection) FROM item WHERE {_GOES} AND kind<>'object'"
        ),
        emptied=_emptied(conn, told),
        orphaned=_one(
            conn,
            f"SELECT count(DISTINCT o.key) FROM outside o JOIN item i USING(seq) WHERE i.{_GOES}",
        ),
        objects=total[OBJECT],
        object_bytes=total["bytes"],
        for_good=options.storage_versions and total[OBJECT] > 0,
        reasons=tuple(reasons.most_common()),
    )  # fmt: skip


def _one(conn: sqlite3.Connection, sql: str, *params: object) -> int:
    return int(conn.execute(sql, params).fetchone()[0])


def _names(conn: sqlite3.Connection, sql: str) -> tuple[tuple[str, int], ...]:
    return most_first(dict(conn.execute(sql).fetchall()))


def _aliases(
    conn: sqlite3.Connection, where: str, *, protected: bool = False
) -> tuple[tuple[str, int], ...]:
    mine = f"i.{where}".format("i")
    lost = f"{_LOST} AND json_extract(a.value, '$.protected')" if protected else _LOST
    return _names(conn, _ALIASES.format(where=mine, lost=lost, same=f"o.{where}".format("o")))


def _whole(conn: sqlite3.Connection, told: Summary) -> tuple[tuple[Whole, ...], int]:
    """The collections that one request each deletes, and what its maker offered besides."""
    found = []
    for seq, key, name, versions, links in conn.execute(_WHOLES).fetchall():
        where = f"i.belongs={int(seq)} AND i.kind='version' AND i.verdict='delete'"
        aliases = _names(conn, _ALIASES.format(where=where, lost=_LOST, same="0"))
        found.append(
            Whole(
                key=key,
                name=name,
                versions=versions,
                links=links > 0 and links == versions,
                broken=_names(conn, _LINKS.format(where=where, where_other="1")),
                aliases=sum(count for _, count in aliases),
                used=True,
            )
        )
    offered = [one for one in told.whole if not one.used]
    both = sorted((*found, *offered), key=lambda one: (-one.versions, one.name, one.key))
    return tuple(both), sum(max(0, one.versions - 1) for one in offered)


def _emptied(conn: sqlite3.Connection, told: Summary) -> tuple[tuple[str, int], ...]:
    """Those collections that were found to lose everything, and that lose something here."""
    sql = f"SELECT count(*) FROM item WHERE {_GOES} AND kind='version' AND collection=?"
    counts = ((name, most, _one(conn, sql, name)) for name, most in told.emptied)
    return tuple((name, min(most, count)) for name, most, count in counts if count)
