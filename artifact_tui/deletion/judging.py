"""Judge what is picked, in SQL: who goes, who stays and why, and in which order.

Half a million versions are rows of temp tables, and only what a circle of lineage is made of comes
to Python. The tests say the same rules of objects in memory, and hold the two to each other.

`lay_out` writes down what the verdicts depend on, whatever is agreed to: facts, dependents, links,
aliases. `give_verdicts` says for one set of options who stays, and why; all others go. `put_items`
puts all of them in the order of the review (`draft_items` has the tables that it is read from).
Tables that may be short begin every query, and CROSS JOIN fixes the order: SQLite cannot know how
long they are.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from artifact_tui.catalog import marks
from artifact_tui.catalog.lineage import lineage_coverage
from artifact_tui.database import as_number, as_text
from artifact_tui.deletion.checks import components
from artifact_tui.deletion.draft_items import DraftItems, of_whole
from artifact_tui.deletion.items import UNFINISHED_DAYS, Action
from artifact_tui.query.filter_fields import DAY_US
from artifact_tui.query.sql import LINEAGE_KNOWN

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Mapping, Sequence

    from artifact_tui.deletion.plan import Head
    from artifact_tui.deletion.review import Steps


_TABLES = """
CREATE TEMP TABLE joined(id INTEGER PRIMARY KEY);
CREATE TEMP TABLE carried(          -- aliases as JSON; how many go with the version
  id INTEGER PRIMARY KEY, every TEXT, lost INTEGER, protected INTEGER);
CREATE TEMP TABLE need(             -- `first` goes before `node`
  node INTEGER, first INTEGER, PRIMARY KEY(node, first)) WITHOUT ROWID;
CREATE TEMP TABLE circle(id INTEGER PRIMARY KEY, number INTEGER);
CREATE TEMP TABLE barred(           -- own: forbidden by itself; ask: the first consent it lacks
  id INTEGER PRIMARY KEY, own TEXT, own_detail TEXT, ask TEXT, ask_detail TEXT);
CREATE TEMP TABLE stay(id INTEGER PRIMARY KEY, round INTEGER);
CREATE INDEX temp.stay_round ON stay(round);
CREATE TEMP TABLE held(             -- the verdicts on all that stays
  id INTEGER PRIMARY KEY, verdict TEXT, reason TEXT, detail TEXT, level INTEGER);
CREATE TEMP TABLE arrow(node INTEGER, first INTEGER, PRIMARY KEY(node, first)) WITHOUT ROWID;
CREATE INDEX temp.arrow_first ON arrow(first, node);
CREATE TEMP TABLE hit(node INTEGER PRIMARY KEY, n INTEGER);
CREATE TEMP TABLE left_over(node INTEGER PRIMARY KEY, n INTEGER);
CREATE TEMP TABLE place(node INTEGER PRIMARY KEY, level INTEGER, round INTEGER);
CREATE INDEX temp.place_round ON place(round);
CREATE TEMP TABLE offer(            -- collections that one request each could delete
  collection_id INTEGER PRIMARY KEY, key TEXT, name TEXT, type TEXT, links INTEGER, live INTEGER);
CREATE TEMP TABLE user(             -- processes that hold files of a version open, as JSON
  key TEXT PRIMARY KEY, names TEXT) WITHOUT ROWID;
CREATE TEMP TABLE used(             -- those that the plan deletes so
  collection_id INTEGER PRIMARY KEY);
