"""An API key appears in no plan, log, catalog, answer or process list, whatever the server says."""

from __future__ import annotations

import base64
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from artifact_tui.cli import main
from artifact_tui.deletion.plan import Plan
from tests.faults.wandb.echo import Echo, echoing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.wandb.scene import Scene

KEY = "canary0123456789canary0123456789canary01"
BASIC = base64.b64encode(f"api:{KEY}".encode()).decode()


@pytest.fixture
def echo(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Iterator[Echo]:
    scene.server.change(api_key=KEY)
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    with echoing(scene.server) as found:
        yield found
    scene.server.change(api_key=scene.server.traps.api_key)


def clean(data: bytes, where: object) -> None:
    for secret in (KEY, BASIC):
        assert secret.encode() not in data, where


def clean_files(folder: Path) -> int:
    """No file holds it; gives how many there are."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    for path in files:
        clean(path.read_bytes(), path)
    return len(files)


def processes() -> bytes:
    """The command lines of all processes."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_bytes())
        except OSError:
            continue
    return b"\n".join(found)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["200", "401", "403", "500"])
def test_a_server_that_tells_the_key(
    scene: Scene, echo: Echo, kind: str, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    scene.fill(3)
    plan = tmp_path / "a.plan"
    address = echo.address("acme/vision")
    assert main(["plan", address, "*", "-o", str(plan)]) == 0
    echo.kind = kind
    assert main(["apply", str(plan), "--yes", "--expect", "3"]) != 0
    for words in (["report", str(plan)], ["report", str(plan), "--json"], ["tasks"]):
        main(words)
    assert echo.echoed
    with Plan.open(plan) as opened:
        errors = "".join(item.error + item.detail for item in opened.every_item())
    assert errors, "the plan tells why"
    assert kind not in {"200", "403"} or "***" in errors, "it was there, and was cut out"
    clean(errors.encode(), "items")
    out, err = capfdbinary.readouterr()
    clean(out + err, "the terminal")
    assert clean_files(tmp_path) > 2
    assert len(scene.server.alive()) == 3


@pytest.mark.slow
def test_a_worker_shows_it_to_no_other_process(scene: Scene, tmp_path: Path) -> None:
    scene.server.change(api_key=KEY)
    scene.fill(60)
    plan = tmp_path / "a.plan"
    address = scene.server.address("acme/vision")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WANDB_API_KEY", KEY)
        assert main(["plan", address, "*", "-o", str(plan)]) == 0
        scene.server.change(latency_ms=40)
        command = [sys.executable, "-m", "artifact_tui", "apply", str(plan), "--yes"]
        with subprocess.Popen(
            [*command, "--expect", "60"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ) as process:
            seen = 0
            while process.poll() is None:
                lines = processes()
                clean(lines, "the process list")
                seen += b"artifact_tui.deletion.worker" in lines
            assert process.stdout is not None
            clean(process.stdout.read(), "the terminal")
    assert seen, "the worker was seen"
    assert process.returncode == 0
    assert not scene.server.alive()
    clean_files(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("broken", ["away", "another key"])
def test_a_server_that_is_not_there(
    scene: Scene,
    broken: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    """Errors of the connection itself, and what is said about them."""
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    address = "wandb+http://127.0.0.1:9/acme/vision"
    if broken == "another key":
        scene.server.change(api_key="f" * 40)
        address = scene.server.address("acme/vision")
    for words in (["ls", address], ["registries", "test", address]):
        assert main(words) != 0
    out, err = capfdbinary.readouterr()
    assert err
    clean(out + err, "the terminal")
    clean_files(tmp_path)
