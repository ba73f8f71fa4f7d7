"""A third party's kind of registry: listed, planned, applied, restored, and on the screen."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from artifact_tui import config
from artifact_tui.catalog import connect, marks
from artifact_tui.cli import drafting, output
from artifact_tui.config import load, resolve
from artifact_tui.tui.app import ArtifactApp
from artifact_tui.tui.services import open_services
from tests.servers.folders import folders
from tests.tui.support import at

if TYPE_CHECKING:
    from tests.cli.conftest import Cli

INSTALLED = str(Path(folders.__file__).parent)


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with four versions: one made from another, one called `latest`."""
    monkeypatch.syspath_prepend(INSTALLED)
    monkeypatch.setenv("PYTHONPATH", INSTALLED)
    root = tmp_path / "shelf"
    for key, size in {
        "dataset/mnist/v0": 500, "model/net/v0": 100, "model/net/v1": 200, "model/net/v2": 300,
    }.items():  # fmt: skip
        (root / key).mkdir(parents=True)
        (root / key / "data.bin").write_bytes(b"x" * size)
    (root / "model/net/v2/.made-from").write_text("dataset/mnist/v0\n", encoding="utf-8")
    folders.Folders(root).hold("model/net/v2", {"latest": ("v2", False)})
    return root


def test_it_is_listed_and_tried_like_any_other(cli: Cli, shelf: Path) -> None:
    listed = cli("ls", f"folders:{shelf}", "--versions", "--json").records
    assert {(one["name"], one["version"], one["size"]) for one in listed} == {
        ("mnist", "v0", 500), ("net", "v0", 100), ("net", "v1", 200), ("net", "v2", 300),
    }  # fmt: skip
    cli("registries", "add", "shelf", f"folders:{shelf}")
    assert "It has aliases, lineage, trash, purge." in cli("registries", "test", "shelf").out
    refused = cli("alias", f"folders:{shelf}", "net:v0", "--add", "best", code=None)
    assert refused.code != 0
    assert "Not possible" in refused.err


def test_a_protected_one_is_read_only_however_its_address_is_spelled(
    cli: Cli, shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "link").symlink_to(shelf)
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path)
    cli("registries", "add", "prod", "folders:shelf", "--production")
    monkeypatch.chdir(tmp_path / "other")
    for address in ("prod", "folders:../shelf", f"folders:{tmp_path}/link", f"folders:{shelf}/"):
        plan = tmp_path / "other" / "one.plan"
        cli("plan", address, "name:net", "version:v0", "-o", plan, code=None)
        assert cli("apply", plan, "--yes", "--expect", "1", code=None).code != 0, address
        assert "read-only" in cli("registries", "test", address).out, address
        plan.unlink(missing_ok=True)
    assert (shelf / "model/net/v0/data.bin").exists()


def test_bytes_that_others_have_too_are_not_called_freed(cli: Cli, shelf: Path) -> None:
    (shelf / "model/net/v1/data.bin").write_bytes(b"x" * 100)
    records = cli("ls", f"folders:{shelf}", "--versions", "name:net", "--json").records
    assert {one["version"]: one["unique"] for one in records} == {"v0": 0, "v1": 0, "v2": 300}


def test_a_plan_of_it_is_reviewed_applied_and_undone(cli: Cli, shelf: Path, tmp_path: Path) -> None:
    plan = tmp_path / "old.plan"
    review = cli("plan", f"folders:{shelf}", "*", "--json", "-o", plan).records
    verdicts = {one["key"]: (one["verdict"], one["reason"]) for one in review}
    assert verdicts["model/net/v0"][0] == verdicts["model/net/v1"][0] == "delete"
    assert verdicts["model/net/v2"][0] == "consent"
    assert verdicts["dataset/mnist/v0"][0] != "delete"
    cli("apply", plan, "--yes", "--expect", "2")
    there = {path.relative_to(shelf).as_posix() for path in shelf.glob("[!.]*/*/v*")}
    assert there == {"dataset/mnist/v0", "model/net/v2"}
    cli("restore", f"folders:{shelf}", "--plan", plan)
    assert (shelf / "model/net/v0/data.bin").read_bytes() == b"x" * 100


def test_what_changed_since_the_review_stays(cli: Cli, shelf: Path, tmp_path: Path) -> None:
    plan = tmp_path / "old.plan"
    cli("plan", f"folders:{shelf}", "version:v0", "type:model", "-o", plan)
    (shelf / "model/net/v0/data.bin").write_bytes(b"other")
    cli("apply", plan, "--yes", "--expect", "1", code=None)
    (item,) = (one for one in cli("report", plan, "--json", code=None).records if one["result"])
    assert (item["key"], item["result"]) == ("model/net/v0", "refused")
    assert (shelf / "model/net/v0").is_dir()


def test_a_sync_of_the_command_line_unmarks_what_is_gone(cli: Cli, shelf: Path) -> None:
    cli("ls", f"folders:{shelf}")
    uid = f"folders:{shelf}"
    with closing(connect(config.catalog_file(uid), marks=config.marks_file(uid))) as conn:
        marks.mark_keys(conn, ["model/net/v0", "model/net/v1"])
    shutil.rmtree(shelf / "model/net/v0")
    cli("ls", f"folders:{shelf}")
    (shelf / "model/net/v0").mkdir()
    (shelf / "model/net/v0/data.bin").write_bytes(b"another version with an old key")
    planned = cli("plan", f"folders:{shelf}", "--marked", "--json", code=None).records
    assert [one["key"] for one in planned] == ["model/net/v1"]


