"""A plan in its file: what was reviewed, what is asked of it, and what has happened so far."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import msgspec

from artifact_tui import places
from artifact_tui.deletion import lock, planfile, totals, trust
from artifact_tui.deletion.draft import Draft, Head, Summary
from artifact_tui.deletion.items import Item, ItemState, Reason, Verdict
from artifact_tui.errors import PlanError
from artifact_tui.model import Facts

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence
    from types import TracebackType

PAGE = 1000
"""How many items are fetched at a time: readers must not hold up the apply."""

_COLUMNS = """i.seq, i.level, i.key, i.collection, i.label, i.type, i.size, i.facts, i.verdict,
    CASE WHEN p.reason <> '' THEN p.reason ELSE i.reason END,
    CASE WHEN p.reason <> '' THEN p.detail ELSE i.detail END,
    i.added, i.kind, p.state, p.attempts, p.error, p.retryable, p.sent_us, p.done_us,
    i.belongs"""


class Status(StrEnum):
    """Where a plan is in its life."""

    DRAFT = "draft"
    """Saved; nobody has confirmed it."""
    CONFIRMED = "confirmed"
    """What must be typed was typed: it may be applied."""
    APPLYING = "applying"
    PAUSED = "paused"
    INTERRUPTED = "interrupted"
    """Stopped before its end, cleanly or not: it can be resumed."""
    FINISHED = "finished"
    CANCELLED = "cancelled"
    """The rest was given up; what had been done stays done."""


class Want(StrEnum):
    """What the user asks of a running apply."""

    RUN = "run"
    PAUSE = "pause"
    CANCEL = "cancel"


_COUNTED: dict[tuple[str, str], Summary] = {}
"""The numbers of plans that were counted lately, by path and hash: those who watch ask often."""

_REMEMBERED = 100

_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)

_LATEST = 253_402_300_799_000_000
"""The end of the year 9999, in microseconds."""


def _check(head: Head, summary: Summary) -> None:
    """Raise ValueError for what no plan of ours says about itself."""
    texts = (head.identity.kind, head.identity.address, head.identity.uid, head.registry)
    if not _ID.fullmatch(head.id):
        raise ValueError("its id is none")
    if any("\0" in text or len(text) > planfile.LONGEST for text in (*texts, head.actor)):
        raise ValueError("it names no registry")
    if not all(0 <= at <= _LATEST for at in (head.created_us, head.facts_us)):
        raise ValueError("its times are none")
    numbers = (summary.freed, summary.freed_untold, summary.left_objects, summary.left_bytes)
    if any(not 0 <= number < 1 << 62 for number in (*numbers, summary.scanned, summary.models)):
        raise ValueError("its numbers are none")


def new_path(head: Head) -> Path:
    """A file name for a plan that the user did not name, in the folder of plans."""
    made = datetime.fromtimestamp(head.created_us / 1e6, tz=UTC)
    return places.plans_dir() / f"{made:%Y%m%d-%H%M%S}-{head.id[:8]}.plan"


class Plan:
    """An open plan file. Use it from one thread at a time, and close it (or use `with`)."""

    def __init__(self, path: Path, conn: sqlite3.Connection) -> None:
        self.path = path
        """Absolute, with symbolic links followed."""
        self.conn = conn
        self._right: tuple[int, int] | None = None
        """The state of the file at which it was found to be right."""
        with planfile.trouble(path):
            planfile.check_head(conn)
            self.head = msgspec.json.decode(self._value("head"), type=Head)
            self._told = msgspec.json.decode(self._value("summary"), type=Summary)
            self.hash = self._value("hash")
            """Of all that was reviewed, as the file has it: `check_hash` holds it to that."""
            _check(self.head, self._told)

    @classmethod
    def create(cls, path: Path, draft: Draft) -> Self:
        """Save a draft in a new file (0600) and open it for writing.

        Raises:
            PlanError: the file exists already, or cannot be written.
        """
        path = path.absolute()
        path = path.parent.resolve() / path.name
        return planfile.with_room(path, lambda: cls._create(path, draft))

    @classmethod
    def _create(cls, path: Path, draft: Draft) -> Self:
        conn = planfile.create(path)
        try:
            with planfile.trouble(path):
                _fill(conn, draft)
                conn.execute("COMMIT")
            plan = cls(path, conn)
        except BaseException:
            conn.close()
            with suppress(OSError):
                path.unlink()
            raise
        trust.note_made(plan)
        return plan

    @classmethod
    def open(cls, path: Path, *, write: bool = False) -> Self:
        """Open a plan file; without `write` nothing in it can change.

        Raises:
            NotFoundError: there is no such file.
            PlanError: it is not a plan, damaged, or of another format.
        """
        path = Path(os.path.realpath(path))
        conn = planfile.connect(path, write=write)
        try:
            return cls(path, conn)
        except BaseException:
            conn.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self.conn.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _value(self, name: str) -> str:
        row = self.conn.execute("SELECT value FROM plan WHERE name=?", (name,)).fetchone()
        if row is None:
            raise ValueError(f"no {name} in it")
        return str(row[0])

    def one(self, sql: str, params: Sequence[object] = ()) -> Any:
        """The first value of the first row, or None."""
        with planfile.trouble(self.path):
            row = self.conn.execute(sql, params).fetchone()
        return None if row is None else row[0]

    @property
    def summary(self) -> Summary:
        """What was reviewed, counted from the items, with their states as they are now."""
        known = (str(self.path), self.hash)
        if known not in _COUNTED:
            with planfile.trouble(self.path):
                found = totals.counted(self.conn, self._told, self.head.options)
            while len(_COUNTED) >= _REMEMBERED:
                del _COUNTED[next(iter(_COUNTED))]
            _COUNTED[known] = found
        return replace(_COUNTED[known], states=self.states())

    @property
    def confirmed_by(self) -> str:
        """Who confirmed it, as the file says: untrusted text."""
        return str(self.one("SELECT confirmed_by FROM journal"))

    @property
    def status(self) -> Status:
        """Where the plan is now; an apply that died shows as INTERRUPTED."""
        stored = self.stored_status
        if stored in {Status.APPLYING, Status.PAUSED} and not lock.is_held(self.path):
            return Status.INTERRUPTED
        return stored

    @property
    def stored_status(self) -> Status:
        """What the file says, whether or not the apply that wrote it is alive."""
        with planfile.trouble(self.path):
            return Status(self.one("SELECT status FROM journal"))

    @property
    def why(self) -> str:
        """Why the last run ended early: words for people, maybe with a registry's in them."""
        return str(self.one("SELECT why FROM journal"))

    @property
    def pace(self) -> str:
        """What limits the speed of a running apply now, in the client's words; may be empty."""
        return str(self.one("SELECT pace FROM journal"))

    @property
    def want(self) -> Want:
        """What the user last asked of the apply."""
        with planfile.trouble(self.path):
            return Want(self.one("SELECT want FROM journal"))

    def ask(self, want: Want) -> None:
        """Ask the apply to run, pause or cancel the rest; it listens between calls."""
        self.write("UPDATE journal SET want=?", (want,))

    def note(self, why: str) -> None:
        """Say why nothing happened: the apply could not begin."""
        self.write("UPDATE journal SET why=?", (why,))

    def write(self, sql: str, params: Sequence[object]) -> int:
        """Carry one statement of ours out; returns how many rows changed."""

        def once() -> int:
            with planfile.trouble(self.path):
                return self.conn.execute(sql, params).rowcount

        return planfile.with_room(self.path, once)

    def states(self) -> dict[ItemState, int]:
        """How many of the items to delete are in each state."""
        # All of them less those that stay: the index of states alone tells the first, and a join
        # of everything would take seconds at each look.
        sql = """SELECT state, sum(count) FROM (
              SELECT state, count(*) AS count FROM progress GROUP BY state
              UNION ALL
              SELECT p.state, -count(*) FROM item i CROSS JOIN progress p USING(seq)
                WHERE i.verdict IN ('consent', 'blocked') GROUP BY p.state)
            GROUP BY state HAVING sum(count) > 0"""
        with planfile.trouble(self.path):
            return {ItemState(state): count for state, count in self.conn.execute(sql).fetchall()}

    def check_hash(self) -> None:
        """Raise PlanError when the file is damaged, or not what was reviewed any more.

        What was found to be right is not read again while nobody writes to the file.
        """
        state = (self.one("PRAGMA data_version"), self.conn.total_changes)
        if self._right == state:
            return
        with planfile.trouble(self.path):
            found = planfile.content_hash(self.conn)
            kept = self._value("hash")
        if found != kept:
            _COUNTED.pop((str(self.path), self.hash), None)
            raise PlanError(
                f"The plan {self.path} was changed after it was reviewed. Nothing was deleted.",
                hint="Make a new plan and review that.",
            )
        with planfile.trouble(self.path):
            planfile.check_rows(self.conn)
        self._right = state

    def check_untouched(self) -> None:
        """Raise PlanError when the journal tells of work, and no run has ever begun."""
        told = """SELECT EXISTS(SELECT 1 FROM item i LEFT JOIN progress p USING(seq)
            WHERE p.state IS NOT 'planned' OR p.attempts <> 0)"""
        if self.one(told) and not self.one("SELECT EXISTS(SELECT 1 FROM run)"):
            raise PlanError(
                f"The plan {self.path} tells of deletions that were never begun. "
                "Nothing was deleted.",
                hint="Somebody changed the file: make a new plan and review that.",
            )

    def items(
        self,
        *,
        verdict: Verdict | None = None,
        state: ItemState | None = None,
        reason: Reason | None = None,
        after: int = 0,
        limit: int = PAGE,
    ) -> list[Item]:
        """The next items in the order of the review, those with a `seq` above `after`.

        `reason` is the one an item shows: that of its refusal or failure, else of its verdict.
        """
        where, params = ["i.seq > ?"], [after]
        found: list[Any] = params
        if verdict is not None:
            where.append("i.verdict = ?")
            found.append(verdict)
        if state is not None:
            where.append("i.verdict = 'delete' AND p.state = ?")
            found.append(state)
        if reason is not None:
            where.append("CASE WHEN p.reason <> '' THEN p.reason ELSE i.reason END = ?")
            found.append(reason)
        found.append(limit)
        return self.select(f"{' AND '.join(where)} ORDER BY i.seq LIMIT ?", found)

    def every_item(self, *, verdict: Verdict | None = None) -> Iterator[Item]:
        """All items, a page at a time."""
        after = 0
        while page := self.items(verdict=verdict, after=after):
            yield from page
            after = page[-1].seq

    def select(self, where: str, params: Sequence[object]) -> list[Item]:
        """The items (`i`) with their progress (`p`) for which our own SQL condition holds."""
        sql = f"SELECT {_COLUMNS} FROM item i JOIN progress p USING(seq) WHERE {where}"
        with planfile.trouble(self.path):
            rows = self.conn.execute(sql, params).fetchall()
            outside = self._outside([row[0] for row in rows])
            return [_item(row, outside.get(row[0], ())) for row in rows]

    def _outside(self, seqs: Sequence[int]) -> dict[int, tuple[str, ...]]:
        found: dict[int, tuple[str, ...]] = {}
        for start in range(0, len(seqs), PAGE):
            part = seqs[start : start + PAGE]
            marks = ",".join("?" * len(part))
            sql = f"SELECT seq, key FROM outside WHERE seq IN ({marks}) ORDER BY seq, key"
            for seq, key in self.conn.execute(sql, part).fetchall():
                found[seq] = (*found.get(seq, ()), key)
        return found

    def names(self, keys: Sequence[str]) -> dict[str, str]:
        """`COLLECTION:LABEL` of keys that the plan knows: its items and their dependents."""
        found: dict[str, str] = {}
        with planfile.trouble(self.path):
            for key in keys:
                row = self.conn.execute(
                    """SELECT CASE kind WHEN 'collection' THEN collection
                         ELSE collection || ':' || label END FROM item WHERE key=?1
                       UNION ALL SELECT name FROM outside WHERE key=?1 LIMIT 1""",
                    (key,),
                ).fetchone()
                if row is not None:
                    found[key] = row[0]
        return found

    def orphans(self, *, limit: int = PAGE) -> list[tuple[str, int]]:
        """Live versions that stay and lose a parent: name, and how many parents they lose."""
        sql = """SELECT o.name, count(*) FROM outside o JOIN item i USING(seq)
            WHERE i.verdict='delete' GROUP BY o.key ORDER BY o.name LIMIT ?"""
        with planfile.trouble(self.path):
            return self.conn.execute(sql, (limit,)).fetchall()