"""

# Nothing can be asked or deleted by a key that is no text.
_KEPT = f"""CASE typeof(v.key) WHEN 'text' THEN {as_text("v.kept")}
  ELSE 'another program wrote its key: artifact-tui fsck names the row' END"""

_INSIDE = "EXISTS(SELECT 1 FROM picked q WHERE q.version_id = x.id)"

_DEPENDENT = f"""{as_text("x.key")}, ifnull((SELECT {as_text("c.name")} FROM collection c
    WHERE c.id = x.collection_id), '') || ':' || {as_text("x.label")}, x.id"""

# In the order of the children, so that each page of the catalog is read once. What is in the trash
# is not inside and not outside: what was made from it comes in its place.
_DIRECT = (
    """CREATE TEMP TABLE made AS SELECT p.version_id AS parent, e.child_id AS child
    FROM picked p CROSS JOIN edge e ON e.parent_id = p.version_id
    WHERE e.child_id <> p.version_id ORDER BY e.child_id""",
    f"""INSERT OR IGNORE INTO dep(parent, key, name, child, inside)
    SELECT m.parent, {_DEPENDENT}, CASE WHEN x.state <> 'trash' THEN {_INSIDE} END
    FROM made m CROSS JOIN version x ON x.id = m.child ORDER BY 1, 2""",
    "DROP TABLE temp.made",
)

_BELOW_TRASH = """
SELECT b.root, e.child_id FROM below b CROSS JOIN version t ON t.id = b.id AND t.state = 'trash'
  CROSS JOIN edge e ON e.parent_id = t.id"""

_THROUGH_TRASH = f"""
INSERT OR IGNORE INTO dep(parent, key, name, child, inside)
WITH RECURSIVE below(root, id) AS (
  SELECT parent, child FROM dep WHERE inside IS NULL UNION {_BELOW_TRASH})
SELECT b.root, {_DEPENDENT}, {_INSIDE}
FROM below b CROSS JOIN version x ON x.id = b.id WHERE x.state <> 'trash' AND x.id <> b.root"""

# Dependents that the catalog knows by name only, unless they are picked.
_ELSEWHERE = f"""
INSERT OR IGNORE INTO dep(parent, key, name, child, inside)
WITH RECURSIVE below(root, id) AS (
  SELECT version_id, version_id FROM picked
  UNION SELECT parent, child FROM dep WHERE inside IS NULL UNION {_BELOW_TRASH})
SELECT root, key, name, child, child IS NOT NULL FROM (
  SELECT b.root, {as_text("r.key")} AS key, {as_text("r.name")} AS name,
    (SELECT x.id FROM version x WHERE x.key = r.key AND {_INSIDE}) AS child
  FROM below b CROSS JOIN relative r ON r.version_id = b.id AND r.up = 0
  WHERE b.id = b.root OR EXISTS(SELECT 1 FROM version t WHERE t.id = b.id AND t.state = 'trash'))"""

_SHOWN = f"""
INSERT OR IGNORE INTO shown(version_id, key, name, by_id)
SELECT l.version_id, {as_text("l.key")}, {as_text("l.name")},
  (SELECT w.id FROM version w CROSS JOIN picked q ON q.version_id = w.id
   WHERE w.key = l.key AND w.id <> l.version_id)
FROM picked p CROSS JOIN link l ON l.version_id = p.version_id"""

_NEED = (
    "INSERT OR IGNORE INTO need SELECT parent, child FROM dep WHERE inside",
    "INSERT OR IGNORE INTO need SELECT version_id, by_id FROM shown WHERE by_id IS NOT NULL",
    """INSERT OR IGNORE INTO need SELECT x.id, s.id FROM subject s
    CROSS JOIN version x ON x.key = s.source_key CROSS JOIN picked q ON q.version_id = x.id
    WHERE s.source_key <> ''""",
)

# An alias goes with the version; unlinking takes only those that the link itself carries.
_CARRIED = f"""
INSERT INTO carried
SELECT d.id, (SELECT json_group_array(json_object('name', name,
     'protected', json(CASE WHEN protected THEN 'true' ELSE 'false' END), 'scope', scope))
   FROM (SELECT {as_text("a.name")} AS name, a.protected, {as_text("a.scope")} AS scope
     FROM alias a WHERE a.version_id = d.id ORDER BY 1, 2, 3)),
  (SELECT count(*) FROM alias a WHERE a.version_id = d.id AND NOT (d.link AND a.scope <> '')),
  (SELECT count(*) FROM alias a WHERE a.version_id = d.id AND a.protected
   AND NOT (d.link AND a.scope <> ''))
