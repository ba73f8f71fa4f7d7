"""The process that measures stores, `python -m artifact_tui.measuring AT_ONCE PATIENCE`.

It reads requests from standard input, one a line, as JSON: the name or address of a store, or null
to find the stores of other accounts. It imports once what all need, forks a process for each
request, and forwards what these write: `NUMBER {FACTS}`, a line at a time, with the number of the
request, from 0, and the fields of `artifact_tui.stores.Measured` that changed (or the `places` that
were found). A number alone ends the answer. A fork that does no work for a while is killed, and not
waited for: on a disk that hangs not even a kill ends it. All end when standard input does.
"""

from __future__ import annotations

import asyncio
import json
import os
import selectors
import signal
import sys
import threading
import time
from collections import deque
from contextlib import closing, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from artifact_tui import catalog
from artifact_tui.catalog.listing import (
    last_synced_us,
    last_used_us,
    registry_totals,
    stored_bytes,
)
from artifact_tui.catalog.marks import chosen_bytes
from artifact_tui.catalog.sync import sync
from artifact_tui.clients import every_kind, kind_of
from artifact_tui.config import catalog_file, load, marks_file, named_target, resolve
from artifact_tui.errors import ArtifactTuiError, NotFoundError
from artifact_tui.model import now_us
from artifact_tui.query import compile_query, parse
from artifact_tui.stores import Disk

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Sequence

    from artifact_tui.clients.base import Client, Kind

    SendFacts = Callable[..., None]
    """Sends what is known of a store now: fields of `Measured`."""


_ALIVE_S = 5.0
"""Seconds between two signs of life."""

PAUSE_S = 0.5
"""Least time between two looks at a catalog that is being filled."""


def main(argv: Sequence[str]) -> int:
    """Measure the stores that standard input names, until it ends."""
    at_once, patience = argv
    every_kind()
    Measuring(at_once=int(at_once), patience_s=float(patience)).run()
    return 0


@dataclass(slots=True)
class _Fork:
    """The process of one store."""

    number: int
    pid: int
    worked_at: float
    """When it last gave a sign of work."""
    rest: bytes = b""
    """The beginning of a line of its output."""


