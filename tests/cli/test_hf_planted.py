"""What lies oddly in a Hugging Face cache: nothing of it makes a deletion reach further."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from huggingface_hub import scan_cache_dir

from artifact_tui.clients.huggingface.hf_cache import Cache
from artifact_tui.clients.huggingface.hf_deleting import GONE, CacheDeleter
from artifact_tui.clients.huggingface.hf_lineage import CardLineage
from artifact_tui.model import Deletion, Result
from tests.support.hub import Hub, commit_of

if TYPE_CHECKING:
    from pathlib import Path

    from artifact_tui.model import Outcome
    from tests.cli.conftest import Cli

OLD, NEW, OTHER = (commit_of(word) for word in ("old", "new", "other"))
A, B = "models--acme--a", "models--acme--b"
WEIGHTS = b"w" * 5000


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hub:
    """Two models with the same weights in the store, of which one has an old revision."""
    made = Hub(tmp_path / "hub", shared=True)
    made.download(A, OLD, {"w.bin": WEIGHTS, "old.bin": b"o" * 700})
    made.download(A, NEW, {"w.bin": WEIGHTS, "small": b"s"}, refs=("main",))
    made.download(B, OTHER, {"w.bin": WEIGHTS, "b.bin": b"b" * 300}, refs=("main",))
    monkeypatch.setenv("HF_HUB_CACHE", str(made.root))
    return made


def delete(root: Path, *keys: str) -> list[Outcome]:
    deleter = CacheDeleter(CardLineage(Cache(root)))
    return deleter.delete([Deletion(key, delete_aliases=True) for key in keys])


def names(cli: Cli, wish: str = "") -> set[str]:
    found = cli("ls", "hf:", *([wish] if wish else []), "--versions", "--json", code=None).records
    return {one["name"] for one in found}


@pytest.mark.parametrize("part", ["refs", "snapshots", "blobs", ".no_exist", "trees"])
def test_a_repository_with_a_part_elsewhere_is_left_alone(
    hub: Hub, cli: Cli, tmp_path: Path, part: str
) -> None:
    away, here = tmp_path / "away", hub.root / A / part
    (shutil.move(here, away) if here.exists() else away.mkdir())
    here.symlink_to(away)
    (away / OLD).mkdir(exist_ok=True)
    (away / OLD / "mine").write_bytes(b"mine")
    (away / f"{OLD}.json").write_bytes(b"mine")
    before = sorted(away.rglob("*"))
    for key in (f"{A}/snapshots/{OLD}", f"{A}/snapshots/{NEW}", f"{A}/unused", f"{A}/dangling"):
        (outcome,) = delete(hub.root, key)
        assert outcome.result is not Result.DONE
    assert sorted(away.rglob("*")) == before
    assert names(cli) == {"acme/b"}
    assert "link" in cli("ls", "hf:", code=None).err


@pytest.mark.parametrize("planted", [".locks", f".locks/{GONE}"])
def test_what_is_moved_aside_goes_nowhere_else(hub: Hub, tmp_path: Path, planted: str) -> None:
    away = tmp_path / "away"
    (away / GONE).mkdir(parents=True)
    (away / GONE / "mine").write_bytes(b"mine")
    if planted == ".locks":
        shutil.rmtree(hub.root / planted)
    (hub.root / planted).symlink_to(away)
    for outcome in delete(hub.root, f"{A}/snapshots/{OLD}", f"{A}/snapshots/{NEW}"):
        assert (outcome.result, "link" in outcome.message) == (Result.FAILED, True)
    assert (hub.root / A / "refs/main").read_text() == NEW
    assert [one.name for one in away.rglob("*")] == [GONE, "mine"]
    assert (hub.root / A / "snapshots" / OLD / "old.bin").read_bytes() == b"o" * 700


@pytest.mark.parametrize("form", ["absolute", "through a link", "roundabout"])
def test_links_of_any_form_keep_their_blob(hub: Hub, tmp_path: Path, form: str) -> None:
    """Other tools write them: a blob goes only when no link of any form points to it."""
    (tmp_path / "way").symlink_to(hub.root)
    top = {
        "absolute": str(hub.root), "through a link": str(tmp_path / "way"),
        "roundabout": f"../../../../hub/{A}/..",
    }[form]  # fmt: skip
    link = hub.root / A / "snapshots" / NEW / "w.bin"
    blob = link.readlink().name
    link.unlink()
    link.symlink_to(f"{top}/{A}/blobs/{blob}")
    delete(hub.root, f"{A}/snapshots/{OLD}", f"{A}/unused")
    assert link.read_bytes() == WEIGHTS
    assert not scan_cache_dir(hub.root).warnings


@pytest.mark.parametrize("form", ["absolute", "through a link", "roundabout"])
def test_links_of_any_form_keep_what_is_shared(hub: Hub, tmp_path: Path, form: str) -> None:
    (tmp_path / "way").symlink_to(hub.root)
    (blob,) = (one for one in (hub.root / B / "blobs").iterdir() if one.stat().st_size == 5000)
    tail = blob.readlink().as_posix().removeprefix("../../")
    blob.unlink()
    top = {
        "absolute": str(hub.root), "through a link": str(tmp_path / "way"),
        "roundabout": "../../../hub",
    }[form]  # fmt: skip
    blob.symlink_to(f"{top}/{tail}")
    delete(hub.root, f"{A}/snapshots/{OLD}", f"{A}/snapshots/{NEW}", "blobs/unused")
    assert blob.read_bytes() == WEIGHTS


@pytest.mark.parametrize("part", ["", "xx"])
def test_the_store_of_another_cache_is_left_alone(hub: Hub, tmp_path: Path, part: str) -> None:
    """One cache's `blobs`, or a folder of it, is a link into another cache."""
    second = Hub(tmp_path / "second", shared=True)
    second.download(A, OLD, {"w.bin": WEIGHTS})
    (store,) = (second.root / "blobs").glob("??")
    here = second.root / "blobs" if not part else store
    shutil.rmtree(here)
    here.symlink_to(hub.root / here.relative_to(second.root))
    delete(second.root, f"{A}/snapshots/{OLD}", "blobs/unused")
    assert (hub.root / B / "snapshots" / OTHER / "w.bin").read_bytes() == WEIGHTS