FROM (SELECT v.id, ifnull(v.source_key, '') <> '' AS link
  FROM (SELECT DISTINCT a.version_id FROM picked p
    CROSS JOIN alias a ON a.version_id = p.version_id) o
  CROSS JOIN version v ON v.id = o.version_id) d"""

_SUBJECT = f"""
INSERT INTO subject
SELECT v.id, 'version', {as_text("v.key")}, {as_text("c.name")}, {as_text("v.label")},
  {as_text("c.type")}, CASE WHEN ifnull({as_text("v.source_key")}, '') = ''
    THEN {as_number("v.size")} ELSE 0 END,
  {as_text("v.digest")}, v.state, ifnull({as_text("v.source_key")}, ''), {_KEPT}, v.generated,
  {LINEAGE_KNOWN}, EXISTS(SELECT 1 FROM joined j WHERE j.id = v.id),
  (SELECT every FROM carried a WHERE a.id = v.id),
  CASE WHEN EXISTS(SELECT 1 FROM shown s WHERE s.version_id = v.id) THEN
    (SELECT json_group_array(json_object('key', key, 'name', name)) FROM
      (SELECT key, name FROM shown s WHERE s.version_id = v.id ORDER BY key, name)) END,
  ifnull({as_number("v.created_us")} <= :old_us, 0), v.collection_id, v.ordinal, NULL
FROM picked p CROSS JOIN version v ON v.id = p.version_id
CROSS JOIN collection c ON c.id = v.collection_id"""


def make_tables(conn: sqlite3.Connection) -> None:
    """Make all that a review is written into, empty; outside of a transaction."""
    DraftItems.make_tables(conn)
    conn.executescript(_TABLES)


def lay_out(conn: sqlite3.Connection, head: Head, steps: Steps) -> None:
    """Write down, in temp tables, what the verdicts on all that is picked depend on.

    What joins as a dependent is picked as well.
    """
    (picked,) = conn.execute("SELECT count(*) FROM picked").fetchone()
    steps.begin("what was made from them", versions=picked)
    options = head.options
    if options.with_dependents and options.action is Action.DELETE:
        conn.execute("CREATE TEMP TABLE chosen AS SELECT version_id FROM picked")
        marks.pick_dependents(conn)
        conn.execute(
            """INSERT INTO joined SELECT version_id FROM picked
            WHERE version_id NOT IN (SELECT version_id FROM chosen)"""
        )
    for statement in _DIRECT:
        conn.execute(statement)
    if _any(conn, "SELECT 1 FROM dep WHERE inside IS NULL"):
        conn.execute(_THROUGH_TRASH)
    if _any(conn, "SELECT 1 FROM relative"):
        conn.execute(_ELSEWHERE)
    conn.execute("DELETE FROM dep WHERE inside IS NULL")
    conn.execute("CREATE INDEX temp.dep_child ON dep(child, parent) WHERE inside")
    steps.begin("their facts")
    conn.execute(_SHOWN)
    conn.execute("CREATE INDEX temp.shown_by ON shown(by_id) WHERE by_id IS NOT NULL")
    conn.execute(_CARRIED)
    conn.execute(_SUBJECT, {"old_us": head.created_us - UNFINISHED_DAYS * DAY_US})
    if _any(conn, "SELECT 1 FROM shown") or _any(
        conn, "SELECT 1 FROM subject WHERE source_key <> ''"
    ):
        conn.execute("CREATE INDEX temp.subject_key ON subject(key)")
    for statement in _NEED:
        conn.execute(statement)
    for number, part in enumerate(put_in_order(conn, _ALL_NEEDS)):
        conn.executemany("INSERT INTO circle VALUES(?, ?)", [(node, number) for node in part])
    if _any(conn, "SELECT 1 FROM circle"):
        for statement in _NEAR:
            conn.execute(statement)


def note_users(conn: sqlite3.Connection, by: Mapping[str, Sequence[str]]) -> None:
    """Write down, by key and anew, who uses which of the versions that were laid out."""
    conn.execute("UPDATE subject SET used_by = NULL WHERE used_by IS NOT NULL")
    conn.execute("DELETE FROM user")
    rows = ((key, json.dumps(names)) for key, names in by.items())
    conn.executemany("INSERT INTO user VALUES(?, ?)", rows)
    if by:
        conn.execute(_USED_BY)


_USED_BY = """UPDATE subject SET used_by = (SELECT names FROM user u WHERE u.key = subject.key)
WHERE kind = 'version' AND key IN (SELECT key FROM user)"""


def _any(conn: sqlite3.Connection, query: str) -> bool:
    return bool(conn.execute(f"SELECT EXISTS({query})").fetchone()[0])


_ALL_NEEDS = "SELECT node, first FROM need"

_SAME_CIRCLE = """EXISTS(SELECT 1 FROM circle a CROSS JOIN circle b ON b.id = {other}
    WHERE a.id = {one} AND a.number = b.number)"""

_NEAR = (
    f"UPDATE dep SET near = 1 WHERE inside AND {_SAME_CIRCLE.format(one='child', other='parent')}",
    f"""UPDATE shown SET near = 1
    WHERE by_id IS NOT NULL AND {_SAME_CIRCLE.format(one="by_id", other="version_id")}""",
)


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


# Whether all aliases of `s` are those of another version, which is not under review itself.
_ONLY_PART = f"""NOT EXISTS(SELECT 1 FROM json_each(c.every) a
  WHERE NOT ({of_whole("s")}) OR json_extract(a.value, '$.scope') IN (
    SELECT w.collection || ':' || w.label FROM subject w WHERE w.kind = 'version'))"""

# What a version by itself forbids, and what it asks consent for, in the order of
# checks._not_agreed. A detail that is NULL is worded when it is read.
_BARRED = f"""
INSERT INTO barred SELECT * FROM (
  SELECT s.id,
    CASE WHEN :read_only THEN 'read_only'
      WHEN :purge AND state <> 'trash' THEN 'not_in_trash'
      WHEN NOT :purge AND state = 'trash' THEN 'in_trash'
      WHEN state = 'pending' AND NOT (old AND NOT :purge) THEN 'pending'
      WHEN c.protected THEN 'protected'
      WHEN kept <> '' THEN 'kept' END AS own,
    CASE WHEN :read_only OR (:purge AND state <> 'trash') OR (NOT :purge AND state = 'trash')
        OR (state = 'pending' AND NOT old) THEN ''
      WHEN c.protected THEN NULL ELSE kept END,
    CASE WHEN state = 'pending' AND NOT :unfinished THEN 'unfinished'
      WHEN generated AND NOT :generated THEN 'generated'
      WHEN c.lost AND NOT :delete_aliases THEN CASE WHEN {_ONLY_PART} THEN 'part' ELSE 'alias' END
      WHEN used_by IS NOT NULL AND NOT :in_use THEN 'in_use' END AS ask,
    CASE WHEN state = 'pending' AND NOT :unfinished OR generated AND NOT :generated THEN '' END
  FROM subject s LEFT JOIN carried c USING(id) WHERE s.kind = 'version')
