"""What counts as a reason not to delete any more."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from artifact_tui.clients.wandb import wandb_facts
from artifact_tui.clients.wandb.wandb_facts import (
    FRESH,
    LookAges,
    LookTimes,
    facts_changed,
    with_token,
)
from artifact_tui.model import Alias, Facts, Link, VersionState

FACTS = with_token(
    Facts(
        "a", "d", VersionState.LIVE,
        aliases=(Alias("one"), Alias("two", scope="e/p/c")),
        dependents=("b",),
        links=(Link("l", "e/p/c"),),
    )
)  # fmt: skip


@pytest.mark.parametrize(
    ("less", "expected"),
    [
        ({}, False),
        ({"aliases": ()}, False),
        ({"links": ()}, False),
        ({"links": (Link("l", "e/p/renamed"),)}, False),
        ({"dependents": ()}, False),
        ({"dependents": ("b", "c")}, False),
        ({"dependents": ("b", "z")}, True),
        ({"aliases": (Alias("one"), Alias("one", scope="e/p/c"))}, True),
        ({"links": (Link("l", "e/p/c"), Link("m", "e/p/d"))}, True),
        ({"digest": "e"}, True),
        ({"state": VersionState.PENDING}, True),
        ({"kept": "system-managed"}, True),
        ({"lineage_known": False}, True),
        ({"source_key": "s"}, True),
    ],
)
def test_more_than_was_known_is_a_reason(less: dict[str, Any], *, expected: bool) -> None:
    assert facts_changed(FACTS.token, replace(FACTS, **less), {"a", "c"}) is expected


def test_without_a_token_nothing_is_known_and_a_strange_one_fits_nothing() -> None:
    assert not facts_changed("", FACTS)
    assert facts_changed("{", FACTS)


def test_each_look_lasts_twice_as_long(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("artifact_tui.clients.wandb.wandb_facts.time.monotonic", lambda: now[0])
    ages = LookAges()
    assert ages.until(["a", "b"]) == 100 + FRESH
    now[0] += FRESH + 1
    assert ages.old("a")
    ages.looked("a", now[0])
    assert not ages.old("a")
    assert ages.until(["a"]) == now[0] + 2 * FRESH
    assert ages.until(["a", "b"]) == 100 + FRESH


def test_a_look_counts_from_the_moment_that_its_question_left() -> None:
    ages = LookAges({"a": 100.0})
    assert ages.until(["a"]) == 100 + FRESH
    assert ages.old("a")
    assert not ages.old("b")
    ages.looked("a", 200.0)
    assert ages.until(["a"]) == 200 + 2 * FRESH


def test_a_look_is_remembered_by_what_it_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wandb_facts, "_LOOKS_REMEMBERED", 2)
    looks = LookTimes()
    looks.note(FACTS, 1.0)
    assert looks.at("a", FACTS.token) == 1.0
    assert looks.at("a", "") is None
    assert looks.at("b", FACTS.token) is None
    other = with_token(replace(FACTS, token="", links=()))
    looks.note(other, 2.0)
    assert looks.at("a", FACTS.token) is None
    assert looks.at("a", other.token) == 2.0
    for key in "bc":
        looks.note(with_token(replace(FACTS, key=key, token="")), 3.0)
    assert looks.at("a", other.token) is None
