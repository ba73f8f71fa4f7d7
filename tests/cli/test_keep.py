"""`add --from`: a version of a store on this machine is kept, without copying where that can be."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from artifact_tui import config
from tests.support.blobs import Ollama
from tests.support.disks import cloning_disk, small_disk
from tests.support.hub import Hub, commit_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli, Local
    from tests.servers.wandb.process import Server

OLD, NEW, TUNED = (commit_of(word) for word in ("old", "new", "tuned"))
BASE, LORA = "models--acme--base", "models--me--lora"
FILES = {"w.bin": b"w" * 9000, "new.bin": b"n" * 700, "deep/er.json": b"{}"}
CARD = b"---\nbase_model: acme/base\n---\n# Tuned\n"


def fill(hub: Hub) -> Hub:
    hub.download(BASE, OLD, {"w.bin": b"w" * 9000, "old.bin": b"o" * 500}, refs=("v1", "old"))
    hub.download(BASE, NEW, FILES, refs=("main",))
    hub.download(LORA, TUNED, {"README.md": CARD, "a.bin": b"a" * 300}, refs=("main",))
    return hub


@pytest.fixture(params=[False, True], ids=["own blobs", "shared blobs"])
def hub(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hub:
    """A base model of two revisions with weights in common, and one tuned from it."""
    made = fill(Hub(tmp_path / "hub", shared=request.param))
    monkeypatch.setenv("HF_HUB_CACHE", str(made.root))
    return made


def stored(top: Path) -> dict[str, os.stat_result]:
    """The files of a registry's blobs, by digest."""
    return {path.name: path.stat() for path in (top / "blobs").rglob("*") if path.is_file()}


def own() -> dict[str, os.stat_result]:
    return stored(config.embedded_registry())


def sources(top: Path) -> dict[str, os.stat_result]:
    """The files below a folder that hold bytes, by digest."""
    found = (path for path in top.rglob("*") if path.is_file() and not path.is_symlink())
    return {hashlib.sha256(path.read_bytes()).hexdigest(): path.stat() for path in found}


def digests(files: dict[str, bytes]) -> set[str]:
    return {hashlib.sha256(content).hexdigest() for content in files.values()}


def exported(cli: Cli, name: str, to: Path) -> dict[str, bytes]:
    cli("export", name, "-o", to)
    found = (path for path in to.rglob("*") if path.is_file())
    return {path.relative_to(to).as_posix(): path.read_bytes() for path in found}


def test_its_bytes_are_the_same_files(cli: Cli, hub: Hub, tmp_path: Path) -> None:
    before = sources(hub.root)
    said = cli("add", "--from", "hf:", "acme/base:main").out
    assert "added acme/base:v0 to local\n  9.7 KB in 3 files" in said
    assert "9.7 KB linked, not copied: freed when gone from both" in said
    now = sources(hub.root)
    assert own().keys() == digests(FILES)
    for digest, info in own().items():
        assert info.st_ino == before[digest].st_ino
        assert info.st_mode == before[digest].st_mode == now[digest].st_mode
        assert info.st_mtime_ns == before[digest].st_mtime_ns
    assert exported(cli, "acme/base:v0", tmp_path / "out") == FILES


def test_it_stays_when_its_store_is_cleaned(cli: Cli, hub: Hub, tmp_path: Path) -> None:
    cli("add", "--from", "hf:", "acme/base:main", "base")
    plan = tmp_path / "deletion.plan"
    cli("plan", "hf:", "name:acme/base", "-o", plan, "--delete-aliases", "--with-dependents")
    cli("apply", plan, "--yes", "--expect", "3")
    assert not (hub.root / BASE).exists()
    assert "nothing is wrong" in cli("fsck", "--verify").out
    assert exported(cli, "base:latest", tmp_path / "out") == FILES


