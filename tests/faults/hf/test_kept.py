"""What is left of a Hugging Face cache after a deletion, as its official library sees it."""

from __future__ import annotations

import os
import shutil
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from huggingface_hub import constants, scan_cache_dir, snapshot_download

from artifact_tui.clients.disk import ASIDE
from artifact_tui.clients.huggingface.hf_cache import Cache
from artifact_tui.clients.huggingface.hf_deleting import GONE, CacheDeleter
from artifact_tui.clients.huggingface.hf_lineage import CardLineage
from artifact_tui.clients.huggingface.hf_neighbours import Neighbours
from artifact_tui.model import Deletion, Result
from tests.support.hub import Hub, commit_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

OLD, NEW, OTHER, PLAIN = (commit_of(word) for word in ("old", "new", "other", "plain"))
BIG, COMMON, OWN = b"w" * 5000, b"c" * 3000, b"o" * 700
A, B, D = "models--acme--a", "models--acme--b", "datasets--acme--d"
OPS = {"os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.unlink", "shutil.rmtree", "open"}


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)


@pytest.fixture(params=[False, True], ids=["own blobs", "shared blobs"])
def hub(request: pytest.FixtureRequest, tmp_path: Path) -> Hub:
    """Two models that share a file, an old revision and a new one, a dataset."""
    made = Hub(tmp_path / "hub", shared=request.param)
    fill(made)
    return made


def fill(hub: Hub) -> None:
    small = {"config.json": b"{}", "deep/er/x.txt": b"x"}
    hub.download(A, OLD, {**small, "w.bin": BIG, "old.bin": OWN})
    hub.download(A, NEW, {**small, "w.bin": BIG, "c.bin": COMMON}, refs=("main", "refs/pr/1"))
    hub.download(B, OTHER, {"c.bin": COMMON}, refs=("main",))
    hub.download(D, PLAIN, {"d.parquet": b"d" * 900}, refs=("main",))
    (hub.root / A / ".no_exist" / OLD).mkdir(parents=True)
    (hub.root / A / ".no_exist" / OLD / "nothing.bin").touch()
    (hub.root / A / "trees").mkdir()
    (hub.root / A / "trees" / f"{OLD}.json").write_text("{}")


def delete(root: Path, *keys: str) -> list[Result]:
    deletions = [Deletion(key, delete_aliases=True) for key in keys]
    return [one.result for one in CacheDeleter(CardLineage(Cache(root))).delete(deletions)]


def key(folder: str, commit: str) -> str:
    return f"{folder}/snapshots/{commit}"


def check(root: Path, kept: dict[str, set[str]]) -> None:
    """The library finds these revisions, all their files, and nothing to warn of."""
    found = scan_cache_dir(root)
    assert [str(one) for one in found.warnings] == []
    there = {
        repo.repo_path.name: {one.commit_hash for one in repo.revisions} for repo in found.repos
    }
    for folder, commits in kept.items():
        assert commits <= there[folder]
        for commit in commits:
            kind, *name = folder.split("--")
            where = snapshot_download(
                "/".join(name),
                repo_type=kind[:-1],
                revision=commit,
                cache_dir=root,
                local_files_only=True,
            )
            for path in (root / folder / "snapshots" / commit).rglob("*"):
                assert path.is_dir() or path.read_bytes()
            assert os.path.realpath(where) == str(root / folder / "snapshots" / commit)


EVERYTHING = {A: {OLD, NEW}, B: {OTHER}, D: {PLAIN}}


@pytest.mark.parametrize(
    "gone",
    [
        [(A, OLD)], [(A, NEW)], [(A, OLD), (A, NEW)], [(B, OTHER)], [(D, PLAIN)],
        [(A, NEW), (B, OTHER)], [(A, OLD), (A, NEW), (B, OTHER), (D, PLAIN)],
    ],
)  # fmt: skip
def test_what_is_kept_is_whole_and_what_went_took_its_bytes(
    hub: Hub, gone: list[tuple[str, str]], tmp_path: Path
) -> None:
    check(hub.root, EVERYTHING)
    assert delete(hub.root, *(key(*one) for one in gone)) == [Result.DONE] * len(gone)
    kept = {
        folder: left
        for folder, commits in EVERYTHING.items()
        if (left := {one for one in commits if (folder, one) not in gone})
    }
    check(hub.root, kept)
    assert {one.repo_path.name for one in scan_cache_dir(hub.root).repos} == set(kept)
    again = Hub(tmp_path / "again", shared=hub.shared)
    fill(again)
    official = scan_cache_dir(again.root).delete_revisions(*(commit for _, commit in gone))
    official.execute()
    assert payload(hub.root) == payload(again.root)


