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
from artifact_tui.deletion.plan import WholeCollection, most_first

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from artifact_tui.clients.base import Client
    from artifact_tui.deletion.plan import Head


_OFFERS = f"""
INSERT INTO offer
SELECT c.id, {as_text("c.key")}, {as_text("c.name")}, {as_text("c.type")}, c.links, g.n
FROM (SELECT id, sum(n) AS n FROM (
    SELECT s.home AS id, count(*) AS n FROM subject s
    WHERE NOT EXISTS(SELECT 1 FROM held h WHERE h.id = s.id) GROUP BY s.home
    UNION ALL
    SELECT c.id, 0 FROM json_each(:keys) k CROSS JOIN collection c ON c.key = k.value)
  GROUP BY id) g
CROSS JOIN collection c ON c.id = g.id
WHERE g.n = (SELECT count(*) FROM version v WHERE v.collection_id = c.id AND v.state <> 'trash')
AND c.type NOT IN (SELECT value FROM json_each(:unable))
AND c.key NOT IN (SELECT value FROM json_each(:never))"""

_GOING = """FROM need n CROSS JOIN subject v ON v.id = n.node CROSS JOIN subject w ON w.id = n.first
WHERE NOT EXISTS(SELECT 1 FROM held h WHERE h.id IN (v.id, w.id))"""

_BETWEEN = f"SELECT DISTINCT v.home, w.home {_GOING} AND v.home <> w.home"

_AMONG = f"""SELECT n.node, n.first, v.home, w.home {_GOING}
AND v.home IN (SELECT value FROM json_each(:homes))
AND w.home IN (SELECT value FROM json_each(:homes))"""

# A collection is the node -id: it goes after all that its versions need from outside of it, and
# before its versions. Versions that nothing ties get their level without an arrow.
_ARROWS = f"""SELECT n.node, n.first {_GOING}
UNION
SELECT n.node, -v.home {_GOING} AND v.home IN (SELECT collection_id FROM used)
UNION
SELECT n.first, -w.home {_GOING} AND w.home IN (SELECT collection_id FROM used)
UNION
SELECT -v.home, n.first {_GOING}
AND v.home IN (SELECT collection_id FROM used) AND w.home <> v.home"""

_ITEMS = """
INSERT INTO subject(id, kind, key, collection, label, type, size, digest, state, source_key, kept,
  generated, known, added, old, home, ordinal)
SELECT -o.collection_id, 'collection', o.key, o.name, '', o.type, 0, '', 'live', '', '',
  0, 1, 0, 0, o.collection_id, (SELECT min(s.ordinal) FROM subject s
    WHERE s.home = o.collection_id AND NOT EXISTS(SELECT 1 FROM held h WHERE h.id = s.id))
FROM used u CROSS JOIN offer o USING(collection_id)"""

_READ_ONLY = """
INSERT INTO held(id, verdict, reason, detail, level)
SELECT -u.collection_id, 'blocked', 'read_only', '',
  ifnull((SELECT p.level FROM place p WHERE p.node = -u.collection_id), 0) FROM used u"""

_ALIASES = """SELECT s.home, sum(c.lost) FROM carried c CROSS JOIN subject s USING(id)
WHERE NOT EXISTS(SELECT 1 FROM held h WHERE h.id = s.id) GROUP BY s.home"""

_BROKEN = """SELECT s.home, w.name, count(*)
FROM shown w CROSS JOIN subject s ON s.id = w.version_id
WHERE NOT EXISTS(SELECT 1 FROM held h WHERE h.id = s.id)
AND NOT EXISTS(SELECT 1 FROM version v CROSS JOIN subject g ON g.id = v.id
  WHERE v.key = w.key AND NOT EXISTS(SELECT 1 FROM held h WHERE h.id = g.id))
GROUP BY 1, 2"""

# The name of a version, or nothing where the plan lists it: then it is no surprise.
_ALONG = f"""SELECT {as_text("v.key")}, CASE WHEN EXISTS(SELECT 1 FROM subject s WHERE s.id = v.id
    AND NOT EXISTS(SELECT 1 FROM held h WHERE h.id = s.id)) THEN ''
  ELSE {as_text("c.name")} || ':' || {as_text("v.label")} END
FROM json_each(?) k CROSS JOIN version v ON v.key = k.value
JOIN collection c ON c.id = v.collection_id"""


def offer_collections(
    conn: sqlite3.Connection,
    asked_keys: Sequence[str],
    head: Head,
    client: Client,
) -> list[WholeCollection]:
    """Put the collections that are used among what is reviewed; give those that are only offered.

    Of those that are used, those are given with which a version of another collection goes.
    `asked_keys` are collections that were asked for by name: an empty one goes itself. Some, or
    all of some types, `client` may not delete.
    """
    conn.execute("DELETE FROM offer")
    types = conn.execute(f"SELECT DISTINCT {as_text('type')} FROM collection").fetchall()
    unable = [kind for (kind,) in types if not client.can("delete_collection", kind)]
    lists = {"keys": asked_keys, "unable": unable, "never": sorted(client.never_whole)}
    conn.execute(_OFFERS, {name: json.dumps(list(one)) for name, one in lists.items()})
    _withdraw_circles(conn)
    conn.execute(
        "INSERT INTO used SELECT collection_id FROM offer WHERE :all OR live = 0",
        {"all": head.options.whole_collections},
    )
    if conn.execute("SELECT EXISTS(SELECT 1 FROM used)").fetchone()[0]:
        judging.put_in_order(conn, _ARROWS)
        conn.execute("CREATE INDEX IF NOT EXISTS temp.subject_home ON subject(home)")
        conn.execute(_ITEMS)
        if head.read_only:
            conn.execute(_READ_ONLY)
    rows = conn.execute(
        """SELECT collection_id, key, name, links, live,
          collection_id IN (SELECT collection_id FROM used) FROM offer
        ORDER BY live DESC, name, key"""
    ).fetchall()
    along = _names_along(conn, [key for _, key, *_ in rows], client)
    rows = [row for row in rows if not row[-1] or row[1] in along]
    if not rows:
        return []
    aliases = dict(conn.execute(_ALIASES).fetchall())
    broken: dict[int, dict[str, int]] = {}
    for home, name, links in conn.execute(_BROKEN):
        broken.setdefault(home, {})[name] = links
    return [
        WholeCollection(
            key=key,
            name=name,
            versions=live,
            links=bool(links),
            broken=most_first(broken.get(number, {})),
            aliases=aliases.get(number, 0),
            used=bool(used),
            along=along.get(key, ""),
        )
        for number, key, name, links, live, used in rows
    ]


def _names_along(
    conn: sqlite3.Connection, collections: Sequence[str], client: Client
) -> dict[str, str]:
    """Names of versions elsewhere that go with collections, by the keys of these."""
    keys = {one: key for one in collections if (key := client.goes_along(one))}
    names = dict(conn.execute(_ALONG, (json.dumps(list(keys.values())),)).fetchall())
    return {one: name for one, key in keys.items() if (name := names.get(key, key))}


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
