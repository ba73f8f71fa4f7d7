"""`trash`, `restore`, `purge`, `gc` and `fsck`: what comes after a deletion."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from artifact_tui import config
from tests.cli.conftest import Local

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli


@pytest.fixture
def deleted(cli: Cli, registry: Local, tmp_path: Path) -> Local:
    """`net:v0` and `net:v4` are in the trash."""
    cli("plan", registry.address, "name:net", "-o", tmp_path / "p.plan")
    cli("apply", tmp_path / "p.plan", "--yes", "--expect", "2")
    return registry


def test_trash_lists_what_can_come_back(cli: Cli, deleted: Local) -> None:
    out = cli("trash", deleted.address).out
    assert "    1  net:v0  1 KB  deleted " in out
    assert "2 versions in the trash of reg · 6 KB listed, 6 KB freed after purge and gc\n" in out
    records = cli("trash", deleted.address, "size>2KB", "--json").records
    assert [(r["version"], r["state"]) for r in records] == [("v4", "trash")]
    assert "nothing of this" in cli("trash", deleted.address, "name:tiny|type:x").out


def test_trash_and_restore_tell_of_aliases(cli: Cli, registry: Local, tmp_path: Path) -> None:
    words = ("plan", registry.address, "alias:candidate", "--delete-aliases", "-o")
    cli(*words, tmp_path / "p.plan")
    cli("apply", tmp_path / "p.plan", "--yes", "--expect", "1")
    assert "net:v2  3 KB  deleted " in cli("trash", registry.address).out
    assert " · had the aliases candidate\n" in cli("trash", registry.address).out
    cli("alias", registry.address, "net:v0", "--add", "candidate", "--yes", "--expect", "1")
    said = cli("restore", registry.address, "net:v2").out
    assert "net:v2 is back, but another version has the alias “candidate” now.\n" in said


def test_restore_brings_back(cli: Cli, deleted: Local) -> None:
    ran = cli("restore", deleted.address, "net:v0", "net:v4")
    assert ran.out == "2 versions restored.\n"
    assert set(deleted.states().values()) == {"live"}


def test_restore_undoes_a_whole_plan(cli: Cli, deleted: Local, tmp_path: Path) -> None:
    records = cli("restore", deleted.address, "--plan", tmp_path / "p.plan", "--json").records
    assert [(r["version"], r["result"]) for r in records] == [
        ("v0", "restored"),
        ("v4", "restored"),
    ]
    assert set(deleted.states().values()) == {"live"}


def test_a_plan_is_undone_where_it_was_applied(cli: Cli, deleted: Local, tmp_path: Path) -> None:
    other = Local(tmp_path / "other")
    other.add("net")
    said = cli("restore", other.address, "--plan", tmp_path / "p.plan", code=1).err
    assert "is another one. Nothing was done." in said
    assert "2 versions restored." in cli("restore", "--plan", tmp_path / "p.plan").out


def test_an_undo_leaves_what_somebody_deleted_again(
    cli: Cli, deleted: Local, tmp_path: Path
) -> None:
    undo = ("restore", "--plan", tmp_path / "p.plan")
    assert cli(*undo).out == "2 versions restored.\n"
    again = ("plan", deleted.address, "name:net", "version:v4", "-o", tmp_path / "q.plan")
    cli(*again)
    cli("apply", tmp_path / "q.plan", "--yes", "--expect", "1")
    before = deleted.states()

    ran = cli(*undo, code=1)
    assert "net:v0 was not restored: it is back already, so this was undone.\n" in ran.out
    assert "net:v4 was not restored: it was deleted again since, on " in ran.out
    assert "by its name" in ran.out
    assert deleted.states() == before

    assert cli("restore", "--plan", tmp_path / "q.plan").out == "1 version restored.\n"
    assert set(deleted.states().values()) == {"live"}


def test_an_undo_looks_at_the_time_where_the_registry_tells_it(
    cli: Cli, deleted: Local, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(deleted.path / "registry.db")) as conn, conn:
        conn.execute("UPDATE version SET deleted_us = deleted_us + 3600000000 WHERE label = 'v4'")
    ran = cli("restore", "--plan", tmp_path / "p.plan", "--json", code=1)
    assert [(r["version"], r["result"]) for r in ran.records] == [
        ("v0", "restored"), ("v4", "changed")
    ]  # fmt: skip
    assert deleted.states()["net:v4"] == "trash"
    cli("restore", deleted.address, "net:v4", "--plan", tmp_path / "p.plan", code=1)
    assert deleted.states()["net:v4"] == "live"


def test_restore_says_what_did_not_come_back(cli: Cli, deleted: Local) -> None:
    ran = cli("restore", deleted.address, "net:v0", "net:v1", code=1)
    assert ran.out == (
        "1 version restored, 1 not.\nnet:v1 was not restored: it is not in the trash.\n"
    )
    assert "Name the versions" in cli("restore", deleted.address, code=2).err
    assert "Nothing was changed" in cli("--read-only", "restore", deleted.address, "net:v4",
                                        code=1).err  # fmt: skip


def test_purge_needs_consent_like_any_deletion(cli: Cli, deleted: Local) -> None:
    ran = cli("purge", deleted.address, "--all", code=2)
    assert (
        "will be purged: 2 versions, 6 KB listed, 6 KB freed after gc; gone for good\n" in ran.out
    )
    assert f"artifact-tui purge {deleted.address} --all --yes --expect 2" in ran.err
    cli("purge", deleted.address, "--all", "--yes", "--expect", "3", code=1)
    cli("purge", deleted.address, "--all", "--yes", code=2)
    cli("--read-only", "purge", deleted.address, "--all", "--yes", "--expect", "2", code=1)
    assert "Say what to purge" in cli("purge", deleted.address, code=2).err
    assert "Say what to purge" in cli("purge", deleted.address, "net", "--all", code=2).err
    assert list(config.plans_dir().iterdir()) == []
    assert len(deleted.states()) == 6


def test_purge_then_gc_frees_what_was_promised(cli: Cli, deleted: Local) -> None:
    blobs = deleted.path / "blobs"
    before = sum(path.stat().st_size for path in blobs.rglob("*") if path.is_file())
    early = cli("gc", deleted.address).out
    assert "0 B freed" in early
    assert "2 versions in the trash still need the bytes" in early
    assert f"next: artifact-tui purge {deleted.address} --all\n" in early
    ran = cli("purge", deleted.address, "--all", "--yes", "--expect", "2")
    assert "2 deleted, verified gone, 6 KB" in ran.out
    assert f"next: artifact-tui gc {deleted.address}\n" in ran.out
    assert "net:v0" not in deleted.states()
    (record,) = cli("gc", deleted.address, "--json", "--dry-run").records
    assert record["trash"] == 0
    assert (record["freed"], record["objects"], record["dry_run"]) == (6000, 2, True)
    assert cli("gc", deleted.address).out.startswith("reg: 6 KB freed (2 stored objects)\n")
    after = sum(path.stat().st_size for path in blobs.rglob("*") if path.is_file())
    assert before - after == 6000


def test_a_filter_purges_only_in_the_trash(cli: Cli, deleted: Local) -> None:
    ran = cli("purge", deleted.address, "net", "|", "tiny", "--yes", "--expect", "2", "--json")
    assert {r["version"] for r in ran.records} == {"v0", "v4"}
    assert len(deleted.states()) == 4


def test_one_deletion_has_one_age(cli: Cli, registry: Local, tmp_path: Path) -> None:
    for n in range(3):
        registry.add("deep", content=bytes([n]), parents=[registry.add("deep", content=b"p%d" % n)])
    cli("plan", registry.address, "name:deep", "--delete-aliases", "-o", tmp_path / "p")
    cli("apply", tmp_path / "p", "--yes", "--expect", "6")
    with closing(sqlite3.connect(registry.path / "registry.db")) as conn:
        (moments,) = conn.execute("SELECT count(DISTINCT deleted_us) FROM version").fetchone()
    assert moments == 1


def test_gc_frees_bytes_and_only_points_at_what_expired(cli: Cli, deleted: Local) -> None:
    deleted.add("old", ttl_us=1)
    deleted.add("old", content=b"newer")
    cli("purge", deleted.address, "--all", "--yes", "--expect", "2")
    before = deleted.states()
    out = cli("gc", deleted.address, "--grace", "1h").out
    assert out.startswith("reg: 0 B freed (0 stored objects)\n")
    assert "6 KB wait for the end of the grace period" in out
    assert "1 version has expired, and stays until a plan deletes it" in out
    assert f"next: artifact-tui plan {deleted.address} ttl:expired\n" in out
    assert deleted.states() == before
    assert "Nothing was changed" in cli("--read-only", "gc", deleted.address, code=1).err


@pytest.mark.parametrize("asked", ["ttl:expired", "ttl<0", "ttl<=0d"])
def test_what_expired_goes_through_a_plan(
    cli: Cli, deleted: Local, tmp_path: Path, asked: str
) -> None:
    keys = [deleted.add("old", ttl_us=1, content=bytes([n])) for n in range(3)]
    deleted.add("old", ttl_us=3_600_000_000, content=b"young")
    deleted.add("kept", ttl_us=1, protected=["prod"])
    deleted.add("parent", ttl_us=1, content=b"parent")
    deleted.change(lambda store: store.link_parent(keys[0], keys[1]))
    (counted,) = cli("gc", deleted.address, "--dry-run", "--json").records
    planned = cli("plan", deleted.address, asked, "-o", tmp_path / "p", "--json").records
    assert len(planned) == counted["expired"] == 5
    assert [one["version"] for one in planned if one["name"] == "old"] == ["v0", "v1", "v2"]
    cli("apply", tmp_path / "p", "--yes", "--expect", "3")
    assert {n for n, state in deleted.states().items() if state == "trash"} >= {
        "old:v0", "old:v1", "old:v2",
    }  # fmt: skip
    assert cli("gc", deleted.address, "--json").records[0]["expired"] == 2


def test_what_a_killed_add_left_is_announced_and_counted(cli: Cli, deleted: Local) -> None:
    left = deleted.path / "tmp" / "host-1-dead-0"
    left.write_bytes(b"x" * 5_000_000)
    for options in (["--dry-run"], []):
        assert left.exists()
        (found,) = cli("gc", deleted.address, "--json", *options).records
        assert (found["freed"], found["leftovers"], found["objects"]) == (5_000_000, 1, 0)
    assert not left.exists()
    left.write_bytes(b"x" * 5_000_000)
    said = "5 MB would be freed (0 stored objects, 1 leftover of killed adds)"
    assert said in cli("gc", deleted.address, "--dry-run").out
    assert said.replace("would be ", "") in cli("gc", deleted.address).out
    assert not left.exists()


def test_fsck_finds_nothing_in_a_sound_registry(cli: Cli, deleted: Local) -> None:
    for options in ([], ["--verify"], ["--repair"]):
        assert "nothing is wrong" in cli("fsck", deleted.address, *options).out


def test_fsck_finds_what_is_missing(cli: Cli, deleted: Local) -> None:
    blob = next(path for path in (deleted.path / "blobs").rglob("*") if path.is_file())
    blob.unlink()
    ran = cli("fsck", deleted.address, "--json", code=1)
    (record,) = ran.records
    assert record["problem"] == "missing"
    assert not record["repaired"]
    out = cli("fsck", deleted.address, code=1).out
    assert out.startswith("    1  missing  ")
    assert "1 that cost something" in out
    assert out.endswith("--repair\n")
    said = cli("fsck", deleted.address, "--repair", code=1).out
    assert "comes back when the same file is added again" in said
    assert "next:" not in said


def test_fsck_lists_every_bad_row_and_goes_on(cli: Cli, deleted: Local) -> None:
    with closing(sqlite3.connect(deleted.path / "registry.db")) as conn:
        conn.execute("PRAGMA ignore_check_constraints = ON")
        conn.execute("UPDATE blob SET digest = 'sha256:../../' || id WHERE id <= 2")
        conn.execute("UPDATE blob SET digest = 'sha256:' || hex(id) WHERE id = 3")
        conn.execute("UPDATE version SET size = -5 WHERE id > 1")
        conn.execute("UPDATE collection SET name = cast(x'ff' AS TEXT) WHERE name = 'tiny'")
        conn.commit()
        conn.execute("UPDATE version SET note = x'ff', created_us = 'soon' WHERE id = 1")
        conn.commit()
    gone = max(p for p in (deleted.path / "blobs").rglob("*") if p.is_file())
    gone.unlink()
    ran = cli("fsck", deleted.address, "--json", code=1)
    counted = Counter(one["problem"] for one in ran.records)
    assert counted["row"] == 3 + 5 + 1
    assert "of another type: created_us, note" in ran.out
    assert counted["text"] == 1
    assert counted["missing"] + counted["orphan"] in {2, 4}
    left = sorted(p for p in (deleted.path / "blobs").rglob("*") if p.is_file())
    cli("fsck", deleted.address, "--repair", code=1)
    assert left == sorted(p for p in (deleted.path / "blobs").rglob("*") if p.is_file())


def test_fsck_mends_what_loses_nothing(cli: Cli, deleted: Local) -> None:
    stray = deleted.path / "blobs" / "00" / ("00" + "a" * 62)
    stray.parent.mkdir(exist_ok=True)
    stray.write_bytes(b"x" * 100)
    assert "--repair" in cli("fsck", deleted.address, code=1).out
    assert "1 problem, 1 mended" in cli("fsck", deleted.address, "--repair").out
    assert not stray.exists()