def test_what_is_said_about_it_comes_along(cli: Cli, hub: Hub) -> None:
    cli("add", "--from", "hf:", "acme/base:main")
    cli("add", "--from", "hf:", f"acme/base:{OLD[:12]}", "--alias", "best", "--tag", "x")
    cli("add", "--from", "hf:", "me/lora:main", "lora", "--type", "adapter", "--note", "mine")
    found = {
        (one["name"], one["version"]): one for one in cli("ls", "--versions", "--json").records
    }
    assert set(found) == {("acme/base", "v0"), ("acme/base", "v1"), ("lora", "v0")}
    assert found["acme/base", "v0"]["alias"] == ["main"]
    assert found["acme/base", "v1"]["alias"] == ["best", "latest", "old"], "v1 is no alias here"
    assert found["acme/base", "v1"]["tag"] == [OLD[:12], "old", "v1", "x"]
    assert found["acme/base", "v1"]["type"] == "model"
    assert found["lora", "v0"]["type"] == "adapter"
    shown = cli("show", "lora:v0").out
    assert f"kept from hf:{hub.root}: {LORA}/snapshots/{TUNED}, {TUNED}+" in shown
    assert "; mine\n" in shown
    assert "made from 1 version\n    1  acme/base:v0" in shown


def test_an_alias_that_is_taken_stays_where_it_is(cli: Cli, hub: Hub, tmp_path: Path) -> None:
    weights = tmp_path / "weights"
    weights.write_bytes(b"mine")
    cli("add", weights, "acme/base", "--type", "model", "--protect", "main")
    cli("add", "--from", "hf:", "acme/base:main")
    found = {one["version"]: one["alias"] for one in cli("ls", "--versions", "--json").records}
    assert found == {"v0": ["main"], "v1": ["latest"]}


def test_the_same_bytes_are_not_added_again(cli: Cli, hub: Hub) -> None:
    cli("add", "--from", "hf:", "acme/base:main")
    before = {digest: info.st_ino for digest, info in own().items()}
    said = cli("add", "--from", "hf:", "acme/base:main", "again").out
    assert "9.7 KB there already" in said
    assert {digest: info.st_ino for digest, info in own().items()} == before
    assert "500 B linked, not copied: freed when gone from both; 9 KB there already" in cli(
        "add", "--from", "hf:", "acme/base:old"
    ).out  # fmt: skip


def refused(cli: Cli, name: str, *words: str) -> None:
    """It is refused in these words, and nothing is added."""
    ran = cli("add", "--from", "hf:", name, code=None)
    assert ran.code
    for word in (*words, "Nothing was added"):
        assert word in ran.err
    assert own() == {}
    assert list((config.embedded_registry() / "tmp").iterdir()) == []
    assert "local is empty" in cli("ls").out


def test_a_link_to_nothing_is_named(cli: Cli, hub: Hub) -> None:
    link = hub.root / BASE / "snapshots" / NEW / "deep/er.json"
    (link.parent / link.readlink()).unlink()
    refused(cli, "acme/base:main", "deep/er.json of acme/base:", "missing")


