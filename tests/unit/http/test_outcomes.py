"""Every answer to a deletion, and what it means."""

from __future__ import annotations

import pytest

from artifact_tui.clients.rest.rest_deleting import deletion_outcome
from artifact_tui.clients.rest.rest_requests import wants_credentials
from artifact_tui.clients.transport import HttpAnswer
from artifact_tui.model import Result

JSON = {"content-type": "application/json"}
HTML = {"content-type": "text/html"}


@pytest.mark.parametrize(
    ("status", "headers", "body", "result"),
    [
        (200, JSON, b'{"status":"deleted","id":"30"}', Result.DONE),
        (200, JSON, b"{}", Result.DONE),
        (200, {}, b"", Result.DONE),
        (202, JSON, b'{"status":"queued"}', Result.ACCEPTED),
        (202, {}, b"", Result.ACCEPTED),
        (200, JSON, b'{"status":"Pending"}', Result.ACCEPTED),
        (204, {}, b"", Result.DONE),
        (200, JSON, b'{"status":"deleted","id":"31"}', Result.UNKNOWN),
        (200, JSON, b'{"status":"error"}', Result.UNKNOWN),
        (200, JSON, b'{"sta', Result.UNKNOWN),
        (200, HTML, b"<html>login</html>", Result.UNKNOWN),
        (200, JSON, b" <html>", Result.UNKNOWN),
        (301, {"location": "/x"}, b"", Result.UNKNOWN),
        (303, {}, b"", Result.UNKNOWN),
        (400, JSON, b'{"detail":"bad"}', Result.REFUSED),
        (401, JSON, b"{}", Result.FAILED),
        (403, JSON, b"{}", Result.REFUSED),
        (403, {"retry-after": "1"}, b"the token of this endpoint", Result.FAILED),
        (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "9"}, b"{}", Result.FAILED),
        (403, {"x-ratelimit-remaining": "7", "x-ratelimit-reset": "9"}, b"{}", Result.REFUSED),
        (404, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "9"}, b"{}", Result.ABSENT),
        (500, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "9"}, b"{}", Result.UNKNOWN),
        (404, JSON, b'{"detail":"Artifact does not exist."}', Result.ABSENT),
        (410, JSON, b"{}", Result.ABSENT),
        (405, JSON, b'{"detail":"Method Not Allowed"}', Result.REFUSED),
        (409, JSON, b"{}", Result.REFUSED),
        (412, JSON, b"{}", Result.REFUSED),
        (422, JSON, b'{"detail":[{"msg":"x"}]}', Result.REFUSED),
        (429, {"retry-after": "1"}, b"", Result.FAILED),
        (429, {}, b"", Result.FAILED),
        (500, {}, b"Internal Server Error", Result.UNKNOWN),
        (501, {}, b"", Result.REFUSED),
        (502, HTML, b"<html>", Result.UNKNOWN),
        (503, {}, b"", Result.UNKNOWN),
        (503, {"retry-after": "1"}, b"", Result.FAILED),
        (504, {}, b"", Result.UNKNOWN),
    ],
)
def test_the_table(status: int, headers: dict[str, str], body: bytes, result: Result) -> None:
    found = deletion_outcome("model/30", "30", HttpAnswer(status, headers, body))
    assert found.key == "model/30"
    assert found.result is result
    assert bool(found.message) is (result is not Result.DONE)


def test_the_registrys_own_words_are_kept() -> None:
    answer = HttpAnswer(409, JSON, b'{"detail":"it is in use"}')
    assert deletion_outcome("k", "1", answer).message.endswith(": it is in use")


def test_what_is_about_us_rather_than_the_item() -> None:
    assert wants_credentials(HttpAnswer(401, {}, b""))
    assert wants_credentials(HttpAnswer(403, JSON, b'{"error":"invalid AuthenticationToken"}'))
    assert not wants_credentials(HttpAnswer(403, JSON, b'{"error":"it belongs to somebody else"}'))
    gateway = HttpAnswer(403, JSON, b'{"message":"Missing Authentication Token"}')
    assert not wants_credentials(gateway)
