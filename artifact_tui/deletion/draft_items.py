"""The items of a review that is not saved yet: temp tables that only one connection sees.

SQLite keeps them in memory while they are small, and in a file without a name once they are not.
So a review of a few items needs no disk, one of half a million needs no memory, and nothing is
left behind, however the program ends. They live as long as somebody holds these items.

What is reviewed is written down once; who goes, who stays and why is another table, which is made
anew when something else is agreed to. The facts of an item as JSON, and names in sentences, are
composed from both when a page is read, or when the plan is written.
"""

from __future__ import annotations

import codecs
import json
import sqlite3
import threading
import weakref
from array import array
from collections.abc import Container, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Self, TypeVar, overload

import msgspec

from artifact_tui.database import SQLITE_TEXT
from artifact_tui.deletion.items import DETAIL_NAMES, Item, ItemState, Reason, Verdict
from artifact_tui.errors import PlanError
from artifact_tui.model import Facts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from artifact_tui.deletion.items import Options
    from artifact_tui.deletion.plan import Head

PAGE = 1000
"""How many items are fetched at a time: readers must not hold up the apply."""

T = TypeVar("T")

TABLES = """
CREATE TEMP TABLE subject(          -- what is under review; a version has its own id
  id INTEGER PRIMARY KEY, kind TEXT NOT NULL, key TEXT NOT NULL, collection TEXT NOT NULL,
  label TEXT NOT NULL, type TEXT NOT NULL, size INTEGER, digest TEXT NOT NULL,
  state TEXT NOT NULL, source_key TEXT NOT NULL, kept TEXT NOT NULL, generated INTEGER NOT NULL,
  known INTEGER NOT NULL, added INTEGER NOT NULL, aliases TEXT, links TEXT,
  old INTEGER NOT NULL, home INTEGER, ordinal INTEGER, used_by TEXT);
CREATE TEMP TABLE dep(              -- nearest live dependents; inside: they are picked as well
  parent INTEGER, key TEXT, name TEXT, child INTEGER, inside INTEGER,
  near INTEGER NOT NULL DEFAULT 0,  -- in a circle with it
  stays INTEGER NOT NULL DEFAULT 1, -- as it is judged now
  PRIMARY KEY(parent, key)) WITHOUT ROWID;
CREATE TEMP TABLE shown(            -- links to what is picked; by_id: the picked link itself
  version_id INTEGER, key TEXT, name TEXT, by_id INTEGER, near INTEGER NOT NULL DEFAULT 0,
  breaks INTEGER NOT NULL DEFAULT 1, PRIMARY KEY(version_id, key)) WITHOUT ROWID;
CREATE TEMP TABLE judged(           -- in the order of the review; a detail may be worded later
  seq INTEGER PRIMARY KEY, id INTEGER NOT NULL UNIQUE, level INTEGER NOT NULL,
  verdict TEXT NOT NULL, reason TEXT NOT NULL, detail TEXT, belongs INTEGER);
"""
"""What is reviewed, with all that its items are made of: nothing of the catalog is read later."""


def of_whole(item: str) -> str:
    """SQL for whether another version has the alias (`a`), of which this `item` is a part."""
    return f"""substr(json_extract(a.value, '$.scope'), 1, length({item}.collection) + 1)
    = {item}.collection || ':'"""


def _some_names(names: str, order: str) -> str:
    """SQL for the first few of these names in one line; NULL where there are none.

    `names` is a query without ORDER BY whose column `name` has them.
    """
    more = f"(SELECT count(*) FROM ({names})) - {DETAIL_NAMES}"
    return f"""(SELECT group_concat(name, ', ') FROM
  (SELECT name FROM ({names}) ORDER BY {order} LIMIT {DETAIL_NAMES}))
  || CASE WHEN {more} > 0 THEN ' and ' || ({more}) || ' more' ELSE '' END"""


_LOST_WORDS = _some_names(
    """SELECT json_extract(a.value, '$.name') || CASE json_extract(a.value, '$.scope')
        WHEN '' THEN '' ELSE ' in ' || json_extract(a.value, '$.scope') END AS name, a.key AS at
      FROM json_each(s.aliases) a
      WHERE NOT (s.source_key <> '' AND json_extract(a.value, '$.scope') <> '')
      AND (j.reason IN ('alias', 'part') OR json_extract(a.value, '$.protected'))""",
    "at",
)

_STAYING = "SELECT key, name FROM dep d WHERE d.parent = s.id AND d.stays"

