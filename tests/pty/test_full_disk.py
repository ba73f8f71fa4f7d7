"""A disk without a free byte, freed on the screen; and one without locks, looked at on it."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from tests.pty.terminal import PROGRAM
from tests.support.disks import fill, other_disk, small_disk
from tests.support.sync_store import SyncStore
from tests.unit.local.support import put

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.pty.terminal import Terminal


def confirm(terminal: Terminal, what: str) -> None:
    """Type what a review asks for, and let the plan be applied to its end."""
    terminal.sees("tab to type here")
    terminal.send("tab")
    terminal.sees("esc back")
    terminal.send(what)
    terminal.sees("enter applies the plan now")
    terminal.send("enter")
    terminal.sees("finished")


def test_a_full_disk_is_freed_on_the_screen(
    tmp_path: Path, open_terminal: Callable[..., Terminal]
) -> None:
    with small_disk(tmp_path / "disk", 16) as disk:
        store = SyncStore.create(disk / "registry")
        for name in ("net0", "net1"):
            put(store, name, {"weights": os.urandom(1_000_000)})
        store.close()
        home = str(disk / "home")
        first = open_terminal(f"local:{disk}/registry", env={"ARTIFACT_TUI_HOME": home})
        first.sees("net1")
        first.send("q")
        first.ends()
        fill(disk)
        terminal = open_terminal(f"local:{disk}/registry", env={"ARTIFACT_TUI_HOME": home})
        terminal.sees("net0")
        terminal.send("space", "d")
        terminal.sees("needs your consent")
        terminal.send("a")
        confirm(terminal, "net0")
        terminal.send("escape")
        terminal.sees("1 collection ")
        fill(disk)
        terminal.send("u")
        terminal.sees("net0:v0")
        terminal.send("d")
        confirm(terminal, "net0")
        terminal.send("escape")
        terminal.sees("The trash is empty")
        fill(disk)
        terminal.send("c")
        terminal.sees("Free the bytes", "1 MB", "y goes ahead")
        terminal.settles()
        terminal.send("y")
        terminal.sees("1 MB freed.", "The trash is empty")
        terminal.until(lambda: shutil.disk_usage(disk).free > 900_000, "the disk to have room")
        terminal.close()


def test_a_registry_without_locks_is_looked_at_and_says_why_no_more(
    tmp_path: Path, open_terminal: Callable[..., Terminal]
) -> None:
    store = SyncStore.create(tmp_path / "registry")
    put(store, "net0")
    store.close()
    disk = {"DISK": "ENOLCK", "DISK_ROOT": str(tmp_path), "LD_PRELOAD": other_disk()}
    terminal = open_terminal(f"local:{tmp_path}/registry", env=disk, program=PROGRAM)
    terminal.sees("net0", "read-only")
    terminal.send("d")
    terminal.sees("its file system has no locks")
