"""The items of a review that is not saved yet: rows of a database that only one connection sees.

SQLite keeps such a database in memory while it is small, and in a file without a name once it is
not. So a review of a few items needs no disk, one of half a million needs no memory, and nothing
is left behind, however the program ends. It lives as long as somebody holds these items.
"""

from __future__ import annotations

import codecs
import json
import weakref
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self, TypeVar, overload

import msgspec

from artifact_tui.deletion.items import Item, ItemState, Reason, Verdict
from artifact_tui.model import Facts

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator

PAGE = 1000
"""How many items are fetched at a time: readers must not hold up the apply."""

T = TypeVar("T")

_TABLES = """
CREATE TABLE draft.item(
  seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, level INTEGER NOT NULL, key TEXT NOT NULL,
  collection TEXT NOT NULL, label TEXT NOT NULL, type TEXT NOT NULL, size INTEGER,
  facts TEXT NOT NULL, verdict TEXT NOT NULL, reason TEXT NOT NULL, detail TEXT NOT NULL,
  added INTEGER NOT NULL, belongs INTEGER);
CREATE TABLE draft.outside(
  seq INTEGER NOT NULL, key TEXT NOT NULL, name TEXT NOT NULL, PRIMARY KEY(seq, key)
) WITHOUT ROWID;
CREATE VIEW draft.progress AS SELECT seq, 'planned' AS state, 0 AS attempts, '' AS reason,
  '' AS detail, '' AS error, 0 AS retryable, NULL AS sent_us, NULL AS done_us FROM item;
"""
"""What is reviewed has the columns of a plan file; nothing has been done yet with any item."""

_INDEXES = """
CREATE UNIQUE INDEX draft.item_key ON item(key, kind);
CREATE INDEX draft.item_order ON item(verdict, level, seq);
CREATE INDEX draft.item_belongs ON item(belongs, seq) WHERE belongs IS NOT NULL;
CREATE INDEX draft.outside_key ON outside(key);
"""

_NAME = """SELECT CASE kind WHEN 'collection' THEN collection ELSE collection || ':' || label END
FROM item WHERE key = ?1 AND kind <> 'object'
UNION ALL SELECT name FROM outside WHERE key = ?1 LIMIT 1"""


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


def row_of_item(item: Item) -> tuple[object, ...]:
    """The reviewed part of an item, in the order of the table's columns."""
    return (
        item.seq,
        item.kind,
        item.level,
        item.key,
        item.collection,
        item.label,
        item.type,
        item.size,
        msgspec.json.encode(replace(item.facts, collection="", label="", type="")).decode(),
        item.verdict,
        item.reason,
        item.detail,
        item.added_as_dependent,
        item.belongs,
    )


INSERT_ITEM = f"INSERT INTO item VALUES({','.join('?' * 14)})"
"""For `row_of_item`."""


def read_items(
    conn: sqlite3.Connection, where: str, params: Sequence[object], *, facts: str = "i.facts"
) -> Iterator[Item]:
    """The items (`i`) with their progress (`p`) for which our own SQL condition holds."""
    sql = f"SELECT {item_columns(facts)} FROM item i CROSS JOIN progress p USING(seq) WHERE {where}"
    rows = conn.execute(sql, params).fetchall()
    outside = _outside_of(conn, [row[0] for row in rows])
    for row in rows:
        told = row if isinstance(row[7], str) else (*row[:7], _spelled(row[7]), *row[8:])
        yield item_of_row(told, tuple(outside.get(row[0], ())))


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


class DraftItems(_Rows[Item]):
    """The items of a draft in the order of the review: `items[0]` has the `seq` 1."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        """`conn` has the tables of `make_tables`, filled, and belongs to these items from now."""
        conn.executescript(_INDEXES)
        self.conn = conn
        weakref.finalize(self, conn.close)
        super().__init__(conn.execute("SELECT count(*) FROM item").fetchone()[0])

    @staticmethod
    def make_tables(conn: sqlite3.Connection) -> None:
        """Attach an empty draft to a connection, outside of any transaction."""
        conn.execute("ATTACH '' AS draft")
        # Nothing of it outlives the connection, and what fails is not used any further.
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -8192"):
            conn.execute(f"PRAGMA draft.{pragma}")
        conn.executescript(_TABLES)

    def page(self, after: int, limit: int) -> list[Item]:
        """The items whose `seq` is above `after`, at most `limit` of them."""
        return self.select("i.seq > ? ORDER BY i.seq LIMIT ?", (after, limit))

    def select(self, where: str, params: Sequence[object] = ()) -> list[Item]:
        """The items (`i`) for which our own SQL condition holds."""
        return list(read_items(self.conn, where, params, facts=_RAW_FACTS))

    def seqs(self, where: str, params: Sequence[object] = ()) -> Iterator[int]:
        """The `seq` of the items (`i`) for which our own SQL condition holds, in order."""
        sql = f"SELECT i.seq FROM item i WHERE {where} ORDER BY i.seq"
        return (row[0] for row in self.conn.execute(sql, params))

    def add(self, more: Iterable[Item]) -> Self:
        """Put further items behind these; what these are called from now."""
        self.conn.executemany(INSERT_ITEM, map(row_of_item, more))
        (self._count,) = self.conn.execute("SELECT count(*) FROM item").fetchone()
        return self

    def item_rows(self) -> Iterator[Sequence[object]]:
        """All of them as rows of the table `item` of a plan file."""
        sql = "SELECT * FROM item ORDER BY seq"
        facts = self.conn.execute("SELECT CAST(facts AS BLOB) FROM item ORDER BY seq")
        for row, (text,) in zip(self.conn.execute(sql), facts, strict=True):
            yield (*row[:8], _spelled(text), *row[9:])

    def outside_rows(self) -> Iterator[Sequence[object]]:
        """The dependents that stay as rows of the table `outside` of a plan file."""
        return iter(self.conn.execute("SELECT seq, key, name FROM outside ORDER BY seq, key"))


class PickedItems(_Rows[Item]):
    """The items of a draft for which a condition holds: their numbers in memory, no more."""

    def __init__(self, items: DraftItems, where: str, params: Sequence[object]) -> None:
        self._items = items
        self._seqs = array("q", items.seqs(where, params))
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
        self._items = items
        sql = f"SELECT count(*) FROM item WHERE {self._WHERE}"
        super().__init__(items.conn.execute(sql).fetchone()[0])

    def page(self, after: int, limit: int) -> list[str]:
        """Those from a position, in the order of the review."""
        sql = f"SELECT key FROM item WHERE {self._WHERE} ORDER BY seq LIMIT ? OFFSET ?"
        return [row[0] for row in self._items.conn.execute(sql, (limit, after))]

    def __iter__(self) -> Iterator[str]:
        sql = f"SELECT key FROM item WHERE {self._WHERE} ORDER BY seq"
        return (row[0] for row in self._items.conn.execute(sql))


class DraftNames(Mapping[str, str]):
    """`COLLECTION:LABEL` of versions by key: of the items, and of dependents that stay."""

    def __init__(self, items: DraftItems) -> None:
        self._items = items

    def __getitem__(self, key: str) -> str:
        row = self._items.conn.execute(_NAME, (key,)).fetchone()
        if row is None:
            raise KeyError(key)
        return str(row[0])

    def __iter__(self) -> Iterator[str]:
        return (row[0] for row in self._items.conn.execute("SELECT DISTINCT key FROM outside"))

    def __len__(self) -> int:
        sql = "SELECT count(DISTINCT key) FROM outside"
        return int(self._items.conn.execute(sql).fetchone()[0])