def _item(row: tuple[Any, ...], outside: tuple[str, ...]) -> Item:
    texts = (*row[2:6], *row[7:11], row[12], row[13], row[15])
    numbers = (row[0], row[1], row[14], *(n for n in (row[6], *row[17:20]) if n is not None))
    if not all(isinstance(one, str) for one in texts):
        raise ValueError("a text of an item is none")
    if not all(isinstance(one, int) and 0 <= one < 1 << 62 for one in numbers):
        raise ValueError("a number of an item is none")
    return Item(
        seq=row[0],
        level=row[1],
        key=row[2],
        collection=row[3],
        label=row[4],
        type=row[5],
        size=row[6],
        facts=replace(
            msgspec.json.decode(row[7], type=Facts),
            key=row[2],
            collection=row[3],
            label=row[4],
            type=row[5],
        ),
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


def _row(item: Item) -> tuple[object, ...]:
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


def _fill(conn: sqlite3.Connection, draft: Draft) -> None:
    encode = msgspec.json.encode
    conn.executemany(
        "INSERT INTO plan(name, value) VALUES(?,?)",
        [("head", encode(draft.head).decode()), ("summary", encode(draft.summary).decode())],
    )
    conn.executemany(
        f"INSERT INTO item VALUES({','.join('?' * 14)})", (_row(item) for item in draft.items)
    )
    conn.executemany(
        "INSERT INTO outside(seq, key, name) VALUES(?,?,?)",
        ((i.seq, k, draft.names.get(k, k)) for i in draft.items for k in i.outside_dependents),
    )
    conn.execute("INSERT INTO progress(seq) SELECT seq FROM item")
    conn.execute("INSERT INTO journal(id, status) VALUES(1, 'draft')")
    conn.execute("INSERT INTO plan(name, value) VALUES('hash', ?)", (planfile.content_hash(conn),))
