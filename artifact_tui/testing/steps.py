"""What tests of deletion do again and again."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from artifact_tui.model import Deletion, VersionState

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from artifact_tui.clients.base import Client
    from artifact_tui.model import Collection, Outcome, Result, Version
    from artifact_tui.testing.world import World


async def collections_of(client: Client) -> dict[str, Collection]:
    """Every collection that is listed, by name."""
    parts = [part async for part in client.listing()]
    return {one.name: one for part in parts for one in part.collections}


async def listed(client: Client) -> dict[str, Version]:
    """Every version that is listed, by key; the last that came of each."""
    return {one.key: one async for part in client.listing() for one in part.versions}


async def key_of(client: Client, name: str) -> str:
    """The key of the collection of a name."""
    return (await collections_of(client))[name].key


async def versions_of(client: Client, name: str) -> list[Version]:
    """All versions of the collection of a name, in the order in which they were made."""
    key = await key_of(client, name)
    found = [one for one in (await listed(client)).values() if one.collection_key == key]
    return sorted(found, key=lambda one: one.ordinal or 0)


def results(outcomes: Sequence[Outcome]) -> list[Result]:
    """The result of each outcome, in the order of the items."""
    return [outcome.result for outcome in outcomes]


async def fresh(world: World, key: str, **consent: bool) -> Deletion:
    """A deletion with the token of this moment."""
    facts = (await world.client.facts([key]))[key]
    return Deletion(key, facts.token, **consent)


async def live(world: World) -> set[str]:
    """The versions that are really there and not in the trash, seen from outside the client."""
    things = (await world.truth()).things
    return {key for key, thing in things.items() if thing.state == "live"}


_HOLD = """
import mmap, os, sys
with open("/proc/self/comm", "w") as comm:
    comm.write(sys.argv[3])
file = os.open(sys.argv[1], os.O_RDONLY)
if sys.argv[2] == "mapped":
    memory = mmap.mmap(file, 0, prot=mmap.PROT_READ)
    os.closerange(3, 256)
print("ready", flush=True)
sys.stdin.read()
"""


@contextmanager
def held_open(path: Path, *, mapped: bool, name: str = "trainer") -> Iterator[str]:
    """A process holds a file open, or has it in memory with no descriptor left; who that is."""
    words = [sys.executable, "-c", _HOLD, str(path), "mapped" if mapped else "open", name]
    pipe = subprocess.PIPE
    with subprocess.Popen(words, stdin=pipe, stdout=pipe) as trainer:  # noqa: S603 - our own words
        assert trainer.stdout is not None
        assert trainer.stdout.readline() == b"ready\n"
        yield f"{name} (pid {trainer.pid})"  # it ends when its input does


async def told_live(world: World, keys: Sequence[str]) -> set[str]:
    """Those that the client's facts call live."""
    facts = await world.client.facts(keys)
    return {key for key, fact in facts.items() if fact.state is VersionState.LIVE}
