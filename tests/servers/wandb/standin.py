"""The state shared by the doors of the stand-in, and its log."""

from __future__ import annotations

import asyncio
import time

import msgspec

from tests.servers.rest.faults import Dice
from tests.servers.wandb import engine, scenes, writes
from tests.servers.wandb.quota import Window
from tests.servers.wandb.store import Store
from tests.servers.wandb.traps import Fault, Traps


class Line(msgspec.Struct, kw_only=True):
    """One request, as the server saw it."""

    number: int
    at: float
    """Seconds on a clock that only goes forward."""
    path: str
    headers: dict[str, str]
    connection: str
    operation: str = ""
    """Name of the operation, when it has one."""
    kind: str = ""
    """`query` or `mutation`."""
    fields: list[str] = []
    """Root fields in order, such as `deleteArtifact`."""
    mutations: int = 0
    document: str = ""
    variables: dict[str, object] = {}
    fault: str = ""
    status: int = 0
    """0: no answer was sent."""
    errors: list[str] = []
    done: list[str] = []
    """What was carried out, such as `deleteArtifact acme/vision/mnist:v3`."""
    throttled: bool = False
    """The quota refused it."""
    took_s: float = 0.0


class StandIn:
    """What is there, how the server behaves, and what it was asked."""

    def __init__(self) -> None:
        self.store = Store()
        self.log: list[Line] = []
        self.running = 0
        self.most_at_once = 0
        self.number = 0
        self.configure(Traps())

    def configure(self, traps: Traps) -> None:
        """Behave otherwise from now on; what is there stays."""
        self.traps = traps
        engine.schema_of(traps)  # now, not in a request
        self.dice = _Dice(traps)
        self.window = Window(traps.quota) if traps.quota else None
        self.lanes = asyncio.Semaphore(traps.lanes or 1_000_000)
        self.tokens: dict[str, int] = {}

    def seed(self, scene: scenes.Scene, *, anew: bool) -> dict[str, str]:
        """Put a scene there; gives global ids by path."""
        if anew:
            self.store = Store()
            self.store.entity(self.traps.entity)
        return scenes.put(self.store, scene)

    def expire(self, now_us: int) -> list[str]:
        """Delete what has outlived its time to live; gives the paths."""
        expired = [one for one in self.store.artifacts.values() if one.expires(now_us)]
        for one in expired:
            writes.drop(self.store, one)
        return [one.path for one in expired]

    def line(self, path: str, headers: dict[str, str], connection: str) -> Line:
        """A new line of the log."""
        self.number += 1
        made = Line(
            number=self.number,
            at=time.monotonic(),
            path=path,
            headers=headers,
            connection=connection,
        )
        self.log.append(made)
        return made


class _Dice(Dice):
    """Which documents are hit, the same each time for the same seed."""

    def __init__(self, traps: Traps) -> None:
        super().__init__(traps)  # type: ignore[arg-type]

    def throw_at(self, line: Line) -> Fault | None:
        """The fault for a document, if any."""
        for position, fault in enumerate(self._faults):
            assert isinstance(fault, Fault)
            if fault.path not in line.path:
                continue
            if fault.fields and not set(fault.fields) & set(line.fields):
                continue
            if fault.first:
                self._hits[position] += 1
                if self._hits[position] <= fault.first:
                    return fault
            elif self._rng.random() < fault.share:
                return fault
        return None
