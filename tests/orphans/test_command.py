"""The command: what it lists, what it plans, and what is gone in the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from artifact_tui.clients import s3
from artifact_tui.clients.s3 import S3Storage
from artifact_tui.clients.s3_layout import StorageSettings
from artifact_tui.deletion.plan import Plan
from tests.cli.conftest import Cli, Local, cli, registry
from tests.servers.rest.registry import Entry

if TYPE_CHECKING:
    from pathlib import Path

    from tests.orphans.beside import Beside

__all__ = ["cli", "registry"]


MISSING = "artifacts in the registry whose object is not there: they cannot be downloaded"


def squeezed(out: str) -> list[str]:
    """The lines of an output, each run of blanks as one."""
    return [" ".join(line.split()) for line in out.splitlines()]


def test_lists_what_nothing_refers_to_and_what_is_missing(beside: Beside, cli: Cli) -> None:
    beside.configure()
    beside.put_models(*range(1, 10), 77)
    beside.put_models(88, size=5000)
    lines = squeezed(cli("orphans", "zoo").out)
    assert "artifacts/model/88.zip" in lines[0]
    assert "artifacts/model/77.zip" in lines[1]
    assert lines[2:-1] == [
        "3 acme/net-1:10 object missing: model model/10",
        "zoo:",
        "orphans 2 6 KB that no artifact refers to",
        f"object missing 1 {MISSING}",
        f"in use 9 objects with their artifact, in s3://{beside.bucket}/artifacts/{{type}}/{{id}}.zip",
        "dataset 1 no dataset has an object there, so none is missing",
    ]
    assert lines[-1].startswith("next: artifact-tui orphans")


def test_json_is_a_line_for_each(beside: Beside, cli: Cli) -> None:
    beside.configure()
    beside.put_models(*range(1, 10), 77)
    orphan, missing = cli("orphans", "zoo", "--json").records
    assert orphan["problem"] == "orphan"
    assert orphan["object"] == "artifacts/model/77.zip"
    assert orphan["key"] == f"s3://{beside.bucket}/artifacts/model/77.zip"
    assert (orphan["size"], orphan["artifact"], orphan["registry"]) == (1000, "model/77", "zoo")
    assert missing["problem"] == "missing"
    assert (missing["key"], missing["type"]) == ("model/10", "model")


def test_siblings_of_the_pattern_are_never_listed_nor_deleted(
    beside: Beside, cli: Cli, tmp_path: Path
) -> None:
    beside.configure()
    siblings = {
        "artifacts/model/77.zip.bak",
        "artifacts/model/77.zipx",
        "artifacts/model/77",
        "artifacts/model/a/77.zip",
        "artifacts/model_backup/77.zip.old",
        "artifacts.json",
        "artifacts_backup/model/77.zip",
        "artifactsx/model/77.zip",
        "ARTIFACTS/model/77.zip",
        "uploads/77.zip",
        "registry/registry.json",
        "77.zip",
    }
    beside.put(*siblings)
    beside.put_models(1, 77)
    plan = tmp_path / "orphans.plan"
    cli("orphans", "zoo", "--plan", plan)
    with Plan.open(plan) as opened:
        assert [item.label for item in opened.every_item()] == ["artifacts/model/77.zip"]
    cli("apply", plan, "--yes", "--expect", "1")
    assert beside.names() == siblings | {"artifacts/model/1.zip"}


def test_a_plan_of_objects_is_applied_and_reported(
    beside: Beside, cli: Cli, tmp_path: Path
) -> None:
    beside.configure()
    beside.put_models(1, 2, 71, 72, 73)
    plan = tmp_path / "orphans.plan"
    cli("orphans", "zoo", "--plan", plan)
    beside.s3.delete_object(Bucket=beside.bucket, Key="artifacts/model/72.zip")
    before = beside.server.ids()
    cli("apply", plan, "--yes", "--expect", "3")
    assert beside.names() == {"artifacts/model/1.zip", "artifacts/model/2.zip"}
    assert beside.server.ids() == before
    results = {
        r["key"].rpartition("/")[2]: r["result"] for r in cli("review", plan, "--json").records
    }
    assert results == {"71.zip": "verified", "72.zip": "gone", "73.zip": "verified"}


def test_an_artifact_that_appears_after_the_review_keeps_its_object(
    beside: Beside, cli: Cli, tmp_path: Path
) -> None:
    beside.configure()
    beside.put_models(71, 72)
    plan = tmp_path / "orphans.plan"
    cli("orphans", "zoo", "--plan", plan)
    beside.server.seed([*beside.server.entries(), Entry("71", "acme/late", "model")])
    cli("apply", plan, "--yes", "--expect", "2", code=None)
    assert beside.names() == {"artifacts/model/71.zip"}
    ran = cli("report", plan, code=None)
    assert "its artifact is still there" in ran.out


def test_what_changed_since_the_review_is_refused(beside: Beside, cli: Cli, tmp_path: Path) -> None:
    beside.configure()
    beside.put_models(71, 72)
    plan = tmp_path / "orphans.plan"
    cli("orphans", "zoo", "--plan", plan)
    beside.put_models(71, size=2000)
    cli("apply", plan, "--yes", "--expect", "2", code=None)
    assert beside.names() == {"artifacts/model/71.zip"}


def test_the_grace_period_leaves_young_objects_alone(
    beside: Beside, cli: Cli, tmp_path: Path
) -> None:
    beside.configure(grace_hours=1)
    beside.put_models(*range(1, 11), 77)
    lines = squeezed(cli("orphans", "zoo").out)
    assert "orphans 0 no object is without its artifact" in lines
    young = "left alone 1 without an artifact, but younger than 1 h: an upload may be running"
    assert young in lines
    ran = cli("orphans", "zoo", "--plan", tmp_path / "no.plan", code=1)
    assert "no plan was made" in ran.err
    assert "orphans 1 1 KB that" in squeezed(cli("orphans", "zoo", "--grace", "0s").out)[2]


def test_a_type_that_the_listing_tells_otherwise_makes_no_orphan(beside: Beside, cli: Cli) -> None:
    """These servers forget types: the dataset 11 may be listed as a model, or the reverse."""
    beside.configure()
    beside.put_models(*range(1, 11), 11)
    lines = squeezed(cli("orphans", "zoo").out)
    assert "orphans 0 no object is without its artifact" in lines
    assert any(line.startswith("claimed 1 not in the list, but the registry") for line in lines)


def test_a_bucket_with_versions_says_that_nothing_is_freed(
    versioned: Beside, cli: Cli, tmp_path: Path
) -> None:
    versioned.configure()
    versioned.put_models(1, 71)
    versioned.put_models(71, size=2000)
    plan = tmp_path / "hide.plan"
    ran = cli("orphans", "zoo", "--plan", plan)
    assert "the bucket keeps versions, so that a plain deletion frees nothing" in ran.out
    cli("apply", plan, "--yes", "--expect", "1")
    assert versioned.names() == {"artifacts/model/1.zip"}
    assert versioned.stored() == 3


def test_a_bucket_with_versions_can_be_freed_for_good(
    versioned: Beside, cli: Cli, tmp_path: Path
) -> None:
    versioned.configure()
    versioned.put_models(1, 71)
    versioned.put_models(71, size=2000)
    plan = tmp_path / "good.plan"
    cli("orphans", "zoo", "--plan", plan, "--storage-versions")
    cli("apply", plan, "--yes", "--expect", "2")
    assert versioned.names() == {"artifacts/model/1.zip"}
    assert versioned.stored() == 1


def test_read_only_looks_and_deletes_nothing(beside: Beside, cli: Cli, tmp_path: Path) -> None:
    beside.configure(read_only=True)
    beside.put_models(71)
    plan = tmp_path / "orphans.plan"
    assert "artifacts/model/71.zip" in cli("orphans", "zoo", "--plan", plan).out
    cli("apply", plan, "--yes", "--expect", "1", code=1)
    assert beside.names() == {"artifacts/model/71.zip"}


def test_an_empty_listing_makes_no_orphans(beside: Beside, cli: Cli) -> None:
    """An outage that answers 200 and nothing must not turn everything into an orphan."""
    beside.configure()
    beside.put_models(*range(1, 11))
    cli("ls", "zoo")
    beside.server.seed([])
    ran = cli("orphans", "zoo", code=None)
    assert ran.code
    assert "that no artifact refers to" not in ran.out


def test_without_a_bucket_it_says_so(beside: Beside, cli: Cli) -> None:
    beside.without_bucket()
    ran = cli("orphans", "zoo", code=1)
    assert "no bucket is configured for it" in ran.err
    assert 'bucket = "NAME"' in ran.err


def test_a_local_registry_has_none(registry: Local, cli: Cli) -> None:
    ran = cli("orphans", registry.address, code=1)
    assert "keeps its own bytes: gc frees them" in ran.err


def test_a_bucket_that_is_not_there_is_said(beside: Beside, cli: Cli) -> None:
    beside.bucket = "never-made"
    beside.configure()
    ran = cli("orphans", "zoo", code=1)
    assert "There is no bucket never-made" in ran.err


@pytest.mark.parametrize("name", ["1\x1b[31m", "a b", "ü", "x?y=1", "x#y", "%2e%2e", "a&b"])
def test_odd_names_are_shown_safely_and_deleted_exactly(
    beside: Beside, cli: Cli, tmp_path: Path, name: str
) -> None:
    beside.configure()
    beside.put_models(1)
    beside.put(f"artifacts/model/{name}.zip")
    plan = tmp_path / "odd.plan"
    ran = cli("orphans", "zoo", "--plan", plan, code=None)
    assert "\x1b" not in ran.out + ran.err
    if ran.code == 0:
        cli("apply", plan, "--yes", "--expect", "1")
        assert beside.names() == {"artifacts/model/1.zip"}


async def test_siblings_in_front_of_an_object_never_make_it_look_gone(
    beside: Beside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3, "PAGE", 2)
    beside.put(*(f"artifacts/model/1.zi-{number}" for number in range(5)))
    beside.put_models(1, 3)
    storage = S3Storage(StorageSettings(beside.bucket, endpoint=beside.endpoint))
    found = await storage.objects_of(["model/1", "model/2", "model/3"])
    await storage.aclose()
    assert [one.version_key for one in found] == ["model/1", "model/3"]
