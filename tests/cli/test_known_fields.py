"""What a registry never tells is not pretended: no column, no line, null in records, no filter."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.servers.rest.process import fresh
from tests.servers.rest.registry import Entry
from tests.support.blobs import Oci
from tests.support.hub import Hub, commit_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli

LINEAGE = {"dependents", "parents", "dependent_tree", "dependents_total"}
NAMES = {"alias", "alias_in", "protected"}


@pytest.fixture
def layout(tmp_path: Path) -> str:
    """A store of tags: it has sizes and times, and neither aliases nor lineage."""
    made = Oci(tmp_path / "layout")
    made.tag("tiny", "v1", {"model": b"m" * 700})
    return f"oci:{made.root}"


@pytest.fixture
def bare() -> str:
    """A registry that tells names and lineage, and nothing else."""
    server = fresh()
    server.become()
    server.seed([Entry("1", "acme/bert"), Entry("2", "acme/tiny", parents=("1",))])
    return server.address


@pytest.fixture
def cache(tmp_path: Path) -> str:
    """A cache: refs are its aliases, and it has no tags."""
    made = Hub(tmp_path / "hub")
    made.download("models--acme--base", commit_of("a"), {"w.bin": b"w" * 900}, refs=("main",))
    return f"hf:{made.root}"


def nulls(record: dict[str, object]) -> set[str]:
    return {name for name, value in record.items() if value is None}


def test_records_have_null_for_what_nobody_tells(
    cli: Cli, layout: str, bare: str, cache: str
) -> None:
    listed = {
        address: nulls(cli("ls", address, "--versions", "--json").records[0])
        for address in (layout, bare, cache)
    }
    assert {"dependents", "tag", "links", "link"} | NAMES <= listed[layout]
    assert {"size", "unique", "age", "created", "files", "tag"} | NAMES <= listed[bare]
    assert {"tag", "links", "ttl_inherited"} <= listed[cache]
    assert not {"size", "unique", "age"} & listed[layout]
    assert not NAMES & listed[cache]


def test_one_version_is_shown_without_lines_for_it(
    cli: Cli, layout: str, bare: str, cache: str
) -> None:
    said = cli("show", layout, "tiny:v1").out
    assert "lineage: this registry keeps none" in said
    assert not {"aliases", "tags", "ttl"} & {line.split()[0] for line in said.splitlines()}
    assert "nothing was made from it" not in said
    said = (
        cli("show", bare, "acme/bert:1", "--cached", code=None).out
        or cli("show", bare, "acme/bert:1").out
    )
    first = [line.split()[0] for line in said.splitlines()]
    assert not {"size", "created", "used", "aliases", "tags", "ttl", "0"} & set(first)
    said = cli("show", cache, f"acme/base:{commit_of('a')[:12]}").out
    assert "aliases" in said
    assert "tags" not in said
    assert nulls(cli("show", layout, "tiny:v1", "--json").records[0]) >= LINEAGE


def test_a_list_has_no_column_for_it(cli: Cli, bare: str) -> None:
    assert cli("ls", bare).out.splitlines()[0].split() == [
        "1",
        "acme/bert",
        "model",
        "1",
        "version",
    ]
    first, *_, last = cli("ls", bare, "--versions").out.splitlines()
    assert first.split() == ["1", "acme/bert:1", "model"]
    assert last.endswith("2 collections · 2 versions")
    assert cli("ls", bare, "tiny").out.splitlines()[-1].endswith("1 version of 2 in "
        f"{bare} match")  # fmt: skip


@pytest.mark.parametrize("wish", ["alias:none", "-alias:none", "ttl:none", "dependents:0"])
def test_a_filter_and_its_opposite_are_refused_with_the_reason(
    cli: Cli, layout: str, wish: str
) -> None:
    refused = cli("ls", layout, wish, code=2)
    assert "This registry does not tell any" in refused.err
    assert "it would match everything or nothing" in refused.err


def test_tags_are_told_apart_from_aliases(cli: Cli, cache: str) -> None:
    assert len(cli("ls", cache, "--versions", "--json", "alias:any").records) == 1
    assert "does not tell any tag" in cli("ls", cache, "tag:none", code=2).err
