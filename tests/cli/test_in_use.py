"""Versions that a process holds open: said, agreed to, and looked at again right before."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from artifact_tui.testing.steps import held_open
from tests.cli.test_foreign import forge
from tests.support.blobs import Ollama
from tests.support.hub import Hub, commit_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who holds a file")
BASE = "models--acme--base"
OLD, NEW = commit_of("old"), commit_of("new")


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hub:
    """Two revisions without a ref, each with weights of its own in the shared store."""
    made = Hub(tmp_path / "hub", shared=True)
    made.download(BASE, OLD, {"w.bin": b"o" * 900, "common.bin": b"c" * 500})
    made.download(BASE, NEW, {"w.bin": b"n" * 900, "common.bin": b"c" * 500})
    monkeypatch.setenv("HF_HUB_CACHE", str(made.root))
    return made


def weights(hub: Hub, commit: str, name: str = "w.bin") -> Path:
    return hub.root / BASE / "snapshots" / commit / name


@pytest.mark.parametrize("mapped", [False, True], ids=["open", "mapped"])
def test_it_stays_without_consent_and_goes_with_it(
    cli: Cli, hub: Hub, tmp_path: Path, *, mapped: bool
) -> None:
    with held_open(weights(hub, OLD), mapped=mapped) as trainer:
        wish = ("plan", "hf:", "name:acme/base", "-o", tmp_path / "p")
        said = cli(*wish).out
        assert "will be deleted: 1 version" in said
        assert f"in use by {trainer} (1)" in said
        assert "--in-use: include them" in said
        records = {one["version"]: one for one in cli(*wish[:-1], tmp_path / "q", "--json").records}
        used, free = records[OLD[:12]], records[NEW[:12]]
        assert (used["verdict"], used["reason"], used["detail"]) == ("consent", "in_use", trainer)
        assert (used["used_by"], free["used_by"]) == ([trainer], [])
        assert free["verdict"] == "delete"
        agreed = cli(*wish[:-1], tmp_path / "r", "--in-use").out
        assert "will be deleted: 2 versions" in agreed
        assert f"1  in use by {trainer}" in agreed
        assert trainer in cli("review", tmp_path / "r").out
        cli("apply", tmp_path / "r", "--yes", "--expect", "2")
    assert not (hub.root / BASE).exists()


def test_what_came_into_use_since_the_review_stays_and_the_process_is_named(
    cli: Cli, hub: Hub, tmp_path: Path
) -> None:
    plan = tmp_path / "p"
    cli("plan", "hf:", "name:acme/base", "-o", plan)
    with held_open(weights(hub, OLD), mapped=True) as trainer:
        said = cli("apply", plan, "--yes", "--expect", "2", code=1).out
        ends = {one["version"]: one for one in cli("report", plan, "--json", code=None).records}
    assert "a process holds files of it open" in said
    assert f"acme/base:{OLD[:12]} ({trainer})" in said
    assert ends[NEW[:12]]["result"] == "verified"
    old = ends[OLD[:12]]
    assert (old["result"], old["reason"], old["detail"]) == ("refused", "in_use", trainer)
    assert weights(hub, OLD).read_bytes() == b"o" * 900


def test_consent_covers_whoever_comes_later(cli: Cli, hub: Hub, tmp_path: Path) -> None:
    plan = tmp_path / "p"
    with held_open(weights(hub, OLD), mapped=False):
        cli("plan", "hf:", "name:acme/base", "-o", plan, "--in-use")
    with held_open(weights(hub, NEW), mapped=True):
        cli("apply", plan, "--yes", "--expect", "2")
    assert not (hub.root / BASE).exists()


def test_who_ends_in_time_is_no_matter(cli: Cli, hub: Hub, tmp_path: Path) -> None:
    cli("plan", "hf:", "name:acme/base", "-o", tmp_path / "p")
    with held_open(weights(hub, OLD), mapped=True):
        pass
    cli("apply", tmp_path / "p", "--yes", "--expect", "2")


def test_a_file_in_common_makes_both_used(cli: Cli, hub: Hub, tmp_path: Path) -> None:
    with held_open(weights(hub, OLD, "common.bin"), mapped=True) as trainer:
        said = cli("plan", "hf:", "name:acme/base", "-o", tmp_path / "p", code=1)
    assert f"in use by {trainer} \N{MULTIPLICATION SIGN}2 (2)" in said.out
    assert "nothing to delete" in said.err
    assert not (tmp_path / "p").exists()


def test_a_verdict_in_the_file_is_no_consent_and_an_old_plan_is_applied(
    cli: Cli, hub: Hub, tmp_path: Path
) -> None:
    plan = tmp_path / "p"
    cli("plan", "hf:", "name:acme/base", "-o", plan)
    forge(
        plan,
        "UPDATE item SET facts = json_remove(facts, '$.used_by')",
        "UPDATE plan SET value = json_remove(value, '$.options.in_use') WHERE name = 'head'",
    )
    with held_open(weights(hub, OLD), mapped=True) as trainer:
        name = ("--registry", f"hf:{hub.root}")
        said = cli("apply", plan, *name, "--yes", "--expect", "2", code=1).out
    assert trainer in said
    assert weights(hub, OLD).exists()
    assert not weights(hub, NEW).exists()


def test_a_name_of_a_process_is_only_text(cli: Cli, hub: Hub, tmp_path: Path) -> None:
    with held_open(weights(hub, OLD), mapped=False, name="a\x1b[31m\nb") as trainer:
        said = cli("plan", "hf:", "name:acme/base", "-o", tmp_path / "p").out
        assert "in use by a" in said
        assert "\x1b" not in said
        assert trainer not in said


def test_a_server_that_holds_a_model_of_ollama_is_named(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Ollama(tmp_path / "models")
    store.tag("phi", "latest", {"model": b"p" * 700})
    store.tag("qwen", "latest", {"model": b"q" * 700})
    monkeypatch.setenv("OLLAMA_MODELS", str(store.root))
    monkeypatch.setenv("OLLAMA_HOST", "127.0.0.1:1")
    (blob,) = (path for path in store.blobs.iterdir() if path.read_bytes() == b"p" * 700)
    with held_open(blob, mapped=True, name="ollama") as server:
        said = cli("plan", "ollama:", "*", "-o", tmp_path / "p").out
        assert "will be deleted: 1 version" in said
        assert f"in use by {server}" in said


def test_what_cannot_be_read_hides_nobody(cli: Cli, hub: Hub, tmp_path: Path) -> None:
    other = "models--me--broken"
    hub.download(other, commit_of("broken"), {"w.bin": b"b" * 900})
    cli("ls", "hf:")
    (hub.root / other / "blobs").rename(tmp_path / "elsewhere")
    (hub.root / other / "blobs").symlink_to(tmp_path / "elsewhere")
    with held_open(weights(hub, OLD), mapped=True) as trainer:
        said = cli("plan", "hf:", "*", "-o", tmp_path / "p").out
        assert f"in use by {trainer} (1)" in said
        shown = cli("show", "hf:", f"acme/base:{OLD[:12]}")
        assert f"in use by   {trainer}" in shown.out
        told = [
            cli("show", "hf:", f"acme/base:{commit[:12]}", "--json").records[0]["used_by"]
            for commit in (OLD, NEW)
        ]
    assert told == [[trainer], []]
    assert "in use by" not in cli("show", "hf:", f"me/broken:{commit_of('broken')[:12]}").out


def test_what_joins_as_a_dependent_is_looked_at_too(cli: Cli, hub: Hub, tmp_path: Path) -> None:
    lora = "models--me--lora"
    card = b"---\nbase_model: acme/base\n---\n"
    hub.ref(BASE, "main", NEW)
    made = hub.download(lora, commit_of("lora"), {"README.md": card, "a.bin": b"a" * 900})
    wish = ("plan", "hf:", f"version:{NEW[:12]}", "--with-dependents", "--delete-aliases", "-o")
    with held_open(made / "a.bin", mapped=True) as trainer:
        records = cli(*wish, tmp_path / "p", "--json", code=1).records
        ends = {one["name"]: (one["verdict"], one["reason"]) for one in records}
        assert ends == {
            "acme/base": ("blocked", "dependent_stays"), "me/lora": ("consent", "in_use"),
        }  # fmt: skip
        assert trainer in {one["detail"] for one in records}
        assert "will be deleted: 2 versions" in cli(*wish, tmp_path / "q", "--in-use").out
