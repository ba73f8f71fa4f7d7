"""What lies beside a Hugging Face cache: prepared datasets, assets of libraries, files of `xet`."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from artifact_tui.clients.disk import ASIDE
from artifact_tui.deletion.items import UNFINISHED_DAYS
from tests.support.disks import layered, let_everyone_enter
from tests.support.hub import Hub, commit_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli

HASH = commit_of("squad")
SQUAD = f"datasets/acme___squad/plain/1.0.0/{HASH}"
CSV = "datasets/csv/default-17b7798eeb1ecefb/0.0.0/" + "7067e4b2" * 8
XET = "xet/https___cas_serv-tGqkUaZf"
DAY_S = 86_400


def put(top: Path, files: dict[str, bytes]) -> None:
    """Files of two days ago."""
    for name, content in files.items():
        path = top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.utime(path, (time.time() - 2 * DAY_S,) * 2)


@pytest.fixture
def hf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder as the libraries of Hugging Face fill it."""
    top = tmp_path / "hf"
    Hub(top / "hub").download("models--m", commit_of("m"), {"w.bin": b"w" * 900}, refs=("main",))
    info = {"builder_name": "squad", "splits": {"train": {"name": "train", "num_examples": 87599}}}
    flat = f"{top}/{SQUAD}".replace("/", "_")
    put(top, {
        f"{SQUAD}/dataset_info.json": json.dumps(info).encode(),
        f"{SQUAD}/squad-train.arrow": b"a" * 4000,
        f"{SQUAD}/cache-5ee86ce1cda0874b.arrow": b"c" * 1000,
        f"{SQUAD}_builder.lock": b"",
        f"{SQUAD}.incomplete_info.lock": b"",
        f"datasets/{flat}.lock": b"",
        f"{CSV}.incomplete/csv-train-00000-00000-of-NNNNN.arrow": b"i" * 700,
        "datasets/downloads/0a1b.json": b'{"url": "https://example.org/squad.zip", "etag": null}',
        "datasets/downloads/0a1b": b"z" * 3000,
        "datasets/downloads/0a1b.lock": b"",
        "datasets/downloads/extracted/9f/train/data.json": b"j" * 5000,
        "assets/somelib/default/words/list.txt": b"l" * 60,
        f"{XET}/shard-cache/00.mdb": b"s" * 800,
        f"{XET}/staging/upload.mdb": b"u" * 600,
        "xet/logs/xet.log": b"g" * 50,
    })  # fmt: skip
    (top / XET / "chunk-cache").mkdir()
    monkeypatch.setenv("HF_HOME", str(top))
    return top


def listed(cli: Cli, wish: str = "") -> dict[str, int]:
    records = cli("ls", "hf:", *filter(None, [wish]), "--versions", "--json", code=None).records
    return {f"{one['type']} {one['name']}:{one['version']}": one["size"] for one in records}


def free(cli: Cli, wish: str, plan: Path, *more: str) -> str:
    said = cli("plan", "hf:", wish, "-o", plan, *more).out
    count = said.split("will be deleted: ")[1].split(" ")[0]
    cli("apply", plan, "--yes", "--expect", count)
    return said


def stored(top: Path) -> int:
    return sum(path.lstat().st_size for path in top.rglob("*") if not path.is_dir())


def test_each_folder_has_collections_of_its_own_types(cli: Cli, hf: Path) -> None:
    info = (hf / SQUAD / "dataset_info.json").stat().st_size
    about = (hf / "datasets/downloads/0a1b.json").stat().st_size
    assert listed(cli, "-type:model") == {
        f"arrow acme/squad:plain/1.0.0/{HASH[:8]}": 5000 + info,
        "arrow csv:default-17b7798eeb1ecefb/0.0.0/7067e4b2.incomplete": 700,
        "download downloads:0a1b": 3000 + about,
        "download downloads:extracted/9f": 5000,
        "asset somelib:default/words": 60,
        "xet https___cas_serv-tGqkUaZf:shard-cache": 800,
        "xet https___cas_serv-tGqkUaZf:staging": 600,
        "xet logs:logs": 50,
    }
    shown = cli("show", "hf:", f"acme/squad:plain/1.0.0/{HASH[:8]}").out
    assert "87,599 rows in train" in shown
    assert "squad-train.arrow" in shown
    assert "https://example.org/squad.zip" in cli("show", "hf:", "downloads:0a1b").out
    assert "Beside it" in cli("registries", "test", "hf:").out