WHERE own IS NOT NULL OR ask IS NOT NULL"""

_STAY_BARRED = "INSERT INTO stay SELECT id, 0 FROM barred"

_STAY_OUTSIDE = "INSERT OR IGNORE INTO stay SELECT parent, 0 FROM dep WHERE NOT inside"

_STAY_LINKED = """
INSERT OR IGNORE INTO stay SELECT version_id, 0 FROM shown WHERE by_id IS NULL OR near"""

_STAY_UNKNOWN = """
INSERT OR IGNORE INTO stay SELECT id, 0 FROM subject
WHERE kind = 'version' AND source_key = '' AND (NOT :covered OR NOT known)"""

# Of these types nothing goes without its dependents, whatever is agreed to.
_HOLDING = """IN (SELECT g.id FROM subject g
  WHERE g.type IN (SELECT value FROM json_each(:holding)))"""

_STAY_PARENTS = """
INSERT OR IGNORE INTO stay SELECT d.parent, :next
FROM stay s CROSS JOIN dep d INDEXED BY dep_child ON d.child = s.id
WHERE s.round = :round AND d.inside"""

_STAY_SHOWN = """
INSERT OR IGNORE INTO stay SELECT h.version_id, :next
FROM stay s CROSS JOIN shown h ON h.by_id = s.id WHERE s.round = :round"""

_STAY_CIRCLE = """
INSERT OR IGNORE INTO stay SELECT o.id, :next
FROM stay s CROSS JOIN circle c ON c.id = s.id
CROSS JOIN circle o ON o.number = c.number WHERE s.round = :round"""

# What loses a parent, and which links break, as far as both are there afterwards.
_LOSERS = (
    """UPDATE dep SET stays = child <> parent AND EXISTS(SELECT 1 FROM stay s WHERE s.id = child)
    WHERE inside""",
    """UPDATE shown SET breaks =
      by_id IS NULL OR near OR EXISTS(SELECT 1 FROM stay s WHERE s.id = by_id)""",
)

# Dependents of its own circle do not count until all else is agreed to.
_HELD = """
INSERT INTO held(id, verdict, reason, detail)
SELECT id,
  CASE WHEN own IS NOT NULL OR why <> '' THEN 'blocked'
    WHEN ask IS NOT NULL OR broken OR unsure THEN 'consent' ELSE 'blocked' END,
  CASE WHEN own IS NOT NULL THEN own WHEN why <> '' THEN why
    WHEN ask IS NOT NULL THEN ask WHEN broken THEN 'linked'
    WHEN unsure THEN 'lineage_unknown' ELSE 'dependent_stays' END,
  CASE WHEN own IS NOT NULL THEN own_detail WHEN why <> '' THEN NULL
    WHEN ask IS NOT NULL THEN ask_detail WHEN broken THEN NULL
    WHEN unsure THEN CASE WHEN :covered THEN '' ELSE :coverage END END
