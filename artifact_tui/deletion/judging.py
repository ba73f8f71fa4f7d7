"""Judge what is picked, in SQL: who goes, who stays and why, and in which order.

Half a million versions are rows of temp tables, and only what a circle of lineage is made of comes
to Python. The tests say the same rules of objects in memory, and hold the two to each other.

`lay_out` writes down what the verdicts depend on, whatever is agreed to: dependents, links,
aliases, the order. `give_verdicts` fills in the verdicts for one set of options. Tables that may be
short begin every query, and CROSS JOIN fixes the order: SQLite cannot know how long they are.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from artifact_tui.catalog import marks
from artifact_tui.catalog.lineage import lineage_coverage
from artifact_tui.database import as_number, as_text
from artifact_tui.deletion.checks import NAMES_SHOWN, components
from artifact_tui.deletion.items import UNFINISHED_DAYS, Action
from artifact_tui.query.filter_fields import DAY_US
from artifact_tui.query.sql import LINEAGE_KNOWN

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from artifact_tui.deletion.plan import Head


_TABLES = """
CREATE TEMP TABLE joined(version_id INTEGER PRIMARY KEY);
CREATE TEMP TABLE dep(              -- nearest live dependents; inside: they are picked as well
  parent INTEGER, child INTEGER, inside INTEGER, PRIMARY KEY(parent, child)) WITHOUT ROWID;
CREATE TEMP TABLE elsewhere(        -- dependents that the catalog knows by name only
  parent INTEGER, key TEXT, name TEXT, PRIMARY KEY(parent, key)) WITHOUT ROWID;
CREATE TEMP TABLE shown(            -- links to what is picked; by_id: the picked link itself
  version_id INTEGER, key TEXT, name TEXT, by_id INTEGER,
  PRIMARY KEY(version_id, key)) WITHOUT ROWID;
CREATE TEMP TABLE lost(             -- aliases that go, in words: all, and those protected
  version_id INTEGER PRIMARY KEY, words TEXT, protected TEXT);
CREATE TEMP TABLE need(             -- `first` goes before `node`
  node INTEGER, first INTEGER, PRIMARY KEY(node, first)) WITHOUT ROWID;
CREATE TEMP TABLE circle(version_id INTEGER PRIMARY KEY, number INTEGER);
CREATE TEMP TABLE home(collection_id INTEGER PRIMARY KEY, rank INTEGER);
CREATE TEMP TABLE judged(           -- own: forbidden by itself; ask: the first consent it lacks
  seq INTEGER PRIMARY KEY, version_id INTEGER NOT NULL UNIQUE, added INTEGER,
  state TEXT, link INTEGER, kept TEXT, old INTEGER, generated INTEGER, known INTEGER,
  own TEXT, own_detail TEXT, ask TEXT, ask_detail TEXT,
  verdict TEXT, reason TEXT, detail TEXT, level INTEGER NOT NULL DEFAULT 0);
CREATE TEMP TABLE stay(version_id INTEGER PRIMARY KEY, round INTEGER);
CREATE INDEX temp.stay_round ON stay(round);
CREATE TEMP TABLE arrow(node INTEGER, first INTEGER, PRIMARY KEY(node, first)) WITHOUT ROWID;
CREATE INDEX temp.arrow_first ON arrow(first, node);
CREATE TEMP TABLE hit(node INTEGER PRIMARY KEY, n INTEGER);
CREATE TEMP TABLE left_over(node INTEGER PRIMARY KEY, n INTEGER);
CREATE TEMP TABLE place(node INTEGER PRIMARY KEY, level INTEGER, round INTEGER);
CREATE INDEX temp.place_round ON place(round);
CREATE TEMP TABLE offer(            -- collections that one request each could delete
  collection_id INTEGER PRIMARY KEY, key TEXT, name TEXT, type TEXT, links INTEGER, live INTEGER);
CREATE TEMP TABLE whole(            -- those that stand among the versions; first: their first one
  collection_id INTEGER PRIMARY KEY, first INTEGER, rank INTEGER);
