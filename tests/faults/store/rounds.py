"""Random kill -9 rounds: `python -m tests.faults.store.rounds ROUNDS [--seed N]`.

In each round two writers and a sweeper work on one registry, sharing most of their bytes, until
all three are killed at some moment. What was acknowledged must be there, what was purged must be
gone, and `invariants.check` must hold. The registry lives on from round to round.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from artifact_tui.clients.local import local_folder
from artifact_tui.errors import BusyError
from artifact_tui.model import Deletion, NewVersion
from tests.faults.store.invariants import check, state_of
from tests.support.sync_store import SyncStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from artifact_tui.clients.local.local_folder import Layout

WRITERS = 2
CONTENTS = 24
"""Different files in all: few, so that the same bytes are dropped and needed again."""


@dataclass(slots=True)
class Tally:
    """What the rounds did."""

    rounds: int = 0
    kills: int = 0
    steps: int = 0


def content(number: int) -> bytes:
    """One of the few files: up to about 20 KB."""
    return hashlib.sha256(str(number).encode()).digest() * (1 + number * 29)


def _write(layout: Layout, rng: random.Random, log: Callable[[str], None]) -> None:
    """Add, delete, restore and purge versions of one's own, telling each step."""
    store = SyncStore(layout)
    name = f"writer-{os.getpid()}"
    live: list[str] = []
    trash: list[str] = []
    while True:
        dice = rng.random()
        if dice < 0.5 or not live:
            numbers = rng.sample(range(CONTENTS), 3)
            files = {f"f{number}": content(number) for number in numbers}
            (key,) = store.add_many([(NewVersion(name=name, type="model"), files)])
            live.append(key)
            log(f"live {key} {' '.join(map(str, sorted(numbers)))}")
        elif dice < 0.75:
            key = live.pop(rng.randrange(len(live)))
            log(f"unsure {key}")
            store.delete([Deletion(key, delete_aliases=True)])
            trash.append(key)
            log(f"trash {key}")
        elif trash:
            key = trash.pop(rng.randrange(len(trash)))
            log(f"unsure {key}")
            store.purge([key])
            log(f"gone {key}")


def _sweep(layout: Layout, _rng: random.Random, log: Callable[[str], None]) -> None:
    """Collect garbage all the time."""
    local_folder.LOCK_WAIT_SECONDS = 0.02
    store = SyncStore(layout)
    while True:
        try:
            store.collect_garbage()
        except BusyError:
            continue
        log("swept")


def _child(
    work: Callable[[Layout, random.Random, Callable[[str], None]], None],
    layout: Layout,
    seed: int,
    told: Path,
) -> int:
    """Start a process that works until it is killed; what it tells goes to a file."""
    pid = os.fork()
    if pid:
        return pid
    try:
        fd = os.open(told, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        rng = random.Random(seed)  # noqa: S311 - repeatable, nothing secret
        work(layout, rng, lambda text: _say(fd, text))
    finally:
        os._exit(1)


def _say(fd: int, text: str) -> None:
    os.write(fd, text.encode() + b"\n")


def _told(path: Path) -> list[list[str]]:
    return [line.split() for line in path.read_text("utf-8").splitlines()] if path.exists() else []


def _verify(layout: Layout, known: dict[str, list[str]]) -> None:
    """Compare what was acknowledged with what the registry holds."""
    now = state_of(layout)
    for key, (said, *numbers) in known.items():
        if said == "gone":
            assert key not in now, f"{key} was purged and is back"
        elif said in ("live", "trash"):
            assert key in now, f"{key} was acknowledged and is lost"
            state, _, files = now[key]
            assert state == said, f"{key} is {state}, not {said}"
            paths = sorted(file.split()[0] for file in files)
            assert not numbers or paths == sorted(f"f{number}" for number in numbers)


def one_round(layout: Layout, rng: random.Random, known: dict[str, list[str]]) -> int:
    """Let them work, kill them, look; gives how many steps were told."""
    folder = Path(tempfile.mkdtemp(dir=layout.root.parent))
    works = [_write] * WRITERS + [_sweep]
    children = [
        _child(work, layout, rng.randrange(2**32), folder / str(number))
        for number, work in enumerate(works)
    ]
    time.sleep(rng.uniform(0.02, 0.25))  # the moment of death is the point of the round
    for pid in rng.sample(children, len(children)):
        os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL, "a worker died by itself"
    steps = 0
    for number in range(len(works)):
        for said, *rest in _told(folder / str(number)):
            steps += 1
            if rest:
                known[rest[0]] = [said, *(rest[1:] or known.get(rest[0], [""])[1:])]
    _verify(layout, known)
    check(layout)
    _verify(layout, known)
    return steps


def rounds(count: int, seed: int, folder: Path) -> Tally:
    """Run some rounds on a registry in a folder."""
    rng = random.Random(seed)  # noqa: S311 - repeatable, nothing secret
    store = SyncStore.create(folder / "registry")
    layout = store.layout
    store.close()
    known: dict[str, list[str]] = {}
    tally = Tally()
    for _ in range(count):
        tally.steps += one_round(layout, rng, known)
        tally.kills += WRITERS + 1
        tally.rounds += 1
    return tally


def main() -> None:
    """Say how many rounds were survived."""
    parser = argparse.ArgumentParser(description="Random kill -9 rounds on a registry.")
    parser.add_argument("rounds", type=int)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        done = rounds(asked.rounds, asked.seed, Path(folder))
    sys.stdout.write(f"{done.rounds} rounds, {done.kills} kills, {done.steps} steps told, ")
    sys.stdout.write("nothing lost\n")


if __name__ == "__main__":
    main()
