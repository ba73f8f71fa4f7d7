"""Names from a W&B server, given to do harm, in all places where only it shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.pty.test_hostile import MARKERS
from tests.servers.wandb.process import fresh
from tests.servers.wandb.scenes import Company, Link, Scene, Series, Team, Use, Version

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.pty.terminal import Terminal
    from tests.servers.wandb.process import Server

EVIL = "esc\x1b[31mred \x1b]52;c;AAAA\x07 \u202e \x9b31m \x1b[2Jwipe [bold]"


@pytest.fixture
def server() -> Server:
    return fresh()


def scene() -> Scene:
    """A name of every kind that the server tells, each as bad as it can be."""
    path = f"acme/vision/{EVIL}"
    version = Version(
        aliases=[f"alias {EVIL}"[:60]],
        tags=[f"tag {EVIL}"],
        description=f"note {EVIL}",
        run=f"run {EVIL}",
        created_us=1_700_000_000_000_000,
        size=9_000,
    )
    return Scene(
        companies=[Company(name=f"org {EVIL}", entity="acme-org")],
        teams=[Team(name="acme", organization=f"org {EVIL}")],
        series=[
            Series(path=path, type=f"type {EVIL}", versions=[version]),
            Series(path=f"acme/other/far {EVIL}", versions=[Version(run=f"user {EVIL}")]),
        ],
        links=[
            Link(
                portfolio=f"acme-org/wandb-registry-model/shelf {EVIL}",
                version=f"{path}:v0",
                aliases=[f"held {EVIL}"[:60]],
            ),
            Link(portfolio=f"acme/vision/links {EVIL}", version=f"{path}:v0"),
        ],
        uses=[Use(run=f"acme/other/user {EVIL}", version=f"{path}:v0")],
    )


def test_no_raw_control_byte_of_a_servers_names_reaches_the_terminal(
    server: Server, open_terminal: Callable[..., Terminal], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_API_KEY", server.api_key)
    server.seed(scene())
    terminal = open_terminal(server.address("acme/vision"), size=(120, 40))
    terminal.sees("synced just now", r"\x1b[31mred")
    terminal.send("enter", "j")
    terminal.sees("shown in")
    terminal.send("L")
    terminal.sees("Lineage")
    terminal.send("q", "T")
    terminal.sees("Retention", "nothing expires")
    terminal.send("s", "9", "9", "9", "9", "d")
    terminal.sees("by 20")
    terminal.send("enter")
    terminal.sees("to change")
    terminal.send("q", "q", "a")
    terminal.sees("Aliases and tags of")
    terminal.send("x")
    terminal.sees("+x")
    terminal.send("escape")
    terminal.until(lambda: "Aliases and tags of" not in terminal.text, "the dialog to go")
    terminal.send("d")
    terminal.sees("live versions outside this plan were made from it")
    terminal.sees("Nothing would be deleted as it stands")
    terminal.settles()  # keys are heard once that was drawn
    terminal.send("o")
    terminal.sees("carry an alias")
    terminal.send("a")
    terminal.sees("the links would break")
    terminal.send("p")
    terminal.sees("Commands and calls")
    terminal.send("q", "q", "q")
    terminal.ends()
    raw = bytes(terminal.raw)
    assert [marker for marker in MARKERS if marker in raw] == []
    assert terminal.leftover() == b""
    assert terminal.child.exitstatus == 0
