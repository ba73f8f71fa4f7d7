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
import threading
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from artifact_tui.clients import claimed, every_kind, kind_of
from artifact_tui.clients.base import Place
from artifact_tui.config import Target, named_target
from artifact_tui.errors import ArtifactTuiError
from artifact_tui.processes import command_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping, Sequence

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
    """The file system that a store lies on, or would lie on."""

    mount: str
    """Where it is mounted: untrusted text."""
    total: int
    free: int
    """Bytes that this user may still write."""

    @property
    def fullness(self) -> float:
        """The part that is in use, from 0 to 1."""
        return 1 - self.free / self.total if self.total else 1.0


@dataclass(frozen=True, slots=True)
class Store:
    """One store: of the configuration, or found at a place that something points to."""

    target: Target
    """What a command calls it (`typed`), and what is known without a look at it."""
    why: str
    """Why it is in the list, in a few words: `configured`, `$HF_HOME`, `usual place`."""
    configured: bool = False
    """It has a name in the configuration."""
    usual: bool = False
    """Only a usual place: worth no word where it is absent."""
    reclaimable: str = ""
    """The filter of what may go without a loss; empty where its kind knows none."""


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
    """Why it, or a part of it, cannot be read, with the system's words: untrusted text."""
    disk: Disk | None = None
    place: str = ""
    """One text for all addresses of one store; empty while nobody has looked."""
    address: str = ""
    """What opens it, where its registry had to be asked for that."""

    @property
    def settled(self) -> bool:
        """Whether nothing more will come."""
        return self.state != "measuring"

    @property
    def figured(self) -> bool:
        """Whether the figures are of the whole store."""
        return self.state in {"measured", "remembered"}


NOTHING_YET = Measured("measuring")


def find_stores(config: Config, environ: Mapping[str, str]) -> list[Store]:
    """Every store that is configured or that something here points to, the configured ones first.

    Nothing is opened: whether they are there, `measure` finds out.
    """
    found: dict[object, Store] = {}
    for name in config.registries:
        target = named_target(config, name)
        kind = claimed(target.address)
        reclaimable = kind.reclaimable if kind else ""
        store = Store(target, "configured", configured=True, reclaimable=reclaimable)
        spot = _spot(kind, target.address)
        # two names of one place are two rows: each has its own settings, and can be removed
        found[name if spot in found else spot] = store
    for kind in every_kind():
        with suppress(ArtifactTuiError):  # what it would look at cannot be read
            for place in kind.places(environ):
                found.setdefault(_spot(kind, place.address), _found_store(kind, place))
    return list(found.values())


def _found_store(kind: Kind, place: Place) -> Store:
    """The store at a place; what protects it, `resolve` knows."""
    target = Target(kind.short(place.address), place.address, typed=place.address)
    return Store(target, place.why, usual=place.usual, reclaimable=kind.reclaimable)


def _spot(kind: Kind | None, address: str) -> object:
    """What addresses of one store have in common, as far as that is known without a look."""
    if kind is None:
        return address
    try:
        return kind.name, tuple(kind.folders(address)) or kind.place(address)
    except ArtifactTuiError:  # one that is not whole yet, or cannot be read: `measure` says why
        return kind.name, address


_SILENT_S = 30.0
"""Seconds after which the process that measures is taken for one that hangs."""


def worth_a_row(store: Store, found: Measured) -> bool:
    """Whether a person is told of a store: not of an empty usual place, nor of one twice."""
    holds = found.size or found.versions or found.reason
    empty = found.state == "absent" or (found.state == "measured" and not holds)
    return found.state != "duplicate" and not (store.usual and empty)


def each_once(found: Iterable[Measured]) -> list[Measured]:
    """One for each store: what has two names takes its bytes once."""
    return list({one.place or number: one for number, one in enumerate(found)}.values())


def disks_of(found: Iterable[Measured]) -> list[Disk]:
    """The disks that stores are on, as they were seen last; the fullest first."""
    by_age = sorted(found, key=lambda one: one.as_of_us or 0)
    disks = {one.disk.mount: one.disk for one in by_age if one.disk is not None}
    return sorted(disks.values(), key=lambda disk: (-disk.fullness, disk.mount))


async def measure(
    stores: Sequence[Store], *, others: bool = False, at_once: int = 4, patience_s: float = 5.0
) -> AsyncGenerator[tuple[Store, Measured]]:
    """What is known of stores, as it comes; the last word on each is `settled`.

    Args:
        stores: what is measured, in this order; a `duplicate` is one of an earlier store.
        others: look into other accounts of this machine too: what is found there is measured last.
        at_once: how many are read at the same time; those that only wait do not count.
        patience_s: seconds without a sign of work after which a store is `not answering`.

    Raises:
        ArtifactTuiError: no process can be started for it.
    """
    process = _MeasuringProcess(stores, _start(at_once, patience_s), others=others)
    try:
        while not process.complete:
            try:
                lines = await asyncio.wait_for(process.next_lines(), _SILENT_S + patience_s)
            except TimeoutError:
                changed = process.end("not answering")
            else:
                changed = [at for line in lines for at in process.read_line(line)]
                changed = changed if lines else process.end("unreadable", _CUT_SHORT)
            for at in dict.fromkeys(changed):
                yield process.stores[at], process.measured[at]
    finally:
        process.close()


