"""Starting a stand-in, and speaking to its back door."""

from __future__ import annotations

import atexit
import contextlib
import functools
import http.client
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from tests.servers.rest.app import Line
from tests.servers.rest.registry import Entry
from tests.servers.rest.traps import Fault, Traps

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT = Path(__file__).parents[3]


class Server:
    """A running stand-in."""

    def __init__(self, ports: dict[str, int]) -> None:
        self.ports = ports
        self.traps = Traps()

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.ports['port']}"

    @property
    def address(self) -> str:
        """What a client opens."""
        return self.origin + self.traps.prefix

    def become(self, *faults: Fault, **changes: Any) -> None:
        """Start anew with these traps."""
        self.traps = Traps(faults=faults, **changes)
        self._call("PUT", "/traps", msgspec.json.encode(self.traps))

    def change(self, **changes: Any) -> None:
        """Other traps on top of the present ones."""
        self.traps = msgspec.structs.replace(self.traps, **changes)
        self._call("PUT", "/traps", msgspec.json.encode(self.traps))

    def seed(self, entries: Sequence[Entry]) -> None:
        """What the registry holds; every instance knows it."""
        self._call("PUT", "/seed", msgspec.json.encode(entries))

    def fill(self, count: int, *, names: int = 40, kind: str = "model") -> list[str]:
        """So many artifacts with believable names; gives their keys."""
        seeds = [Entry(str(n + 1), f"acme/{kind}-{n % names:04}", kind) for n in range(count)]
        self.seed(seeds)
        return [f"{kind}/{entry.id}" for entry in seeds]

    def entries(self) -> list[Entry]:
        """The truth."""
        return msgspec.convert(self._truth()["entries"], list[Entry])

    def ids(self) -> set[str]:
        """Ids that are really there."""
        return {entry.id for entry in self.entries()}

    def most_at_once(self) -> int:
        return int(self._truth()["most_at_once"])

    def _truth(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self._call("GET", "/truth"))
        return found

    def log(self) -> list[Line]:
        """Every request since the start, or since `clear`."""
        return msgspec.json.decode(self._call("GET", "/log"), type=list[Line])

    def clear(self) -> None:
        self._call("DELETE", "/log")

    def sent(self, method: str) -> list[Line]:
        """Requests of one method."""
        return [line for line in self.log() if line.method == method]

    def counts(self) -> Counter[str]:
        return Counter(line.method for line in self.log())

    def seen_elsewhere(self) -> list[dict[str, Any]]:
        """What reached the other host."""
        found: list[dict[str, Any]] = json.loads(
            call("GET", self.ports["elsewhere"], "/__seen", b"")
        )
        return found

    def _call(self, method: str, path: str, body: bytes = b"") -> bytes:
        return call(method, self.ports["control"], path, body)


def call(method: str, port: int, path: str, body: bytes) -> bytes:
    """One plain request."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    with contextlib.closing(connection):
        connection.request(method, path, body)
        answer = connection.getresponse()
        data = answer.read()
    assert answer.status == 200, (method, path, answer.status, data[:300])
    return data


@contextlib.contextmanager
def running() -> Iterator[Server]:
    """A stand-in in a process of its own."""
    command = [sys.executable, "-m", "tests.servers.rest"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        try:
            yield Server(json.loads(process.stdout.readline()))
        finally:
            process.stdin.close()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


@functools.cache
def shared() -> Server:
    """The one stand-in that the tests of this process share, as the last one left it."""
    stack = contextlib.ExitStack()
    atexit.register(stack.close)
    return stack.enter_context(running())


def fresh(*faults: Fault, **changes: Any) -> Server:
    """The shared stand-in, empty, with these traps and no others."""
    server = shared()
    server.become(*faults, **changes)
    server.seed([])
    server.clear()
    return server