def test_a_link_to_elsewhere_is_not_followed(cli: Cli, hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    link = hub.root / BASE / "snapshots" / NEW / "deep/er.json"
    link.unlink()
    link.symlink_to(tmp_path / "secret")
    refused(cli, "acme/base:main", "deep/er.json of acme/base:", "missing")


def test_bytes_that_are_not_those_of_their_name_are_refused(cli: Cli, hub: Hub) -> None:
    path = (hub.root / BASE / "snapshots" / NEW / "w.bin").resolve()
    path.chmod(0o644)
    path.write_bytes(b"v" * 9000)
    refused(cli, "acme/base:main", str(path), "is damaged")


def test_what_is_not_finished_is_refused(cli: Cli, hub: Hub) -> None:
    hub.unfinished(BASE, b"h" * 4000)
    refused(cli, "acme/base:partial", "it is not complete")


def test_what_is_left_over_is_refused(cli: Cli, hub: Hub) -> None:
    (hub.root / LORA / "snapshots" / TUNED / "a.bin").unlink()
    refused(cli, "me/lora:unused", "blobs that no revision needs")


def test_a_file_that_people_write_into_is_copied(cli: Cli, hub: Hub) -> None:
    path = hub.root / BASE / "snapshots" / NEW / "mine.txt"
    path.write_bytes(b"notes")
    said = cli("add", "--from", "hf:", "acme/base:main").out
    assert "9.7 KB linked, not copied: freed when gone from both; 5 B copied" in said
    assert path.stat().st_nlink == 1


@pytest.mark.parametrize("mode", [0o646, 0o600])
def test_a_file_that_others_may_write_or_may_not_read_is_copied(
    cli: Cli, hub: Hub, mode: int
) -> None:
    path = (hub.root / BASE / "snapshots" / NEW / "w.bin").resolve()
    path.chmod(mode)
    top = config.embedded_registry()
    top.mkdir(parents=True, mode=0o755, exist_ok=True)
    said = cli("add", "--from", "hf:", "acme/base:main").out
    assert "702 B linked, not copied: freed when gone from both; 9 KB copied" in said
    assert path.stat().st_nlink == 1
    assert path.stat().st_mode & 0o777 == mode


@pytest.mark.parametrize("group", [False, True], ids=["owner", "group that writes"])
def test_a_file_of_somebody_else_is_copied(cli: Cli, hub: Hub, *, group: bool) -> None:
    path = (hub.root / BASE / "snapshots" / NEW / "w.bin").resolve()
    try:
        os.chown(path, -1 if group else 65534, 65534 if group else -1)
    except PermissionError:
        pytest.skip("giving a file away needs more rights")
    path.chmod(0o664)
    said = cli("add", "--from", "hf:", "acme/base:main").out
    assert "702 B linked, not copied: freed when gone from both; 9 KB copied" in said


def test_from_another_file_system_that_may_only_be_read_it_is_copied(
    cli: Cli, tmp_path: Path
) -> None:
    with small_disk(tmp_path / "disk", 4) as disk:
        hub = fill(Hub(disk / "hub"))
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        said = cli("add", "--from", f"hf:{hub.root}", "acme/base:main").out
    assert "9.7 KB copied" in said
    assert exported(cli, "acme/base:main", tmp_path / "out") == FILES


def test_where_blocks_can_be_shared_nothing_is_linked(cli: Cli, tmp_path: Path) -> None:
    with cloning_disk(tmp_path / "disk") as disk:
        hub = fill(Hub(disk / "hub"))
        address = f"local:{disk / 'registry'}"
        wish = ("add", "--from", f"hf:{hub.root}", "acme/base:main", "--registry", address)
        assert "9.7 KB cloned, not copied\n" in cli(*wish, "--create").out
        assert {info.st_nlink for info in stored(disk / "registry").values()} == {1}
        (hub.root / BASE / "snapshots" / NEW / "w.bin").resolve().write_bytes(b"v" * 9000)
        assert "nothing is wrong" in cli("fsck", address, "--verify").out


def test_read_only_keeps_nothing(cli: Cli, hub: Hub, registry: Local) -> None:
    before = registry.states()
    wish = ("add", "--from", "hf:", "acme/base:main", "--registry", registry.address)
    cli("--read-only", *wish, code=1)
    assert registry.states() == before


def test_a_tag_is_kept_with_its_manifest(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ollama = Ollama(tmp_path / "models")
    ollama.tag("llama3", "8b", {"model": b"w" * 4000, "template": b"t" * 50})
    monkeypatch.setenv("OLLAMA_MODELS", str(ollama.root))
    said = cli("add", "--from", "ollama:", "llama3:8b").out
    assert "added llama3:v0" in said
    assert "4.05 KB linked" in said
    (tag,) = (path for path in (ollama.root / "manifests").rglob("*") if path.is_file())
    assert tag.stat().st_nlink == 1, "Ollama writes manifests anew in place"
    kept = exported(cli, "llama3:latest", tmp_path / "out")
    (manifest,) = (kept[path] for path in kept if path.startswith("manifest/"))
    named = json.loads(manifest)
    parts = [named["config"]["digest"], *(one["digest"] for one in named["layers"])]
    assert {part.removeprefix("sha256:") for part in parts} <= {
        hashlib.sha256(content).hexdigest() for content in kept.values()
    }
    ollama.file(parts[1]).unlink()
    ran = cli("add", "--from", "ollama:", "llama3:8b", code=1)
    assert f"{parts[1]} is missing. Nothing was added." in ran.err


def test_of_a_registry_that_is_elsewhere_nothing_can_be_kept(cli: Cli, vision: Server) -> None:
    ran = cli("add", "--from", "vision", "mnist:v3", code=2)
    assert "mnist:v3 cannot be kept: its files are not on this machine" in ran.err
    assert "artifact-tui add FOLDER NAME" in ran.err


def test_a_name_is_needed_for_a_folder(cli: Cli, tmp_path: Path) -> None:
    ran = cli("add", tmp_path, code=2)
    assert "Say a NAME too. Nothing was added." in ran.err
