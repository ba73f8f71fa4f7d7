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
from dataclasses import dataclass
from typing import TYPE_CHECKING

from artifact_tui.deletion import plan_file
from artifact_tui.deletion.checks import Refusal, is_gone
from artifact_tui.deletion.items import OPEN, VERSION, ItemState, Reason
from artifact_tui.deletion.plan import Status, Want
from artifact_tui.model import Facts, Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from artifact_tui.deletion.items import Item, Options
    from artifact_tui.deletion.plan import Plan
    from artifact_tui.model import Recipe


@dataclass(frozen=True, slots=True)
class ItemEnd:
    """What became of one item after a look or a call; PLANNED means: to be tried again."""

    seq: int
    state: ItemState
    reason: Reason = Reason.NONE
    detail: str = ""
    error: str = ""
    retryable: bool = False


_AMONG = "seq IN (SELECT value FROM json_each(?))"

_TOGETHER = """seq IN (SELECT value FROM json_each(?1) UNION SELECT seq FROM item
    WHERE belongs IN (SELECT value FROM json_each(?1)) AND kind='version' AND verdict='delete')"""
"""SQL: some items, and the versions that go with the whole collections among them."""

_PLAN_AGAIN = (
    "UPDATE progress SET state='planned', reason='', detail='', error='', retryable=0, done_us=NULL"
)
_ANY_FAILED = "EXISTS(SELECT 1 FROM progress WHERE state='failed' AND retryable)"
_STAYED = (Reason.DEPENDENT_STAYS, Reason.ASKED_STAYS, Reason.ARTIFACT_STAYS, Reason.LINKED)
"""Why something stayed because of something else."""


class Journal:
    """The writing side of a plan; hold its lock while using one."""

    def __init__(self, plan: Plan, clock: Callable[[], int]) -> None:
        self._plan = plan
        self._clock = clock
        self._run = 0
        self.begun_us: int | None = None
        """When this run began; None before `begin`."""

    def _write(self, *statements: tuple[str, Sequence[object]]) -> int:
        """Carry all of these out and give a sign of life, or nothing; rows that the last changed.

        On a full disk it is done once a reserve has made room for it.
        """
        conn = self._plan.conn

        def transaction() -> int:
            changed = 0
            with plan_file.trouble(self._plan.path):
                conn.execute("BEGIN IMMEDIATE")
                try:
                    for sql, params in statements:
                        changed = conn.execute(sql, params).rowcount
                    beat = "UPDATE run SET heartbeat_us=? WHERE id=?"
                    conn.execute(beat, (self._clock(), self._run))
                    conn.execute("COMMIT")
                except BaseException:
                    if conn.in_transaction:
                        conn.execute("ROLLBACK")
                    raise
            return changed

        return plan_file.with_room(self._plan.path, transaction)

    def begin(self) -> None:
        """A run starts; a pause asked of an earlier one is forgotten, a cancellation is not."""
        now = self.begun_us = self._clock()
        self._write(
            (
                "INSERT INTO run(pid, host, started_us, heartbeat_us) VALUES(?,?,?,?)",
                (os.getpid(), socket.gethostname(), now, now),
            ),
            ("UPDATE journal SET status=?, why='', pace=''", (Status.APPLYING,)),
            ("UPDATE journal SET want=? WHERE want=?", (Want.RUN, Want.PAUSE)),
        )
        self._run = self._plan.first_value("SELECT max(id) FROM run")

    def beat(self) -> None:
        """A sign of life."""
        self._write()

    def pace(self, words: str) -> None:
        """What limits the speed now."""
        self._write(("UPDATE journal SET pace=?", (words,)))

    def status(self, status: Status) -> None:
        """The plan is now paused, or applied again."""
        self._write(("UPDATE journal SET status=?", (status,)))

    def intend(self, seqs: Sequence[int], recipes: Mapping[int, Recipe]) -> None:
        """Note items that are about to be sent, with what is needed to make them again.

        So are the versions that are to go with the whole collections among them.
        """
        sent = f"""UPDATE progress SET state='sent', attempts=attempts+1, sent_us=?2
            WHERE {_TOGETHER} AND state IN ('planned','sent')"""
        recipe = "INSERT OR IGNORE INTO recipe VALUES(?,?,?,?)"
        self._write(
            (sent, (json.dumps(seqs), self._clock())),
            *((recipe, (seq, one.type, one.name, one.url)) for seq, one in recipes.items()),
        )

    def unsent(self, seqs: Sequence[int]) -> None:
        """Plan items again whose requests did not leave after all."""
        sql = f"""UPDATE progress SET state='planned', attempts=attempts-1
            WHERE {_TOGETHER} AND state='sent'"""
        self._write((sql, (json.dumps(seqs),)))

    def settle(self, ends: Collection[ItemEnd]) -> None:
        """These items have ended, or wait for another try."""
        alike: dict[tuple[object, ...], list[int]] = {}
        now = self._clock()
        for end in ends:
            done = None if end.state in OPEN else now
            columns = (end.state, end.reason, end.detail, end.error, end.retryable, done)
            alike.setdefault(columns, []).append(end.seq)
        sql = f"""UPDATE progress SET state=?, reason=?, detail=?, error=?, retryable=?, done_us=?
            WHERE {_AMONG}"""
        if alike:
            self._write(*((sql, (*how, json.dumps(seqs))) for how, seqs in alike.items()))

    def uncertain(self, untold: Mapping[int, str]) -> None:
        """Items that are SENT stay so: nobody can say yet what happened; this is why, by item."""
        sql = "UPDATE progress SET reason=?, error=? WHERE seq=? AND state='sent'"
        self._write(*((sql, (Reason.NO_ANSWER, why, seq)) for seq, why in untold.items()))

    def give_up(self, kind: str, level: int) -> None:
        """What is still planned of a kind and level has failed; why is already with it."""
        sql = """UPDATE progress SET state='failed', retryable=1, done_us=? WHERE state='planned'
            AND seq IN (SELECT seq FROM item WHERE verdict='delete' AND level=? AND kind=?)"""
        self._write((sql, (self._clock(), level, kind)))

    def cancel_rest(self) -> None:
        """Note of all that was not sent that it was not tried."""
        sql = """UPDATE progress SET state='not_tried', done_us=? WHERE state='planned'
            AND seq IN (SELECT seq FROM item WHERE verdict='delete')"""
        self._write((sql, (self._clock(),)))

    def reopen_failed(self) -> int:
        """Plan again what failed and may work now, and parents that stayed because of it.

        Returns how many had failed; of none, nothing changes.
        """
        why = "what failed is to be tried again"
        return self._write(
            (
                f"UPDATE journal SET status=?, want=?, why=? WHERE {_ANY_FAILED}",
                (Status.INTERRUPTED, Want.RUN, why),
            ),
            (
                f"{_PLAN_AGAIN} WHERE state='refused' AND reason IN (?,?,?,?) AND {_ANY_FAILED}",
                _STAYED,
            ),
            (f"{_PLAN_AGAIN} WHERE state='failed' AND retryable", ()),
        )

    def end(self, status: Status, why: str = "") -> None:
        """The run ends here."""
        self._write(
            ("UPDATE journal SET status=?, why=?, pace=''", (status, why)),
            (
                "UPDATE run SET ended_us=?, ended=? WHERE id=?",
                (self._clock(), why or str(status), self._run),
            ),
        )


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
    """The end of an item that is gone: by us, if a request for it may have left; else before us.

    A link that was sent is unlinked.
    """
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
