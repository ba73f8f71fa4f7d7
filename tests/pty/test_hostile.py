"""Names given to do harm: seen, marked, reviewed, deleted, restored; none reaches the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.tui.review.conftest import HOSTILE

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.pty.terminal import Terminal
    from tests.tui.review.world import World

MARKERS = (b"\x1b[31mred", b"\x1b]52;", b"\x9b", "\u202e".encode(), b"\x1b[2Jwipe")


def test_no_raw_control_byte_of_a_name_reaches_the_terminal(
    world: World, open_terminal: Callable[..., Terminal]
) -> None:
    names = (*HOSTILE, "c1 \x9b31m csi", "\x1b[2Jwipe", "zero\u200bwidth \u2066iso\u2069")
    for name in names:
        world.add(name, aliases=[name[:40]])
    terminal = open_terminal(world.address)
    terminal.sees(r"\x1b[31mred", r"\u{202e}", r"\x9b31m")
    terminal.send(*["space"] * len(names))
    terminal.sees(f"{len(names)} marked")
    terminal.send("d")
    terminal.sees("needs your consent", "alias")
    terminal.send("a")
    terminal.sees("aliases that go", "tab to type here", "Type registry to delete")
    terminal.send("j", "j", "enter", *["j"] * len(names))
    terminal.sees("sha256:", "zero")
    terminal.send("escape")
    terminal.sees("lose every version:")
    terminal.send("p")
    terminal.sees("Commands and calls")
    terminal.send("q", "tab")
    terminal.sees("esc back")
    terminal.send("registry", "enter")
    terminal.sees("finished", f"{len(names)} deleted")
    terminal.send("enter")
    terminal.sees("Result")
    terminal.send("q")
    terminal.sees("plan file")
    terminal.send("q", "u")
    terminal.sees("Trash", "esc")
    terminal.send("*", "r")
    terminal.sees(f"{len(names)} versions restored.")
    terminal.send("q")
    terminal.sees(f"{len(names)} collections")
    terminal.send("q")
    terminal.ends()
    raw = bytes(terminal.raw)
    assert [marker for marker in MARKERS if marker in raw] == []
    assert terminal.leftover() == b""
    assert terminal.child.exitstatus == 0
