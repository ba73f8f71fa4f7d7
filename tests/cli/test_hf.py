"""A Hugging Face cache from the command line: listed, planned, freed, and what the disk says."""

from __future__ import annotations

import fcntl
import hashlib
import os
from typing import TYPE_CHECKING

import pytest
from huggingface_hub import scan_cache_dir

from artifact_tui.deletion.items import UNFINISHED_DAYS
from tests.support.hub import Hub, commit_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli

OLD, NEW, TUNED = (commit_of(word) for word in ("old", "new", "tuned"))
BASE, LORA, SQUAD = "models--acme--base", "models--me--lora", "datasets--squad"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hub:
    """A base model of two revisions with weights in common, a model tuned from it, its data."""
    made = Hub(tmp_path / "hub", shared=True)
    made.download(BASE, OLD, {"w.bin": b"w" * 9000, "old.bin": b"o" * 500})
    made.download(BASE, NEW, {"w.bin": b"w" * 9000, "new.bin": b"n" * 700}, refs=("main",))
    card = b"---\nbase_model: acme/base\ndatasets:\n- squad\n---\n# Tuned\n"
    made.download(LORA, TUNED, {"README.md": card, "a.bin": b"a" * 300}, refs=("main",))
    made.download(SQUAD, commit_of("squad"), {"d.bin": b"d" * 800}, refs=("main",))
    monkeypatch.setenv("HF_HUB_CACHE", str(made.root))
    return made


def apply(cli: Cli, plan: Path, count: int) -> str:
    return cli("apply", plan, "--yes", "--expect", str(count)).out


def test_it_is_found_where_the_library_keeps_it(cli: Cli, hub: Hub) -> None:
    listed = cli("ls", "hf:", "--versions", "--json").records
    assert {(one["name"], one["type"], one["size"], one["unique"]) for one in listed} == {
        ("acme/base", "model", 9500, 500), ("acme/base", "model", 9700, 700),
        ("me/lora", "model", 356, 356), ("squad", "dataset", 800, 800),
    }  # fmt: skip
    shown = cli("show", "hf:", f"acme/base:{NEW[:12]}").out
    assert "main" in shown
    assert "me/lora" in shown
    assert "w.bin" in shown


def test_what_is_freed_is_what_the_plan_promised(cli: Cli, hub: Hub, tmp_path: Path) -> None:
    before, plan = scan_cache_dir(hub.root).size_on_disk, tmp_path / "deletion.plan"
    said = cli("plan", "hf:", "alias:none", "-o", plan).out
    assert "9.5 KB listed, 500 B freed" in said
    assert "1 deleted, verified gone" in apply(cli, plan, 1)
    found = scan_cache_dir(hub.root)
    assert before - found.size_on_disk == 500
    assert not found.warnings
    assert {str(one.repo_id) for one in found.repos} == {"acme/base", "me/lora", "squad"}


def test_shared_weights_go_with_the_last_that_needs_them(
    cli: Cli, hub: Hub, tmp_path: Path
) -> None:
    before, plan = hub.bytes(), tmp_path / "deletion.plan"
    cli("plan", "hf:", "name:acme/base", "-o", plan, "--delete-aliases", "--with-dependents")
    assert "3 deleted, verified gone" in apply(cli, plan, 3)
    assert not (hub.root / BASE).exists()
    assert before - hub.bytes() >= 9000 + 500 + 700 + 356
    assert {str(one.repo_id) for one in scan_cache_dir(hub.root).repos} == {"squad"}


def test_a_base_model_stays_while_what_was_made_from_it_does(
    cli: Cli, hub: Hub, tmp_path: Path
) -> None:
    wish = ("plan", "hf:", f"version:{NEW[:12]}", "-o", tmp_path / "p", "--delete-aliases")
    said = cli(*wish, code=1)
    assert "made from it" in said.out
    assert "me/lora" in said.out


def test_what_changed_since_the_review_stays(cli: Cli, hub: Hub, tmp_path: Path) -> None:
    plan = tmp_path / "deletion.plan"
    cli("plan", "hf:", "alias:none", "-o", plan)
    hub.ref(BASE, "v1.0", OLD)
    refused = cli("apply", plan, "--yes", "--expect", "1", code=None)
    assert refused.code != 0
    assert (hub.root / BASE / "snapshots" / OLD / "old.bin").read_bytes() == b"o" * 500


