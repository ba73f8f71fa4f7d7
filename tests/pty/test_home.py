"""Home in a real terminal: on a full disk, beside a disk that hangs, and silent when idle."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from tests.servers.stuck import stuck
from tests.support.disks import fill, small_disk
from tests.support.hub import Hub, commit_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.pty.terminal import Terminal


def account(folder: Path) -> dict[str, str]:
    """The variables of somebody with one cache of 5 KB, half of which leads nowhere."""
    hub = Hub(folder / ".cache/huggingface/hub")
    hub.download("models--acme--net", commit_of("old"), {"weights": b"x" * 2_500})
    hub.download("models--acme--net", commit_of("new"), {"weights": b"y" * 2_500}, refs=("main",))
    return {"HOME": str(folder), "ARTIFACT_TUI_HOME": str(folder / "tui"), "HF_HOME": ""}


def test_in_a_burst_to_what_can_go(tmp_path: Path, open_terminal: Callable[..., Terminal]) -> None:
    terminal = open_terminal(env=account(tmp_path))
    terminal.sees("2.5 KB can go", "nothing there yet")
    terminal.send("g", "c*d")
    terminal.sees("Review", "2.5 KB freed", "Type y to delete")
    terminal.send("q")
    terminal.sees("/ alias:none")
    terminal.send("-")
    terminal.sees("Home", "open now")
    terminal.idles()
    terminal.send("q")
    terminal.ends()
    assert not terminal.leftover()
    assert len(list((tmp_path / ".cache/huggingface/hub").rglob("snapshots/*"))) == 2


def test_a_full_disk_is_looked_at(tmp_path: Path, open_terminal: Callable[..., Terminal]) -> None:
    with small_disk(tmp_path / "disk", 16) as disk:
        env = account(disk)
        fill(disk)
        terminal = open_terminal(env=env)
        terminal.sees("0 B free of", "2.5 KB can go")
        terminal.send("q")
        terminal.ends()
        assert not (disk / "tui/data/registry").exists()


def test_a_disk_that_hangs_keeps_nobody_waiting_at_the_end_either(
    tmp_path: Path, open_terminal: Callable[..., Terminal]
) -> None:
    env = account(tmp_path)
    (tmp_path / "disk").mkdir()
    os.mkfifo(tmp_path / "disk/pipe")
    path = tmp_path / "tui/config/config.toml"
    path.parent.mkdir(parents=True)
    path.write_text(
        f'[registries.nfs]\naddress = "stuck:{tmp_path}/disk"\n'
        f'[registries.nfs2]\naddress = "stuck:{tmp_path}/disk2"\n'
    )
    path.chmod(0o600)
    (tmp_path / "disk2").mkdir()
    os.mkfifo(tmp_path / "disk2/pipe")
    terminal = open_terminal(env={**env, "PYTHONPATH": str(Path(stuck.__file__).parent)})
    terminal.sees("2.5 KB can go", "measuring")
    terminal.send("g", "j", "enter")  # before it is known that it hangs
    terminal.sees("nfs does not answer. r looks again.", "not answering")
    terminal.send("q")
    terminal.ends()
