"""W&B's documented programs as one line each: looked at first, then done, and what is left."""

from __future__ import annotations

import re
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from artifact_tui import catalog, config
from artifact_tui.catalog import marks
from artifact_tui.catalog.lineage import LineageCoverage
from artifact_tui.clients import kind_of
from artifact_tui.deletion import tasks
from tests.faults.apply.harness import wait_for
from tests.servers.wandb.scenes import Link, Place, Series, Version
from tests.servers.wandb.traps import Fault, Quota

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli
    from tests.servers.wandb.process import Server

MNIST, NET = "acme/vision/mnist", "acme/vision/net"


def gone(server: Server) -> set[str]:
    """What of the seed is deleted, by collection and label."""
    return {path.removeprefix("acme/vision/") for path in server.versions("DELETED")}


def carry_out(cli: Cli, server: Server, tmp_path: Path, *words: str, code: int = 0) -> str:
    """A plan, its application; gives what both printed. Nothing is deleted before it is applied."""
    plan = tmp_path / "p.plan"
    said = cli("plan", *words, "-o", plan).out
    assert not server.done()
    count = said.rpartition("--expect ")[2].split()[0]
    return said + cli("apply", plan, "--yes", "--expect", count, code=code).out


def mark_all(cli: Cli, registry: str) -> None:
    """Mark every version of a registry, as the screen would."""
    keys = [one["key"] for one in cli("ls", registry, "--versions", "--json").records]
    uid = kind_of(registry).place(registry)
    paths = config.catalog_file(uid), config.marks_file(uid)
    with closing(catalog.connect(paths[0], marks=paths[1])) as conn:
        assert marks.mark_keys(conn, keys) == len(keys) > 0


def test_listing_a_project_an_entity_and_a_registry(cli: Cli, vision: Server) -> None:
    out = cli("ls", "vision").out
    assert "    1  mnist  dataset  5 versions  15 KB" in out
    assert "vision · 2 collections · 7 versions · 17 KB charged of 17 KB\n" in out
    assert "vision/mnist " in cli("ls", vision.address("acme")).out
    assert "wandb-registry-model/Prod" in cli("ls", vision.address("acme")).out
    shown = cli("ls", vision.address("acme-org/wandb-registry-model"), "--versions").out
    assert "Prod:v0" in shown
    assert "link · aliases production" in shown


def test_a_server_that_tells_no_charge_frees_what_nobody_knows(
    cli: Cli, vision: Server, tmp_path: Path
) -> None:
    vision.become(drop_fields=("Artifact.storageBytes",))
    said = carry_out(cli, vision, tmp_path, "vision", "name:mnist version:v0")
    assert "1 version, no way back; 1 KB listed, what is freed is not known; W&B frees" in said
    assert "Deleted: 1 KB listed, what that frees is not known; " in said
    assert " 0 B" not in said


def test_what_is_charged_is_filtered_sorted_totalled_and_leads(cli: Cli, vision: Server) -> None:
    vision.seed(
        series=[
            Series(path="acme/vision/big", versions=[Version(size=9_000_000, stored=0)]),
            Series(path="acme/vision/dear", versions=[Version(size=2_000_000, stored=1_500_000),
                                                      Version(size=2_000_000, stored=500_000)]),
        ],
        links=[Link(portfolio="acme/vision/shown", version="acme/vision/dear:v0")],
    )  # fmt: skip
    out = cli("ls", "vision", "--sort", "stored").out
    assert re.search(r"1  dear .* 2 MB charged of 4 MB", out)
    assert "4 versions · 2 MB charged of 13 MB" in out
    assert (
        "1 version of 4 in vision match · 1.5 MB charged of 2 MB"
        in cli("ls", "vision", "stored>1MB", "--versions").out
    )
    records = cli("ls", "vision", "--versions", "--sort", "stored", "--json").records
    assert [one["stored"] for one in records if not one["link"]] == [1_500_000, 500_000, 0]
    assert [one["stored"] for one in cli("ls", "vision", "--json", "--sort", "stored").records][
        :2
    ] == [2_000_000, 0]
    assert (
        "The storage meter of acme shows 2,000,000 bytes" in cli("registries", "test", "vision").out
    )
    vision.change(drop_fields=("Artifact.storageBytes", "Entity.storageBytes"))
    assert "charged" not in cli("ls", "vision").out
    err = cli("ls", "vision", "stored>1MB", code=2).err
    assert "This registry does not tell what it charges for a version (stored)" in err
    said = cli("registries", "test", "vision").out
    assert "What acme is charged for storage W&B does not tell." in said


