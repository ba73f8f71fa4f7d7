"""`add`: real files in, with everything that is said about them."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from artifact_tui.cli import upkeep
from artifact_tui.errors import RegistryError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli, Local


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "weights"
    (path / "sub").mkdir(parents=True)
    (path / "a.bin").write_bytes(b"a" * 1000)
    (path / "sub" / "b.bin").write_bytes(b"b" * 500)
    return path


def test_all_that_can_be_said(cli: Cli, folder: Path) -> None:
    ran = cli("add", folder, "net", "--type", "model", "--alias", "candidate", "--protect", "prod",
              "--tag", "x", "--tag", "y", "--ttl", "30d", "--run", "me", "--note", "n")  # fmt: skip
    assert ran.out == (
        "added net:v0 to local\n  1.5 KB in 2 files\n"
        "  aliases candidate, latest, prod (protected)\n"
    )
    shown = cli("show", "net:prod").out
    assert "30 d, expires " in shown
    assert "  tags        x, y\n" in shown
    assert " by me\n" in shown
    assert "  note        n\n" in shown
    assert "sub/b.bin  500 B  sha256:" in shown


def test_the_same_again_costs_nothing(cli: Cli, folder: Path) -> None:
    cli("add", folder, "net", "--type", "model")
    ran = cli("add", folder, "net", "--parent", "net:v0", "--json")
    (record,) = ran.records
    assert (record["version"], record["size"], record["unique"], record["type"]) == (
        "v1", 1500, 0, "model",
    )  # fmt: skip
    assert "of which 0 B only here" in ran.err
    assert "dependents: 1 direct, 1 in all" in cli("show", "net:v0").out


def test_a_new_collection_needs_a_type(cli: Cli, folder: Path) -> None:
    said = cli("add", folder, "net", code=2).err
    assert "new collection" in said
    assert "--type model" in said


def test_a_parent_must_be_there(cli: Cli, folder: Path) -> None:
    cli("add", folder, "net", "--type", "model")
    said = cli("add", folder, "net", "--parent", "nett:v0", code=1).err
    assert "Did you mean net?" in said


@pytest.mark.parametrize("ttl", ["soon", "-3d", "3"])
def test_a_wrong_time_says_what_is_right(cli: Cli, folder: Path, ttl: str) -> None:
    said = cli("add", folder, "net", "--type", "model", f"--ttl={ttl}", code=2).err
    assert "is no time span" in said


def test_what_is_not_there_is_named(cli: Cli, tmp_path: Path) -> None:
    said = cli("add", tmp_path / "nope", "net", "--type", "model", code=1).err
    assert str(tmp_path / "nope") in said


def test_another_registry_is_made_only_when_asked(cli: Cli, folder: Path, tmp_path: Path) -> None:
    address = f"local:{tmp_path / 'mine'}"
    cli("add", folder, "net", "--type", "model", "--registry", address, code=1)
    assert not (tmp_path / "mine").exists()
    cli("add", folder, "net", "--type", "model", "--registry", address, "--create")
    assert "net" in cli("ls", address).out


def test_what_was_added_and_cannot_be_read_back_is_not_to_be_added_again(
    cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RegistryError("the disk is gone")

    with monkeypatch.context() as patched:
        patched.setattr(upkeep, "rows_by_keys", broken)
        said = cli("add", folder, "net", "--type", "model", code=1).err
    assert "“net” was added, and cannot be read back: the disk is gone" in said
    assert "Do not add it again" in said
    assert "net" in cli("ls").out


def test_read_only_adds_nothing(cli: Cli, folder: Path, registry: Local) -> None:
    before = registry.states()
    cli("--read-only", "add", folder, "net", "--registry", registry.address, code=1)
    cli("--read-only", "add", folder, "net", "--type", "m", "--create", code=2)
    assert registry.states() == before


def test_bytes_come_back_as_they_were(cli: Cli, folder: Path, tmp_path: Path) -> None:
    cli("add", folder, "net", "--type", "model")
    ran = cli("export", "net:latest", "-o", tmp_path / "out")
    assert ran.out == f"net:v0: 2 files, 1.5 KB in {tmp_path / 'out'}\n"
    digests = [
        {
            path.relative_to(top).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in top.rglob("*")
            if path.is_file()
        }
        for top in (folder, tmp_path / "out")
    ]
    assert digests[0] == digests[1]
    assert "already" in cli("export", "net:latest", "-o", tmp_path / "out", code=2).err
