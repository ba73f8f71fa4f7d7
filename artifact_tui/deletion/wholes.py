"""Whole collections in a review: those of which every live version goes, so that one request could.

They are offered, and used where that was agreed to; an empty collection can go in no other way. A
collection that is used stands before its first version in the order of the review, and must wait
for all that must go before any of its versions. Two that would wait for each other are not offered.
All of this is about the rows that `judging` laid out.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from artifact_tui.database import as_text
from artifact_tui.deletion import judging
from artifact_tui.deletion.checks import components
from artifact_tui.deletion.draft_items import INSERT_ITEM, row_of_item
from artifact_tui.deletion.items import COLLECTION, Item, Reason, Verdict
from artifact_tui.deletion.plan import WholeCollection, most_first
from artifact_tui.model import Facts, VersionState

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from artifact_tui.deletion.items import Options


_OFFERS = f"""
INSERT INTO offer
SELECT c.id, {as_text("c.key")}, {as_text("c.name")}, {as_text("c.type")}, c.links, g.n
FROM (SELECT id, sum(n) AS n FROM (
    SELECT v.collection_id AS id, count(*) AS n
    FROM judged j CROSS JOIN version v ON v.id = j.version_id
    WHERE j.verdict = 'delete' GROUP BY v.collection_id
    UNION ALL
    SELECT c.id, 0 FROM json_each(:keys) k CROSS JOIN collection c ON c.key = k.value)
  GROUP BY id) g
CROSS JOIN collection c ON c.id = g.id
WHERE g.n = (SELECT count(*) FROM version v WHERE v.collection_id = c.id AND v.state <> 'trash')"""

_GOING = """FROM need n CROSS JOIN judged a ON a.version_id = n.node AND a.verdict = 'delete'
CROSS JOIN judged b ON b.version_id = n.first AND b.verdict = 'delete'
CROSS JOIN version v ON v.id = n.node CROSS JOIN version w ON w.id = n.first"""

_BETWEEN = f"""SELECT DISTINCT v.collection_id, w.collection_id {_GOING}
WHERE v.collection_id <> w.collection_id"""

_AMONG = f"""SELECT n.node, n.first, v.collection_id, w.collection_id {_GOING}
WHERE v.collection_id IN (SELECT value FROM json_each(:homes))
AND w.collection_id IN (SELECT value FROM json_each(:homes))"""

# A collection is the node -id: it goes after all that its versions need from outside of it, and
# before its versions. Versions that nothing ties get their level without an arrow.
_ARROWS = f"""SELECT n.node, n.first {_GOING}
UNION
SELECT n.node, -v.collection_id {_GOING}
WHERE v.collection_id IN (SELECT collection_id FROM used)
UNION
SELECT n.first, -w.collection_id {_GOING}
WHERE w.collection_id IN (SELECT collection_id FROM used)
UNION
SELECT -v.collection_id, n.first {_GOING}
WHERE v.collection_id IN (SELECT collection_id FROM used) AND w.collection_id <> v.collection_id"""

_LEVELS = """UPDATE judged SET level = coalesce(
  (SELECT p.level FROM place p WHERE p.node = judged.version_id),
  (SELECT 1 + ifnull((SELECT p.level FROM place p WHERE p.node = -v.collection_id), 0)
   FROM version v CROSS JOIN used u ON u.collection_id = v.collection_id
   WHERE v.id = judged.version_id), 0)
WHERE verdict = 'delete'"""

_FIRSTS = """INSERT INTO whole
SELECT collection_id, first, row_number() OVER (ORDER BY first) FROM (
  SELECT v.collection_id, min(j.seq) AS first
  FROM judged j CROSS JOIN version v ON v.id = j.version_id
  CROSS JOIN used u ON u.collection_id = v.collection_id
  WHERE j.verdict = 'delete' GROUP BY v.collection_id)"""

_ALIASES = """SELECT count(*) FROM version v
CROSS JOIN judged j ON j.version_id = v.id AND j.verdict = 'delete'
CROSS JOIN alias a ON a.version_id = v.id
WHERE v.collection_id = ? AND NOT (j.link AND a.scope <> '')"""

_BROKEN = f"""SELECT {as_text("s.name")}, count(*) FROM shown s
CROSS JOIN version v ON v.id = s.version_id
CROSS JOIN judged j ON j.version_id = v.id AND j.verdict = 'delete'
WHERE v.collection_id = ? AND NOT EXISTS(SELECT 1 FROM version w
  CROSS JOIN judged g ON g.version_id = w.id WHERE w.key = s.key AND g.verdict = 'delete')