def test_a_collection_that_loses_every_version_is_not_said_to_go(
    cli: Cli, vision: Server, tmp_path: Path
) -> None:
    words = ("plan", "vision", "name:mnist", "--delete-aliases", "--break-links")
    said = cli(*words, "--orphan-dependents", "-o", tmp_path / "p.plan").out
    assert "the whole collection" not in said
    assert "all 5 versions of mnist: one request deletes the collection too" in said
    assert "; 4 requests fewer\n" in said
    assert " --whole-collections: use it\n" in said


def test_records_tell_where_an_alias_and_a_link_are(cli: Cli, vision: Server) -> None:
    records = cli("ls", "vision", "--versions", "--json", "registry:any").records
    (one,) = records
    assert (one["name"], one["version"], one["alias"]) == ("mnist", "v2", ["production"])
    assert one["alias_in"] == {"acme-org/wandb-registry-model/Prod": ["production"]}
    assert one["links"] == ["acme-org/wandb-registry-model/Prod"]
    assert (one["stored"], one["runs"], one["link"], one["source"]) == (3000, 0, False, None)
    (link,) = cli(
        "ls", vision.address("acme-org/wandb-registry-model"), "--versions", "--json"
    ).records
    assert (link["link"], link["source"]) == (True, one["key"])


def test_show_asks_for_the_lineage(cli: Cli, vision: Server) -> None:
    out = cli("show", "vision", "mnist:v1").out
    assert "  used        by 1 run\n" in out
    assert "dependents: 1 direct, 1 in all\n    1  net:v1\n" in out
    assert "    1  data.bin  2 KB  " in out
    assert "made from 1 version\n    1  mnist:v1\n" in cli("show", "vision", "net:v1").out
    vision.clear()
    assert "1 direct" in cli("show", "vision", "mnist:v1", "--cached").out
    assert not vision.log()


def test_a_parent_that_is_gone_is_broken_lineage(cli: Cli, vision: Server, tmp_path: Path) -> None:
    cli("show", "vision", "net:v1")
    words = ("vision", "name:mnist version:v1", "--orphan-dependents")
    carry_out(cli, vision, tmp_path, *words)
    for deleted in ("listed", "found", "gone"):
        vision.change(deleted=deleted)
        said = cli("show", "vision", "net:v1").out
        assert re.search(r"made from 1 version\n +1  mnist:v1 +[\[(]deleted[\])]", said), said


def test_all_that_a_run_logged(cli: Cli, vision: Server, tmp_path: Path) -> None:
    said = carry_out(cli, vision, tmp_path, "vision", "run:1jx2ud12")
    assert "needs your consent, and stays without it: 2 versions\n" in said
    assert "W&B frees the bytes at its next garbage collection" in said
    assert "no way back" in said
    assert gone(vision) == {"mnist:v3"}


def test_all_that_a_run_logged_with_aliases(cli: Cli, vision: Server, tmp_path: Path) -> None:
    carry_out(cli, vision, tmp_path, "vision", "run:1jx2ud12", "--delete-aliases")
    assert gone(vision) == {"mnist:v3", "mnist:v4", "net:v0"}


def test_versions_by_their_label(cli: Cli, vision: Server, tmp_path: Path) -> None:
    words = ("vision", "run:1jx2ud12 (version:v3 | version:v4)", "--delete-aliases")
    carry_out(cli, vision, tmp_path, *words)
    assert gone(vision) == {"mnist:v3", "mnist:v4"}


def test_versions_by_their_alias(cli: Cli, vision: Server, tmp_path: Path) -> None:
    carry_out(cli, vision, tmp_path, "vision", "alias:candidate", "--delete-aliases")
    assert gone(vision) == {"net:v0"}


def test_all_without_an_alias_counts_those_in_registries(
    cli: Cli, vision: Server, tmp_path: Path
) -> None:
    said = carry_out(cli, vision, tmp_path, "vision", "name:mnist alias:none")
    assert "mnist:v1  2 KB  live versions outside this plan were made from it (net:v1)" in said
    assert gone(vision) == {"mnist:v0", "mnist:v3"}


def test_a_collection_with_one_request(cli: Cli, vision: Server, tmp_path: Path) -> None:
    words = ("vision", "--collection", "mnist", "--delete-aliases", "--orphan-dependents")
    ran = cli("plan", *words)
    assert (
        "the links would break: acme-org/wandb-registry-model/Prod (1)\n      --break-l" in ran.out
    )
    said = cli("plan", *words, "--break-links").out
    assert "; 4 requests fewer\n" in said
    vision.clear()
    said = carry_out(cli, vision, tmp_path, *words, "--break-links", "--whole-collections")
    assert "one request each: mnist (5 versions, with " in said
    assert "shown in acme-org/wandb-registry-model/Prod\n" in said
    assert vision.done() == [f"deleteArtifactSequence {MNIST}"]
    assert gone(vision) == {f"mnist:v{n}" for n in range(5)}


