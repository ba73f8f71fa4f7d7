"""A disk without a free byte, freed on the screen: delete, purge, free the bytes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from artifact_tui.clients.local.store import Store
from tests.support.disks import fill, small_disk
from tests.unit.local.support import put

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.pty.terminal import Terminal


def test_a_full_disk_is_freed_on_the_screen(
    tmp_path: Path, open_terminal: Callable[..., Terminal]
) -> None:
    with small_disk(tmp_path / "disk", 16) as disk:
        store = Store.create(disk / "registry")
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
        terminal.sees("tab to type here")
        terminal.send("tab")
        terminal.sees("esc back")
        terminal.send("net0")
        terminal.sees("enter applies the plan now")
        terminal.send("enter")
        terminal.sees("finished")
        terminal.close()
