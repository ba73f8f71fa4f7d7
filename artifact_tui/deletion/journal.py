"""What an apply writes into its plan: intents before each call, outcomes after it, its own life.

Every method is one transaction that is on the disk when it returns.
"""

from __future__ import annotations

import os
import socket
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from artifact_tui.deletion import planfile
from artifact_tui.deletion.items import OPEN, ItemState, Reason
from artifact_tui.deletion.plan import Status, Want
from artifact_tui.errors import ArtifactTuiError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Collection, Iterator, Mapping

    from artifact_tui.deletion.plan import Plan
    from artifact_tui.model import Recipe

_P = ParamSpec("_P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of one item after a look or a call; PLANNED means: to be tried again."""

    seq: int
    state: ItemState
    reason: Reason = Reason.NONE
    detail: str = ""
    error: str = ""
    retryable: bool = False

    @property
    def open(self) -> bool:
        """Whether it has not ended."""
        return self.state in OPEN


def _ending(outcome: Settled) -> tuple[str, str, str, str, bool]:
    return outcome.state, outcome.reason, outcome.detail, outcome.error, outcome.retryable


def _whole(
    method: Callable[Concatenate[Journal, _P], T],
) -> Callable[Concatenate[Journal, _P], T]:
    """A method that is one transaction: carried out again once a reserve has made room for it."""

    @wraps(method)
    def again(self: Journal, /, *args: _P.args, **kwargs: _P.kwargs) -> T:
        return planfile.with_room(self.path, lambda: method(self, *args, **kwargs))

    return again


class Journal:
    """The writing side of a plan; hold its lock while using one."""

    def __init__(self, plan: Plan, clock: Callable[[], int]) -> None:
        self._plan = plan
        self.path = plan.path
        self._conn = plan.conn
        self._clock = clock
        self._run = 0
        self.begun_us: int | None = None
        """When this run began; None before `begin`."""

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with planfile.trouble(self._plan.path):
            self._conn.execute("BEGIN IMMEDIATE")
            try:
                yield self._conn
                self._conn.execute(
                    "UPDATE run SET heartbeat_us=? WHERE id=?", (self._clock(), self._run)
                )
                self._conn.execute("COMMIT")
            except BaseException:
                if self._conn.in_transaction:
                    self._conn.execute("ROLLBACK")
                raise

    @property
    def begun(self) -> bool:
        """Whether this file was applied before, at least in part."""
        return bool(self._plan.one("SELECT EXISTS(SELECT 1 FROM run)"))

    @_whole
    def begin(self) -> None:
        """A run starts; a pause asked of an earlier one is forgotten, a cancellation is not."""
        now = self.begun_us = self._clock()
        with self._transaction() as conn:
            sql = "INSERT INTO run(pid, host, started_us, heartbeat_us) VALUES(?,?,?,?)"
            cursor = conn.execute(sql, (os.getpid(), socket.gethostname(), now, now))
            self._run = cursor.lastrowid or 0
            conn.execute("UPDATE journal SET status=?, why='', pace=''", (Status.APPLYING,))
            conn.execute("UPDATE journal SET want=? WHERE want=?", (Want.RUN, Want.PAUSE))

    @_whole
    def beat(self) -> None:
        """A sign of life."""
        with self._transaction():
            pass

    @_whole
    def pace(self, words: str) -> None:
        """What limits the speed now; also a sign of life."""
        with self._transaction() as conn:
            conn.execute("UPDATE journal SET pace=?", (words,))

    @_whole
    def status(self, status: Status) -> None:
        """The plan is now paused, or applied again."""
        with self._transaction() as conn:
            conn.execute("UPDATE journal SET status=?", (status,))

    @_whole
    def intents(self, seqs: Collection[int], recipes: Mapping[int, Recipe] | None = None) -> None:
        """These items are about to be sent; with what is needed to make them again."""
        sql = "UPDATE progress SET state='sent', attempts=attempts+1, sent_us=? WHERE seq=?"
        now = self._clock()
        with self._transaction() as conn:
            conn.executemany(sql, ((now, seq) for seq in seqs))
            conn.executemany(
                "INSERT OR IGNORE INTO recipe VALUES(?,?,?,?)",
                [(seq, r.type, r.name, r.url) for seq, r in (recipes or {}).items()],
            )

    @_whole
    def settle(self, outcomes: Collection[Settled]) -> None:
        """These items have ended, or wait for another try."""
        sql = """UPDATE progress SET state=?, reason=?, detail=?, error=?, retryable=?, done_us=?
            WHERE seq=?"""
        now = self._clock()
        rows = [(*_ending(o), None if o.state in OPEN else now, o.seq) for o in outcomes]
        if rows:
            with self._transaction() as conn:
                conn.executemany(sql, rows)

    @_whole
    def uncertain(self, seqs: Collection[int], error: str) -> None:
        """Items stay SENT: nobody can say yet what happened; this is why."""
        sql = "UPDATE progress SET reason=?, error=? WHERE seq=? AND state='sent'"
        with self._transaction() as conn:
            conn.executemany(sql, ((Reason.NO_ANSWER, error, seq) for seq in seqs))

    @_whole
    def give_up(self, seqs: Collection[int]) -> None:
        """Items that were to be tried again have failed; why is already with them."""
        sql = """UPDATE progress SET state='failed', retryable=1, done_us=?
            WHERE seq=? AND state='planned'"""
        now = self._clock()
        with self._transaction() as conn:
            conn.executemany(sql, ((now, seq) for seq in seqs))

    @_whole
    def cancel_rest(self) -> None:
        """What has not been sent will not be."""
        sql = """UPDATE progress SET state='not_tried', done_us=? WHERE state='planned'
            AND seq IN (SELECT seq FROM item WHERE verdict='delete')"""
        with self._transaction() as conn:
            conn.execute(sql, (self._clock(),))

    @_whole
    def reopen_failed(self) -> int:
        """Plan again what failed and may work now, and parents that stayed because of it."""
        sql = """UPDATE progress SET state='planned', reason='', detail='', error='',
            retryable=0, done_us=NULL
            WHERE state='failed' AND retryable OR state='refused' AND reason IN (?,?,?,?)"""
        with self._transaction() as conn:
            failed = conn.execute(
                "SELECT count(*) FROM progress WHERE state='failed' AND retryable"
            ).fetchone()[0]
            if failed:
                stayed = (
                    Reason.DEPENDENT_STAYS,
                    Reason.ASKED_STAYS,
                    Reason.ARTIFACT_STAYS,
                    Reason.LINKED,
                )
                conn.execute(sql, stayed)
                conn.execute(
                    "UPDATE journal SET status=?, want=?, why=?",
                    (Status.INTERRUPTED, Want.RUN, "what failed is to be tried again"),
                )
        return int(failed)

    @_whole
    def end(self, status: Status, why: str = "") -> None:
        """The run ends here."""
        with self._transaction() as conn:
            conn.execute("UPDATE journal SET status=?, why=?, pace=''", (status, why))
            sql = "UPDATE run SET ended_us=?, ended=? WHERE id=?"
            conn.execute(sql, (self._clock(), why or str(status), self._run))

    def end_badly(self, why: str) -> None:
        """As `end`, when the plan itself may not be writable; without a word the lock tells."""
        with suppress(ArtifactTuiError):
            self.end(Status.INTERRUPTED, why)
