"""How soon is home there: its first rows beside the first screen of a registry, and its figures.

    python -m benchmarks.home [--rounds N] [--repositories N]

Ten stores are configured: a local registry, six caches of Hugging Face, a store of Ollama, an OCI
layout, and one that never answers. In each round a terminal opens the registry and then home, one
after the other; the smallest time of each counts, as others use the machine too. Then
`artifact-tui stores --json` tells how long it takes until each store is known.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from tests.pty.terminal import Terminal
from tests.servers.stuck import stuck
from tests.support.blobs import Oci, Ollama
from tests.support.hub import Hub, commit_of

MOST = 1.5
"""What home may take, in times of a registry's first screen."""
PROGRAM = [sys.executable, "-m", "artifact_tui"]


def made(folder: Path, repositories: int) -> dict[str, str]:
    """Make ten stores and configure them; gives the environment of an account with nothing else."""
    env = {
        "HOME": str(folder),
        "ARTIFACT_TUI_HOME": str(folder / "home"),
        "PYTHONPATH": f"{Path(stuck.__file__).parent}:{Path(__file__).parents[1]}",
    }
    addresses = {"sample": f"local:{folder}/sample"}
    for number in range(6):
        hub = Hub(folder / f"hub{number}")
        for one in range(repositories):
            for word in ("old", "new"):
                files = {f"{word}{n}.bin": f"{number}{one}{word}{n}".encode() for n in range(20)}
                ref = ("main",) if word == "new" else ()
                hub.download(f"models--a--m{one}", commit_of(f"{word}{one}"), files, refs=ref)
        addresses[f"hub{number}"] = f"hf:{hub.root}"
    models = Ollama(folder / "models")
    layout = Oci(folder / "layout")
    for number in range(30):
        models.tag(f"m{number}", "latest", {"model": b"m" * number, "system": b"s"})
        layout.tag(f"m{number}", "latest", {"model": b"m" * number, "system": b"s"})
    addresses |= {"models": f"ollama:{models.root}", "layout": f"oci:{layout.root}"}
    (folder / "disk").mkdir()
    os.mkfifo(folder / "disk" / "pipe")
    addresses["hanging"] = f"stuck:{folder}/disk"
    run = [*PROGRAM, "demo", str(folder / "sample"), "--no-open"]
    subprocess.run(run, env=os.environ | env, check=True, capture_output=True)
    tables = (f'[registries.{name}]\naddress = "{text}"\n' for name, text in addresses.items())
    config = folder / "home" / "config"
    config.mkdir(parents=True, exist_ok=True)
    (config / "config.toml").write_text("".join(tables), encoding="utf-8")
    return env


def first_screen(env: dict[str, str], words: list[str], *seen: str) -> tuple[float, Terminal]:
    """Seconds from the start of a screen until it shows some words."""
    began = time.perf_counter()
    terminal = Terminal(*words, size=(120, 40), env=env, program=tuple(PROGRAM))
    terminal.sees(*seen)
    return time.perf_counter() - began, terminal


def screens(env: dict[str, str], rounds: int) -> None:
    """Print the first screens of a registry and of home, and when home knows everything."""
    registry, home, nine, all_ten = [], [], [], []
    for _ in range(rounds):
        took, terminal = first_screen(env, ["sample"], "40 collections", "bert-base")
        registry.append(took)
        terminal.close()
        began = time.perf_counter()
        took, terminal = first_screen(env, [], "sample", "hanging")
        home.append(took)
        names = ["sample", *(f"hub{number}" for number in range(6)), "models", "layout"]
        terminal.until(lambda: _have_sizes(terminal, names), "the sizes of nine stores")  # noqa: B023 - called at once
        nine.append(time.perf_counter() - began)
        terminal.sees("not answering")
        all_ten.append(time.perf_counter() - began)
        terminal.close()
    ratio = min(home) / min(registry)
    for what, found in {
        "first screen of a registry": registry,
        "first rows of home": home,
        "nine stores measured": nine,
        "one not answering": all_ten,
    }.items():
        print(f"{what:28} {min(found):6.2f} s  median {median(found):6.2f} s")
    print(f"home / registry {ratio:.2f}, at most {MOST}: {'yes' if ratio <= MOST else 'NO'}")


def _have_sizes(terminal: Terminal, names: list[str]) -> bool:
    lines = terminal.text.splitlines()
    rows = {name: next((line for line in lines if f" {name} " in line), "") for name in names}
    return all("B" in row.partition(name)[2] for name, row in rows.items())


def command_line(env: dict[str, str], rounds: int) -> None:
    """Print how long `stores --json` takes to the first, the ninth and the last store."""
    times: list[list[float]] = []
    for _ in range(rounds):
        began = time.perf_counter()
        process = subprocess.Popen(
            [*PROGRAM, "stores", "--json"],
            env=os.environ | env,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert process.stdout is not None
        told = [(time.perf_counter() - began, json.loads(line)) for line in process.stdout]
        assert process.wait() == 0
        assert [one["state"] for _, one in told] == ["measured"] * 9 + ["not answering"]
        times.append([at for at, _ in told] + [time.perf_counter() - began])
    first, ninth, end = (min(one[at] for one in times) for at in (0, 8, -1))
    print(f"stores --json: first {first:.2f} s, ninth {ninth:.2f} s, end {end:.2f} s")


def main() -> None:
    """Make the stores, and print what takes how long."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--repositories", type=int, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        env = made(Path(folder), options.repositories)
        command_line(env, options.rounds)
        screens(env, options.rounds)


if __name__ == "__main__":
    main()