_FACTS = """json_object('key', s.key, 'digest', s.digest, 'state', s.state,
  'aliases', json(ifnull(s.aliases, '[]')),
  'dependents', json(CASE WHEN EXISTS(SELECT 1 FROM dep d WHERE d.parent = s.id) THEN
    (SELECT json_group_array(key) FROM (SELECT key FROM dep d WHERE d.parent = s.id ORDER BY key))
    ELSE '[]' END),
  'lineage_known', json(CASE WHEN s.known THEN 'true' ELSE 'false' END),
  'source_key', s.source_key, 'links', json(ifnull(s.links, '[]')), 'kept', s.kept,
  'generated', json(CASE WHEN s.generated THEN 'true' ELSE 'false' END),
  'used_by', json(ifnull(s.used_by, '[]')))"""

_VIEWS = f"""
CREATE TEMP VIEW reviewed AS
SELECT j.seq, s.kind, j.level, s.key, s.collection, s.label, s.type, s.size, {_FACTS} AS facts,
  j.verdict, j.reason,
  CASE WHEN j.detail IS NOT NULL THEN j.detail
    WHEN j.reason IN ('alias', 'part', 'protected') THEN {_LOST_WORDS}
    WHEN j.reason = 'in_use' THEN {
    _some_names("SELECT u.key AS at, u.value AS name FROM json_each(s.used_by) u", "at")
}
    WHEN j.reason = 'linked' THEN {
    _some_names("SELECT key, name FROM shown w WHERE w.version_id = s.id AND w.breaks", "key, name")
}
    ELSE coalesce({_some_names(f"{_STAYING} AND NOT d.near", "key")},
      {_some_names(_STAYING, "key")}, '') END AS detail,
  s.added, j.belongs, s.source_key, s.generated, s.state = 'pending' AS pending,
  NOT s.known AS untold, s.aliases, s.links, s.used_by, 0 AS strange
FROM judged j CROSS JOIN subject s ON s.id = j.id;
CREATE TEMP VIEW outside AS
SELECT j.seq, d.key, d.name FROM judged j JOIN dep d ON d.parent = j.id WHERE d.stays;
CREATE TEMP VIEW progress AS SELECT seq, 'planned' AS state, 0 AS attempts, '' AS reason,
  '' AS detail, '' AS error, 0 AS retryable, NULL AS sent_us, NULL AS done_us FROM judged;
"""
"""The columns of a plan file, and what its numbers are counted from, as `REVIEWED_VIEW` has it."""

REVIEWED_VIEW = """
CREATE TEMP VIEW reviewed AS
SELECT i.*, json_extract(facts, '$.source_key') AS source_key,
  json_extract(facts, '$.generated') IS 1 AS generated,
  json_extract(facts, '$.state') IS 'pending' AS pending,
  json_extract(facts, '$.lineage_known') IS 0 AS untold,
  json_extract(facts, '$.aliases') AS aliases, json_extract(facts, '$.links') AS links,
  nullif(json_extract(facts, '$.used_by'), '[]') AS used_by,
  json_type(facts, '$.source_key') IS NOT 'text' AS strange FROM item i"""
"""The items of a plan file, with what of their facts is counted."""


def item_columns(facts: str = "i.facts") -> str:
    """The columns of an item (`i`) with its progress (`p`), as `item_of_row` takes them."""
    return f"""i.seq, i.level, i.key, i.collection, i.label, i.type, i.size, {facts}, i.verdict,
    CASE WHEN p.reason <> '' THEN p.reason ELSE i.reason END,
    CASE WHEN p.reason <> '' THEN p.detail ELSE i.detail END,
    i.added, i.kind, p.state, p.attempts, p.error, p.retryable, p.sent_us, p.done_us,
    i.belongs"""


_facts_decoder = msgspec.json.Decoder(Facts)
_NAMES = ("key", "collection", "label", "type")
"""What facts have in common with their item."""


def item_of_row(row: Sequence[Any], outside: tuple[str, ...]) -> Item:
    """The item that a row of `item_columns` tells; ValueError for what is none."""
    texts = (*row[2:6], *row[7:11], row[12], row[13], row[15])
    numbers = (row[0], row[1], row[14], *[n for n in (row[6], *row[17:20]) if n is not None])
    if {*map(type, texts)} != {str}:
        raise ValueError("a text of an item is none")
    if {*map(type, numbers)} != {int} or min(numbers) < 0 or max(numbers) >= 1 << 62:
        raise ValueError("a number of an item is none")
    facts = _facts_decoder.decode(row[7])
    for name, told in zip(_NAMES, row[2:6], strict=True):
        object.__setattr__(facts, name, told)  # nobody else has them yet: a copy takes ten times
    return Item(
        seq=row[0],
        level=row[1],
        key=row[2],
        collection=row[3],
        label=row[4],
        type=row[5],
        size=row[6],
        facts=facts,
        verdict=Verdict(row[8]),
        reason=Reason(row[9]),
        detail=row[10],
        added_as_dependent=bool(row[11]),
        outside_dependents=outside,
        kind=row[12],
        state=ItemState(row[13]),
        attempts=row[14],
        error=row[15],
        retryable=bool(row[16]),
        sent_us=row[17],
        done_us=row[18],
        belongs=row[19],
    )