class Measuring:
    """Forks a process for each request, some at once, and forwards what they write."""

    def __init__(self, *, at_once: int, patience_s: float) -> None:
        self._waiting: deque[tuple[int, str | None]] = deque()
        self._rest = b""
        """The beginning of a request."""
        self._count = 0
        self._at_once = at_once
        self._patience_s = patience_s
        self._forks: dict[int, _Fork] = {}
        """By the pipe that they write to."""
        self._selector = selectors.DefaultSelector()

    def run(self) -> None:
        """Serve requests until standard input ends."""
        try:
            with suppress(BrokenPipeError):  # nobody reads our output any more
                self._serve()
        finally:
            for fork in self._forks.values():
                with suppress(ProcessLookupError):
                    os.kill(fork.pid, signal.SIGKILL)

    def _serve(self) -> None:
        """Read requests and what forks write; give a sign of life now and then."""
        self._selector.register(0, selectors.EVENT_READ)
        sign_at = time.monotonic()
        while True:
            self._fork_some()
            for key, _ in self._selector.select(BEAT_S / 2):
                if key.fd:
                    self._forward(key.fd)
                elif not self._read_requests():
                    return
            self._kill_idle()
            if time.monotonic() - sign_at > _ALIVE_S:
                sign_at = time.monotonic()
                _write_line(b"")

    def _read_requests(self) -> bool:
        """Read what to measure; False when standard input has ended."""
        found = os.read(0, 1 << 16)
        *lines, self._rest = (self._rest + found).split(b"\n")
        for line in lines:
            self._waiting.append((self._count, json.loads(line)))
            self._count += 1
        return bool(found)

    def _fork_some(self) -> None:
        """Start as many as may work at once; one that only waits for its disk keeps nobody off."""
        now = time.monotonic()
        working = sum(now - fork.worked_at < 2 * BEAT_S for fork in self._forks.values())
        while self._waiting and working < self._at_once:
            number, text = self._waiting.popleft()
            mine, its = os.pipe()
            pid = os.fork()
            if not pid:
                self._be_fork(text, its)
            os.close(its)
            self._forks[mine] = _Fork(number, pid, now)
            self._selector.register(mine, selectors.EVENT_READ)
            working += 1

    def _be_fork(self, text: str | None, pipe: int) -> None:
        """Measure one store and end, without whatever the first process would do at its end."""
        with suppress(BaseException):
            self._selector.close()
            for other in (0, 1, *self._forks):
                os.close(other)
            measure_store(text, pipe)
        os._exit(0)

    def _forward(self, pipe: int) -> None:
        """Forward what a fork has written, with the number of its request."""
        fork = self._forks[pipe]
        found = os.read(pipe, 1 << 16)
        fork.worked_at = time.monotonic()
        *lines, fork.rest = (fork.rest + found).split(b"\n")
        for line in filter(None, lines):
            _write_line(b"%d %s" % (fork.number, line))
        if not found:
            _write_line(b"%d " % fork.number)
            self._drop(pipe)

    def _kill_idle(self) -> None:
        """Kill the forks that have done no work for too long, unless their output waits for us."""
        idle_since = time.monotonic() - self._patience_s
        idle = {pipe for pipe, fork in self._forks.items() if fork.worked_at < idle_since}
        waiting = {key.fd for key, _ in self._selector.select(0)} if idle else ()
        for pipe in idle.difference(waiting):
            fork = self._forks[pipe]
            os.kill(fork.pid, signal.SIGKILL)
            _write_line(b'%d {"state": "not answering"}' % fork.number)
            _write_line(b"%d " % fork.number)
            self._drop(pipe)

    def _drop(self, pipe: int) -> None:
        """Forget a fork; one that hangs is not waited for."""
        self._selector.unregister(pipe)
        os.close(pipe)
        with suppress(ChildProcessError):
            os.waitpid(self._forks.pop(pipe).pid, os.WNOHANG)


def _write_line(line: bytes) -> None:
    """Write a line for the process that started this one."""
    os.write(1, line + b"\n")


# in the process of one store

BEAT_S = 0.5
"""Seconds between two signs of work."""
_LEAST_WORK_S = 0.00002
"""Seconds of a processor between two signs of work: who waits for a disk uses none."""


def measure_store(text: str | None, pipe: int) -> None:
    """Write to a pipe what is known of the store that a text names; of none: those of others."""
    whole_line = threading.Lock()

    def write(line: bytes) -> None:
        with whole_line:
            os.write(pipe, line + b"\n")

    def send(**facts: object) -> None:
        write(json.dumps(facts).encode())

    threading.Thread(target=_beat, args=(write,), daemon=True).start()
    try:
        if text is None:
            _search(send)
        else:
            asyncio.run(_measure(text, send))
    except NotFoundError as error:
        send(state="absent", reason=str(error))
    except ArtifactTuiError as error:
        send(state="unreadable", reason=str(error))
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        send(state="unreadable", reason=f"{error.strerror or error}{where}.")
    except Exception as error:  # noqa: BLE001 - the last place that can say what is wrong
        send(state="unreadable", reason=f"Something unexpected happened: {error!r}.")


def _beat(write: Callable[[bytes], None]) -> None:
    """Give a sign while work is done: an empty line."""
    before = 0.0
    while True:
        time.sleep(BEAT_S)
        now = time.process_time() - time.thread_time()
        if now - before > _LEAST_WORK_S:
            write(b"")
        before = now


def _search(send: SendFacts) -> None:
    """Send where other accounts have stores."""
    for kind in every_kind():
        for place in kind.places_of_others():
            send(places=[(place.address, place.why)])


