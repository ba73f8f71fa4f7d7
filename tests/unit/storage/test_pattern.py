"""Patterns: from artifact to object and back, never to a sibling."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artifact_tui.clients.artifact_keys import Ref
from artifact_tui.clients.s3_layout import ObjectRef, StoragePattern, parse_object_key
from artifact_tui.errors import UsageError

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
PATTERNS = [
    "artifacts/{type}/{id}.zip", "{id}", "{type}-{id}", "logs/{id}/x{type}", "a.{id}.b",
    "artifacts/{id}/{name}", "{type}/{id}/", "{name}/{id}/…", "{type}/{name}.{id}.zip",
]  # fmt: skip


@given(st.sampled_from(PATTERNS), TEXT.filter(bool), TEXT, TEXT)
def test_what_starts_like_an_artifact_is_its_own_or_nobodys(
    text: str, kind: str, identifier: str, rest: str
) -> None:
    pattern = StoragePattern(text)
    found = pattern.owner_of(Ref(kind, identifier).key)
    if found is None:
        return
    start = pattern.start(found)
    assert start.startswith(pattern.prefix)
    whose = pattern.owner(start + rest)
    if text.endswith(("/", "/{name}")):
        assert whose == (None if {".", ".."} & set(rest.split("/")) else found)
    elif not pattern.many:
        assert whose in ({found} if not rest else {None, whose})
        assert rest or whose == found


@given(st.sampled_from(PATTERNS), TEXT)
def test_an_object_leads_to_an_artifact_that_leads_back(text: str, name: str) -> None:
    pattern = StoragePattern(text)
    found = pattern.owner(name)
    again = None if found is None else pattern.owner_of(found.key)
    assert again in {None, found}
    assert again is None or name.startswith(pattern.start(again))


@pytest.mark.parametrize(
    "name",
    [
        "logs", "logs.json", "logs_backup/1.zip", "logsx/1.zip", "logs/1.zip.bak", "logs/1.zipx",
        "logs/a/1.zip", "logs/.zip", "xlogs/1.zip", "logs//1.zip", "logs/1/.zip", "logs/...zip",
        "logs/1.zip\n", "Logs/1.zip",
    ],
)  # fmt: skip
def test_siblings_belong_to_nobody(name: str) -> None:
    assert StoragePattern("logs/{id}.zip").owner(name) is None


@pytest.mark.parametrize("end", ["", "{name}", "*", "**", "...", "…"])
def test_a_folder_is_all_that_is_below_it_and_nothing_beside_it(end: str) -> None:
    pattern = StoragePattern(f"artifacts/{{id}}/{end}")
    mine = pattern.owner_of("model/logs")
    assert mine is not None
    assert pattern.owner_of("dataset/logs") == mine, "the pattern does not tell the type"
    for rest in ("a", "a/b.bin", "", "/a"):
        assert pattern.owner(f"artifacts/logs/{rest}") == mine
    beside = [
        "artifacts/logs", "artifacts/logs.json", "artifacts/logs_backup/a", "artifacts//a",
        "artifacts/", "artifacts/logs/../x/a", "xartifacts/logs/a", "artifacts/logs/./a",
    ]  # fmt: skip
    assert mine not in {pattern.owner(name) for name in beside}


def test_what_could_be_several_artifacts_is_nobodys() -> None:
    assert StoragePattern("{type}-{id}.zip").owner("model-a-b.zip") is None
    assert StoragePattern("{name}.{id}/…").owner("net.v1.77/a") is None


@pytest.mark.parametrize("identifier", ["", ".", "..", "a/b", "../x"])
def test_ids_that_make_no_safe_name(identifier: str) -> None:
    assert (
        StoragePattern("artifacts/{type}/{id}.zip").owner_of(Ref("model", identifier).key) is None
    )
    assert StoragePattern("artifacts/{id}/…").owner_of(Ref("model", identifier).key) is None


@pytest.mark.parametrize(
    "text",
    ["", "x", "{type}", "{id}{type}", "{id}/{id}", "{}/{id}", "{id}/{what}", "{name}/", "/", "…"],
)
def test_patterns_that_cannot_be_used(text: str) -> None:
    with pytest.raises(UsageError):
        StoragePattern(text)


@given(TEXT.filter(bool), TEXT.filter(bool), TEXT)
def test_object_keys_read_back(bucket: str, name: str, version: str) -> None:
    place = ObjectRef(bucket, name, version)
    assert parse_object_key(place.key) == place


@pytest.mark.parametrize(
    "text", ["", "s3://", "s3://b", "s3://b/", "model/1", "s3://b/%zz", "s3://b/a b"]
)
def test_what_is_no_object_key(text: str) -> None:
    assert parse_object_key(text) is None