def test_shared_bytes_without_a_manifest_are_neither_promised_nor_removed(
    hub: Hub, cli: Cli
) -> None:
    foreign = hub.root / "blobs/ab" / ("ab" * 32)
    foreign.parent.mkdir(exist_ok=True)
    foreign.write_bytes(b"f" * 90)
    assert names(cli, "type:blob") == set()
    delete(hub.root, "blobs/unused")
    assert foreign.exists()


@pytest.mark.parametrize("below", ["", "deep"])
def test_a_folder_that_becomes_a_link_while_it_is_read_is_not_followed(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, below: str
) -> None:
    hub.download(A, NEW, {"deep/x": b"x"})
    here, mine = hub.root / A / "snapshots" / NEW / below, tmp_path / "mine"
    mine.mkdir()
    (mine / "secret").write_bytes(b"mine")
    real = os.open

    def too_late(path: str, flags: int, *more: int, **most: int) -> int:
        if isinstance(path, str) and path.rstrip("/") == str(here) and not here.is_symlink():
            here.rename(tmp_path / "was")
            here.symlink_to(mine)
        return real(path, flags, *more, **most)

    monkeypatch.setattr(os, "open", too_late)
    repository = Cache(hub.root).repository(A)
    assert repository is not None
    assert here.is_symlink()
    assert not any("secret" in file.path for one in repository.versions() for file in one.files)


def test_a_ref_that_a_crash_left_empty_holds_nothing(hub: Hub, cli: Cli, tmp_path: Path) -> None:
    hub.ref(A, "main", "")
    stray = hub.root / A / "blobs/stray"
    stray.write_bytes(b"x")
    cli("plan", "hf:", "version:unused | version:dangling", "-o", tmp_path / "p")
    cli("apply", tmp_path / "p", "--yes", "--expect", "2")
    assert not stray.exists()
    assert not (hub.root / A / "refs/main").exists()
    assert (hub.root / A / "snapshots" / NEW / "small").read_bytes() == b"s"


def test_a_folder_is_no_download_that_was_not_finished(hub: Hub, cli: Cli) -> None:
    (hub.root / A / "blobs" / "x.incomplete").mkdir()
    assert names(cli, "version:partial") == set()