def read_items(
    conn: sqlite3.Connection, where: str, params: Sequence[object], *, facts: str = "i.facts"
) -> Iterator[Item]:
    """The items (`i`) with their progress (`p`) for which our own SQL condition holds."""
    sql = f"""SELECT {item_columns(facts)} FROM reviewed i CROSS JOIN progress p USING(seq)
    WHERE {where}"""
    rows = conn.execute(sql, params).fetchall()
    outside = _outside_of(conn, [row[0] for row in rows])
    for row in rows:
        plain = row if isinstance(row[7], str) else (*row[:7], _spelled(row[7]), *row[8:])
        yield item_of_row(plain, tuple(outside.get(row[0], ())))


def _outside_of(conn: sqlite3.Connection, seqs: Sequence[int]) -> dict[int, list[str]]:
    """The dependents that stay, of those of these items that have any."""
    found: dict[int, list[str]] = {}
    for start in range(0, len(seqs), PAGE):
        part = seqs[start : start + PAGE]
        marks = ",".join("?" * len(part))
        sql = f"SELECT seq, key FROM outside WHERE seq IN ({marks}) ORDER BY seq, key"
        for seq, key in conn.execute(sql, part).fetchall():
            found.setdefault(seq, []).append(key)
    return found


def _spell_in_json(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    wrong = error.object[error.start : error.end]
    return "".join(f"\\\\x{byte:02x}" for byte in wrong), error.end


codecs.register_error("spelled-in-json", _spell_in_json)


def _spelled(facts: bytes) -> str:
    """JSON in which a byte of a text that is not UTF-8 is spelled out, as `SQLITE_TEXT` does."""
    return facts.decode(errors="spelled-in-json")


_RAW_FACTS = "CAST(i.facts AS BLOB)"


class _Rows(Sequence[T]):
    """A sequence that is read from a table a page at a time."""

    def __init__(self, count: int) -> None:
        self._count = count

    def page(self, after: int, limit: int) -> list[T]:
        """Those from position `after` (from 0), at most `limit` of them."""
        raise NotImplementedError

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> list[T]: ...
    def __getitem__(self, index: int | slice) -> T | list[T]:
        if isinstance(index, slice):
            start, stop, step = index.indices(self._count)
            if step == 1:
                return self.page(start, max(0, stop - start))
            return [self[at] for at in range(start, stop, step)]
        at = index + self._count if index < 0 else index
        if not 0 <= at < self._count:
            raise IndexError(index)
        return self.page(at, 1)[0]

    def __iter__(self) -> Iterator[T]:
        for start in range(0, self._count, PAGE):
            yield from self.page(start, min(PAGE, self._count - start))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]


_COPIED = """seq, kind, level, key, collection, label, type, size, {facts}, verdict, reason, detail,
  added, belongs"""

_COPY = (
    f"""INSERT INTO saved.item SELECT {_COPIED.format(facts="facts")} FROM temp.reviewed
    WHERE seq > ?1 AND seq <= ?2 ORDER BY seq""",
    """INSERT INTO saved.outside SELECT seq, key, name FROM temp.outside
    WHERE seq > ?1 AND seq <= ?2 ORDER BY seq, key""",
    "INSERT INTO saved.progress(seq) SELECT seq FROM judged WHERE seq > ?1 AND seq <= ?2",
)

_COPIED_AT_ONCE = 20_000
"""Items that are copied by one statement: who reads the draft meanwhile waits for it."""

_OBJECT_IDS = -(1 << 40)
"""Stored objects are numbered down from here, and collections from 0: versions have their ids."""


_OWNER_TABLE = (
    "DROP TABLE IF EXISTS temp.owner",
    """CREATE TEMP TABLE owner(
      number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, seq INTEGER, type TEXT)""",
)


class Owner(NamedTuple):
    """A version that goes, or is in the trash already, by what it is called in a storage."""

    number: int
    """Its place among these, from 1."""
    name: str
    seq: int | None
    """The item that must go before its objects; None: it is in the trash already."""
    type: str


