"""A thread with a connection of its own: SQL for an event loop, one job after the other.

A job that nobody waits for any longer is stopped: when it has not begun it never does, and the
query that runs is interrupted. Only jobs that are to be kept, which write, are always done.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from artifact_tui.catalog.connection import told

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

T = TypeVar("T")

_STEPS = 20_000
"""SQLite looks up from its work each so many of its steps: about a millisecond."""


class Superseded(asyncio.CancelledError):
    """A newer call made this one pointless; nothing is wrong.

    It is a `CancelledError`, so a task or worker that does not catch it just ends as cancelled.
    """


@dataclass(eq=False, slots=True)
class _Job(Generic[T]):
    """One function to call with the lane's connection."""

    work: Callable[[sqlite3.Connection], T]
    answer: asyncio.Future[T]
    group: str
    keep: bool
    dropped: bool = False


class Lane:
    """One thread, one connection, one queue."""

    def __init__(self, name: str, connect: Callable[[], sqlite3.Connection]) -> None:
        self._loop = asyncio.get_running_loop()
        self._connect = connect
        self._changed = threading.Condition()
        self._waiting: deque[_Job[Any]] = deque()
        self._running: _Job[Any] | None = None
        self._conn: sqlite3.Connection | None = None
        self._closing = False
        self._opened: asyncio.Future[None] = self._loop.create_future()
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._thread = threading.Thread(target=self._work, name=f"catalog-{name}", daemon=True)

    @classmethod
    async def open(cls, name: str, connect: Callable[[], sqlite3.Connection]) -> Lane:
        """Start the thread and connect in it; raises what `connect` raises."""
        lane = cls(name, connect)
        lane._thread.start()
        try:
            await asyncio.shield(lane._opened)
        except BaseException:
            await lane.close()
            raise
        return lane

    async def run(
        self, work: Callable[[sqlite3.Connection], T], *, group: str = "", keep: bool = False
    ) -> T:
        """Call `work` in the thread and wait for its answer.

        With a `group`, earlier calls of the same group that have no answer yet are superseded.
        When the waiting task is cancelled, so is the work, unless it is to be kept.

        Raises:
            Superseded: a newer call of the group came, or the lane was closed.
        """
        job: _Job[T] = _Job(work, self._loop.create_future(), group, keep)
        with self._changed:
            if self._closing:
                raise Superseded
            if group:
                self._drop(lambda other: other.group == group)
            self._waiting.append(job)
            self._changed.notify()
        try:
            return await job.answer
        finally:
            if not job.answer.done() or job.answer.cancelled():
                with self._changed:
                    self._drop(lambda other: other is job)

    async def close(self) -> None:
        """Stop what runs, finish what is kept, close the connection and end the thread.

        Harmless the second time.
        """
        with self._changed:
            self._closing = True
            self._drop(lambda _: True)
            self._changed.notify()
        await asyncio.shield(self._ended)
        self._thread.join()

    def _drop(self, which: Callable[[_Job[Any]], bool]) -> None:
        """Supersede jobs that are not to be kept; the caller holds the lock."""
        for job in [job for job in self._waiting if which(job) and not job.keep]:
            self._waiting.remove(job)
            _fail(job.answer, Superseded())
        running = self._running
        if running is not None and which(running) and not (running.dropped or running.keep):
            running.dropped = True
            _fail(running.answer, Superseded())
            if self._conn is not None:
                self._conn.interrupt()

    def _work(self) -> None:
        """The thread: connect, answer until closed, disconnect."""
        try:
            conn = self._connect()
        except BaseException as error:  # noqa: BLE001 - handed to whoever opened the lane
            self._tell(self._opened, error=error)
            self._tell(self._ended)
            return
        self._conn = conn
        conn.set_progress_handler(self._must_stop, _STEPS)
        self._tell(self._opened)
        while (job := self._take()) is not None:
            self._answer(job, conn)
        conn.close()
        self._tell(self._ended)

    def _take(self) -> _Job[Any] | None:
        """The next job, waiting for one; None when the lane is to close."""
        with self._changed:
            while not self._waiting and not self._closing:
                self._changed.wait()
            self._running = self._waiting.popleft() if self._waiting else None
            return self._running

    def _answer(self, job: _Job[Any], conn: sqlite3.Connection) -> None:
        """Do one job and hand its answer to the loop."""
        result, failed = None, None
        try:
            with told(conn):
                result = job.work(conn)
        except BaseException as error:  # noqa: BLE001 - handed to whoever waits for the answer
            failed = error
        finally:
            with self._changed:
                self._running = None
            if conn.in_transaction:
                conn.rollback()
        if failed is None:
            self._tell(job.answer, result)
        elif not job.dropped:
            self._tell(job.answer, error=failed)

    def _must_stop(self) -> bool:
        """Whether SQLite shall give up; asked in the middle of queries."""
        job = self._running
        return job is not None and job.dropped

    def _tell(
        self, future: asyncio.Future[Any], result: object = None, error: BaseException | None = None
    ) -> None:
        """Settle a future from the thread; a loop that is gone needs no answer."""
        with suppress(RuntimeError):
            if error is None:
                self._loop.call_soon_threadsafe(_settle, future, result)
            else:
                self._loop.call_soon_threadsafe(_fail, future, error)


def _settle(future: asyncio.Future[Any], result: object) -> None:
    """Give an answer unless there is one."""
    if not future.done():
        future.set_result(result)


def _fail(future: asyncio.Future[Any], error: BaseException) -> None:
    """Give an error unless there is an answer."""
    if not future.done():
        future.set_exception(cast("Exception", error))