def payload(root: Path) -> dict[str, int]:
    """The sizes of all files with bytes of somebody's, by path."""
    found = [path for path in root.glob("**/blobs/**/*") if path.is_file()]
    return {
        path.relative_to(root).as_posix(): path.lstat().st_size
        for path in found
        if path.suffix not in {".lock", ".refs"}
    }


@pytest.mark.parametrize("gone", [[(A, OLD)], [(A, OLD), (A, NEW)], [(A, NEW), (B, OTHER)]])
def test_killed_at_any_file_operation_the_rest_is_whole(
    hub: Hub, gone: list[tuple[str, str]], tmp_path: Path
) -> None:
    kept = {
        folder: {one for one in commits if (folder, one) not in gone}
        for folder, commits in EVERYTHING.items()
    }
    kept = {folder: left for folder, left in kept.items() if left}
    keys = [key(*one) for one in gone]
    ends = set()
    for number in killed(hub.root, keys, tmp_path):
        copy = tmp_path / f"copy-{number}"
        check(copy, kept)
        delete(copy, *keys)
        check(copy, kept)
        delete(copy, f"{A}/unused", f"{B}/unused")
        delete(copy, "blobs/unused")
        check(copy, kept)
        ends.add(tuple(sorted(payload(copy).items())))
        shutil.rmtree(copy)
    assert len(ends) == 1, "cut off or not, in the end the same bytes are left"


FORM_SETS = {
    "model-00001-of-00002.safetensors": b"s" * 900,
    "model-00002-of-00002.safetensors": b"S" * 900,
    "model.safetensors.index.json": b"{i}",
    "pytorch_model.bin": b"b" * 1500,
    "deep/er/one-Q4_K_M.gguf": b"q" * 400,
    "config.json": b"{}",
}