CREATE INDEX temp.whole_first ON whole(first);
"""

# Nothing can be asked or deleted by a key that is no text.
_KEPT = f"""CASE typeof(v.key) WHEN 'text' THEN {as_text("v.kept")}
  ELSE 'another program wrote its key: artifact-tui fsck names the row' END"""

_DIRECT = """
INSERT OR IGNORE INTO dep
SELECT p.version_id, e.child_id, EXISTS(SELECT 1 FROM picked q WHERE q.version_id = e.child_id)
FROM picked p CROSS JOIN edge e ON e.parent_id = p.version_id
CROSS JOIN version x ON x.id = e.child_id
WHERE x.state <> 'trash' AND e.child_id <> p.version_id"""

_THROUGH_TRASH = """
INSERT OR IGNORE INTO dep
WITH RECURSIVE below(root, id) AS (
  SELECT p.version_id, e.child_id FROM picked p CROSS JOIN edge e ON e.parent_id = p.version_id
  CROSS JOIN version t ON t.id = e.child_id AND t.state = 'trash'
  UNION
  SELECT b.root, e.child_id FROM below b CROSS JOIN version t ON t.id = b.id AND t.state = 'trash'
  CROSS JOIN edge e ON e.parent_id = t.id)
SELECT b.root, b.id, EXISTS(SELECT 1 FROM picked q WHERE q.version_id = b.id)
FROM below b CROSS JOIN version x ON x.id = b.id WHERE x.state <> 'trash' AND x.id <> b.root"""

_ELSEWHERE = f"""
INSERT OR IGNORE INTO elsewhere
WITH RECURSIVE below(root, id) AS (
  SELECT version_id, version_id FROM picked
  UNION
  SELECT b.root, e.child_id FROM below b CROSS JOIN edge e ON e.parent_id = b.id
  CROSS JOIN version t ON t.id = e.child_id AND t.state = 'trash')
SELECT b.root, {as_text("r.key")}, {as_text("r.name")}
FROM below b CROSS JOIN relative r ON r.version_id = b.id AND r.up = 0"""

_ELSEWHERE_PICKED = (
    """INSERT OR IGNORE INTO dep SELECT e.parent, x.id, 1 FROM elsewhere e
    CROSS JOIN version x ON x.key = e.key CROSS JOIN picked q ON q.version_id = x.id""",
    """DELETE FROM elsewhere WHERE EXISTS(SELECT 1 FROM dep d CROSS JOIN version x ON x.id = d.child
    WHERE d.parent = elsewhere.parent AND x.key = elsewhere.key)""",
)

_SHOWN = f"""
INSERT OR IGNORE INTO shown
SELECT l.version_id, {as_text("l.key")}, {as_text("l.name")},
  (SELECT w.id FROM version w CROSS JOIN picked q ON q.version_id = w.id
   WHERE w.key = l.key AND w.id <> l.version_id)
FROM picked p CROSS JOIN link l ON l.version_id = p.version_id"""

_NEED = (
    "INSERT OR IGNORE INTO need SELECT parent, child FROM dep WHERE inside",
    "INSERT OR IGNORE INTO need SELECT version_id, by_id FROM shown WHERE by_id IS NOT NULL",
    """INSERT OR IGNORE INTO need SELECT s.id, v.id
    FROM picked p CROSS JOIN version v ON v.id = p.version_id
    CROSS JOIN version s ON s.key = v.source_key CROSS JOIN picked q ON q.version_id = s.id
    WHERE v.source_key IS NOT NULL""",
)

_GOES_WITH = "AND NOT (ifnull(v.source_key, '') <> '' AND a.scope <> '')"
"""An alias goes with the version; unlinking takes only those that the link itself carries."""


def _some_names(names: str, order: str) -> str:
    """SQL for the first few of these names in one line; NULL where there are none.

    `names` is a query without ORDER BY whose column `name` has them.
    """
    return f"""(SELECT group_concat(CASE WHEN place <= {NAMES_SHOWN} THEN name END, ', ')
 || CASE WHEN count(*) > {NAMES_SHOWN} THEN ' and ' || (count(*) - {NAMES_SHOWN}) || ' more'
   ELSE '' END
 FROM (SELECT name, row_number() OVER (ORDER BY {order}) AS place FROM ({names}) ORDER BY place))"""


def _alias_words(where: str) -> str:
    name, scope = as_text("a.name"), as_text("a.scope")
    return _some_names(
        f"""SELECT CASE WHEN {scope} <> '' THEN {name} || ' in ' || {scope} ELSE {name} END AS name,
        {name} AS bare, a.protected, {scope} AS scope
        FROM alias a WHERE a.version_id = v.id {where}""",
        "bare, protected, scope",
    )


_LOST = f"""
INSERT OR IGNORE INTO lost
SELECT v.id, {_alias_words(_GOES_WITH)}, {_alias_words(_GOES_WITH + " AND a.protected")}
FROM (SELECT DISTINCT a.version_id FROM picked p
  CROSS JOIN alias a ON a.version_id = p.version_id) d