async def _measure(text: str, send: SendFacts) -> None:
    """Open a store, sync its catalog where it has none of its own, and send its figures."""
    config = load()
    address = named_target(config, text).address if text in config.registries else text
    kind = kind_of(address)
    folders = kind.folders(address)
    if not folders:
        whole = await kind.complete(address)
        send(place=kind.place(whole), address=whole if whole != address else "")
        _remember(kind, whole, send)
        return
    send(place=json.dumps([kind.name, *map(os.path.realpath, folders)]))
    there = [folder for folder in folders if _is_there(folder)]
    send(disk=asdict(disk_of((there or folders)[0])))
    if not there:
        send(state="absent")
        return
    target = resolve(config, text)
    if (seen := kind.glance(target.address, target.settings)) is not None:
        send(state="measured", as_of_us=now_us(), **seen._asdict())
        return
    for folder in there:
        os.scandir(folder).close()
    client = kind.open(target.address, read_only=True, settings=target.settings)
    try:
        await _figures(client, kind, send)
    finally:
        await client.aclose()


def disk_of(folder: Path) -> Disk:
    """The file system that a folder lies on, or would lie on.

    Raises:
        OSError: it cannot be looked at.
    """
    real = Path(os.path.realpath(folder))
    mount = next(path for path in (real, *real.parents) if path.is_mount() or path == path.parent)
    found = os.statvfs(mount)
    return Disk(str(mount), found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize)


def _is_there(folder: Path) -> bool:
    """Whether there is something; it may not be a folder, or not one that can be read."""
    try:
        folder.lstat()
    except FileNotFoundError:
        return False
    return True


def _remember(kind: Kind, address: str, send: SendFacts) -> None:
    """Send what the catalog of a remote registry knows."""
    path = catalog_file(kind.place(address))
    if path.is_file():
        with closing(catalog.connect(path, mapped=False)) as conn:
            send(state="remembered", as_of_us=last_synced_us(conn), **figures(conn, kind))
    else:
        send(state="remembered")


async def _figures(client: Client, kind: Kind, send: SendFacts) -> None:
    """Send the figures of an open store, and those of so far while its catalog is filled."""
    path = client.catalog_path
    notices: tuple[str, ...] = ()
    if path is None:
        path = catalog_file(client.identity.uid)
        send_partial = _PartialFigures(path, kind, send)
        send_partial()
        done = await sync(
            client,
            path,
            marks_path=marks_file(client.identity.uid),
            progress=lambda _: send_partial(),
        )
        notices = (*client.notices, *done.notices)
    with closing(catalog.connect(path, mapped=False)) as conn:
        more = f" And {len(notices) - 1:,} more." if len(notices) > 1 else ""
        reason = f"{notices[0]}{more}" if notices else ""
        send(state="measured", as_of_us=now_us(), reason=reason, **figures(conn, kind))


class _PartialFigures:
    """Sends what a catalog knows while it is filled, as often as that costs little."""

    def __init__(self, path: Path, kind: Kind, send: SendFacts) -> None:
        self._path = path
        self._kind = kind
        self._send = send
        self._next = 0.0

    def __call__(self) -> None:
        """Send the figures of so far, unless that was done just now."""
        began = time.monotonic()
        if began < self._next or not self._path.is_file():
            return
        with suppress(ArtifactTuiError), closing(catalog.connect(self._path, mapped=False)) as conn:
            self._send(as_of_us=last_synced_us(conn), **figures(conn, self._kind))
        took = time.monotonic() - began
        self._next = began + max(PAUSE_S, 10 * took)


def figures(conn: sqlite3.Connection, kind: Kind) -> dict[str, Any]:
    """What a catalog knows of a whole store, as fields of `Measured`."""
    totals, reclaimable = registry_totals(conn), None
    if kind.reclaimable:
        where = compile_query(parse(kind.reclaimable), now_us()).narrowed("v.kept = ''")
        reclaimable = chosen_bytes(conn, where).freed
    return {
        "collections": totals.collections,
        "versions": totals.versions,
        "used_us": last_used_us(conn),
        "size": None if totals.size is None else stored_bytes(conn),
        "reclaimable": reclaimable,
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
