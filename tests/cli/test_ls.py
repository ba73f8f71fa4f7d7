"""`ls`: what is there, for people and for programs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from artifact_tui.query import FIELDS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli, Local


def test_collections_are_numbered_and_counted(cli: Cli, registry: Local) -> None:
    lines = cli("ls", registry.address).ageless.splitlines()
    assert lines[0] == "    1  net   model  5 versions  15 KB  new"
    assert lines[1] == "    2  tiny  model   1 version   40 B  new"
    assert lines[2] == "reg · 2 collections · 6 versions · 15 KB"


def test_versions_say_what_matters(cli: Cli, registry: Local) -> None:
    out = cli("ls", registry.address, "--versions", "--sort", "version").ageless
    assert "net:v1   model  2 KB  new  1 dependent\n" in out
    assert "net:v3   model  4 KB  new  aliases prod (protected)\n" in out
    assert "tiny:v0  model  40 B  new  aliases latest\n" in out


def test_a_clock_that_is_ahead_reads_as_words(cli: Cli, registry: Local) -> None:
    ahead = time.time_ns() // 1000 + 10 * 86_400_000_000
    registry.add("later", created_us=ahead, aliases=("x",))
    out = cli("ls", registry.address, "later", "--versions").out
    assert "later:v0  model  50 B  in 9 d  aliases latest, x\n" in out
    assert " UTC (in 9 d)" in cli("show", registry.address, "later:v0").out


def test_a_filter_narrows(cli: Cli, registry: Local) -> None:
    ran = cli("ls", registry.address, "--versions", "net", "size>2500", "alias:none")
    assert [line.split()[1] for line in ran.out.splitlines()[:-1]] == ["net:v4"]
    assert ran.out.endswith("1 version of 6 in reg match · 5 KB\n")
    assert cli("ls", registry.address, "nope").out == "nothing in reg matches nope\n"


def test_a_filter_about_states_chooses_from_the_trash_too(
    cli: Cli, registry: Local, tmp_path: Path
) -> None:
    cli("plan", registry.address, "name:net", "version:v0", "-o", tmp_path / "p")
    cli("apply", tmp_path / "p", "--yes", "--expect", "1")
    for words, counts in (("state:any", "6 versions of 6"), ("net", "4 versions of 5")):
        assert f"\n{counts} in reg match" in cli("ls", registry.address, words, "--versions").out


def test_a_negated_term_needs_no_quotes(cli: Cli, registry: Local) -> None:
    out = cli("ls", registry.address, "--versions", "name:net", "-latest:4", "-alias:x").out
    assert [line.split()[1] for line in out.splitlines()[:-1]] == ["net:v0"]
    cli("ls", registry.address, "-verbose", code=2)


def test_json_has_the_fields_of_the_filter_language(cli: Cli, registry: Local) -> None:
    ran = cli("ls", registry.address, "--versions", "--json")
    assert len(ran.records) == 6
    assert set(FIELDS) - {"latest"} <= set(ran.records[0])
    by_name = {(record["name"], record["version"]): record for record in ran.records}
    prod = by_name["net", "v3"]
    assert (prod["alias"], prod["protected"], prod["size"], prod["unique"]) == (
        ["prod"], ["prod"], 4000, 4000,
    )  # fmt: skip
    assert prod["digest"].startswith("sha256:")
    assert prod["created"].endswith("Z")
    assert by_name["net", "v1"]["dependents"] == 1
    assert ran.err == "reg · 2 collections · 6 versions · 15 KB\n"


def test_collections_as_json(cli: Cli, registry: Local) -> None:
    records = cli("ls", registry.address, "--json").records
    assert [(r["name"], r["versions"], r["registry"]) for r in records] == [
        ("net", 5, "reg"), ("tiny", 1, "reg"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("options", "first"),
    [
        (["--sort", "size"], "net:v4"),
        (["--sort", "size", "--reverse"], "tiny:v0"),
        (["--sort", "age"], "tiny:v0"),
        (["--sort", "created"], "net:v0"),
        (["--sort", "dependents"], "net:v1"),
    ],
)
def test_sorting(cli: Cli, registry: Local, options: list[str], first: str) -> None:
    out = cli("ls", registry.address, "--versions", "--limit", "1", *options).out
    assert out.splitlines()[0].split()[1] == first
    assert len(out.splitlines()) == 2


def test_a_mistake_in_the_filter_is_pointed_at(cli: Cli, registry: Local) -> None:
    said = cli("ls", registry.address, "net", "size>big", code=2).err
    assert "\n  net size>big\n           ^\n" in said


def test_without_a_registry_it_is_the_embedded_one(cli: Cli, tmp_path: Path) -> None:
    said = cli("ls", code=1).err
    assert "artifact-tui add" in said
    (tmp_path / "file").write_text("x")
    cli("add", tmp_path / "file", "notes", "--type", "dataset")
    assert cli("ls").ageless.startswith("    1  notes  dataset  1 version  1 B  new\n")
    assert cli("ls", "type:dataset").out.startswith("    1  notes")


def test_an_empty_registry_says_what_to_do(cli: Cli, registry: Local) -> None:
    path = registry.path.parent / "new"
    cli("add", registry.path / "nothing", "x", "--type", "t", "--create", "--registry",
        f"local:{path}", code=1)  # fmt: skip
    assert "new is empty" in cli("ls", f"local:{path}").out


def test_a_folder_and_a_configured_name_work_too(cli: Cli, registry: Local, home: Path) -> None:
    assert "net" in cli("ls", str(registry.path)).out
    (home / "config").mkdir(parents=True)
    (home / "config" / "config.toml").write_text(
        f'[registries.team]\naddress = "{registry.address}"\n'
    )
    assert cli("ls", "team").out.splitlines()[-1].startswith("team · 2 collections")
    assert cli("ls").ageless == cli("ls", "team").ageless


def test_a_damaged_registry_is_named(cli: Cli, registry: Local) -> None:
    (registry.path / "registry.db").write_bytes(b"not a database" * 1000)
    said = cli("ls", registry.address, code=1).err
    assert "registry.db" in said
    assert "is not a registry" in said


def test_reading_pages_of_many_versions(cli: Cli, registry: Local) -> None:
    for number in range(3):
        registry.add("many", content=b"%d" % number)
    ran = cli("ls", registry.address, "--versions", "--json", "--limit", "4", "--sort", "name")
    assert [r["name"] for r in ran.records] == ["many", "many", "many", "net"]