CROSS JOIN version v ON v.id = d.version_id"""

_HOME = f"""
INSERT INTO home SELECT id, row_number() OVER (ORDER BY {as_text("name")}, id) FROM collection
WHERE id IN (SELECT v.collection_id FROM picked p CROSS JOIN version v ON v.id = p.version_id)"""

_JUDGED = f"""
INSERT INTO judged(version_id, added, state, link, kept, old, generated, known)
SELECT v.id, j.version_id IS NOT NULL, v.state, ifnull({as_text("v.source_key")}, '') <> '',
  {_KEPT}, ifnull({as_number("v.created_us")} <= :old_us, 0), v.generated, {LINEAGE_KNOWN}
FROM picked p CROSS JOIN version v ON v.id = p.version_id
CROSS JOIN home h ON h.collection_id = v.collection_id
LEFT JOIN joined j ON j.version_id = v.id
ORDER BY h.rank, v.ordinal"""


def lay_out(conn: sqlite3.Connection, head: Head) -> None:
    """Write down, in temp tables, what the verdicts on all that is picked depend on.

    What joins as a dependent is picked as well.
    """
    conn.executescript(_TABLES)
    options = head.options
    if options.with_dependents and options.action is Action.DELETE:
        conn.execute("CREATE TEMP TABLE chosen AS SELECT version_id FROM picked")
        marks.pick_dependents(conn)
        conn.execute(
            """INSERT INTO joined SELECT version_id FROM picked
            WHERE version_id NOT IN (SELECT version_id FROM chosen)"""
        )
    conn.execute(_DIRECT)
    if _any(conn, "SELECT 1 FROM version WHERE state = 'trash'"):
        conn.execute(_THROUGH_TRASH)
    if _any(conn, "SELECT 1 FROM relative"):
        conn.execute(_ELSEWHERE)
        for statement in _ELSEWHERE_PICKED:
            conn.execute(statement)
    conn.execute("CREATE INDEX temp.dep_child ON dep(child, parent) WHERE inside")
    conn.execute(_SHOWN)
    conn.execute("CREATE INDEX temp.shown_by ON shown(by_id) WHERE by_id IS NOT NULL")
    for statement in _NEED:
        conn.execute(statement)
    for number, part in enumerate(put_in_order(conn, "SELECT node, first FROM need")):
        conn.executemany("INSERT INTO circle VALUES(?, ?)", [(node, number) for node in part])
    conn.execute(_LOST)
    conn.execute(_HOME)
    conn.execute(_JUDGED, {"old_us": head.created_us - UNFINISHED_DAYS * DAY_US})


def _any(conn: sqlite3.Connection, query: str) -> bool:
    return bool(conn.execute(f"SELECT EXISTS({query})").fetchone()[0])


_FIRST_PLACES = """
INSERT INTO place SELECT first, 0, 0 FROM arrow
WHERE first NOT IN (SELECT node FROM left_over) GROUP BY first"""

_NEXT_ROUND = (
    """INSERT INTO hit SELECT a.node, count(*) AS n
    FROM place p CROSS JOIN arrow a ON a.first = p.node WHERE p.round = :round GROUP BY a.node""",
    """UPDATE left_over SET n = n - (SELECT h.n FROM hit h WHERE h.node = left_over.node)
    WHERE node IN (SELECT node FROM hit)""",
    """INSERT OR IGNORE INTO place SELECT h.node,
      (SELECT max(p.level) + 1 FROM arrow n CROSS JOIN place p ON p.node = n.first
       WHERE n.node = h.node), :round + 1
    FROM hit h CROSS JOIN left_over l ON l.node = h.node WHERE l.n = 0""",
)

_NOT_PLACED = """
SELECT node, first FROM arrow
WHERE node NOT IN (SELECT node FROM place) AND first NOT IN (SELECT node FROM place)"""

_CIRCLE_LEVEL = """
SELECT ifnull(max(p.level) + 1, 0) FROM json_each(?) j
CROSS JOIN arrow n ON n.node = j.value CROSS JOIN place p ON p.node = n.first"""


def put_in_order(conn: sqlite3.Connection, arrows: str) -> list[list[int]]:
    """Fill `place` with the level of each node that needs another or is needed; give the circles.

    `arrows` is a query of nodes and what goes before each. A level is above that of all that goes
    before; all of a circle share one. Round by round those are placed whose needs all are; where
    none is, only the arrows of what is left come to Python, to find the circles.
    """
    for table in ("arrow", "left_over", "place"):
        conn.execute(f"DELETE FROM temp.{table}")
    conn.execute(f"INSERT OR IGNORE INTO arrow SELECT * FROM ({arrows}) WHERE node <> first")
    conn.execute("INSERT INTO left_over SELECT node, count(*) FROM arrow GROUP BY node")
    conn.execute(_FIRST_PLACES)
    circles: list[list[int]] = []
    turn = 0
    while True:
        conn.execute("DELETE FROM hit")
        hit, lower, place = _NEXT_ROUND
        conn.execute(hit, {"round": turn})
        conn.execute(lower)
        placed = conn.execute(place, {"round": turn}).rowcount
        turn += 1
        if not placed and not _place_circles(conn, turn, circles):
            return circles


def _place_circles(conn: sqlite3.Connection, turn: int, circles: list[list[int]]) -> int:
    """Place the circles that need nothing but each other and what is placed; how many they were."""
    graph: dict[str, list[str]] = {}
    for node, first in conn.execute(_NOT_PLACED):
        graph.setdefault(str(node), []).append(str(first))
        graph.setdefault(str(first), [])
    found = 0
    for part in components(graph):
        if len(part) > 1 and all(first in part for node in part for first in graph[node]):
            nodes = [int(node) for node in part]
            (level,) = conn.execute(_CIRCLE_LEVEL, (json.dumps(nodes),)).fetchone()
            conn.executemany(
                "INSERT INTO place VALUES(?, ?, ?)", [(node, level, turn) for node in nodes]
            )
            circles.append(nodes)
            found += 1
    return found


# What an item by itself forbids, and what it asks consent for, in the order of
# checks._blocked and checks._consents.
_OWN = """
UPDATE judged SET (own, own_detail) = (SELECT
  CASE WHEN :read_only THEN 'read_only'
    WHEN :purge AND state <> 'trash' THEN 'not_in_trash'
    WHEN NOT :purge AND state = 'trash' THEN 'in_trash'
    WHEN state = 'pending' AND NOT (old AND NOT :purge) THEN 'pending'
    WHEN l.protected IS NOT NULL THEN 'protected'
    WHEN kept <> '' THEN 'kept' END,
  CASE WHEN :read_only OR (:purge AND state <> 'trash') OR (NOT :purge AND state = 'trash')
      OR (state = 'pending' AND NOT old) THEN ''
    ELSE coalesce(l.protected, kept) END
  FROM (SELECT 1) LEFT JOIN lost l ON l.version_id = judged.version_id),
 (ask, ask_detail) = (SELECT
  CASE WHEN state = 'pending' AND NOT :unfinished THEN 'unfinished'
    WHEN generated AND NOT :generated THEN 'generated'
    WHEN l.words IS NOT NULL AND NOT :delete_aliases THEN 'alias' END,
  CASE WHEN state = 'pending' AND NOT :unfinished OR generated AND NOT :generated THEN ''
    ELSE l.words END
  FROM (SELECT 1) LEFT JOIN lost l ON l.version_id = judged.version_id)"""

_SAME_CIRCLE = """ifnull((SELECT number FROM circle WHERE version_id = {one})
    = (SELECT number FROM circle WHERE version_id = {other}), 0)"""

_STAY_FIRST = f"""
INSERT INTO stay SELECT version_id, 0 FROM judged j
WHERE own IS NOT NULL OR ask IS NOT NULL
 OR NOT :orphan AND (EXISTS(SELECT 1 FROM dep d WHERE d.parent = j.version_id AND NOT d.inside)
   OR EXISTS(SELECT 1 FROM elsewhere e WHERE e.parent = j.version_id))
 OR NOT :links AND EXISTS(SELECT 1 FROM shown s WHERE s.version_id = j.version_id
   AND (s.by_id IS NULL OR {_SAME_CIRCLE.format(one="s.by_id", other="j.version_id")}))
 OR NOT link AND NOT :unknown AND (NOT :covered OR NOT known)"""

_STAY_PARENTS = """
INSERT OR IGNORE INTO stay SELECT d.parent, :next
FROM stay s CROSS JOIN dep d INDEXED BY dep_child ON d.child = s.version_id
WHERE s.round = :round AND d.inside"""

_STAY_SHOWN = """
INSERT OR IGNORE INTO stay SELECT h.version_id, :next
FROM stay s CROSS JOIN shown h ON h.by_id = s.version_id WHERE s.round = :round"""

_STAY_CIRCLE = """
INSERT OR IGNORE INTO stay SELECT o.version_id, :next
FROM stay s CROSS JOIN circle c ON c.version_id = s.version_id
CROSS JOIN circle o ON o.number = c.number WHERE s.round = :round"""

_NAME = f"{as_text('c.name')} || ':' || {as_text('x.label')}"

_STAYING = f"""SELECT x.id, {as_text("x.key")} AS key, {_NAME} AS name, d.inside
  FROM dep d CROSS JOIN version x ON x.id = d.child
  CROSS JOIN collection c ON c.id = x.collection_id
  WHERE d.parent = judged.version_id AND d.child <> d.parent
  AND (NOT d.inside OR EXISTS(SELECT 1 FROM stay s WHERE s.version_id = d.child))
  UNION ALL SELECT NULL, key, name, 0 FROM elsewhere WHERE parent = judged.version_id"""
"""Dependents of an item that stay."""

# Those of its own circle do not count until all else is agreed to.
_STAYING_FAR = f"""SELECT * FROM ({_STAYING}) o
  WHERE NOT {_SAME_CIRCLE.format(one="o.id", other="judged.version_id")}"""

_BROKEN = f"""SELECT s.key, s.name FROM shown s WHERE s.version_id = judged.version_id
  AND (s.by_id IS NULL OR EXISTS(SELECT 1 FROM stay t WHERE t.version_id = s.by_id)
   OR {_SAME_CIRCLE.format(one="s.by_id", other="judged.version_id")})"""

_ALL_GO = "UPDATE judged SET verdict = 'delete', reason = '', detail = '', level = 0"

_HOLD = f"""
UPDATE judged SET (verdict, reason, detail) = (SELECT
   CASE WHEN own IS NOT NULL OR why <> '' THEN 'blocked'
     WHEN ask IS NOT NULL OR broken OR unsure THEN 'consent' ELSE 'blocked' END,
   CASE WHEN own IS NOT NULL THEN own WHEN why <> '' THEN why
     WHEN ask IS NOT NULL THEN ask WHEN broken THEN 'linked'
     WHEN unsure THEN 'lineage_unknown' ELSE 'dependent_stays' END,
   CASE WHEN own IS NOT NULL THEN own_detail
     WHEN why <> '' THEN {_some_names(_STAYING_FAR, "key")}
     WHEN ask IS NOT NULL THEN ask_detail
     WHEN broken THEN {_some_names(_BROKEN, "key, name")}
     WHEN unsure THEN CASE WHEN :covered THEN '' ELSE :coverage END
     ELSE ifnull({_some_names(_STAYING, "key")}, '') END
   FROM (SELECT CASE WHEN :orphan THEN ''
       WHEN EXISTS(SELECT 1 FROM ({_STAYING_FAR}) WHERE NOT inside) THEN 'dependents'
       WHEN EXISTS({_STAYING_FAR}) THEN 'dependent_stays' ELSE '' END AS why,
     NOT link AND NOT :unknown AND (NOT :covered OR NOT known) AS unsure,
     NOT :links AND EXISTS({_BROKEN}) AS broken))
