"""Deleting on a REST registry from the command line, and what comes after."""

from __future__ import annotations

import json
import re
import shlex
from typing import TYPE_CHECKING

import pytest

from artifact_tui import config
from tests.servers.rest.process import fresh
from tests.servers.rest.registry import Entry
from tests.servers.rest.traps import Fault

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli
    from tests.servers.rest.process import Server


@pytest.fixture
def process() -> Server:
    return fresh()


@pytest.fixture
def server(process: Server) -> Server:
    """Four artifacts, the third of which was made from the first; configured as `zoo`."""
    process.seed(
        [
            Entry("1", "acme/bert", "model", url="https://example.org/bert"),
            Entry("2", "acme/bert", "model", url="https://example.org/bert2"),
            Entry("3", "acme/tiny", "model", url="https://example.org/tiny", parents=("1",)),
            Entry("4", "acme/text", "dataset", url="https://example.org/text"),
        ]
    )
    process.clear()
    (config.config_dir() / "config.toml").write_text(
        f'[registries.zoo]\naddress = "{process.address}"\n', encoding="utf-8"
    )
    return process


def names(server: Server) -> list[str]:
    return sorted(f"{entry.name}:{entry.id}" for entry in server.entries())


def asked(server: Server) -> list[str]:
    """Which models were asked what they were made from."""
    found = [line.target for line in server.sent("GET") if "lineage" in line.target]
    server.clear()
    return sorted(target.rsplit("/", 2)[-2] for target in found)


def test_a_plan_asks_for_the_lineage_that_is_missing_and_says_why(cli: Cli, server: Server) -> None:
    ran = cli("plan", "zoo", "acme/text")
    assert "asking what 3 models were made from, as the registry tells nothing else" in ran.err
    assert "will be deleted: 1 version" in ran.out
    assert asked(server) == ["1", "2", "3"]
    server.seed([*server.entries(), Entry("5", "acme/new", "model", parents=("4",))])
    ran = cli("plan", "zoo", "acme/text", code=1)
    assert "asking what 1 model was made" in ran.err
    assert "(acme/new:5)" in ran.out
    assert asked(server) == ["5"]
    assert "asking" not in cli("plan", "zoo", "acme/bert version:2").err
    assert asked(server) == []


def test_nothing_is_asked_of_a_cached_plan_or_where_one_agrees_not_to_know(
    cli: Cli, server: Server
) -> None:
    cli("ls", "zoo")
    server.clear()
    ran = cli("plan", "zoo", "acme/bert", "--cached", code=1)
    assert "0 of 3 models scanned" in ran.out
    assert not server.log()
    assert "will be deleted: 2 versions" in cli("plan", "zoo", "acme/bert", "--unknown-lineage").out
    assert asked(server) == []
    words = ("--unknown-lineage", "--scan-lineage")
    assert "will be deleted: 1 version" in cli("plan", "zoo", "acme/bert", *words).out
    assert asked(server) == ["1", "2", "3"]


@pytest.mark.parametrize("status", ["404", "403"])
def test_only_what_stays_unknown_needs_consent(cli: Cli, server: Server, status: str) -> None:
    server.change(faults=(Fault(status, methods=("GET",), path="lineage/model/2"),
                          Fault(status, methods=("GET",), path="model/2/lineage")))  # fmt: skip
    ran = cli("plan", "zoo", "acme/text", code=1)
    assert "not all lineage is known: " in ran.err
    assert "models scanned (1)\n      --unknown-lineage: include them\n" in ran.out
    assert "will be deleted: 1 version" in cli("plan", "zoo", "acme/text", "--unknown-lineage").out


def test_a_registry_without_lineage_is_not_asked_for_all_of_it(cli: Cli, server: Server) -> None:
    server.fill(60)
    server.change(faults=(Fault("404", methods=("GET",), path="lineage"),))
    ran = cli("plan", "zoo", "version:7", code=1)
    assert "the registry told nothing about 60 of 60 models" in ran.err
    assert len(asked(server)) < 60


def test_what_has_dependents_is_not_reingested_unasked(cli: Cli, server: Server) -> None:
    words = ("reingest", "zoo", "acme/bert:1", "--url", "https://example.org/new")
    ran = cli(*words, "--yes", "--expect", "1", code=1)
    assert "(acme/tiny:3)" in ran.out
    assert len(names(server)) == 4
    options = cli("reingest", "--help").out
    assert [way for way in re.findall(r"--[a-z-]+", ran.out) if way not in options] == []
    assert "--orphan-dependents: let those lose a parent\n" in ran.out
    again = cli(*words, "--orphan-dependents", code=2).err
    (line,) = re.findall(r"After a review: artifact-tui (.*)", again)
    cli(*shlex.split(line))
    assert "acme/bert:1" not in names(server)


