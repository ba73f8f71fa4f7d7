"""The stores of this machine and of its accounts: found, and measured in processes of their own.

`find_stores` touches no disk that may hang, and sends nothing: it reads the configuration and the
environment, and asks every kind for the usual places of its registries. `measure` starts
`artifact_tui.measuring`, a process that forks one for each store; a disk that hangs takes that one
down, and nobody waits for it, not even at the end.

A store is opened with what `config.resolve` makes of `Store.target.typed`: only that follows links
and looks at which protected registries lie in it.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import artifact_tui
from artifact_tui.clients import claimed, every_kind
from artifact_tui.config import Target, named_target

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping, Sequence

    from artifact_tui.clients.base import Kind
    from artifact_tui.config import Config


StoreState = Literal[
    "measuring",
    "measured",
    "absent",
    "unreadable",
    "not answering",
    "remembered",
    "duplicate",
]
"""What is known of a store.

`measuring`: figures are those of so far, or remembered; more will come. `absent`: there is nothing.
`remembered`: a remote one, as its catalog knows it, or with no figure when nothing was listed yet.
`duplicate`: another row is the same store under a better name.
"""


@dataclass(frozen=True, slots=True)
class Disk:
    """The file system that a store lies on."""

    mount: str
    """Where it is mounted: untrusted text."""
    total: int
    free: int
    """Bytes that this user may still write."""


@dataclass(frozen=True, slots=True)
class Store:
    """One store: configured, or found."""

    target: Target
    """What a command calls it (`typed`), and what is known without a look at it."""
    why: str
    """Why it is in the list, in a few words: `configured`, `$HF_HOME`, `usual place`."""
    usual: bool = False
    """Only a usual place: worth no word where it is absent."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What is known of a store; None is not known. Bytes, and microseconds UTC."""

    state: StoreState
    size: int | None = None
    """Bytes that it takes: shared ones once."""
    reclaimable: int | None = None
    """Bytes that are freed when all goes that the kind calls reclaimable."""
    collections: int | None = None
    versions: int | None = None
    used_us: int | None = None
    """When the version that was used last was used."""
    as_of_us: int | None = None
    """When this was so."""
    reason: str = ""
    """Why it cannot be read, with the system's words: untrusted text."""
    disk: Disk | None = None
    place: str = ""
    """One text for all addresses of one store; empty while nobody has looked."""

    @property
    def settled(self) -> bool:
        """Whether nothing more will come."""
        return self.state != "measuring"


def find_stores(config: Config, environ: Mapping[str, str]) -> list[Store]:
    """Every store that is configured or that something here points to, the configured ones first.

    Nothing is opened: whether they are there, `measure` finds out.
    """
    found: dict[object, Store] = {}
    for name in config.registries:
        target = named_target(config, name)
        found.setdefault(
            _spot(claimed(target.address), target.address), Store(target, "configured")
        )
    for kind in every_kind():
        for place in kind.places(environ):
            target = Target(kind.short(place.address), place.address, typed=place.address)
            store = Store(target, place.why, usual=place.usual)
            found.setdefault(_spot(kind, place.address), store)
    return list(found.values())


def _spot(kind: Kind | None, address: str) -> object:
    """What addresses of one store have in common, as far as that is known without a look."""
    if kind is None:
        return address
    return kind.name, tuple(kind.folders(address)) or kind.place(address)


NOTHING_YET = Measured("measuring")
_SILENT_S = 30.0
"""Seconds after which the process that measures is taken for one that hangs."""


async def measure(
    stores: Sequence[Store], *, at_once: int = 4, patience_s: float = 5.0
) -> AsyncIterator[tuple[Store, Measured]]:
    """What is known of stores, as it comes; the last word on each is `settled`.

    Args:
        stores: what is measured, in this order; a `duplicate` is one of an earlier store.
        at_once: how many are read at the same time; those that only wait do not count.
        patience_s: seconds without a sign of work after which a store is `not answering`.
    """
    if not stores:
        return
    known = dict.fromkeys(range(len(stores)), NOTHING_YET)
    process = _start([str(at_once), str(patience_s), *(one.target.typed for one in stores)])
    try:
        reader = asyncio.StreamReader(limit=1 << 20)
        loop = asyncio.get_running_loop()
        pipe, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), process.stdout
        )
        try:
            rest = Measured("unreadable", reason="The process that measures ended too early.")
            try:
                while line := await asyncio.wait_for(reader.readline(), _SILENT_S + patience_s):
                    for at in _take(line, known):
                        yield stores[at], known[at]
            except TimeoutError:
                rest = Measured("not answering")
        finally:
            pipe.close()
        for at, last in known.items():
            if not last.settled:
                yield stores[at], replace(last, state=rest.state, reason=rest.reason)
    finally:
        _end(process)


def _start(arguments: Sequence[str]) -> subprocess.Popen[bytes]:
    """Start the process that measures; it ends when its standard input does."""
    # -P keeps the current folder off the module path: a file there must not pose as a library.
    here = Path(artifact_tui.__file__).parent.parent == Path.cwd()
    isolated = [] if here else ["-P"]
    return subprocess.Popen(  # noqa: S603 - our own interpreter and module
        [sys.executable, *isolated, "-m", "artifact_tui.measuring", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        bufsize=0,
        start_new_session=True,
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill the process and all that it forked; who hangs in the system is left behind."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # not waited for yet: the number is still its own
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()
    threading.Thread(target=process.wait, name=f"reaper-{process.pid}", daemon=True).start()


def _take(line: bytes, known: dict[int, Measured]) -> Iterator[int]:
    """Take in what is told of a store; gives the numbers of those of which something changed."""
    number, _, text = line.partition(b" ")
    if not number.strip():
        return  # a sign of life
    at = int(number)
    facts: dict[str, Any] = json.loads(text) if text.strip() else {"state": "unreadable"}
    if disk := facts.get("disk"):
        facts["disk"] = Disk(**disk)
    if not text.strip() and known[at].settled:
        return
    known[at] = replace(known[at], **facts)
    same = [other for other, one in known.items() if one.place and one.place == known[at].place]
    for other in same[1:]:
        if known[other].state != "duplicate":
            known[other] = replace(known[other], state="duplicate")
            if other != at:
                yield other
    yield at