def test_keys_with_control_characters_are_left_out_and_told(cli: Cli, shelf: Path) -> None:
    (shelf / "model/net/v3\x1b").mkdir()
    (shelf / "model/a\nb/v0").mkdir(parents=True)
    ran = cli("ls", f"folders:{shelf}", "--versions", "--json")
    assert {one["key"] for one in ran.records} == {
        "dataset/mnist/v0", "model/net/v0", "model/net/v1", "model/net/v2",
    }  # fmt: skip
    assert "3 collections and versions with control characters in a key: left out." in ran.err


def asked(shelf: Path) -> list[str]:
    """Whose sizes a registry was asked for since this was last called; sorted."""
    path = shelf / ".asked"
    found = sorted(path.read_text(encoding="utf-8").split()) if path.exists() else []
    path.unlink(missing_ok=True)
    return found


def test_sizes_are_asked_for_what_is_listed_and_kept(cli: Cli, shelf: Path) -> None:
    address = f"shyfolders:{shelf}"
    records = cli("ls", address, "--json").records
    assert {one["size"] for one in records} == {None}
    assert asked(shelf) == []
    records = cli("ls", address, "name:net", "--versions", "--limit", "2", "--json").records
    assert [(one["version"], one["size"]) for one in records] == [("v0", 100), ("v1", 200)]
    assert asked(shelf) == ["model/net/v0", "model/net/v1"]
    assert {one["size"] for one in cli("ls", address, "--json").records} == {None}

    (shown,) = cli("show", address, "net:v2", "--json").records
    assert (shown["size"], asked(shelf)) == (300, ["model/net/v2"])
    records = cli("ls", address, "name:net", "--json").records
    assert ([one["size"] for one in records], asked(shelf)) == ([600], [])
    (shelf / "model/net/v0/data.bin").write_bytes(b"x" * 5)
    records = cli("ls", address, "name:net", "--versions", "--json").records
    assert [one["size"] for one in records] == [5, 200, 300]
    assert asked(shelf) == ["model/net/v0"]


def test_sizes_are_asked_for_a_filter_a_sort_and_a_plan(
    cli: Cli, shelf: Path, tmp_path: Path
) -> None:
    address, plan = f"shyfolders:{shelf}", tmp_path / "p.plan"
    cli("ls", address)
    cached = ("plan", address, "version:v0", "type:model", "--cached", "-o", tmp_path / "q.plan")
    assert "does not tell their sizes" in cli(*cached).out
    assert asked(shelf) == []
    out = cli("plan", address, "version:v0", "type:model", "-o", plan).out
    assert "100 B listed" in out
    assert asked(shelf) == ["model/net/v0"]
    cli("review", plan)
    records = cli("ls", address, "size>150", "--versions", "--json").records
    assert {one["key"] for one in records} == {
        "dataset/mnist/v0", "model/net/v1", "model/net/v2",
    }  # fmt: skip
    assert asked(shelf) == ["dataset/mnist/v0", "model/net/v1", "model/net/v2"]
    biggest = cli("ls", address, "--versions", "--sort", "size", "--limit", "1", "--json").records
    assert ([one["name"] for one in biggest], asked(shelf)) == (["mnist"], [])


def test_how_far_the_sizes_of_a_plan_are_is_told(
    cli: Cli, shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drafting, "QUIET_SECONDS", 0)
    monkeypatch.setattr(output, "_REPEAT", 0)
    told = cli("plan", f"shyfolders:{shelf}", "name:net", "-o", tmp_path / "p.plan").err
    assert "\nsizes of 3 of 3\nstep 1 of 7" in f"\n{told}"


def test_sizes_that_are_not_told_stay_unknown(cli: Cli, shelf: Path, tmp_path: Path) -> None:
    (shelf / ".no-size").touch()
    address = f"shyfolders:{shelf}"
    records = cli("ls", address, "--versions", "--json").records
    assert {one["size"] for one in records} == {None}
    plan = ("plan", address, "type:model", "--delete-aliases", "-o", tmp_path / "p.plan")
    assert "does not tell their sizes" in cli(*plan).out
    with_dependents = ("plan", address, "name:mnist", "--with-dependents", "--delete-aliases")
    assert asked(shelf)
    cli(*with_dependents, "-o", tmp_path / "q.plan")
    assert asked(shelf) == ["dataset/mnist/v0", "model/net/v2"]


async def test_sizes_are_asked_for_rows_on_the_screen(shelf: Path) -> None:
    settings = load()
    services = await open_services(resolve(settings, f"shyfolders:{shelf}"), settings)
    app = ArtifactApp(settings, services)
    try:
        async with at(app) as user:
            await user.sees("net", "mnist", "4 of 4")
            assert asked(shelf) == []
            await user.presses("slash")
            await user.types("name:net")
            await user.presses("enter")
            await user.sees("3 of 4")
            await user.presses("l")
            await user.sees("v2", "300 B", "200 B", "100 B", "600 B")
            assert asked(shelf) == ["model/net/v0", "model/net/v1", "model/net/v2"]
            await user.presses("d")
            await user.sees("will be deleted", "300 B listed")
    finally:
        await app.services.aclose()


async def test_it_is_on_the_screen(shelf: Path) -> None:
    settings = load()
    services = await open_services(resolve(settings, f"folders:{shelf}"), settings)
    app = ArtifactApp(settings, services)
    try:
        async with at(app) as user:
            await user.sees("net", "mnist", "4 of 4")
            await user.presses("slash")
            await user.types("name:net alias:none")
            await user.presses("enter")
            await user.sees("2 of 4")
    finally:
        await app.services.aclose()