def test_scanned_lineage_blocks_what_has_dependents(
    cli: Cli, server: Server, tmp_path: Path
) -> None:
    plan = tmp_path / "a.plan"
    ran = cli("plan", "zoo", "acme/bert", "-o", plan)
    assert "acme/tiny:3" in ran.out
    cli("apply", plan, "--yes", "--expect", "1")
    assert names(server) == ["acme/bert:1", "acme/text:4", "acme/tiny:3"]


def test_a_deletion_is_undone_from_its_plan(cli: Cli, server: Server, tmp_path: Path) -> None:
    plan = tmp_path / "a.plan"
    cli("plan", "zoo", "acme/text", "--unknown-lineage", "-o", plan)
    cli("apply", plan, "--yes", "--expect", "1")
    assert "acme/text:4" not in names(server)
    ran = cli("restore", "zoo", "--plan", plan, "--json")
    assert ran.records[0]["url"] == "https://example.org/text"
    assert ran.records[0]["key"] == "dataset/4"
    assert ran.records[0]["new_key"] != "dataset/4"
    assert "new id" in ran.err
    assert [(e.type, e.url) for e in server.entries() if e.name == "acme/text"] == [
        ("dataset", "https://example.org/text")
    ]


def test_without_a_plan_there_is_nothing_to_restore(cli: Cli, server: Server) -> None:
    assert "has no trash" in cli("restore", "zoo", "acme/bert:1", code=2).err


def test_an_entry_is_ingested_again_from_a_corrected_source(cli: Cli, server: Server) -> None:
    ran = cli(
        "reingest", "zoo", "acme/tiny:3", "--url", "https://example.org/corrected",
        "--unknown-lineage", "--yes", "--expect", "1",
    )  # fmt: skip
    assert "acme/tiny:3 is now model/" in ran.out
    found = [(e.id, e.url) for e in server.entries() if e.name == "acme/tiny"]
    assert len(found) == 1
    assert found[0][0] != "3"
    assert found[0][1] == "https://example.org/corrected"


def test_an_ingest_that_fails_can_be_tried_again(cli: Cli, server: Server) -> None:
    server.become(Fault("424", methods=("POST",), path="/artifact/"))
    ran = cli(
        "reingest", "zoo", "acme/tiny:3", "--url", "https://example.org/corrected",
        "--unknown-lineage", "--yes", "--expect", "1", code=1,
    )  # fmt: skip
    assert "The entry is gone" in ran.out
    assert "acme/tiny:3" not in names(server)
    server.become()
    plan = next(config.plans_dir().glob("*.plan"))
    cli("restore", "--plan", plan)
    (found,) = [e for e in server.entries() if e.name == "acme/tiny"]
    assert found.url == "https://example.org/corrected"


def test_reingest_asks_before_anything(cli: Cli, server: Server) -> None:
    before = names(server)
    cli("reingest", "zoo", "acme/tiny:3", "--unknown-lineage", code=2)
    cli("--read-only", "reingest", "zoo", "acme/tiny:3", "--unknown-lineage", code=None)
    assert names(server) == before
    assert not server.sent("DELETE")


def test_a_reset_says_that_more_goes_than_the_registry_lists(cli: Cli, server: Server) -> None:
    server.seed(
        [Entry(str(n), f"acme/d{n}", "dataset") for n in range(1, 31)]
        + [Entry(str(n), f"acme/m{n}", "model") for n in range(31, 36)]
    )
    server.become(too_many=20, too_many_typed=20, search="missing")
    ran = cli("reset", "zoo", "--name", "zoo", "--expect", "1", code=1)
    assert "does not list all artifacts of the type dataset" in ran.err
    assert "What it does not list goes as well" in ran.out
    assert len(server.entries()) == 35


def test_reset_wants_name_and_count_and_keeps_the_listing(cli: Cli, server: Server) -> None:
    cli("reset", "zoo", code=2)
    cli("reset", "zoo", "--name", "zoo", "--expect", "3", code=1)
    cli("reset", "zoo", "--name", "ape", "--expect", "4", code=1)
    assert "may only be read" in cli("--read-only", "reset", "zoo", "--name", "zoo", code=1).err
    assert not server.sent("DELETE")
    ran = cli("reset", "zoo", "--name", "zoo", "--expect", "4")
    assert "verified gone" in ran.out
    assert names(server) == []
    *_, kept = config.plans_dir().glob("*-before-reset.jsonl")
    lines = [json.loads(line) for line in kept.read_text().splitlines()]
    assert {line["recipe"]["url"] for line in lines} == {
        f"https://example.org/{name}" for name in ("bert", "bert2", "tiny", "text")
    }
    assert kept.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("kind", ["500", "html_before", "rst_before", "rst_after"])
def test_a_reset_is_believed_by_what_is_there(cli: Cli, server: Server, kind: str) -> None:
    server.become(Fault(kind, path="/reset"))
    ran = cli("reset", "zoo", "--name", "zoo", "--expect", "4", code=None)
    gone = names(server) == []
    assert (ran.code == 0) == gone
    assert ("verified gone" in ran.out) == gone
