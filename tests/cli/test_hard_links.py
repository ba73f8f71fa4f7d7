"""Bytes that another name on this machine keeps are listed, and never called freed."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import pytest

from artifact_tui import config
from tests.support.blobs import Ollama
from tests.support.hub import Hub, commit_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli, Local

OLD, NEW, OTHER = (commit_of(word) for word in ("old", "new", "other"))
BASE, FORK = "models--acme--base", "models--acme--fork"
WEIGHTS = b"w" * 9000


@pytest.fixture(params=[False, True], ids=["own blobs", "shared blobs"])
def hub(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hub:
    """One revision of a model."""
    made = Hub(tmp_path / "hub", shared=request.param)
    made.download(BASE, NEW, {"w.bin": WEIGHTS, "n.bin": b"n" * 700}, refs=("main",))
    monkeypatch.setenv("HF_HUB_CACHE", str(made.root))
    return made


def promised(cli: Cli, tmp_path: Path, *wish: str) -> str:
    """What a plan says that is listed, and freed."""
    said = cli("plan", *wish, "-o", tmp_path / "deletion.plan").out
    (tmp_path / "deletion.plan").unlink()
    found = re.search(r"(\S+ \S+ listed, \S+ \S+ freed[^;\n]*)", said)
    assert found, said
    return found[1]


def used(*folders: Path) -> int:
    """The bytes of all files below folders but small ones, each file once."""
    files = (path.lstat() for top in folders for path in top.rglob("*") if not path.is_dir())
    return sum({info.st_ino: info.st_size for info in files if info.st_size > 500}.values())


def test_what_is_kept_is_freed_by_nobody_until_it_is_gone_from_both(
    cli: Cli, hub: Hub, tmp_path: Path
) -> None:
    wish = ("hf:", "name:acme/base", "--delete-aliases")
    assert promised(cli, tmp_path, *wish) == "9.7 KB listed, 9.7 KB freed"
    cli("add", "--from", "hf:", "acme/base:main", "base")
    assert promised(cli, tmp_path, *wish) == "9.7 KB listed, 0 B freed (9.7 KB held elsewhere)"
    (record,) = cli("ls", "hf:", "--versions", "--json").records
    assert (record["size"], record["unique"]) == (9700, 0)
    own = ("local:", "name:base", "--delete-aliases")
    assert promised(cli, tmp_path, *own) == (
        "9.7 KB listed, 0 B freed after purge and gc (9.7 KB held elsewhere)"
    )

    before = used(hub.root, config.embedded_registry())
    cli("plan", *wish, "-o", tmp_path / "p")
    cli("apply", tmp_path / "p", "--yes", "--expect", "1")
    assert used(hub.root, config.embedded_registry()) == before
    assert "local: 0 B freed" in cli("gc", "local:").out, "which also opens it for writing"
    assert promised(cli, tmp_path, *own) == "9.7 KB listed, 9.7 KB freed after purge and gc"


def test_a_garbage_collection_frees_nothing_that_the_cache_has_too(
    cli: Cli, hub: Hub, tmp_path: Path
) -> None:
    cli("add", "--from", "hf:", "acme/base:main", "base")
    cli("plan", "local:", "name:base", "--delete-aliases", "-o", tmp_path / "p")
    cli("apply", tmp_path / "p", "--yes", "--expect", "1")
    cli("purge", "local:", "--all", "--yes", "--expect", "1")
    assert "0 B would be freed (2 stored objects)" in cli("gc", "local:", "--dry-run").out
    assert "0 B freed (2 stored objects)" in cli("gc", "local:").out
    wish = ("hf:", "name:acme/base", "--delete-aliases")
    assert promised(cli, tmp_path, *wish) == "9.7 KB listed, 9.7 KB freed"


def test_names_within_a_cache_are_no_reason(cli: Cli, hub: Hub, tmp_path: Path) -> None:
    hub.download(FORK, OTHER, {"o.bin": b"o" * 600}, refs=("main",))
    (blob,) = (path for path in (hub.root / FORK).glob("blobs/*") if path.is_file())
    twin = hub.root / BASE / "snapshots" / NEW / "twin.bin"
    twin.hardlink_to(blob.resolve())
    wish = ("hf:", "name:acme/*", "--delete-aliases")
    assert promised(cli, tmp_path, *wish) == "10.9 KB listed, 10.3 KB freed"
    (tmp_path / "outside").hardlink_to(twin)
    assert promised(cli, tmp_path, *wish) == ("10.9 KB listed, 9.7 KB freed (600 B held elsewhere)")


def test_a_blob_of_a_tag_that_has_a_name_elsewhere(cli: Cli, tmp_path: Path) -> None:
    ollama = Ollama(tmp_path / "models")
    ollama.tag("llama3", "8b", {"model": WEIGHTS})
    address = f"ollama:{ollama.root}"
    (blob,) = (path for path in ollama.blobs.iterdir() if path.stat().st_size == len(WEIGHTS))
    assert promised(cli, tmp_path, address, "name:llama3").endswith(" listed, 9 KB freed")
    (tmp_path / "outside").hardlink_to(blob)
    assert promised(cli, tmp_path, address, "name:llama3").endswith(
        " listed, 2 B freed (9 KB held elsewhere)"
    )


def test_a_file_that_wandb_left_and_that_has_a_name_elsewhere(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = tmp_path / "cache" / "artifacts" / "obj" / "md5" / "ab" / "cdef"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"x" * 3000)
    monkeypatch.setenv("WANDB_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("WANDB_DATA_DIR", str(tmp_path / "data"))
    wish = ("wandb-cache:", "type:cache")
    assert promised(cli, tmp_path, *wish) == "3 KB listed, 3 KB freed"
    os.link(left, tmp_path / "outside")
    assert promised(cli, tmp_path, *wish) == "3 KB listed, 0 B freed (3 KB held elsewhere)"
    (tmp_path / "outside").unlink()
    assert promised(cli, tmp_path, *wish) == "3 KB listed, 3 KB freed"


def test_what_an_add_that_was_killed_has_linked_frees_nothing(
    cli: Cli, registry: Local, tmp_path: Path
) -> None:
    (tmp_path / "outside").write_bytes(b"x" * 3000)
    os.link(tmp_path / "outside", registry.path / "tmp" / "left")
    assert "0 B freed (0 stored objects, 1 leftover" in cli("gc", registry.address).out
