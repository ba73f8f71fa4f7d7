"""Answers of any shape: taken apart, or recognised as no answer of GraphQL."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artifact_tui.clients.wandb.wandb_replies import (
    LONGEST_MESSAGE,
    GraphError,
    GraphReply,
    parse_reply,
)

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["message", "path", "extensions", "code", "error", "detail", "a"])
            | st.text(max_size=4),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.fixed_dictionaries({}, optional={"data": JSON, "errors": JSON, "error": JSON, "x": JSON}))
def test_whatever_json_it_is(value: dict[str, object]) -> None:
    reply = parse_reply(400, json.dumps(value).encode(), lambda text: text.replace("a", "*"))
    if reply is None:
        assert "data" not in value
        return
    for error in reply.errors:
        assert isinstance(error.message, str)
        assert "a" not in error.message.replace("an error without words", "")
        assert all(isinstance(part, str | int) for part in error.path)
    if "data" in value:
        assert json.loads(reply.data) == value["data"]
    assert isinstance(reply.empty, bool)
    assert isinstance(reply.busy, bool)


@given(st.binary(max_size=60))
def test_whatever_bytes_they_are(body: bytes) -> None:
    parse_reply(200, body, str)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b"null",
        b'{"message":"x"}',
        b'{"errors":[]}',
        b'{"data":',
        b"[" * 100_000,
        b'{"data":' + b"[" * 100_000,
        b'{"errors":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
)
def test_what_is_no_answer(body: bytes) -> None:
    assert parse_reply(200, body, str) is None


@pytest.mark.parametrize(
    ("data", "empty"),
    [
        (b"null", True),
        (b"{}", True),
        (b'{"a":null}', True),
        (b'{"a":null,"b":{}}', False),
        (b'{"a":false}', False),
        (b"[]", False),
        (b"7", False),
    ],
)
def test_whether_anything_was_carried_out(data: bytes, *, empty: bool) -> None:
    assert GraphReply(data, (), 200).empty is empty


def test_messages_are_cleaned_before_they_are_cut() -> None:
    body = json.dumps({"error": "x" * (LONGEST_MESSAGE - 3) + "secret"}).encode()
    reply = parse_reply(400, body, lambda text: text.replace("secret", "***"))
    assert reply is not None
    assert reply.errors == (GraphError("x" * (LONGEST_MESSAGE - 3) + "***"),)
