"""What must be typed before a change is sent."""

from __future__ import annotations

from dataclasses import replace

import pytest

from artifact_tui.edits.changes import (
    Changes,
    CommonEdit,
    Effect,
    ExpiryClock,
    edit_confirmation,
    foresee,
)
from tests.unit.tui.rows import version


def changes_of(**effects: int) -> Changes:
    """Changes of so many versions with each effect."""
    one = foresee(version(1), CommonEdit(add_tags=("x",)), ExpiryClock(0, restores=True))
    same = replace(one, effect=Effect.SAME, why="it is so already")
    changed = [
        replace(one, effect=Effect(effect))
        for effect, count in effects.items()
        for _ in range(count)
    ]
    return Changes(changed, [same])


@pytest.mark.parametrize(
    ("effects", "production", "expected", "why"),
    [
        ({}, True, "", ""),
        ({"later": 10}, False, "y", ""),
        ({"later": 11}, False, "11", ""),
        ({"at_once": 1}, False, "1", "it expires at once"),
        ({"at_once": 1, "inherits": 3}, True, "vision",
         "it expires at once"),
        ({"at_once": 2000}, False, "2000", "2,000 expire at once"),
        ({"names": 3}, True, "y", ""),
        ({"stays": 11}, True, "11", ""),
        ({"inherits": 1}, False, "1", "it may expire at once"),
        ({"some_time": 1, "inherits": 1}, True, "vision",
         "2 may expire at once"),
    ],
)  # fmt: skip
def test_the_greater_the_harm_the_more_is_typed(
    *,
    effects: dict[str, int],
    production: bool,
    expected: str,
    why: str,
) -> None:
    asked = edit_confirmation(changes_of(**effects), production=production, registry="vision")
    assert (asked.expected, asked.why) == (expected, why)
    assert not expected or asked.prompt == f"type {expected} to change"


@pytest.mark.parametrize("name", ["bad\x1b[31m", " padded", "x" * 81])
def test_a_registry_whose_name_cannot_be_typed_asks_for_the_count(name: str) -> None:
    asked = edit_confirmation(changes_of(at_once=1, later=2), production=True, registry=name)
    assert asked.expected == "3"
