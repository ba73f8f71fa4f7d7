"""`show`, `alias`, `tag` and `ttl`: one version."""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifact_tui.query import FIELDS

if TYPE_CHECKING:
    from tests.cli.conftest import Cli, Local


def test_lineage_goes_both_ways(cli: Cli, registry: Local) -> None:
    assert (
        "dependents: 1 direct, 1 in all\n    1  tiny:v0  aliases latest\n"
        in cli("show", registry.address, "net:v1").out
    )
    shown = cli("show", registry.address, "tiny:latest").out
    assert "made from 1 version\n    1  net:v1\n" in shown
    assert "nothing was made from it" in shown


def test_json_has_everything(cli: Cli, registry: Local) -> None:
    (record,) = cli("show", registry.address, "net:v1", "--json").records
    assert set(FIELDS) - {"latest"} <= set(record)
    assert record["dependent_tree"][0]["name"] == "tiny"
    assert record["file_list"][0]["size"] == 2000
    assert record["parents"] == []


def test_what_is_not_there_is_guessed(cli: Cli, registry: Local) -> None:
    assert "Did you mean prod?" in cli("show", registry.address, "net:prd", code=1).err
    assert "does not say which version" in cli("show", registry.address, "net", code=2).err
    assert "Name one version" in cli("show", registry.address, "a:v1", "b:v2", code=2).err


def test_aliases_are_shown_moved_and_protected(cli: Cli, registry: Local) -> None:
    name = (registry.address, "net:v0")
    assert cli("alias", *name).out == "net:v0\n  aliases none\n  tags    none\n  ttl     none\n"
    shown = cli("alias", *name, "--add", "candidate", "--add", "b", "--protect", "b").out
    assert "  aliases b (protected), candidate\n" in shown
    assert "aliases none" in cli("alias", registry.address, "net:v2").out
    assert "is protected" in cli("alias", *name, "--remove", "b", code=2).err
    shown = cli("alias", *name, "--unprotect", "b", "--remove", "b").out
    assert "  aliases candidate\n" in shown


def test_tags_and_ttl(cli: Cli, registry: Local) -> None:
    name = (registry.address, "net:v0")
    assert "  tags    x, y\n" in cli("tag", *name, "--add", "y", "--add", "x").out
    assert "  tags    x\n" in cli("tag", *name, "--remove", "y").out
    assert "  ttl     36 h\n" in cli("ttl", *name, "36h").out
    assert "  ttl     none\n" in cli("ttl", *name, "none").out
    assert "is no time span" in cli("ttl", *name, "soon", code=2).err
    assert "Name a version and a time" in cli("ttl", "3d", code=2).err


def test_read_only_changes_nothing(cli: Cli, registry: Local) -> None:
    name = (registry.address, "net:v0")
    for words in (
        ["alias", *name, "--add", "b"],
        ["tag", *name, "--add", "b"],
        ["ttl", *name, "3d"],
    ):
        assert "Nothing was changed" in cli("--read-only", *words, code=1).err
    assert "aliases none" in cli("--read-only", "alias", *name).out
