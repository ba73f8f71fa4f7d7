"""How much of the program does a mark pass that becomes one DELETE at W&B?

    python -m benchmarks.journey [--tree FOLDER] [--python FILE] [--functions]

The story is a person's: a registry is open in a terminal, one version is marked, reviewed,
confirmed and deleted. From the key that marks on, each function of the package that is entered is
noted, on the screen and in the process that applies the plan, the drawing of the screens included.
`--tree` is another checkout whose program is looked at, to compare with, and `--python` that of an
environment in which it is installed; `--functions` prints all.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.pty.terminal import Terminal
from tests.servers.wandb.process import running

ROOT = Path(__file__).parents[1]

NOTE = """
import atexit, inspect, os, signal, sys, threading

_noting = "artifact_tui.deletion" in " ".join(sys.orig_argv)  # the process that applies
_seen = set()

def _note(frame, event, _):
    if event == "call" and _noting:
        _seen.add(frame.f_code)

def _begin(*_):
    global _noting
    _noting = True

def _write():
    sys.setprofile(None)
    package = os.environ["JOURNEY_PACKAGE"]
    with open(os.environ["JOURNEY_LOG"], "a", encoding="utf-8") as file:
        for code in list(_seen):
            named = code.co_flags & inspect.CO_NEWLOCALS and not code.co_name.startswith("<")
            if named and code.co_filename.startswith(package):
                path = code.co_filename[len(package) + 1:]
                file.write(f"{path} {code.co_qualname}\\n")

signal.signal(signal.SIGUSR2, _begin)
threading.setprofile(_note)
sys.setprofile(_note)
atexit.register(_write)
"""
"""What every process does first: note functions, on the screen from a signal on."""


def story(tree: Path, folder: Path, python: str) -> list[str]:
    """Mark, review, confirm and delete one version; the functions entered, as `PATH NAME`."""
    log = folder / "entered"
    log.touch()
    (folder / "sitecustomize.py").write_text(NOTE, encoding="utf-8")
    with running() as server:
        server.fill(1, 3)
        env = {
            "ARTIFACT_TUI_HOME": str(folder / "home"),
            "JOURNEY_LOG": str(log),
            "JOURNEY_PACKAGE": str(tree / "artifact_tui"),
            "PYTHONPATH": f"{folder}:{tree}",
            "PYTHONSAFEPATH": "1",  # the folder that this was started in is another tree
            "WANDB_API_KEY": server.api_key,
        }
        program = (python, "-m", "artifact_tui")
        terminal = Terminal(server.address(), size=(120, 40), env=env, program=program)
        try:
            terminal.sees("1 collection", "3 versions", "synced")
            terminal.send("enter")
            terminal.sees("v2", "v0")
            terminal.send("j")
            terminal.settles()
            os.kill(terminal.child.pid, signal.SIGUSR2)
            terminal.send("space", "d")
            terminal.sees("tab to type here")
            terminal.settles()
            terminal.send("tab")
            terminal.until(lambda: "tab to type here" not in terminal.text, "a place to type")
            terminal.send("y")
            terminal.sees("enter applies the plan now")
            terminal.send("enter")
            terminal.sees("finished")
            terminal.settles()
            assert len(server.alive()) == 2  # noqa: PLR2004 - of three
            terminal.send("q")
            terminal.sees("2 versions")
            terminal.send("q")
            terminal.ends()
        finally:
            terminal.close()
    return sorted(set(log.read_text(encoding="utf-8").splitlines()))


def main() -> None:
    """Print how many functions of how many files the story enters, by room."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tree", type=Path, default=ROOT)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--functions", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        entered = story(options.tree.resolve(), Path(folder), options.python)
    files = {line.split(" ")[0] for line in entered}
    print(f"{len(entered):,} functions in {len(files)} files, Python {sys.version.split()[0]}")
    rooms = Counter(str(Path(line.split(" ")[0]).parent) for line in entered)
    for room, count in rooms.most_common():
        print(f"  {count:5} {room}")
    if options.functions:
        print(*entered, sep="\n")


if __name__ == "__main__":
    main()
