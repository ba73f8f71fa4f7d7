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
