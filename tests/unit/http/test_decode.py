"""What servers send, in every dialect and in none."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from artifact_tui.clients.rest import rest_entries
from artifact_tui.clients.rest.rest_entries import GarbageError, RestEntry

HOSTILE = [
    b"", b"[" * 100_000, b"9" * 5_000, b"NaN", b"1e999", b'"\\ud800"', b'{"a":', b"\xff\xfe",
    b"<html>", b"null", b"true", b'{"artifacts": 3}', b"[1, 2]", b"[[[]]]",
]  # fmt: skip


@pytest.mark.parametrize(
    "value",
    [
        [{"name": "n", "id": "7", "type": "model"}],
        [{"name": "n", "id": 7, "type": "model", "extra": {"deep": [1]}}],
        [{"name": "n", "id": "7"}],
        [{"name": "n", "id": "7", "type": None}],
        {"artifacts": [{"name": "n", "id": 7, "artifact_type": "model"}], "next": 3},
        [{"metadata": {"name": "n", "id": "7", "type": "model"}, "data": {}}],
        [{"name": "n", "artifact_id": "7", "type": "model"}, {"name": "no id"}, 5],
    ],
)
def test_every_dialect_of_a_row_is_the_same_artifact(value: object) -> None:
    found, skipped = rest_entries.decode_listing(json.dumps(value).encode(), "model")
    assert [msgspec.structs.replace(row, url="") for row in found] == [RestEntry("model", "7", "n")]
    assert skipped == (2 if isinstance(value, list) and len(value) == 3 else 0)


def test_a_missing_name_and_type_are_not_an_error() -> None:
    found, _ = rest_entries.decode_listing(b'[{"id": "1", "name": null}]')
    assert found == [RestEntry("model", "1", "")]


@pytest.mark.parametrize("body", HOSTILE)
def test_hostile_bodies_are_garbage_everywhere(body: bytes) -> None:
    for parse in (
        rest_entries.decode_listing,
        lambda one: rest_entries.decode_entry(one, "model"),
        lambda one: rest_entries.decode_lineage(one, "1"),
    ):
        with pytest.raises(GarbageError):
            parse(body)
    rest_entries.error_words(body)
    assert rest_entries.decode_count(body) is None


@given(st.binary(max_size=200))
def test_no_bytes_crash_a_decoder(body: bytes) -> None:
    for parse in (
        rest_entries.decode_listing,
        rest_entries.decode_deletion,
        rest_entries.decode_token,
        rest_entries.error_words,
        rest_entries.decode_count,
    ):
        try:
            parse(body)
        except GarbageError:
            continue


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["id", "artifact_id", "nodes", "edges", "metadata", "data", "detail", "msg",
                         "loc", "parent", "child", "models", "error", "status", "artifacts"]),
        inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(JSON)
def test_no_shape_crashes_a_decoder(value: object) -> None:
    body = json.dumps(value).encode()
    for parse in (
        rest_entries.decode_listing,
        rest_entries.decode_deletion,
        rest_entries.decode_token,
        rest_entries.error_words,
        rest_entries.decode_count,
        lambda one: rest_entries.decode_entry(one, "model"),
        lambda one: rest_entries.decode_lineage(one, "1"),
    ):
        try:
            parse(body)
        except GarbageError:
            continue


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"detail": "Artifact does not exist."}', "Artifact does not exist."),
        (b'{"message": "no"}', "no"),
        (b'{"error": {"message": "inner"}}', "inner"),
        (b'{"detail": [{"loc": ["body", 0, "type"], "msg": "bad"}]}', "body.type: bad"),
        (b'"text"', "text"),
        (b"Internal Server\nError", "Internal Server Error"),
        (b"<html>secret page</html>", ""),
        (b'{"other": 1}', ""),
        (b"x" * 5000, "x" * rest_entries.WORDS_LIMIT),
    ],
)
def test_a_servers_own_words(body: bytes, words: str) -> None:
    assert rest_entries.error_words(body) == words


@pytest.mark.parametrize(
    ("body", "echoed"),
    [
        (b'{"status":"deleted","id":"30"}', "30"),
        (b'{"id": 30}', "30"),
        (b'{"metadata": {"id": "30"}}', "30"),
        (b"{}", None),
        (b"", None),
        (b"null", None),
        (b"deleted", None),
        (b'{"message": "ok"}', None),
        (b"[]", None),
    ],
)
def test_the_id_that_a_deletion_echoes(body: bytes, echoed: str | None) -> None:
    assert rest_entries.decode_deletion(body)[0] == echoed


@pytest.mark.parametrize(
    "body", [b"<!doctype html>", b'{"status": "error"}', b'{"error": "no"}', b'{"status": "dele']
)
def test_a_success_that_speaks_against_itself_is_garbage(body: bytes) -> None:
    with pytest.raises(GarbageError):
        rest_entries.decode_deletion(body)


def test_both_shapes_of_lineage() -> None:
    new = rest_entries.decode_lineage(
        b'{"nodes":[{"artifact_id":"16","name":"c"},{"artifact_id":"7","name":"p"}],'
        b'"edges":[{"from_node_artifact_id":"7","to_node_artifact_id":"16"}]}',
        "16",
    )
    old = rest_entries.decode_lineage(
        b'{"nodes":[{"id":16,"name":"c"},{"id":7,"name":"p"}],'
        b'"edges":[{"parent":7,"child":16}],"root_id":16}',
        "16",
    )
    assert new == old
    assert new.edges == (("7", "16"),)
    assert new.names["7"] == "p"


@pytest.mark.parametrize(
    ("body", "token"),
    [(b'"bearer abc"', "bearer abc"), (b'{"token": "abc"}', "abc"), (b"abc\n", "abc")],
)
def test_tokens_in_every_shape(body: bytes, token: str) -> None:
    assert rest_entries.decode_token(body) == token
