"""Addresses as users type them."""

from __future__ import annotations

import pytest

from artifact_tui.clients import kind_of
from artifact_tui.clients.rest import KIND
from artifact_tui.clients.rest.rest_settings import Auth, RestAddress, options_of
from artifact_tui.errors import UsageError


@pytest.mark.parametrize(
    ("typed", "text"),
    [
        ("http://host", "http://host"),
        ("HTTP://Host:80/api/", "http://host/api"),
        ("https://host:443", "https://host"),
        ("https://host:8443/a/b", "https://host:8443/a/b"),
        ("http://[::1]:8000/api", "http://[::1]:8000/api"),
    ],
)
def test_an_address_has_one_way_to_be_written(typed: str, text: str) -> None:
    assert RestAddress.parse(typed).text == text
    assert RestAddress.parse(text).text == text


@pytest.mark.parametrize(
    "typed",
    [
        "", "http://", "ftp://host", "host/api", "http://host?x=1", "http://host/#f",
        "http://host:port/", "http://host:99999/", "local:x", "http://[::1/",
    ],
)  # fmt: skip
def test_what_is_no_address(typed: str) -> None:
    with pytest.raises(UsageError):
        RestAddress.parse(typed)


def test_a_password_in_the_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(UsageError) as caught:
        RestAddress.parse("http://user:canary@host/api")
    assert "canary" not in f"{caught.value} {caught.value.hint}"
    assert "ARTIFACT_TUI_TOKEN" in caught.value.hint


def test_the_kind_claims_web_addresses_only() -> None:
    assert all(KIND.claims(one) for one in ("http://h", "https://h/api", "HTTPS://h"))
    assert not any(KIND.claims(one) for one in ("local:http", "http", "http:x", "mlflow+http://h"))
    assert kind_of("https://host/api") is KIND


def test_a_token_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert options_of({}, "http://host").auth is Auth.NONE
    monkeypatch.setenv("ARTIFACT_TUI_TOKEN", "abc")
    options = options_of({}, "http://host")
    assert options.auth is Auth.TOKEN
    assert options.token.reveal() == "abc"


def test_a_token_that_no_header_can_carry_is_refused_without_showing_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ARTIFACT_TUI_TOKEN", "canary\x1bx")
    with pytest.raises(UsageError) as caught:
        KIND.open("http://host", read_only=False)
    assert "canary" not in str(caught.value)