def test_an_empty_collection_goes_itself(cli: Cli, vision: Server, tmp_path: Path) -> None:
    carry_out(cli, vision, tmp_path, "vision", "name:net", "--delete-aliases")
    assert gone(vision) == {"net:v0", "net:v1"}
    listed = cli("ls", "vision").out
    assert re.search(r"^ +2 +net +model +empty +0 B$", listed, re.MULTILINE)
    assert " · 1 empty collection" in listed
    assert [
        one["versions"] for one in cli("ls", "vision", "--json").records if one["name"] == "net"
    ] == [0]
    assert "net" not in cli("ls", "vision", "type:model").out
    assert "Did you mean “net”?" in cli("plan", "vision", "--collection", "nett", code=1).err
    vision.clear()
    carry_out(cli, vision, tmp_path / "..", "vision", "--collection", "net")
    assert vision.done() == [f"deleteArtifactSequence {NET}"]
    assert "empty" not in cli("ls", "vision").out


@pytest.mark.parametrize(
    ("words", "whole"),
    [
        (("version:v0",), ()),
        (("--collection", "Prod"), ("--whole-collections",)),
        (("link:yes",), ("--whole-collections",)),
        (("--marked",), ()),
    ],
)
def test_a_link_is_unlinked_and_its_source_stays(
    cli: Cli, vision: Server, tmp_path: Path, words: tuple[str, ...], whole: tuple[str, ...]
) -> None:
    registry = vision.address("acme-org/wandb-registry-model")
    if "--marked" in words:
        mark_all(cli, registry)
        vision.clear()
    said = carry_out(cli, vision, tmp_path, registry, *words, "--delete-aliases", *whole)
    assert "will be unlinked: 1 link" in said
    assert "; its source stays\n" in said
    assert gone(vision) == set()
    assert f"{MNIST}:v2" in vision.alive()
    assert not [one for one in vision.done() if "deleteArtifact " in one]
    assert not cli("ls", "vision", "--versions", "--json", "registry:any").records


def test_a_link_that_goes_with_its_source_is_not_said_to_leave_it(
    cli: Cli, vision: Server, tmp_path: Path
) -> None:
    words = ("plan", vision.address("acme"), "registry:any | link:yes", "--delete-aliases")
    said = cli(*words, "-o", tmp_path / "p.plan").out
    assert "will be deleted: 1 version and 1 link" in said
    assert "  will be unlinked  1  1 link will be removed; its source goes too\n" in said
    assert "  aliases that go   1  production\n" in said


def test_a_version_that_is_shown_elsewhere_needs_consent(
    cli: Cli, vision: Server, tmp_path: Path
) -> None:
    words = ("vision", "name:mnist version:v2", "--delete-aliases")
    assert "nothing will be deleted" in cli("plan", *words, code=1).out
    said = carry_out(cli, vision, tmp_path, *words, "--break-links")
    assert "  1  shown in acme-org/wandb-registry-model/Prod\n" in said
    assert gone(vision) == {"mnist:v2"}