def test_what_came_since_the_review_stays(hub: Hub, cli: Cli, tmp_path: Path) -> None:
    """More of what is left over, or of a revision, than was shown."""
    blobs = hub.root / A / "blobs"
    (blobs / "shown").write_bytes(b"x")
    hub.ref(B, "nowhere", OLD)
    wishes = {"version:unused": 1, "version:dangling": 1, f"version:{OLD[:12]}": 1}
    for number, wish in enumerate(wishes):
        cli("plan", "hf:", wish, "-o", tmp_path / f"{number}.plan", "--delete-aliases")
    (blobs / "since").write_bytes(b"y" * 4000)
    hub.ref(B, "elsewhere", NEW)
    hub.download(A, OLD, {"more.bin": b"m" * 900})
    for number in range(len(wishes)):
        ran = cli("apply", tmp_path / f"{number}.plan", "--yes", "--expect", "1", code=None)
        assert ran.code != 0
        assert "0 deleted" in ran.out or "changed" in ran.out
    assert (blobs / "shown").exists()
    assert (blobs / "since").exists()
    assert (hub.root / B / "refs/nowhere").exists()
    assert (hub.root / A / "snapshots" / OLD / "more.bin").exists()


BOMB = "a: &a {x: 1}\n" + "".join(
    f"{name}: &{name} {{<<: [{', '.join([f'*{before}'] * 9)}]}}\n"
    for before, name in zip("abcdefghij", "bcdefghijk", strict=True)
)


@pytest.mark.parametrize(
    "card", [BOMB, "[" * 90_000, "- " * 40_000, "base_model: \ud83d", "? [a]\n: b", "a: 2020-99-99"]
)
def test_a_hostile_card_costs_nothing(hub: Hub, card: str) -> None:
    body = f"---\n{card}\n---\n".encode(errors="replace")
    hub.download(B, NEW, {"README.md": body, "adapter_config.json": b"[" * 90_000})
    cache = Cache(hub.root)
    found = cache.repository(B)
    assert found is not None
    assert CardLineage(cache).parents(found)[NEW] == frozenset()


def test_a_long_card_is_read_to_its_end(hub: Hub) -> None:
    results = "".join(f"- {{task: t{one}, value: {one}}}\n" for one in range(12_000))
    body = f"---\nmodel-index:\n{results}base_model: acme/a\n---\n".encode()
    hub.download(B, NEW, {"README.md": body})
    assert CardLineage(Cache(hub.root)).dependents({A}) == {A: [f"{B}/snapshots/{NEW}"]}


def test_a_pipe_in_place_of_a_file_holds_nothing_up(hub: Hub, cli: Cli) -> None:
    for path in (hub.root / A / "snapshots" / NEW, hub.root / A / "refs", hub.root / A / "blobs"):
        os.mkfifo(path / "README.md")
    assert names(cli) == {"acme/a", "acme/b"}


def test_names_that_are_no_text_are_shown_or_left(hub: Hub, cli: Cli) -> None:
    odd = os.fsdecode(b"odd\xff\n")
    snapshot = hub.download(A, OLD, {odd: b"1", f"{odd}d/x": b"2"})
    hub.ref(A, odd, OLD)
    hub.download(f"models--{odd}", OLD, {"x": b"3"})
    assert names(cli) == {"acme/a", "acme/b"}
    shown = cli("show", "hf:", f"acme/a:{OLD[:12]}")
    assert "odd" in shown.out
    (outcome,) = delete(hub.root, f"{A}/snapshots/{OLD}")
    assert outcome.result is Result.DONE
    assert not snapshot.exists()
    assert not (hub.root / A / "refs" / odd).exists()


def test_a_folder_with_a_name_of_bytes_says_what_to_do(hub: Hub, cli: Cli) -> None:
    shutil.copytree(hub.root / B, hub.root / os.fsdecode(b"models--acme--\xff"), symlinks=True)
    (hub.root / B / "snapshots" / os.fsdecode(b"\xfe")).mkdir()
    said = cli("ls", "hf:", code=None).err
    todo = "is not UTF-8 text. Rename it to see what it holds, or remove it by hand."
    assert f"models--acme--\\u{{dcff}} cannot be read: its name {todo}" in said
    assert f"{B} cannot be read: snapshots/\\u{{dcfe}} in it {todo}" in said
    assert names(cli) == {"acme/a"}


def test_folders_without_end_spoil_their_repository_only(hub: Hub, cli: Cli) -> None:
    deep = hub.root / A / "snapshots" / OLD / "/".join("d" * 150)
    deep.mkdir(parents=True)
    assert names(cli) == {"acme/b"}


def test_one_broken_repository_stops_no_other(hub: Hub, cli: Cli, tmp_path: Path) -> None:
    plan = tmp_path / "p"
    cli("plan", "hf:", "size>=0", "-o", plan, "--delete-aliases")
    away = tmp_path / "away"
    shutil.move(hub.root / A / "snapshots", away)
    (hub.root / A / "snapshots").symlink_to(away)
    ran = cli("apply", plan, "--yes", "--expect", "3", code=None)
    assert ran.code != 0
    assert not (hub.root / B).exists()
    assert len(list(away.iterdir())) == 2


