"""Workers in processes of their own, and the truth about what they did."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from artifact_tui.deletion import plan_file
from artifact_tui.deletion.items import ItemState, Verdict
from artifact_tui.deletion.plan import Plan
from tests.servers.faulty import faulty
from tests.support import forked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tests.support.forked import Process
    from tests.support.linked_world import LinkedWorld
    from tests.support.world import World

FAULTY = Path(faulty.__file__).parent
PATIENCE = 100.0
"""Seconds until a test gives up waiting."""

DONE = {ItemState.VERIFIED, ItemState.DELETED, ItemState.GONE}


def wait_for(condition: Callable[[], bool], what: str) -> None:
    """Poll until a condition holds."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"waited too long for {what}"
        time.sleep(0.02)


def write_script(world: World | LinkedWorld, *rules: dict[str, object], **more: object) -> None:
    """Put the faults for `faulty:` beside the registry."""
    path = world.path.with_name(world.path.name + ".faults.json")
    path.write_text(json.dumps({"rules": list(rules), **more}), encoding="utf-8")


def beside(world: World, suffix: str) -> Path:
    """A file that the faulty client shares with the test, such as a gate."""
    return world.path.with_name(world.path.name + suffix)


def environment() -> dict[str, str]:
    """What a worker needs to find the faulty client."""
    return os.environ | {"PYTHONPATH": str(FAULTY)}


def spawn(plan: Path, *, limit: int | None = None) -> Process:
    """A worker in a hurry; `limit` is the size in bytes that no file may outgrow."""
    code = (
        "import functools, resource, runpy\n"
        "from artifact_tui.deletion import apply, calls\n"
        "apply.Policy = functools.partial(calls.Policy, delays=(0.01, 0.01, 0.01))\n"
    )
    if limit is not None:
        code += f"resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))\n"
    code += "runpy.run_module('artifact_tui.deletion.worker', run_name='__main__')"
    return forked.start(["-c", code, str(plan)], env=environment())


def released(plan: Path) -> bool:
    """Whether nobody applies the plan."""
    return not plan_file.is_locked(plan)


def lies(world: World, path: Path, *, refused: Iterable[str] = ()) -> list[str]:
    """Every way in which the plan file and the registry disagree, item by item."""
    live, trashed = world.live(), world.trashed()
    found = []
    with Plan.open(path) as plan:
        plan.check_hash()
        going = set()
        for item in plan.every_item():
            if item.verdict is not Verdict.DELETE:
                continue
            going.add(item.key)
            if item.state in DONE and item.key in live:
                found.append(f"{item.name} is {item.state} and still there")
            if item.state not in DONE | {ItemState.SENT} and item.key not in live:
                found.append(f"{item.name} is {item.state} and gone")
            if item.key in refused and item.state in DONE:
                found.append(f"{item.name} was changed and is {item.state}")
        found += [f"{key} was never reviewed and is gone" for key in trashed - going]
    return found
