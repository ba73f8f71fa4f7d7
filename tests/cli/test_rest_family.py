"""Servers of the REST family as they were met, from the command line: listed, planned, deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from artifact_tui import places
from tests.servers.rest.process import running
from tests.servers.rest.registry import Entry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cli.conftest import Cli
    from tests.servers.rest.process import Server


@pytest.fixture(scope="module")
def process() -> Iterator[Server]:
    with running() as server:
        yield server


@pytest.fixture
def server(process: Server) -> Server:
    """An empty registry, configured as `zoo`."""
    process.become()
    process.seed([])
    process.clear()
    (places.config_dir() / "config.toml").write_text(
        f'[registries.zoo]\naddress = "{process.address}"\n', encoding="utf-8"
    )
    return process


FAMILY: dict[str, dict[str, Any]] = {
    "all rows, and an offset below": {
        "page_size": 1000, "offset_header": "below", "offset_from": "nowhere", "health": "missing",
    },
    "413 unless a type is named": {"too_many": 100, "too_many_typed": 100},
    "413 unless searched for": {"too_many": 20, "too_many_typed": 20},
    "one page comes twice": {"page_size": 30, "repeats": 1, "health": "missing"},
}  # fmt: skip


@pytest.mark.parametrize("dialect", FAMILY)
def test_every_server_lists_all_and_deletes_what_was_planned(
    cli: Cli, server: Server, tmp_path: Path, dialect: str
) -> None:
    kinds = ("model", "dataset", "code")
    server.seed([Entry(str(n), f"acme/n{n % 5}", kinds[n % 3]) for n in range(1, 121)])
    server.become(**FAMILY[dialect])
    ran = cli("ls", "zoo", "--versions", "--json")
    assert len({record["key"] for record in ran.records}) == 120
    assert "incomplete" not in ran.err
    plan = tmp_path / "a.plan"
    cli("plan", "zoo", "name:acme/n1", "--unknown-lineage", "-o", plan)
    ran = cli("apply", plan, "--yes", "--expect", "24")
    assert "24 deleted, verified gone" in ran.out
    assert {entry.name for entry in server.entries()} == {f"acme/n{n}" for n in (0, 2, 3, 4)}


@pytest.mark.parametrize("search", ["413", "missing"])
def test_what_a_server_will_not_list_is_said_and_not_taken_as_gone(
    cli: Cli, server: Server, tmp_path: Path, search: str
) -> None:
    server.seed(
        [Entry(str(n), f"acme/d{n % 3}", "dataset") for n in range(1, 41)]
        + [Entry(str(n), f"acme/m{n % 3}", "model") for n in range(41, 51)]
    )
    assert len(cli("ls", "zoo", "--versions", "--json").records) == 50
    server.become(too_many=20, too_many_typed=20, search=search)
    ran = cli("ls", "zoo", "--versions", "--json")
    assert len(ran.records) == 50, "what is not listed is not gone"
    assert "does not list all artifacts of the type dataset" in ran.err
    assert "too many artifacts" in ran.err
    plan = tmp_path / "a.plan"
    cli("plan", "zoo", "name:acme/*1", "--unknown-lineage", "-o", plan)
    going = sum(entry.name.endswith("1") for entry in server.entries())
    cli("apply", plan, "--yes", "--expect", str(going))
    assert not [entry for entry in server.entries() if entry.name.endswith("1")]
    assert len(server.entries()) == 50 - going


def test_a_server_that_lists_nothing_in_any_way_says_why(cli: Cli, server: Server) -> None:
    server.fill(30)
    server.become(too_many=20, too_many_typed=20, search="413")
    ran = cli("ls", "zoo", code=1)
    assert "too many artifacts" in ran.err