WHERE version_id IN (SELECT version_id FROM stay)"""

_REACHED = """WITH RECURSIVE below(id, root) AS (
  SELECT j.version_id, j.seq FROM judged j WHERE NOT j.added AND j.verdict {goes} 'delete'
  UNION
  SELECT d.child, b.root FROM below b CROSS JOIN dep d ON d.parent = b.id WHERE d.inside)"""

_ALONE = (
    "DROP TABLE IF EXISTS temp.alone",
    f"""CREATE TEMP TABLE alone AS {_REACHED.format(goes="<>")}
    SELECT b.id, min(b.root) AS root FROM below b CROSS JOIN judged j ON j.version_id = b.id
    WHERE j.added AND j.verdict = 'delete' GROUP BY b.id""",
    f"DELETE FROM alone WHERE id IN ({_REACHED.format(goes='=')} SELECT id FROM below)",
    "CREATE INDEX temp.alone_id ON alone(id)",
)

_HOLD_ALONE = f"""
UPDATE judged SET verdict = 'blocked', reason = 'asked_stays', detail =
  (SELECT {as_text("c.name")} || ':' || {as_text("v.label")} FROM alone a
   CROSS JOIN judged r ON r.seq = a.root CROSS JOIN version v ON v.id = r.version_id
   CROSS JOIN collection c ON c.id = v.collection_id WHERE a.id = judged.version_id)