class DraftItems(_Rows[Item]):
    """The items of a draft in the order of the review: `items[0]` has the `seq` 1."""

    def __init__(self, conn: sqlite3.Connection, head: Head) -> None:
        """`conn` has the tables of `make_tables`, filled, and belongs to these items from now."""
        self.conn = conn
        self.lock = threading.RLock()
        """Held while they are read, or judged again: that is done in threads."""
        self.verdicts_lock = threading.Lock()
        """Held while the verdicts change, or may not: what is saved is what was shown."""
        self._read_at = _changes_of(conn)
        weakref.finalize(self, conn.close)
        super().__init__(0)
        self.judged_for(head)

    @classmethod
    def of_objects(cls, objects: Iterable[Item], head: Head) -> Self:
        """A draft of nothing but stored objects: there is no catalog behind it."""
        conn = sqlite3.connect("", uri=True, isolation_level=None, check_same_thread=False)
        conn.text_factory = SQLITE_TEXT
        cls.make_tables(conn)
        items = cls(conn, head)
        items.add_objects(objects)
        return items

    @staticmethod
    def make_tables(conn: sqlite3.Connection) -> None:
        """Make an empty draft on a connection."""
        conn.executescript(TABLES + _VIEWS)

    def judged_for(self, head: Head) -> None:
        """Note with which head and options they were judged, and count them."""
        self.head = head
        (self._count,) = self.conn.execute("SELECT count(*) FROM judged").fetchone()

    def can_be_judged(self, options: Options) -> bool:
        """Whether verdicts for these options need nothing but what was read already."""
        ours = self.head.options
        same = (ours.action, ours.with_dependents) == (options.action, options.with_dependents)
        return same and self._read_at == _changes_of(self.conn)

    def page(self, after: int, limit: int) -> list[Item]:
        """The items whose `seq` is above `after`, at most `limit` of them."""
        return self.select("i.seq > ? ORDER BY i.seq LIMIT ?", (after, limit))

    def select(self, where: str, params: Sequence[object] = ()) -> list[Item]:
        """The items (`i`) for which our own SQL condition holds."""
        with self.lock:
            return list(read_items(self.conn, where, params, facts=_RAW_FACTS))

    def note_owners(self, owner: Callable[[str], str]) -> int | None:
        """Note what the versions that go are called in a storage: `owner` of their keys.

        So are those that stay only because they are in the trash already, unless something that
        stays was made from them. Gives the highest level of all items; None when nothing of these
        has a name there.
        """
        sql = """SELECT CASE WHEN i.verdict = 'delete' THEN i.seq END, i.key, i.type
            FROM reviewed i CROSS JOIN judged j USING(seq)
            WHERE i.kind = 'version' AND (i.verdict = 'delete' OR i.reason = 'in_trash'
              AND NOT EXISTS(SELECT 1 FROM dep d LEFT JOIN judged c ON c.id = d.child
                WHERE d.parent = j.id AND ifnull(c.verdict, '') <> 'delete'))
            ORDER BY i.seq"""
        with self.lock, self.conn:
            self.conn.execute("BEGIN")
            for statement in _OWNER_TABLE:
                self.conn.execute(statement)
            rows = ((owner(key), seq, kind) for seq, key, kind in self.conn.execute(sql))
            self.conn.executemany(
                """INSERT INTO owner(name, seq, type) VALUES(?, ?, ?)
                ON CONFLICT(name) DO UPDATE SET seq = excluded.seq, type = excluded.type""",
                (row for row in rows if row[0]),
            )
            found: int | None = self.conn.execute(
                "SELECT max(level) FROM judged WHERE EXISTS(SELECT 1 FROM owner)"
            ).fetchone()[0]
            return found

    def owners(self, after: int, limit: int) -> list[Owner]:
        """Up to `limit` of the owners that were noted, those after a number."""
        sql = "SELECT number, name, seq, type FROM owner WHERE number > ? ORDER BY number LIMIT ?"
        with self.lock:
            return [Owner(*row) for row in self.conn.execute(sql, (after, limit)).fetchall()]

    def add_objects(self, more: Iterable[Item]) -> None:
        """Put stored objects behind these items, in this order."""
        with self.lock, self.conn:
            self.conn.execute("BEGIN")
            for item in more:
                seq = self._count + 1
                number = _OBJECT_IDS - seq
                self.conn.execute(
                    """INSERT INTO subject(id, kind, key, collection, label, type, size, digest,
                    state, source_key, kept, generated, known, added, old)
                    VALUES(?, ?, ?, ?, ?, ?, ?, ?, 'live', '', '', 0, 1, 0, 0)""",
                    (number, item.kind, item.key, item.collection, item.label, item.type,
                     item.size, item.facts.digest),
                )  # fmt: skip
                self.conn.execute(
                    "INSERT INTO judged VALUES(?, ?, ?, ?, ?, ?, ?)",
                    (seq, number, item.level, item.verdict, item.reason, item.detail, item.belongs),
                )
                self._count = seq

    def copy_to(self, plan: str, head: Head) -> None:
        """Copy all items into the empty tables of a plan file, given as the URI of SQLite.

        Raises:
            PlanError: they were judged again since they were reviewed with this head.
        """
        with self.verdicts_lock:
            if self.head.id != head.id:
                raise PlanError(
                    "Other things were agreed to since this was reviewed. Nothing was saved.",
                    hint="Look at the review as it is now.",
                )
            self.conn.execute("ATTACH ? AS saved", (plan,))
            try:
                self.conn.execute("PRAGMA saved.synchronous = OFF")
                self.conn.execute("PRAGMA saved.cache_size = -16384")
                self.conn.execute("BEGIN")
                for start in range(0, self._count, _COPIED_AT_ONCE):
                    with self.lock:
                        for statement in _COPY:
                            self.conn.execute(statement, (start, start + _COPIED_AT_ONCE))
                self.conn.execute("COMMIT")
            finally:
                if self.conn.in_transaction:
                    self.conn.execute("ROLLBACK")
                self.conn.execute("DETACH saved")

    def item_rows(self) -> Iterator[Sequence[object]]:
        """All of them as rows of the table `item` of a plan file."""
        sql = f"SELECT {_COPIED.format(facts='CAST(facts AS BLOB)')} FROM reviewed ORDER BY seq"
        return ((*row[:8], _spelled(row[8]), *row[9:]) for row in self.conn.execute(sql))

    def outside_rows(self) -> Iterator[Sequence[object]]:
        """The dependents that stay as rows of the table `outside` of a plan file."""
        return iter(self.conn.execute("SELECT seq, key, name FROM outside ORDER BY seq, key"))

    def outside_names(self, item: Item) -> dict[str, str]:
        """`COLLECTION:LABEL` of the first dependents of an item that stay, by key."""
        sql = "SELECT key, name FROM outside WHERE seq = ? ORDER BY key LIMIT ?"
        with self.lock:
            return dict(self.conn.execute(sql, (item.seq, PAGE)).fetchall())


