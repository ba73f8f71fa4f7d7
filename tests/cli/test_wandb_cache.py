"""W&B's own folders on this machine, freed by size and age; runs only when they were synced."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from artifact_tui.clients.wandb_cache.wandb_folders import KIND
from artifact_tui.model import Deletion, Result

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli

DAY_S = 86_400


@pytest.fixture
def mess(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache that W&B's own code filled, staging of two ages, three runs."""
    from wandb.sdk.artifacts.artifact_file_cache import (  # noqa: PLC0415 - slow to import
        get_artifact_file_cache,
    )
    from wandb.sdk.lib.hashutil import md5_string  # noqa: PLC0415 - same

    monkeypatch.setenv("WANDB_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("WANDB_DATA_DIR", str(tmp_path / "data"))
    cache = get_artifact_file_cache()
    for size in (100, 2000, 30_000):
        body = b"x" * size
        path, _, opener = cache.check_digest_obj_path(md5_string(str(size)), size)
        with opener("wb") as cached:
            cached.write(body)
        assert str(path).startswith(str(tmp_path / "cache"))
    staging = tmp_path / "data/artifacts/staging"
    staging.mkdir(parents=True)
    for name, age_s in (("tmpold", 3 * DAY_S), ("tmpnew", 0)):
        (staging / name).write_bytes(b"s" * 500)
        os.utime(staging / name, (time.time() - age_s,) * 2)
    for name, files in {
        "run-20260101_101010-abc123": ("run-abc123.wandb", "run-abc123.wandb.synced"),
        "run-20260101_101010-def456": ("run-def456.wandb",),
        "offline-run-20260102_101010-ghi789": ("run-ghi789.wandb",),
        "not-a-run": ("run-x.wandb.synced",),
    }.items():
        (tmp_path / "wandb" / name).mkdir(parents=True)
        for file in files:
            (tmp_path / "wandb" / name / file).write_bytes(b"r" * 50)
    return tmp_path


def free(cli: Cli, address: str, wish: str, plan: Path) -> str:
    said = cli("plan", address, wish, "-o", plan).out
    count = said.split("will be deleted: ")[1].split(" ")[0]
    cli("apply", plan, "--yes", "--expect", count)
    return said


def names(cli: Cli, address: str) -> list[tuple[str, int]]:
    records = cli("ls", address, "--versions", "--json", code=None).records
    return sorted((one["name"], one["size"]) for one in records)


def test_what_is_large_in_the_cache_goes(cli: Cli, mess: Path, tmp_path: Path) -> None:
    assert names(cli, "wandb-cache:") == [
        ("cache", 100), ("cache", 2000), ("cache", 30_000), ("staging", 500), ("staging", 500),
    ]  # fmt: skip
    assert "30 KB freed" in free(cli, "wandb-cache:", "type:cache size>10KB", tmp_path / "p")
    assert names(cli, "wandb-cache:") == [
        ("cache", 100), ("cache", 2000), ("staging", 500), ("staging", 500),
    ]  # fmt: skip


def test_staging_goes_when_it_was_forgotten(cli: Cli, mess: Path, tmp_path: Path) -> None:
    said = free(cli, "wandb-cache:", "type:staging", tmp_path / "p")
    assert "it may be on its way to W&B" in said
    assert [one.name for one in (mess / "data/artifacts/staging").iterdir()] == ["tmpnew"]


def test_a_run_goes_only_when_it_was_synced(cli: Cli, mess: Path, tmp_path: Path) -> None:
    said = free(cli, f"wandb-cache:{mess}", "type:run", tmp_path / "p")
    assert "it does not say that it was synced" in said
    assert sorted(one.name for one in (mess / "wandb").iterdir()) == [
        "not-a-run", "offline-run-20260102_101010-ghi789", "run-20260101_101010-def456",
    ]  # fmt: skip


def test_what_lies_behind_a_link_is_never_touched(cli: Cli, mess: Path, tmp_path: Path) -> None:
    away = tmp_path / "away"
    (away / "20").mkdir(parents=True)
    (away / "20" / "mine").write_bytes(b"m" * 40)
    (mess / "cache/artifacts/obj/md5x").symlink_to(away)
    (mess / "data/artifacts/staging/link").symlink_to(away / "20")
    os.utime(mess / "data/artifacts/staging/link", (0, 0), follow_symlinks=False)
    free(cli, "wandb-cache:", "size>=0", tmp_path / "p")
    assert (away / "20" / "mine").read_bytes() == b"m" * 40
    assert not os.path.lexists(mess / "data/artifacts/staging/link")


def test_nothing_there_is_said_to_be(cli: Cli, tmp_path: Path) -> None:
    refused = cli("ls", f"wandb-cache:{tmp_path}", code=1)
    assert "W&B has left nothing" in refused.err


def test_a_run_that_wrote_after_it_was_synced_stays(cli: Cli, mess: Path, tmp_path: Path) -> None:
    run = mess / "wandb/run-20260101_101010-abc123"
    os.utime(run / "run-abc123.wandb.synced", (0, 1_700_000_000))
    said = cli("plan", f"wandb-cache:{mess}", "type:run", "-o", tmp_path / "p", code=None)
    assert "it does not say that it was synced" in said.out
    assert "nothing will be deleted" in said.out
    assert run.exists()


def test_what_is_moved_aside_goes_nowhere_else(cli: Cli, mess: Path, tmp_path: Path) -> None:
    away = tmp_path / "away"
    away.mkdir()
    (away / "mine").write_bytes(b"mine")
    (mess / "data/artifacts/staging/.artifact-tui-gone").symlink_to(away)
    plan = tmp_path / "p"
    cli("plan", "wandb-cache:", "type:staging size:500", "-o", plan)
    assert cli("apply", plan, "--yes", "--expect", "1", code=None).code != 0
    assert [one.name for one in away.iterdir()] == ["mine"]
    assert (mess / "data/artifacts/staging/tmpold").exists()


def test_what_was_written_anew_since_the_review_stays(cli: Cli, mess: Path, tmp_path: Path) -> None:
    old, plan = mess / "data/artifacts/staging/tmpold", tmp_path / "p"
    cli("plan", "wandb-cache:", "type:staging", "-o", plan)
    old.write_bytes(b"n" * 500)
    os.utime(old, (time.time() - 2 * DAY_S,) * 2)
    assert cli("apply", plan, "--yes", "--expect", "1", code=None).code != 0
    assert old.read_bytes() == b"n" * 500


def test_odd_names_are_shown_or_left(cli: Cli, mess: Path, tmp_path: Path) -> None:
    staging = mess / "data/artifacts/staging"
    odd = os.fsdecode(b"odd\xff\n")
    (staging / odd).write_bytes(b"1")
    (staging / "folder").mkdir()
    (staging / "folder" / odd).write_bytes(b"22")
    for path in (staging / odd, staging / "folder" / odd, staging / "folder"):
        os.utime(path, (0, 0))
    assert ("staging", 2) in names(cli, "wandb-cache:")
    free(cli, "wandb-cache:", "type:staging size<10", tmp_path / "p")
    assert (staging / odd).exists()
    assert not (staging / "folder").exists()


async def test_what_is_no_key_is_nothing(mess: Path) -> None:
    (mess / "data/artifacts/staging/.artifact-tui-gone").mkdir()
    client = KIND.open("wandb-cache:", read_only=False)
    keys = [
        "", "staging", "staging/", "staging/.", "staging/..", "staging/../staging/tmpold",
        "cache/md5/..", "cache/md5/ab/..", "other/tmpold", "staging/\0", "/etc/passwd",
        "staging/.artifact-tui-gone",
    ]  # fmt: skip
    assert await client.facts(keys) == {}
    outcomes = await client.delete([Deletion(key) for key in keys])
    assert {one.result for one in outcomes} == {Result.ABSENT}
    assert (mess / "data/artifacts/staging/tmpold").exists()
