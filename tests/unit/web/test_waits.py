"""How long a server asks to wait."""

from __future__ import annotations

import math
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artifact_tui.clients.pacing import RateLimit, asked_wait, rate_limit


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after": "-5"}, 0.0),
        ({"retry-after": "1e999"}, math.inf),
        ({"retry-after": "nan"}, math.inf),
        ({"retry-after": "soon"}, None),
        ({"ratelimit-remaining": "0", "ratelimit-reset": "7"}, 7.0),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "7"}, 7.0),
        ({"x-ratelimit-remaining": "3", "x-ratelimit-reset": "7"}, None),
        ({"ratelimit-remaining": "0"}, None),
    ],
)
def test_what_a_server_asks_for(headers: dict[str, str], seconds: float | None) -> None:
    assert asked_wait(headers) == seconds


def test_a_date_counts_from_the_servers_own_clock() -> None:
    headers = {"retry-after": formatdate(90, usegmt=True), "date": formatdate(60, usegmt=True)}
    assert asked_wait(headers) == 30
    past = {"retry-after": formatdate(30, usegmt=True), "date": formatdate(60, usegmt=True)}
    assert asked_wait(past) == 0


def test_a_reset_may_be_a_time_of_day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: 1_800_000_000.0)
    headers = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1800000050"}
    assert asked_wait(headers) == 50


@given(st.dictionaries(st.sampled_from(["retry-after", "date", "ratelimit-remaining",
                                        "ratelimit-reset"]), st.text(max_size=12)))  # fmt: skip
def test_no_header_crashes_it(headers: dict[str, str]) -> None:
    found = asked_wait(headers)
    assert found is None or found >= 0


@pytest.mark.parametrize(
    ("text", "seconds"), [("7", 7.0), ("-7", 0.0), ("1e999", math.inf), ("soon", None), ("", None)]
)
@pytest.mark.parametrize("prefix", ["ratelimit", "x-ratelimit", "x-rate-limit"])
def test_when_a_quota_is_full_again(prefix: str, text: str, seconds: float | None) -> None:
    limit = None if seconds is None else RateLimit(3.0, seconds)
    assert rate_limit({f"{prefix}-remaining": "3", f"{prefix}-reset": text}) == limit


@pytest.mark.parametrize("left", ["", "many", "nan", "1e999"])
def test_a_quota_of_no_number_is_none(left: str) -> None:
    assert rate_limit({"ratelimit-remaining": left, "ratelimit-reset": "7"}) is None