WHERE version_id IN (SELECT id FROM alone)"""

# Without what binds those of a circle that go to those of it that stay.
_UNBOUND = """SELECT node, first FROM need n WHERE NOT EXISTS(
  SELECT 1 FROM circle a CROSS JOIN circle b ON b.version_id = n.first AND b.number = a.number
  WHERE a.version_id = n.node
  AND NOT ((SELECT verdict FROM judged WHERE version_id = n.node) = 'delete'
    AND (SELECT verdict FROM judged WHERE version_id = n.first) = 'delete'))"""

_LEVELS = """
UPDATE judged SET level = (SELECT p.level FROM place p WHERE p.node = judged.version_id)
WHERE version_id IN (SELECT node FROM place WHERE level <> 0)"""


def give_verdicts(conn: sqlite3.Connection, head: Head) -> None:
    """Fill in verdict, reason, detail and level of all that was laid out."""
    options = head.options
    coverage = lineage_coverage(conn)
    conn.execute("DELETE FROM stay")
    bound = {
        "read_only": head.read_only,
        "purge": options.action is Action.PURGE,
        "unfinished": options.unfinished,
        "generated": options.generated,
        "delete_aliases": options.delete_aliases,
        "orphan": options.orphan_dependents,
        "links": options.break_links,
        "unknown": options.unknown_lineage,
        "covered": coverage.complete,
        "coverage": coverage.words(),
    }
    conn.execute(_OWN, bound)
    conn.execute(_STAY_FIRST, bound)
    spread = [] if options.orphan_dependents else [_STAY_PARENTS, _STAY_CIRCLE]
    spread += [] if options.break_links else [_STAY_SHOWN]
    _spread(conn, spread)
    conn.execute(_ALL_GO)
    conn.execute(_HOLD, bound)
    broken_up = _any(conn, "SELECT 1 FROM circle c CROSS JOIN stay s USING(version_id)")
    if _any(conn, "SELECT 1 FROM joined"):
        for statement in _ALONE:
            conn.execute(statement)
        kept = conn.execute(_HOLD_ALONE).rowcount
        broken_up = broken_up or (kept > 0 and _any(conn, "SELECT 1 FROM circle"))
    if broken_up:
        put_in_order(conn, _UNBOUND)
    conn.execute(_LEVELS)


def _spread(conn: sqlite3.Connection, statements: Sequence[str]) -> None:
    """Let what stays hold others back, round by round, until a round holds nobody."""
    turn, more = 0, True
    while more:
        rounds = {"round": turn, "next": turn + 1}
        more = sum(conn.execute(one, rounds).rowcount for one in statements) > 0
        turn += 1


_FACTS = f"""json_object('key', {as_text("v.key")}, 'digest', {as_text("v.digest")},
  'state', v.state,
  'aliases', json(CASE WHEN EXISTS(SELECT 1 FROM alias a WHERE a.version_id = v.id) THEN
    (SELECT json_group_array(json_object('name', name,
       'protected', json(CASE WHEN protected THEN 'true' ELSE 'false' END), 'scope', scope))
     FROM (SELECT {as_text("a.name")} AS name, a.protected, {as_text("a.scope")} AS scope
       FROM alias a WHERE a.version_id = v.id ORDER BY 1, 2, 3)) ELSE '[]' END),
  'dependents', json(CASE WHEN EXISTS(SELECT 1 FROM dep d WHERE d.parent = v.id)
      OR EXISTS(SELECT 1 FROM elsewhere e WHERE e.parent = v.id) THEN
    (SELECT json_group_array(key) FROM (SELECT {as_text("x.key")} AS key
      FROM dep d CROSS JOIN version x ON x.id = d.child WHERE d.parent = v.id
      UNION SELECT key FROM elsewhere WHERE parent = v.id ORDER BY 1)) ELSE '[]' END),
  'token', '', 'lineage_known', json(CASE WHEN j.known THEN 'true' ELSE 'false' END),
  'source_key', ifnull({as_text("v.source_key")}, ''),
  'links', json(CASE WHEN EXISTS(SELECT 1 FROM shown s WHERE s.version_id = v.id) THEN
    (SELECT json_group_array(json_object('key', key, 'name', name)) FROM
      (SELECT key, name FROM shown s WHERE s.version_id = v.id ORDER BY key, name)) ELSE '[]' END),
  'kept', j.kept, 'generated', json(CASE WHEN j.generated THEN 'true' ELSE 'false' END),
  'collection', '', 'label', '', 'type', '')"""

# `whole` has the whole collections that stand among the versions, each before its first.
_ITEMS = f"""
INSERT INTO draft.item(seq, kind, level, key, collection, label, type, size, facts,
  verdict, reason, detail, added, belongs)