def test_a_question_that_was_cut_short_is_not_the_fault_of_the_registry(
    cli: Cli, vision: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def prepare(*_: object, **__: object) -> LineageCoverage:
        return LineageCoverage(100_000, 100_000, capped=True)

    monkeypatch.setattr("artifact_tui.catalog.lineage.ask_lineage", prepare)
    words = ("plan", "vision", "name:mnist version:v0", "-o", tmp_path / "p.plan")
    ran = cli(*words)
    assert "not all lineage is known: there are more than the 100,000 versions" in ran.err
    assert "registry told nothing" not in ran.err
    assert vision.done() == []


def test_cached_asks_nothing_and_knows_less(cli: Cli, vision: Server) -> None:
    cli("ls", "vision")
    vision.clear()
    said = cli("plan", "vision", "version:v1", "name:mnist", "--cached", code=1).out
    assert "not asked (1)\n      --unknown-lineage: include them\n" in said
    cli("plan", "vision", "version:v1", "name:mnist", "--cached", "--unknown-lineage")
    assert not vision.log()


@pytest.mark.parametrize(
    "quota",
    [
        {"status": 403, "retry_after": True, "headers": False, "words": "request denied"},
        {"status": 403, "words": "forbidden"},
        {"status": 400, "retry_after": True, "words": "try later"},
    ],
)
def test_a_throttle_that_looks_like_a_refusal_is_waited_for(
    cli: Cli, vision: Server, tmp_path: Path, quota: dict[str, Any]
) -> None:
    vision.fill(collections=1, versions=12)
    plan = tmp_path / "p.plan"
    cli("plan", "vision", "*", "-o", plan)
    vision.change(quota=Quota(most=5, window_s=1.0, **quota))
    assert "12 deleted, verified gone" in cli("apply", plan, "--yes", "--expect", "12").out
    vision.change(quota=None)
    assert not vision.alive()
    assert len(vision.done()) == 12


def test_a_refusal_under_a_spent_quota_is_still_one(
    cli: Cli, vision: Server, tmp_path: Path
) -> None:
    vision.add(places=[Place(path="acme-org/wandb-registry-model", protected=["production"])])
    plan = tmp_path / "p.plan"
    words = ("name:mnist version:v0 | name:mnist version:v2", "--delete-aliases", "--break-links")
    cli("plan", "vision", *words, "-o", plan)
    vision.change(quota=Quota(most=1, window_s=0.3))
    said = cli("apply", plan, "--yes", "--expect", "2", code=1).out
    assert "cannot delete artifact with protected alias" in said
    assert gone(vision) == {"mnist:v0"}


def test_every_refusal_is_said_item_by_item_in_its_words(
    cli: Cli, vision: Server, tmp_path: Path
) -> None:
    vision.fill(collections=1, versions=6)
    plan = tmp_path / "p.plan"
    cli("plan", "vision", "*", "-o", plan)
    faults = [Fault(kind=kind, first=1, fields=("deleteArtifact",)) for kind in ("409", "451")]
    vision.change(faults=tuple(faults), batch=1)
    cli("apply", plan, "--yes", "--expect", "6", code=1)
    records = cli("report", plan, "--json").records
    errors = sorted(one["error"] for one in records if one["result"] == "refused")
    assert errors == ["W&B refused: injected 409", "W&B refused: injected 451"]
    assert len(vision.alive()) == 2


def test_with_dependents_follows_the_runs(cli: Cli, vision: Server, tmp_path: Path) -> None:
    said = carry_out(cli, vision, tmp_path, "vision", "name:mnist version:v1", "--with-dependents")
    assert "joined" in said
    assert gone(vision) == {"mnist:v1", "net:v1"}


def test_what_cannot_come_back_is_said_kindly(cli: Cli, vision: Server, tmp_path: Path) -> None:
    carry_out(cli, vision, tmp_path, "vision", "version:v3")
    assert "cannot restore" in cli("trash", "vision").out
    listed = cli("ls", "vision").out
    assert "deleted, and still listed" in listed
    assert "trash" not in listed
    for words in (
        ("restore", "vision", "mnist:v3"),
        ("purge", "vision", "--all"),
        ("gc", "vision"),
    ):
        err = cli(*words, code=None).err
        assert "W&B frees the bytes at its next garbage collection" in err, words
    err = cli("orphans", "vision", code=None).err
    assert "keeps its own bytes" in err
    assert "bucket" not in err
    assert gone(vision) == {"mnist:v3"}


def test_read_only_sends_no_deletion(cli: Cli, vision: Server, tmp_path: Path) -> None:
    plan = tmp_path / "p.plan"
    cli("plan", "vision", "version:v3", "-o", plan)
    assert "Nothing was deleted" in cli(
        "--read-only", "apply", plan, "--yes", "--expect", "1", code=1
    ).err  # fmt: skip
    assert not vision.done()


@pytest.mark.slow
def test_a_task_says_what_limits_it(cli: Cli, vision: Server, tmp_path: Path) -> None:
    vision.fill(collections=1, versions=60)
    plan = tmp_path / "p.plan"
    cli("plan", "vision", "*", "-o", plan)
    vision.change(quota=Quota(most=2, window_s=2.0, counts="mutations"), batch=1)
    cli("apply", plan, "--yes", "--expect", "60", "--detach")

    limits = re.compile("quota is used up|asks to wait")

    def is_told() -> bool:
        (task,) = cli("tasks", "--json").records
        assert task["settled"] != 60, "it ended, and never said why it waits"
        return bool(limits.search(task["pace"]))

    def is_noted() -> bool:
        task = tasks.read_task(plan)
        return task.settled == 60 or bool(limits.search(task.pace))

    wait_for(lambda: is_noted() and is_told(), "a word on the quota")
    vision.change(quota=None)
    wait_for(lambda: not tasks.read_task(plan).alive, "the end")
    (task,) = cli("tasks", "--json").records
    assert (task["running"], task["settled"], task["pace"]) == (False, 60, "")
    assert not vision.alive()
    assert "60 deleted, verified gone" in cli("report", plan).out