@pytest.mark.parametrize(
    ("wish", "gone"),
    [
        ("name:acme/squad", [SQUAD]),
        ("type:download", ["datasets/downloads/0a1b", "datasets/downloads/extracted"]),
        ("type:asset", ["assets/somelib"]),
        ("version:shard-cache", [f"{XET}/shard-cache"]),
        ("name:logs", ["xet/logs"]),
    ],
)
def test_what_is_freed_is_what_was_promised(
    cli: Cli, hf: Path, tmp_path: Path, wish: str, gone: list[str]
) -> None:
    before, promised = stored(hf), sum(listed(cli, wish).values())
    assert "freed; no way back" in free(cli, wish, tmp_path / "p")
    assert before - stored(hf) == promised > 0
    assert not [one for one in gone if (hf / one).exists()]
    assert not list(hf.rglob(ASIDE))
    assert (hf / f"{SQUAD}_builder.lock").exists()
    assert (hf / "datasets").is_dir()


@pytest.mark.parametrize(
    "lock", [f"{SQUAD}_builder.lock", f"{SQUAD}.incomplete_info.lock", "datasets/*.lock"]
)
def test_what_is_being_made_stays(cli: Cli, hf: Path, tmp_path: Path, lock: str) -> None:
    plan = tmp_path / "p"
    cli("plan", "hf:", "name:acme/squad", "-o", plan)
    (path,) = hf.glob(lock)
    with path.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        refused = cli("apply", plan, "--yes", "--expect", "1", code=None)
        assert refused.code != 0
        assert "its lock is held" in cli("report", plan, code=None).out
        assert "its lock is held" in cli("plan", "hf:", "type:arrow", "-o", plan, code=None).out
    assert (hf / SQUAD / "squad-train.arrow").read_bytes() == b"a" * 4000


def test_what_was_not_finished_needs_time_and_consent(cli: Cli, hf: Path, tmp_path: Path) -> None:
    plan, young = tmp_path / "p", hf / XET / "staging/upload.mdb"
    said = cli("plan", "hf:", "version:staging", "-o", plan, "--unfinished", code=None).out
    assert "still being written" in said
    os.utime(young, (time.time() - (UNFINISHED_DAYS + 1) * DAY_S,) * 2)
    assert "consent" in cli("plan", "hf:", "version:staging", "-o", plan, code=None).out
    free(cli, "version:staging", tmp_path / "q", "--unfinished")
    assert not young.exists()
    assert (hf / XET / "shard-cache/00.mdb").exists()


def test_what_a_transfer_wrote_within_the_hour_stays(cli: Cli, hf: Path, tmp_path: Path) -> None:
    plan, shard = tmp_path / "p", hf / XET / "shard-cache/00.mdb"
    cli("plan", "hf:", "version:shard-cache", "-o", plan)
    (shard.parent / "01.mdb").write_bytes(b"new")
    assert cli("apply", plan, "--yes", "--expect", "1", code=None).code != 0
    assert shard.exists()
    said = cli("plan", "hf:", "version:shard-cache", "-o", tmp_path / "q", code=None).out
    assert "within the hour" in said


def test_variables_move_each_folder(
    cli: Cli, hf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (hf / "datasets").rename(tmp_path / "elsewhere")
    assert not listed(cli, "type:arrow")
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "elsewhere"))
    assert listed(cli, "type:arrow")
    plan = tmp_path / "p"
    cli("plan", "hf:", "name:acme/squad", "-o", plan)
    monkeypatch.setenv("HF_DATASETS_CACHE", str(hf / "datasets"))
    assert cli("apply", plan, "--yes", "--expect", "1", code=None).code != 0
    assert "already gone" not in cli("report", plan, code=None).out
    assert list((tmp_path / "elsewhere").rglob("*.arrow"))


def test_what_lies_behind_a_link_is_never_touched(cli: Cli, hf: Path, tmp_path: Path) -> None:
    away = tmp_path / "away"
    put(away, {"plain/1.0.0/h/dataset_info.json": b"{}", "words/mine": b"m" * 40})
    (hf / "datasets/linked").symlink_to(away)
    (hf / "assets/otherlib").mkdir()
    (hf / "assets/otherlib/default").symlink_to(away)
    (hf / "assets/somelib/default/link").symlink_to(away / "words")
    assert not [name for name in listed(cli) if "linked" in name]
    free(cli, "type:asset", tmp_path / "p")
    assert (away / "words/mine").read_bytes() == b"m" * 40
    assert not (hf / "assets/somelib").exists()


AS_NOBODY = """
import asyncio, concurrent.futures.thread, json, os, sys
from artifact_tui.clients.huggingface import KIND
if os.geteuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
async def main():
    client = KIND.open(sys.argv[1], read_only=True)
    parts = [part async for part in client.listing()]
    names = [one.name for part in parts for one in part.collections]
    whole = all(part.complete for part in parts)
    print(json.dumps([sorted(names), client.notices, whole]))
asyncio.run(main())
"""


