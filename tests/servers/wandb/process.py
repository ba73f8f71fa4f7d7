"""Starting a stand-in, and speaking to its back door."""

from __future__ import annotations

import atexit
import base64
import contextlib
import functools
import http.client
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from tests.servers.rest.process import call
from tests.servers.wandb.scenes import Fill, Scene
from tests.servers.wandb.standin import Line
from tests.servers.wandb.traps import Fault, Traps

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def errors(self) -> list[str]:
        """The words of its errors."""
        return [str(one["message"]) for one in self.body.get("errors", ())]


class Server:
    """A running stand-in."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.traps = Traps()

    @property
    def base_url(self) -> str:
        """What WANDB_BASE_URL is set to."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def host(self) -> str:
        """Host and port, as in `wandb+http://HOST/ENTITY/PROJECT`."""
        return f"127.0.0.1:{self.port}"

    @property
    def api_key(self) -> str:
        """The key that it lets in."""
        return self.traps.api_key

    def address(self, where: str = "acme/vision") -> str:
        """What our client opens."""
        return f"wandb+http://{self.host}/{where}"

    def become(self, *faults: Fault, **changes: Any) -> None:
        """Behave like this from now on, and otherwise as by default; what is there stays."""
        self.traps = Traps(faults=faults, **changes)
        self._call("PUT", "traps", msgspec.json.encode(self.traps))

    def change(self, **changes: Any) -> None:
        """Other traps on top of the present ones."""
        self.traps = msgspec.structs.replace(self.traps, **changes)
        self._call("PUT", "traps", msgspec.json.encode(self.traps))

    def seed(self, scene: Scene | None = None, **parts: Any) -> dict[str, str]:
        """Hold exactly this; gives global ids by path (versions, collections, runs).

        Either a `Scene`, or its parts: `seed(series=[Series(path="acme/vision/mnist", …)])`.
        """
        return self._scene("PUT", scene or Scene(**parts))

    def add(self, scene: Scene | None = None, **parts: Any) -> dict[str, str]:
        """Hold this as well."""
        return self._scene("POST", scene or Scene(**parts))

    def fill(self, collections: int, versions: int, **said: Any) -> dict[str, str]:
        """Hold exactly so many collections of so many versions; the rest as in `Fill`."""
        return self.seed(fills=[Fill(collections=collections, versions=versions, **said)])

    def _scene(self, method: str, scene: Scene) -> dict[str, str]:
        found: dict[str, str] = json.loads(self._call(method, "seed", msgspec.json.encode(scene)))
        return found

    def expire(self, now_us: int) -> set[str]:
        """Let what has outlived its time to live be deleted; gives the paths."""
        return set(json.loads(self._call("POST", "expire", str(now_us).encode())))

    def ids(self) -> dict[str, str]:
        """Global ids by path, now."""
        found: dict[str, str] = json.loads(self._call("GET", "ids"))
        return found

    def state(self) -> dict[str, Any]:
        """The truth, by names: `collections` by path, `runs`, `projects`."""
        found: dict[str, Any] = json.loads(self._call("GET", "state"))
        return found

    def versions(self, *states: str) -> dict[str, str]:
        """States of all source versions by path, or only of those in these states."""
        return {
            f"{path}:{label}": version["state"]
            for path, one in self.state()["collections"].items()
            if one["kind"] == "sequence"
            for label, version in one["versions"].items()
            if not states or version["state"] in states
        }

    def alive(self) -> set[str]:
        """Paths of the source versions that are not deleted."""
        return set(self.versions("COMMITTED", "PENDING"))

    def log(self) -> list[Line]:
        """Every request since the start, or since `clear`."""
        return msgspec.json.decode(self._call("GET", "log"), type=list[Line])

    def clear(self) -> None:
        """Forget the log."""
        self._call("DELETE", "log")

    def operations(self) -> list[str]:
        """What was asked, in order: operation names, or the first root field without one."""
        return [line.operation or (line.fields or [line.path])[0] for line in self.log()]

    def counts(self) -> Counter[str]:
        """How often each operation was asked."""
        return Counter(self.operations())

    def done(self) -> list[str]:
        """What was carried out, in order, such as `deleteArtifact acme/vision/mnist:v3`."""
        return [one for line in self.log() for one in line.done]

    def most_at_once(self) -> int:
        """The most documents that were under way at the same time."""
        return int(json.loads(self._call("GET", "most_at_once")))

    def ask(self, document: str, **variables: object) -> Answer:
        """One plain document with the right key, as anybody could send it."""
        body = json.dumps({"query": document, "variables": variables})
        key = base64.b64encode(f"api:{self.api_key}".encode()).decode()
        headers = {"authorization": f"Basic {key}", "content-type": "application/json"}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        with contextlib.closing(connection):
            connection.request("POST", "/graphql", body, headers)
            answer = connection.getresponse()
            text = answer.read().decode()
        named = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, named, json.loads(text))

    def _call(self, method: str, path: str, body: bytes = b"") -> bytes:
        return call(method, self.port, f"/_control/{path}", body)


@contextlib.contextmanager
def running(**options: Any) -> Iterator[Server]:
    """A stand-in in a process of its own, behaving as `Traps(**options)`."""
    command = [sys.executable, "-m", "tests.servers.wandb"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        try:
            server = Server(int(process.stdout.readline()))
            if options:
                server.become(**options)
            server.seed()
            yield server
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
    server.seed()
    server.clear()
    return server