SELECT j.seq + ifnull((SELECT w.rank FROM whole w WHERE w.first <= j.seq
    ORDER BY w.first DESC LIMIT 1), 0),
  'version', j.level, {as_text("v.key")}, {as_text("c.name")}, {as_text("v.label")},
  {as_text("c.type")}, CASE WHEN j.link THEN 0 ELSE {as_number("v.size")} END, {_FACTS},
  j.verdict, j.reason, j.detail, j.added,
  CASE WHEN j.verdict = 'delete' THEN
    (SELECT w.first + w.rank - 1 FROM whole w WHERE w.collection_id = v.collection_id) END
FROM judged j CROSS JOIN version v ON v.id = j.version_id
CROSS JOIN collection c ON c.id = v.collection_id ORDER BY j.seq"""

_OUTSIDE = f"""
INSERT OR IGNORE INTO draft.outside(seq, key, name)
SELECT seq + ifnull((SELECT w.rank FROM whole w WHERE w.first <= o.seq
    ORDER BY w.first DESC LIMIT 1), 0), key, name FROM (
  SELECT j.seq, {as_text("x.key")} AS key, {_NAME} AS name
  FROM judged j CROSS JOIN dep d ON d.parent = j.version_id
  CROSS JOIN version x ON x.id = d.child CROSS JOIN collection c ON c.id = x.collection_id
  WHERE d.child <> d.parent
  AND (NOT d.inside OR EXISTS(SELECT 1 FROM stay s WHERE s.version_id = d.child))
  UNION ALL
  SELECT j.seq, e.key, e.name FROM elsewhere e CROSS JOIN judged j ON j.version_id = e.parent) o"""


def fill_items(conn: sqlite3.Connection) -> None:
    """Write an item for each judged version into `draft`, in the order of the review."""
    conn.execute(_ITEMS)
    conn.execute(_OUTSIDE)


def forget(conn: sqlite3.Connection) -> None:
    """Remove what was laid out: the review keeps only its items."""
    for (name,) in conn.execute(
        "SELECT name FROM sqlite_temp_schema WHERE type = 'table'"
    ).fetchall():
        if name != "picked":
            conn.execute(f'DROP TABLE temp."{name}"')
    marks.pick_nothing(conn)