FROM (SELECT t.id, b.own, b.own_detail, b.ask, b.ask_detail,
    CASE WHEN s.type IN (SELECT value FROM json_each(:holding))
        AND EXISTS(SELECT 1 FROM dep d WHERE d.parent = t.id AND d.stays) THEN 'holds'
      WHEN :orphan THEN ''
      WHEN EXISTS(SELECT 1 FROM dep d WHERE d.parent = t.id AND d.stays AND NOT d.inside)
        THEN 'dependents'
      WHEN EXISTS(SELECT 1 FROM dep d WHERE d.parent = t.id AND d.stays AND NOT d.near)
        THEN 'dependent_stays' ELSE '' END AS why,
    NOT :unknown AND s.source_key = '' AND (NOT :covered OR NOT s.known) AS unsure,
    NOT :links AND EXISTS(SELECT 1 FROM shown w WHERE w.version_id = t.id AND w.breaks) AS broken
  FROM stay t CROSS JOIN subject s ON s.id = t.id LEFT JOIN barred b ON b.id = t.id)"""

_REACHED = """WITH RECURSIVE below(id, root) AS (
  SELECT s.id, s.id FROM subject s WHERE NOT s.added AND s.kind = 'version'
    AND {goes} EXISTS(SELECT 1 FROM held h WHERE h.id = s.id)
  UNION
  SELECT d.child, b.root FROM below b CROSS JOIN dep d ON d.parent = b.id WHERE d.inside)"""

# The first one in the order of the review is named.
_ALONE = f"""
INSERT INTO held(id, verdict, reason, detail)
SELECT id, 'blocked', 'asked_stays', name FROM (
  {_REACHED.format(goes="")}
  SELECT b.id, r.collection || ':' || r.label AS name,
    row_number() OVER (PARTITION BY b.id ORDER BY r.collection, r.home, r.ordinal) AS turn
  FROM below b CROSS JOIN subject s ON s.id = b.id CROSS JOIN subject r ON r.id = b.root
  WHERE s.added AND NOT EXISTS(SELECT 1 FROM held h WHERE h.id = b.id))
