"""Patterns: from artifact to object and back, never to a sibling."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artifact_tui.clients.http.keys import Ref
from artifact_tui.clients.storage.keys import Place, parse
from artifact_tui.clients.storage.pattern import Pattern
from artifact_tui.errors import UsageError

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
PATTERNS = ["artifacts/{type}/{id}.zip", "{id}", "{type}-{id}", "logs/{id}/x{type}", "a.{id}.b"]


@given(st.sampled_from(PATTERNS), TEXT.filter(bool), TEXT)
def test_a_name_leads_back_to_its_artifact_or_there_is_none(
    text: str, kind: str, identifier: str
) -> None:
    pattern = Pattern(text)
    name = pattern.name(Ref(kind, identifier))
    if name is not None:
        assert pattern.ref(name) == Ref(kind, identifier)
        assert name.startswith(pattern.prefix)


@given(st.sampled_from(PATTERNS), TEXT)
def test_an_object_leads_to_an_artifact_that_leads_back(text: str, name: str) -> None:
    pattern = Pattern(text)
    ref = pattern.ref(name)
    again = None if ref is None else pattern.name(ref)
    assert again in {None, name}


@pytest.mark.parametrize(
    "name",
    [
        "logs", "logs.json", "logs_backup/1.zip", "logsx/1.zip", "logs/1.zip.bak", "logs/1.zipx",
        "logs/a/1.zip", "logs/.zip", "xlogs/1.zip", "logs//1.zip", "logs/1/.zip", "logs/...zip",
        "logs/1.zip\n", "Logs/1.zip",
    ],
)  # fmt: skip
def test_siblings_belong_to_nobody(name: str) -> None:
    assert Pattern("logs/{id}.zip").ref(name) is None


@pytest.mark.parametrize("identifier", ["", ".", "..", "a/b", "../x", "\0"])
def test_ids_that_make_no_safe_name(identifier: str) -> None:
    assert Pattern("artifacts/{type}/{id}.zip").name(Ref("model", identifier)) is None


@pytest.mark.parametrize(
    "text", ["", "x", "{type}", "{id}{type}", "{id}/{id}", "{id}/{name}", "{}/{id}"]
)
def test_patterns_that_cannot_be_used(text: str) -> None:
    with pytest.raises(UsageError):
        Pattern(text)


@given(TEXT.filter(bool), TEXT.filter(bool), TEXT)
def test_object_keys_read_back(bucket: str, name: str, version: str) -> None:
    place = Place(bucket, name, version)
    assert parse(place.key) == place


@pytest.mark.parametrize(
    "text", ["", "s3://", "s3://b", "s3://b/", "model/1", "s3://b/%zz", "s3://b/a b"]
)
def test_what_is_no_object_key(text: str) -> None:
    assert parse(text) is None