GROUP BY 1"""


def offer_collections(
    conn: sqlite3.Connection, asked_keys: Sequence[str], options: Options
) -> list[WholeCollection]:
    """Put the collections that are used in order among the versions; give those only offered.

    `asked_keys` are collections that were asked for by name: an empty one goes itself.
    """
    conn.execute(_OFFERS, {"keys": json.dumps(list(asked_keys))})
    _withdraw_circles(conn)
    conn.execute("CREATE TEMP TABLE used(collection_id INTEGER PRIMARY KEY)")
    conn.execute(
        "INSERT INTO used SELECT collection_id FROM offer WHERE :all OR live = 0",
        {"all": options.whole_collections},
    )
    if conn.execute("SELECT EXISTS(SELECT 1 FROM used)").fetchone()[0]:
        judging.put_in_order(conn, _ARROWS)
        conn.execute(_LEVELS)
        conn.execute(_FIRSTS)
    rows = conn.execute(
        """SELECT collection_id, key, name, links, live FROM offer
        WHERE collection_id NOT IN (SELECT collection_id FROM used) ORDER BY live DESC, name, key"""
    ).fetchall()
    return [
        WholeCollection(
            key=key,
            name=name,
            versions=live,
            links=bool(links),
            broken=most_first(dict(conn.execute(_BROKEN, (number,)).fetchall())),
            aliases=conn.execute(_ALIASES, (number,)).fetchone()[0],
        )
        for number, key, name, links, live in rows
    ]


def _withdraw_circles(conn: sqlite3.Connection) -> None:
    """Do not offer collections that would have to wait for each other.

    Only of collections whose versions need each other in a circle do arrows come to Python.
    """
    offered = {row[0] for row in conn.execute("SELECT collection_id FROM offer WHERE live > 0")}
    if not offered:
        return
    between: dict[str, list[str]] = {}
    for home, other in conn.execute(_BETWEEN):
        between.setdefault(str(home), []).append(str(other))
        between.setdefault(str(other), [])
    for part in components(between):
        homes = [int(home) for home in part]
        if len(homes) > 1 and not offered.isdisjoint(homes):
            tied = _tied(conn, homes, offered)
            conn.executemany(
                "DELETE FROM offer WHERE collection_id = ?", [(home,) for home in tied]
            )


def _tied(conn: sqlite3.Connection, homes: Sequence[int], offered: set[int]) -> list[int]:
    """Those of these collections that stand in a circle when each goes before its versions."""
    graph: dict[str, set[str]] = {}
    for node, first, home, other in conn.execute(_AMONG, {"homes": json.dumps(homes)}):
        graph.setdefault(str(node), set()).add(str(first))
        graph.setdefault(str(first), set())
        for version, place in ((node, home), (first, other)):
            if place in offered:
                graph[str(version)].add(f"-{place}")
                graph.setdefault(f"-{place}", set())
        if home in offered and home != other:
            graph[f"-{home}"].add(str(first))
    ordered = {node: sorted(needs) for node, needs in graph.items()}
    circles = [part for part in components(ordered) if len(part) > 1]
    return [-int(node) for part in circles for node in part if node.startswith("-")]


def add_items(conn: sqlite3.Connection, *, read_only: bool) -> None:
    """Put the collections that are used among the items: each before its versions, others last."""
    if not conn.execute("SELECT EXISTS(SELECT 1 FROM offer)").fetchone()[0]:
        return
    rows = conn.execute(
        """SELECT o.key, o.name, o.type, ifnull(p.level, 0), w.first + w.rank - 1
        FROM used u CROSS JOIN offer o USING(collection_id)
        LEFT JOIN whole w USING(collection_id) LEFT JOIN place p ON p.node = -u.collection_id
        ORDER BY o.live DESC, o.name, o.key"""
    ).fetchall()
    (last,) = conn.execute(
        "SELECT ifnull((SELECT max(seq) FROM judged), 0) + (SELECT count(*) FROM whole)"
    ).fetchone()
    items = []
    for key, name, kind, level, seq in rows:
        last += seq is None
        items.append(_collection_item(key, name, kind, seq or last, level, read_only=read_only))
    conn.executemany(INSERT_ITEM, map(row_of_item, items))


def _collection_item(
    key: str, name: str, kind: str, seq: int, level: int, *, read_only: bool
) -> Item:
    return Item(
        seq=seq,
        level=level,
        key=key,
        collection=name,
        label="",
        type=kind,
        size=0,
        facts=Facts(key, "", VersionState.LIVE, collection=name, type=kind),
        verdict=Verdict.BLOCKED if read_only else Verdict.DELETE,
        reason=Reason.READ_ONLY if read_only else Reason.NONE,
        kind=COLLECTION,
    )