WHERE turn = 1 AND id NOT IN ({_REACHED.format(goes="NOT")} SELECT id FROM below)"""

# Without what binds those of a circle that go to those of it that stay.
_UNBOUND = """SELECT node, first FROM need n WHERE NOT EXISTS(
  SELECT 1 FROM circle a CROSS JOIN circle b ON b.id = n.first AND b.number = a.number
  WHERE a.id = n.node
  AND (EXISTS(SELECT 1 FROM held WHERE id = n.node)
    OR EXISTS(SELECT 1 FROM held WHERE id = n.first)))"""

_HELD_LEVELS = "UPDATE held SET level = ifnull((SELECT level FROM place WHERE node = held.id), 0)"


def give_verdicts(
    conn: sqlite3.Connection, head: Head, holding: Collection[str] = frozenset()
) -> None:
    """Find all that stays, with the reasons, and the level of all that was laid out.

    Of the types in `holding` nothing goes while a dependent of it stays.
    """
    options = head.options
    coverage = lineage_coverage(conn)
    conn.execute("DELETE FROM subject WHERE id < 0")
    for table in ("barred", "stay", "held", "used"):
        conn.execute(f"DELETE FROM {table}")
    bound = {
        "read_only": head.read_only,
        "purge": options.action is Action.PURGE,
        "unfinished": options.unfinished,
        "generated": options.generated,
        "delete_aliases": options.delete_aliases,
        "orphan": options.orphan_dependents,
        "in_use": options.in_use,
        "links": options.break_links,
        "unknown": options.unknown_lineage,
        "holding": json.dumps(sorted(holding)),
        "covered": coverage.complete,
        "coverage": coverage.words(),
    }
    conn.execute(_BARRED, bound)
    conn.execute(_STAY_BARRED)
    spread = []
    if not options.orphan_dependents:
        conn.execute(_STAY_OUTSIDE)
        spread += [_STAY_PARENTS, _STAY_CIRCLE]
    elif holding:
        conn.execute(f"{_STAY_OUTSIDE} AND parent {_HOLDING}", bound)
        spread.append(f"{_STAY_PARENTS} AND d.parent {_HOLDING}")
    if not options.break_links:
        conn.execute(_STAY_LINKED)
        spread.append(_STAY_SHOWN)
    if not options.unknown_lineage:
        conn.execute(_STAY_UNKNOWN, bound)
    _spread(conn, spread, bound)
    for statement in _LOSERS:
        conn.execute(statement)
    conn.execute(_HELD, bound)
    broken_up = _any(conn, "SELECT 1 FROM circle c CROSS JOIN stay s USING(id)")
    if _any(conn, "SELECT 1 FROM joined"):
        kept = conn.execute(_ALONE).rowcount
        broken_up = broken_up or (kept > 0 and _any(conn, "SELECT 1 FROM circle"))
    put_in_order(conn, _UNBOUND if broken_up else _ALL_NEEDS)
    conn.execute(_HELD_LEVELS)


def _spread(
    conn: sqlite3.Connection, statements: Sequence[str], bound: Mapping[str, object]
) -> None:
    """Let what stays hold others back, round by round, until a round holds nobody."""
    turn, more = 0, True
    while more:
        rounds = {**bound, "round": turn, "next": turn + 1}
        more = sum(conn.execute(one, rounds).rowcount for one in statements) > 0
        turn += 1


# A collection that is used stands before the first of its versions that goes, an empty one last.
_JUDGED = """
INSERT INTO judged(id, level, verdict, reason, detail)
SELECT s.id,
  CASE WHEN h.id IS NOT NULL THEN h.level ELSE coalesce(
    (SELECT p.level FROM place p WHERE p.node = s.id),
    CASE WHEN EXISTS(SELECT 1 FROM used u WHERE u.collection_id = s.home) AND s.kind = 'version'
      THEN 1 + ifnull((SELECT p.level FROM place p WHERE p.node = -s.home), 0) END, 0) END,
  ifnull(h.verdict, 'delete'), ifnull(h.reason, ''),
  CASE WHEN h.id IS NOT NULL THEN h.detail ELSE '' END
FROM subject s LEFT JOIN held h ON h.id = s.id
ORDER BY s.ordinal IS NULL, s.collection, CASE WHEN s.ordinal IS NULL THEN s.key END,
  s.home, s.ordinal, s.id"""

_BELONGS = """
UPDATE judged SET belongs = (SELECT w.seq FROM subject s CROSS JOIN judged w ON w.id = -s.home
  WHERE s.id = judged.id)
WHERE verdict = 'delete' AND id IN (SELECT s.id FROM subject s
  CROSS JOIN used u ON u.collection_id = s.home WHERE s.kind = 'version')"""


def put_items(conn: sqlite3.Connection) -> None:
    """Put all that was judged in the order of the review."""
    conn.execute("DELETE FROM judged")
    conn.execute(_JUDGED)
    if _any(conn, "SELECT 1 FROM used"):
        conn.execute(_BELONGS)


def pick_going(conn: sqlite3.Connection) -> None:
    """Pick exactly those versions that go."""
    conn.execute("DELETE FROM temp.picked")
    conn.execute(
        """INSERT INTO picked SELECT s.id FROM subject s WHERE s.kind = 'version'
        AND NOT EXISTS(SELECT 1 FROM held h WHERE h.id = s.id)"""
    )


def going_types(conn: sqlite3.Connection) -> frozenset[str]:
    """The types of what is picked."""
    rows = conn.execute(
        """SELECT DISTINCT c.type FROM picked p CROSS JOIN version v ON v.id = p.version_id
        CROSS JOIN collection c ON c.id = v.collection_id"""
    )
    return frozenset(kind for (kind,) in rows)