@pytest.mark.parametrize(
    "key",
    [
        "", "/", "..", "../..", "models/snapshots/x", f"{A}", f"{A}/", f"{A}/snapshots",
        f"{A}/snapshots/", f"{A}/snapshots/..", f"{A}/snapshots/.", f"{A}/snapshots/{OLD}/",
        f"{A}/../{B}/snapshots/{OTHER}", f"{A}\0/snapshots/{OLD}", ".locks/unused", "a\0b",
        f"{A}/refs/main", "blobs/snapshots/x",
    ],
)  # fmt: skip
def test_what_is_no_key_is_nothing(hub: Hub, key: str) -> None:
    (hub.root / "models/snapshots/x").mkdir(parents=True)
    before = sorted(hub.root.rglob("*"))
    (outcome,) = delete(hub.root, key)
    assert outcome.result is Result.ABSENT
    assert sorted(hub.root.rglob("*")) == before


def test_a_link_to_no_blob_spoils_nothing(hub: Hub) -> None:
    snapshot = hub.root / A / "snapshots" / OLD
    for number, target in enumerate(["..", ".", "", "nothing", "sub"]):
        (snapshot / f"odd{number}").symlink_to(f"../../blobs/{target}")
    (hub.root / A / "blobs/sub").mkdir()
    (outcome,) = delete(hub.root, f"{A}/snapshots/{OLD}")
    assert (outcome.result, outcome.message) == (Result.DONE, "")
    assert not any(one.is_file() and one.stat().st_size == 700 for one in hub.root.rglob("*"))


def test_bytes_with_two_names_are_there_once(cli: Cli, tmp_path: Path) -> None:
    """Hard links, as tools make them that look for duplicates."""
    hub = Hub(tmp_path / "hub")
    hub.download(A, OLD, {"w.bin": WEIGHTS})
    hub.download(B, OTHER, {"x.bin": b"x"})
    (blob,) = (one for one in (hub.root / A / "blobs").iterdir())
    (hub.root / B / "snapshots" / OTHER / "copy.bin").hardlink_to(blob)
    listed = cli("ls", f"hf:{hub.root}", "--versions", "--json").records
    assert {(one["name"], one["size"], one["unique"]) for one in listed} == {
        ("acme/a", 5000, 0), ("acme/b", 5001, 1),
    }  # fmt: skip
    plan = tmp_path / "p"
    cli("plan", f"hf:{hub.root}", "size>0", "-o", plan, "--delete-aliases")
    assert "2 deleted" in cli("apply", plan, "--yes", "--expect", "2").out
    assert not list(hub.root.glob("models--*"))


def test_a_ref_that_comes_while_others_go_is_heeded(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A ref to what is gone makes the official library leave out the whole repository."""
    remove = shutil.rmtree

    def slowly(path: Path, **how: Any) -> None:
        if path.exists():
            hub.ref(A, "v2", NEW)
        remove(path, **how)

    monkeypatch.setattr(shutil, "rmtree", slowly)
    first, second = delete(hub.root, f"{B}/snapshots/{OTHER}", f"{A}/snapshots/{NEW}")
    assert (first.result, second.result) == (Result.DONE, Result.CHANGED)
    assert not scan_cache_dir(hub.root).warnings


def test_weights_whose_names_cannot_be_printed_are_of_their_revision(
    cli: Cli, hub: Hub, tmp_path: Path
) -> None:
    """They are no forms: such a name in a key would stop the listing of all there is."""
    odd = (os.fsdecode(b"\xff.Q2.gguf"), "a\nb.Q4.gguf", "\x1b[31m.Q5.gguf")
    files = {name: name.encode(errors="replace") * 300 for name in (*odd, "Q6.gguf", "Q8.gguf")}
    commit = commit_of("odd")
    hub.download("models--acme--odd", commit, files)
    records = cli("ls", "hf:", "acme/odd", "--versions", "--json").records
    assert {one["version"]: one["files"] for one in records} == {
        commit[:12]: 3,
        f"{commit[:12]}/Q6.gguf": 1,
        f"{commit[:12]}/Q8.gguf": 1,
    }
    cli("plan", "hf:", "acme/odd", "-o", tmp_path / "p")
    cli("apply", tmp_path / "p", "--yes", "--expect", "3")
    assert not (hub.root / "models--acme--odd").exists()