def _changes_of(conn: sqlite3.Connection) -> int:
    """A number that changes when somebody changes the catalog."""
    return int(conn.execute("PRAGMA main.data_version").fetchone()[0])


class GoingKeys(Container[str]):
    """The keys of all versions of a draft that go, looked up one by one."""

    def __init__(self, items: DraftItems) -> None:
        self._items = items

    def __contains__(self, key: object) -> bool:
        sql = "SELECT EXISTS(SELECT 1 FROM reviewed WHERE key = ? AND verdict = 'delete')"
        with self._items.lock:
            return bool(self._items.conn.execute(sql, (key,)).fetchone()[0])


class PickedItems(_Rows[Item]):
    """The items of a draft for which a condition holds: their numbers in memory, no more."""

    def __init__(self, items: DraftItems, where: str, params: Sequence[object] = ()) -> None:
        """`where` is our own SQL about `i`, a row of `reviewed`."""
        self._items = items
        sql = f"SELECT i.seq FROM reviewed i WHERE {where} ORDER BY i.seq"
        with items.lock:
            self._seqs = array("q", (row[0] for row in items.conn.execute(sql, params)))
        super().__init__(len(self._seqs))

    def page(self, after: int, limit: int) -> list[Item]:
        """Those from a position, in the order of the review."""
        seqs = json.dumps(self._seqs[after : after + limit].tolist())
        return self._items.select(
            "i.seq IN (SELECT value FROM json_each(?)) ORDER BY i.seq", (seqs,)
        )


class RequestedKeys(_Rows[str]):
    """The keys of the versions that were selected, those that joined left out."""

    _WHERE = "kind = 'version' AND NOT added"

    def __init__(self, items: DraftItems) -> None:
        self.items = items
        sql = f"SELECT count(*) FROM subject WHERE {self._WHERE}"
        super().__init__(items.conn.execute(sql).fetchone()[0])

    def page(self, after: int, limit: int) -> list[str]:
        """Those from a position, by their ids."""
        sql = f"SELECT key FROM subject WHERE {self._WHERE} ORDER BY id LIMIT ? OFFSET ?"
        return [row[0] for row in self.items.conn.execute(sql, (limit, after))]

    def __iter__(self) -> Iterator[str]:
        sql = f"SELECT key FROM subject WHERE {self._WHERE} ORDER BY id"
        return (row[0] for row in self.items.conn.execute(sql))
