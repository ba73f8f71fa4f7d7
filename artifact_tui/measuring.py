"""The process that measures stores, `python -m artifact_tui.measuring AT_ONCE PATIENCE`.

It reads what to measure from standard input, one name or address a line, as JSON; null means to
look for the stores of other accounts. It imports once what all need, forks a process for each line,
and hands on what these say: `NUMBER {FACTS}`, a line at a time, with the fields of
`artifact_tui.stores.Measured` that changed (or what was `found`); a number alone once there is
nothing more. A process that does no work for a while is killed, and nobody waits for it: on a disk
that hangs not even that ends it. All end when standard input does.
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
from artifact_tui.catalog.listing import last_synced_us, registry_totals
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

    Tell = Callable[..., None]
    """Says what is known of a store: fields of `Measured`."""


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
    heard: float
    """When it last gave a sign of work."""
    rest: bytes = b""
    """The beginning of a line."""


class Measuring:
    """Forks a process for each store, some at once, and hands on what they say."""

    def __init__(self, *, at_once: int, patience_s: float) -> None:
        self._waiting: deque[tuple[int, str | None]] = deque()
        self._asked = b""
        self._count = 0
        self._at_once = at_once
        self._patience_s = patience_s
        self._forks: dict[int, _Fork] = {}
        """By the pipe that they write to."""
        self._selector = selectors.DefaultSelector()

    def run(self) -> None:
        """Until nobody asks any more."""
        try:
            with suppress(BrokenPipeError):  # nobody hears us
                self._answer()
        finally:
            for fork in self._forks.values():
                with suppress(ProcessLookupError):
                    os.kill(fork.pid, signal.SIGKILL)

    def _answer(self) -> None:
        """Measure what is asked for, until standard input ends."""
        self._selector.register(0, selectors.EVENT_READ)
        spoke = time.monotonic()
        while True:
            self._fork_some()
            for key, _ in self._selector.select(BEAT_S / 2):
                if key.fd:
                    self._hear(key.fd)
                elif not self._read_questions():
                    return
            self._give_up()
            if time.monotonic() - spoke > _ALIVE_S:
                spoke = time.monotonic()
                _say(b"")

    def _read_questions(self) -> bool:
        """Read what to measure; False when standard input has ended."""
        found = os.read(0, 1 << 16)
        *lines, self._asked = (self._asked + found).split(b"\n")
        for line in lines:
            self._waiting.append((self._count, json.loads(line)))
            self._count += 1
        return bool(found)

    def _fork_some(self) -> None:
        """Start as many as may work at once; one that only waits for its disk keeps nobody off."""
        now = time.monotonic()
        working = sum(now - fork.heard < 2 * BEAT_S for fork in self._forks.values())
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

    def _hear(self, pipe: int) -> None:
        """Hand on what a process says."""
        fork = self._forks[pipe]
        found = os.read(pipe, 1 << 16)
        fork.heard = time.monotonic()
        *lines, fork.rest = (fork.rest + found).split(b"\n")
        for line in filter(None, lines):
            _say(b"%d %s" % (fork.number, line))
        if not found:
            _say(b"%d " % fork.number)
            self._drop(pipe)

    def _give_up(self) -> None:
        """Kill those that do nothing any more."""
        now = time.monotonic()
        silent = {pipe for pipe, one in self._forks.items() if now - one.heard > self._patience_s}
        waiting = {key.fd for key, _ in self._selector.select(0)} if silent else ()
        for pipe in silent.difference(waiting):
            fork = self._forks[pipe]
            os.kill(fork.pid, signal.SIGKILL)
            _say(b'%d {"state": "not answering"}' % fork.number)
            _say(b"%d " % fork.number)
            self._drop(pipe)

    def _drop(self, pipe: int) -> None:
        """Forget a process; one that hangs is not waited for."""
        self._selector.unregister(pipe)
        os.close(pipe)
        with suppress(ChildProcessError):
            os.waitpid(self._forks.pop(pipe).pid, os.WNOHANG)


def _say(line: bytes) -> None:
    """Write a line for whoever started us."""
    os.write(1, line + b"\n")


# in the process of one store

BEAT_S = 0.5
"""Seconds between two signs of work."""
_LEAST_WORK_S = 0.00002
"""Seconds of a processor between two signs of work: who waits for a disk uses none."""


def measure_store(text: str | None, pipe: int) -> None:
    """Say on a pipe what is known of a store that is named, or else which ones others have."""
    whole_line = threading.Lock()

    def write(line: bytes) -> None:
        with whole_line:
            os.write(pipe, line + b"\n")

    def tell(**facts: object) -> None:
        write(json.dumps(facts).encode())

    threading.Thread(target=_beat, args=(write,), daemon=True).start()
    try:
        if text is None:
            _search(tell)
        else:
            asyncio.run(_measure(text, tell))
    except NotFoundError as error:
        tell(state="absent", reason=str(error))
    except ArtifactTuiError as error:
        tell(state="unreadable", reason=str(error))
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        tell(state="unreadable", reason=f"{error.strerror or error}{where}.")
    except Exception as error:  # noqa: BLE001 - the last place that can say what is wrong
        tell(state="unreadable", reason=f"Something unexpected happened: {error!r}.")


def _beat(write: Callable[[bytes], None]) -> None:
    """Give a sign while work is done: an empty line."""
    before = 0.0
    while True:
        time.sleep(BEAT_S)
        now = time.process_time() - time.thread_time()
        if now - before > _LEAST_WORK_S:
            write(b"")
        before = now


def _search(tell: Tell) -> None:
    """Tell where other accounts have stores."""
    for kind in every_kind():
        for place in kind.places_of_others():
            tell(found=[(place.address, place.why)])


async def _measure(text: str, tell: Tell) -> None:
    """Open a store, sync its catalog where it has none of its own, and tell its figures."""
    config = load()
    address = named_target(config, text).address if text in config.registries else text
    kind = kind_of(address)
    folders = kind.folders(address)
    if not folders:
        whole = await kind.complete(address)
        tell(place=kind.place(whole), address=whole if whole != address else "")
        _remember(kind, whole, tell)
        return
    tell(place=json.dumps([kind.name, *map(os.path.realpath, folders)]))
    there = [folder for folder in folders if _is_there(folder)]
    tell(disk=asdict(disk_of((there or folders)[0])))
    if not there:
        tell(state="absent")
        return
    for folder in there:
        os.scandir(folder).close()
    target = resolve(config, text)
    client = kind.open(target.address, read_only=True, settings=target.settings)
    try:
        await _figures(client, kind, tell)
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


def _remember(kind: Kind, address: str, tell: Tell) -> None:
    """Tell what the catalog of a remote registry knows."""
    path = catalog_file(kind.place(address))
    if path.is_file():
        with closing(catalog.connect(path, mapped=False)) as conn:
            tell(state="remembered", as_of_us=last_synced_us(conn), **figures(conn, kind))
    else:
        tell(state="remembered")


async def _figures(client: Client, kind: Kind, tell: Tell) -> None:
    """Tell the figures of an open store, also those of so far while its catalog is filled."""
    path = client.catalog_path
    notices: tuple[str, ...] = ()
    if path is None:
        path = catalog_file(client.identity.uid)
        tell_some = _Partial(path, kind, tell)
        tell_some()
        done = await sync(
            client,
            path,
            marks_path=marks_file(client.identity.uid),
            progress=lambda _: tell_some(),
        )
        notices = (*client.notices, *done.notices)
    with closing(catalog.connect(path, mapped=False)) as conn:
        more = f" And {len(notices) - 1:,} more." if len(notices) > 1 else ""
        reason = f"{notices[0]}{more}" if notices else ""
        tell(state="measured", as_of_us=now_us(), reason=reason, **figures(conn, kind))


class _Partial:
    """Tells what a catalog knows while it is filled, as often as that costs little."""

    def __init__(self, path: Path, kind: Kind, tell: Tell) -> None:
        self._path = path
        self._kind = kind
        self._tell = tell
        self._next = 0.0

    def __call__(self) -> None:
        """Tell it, unless it was told just now."""
        began = time.monotonic()
        if began < self._next or not self._path.is_file():
            return
        with suppress(ArtifactTuiError), closing(catalog.connect(self._path, mapped=False)) as conn:
            self._tell(as_of_us=last_synced_us(conn), **figures(conn, self._kind))
        took = time.monotonic() - began
        self._next = began + max(PAUSE_S, 10 * took)


_SIZE = """
SELECT (SELECT sum(b.size) FROM blob b WHERE b.state <> 2 AND
    (b.unref_us IS NOT NULL OR EXISTS (SELECT 1 FROM file f WHERE f.blob_id = b.id))),
  (SELECT sum(v.size) FROM version v WHERE v.source_key IS NULL
    AND NOT EXISTS (SELECT 1 FROM file f WHERE f.version_id = v.id))"""

_USED = "SELECT max(used_us) FROM version WHERE state <> 'trash'"


def figures(conn: sqlite3.Connection, kind: Kind) -> dict[str, Any]:
    """What a catalog knows of a whole store, as fields of `Measured`."""
    totals = registry_totals(conn)
    stored, untold = conn.execute(_SIZE).fetchone()
    (used,) = conn.execute(_USED).fetchone()
    found = {"collections": totals.collections, "versions": totals.versions, "used_us": used}
    size = None if totals.size is None else (stored or 0) + (untold or 0)
    return {**found, "size": size, "reclaimable": reclaimable(conn, kind)}


def reclaimable(conn: sqlite3.Connection, kind: Kind) -> int | None:
    """The bytes that are freed when all goes that a kind calls reclaimable."""
    if not kind.reclaimable:
        return None
    where = compile_query(parse(kind.reclaimable), now_us()).narrowed("v.kept = ''")
    return chosen_bytes(conn, where).freed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