_CUT_SHORT = "The process that measures it ended too early."


class _MeasuringProcess:
    """The process that measures, the stores that it was given, and what is known of each so far.

    `stores` and `measured` have the same indexes.
    """

    def __init__(
        self, stores: Sequence[Store], process: subprocess.Popen[bytes], *, others: bool
    ) -> None:
        self.stores: list[Store] = []
        self.measured: list[Measured] = []
        self._process = process
        self._reader: asyncio.StreamReader | None = None
        self._pipe: asyncio.ReadTransport | None = None
        self._rest = b""
        """The beginning of a line of its output."""
        self._searching = others
        """Whether it still looks for the stores of other accounts."""
        self._requests: list[int | None] = []
        """The index of the store of each request; None: find the stores of other accounts."""
        for store in stores:
            self._add(store)
        if others:
            self._request(None)

    @property
    def complete(self) -> bool:
        """Whether nothing more will come."""
        return not self._searching and all(one.settled for one in self.measured)

    def _add(self, store: Store) -> None:
        """Have one more store measured."""
        self._request(store.target.typed, len(self.stores))
        self.stores.append(store)
        self.measured.append(NOTHING_YET)

    def _request(self, text: str | None, at: int | None = None) -> None:
        """Send a request; the process reads all of them unless it has broken down."""
        self._requests.append(at)
        with suppress(BrokenPipeError):
            assert self._process.stdin is not None  # noqa: S101 - for the types: it is a pipe
            self._process.stdin.write(json.dumps(text).encode() + b"\n")

    async def next_lines(self) -> list[bytes]:
        """The lines that it has written by now, one at least; none: it has ended."""
        if self._reader is None:
            self._reader = asyncio.StreamReader()
            protocol = asyncio.StreamReaderProtocol(self._reader)
            loop = asyncio.get_running_loop()
            self._pipe, _ = await loop.connect_read_pipe(lambda: protocol, self._process.stdout)
        while not self._rest.endswith(b"\n") and (found := await self._reader.read(1 << 16)):
            self._rest += found
        *lines, self._rest = self._rest.split(b"\n")
        return lines

    def read_line(self, line: bytes) -> list[int]:
        """Take a line in; gives the indexes of the stores of which something changed."""
        number, _, text = line.strip().partition(b" ")
        if not number:
            return []  # a sign of life
        at = self._requests[int(number)]
        if at is None:
            self._searching = bool(text)
            known = {store.target.address for store in self.stores}  # one's own home is one of all
            for address, why in json.loads(text or "{}").get("places", []):
                if address not in known:
                    self._add(_found_store(kind_of(address), Place(address, why, usual=True)))
            return []
        if text:
            self._update(at, json.loads(text))
        elif self.measured[at].settled:
            return []
        else:
            self._update(at, {"state": "unreadable", "reason": _CUT_SHORT})
        return [*self._mark_duplicates(), at]

    def _update(self, at: int, facts: dict[str, Any]) -> None:
        """Replace the fields of `Measured` that changed for one store."""
        if disk := facts.get("disk"):
            facts["disk"] = Disk(**disk)
        self.measured[at] = replace(self.measured[at], **facts)

    def _mark_duplicates(self) -> Iterator[int]:
        """Mark stores that are an earlier one under another name; gives the newly marked ones."""
        places: set[str] = set()
        for at, one in enumerate(self.measured):
            known = one.place in places and not self.stores[at].configured
            if known and one.state != "duplicate":
                self.measured[at] = replace(one, state="duplicate")
                yield at
            places |= {one.place} - {""}

    def end(self, state: StoreState, reason: str = "") -> list[int]:
        """Settle all stores that are not settled yet; gives their indexes."""
        self._searching = False
        left = [at for at, one in enumerate(self.measured) if not one.settled]
        for at in left:
            self.measured[at] = replace(self.measured[at], state=state, reason=reason)
        return left

    def close(self) -> None:
        """Kill the process and all that it forked; a fork that hangs on its disk is not awaited."""
        if self._pipe is not None:
            self._pipe.close()
        with suppress(ProcessLookupError):
            # not waited for yet: the number is still its own
            os.killpg(self._process.pid, signal.SIGKILL)
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        threading.Thread(target=self._process.wait, name="reaper", daemon=True).start()


def _start(at_once: int, patience_s: float) -> subprocess.Popen[bytes]:
    """Start the process that measures; it ends when its standard input does.

    Raises:
        ArtifactTuiError: none can be started.
    """
    try:
        return subprocess.Popen(  # noqa: S603 - our own interpreter and module
            command_of("measuring", str(at_once), str(patience_s)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            start_new_session=True,
        )
    except OSError as error:
        raise ArtifactTuiError(
            f"Nothing can be measured: no process can be started ({error.strerror}).",
            hint="A store can be opened by its address: artifact-tui ADDRESS.",
        ) from error
