"""What a registry that is emptied, a bucket with versions, folders and odd servers leave behind."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

import pytest

from tests.cli.conftest import Cli, cli
from tests.orphans.test_command import squeezed
from tests.orphans.test_screen import opened
from tests.servers.rest.registry import Entry
from tests.servers.rest.traps import Fault
from tests.servers.s3_odd import SINGLE, odd_s3
from tests.tui.review.world import types_it

if TYPE_CHECKING:
    from pathlib import Path

    from tests.orphans.beside import Beside

__all__ = ["cli"]

SIBLINGS = {"artifacts/77.json", "artifacts/77_backup/a", "artifactsx/77/a", "artifacts/x", "77/a"}


def applied(cli: Cli, plan: Path, code: int = 0) -> str:
    """Apply a plan as a script would; gives its report."""
    (count,) = re.findall(r"--expect (\d+)", cli("apply", plan, code=2).err)
    cli("apply", plan, "--yes", "--expect", count, code=code)
    return cli("report", plan).out


def typed(cli: Cli, line: str) -> None:
    """A command, as somebody types what is printed."""
    program, *words = shlex.split(line)
    assert program == "artifact-tui"
    cli(*words)


def test_after_a_reset_what_is_left_goes_with_the_registrys_name(
    beside: Beside, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    beside.configure(grace_hours=24)
    beside.put_models(1, 2)
    beside.put("notes.txt")
    reset = cli("reset", "zoo", "--name", "zoo", "--expect", "11").out
    refused = cli("orphans", "zoo", "--grace", "0s", code=1)
    assert "lists nothing at all" in refused.err
    assert "No" in cli("orphans", "zoo", "--empty", "zo", code=1).err
    (hint,) = re.findall(r"artifact-tui orphans .*--empty zoo", refused.err)
    planning = ("--grace", "0s", "--plan", "a b.plan", "--storage-versions")
    said = cli("orphans", "zoo", *planning, code=1).err
    assert f"artifact-tui orphans zoo {shlex.join(planning)} --empty zoo" in said
    shown = cli(*shlex.split(hint)[1:]).out
    assert "orphans 2 2 KB that no artifact refers to" in squeezed(shown)
    assert "elsewhere 1 elsewhere in the bucket" in squeezed(shown)
    (following,) = re.findall(r"^next: (.*)$", shown, re.MULTILINE)
    typed(cli, following)
    assert "was said to be really empty" in cli("review", "orphans.plan").out
    assert "deleted, verified gone" in applied(cli, tmp_path / "orphans.plan")
    assert beside.names() == {"notes.txt"}
    assert "in the storage: artifact-tui orphans zoo" in reset


def test_an_empty_registry_that_is_not_healthy_is_never_taken_as_empty(
    beside: Beside, cli: Cli
) -> None:
    beside.configure()
    beside.put_models(1, 2)
    beside.server.seed([])
    beside.server.become(Fault("503", share=1.0, methods=("GET",), path="/health"))
    ran = cli("orphans", "zoo", "--empty", "zoo", code=1)
    assert "lists nothing at all" in ran.err
    assert "--empty" not in ran.err


async def test_the_screen_asks_for_the_name_of_an_empty_registry(beside: Beside) -> None:
    beside.configure()
    beside.put_models(71, 72)
    async with opened() as user:
        beside.server.seed([])
        await user.presses("o")
        await user.sees("Is it really empty?", "Type zoo if it is")
        await user.types("zo")
        await user.presses("enter")
        await user.sees("Is it really empty?")
        await user.types("o")
        await user.presses("enter")
        await user.sees("2 orphans", "was said to be really empty")
        await user.presses("asterisk", "d")
        await user.sees("Type zoo to delete")
        await types_it(user, "zoo")
        await user.presses("enter")
        await user.sees("finished", "2 deleted")
    assert beside.names() == set()


def test_what_delete_markers_hide_is_seen_and_goes_for_good(
    versioned: Beside, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    versioned.configure(grace_hours=24)
    versioned.put_models(1, 2, 71, size=1100)
    versioned.put_models(71, 1, size=1101)
    versioned.hide("artifacts/model/71.zip", "artifacts/model/2.zip")
    versioned.put("artifacts/model/71.zip.bak")
    assert "without an artifact, but younger than 1 d" in cli("orphans", "zoo").out
    shown = cli("orphans", "zoo", "--grace", "0s").out
    assert "behind a delete marker" in shown
    lines = squeezed(shown)
    assert "orphans 0 no object is without its artifact" in lines
    hidden = "behind markers 1 2.2 KB still stored behind delete markers: deleted for good only"
    assert hidden in lines
    assert "older 2.2 KB in older versions of what is in use" in lines
    assert "no pattern 1 where the pattern begins, 1 KB, that do not fit it" in lines
    (record,) = cli("orphans", "zoo", "--grace", "0s", "--json").records[:1]
    assert (record["problem"], record["size"]) == ("hidden", 2201)
    refused = cli("orphans", "zoo", "--grace", "0s", "--plan", "no.plan", code=1)
    assert "no plan was made" in refused.err
    (hint,) = re.findall(r"artifact-tui orphans .*", refused.err)
    typed(cli, hint)
    assert "3 deleted, verified gone" in re.sub(r" +", " ", applied(cli, tmp_path / "no.plan"))
    assert versioned.stored() == 4
    assert "hidden" not in cli("orphans", "zoo", "--grace", "0s", "--json").out


async def test_the_screen_shows_what_delete_markers_hide(versioned: Beside) -> None:
    versioned.configure()
    versioned.put_models(1, 71, 72)
    versioned.hide("artifacts/model/71.zip")
    async with opened() as user:
        await user.presses("o")
        await user.sees("1 hidden · 1 KB", "behind markers", "deleted for good only")
        await user.presses("asterisk", "d")
        await user.sees("gone for good", "Type zoo to delete", "3 stored objects will be removed")
        await types_it(user, "zoo")
        await user.presses("enter")
        await user.sees("finished", "3 deleted")
    assert versioned.stored() == 1


@pytest.mark.parametrize("pattern", ["artifacts/{id}/{name}", "artifacts/{id}/"])
def test_a_folder_for_each_artifact_goes_with_it_and_nothing_else(
    beside: Beside, cli: Cli, tmp_path: Path, pattern: str
) -> None:
    beside.configure(pattern=pattern)
    beside.put(*(f"artifacts/{n}/{name}" for n in (1, 2, 11, 77) for name in ("a", "b/c.bin")))
    beside.put(*SIBLINGS)
    seen = cli("orphans", "zoo", "--plan", tmp_path / "orphans.plan").out
    counted = [line.split()[:2] for line in seen.splitlines()]
    assert ["orphans", "3"] in counted, "77_backup is a folder of its own, of nobody"
    lines = squeezed(seen)
    assert any(line.startswith("in use 6 objects with their artifact") for line in lines)
    assert any(line.startswith("no pattern 2 where the pattern begins") for line in lines)
    assert "elsewhere 2 elsewhere in the bucket" in lines
    words = ("--storage", "--unknown-lineage", "-o", tmp_path / "p.plan")
    shown = cli("plan", "zoo", "version:1", *words).out
    assert "1 version and 2 stored objects" in shown
    applied(cli, tmp_path / "p.plan")
    left = beside.names()
    assert {name for name in left if name.startswith("artifacts/1/")} == set()
    assert {"artifacts/11/a", "artifacts/11/b/c.bin", "artifacts/2/a"} <= left
    assert left >= SIBLINGS
    beside.server.seed([*beside.server.entries(), Entry("77", "acme/late", "code")])
    applied(cli, tmp_path / "orphans.plan", code=1)
    left = beside.names()
    assert left >= {"artifacts/77/a", "artifacts/77/b/c.bin"}, "it is in use again"
    assert "artifacts/77_backup/a" not in left


def test_a_folder_that_another_artifact_needs_too_stays(
    beside: Beside, cli: Cli, tmp_path: Path
) -> None:
    """Ids are counted for each type on some servers: two artifacts share `artifacts/1/`."""
    beside.server.seed([Entry("1", "acme/net", "model"), Entry("1", "acme/photos", "dataset")])
    beside.configure(pattern="artifacts/{id}/{name}")
    beside.put("artifacts/1/a", "artifacts/1/b")
    plan = tmp_path / "p.plan"
    cli("plan", "zoo", "type:dataset", "--storage", "--unknown-lineage", "-o", plan)
    report = applied(cli, plan, code=1)
    assert "its artifact is still there" in report
    assert beside.names() == {"artifacts/1/a", "artifacts/1/b"}


def test_type_and_id_name_a_folder_and_its_versions_go_for_good(
    versioned: Beside, cli: Cli, tmp_path: Path
) -> None:
    versioned.configure(pattern="{type}/{id}/{name}")
    versioned.put("model/1/a", "model/1/b", "model/1.json", "model/10/a", "dataset/1/a")
    versioned.put("model/1/a")
    words = ("--storage-versions", "--unknown-lineage", "-o", tmp_path / "p.plan")
    cli("plan", "zoo", "version:1", *words)
    applied(cli, tmp_path / "p.plan")
    assert versioned.names() == {"model/1.json", "model/10/a", "dataset/1/a"}
    assert versioned.stored() == 3
    assert "dataset/1/a" in cli("orphans", "zoo").out, "there is no dataset 1"


@pytest.mark.parametrize("pattern", ["artifacts/{name}", "{id}/{what}", "{id}{type}"])
def test_a_pattern_that_cannot_be_used_is_said_with_its_place(
    beside: Beside, cli: Cli, pattern: str
) -> None:
    beside.configure(pattern=pattern)
    ran = cli("orphans", "zoo", code=2)
    assert "storage pattern" in ran.err
    assert "artifacts/{id}/{name}" in ran.err


@pytest.mark.parametrize(
    "mode",
    ["fine", "md5", "nobatch", "malformed", "forbidden", "denied", "lock", "slow", "throttle"],
)
def test_each_key_is_answered_by_itself(
    beside: Beside, cli: Cli, tmp_path: Path, mode: str
) -> None:
    objects = {f"artifacts/model/{n}.zip": n for n in range(100, 112)}
    odd = "artifacts/model/103.zip"
    with odd_s3(mode, objects, odd) as s3:
        beside.bucket, beside.endpoint = "b", s3.endpoint
        beside.configure()
        plan = tmp_path / "orphans.plan"
        cli("orphans", "zoo", "--plan", plan)
        report = applied(cli, plan, code=1 if mode in SINGLE else 0)
    assert s3.objects.keys() == ({odd} if mode in SINGLE else set())
    assert SINGLE.get(mode, "12 deleted") in re.sub(r" +", " ", report)
    if mode == "throttle":
        assert (s3.calls["POST"], s3.calls["DELETE"]) == (1, 4), "waited for"
    if mode in {"nobatch", "malformed", "forbidden"}:
        assert s3.calls["POST"] < 12 <= s3.calls["DELETE"], "it is not asked again and again"
