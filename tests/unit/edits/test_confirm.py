"""What must be typed before a change is sent."""

from __future__ import annotations

import pytest

from artifact_tui.deletion.review import ChallengeKind
from artifact_tui.edits.changes import edit_challenge


@pytest.mark.parametrize(
    ("total", "at_once", "undated", "production", "kind", "expected", "why"),
    [
        (0, 0, 0, True, ChallengeKind.NOTHING, "", ""),
        (10, 0, 0, False, ChallengeKind.YES, "y", ""),
        (11, 0, 0, False, ChallengeKind.COUNT, "11", ""),
        (1, 1, 0, False, ChallengeKind.COUNT, "1", "it expires at once"),
        (4, 1, 3, True, ChallengeKind.REGISTRY, "vision", "it expires at once"),
        (2000, 2000, 0, False, ChallengeKind.COUNT, "2000", "2,000 expire at once"),
        (3, 0, 0, True, ChallengeKind.YES, "y", ""),
        (11, 0, 0, True, ChallengeKind.COUNT, "11", ""),
        (1, 0, 1, False, ChallengeKind.COUNT, "1", "it may expire at once"),
        (2, 0, 2, True, ChallengeKind.REGISTRY, "vision", "2 may expire at once"),
    ],
)
def test_the_greater_the_harm_the_more_is_typed(
    *,
    total: int,
    at_once: int,
    undated: int,
    production: bool,
    kind: ChallengeKind,
    expected: str,
    why: str,
) -> None:
    asked = edit_challenge(
        total, at_once=at_once, undated=undated, production=production, registry="vision"
    )
    assert (asked.kind, asked.expected, asked.why) == (kind, expected, why)
    assert not expected or asked.prompt == f"type {expected} to change"


@pytest.mark.parametrize("name", ["bad\x1b[31m", " padded", "x" * 81])
def test_a_registry_whose_name_cannot_be_typed_asks_for_the_count(name: str) -> None:
    asked = edit_challenge(3, at_once=1, undated=0, production=True, registry=name)
    assert (asked.kind, asked.expected) == (ChallengeKind.COUNT, "3")