def test_a_download_that_never_ended_goes_when_it_is_old(
    cli: Cli, hub: Hub, tmp_path: Path
) -> None:
    plan = tmp_path / "deletion.plan"
    left = hub.unfinished(BASE, b"h" * 4000)
    said = cli("plan", "hf:", "version:partial", "-o", plan, "--unfinished", code=1).out
    assert "it is still being written" in said
    hub.age(left, days=UNFINISHED_DAYS + 1)
    said = cli("plan", "hf:", "version:partial", "-o", plan, "--unfinished").out
    assert "4 KB freed" in said
    assert "1 deleted" in apply(cli, plan, 1)
    assert not left.exists()


def test_bytes_that_a_download_is_about_to_use_stay(cli: Cli, hub: Hub, tmp_path: Path) -> None:
    plan = tmp_path / "deletion.plan"
    cli("plan", "hf:", "alias:none", "-o", plan)
    (old,) = (hub.root / BASE / "snapshots" / OLD).glob("old.bin")
    blob = old.resolve() if not old.readlink().is_absolute() else old
    name = old.readlink().name
    with (hub.root / ".locks" / BASE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        cli("apply", plan, "--yes", "--expect", "1", code=None)
    assert blob.exists()
    listed = cli("ls", "hf:", "version:unused", "--versions", "--json").records
    assert [(one["name"], one["size"]) for one in listed] == [("acme/base", 500)]


def test_a_folder_that_is_not_there_is_said_to_be(cli: Cli, tmp_path: Path) -> None:
    refused = cli("ls", f"hf:{tmp_path / 'nothing'}", code=1)
    assert "There is no Hugging Face cache at" in refused.err
    assert "HF_HUB_CACHE" in refused.err


def test_names_that_are_none_are_left_alone(cli: Cli, hub: Hub) -> None:
    (hub.root / "models--evil\x1b[31m--x" / "snapshots" / OLD).mkdir(parents=True)
    (hub.root / "version.txt").write_text("1")
    (hub.root / "something--else").mkdir()
    ran = cli("ls", "hf:")
    assert "\x1b" not in ran.out + ran.err
    assert "something" not in ran.out


def test_old_tools_are_warned_of_where_files_are_shared(cli: Cli, hub: Hub, tmp_path: Path) -> None:
    assert "before 1.32" in cli("registries", "test", "hf:").out
    plain = Hub(tmp_path / "plain").root
    assert "before 1.32" not in cli("registries", "test", f"hf:{plain}").out


def test_a_digest_stays_what_it_was_when_older_plans_were_made(cli: Cli, tmp_path: Path) -> None:
    """Of the path, size and time of each file, in order; of none where its bytes are missing."""
    hub = Hub(tmp_path / "plain")
    files = {"b/it's.txt": b"1", 'b/"it\'s".txt': b"22", "b.txt": b"333", "ü\n": b"4444"}
    snapshot = hub.download("models--acme--a", OLD, files)
    (snapshot / "own.txt").write_bytes(b"55555")
    (snapshot / "lost").symlink_to("../../blobs/lost")
    seen: list[tuple[str, tuple[int, int] | None]] = [("lost", None)]
    for path in [*files, "own.txt"]:
        stat = (snapshot / path).stat()
        seen.append((path, (stat.st_size, stat.st_mtime_ns // 1000)))
    stamp = hashlib.sha256(repr(sorted(seen)).encode()).hexdigest()[:12]
    (record,) = cli("ls", f"hf:{hub.root}", "--versions", "--json", code=None).records
    assert record["digest"] == f"{OLD}+{stamp}"


def test_to_list_a_model_is_not_to_use_it(hub: Hub, cli: Cli) -> None:
    card = hub.root / LORA / "snapshots" / TUNED / "README.md"
    os.utime(card, (1_500_000_000, 1_500_000_000))
    cli("ls", "hf:")
    assert card.stat().st_atime == 1_500_000_000


def test_an_empty_folder_says_nothing_of_what_was_in_it(hub: Hub, cli: Cli, tmp_path: Path) -> None:
    """So is one whose disk is not mounted."""
    cli("plan", "hf:", "alias:none", "-o", tmp_path / "p")
    hub.root.rename(tmp_path / "unmounted")
    hub.root.mkdir()
    ran = cli("apply", tmp_path / "p", "--yes", "--expect", "1", code=None)
    assert ran.code != 0
    assert "is empty, as a folder is whose disk is not mounted" in ran.out + ran.err
    assert "gone, " not in cli("report", tmp_path / "p", code=None).out
    hub.root.rmdir()
    (tmp_path / "unmounted").rename(hub.root)
    assert "1 deleted, verified gone" in cli("resume", tmp_path / "p").out
