"""What an apply writes into its plan: intents before each call, and what became of each item.

A registry's answer alone is never believed: 200 may be a lie, 404 may be a lie, and no answer says
nothing. What `facts()` shows afterwards decides; the functions that weigh the two are pure, so that
every row can be tested. Every method of `Journal` is one transaction that is on the disk when it
returns.
"""

from __future__ import annotations

import json
import os
import socket
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from artifact_tui.deletion import plan_file
from artifact_tui.deletion.checks import Refusal, is_gone
from artifact_tui.deletion.items import OPEN, VERSION, ItemState, Reason
from artifact_tui.deletion.plan import Status, Want
from artifact_tui.errors import ArtifactTuiError
from artifact_tui.model import Facts, Outcome, Result

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from artifact_tui.deletion.items import Item, Options
    from artifact_tui.deletion.plan import Plan
    from artifact_tui.model import Recipe


_P = ParamSpec("_P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ItemEnd:
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


_AMONG = "seq IN (SELECT value FROM json_each(?))"


def _columns_of(outcome: ItemEnd) -> tuple[str, str, str, str, bool]:
    return outcome.state, outcome.reason, outcome.detail, outcome.error, outcome.retryable


def _one_transaction(
    method: Callable[Concatenate[Journal, _P], T],
) -> Callable[Concatenate[Journal, _P], T]:
    """A method that is one transaction: carried out again once a reserve has made room for it."""

    @wraps(method)
    def again(self: Journal, /, *args: _P.args, **kwargs: _P.kwargs) -> T:
        return plan_file.with_room(self.path, lambda: method(self, *args, **kwargs))

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
        with plan_file.trouble(self._plan.path):
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

    @_one_transaction
    def begin(self) -> None:
        """A run starts; a pause asked of an earlier one is forgotten, a cancellation is not."""
        now = self.begun_us = self._clock()
        with self._transaction() as conn:
            sql = "INSERT INTO run(pid, host, started_us, heartbeat_us) VALUES(?,?,?,?)"
            cursor = conn.execute(sql, (os.getpid(), socket.gethostname(), now, now))
            self._run = cursor.lastrowid or 0
            conn.execute("UPDATE journal SET status=?, why='', pace=''", (Status.APPLYING,))
            conn.execute("UPDATE journal SET want=? WHERE want=?", (Want.RUN, Want.PAUSE))

    @_one_transaction
    def beat(self) -> None:
        """A sign of life."""
        with self._transaction():
            pass

    @_one_transaction
    def pace(self, words: str) -> None:
        """What limits the speed now; also a sign of life."""
        with self._transaction() as conn:
            conn.execute("UPDATE journal SET pace=?", (words,))

    @_one_transaction
    def status(self, status: Status) -> None:
        """The plan is now paused, or applied again."""
        with self._transaction() as conn:
            conn.execute("UPDATE journal SET status=?", (status,))

    @_one_transaction
    def intend(self, seqs: Sequence[int], recipes: Mapping[int, Recipe] | None = None) -> None:
        """These items are about to be sent; with what is needed to make them again."""
        sql = f"UPDATE progress SET state='sent', attempts=attempts+1, sent_us=? WHERE {_AMONG}"
        with self._transaction() as conn:
            conn.execute(sql, (self._clock(), json.dumps(seqs)))
            if recipes:
                conn.executemany(
                    "INSERT OR IGNORE INTO recipe VALUES(?,?,?,?)",
                    [(seq, r.type, r.name, r.url) for seq, r in recipes.items()],
                )

    @_one_transaction
    def settle(self, ends: Collection[ItemEnd]) -> None:
        """These items have ended, or wait for another try."""
        sql = f"""UPDATE progress SET state=?, reason=?, detail=?, error=?, retryable=?, done_us=?
            WHERE {_AMONG}"""
        alike: dict[tuple[str, str, str, str, bool], list[int]] = {}
        for end in ends:
            alike.setdefault(_columns_of(end), []).append(end.seq)
        if not alike:
            return
        now = self._clock()
        with self._transaction() as conn:
            for columns, seqs in alike.items():
                done = None if columns[0] in OPEN else now
                conn.execute(sql, (*columns, done, json.dumps(seqs)))

    @_one_transaction
    def unsent(self, seqs: Sequence[int]) -> None:
        """Nothing of these has left: it is as if they had not been about to."""
        sql = f"UPDATE progress SET state='planned', attempts=attempts-1 WHERE {_AMONG}"
        with self._transaction() as conn:
            conn.execute(sql, (json.dumps(seqs),))

    @_one_transaction
    def uncertain(self, untold: Mapping[int, str]) -> None:
        """Items that are SENT stay so: nobody can say yet what happened; this is why, by item."""
        sql = "UPDATE progress SET reason=?, error=? WHERE seq=? AND state='sent'"
        with self._transaction() as conn:
            conn.executemany(sql, [(Reason.NO_ANSWER, why, seq) for seq, why in untold.items()])

    @_one_transaction
    def give_up(self, kind: str, level: int) -> None:
        """What is still planned of a kind and level has failed; why is already with it."""
        sql = """UPDATE progress SET state='failed', retryable=1, done_us=? WHERE state='planned'
            AND seq IN (SELECT seq FROM item WHERE verdict='delete' AND level=? AND kind=?)"""
        with self._transaction() as conn:
            conn.execute(sql, (self._clock(), level, kind))

    @_one_transaction
    def cancel_rest(self) -> None:
        """What has not been sent will not be."""
        sql = """UPDATE progress SET state='not_tried', done_us=? WHERE state='planned'
            AND seq IN (SELECT seq FROM item WHERE verdict='delete')"""
        with self._transaction() as conn:
            conn.execute(sql, (self._clock(),))

    @_one_transaction
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

    @_one_transaction
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


_MAY_WORK_LATER = {
    Result.UNKNOWN: Reason.NO_ANSWER,
    Result.FAILED: Reason.REGISTRY_FAILED,
    Result.DONE: Reason.STILL_THERE,
    Result.UNLINKED: Reason.STILL_THERE,
    Result.ABSENT: Reason.SAID_ABSENT,
}
"""Why something is still there, by what the registry answered."""

_REFUSALS = {Result.REFUSED: Reason.REGISTRY_REFUSED, Result.CHANGED: Reason.CHANGED}


def end_gone(item: Item, *, sent: bool) -> ItemEnd:
    """It is gone: by us if we may have sent it, else before us. A link that we took is unlinked."""
    ours = ItemState.UNLINKED if item.is_link else ItemState.VERIFIED
    return ItemEnd(item.seq, ours if sent else ItemState.GONE)


def end_after_look(
    item: Item,
    outcome: Outcome,
    now: Facts | None,
    options: Options,
    changed: Callable[[Item, Facts], Refusal | None],
) -> ItemEnd:
    """The registry answered, and was asked again: `now` is what it says of the item.

    `changed` tells why the item would be refused with facts that are not as they were reviewed.
    """
    result, error = outcome.result, outcome.message
    if now is None or is_gone(now, options.action):
        if result is Result.UNLINKED and item.kind == VERSION:
            return ItemEnd(item.seq, ItemState.UNLINKED)
        ours = result not in {Result.ABSENT, *_REFUSALS}
        return end_gone(item, sent=ours or item.attempts > 0)
    if result is Result.ACCEPTED:
        return ItemEnd(item.seq, ItemState.SENT, Reason.ACCEPTED, error=error)
    if result in _MAY_WORK_LATER:
        return ItemEnd(item.seq, ItemState.PLANNED, _MAY_WORK_LATER[result], error=error)
    refusal = changed(item, now) or Refusal(_REFUSALS[result])
    return ItemEnd(item.seq, ItemState.REFUSED, refusal.reason, refusal.detail, error)


def end_without_look(item: Item, outcome: Outcome, *, unsure: bool = False) -> ItemEnd:
    """The registry answered, but could not be asked again: only the answer is known.

    `unsure` tells that its answers prove nothing.
    """
    result, error = outcome.result, outcome.message
    if result is Result.ACCEPTED:
        return ItemEnd(item.seq, ItemState.SENT, Reason.ACCEPTED, error=error)
    if unsure and result not in _REFUSALS:
        return ItemEnd(item.seq, ItemState.SENT, Reason.NO_ANSWER, error=error)
    if result in _REFUSALS:
        return ItemEnd(item.seq, ItemState.REFUSED, _REFUSALS[result], error=error)
    if result is Result.FAILED:
        return ItemEnd(item.seq, ItemState.PLANNED, Reason.REGISTRY_FAILED, error=error)
    if result in {Result.UNKNOWN, Result.ABSENT}:
        return ItemEnd(item.seq, ItemState.SENT, Reason.NO_ANSWER, error=error)
    return ItemEnd(item.seq, ItemState.DELETED)


def end_not_told(item: Item, words: str) -> ItemEnd:
    """The registry would not tell about it, in these words: it is not sent, and asked about later.

    What an earlier call may have carried out stays uncertain.
    """
    if item.state is ItemState.SENT:
        return ItemEnd(item.seq, ItemState.SENT, Reason.NO_ANSWER, error=words)
    return ItemEnd(item.seq, ItemState.PLANNED, Reason.NOT_TOLD, error=words)


def end_resumed(item: Item, now: Facts | None, options: Options, *, last: bool = False) -> ItemEnd:
    """An earlier call may have carried this out; this is what the registry says now.

    What the registry accepted, and has not done, is waited for, unless this is the `last` look.
    """
    if is_gone(now, options.action):
        return end_gone(item, sent=True)
    if item.reason is Reason.ACCEPTED:
        end = ItemState.FAILED if last else ItemState.SENT
        return ItemEnd(item.seq, end, Reason.ACCEPTED, error=item.error, retryable=last)
    if item.state is ItemState.DELETED:
        end = ItemState.FAILED if last else ItemState.PLANNED
        return ItemEnd(item.seq, end, Reason.STILL_THERE, retryable=last)
    if item.state is ItemState.PLANNED:
        return ItemEnd(item.seq, item.state, item.reason, item.detail, item.error)
    return ItemEnd(item.seq, ItemState.PLANNED)
