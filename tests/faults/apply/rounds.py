"""Kill the apply with SIGKILL at random moments, resume it, and compare with the registry.

`python -m tests.faults.apply.rounds 200 [SEED]` runs rounds until one finds a lie, or all passed.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from artifact_tui.deletion.items import ItemState
from artifact_tui.deletion.plan import Plan, Status
from tests.faults.apply.harness import lies, spawn, wait_for, write_script
from tests.support.world import World, all_options

if TYPE_CHECKING:
    from tests.support.forked import Process

VERSIONS = 60
KILLS = 3
"""At most, in one round; then it is left to end."""

FAULTS = ("kill", "kill-after", "unknown-after", "failed", "drop-after")


def populate(world: World, rng: random.Random) -> list[str]:
    """Versions with lineage several steps deep; some carry an alias."""
    keys: list[str] = []
    for number in range(VERSIONS // 6):
        keys += world.add_plain(4, "sweep")
        parents = rng.sample(keys, 2)
        keys.append(world.add("tuned", parents=parents))
        keys.append(world.add("named", aliases=[f"best-{number}"], parents=[rng.choice(keys)]))
    return keys


def script(world: World, rng: random.Random) -> None:
    """A few faults at random calls, and small calls so that there are many."""
    rules = [
        {"op": rng.choice(["delete", "delete", "facts"]), "call": rng.randint(1, 20), "do": do}
        for do in rng.choices(FAULTS, k=rng.randint(1, 4))
    ]
    write_script(world, *rules, batch_delete=rng.choice([2, 5, 10]))


def kill_sometime(process: Process, plan: Path, rng: random.Random) -> None:
    """Wait until it works, then a random moment more, and kill it."""
    with Plan.open(plan) as watch:
        before = int(watch.first_value("SELECT count(*) FROM progress WHERE state <> 'planned'"))
        wait_for(
            lambda: (
                process.poll() is not None
                or watch.first_value("SELECT count(*) FROM progress WHERE state <> 'planned'")
                != before
            ),
            "the apply to begin",
        )
    with suppress(subprocess.TimeoutExpired):
        process.wait(rng.uniform(0, 0.4))
    process.kill()
    process.wait()


def one_round(folder: Path, seed: int) -> tuple[list[str], Counter[str]]:
    """One registry, one plan, some kills: what was wrong, and what was counted."""
    rng = random.Random(seed)  # noqa: S311 - a repeatable test
    os.environ["ARTIFACT_TUI_HOME"] = str(folder / "home")
    world = World(folder / "registry")
    counted: Counter[str] = Counter(rounds=1)
    try:
        keys = populate(world, rng)
        script(world, rng)
        changed: set[str] = set()
        path = world.plan(keys, all_options(), faulty=True).path
        wrong: list[str] = []
        for attempt in range(KILLS + 20):
            process = spawn(path)
            if attempt < KILLS and rng.random() < 0.8:
                kill_sometime(process, path, rng)
            process.wait(60)
            counted["killed"] += process.returncode == -signal.SIGKILL
            with Plan.open(path) as plan:
                counted["uncertain"] += plan.states().get(ItemState.SENT, 0)
                status = plan.status
            wrong += lies(world, path, refused=changed)
            if wrong or status is Status.FINISHED:
                break
            changed |= drift(world, keys, rng)
        with Plan.open(path) as plan:
            ends = plan.states()
            if plan.status is not Status.FINISHED or ends.get(ItemState.SENT):
                wrong.append(f"it never ended: {plan.status}, {ends}")
            counted.update({str(state): count for state, count in ends.items()})
        return [f"seed {seed}: {line}" for line in wrong], counted
    finally:
        world.close()


def drift(world: World, keys: list[str], rng: random.Random) -> set[str]:
    """Someone puts an alias on a version that is still there: it must stay from now on."""
    live = sorted(world.live() & set(keys))
    if not live or rng.random() < 0.5:
        return set()
    key = rng.choice(live)
    world.store.alias(key, f"new-{rng.getrandbits(32):x}")
    return {key}


def main(argv: list[str]) -> int:
    """Run rounds and print what was counted; 1 when a lie was found."""
    rounds = int(argv[0]) if argv else 20
    seed = int(argv[1]) if len(argv) > 1 else random.SystemRandom().randrange(10**9)
    total: Counter[str] = Counter()
    for number in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            wrong, counted = one_round(Path(folder), seed + number)
        total += counted
        if wrong:
            print(*wrong, sep="\n")  # noqa: T201
            return 1
    print(f"seed {seed}, nothing wrong: {dict(total)}")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