@pytest.mark.parametrize("call", ["mkdir", "rename"])
def test_another_deletion_that_ends_keeps_nothing_here(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    gone, real = hub.root / ".locks" / GONE, getattr(os, call)
    ended = 0

    def late(path: Path, *more: Any, **most: Any) -> None:
        nonlocal ended
        if ended < 2 and (call == "rename" or path == gone):
            ended += 1
            if call == "mkdir":
                raise FileExistsError(17, "it was there a moment ago", str(gone))
            gone.rmdir()
        real(path, *more, **most)

    monkeypatch.setattr(os, call, late)
    assert delete(hub.root, key(A, OLD), key(A, NEW)) == [Result.DONE] * 2
    assert ended == 2
    monkeypatch.undo()
    check(hub.root, {B: {OTHER}, D: {PLAIN}})
    assert not (hub.root / A).exists()
    assert not gone.exists()


@pytest.mark.parametrize("part", ["", "/h5"])
def test_what_another_deletion_took_meanwhile_is_absent(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    commit = commit_of("forms")
    hub.download(A, commit, {"model.bin": b"b", "model.h5": b"h"} if part else {"x": b"x"})
    facts = CardLineage.facts

    def late(lineage: CardLineage, versions: Any) -> Any:
        shutil.rmtree(hub.root / A, ignore_errors=True)
        return facts(lineage, versions)

    monkeypatch.setattr(CardLineage, "facts", late)
    assert delete(hub.root, key(A, commit) + part) == [Result.ABSENT]
    check(hub.root, {B: {OTHER}, D: {PLAIN}})


@pytest.mark.parametrize("forgotten", ["safetensors", "bin", "h5"])
def test_a_revision_does_not_take_a_form_along_that_nobody_named(hub: Hub, forgotten: str) -> None:
    commit, files = (
        commit_of("forms"),
        {"safetensors": b"s", "bin": b"b", "h5": b"h", "json": b"{}"},
    )
    hub.download(B, commit, {f"model.{form}": content for form, content in files.items()})
    forms = [f"{key(B, commit)}/{one}" for one in ("safetensors", "bin", "h5") if one != forgotten]
    results = delete(hub.root, *forms, key(B, commit))
    assert results == [Result.DONE, Result.DONE, Result.REFUSED]
    left = {path.name for path in (hub.root / B / "snapshots" / commit).iterdir()}
    assert left == {f"model.{forgotten}", "model.json"}
    check(hub.root, EVERYTHING | {B: {OTHER, commit}})
    assert delete(hub.root, key(B, commit)) == [Result.DONE]


@pytest.mark.parametrize("gone", [["safetensors"], ["bin", "deep/er/one-Q4_K_M.gguf"]])
def test_killed_while_a_form_of_weights_goes_the_rest_is_whole(
    hub: Hub, gone: list[str], tmp_path: Path
) -> None:
    commit = commit_of("forms")
    hub.download(B, commit, FORM_SETS, refs=("main",))
    made = (hub.root / B / "snapshots" / commit).stat().st_mtime_ns
    keys = [f"{key(B, commit)}/{form}" for form in gone]
    ends = set()
    for number in killed(hub.root, keys, tmp_path):
        copy = tmp_path / f"copy-{number}"
        check(copy, EVERYTHING | {B: {OTHER, commit}})
        delete(copy, *keys)
        delete(copy, f"{B}/unused", "blobs/unused")
        check(copy, EVERYTHING | {B: {OTHER, commit}})
        assert (copy / B / "refs/main").read_text() == commit
        ends.add(tuple(sorted(payload(copy).items())))
        shutil.rmtree(copy)
    assert len(ends) == 1, "cut off or not, in the end the same bytes are left"
    assert delete(hub.root, *keys) == [Result.DONE] * len(keys)
    assert (hub.root / B / "snapshots" / commit).stat().st_mtime_ns == made


def killed(
    root: Path, keys: list[str], folder: Path, delete: Callable[..., list[Result]] = delete
) -> Iterator[int]:
    """Copies of a cache in which a deletion was killed before its first, second, … operation."""
    for number in range(1, 1000):
        copy = folder / f"copy-{number}"
        shutil.copytree(root, copy, symlinks=True)
        child = os.fork()
        if child == 0:
            _delete_until(number, partial(delete, copy, *keys), len(keys))
        _, status = os.waitpid(child, 0)
        yield number
        if os.waitstatus_to_exitcode(status) == 0:
            assert number > 5
            return


def _delete_until(number: int, delete: Callable[[], list[Result]], count_done: int) -> None:
    left = number

    def count(event: str, args: Any) -> None:
        nonlocal left
        if event in OPS and (event != "open" or (args[2] or 0) & (os.O_CREAT | os.O_WRONLY)):
            left -= 1
            if left == 0:
                os._exit(9)

    sys.addaudithook(count)
    os._exit(0 if delete() == [Result.DONE] * count_done else 1)


def delete_beside(root: Path, *keys: str) -> list[Result]:
    beside = Neighbours.of(root, None)
    return [beside.delete(Deletion(key)).result for key in keys]


@pytest.mark.parametrize(
    "gone",
    [
        ["datasets/acme___d/plain/1.0.0/0a1b"],
        ["datasets/downloads/0a1b", "datasets/downloads/extracted/9f"],
        ["assets/lib/default/words", "xet/endpoint/shard-cache"],
    ],
)
def test_killed_at_any_file_operation_what_goes_beside_is_whole_or_listed(
    gone: list[str], tmp_path: Path
) -> None:
    top = tmp_path / "whole"
    every = {
        "datasets/acme___d/plain/1.0.0/0a1b": {"dataset_info.json": b"{}", "a.arrow": b"a" * 90},
        "datasets/downloads": {"0a1b": b"z" * 80, "0a1b.json": b"{}", "extracted/9f/x": b"x" * 70},
        "assets/lib/default/words": {"deep/er/list": b"l" * 60, "list": b"l"},
        "xet/endpoint/shard-cache": {"a.mdb": b"s" * 50},
        "hub/models--m/snapshots": {"0/file": b"f"},
    }
    for folder, files in every.items():
        for name, content in files.items():
            path = top / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            os.utime(path, (0, 0))
    (top / "datasets/acme___d/plain/1.0.0/0a1b_builder.lock").touch()
    before = {one.relative_to(top) for one in top.rglob("*") if one.is_file()}
    ends = set()

    def delete(copy: Path, *keys: str) -> list[Result]:
        return delete_beside(copy / "hub", *keys)

    for number in killed(top, gone, tmp_path, delete):
        copy = tmp_path / f"copy-{number}"
        there = {
            f"{one.key}/{path}": one for one in Neighbours.of(copy / "hub", None).folders
            for path in one.paths({})
        }  # fmt: skip
        now = {one.relative_to(copy) for one in copy.rglob("*") if one.is_file()}
        for key in set(gone) & there.keys():
            inside = {one for one in before if str(one).startswith(key)}
            assert inside <= now, "in its place it is whole"
        assert not {one for one in now - before if ASIDE not in one.parts}
        left = [key for key in there if ASIDE in key or key.endswith(".json")]
        assert left or not now - before, "what was cut off is listed"
        assert Result.FAILED not in delete(copy, *gone, *left)
        end = [one for one in copy.rglob("*") if one.is_file()]
        ends.add(tuple(sorted(one.relative_to(copy) for one in end)))
        shutil.rmtree(copy)
    assert len(ends) == 1, "cut off or not, in the end the same bytes are left"