def test_what_another_user_keeps_to_themselves_hides_nothing_else(hf: Path, tmp_path: Path) -> None:
    let_everyone_enter(tmp_path)
    (hf / "datasets/csv").chmod(0)
    command = [sys.executable, "-c", AS_NOBODY, f"hf:{hf}/hub"]
    said = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    (hf / "datasets/csv").chmod(0o755)
    names, notices, whole = json.loads(said)
    assert {"acme/squad", "downloads", "somelib"} <= set(names)
    assert notices == [f"{hf}/datasets/csv cannot be read: Permission denied."]
    assert not whole


def test_a_hub_of_another_place_has_its_own_neighbours(
    cli: Cli, hf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "mine"))
    put(tmp_path, {"mine/a/b/1/h/dataset_info.json": b"{}"})
    monkeypatch.setenv("HF_HOME", str(tmp_path / "other"))
    records = cli("ls", f"hf:{hf / 'hub'}", "type:arrow", "--versions", "--json").records
    assert {one["name"] for one in records} == {"acme/squad", "csv"}


def test_variables_that_put_all_in_one_place_never_offer_the_cache_as_something_else(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many set one folder for everything: what is of the cache, or of another, is listed once."""
    top = tmp_path / "hf"
    monkeypatch.setenv("HF_HOME", str(top))
    for hub in (top, top / "hub"):
        files = {"w.bin": b"w" * 900, "unet/w.bin": b"u" * 500}
        Hub(hub).download("models--m", commit_of("m"), files, refs=("main",))
    put(top, {
        f"{SQUAD}/squad.arrow": b"a" * 40,
        f"{SQUAD.removeprefix('datasets/')}/squad.arrow": b"a" * 50,
        "modules/transformers_modules/acme/net/code.py": b"m" * 70,
        "assets/somelib/default/words/list.txt": b"l" * 60,
        f"{XET}/shard-cache/00.mdb": b"s" * 800,
    })  # fmt: skip
    model, squad = "model m:6b0d31c0d563", f"arrow acme/squad:plain/1.0.0/{HASH[:8]}"
    words, shards = "asset somelib:default/words", "xet https___cas_serv-tGqkUaZf:shard-cache"

    monkeypatch.setenv("HF_DATASETS_CACHE", str(top))
    assert listed(cli) == {model: 1400, squad: 50, words: 60, shards: 800}, "beside what is in it"
    for name in ("HF_HUB_CACHE", "HF_ASSETS_CACHE", "HF_XET_CACHE"):
        monkeypatch.setenv(name, str(top))
    assert listed(cli) == {model: 1400, squad: 50}, "all in one"
    monkeypatch.delenv("HF_DATASETS_CACHE")
    monkeypatch.delenv("HF_XET_CACHE")
    kept = stored(top / "models--m")
    assert not any("models--m" in name or "hub:" in name for name in listed(cli))
    free(cli, "type:asset", tmp_path / "p", "--in-use")
    assert stored(top / "models--m") == kept
    assert (top / "xet").is_dir()
    assert (top / "datasets").is_dir()


def test_what_lies_in_the_lower_layer_of_a_container_goes_too(
    cli: Cli, hf: Path, tmp_path: Path
) -> None:
    """Folders of a lower layer cannot be renamed: no ref is lost for nothing."""
    hub = Hub(hf / "hub")
    hub.download("models--m", commit_of("n"), {"n.bin": b"n" * 900}, refs=("dev",))
    with layered(hf):
        for number, wish in enumerate(("alias:dev", "acme/squad", "type:model")):
            free(cli, wish, tmp_path / f"{number}", "--delete-aliases")
            assert listed(cli, wish) == {}
        assert listed(cli, "type:arrow|type:model").keys() == {
            "arrow csv:default-17b7798eeb1ecefb/0.0.0/7067e4b2.incomplete"
        }
        assert not (hf / "hub/models--m").exists()
        assert not (hf / SQUAD).exists()


def test_a_file_that_the_cache_has_too_is_freed_once_and_only_with_both(
    cli: Cli, hf: Path, tmp_path: Path
) -> None:
    """Tools that find duplicates make one file of them, in all of the folders."""
    (blob,) = (hf / "hub/models--m/blobs").iterdir()
    os.link(blob, hf / "datasets/downloads/5e1f")
    words = [
        cli("plan", "hf:", wish, "-o", tmp_path / f"{number}", "--delete-aliases").out
        for number, wish in enumerate(("type:model", "version:5e1f", "type:model|version:5e1f"))
    ]
    assert ["900 B freed" in said for said in words] == [False, False, True]
