"""What the header says about the link to a registry."""

from __future__ import annotations

import pytest

from artifact_tui.catalog.lineage import LineageCoverage
from artifact_tui.tui.registry_link import LinkState

NOW = 1_795_000_000_000_000
MINUTE = 60_000_000


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (LinkState(), "never synced"),
        (LinkState(syncing=True), "syncing"),
        (LinkState(syncing=True, listed=2000), "syncing 2,000"),
        (LinkState(synced_us=NOW, milliseconds=37.6), "synced just now · 38 ms"),
        (LinkState(synced_us=NOW - 5 * MINUTE), "synced 5 min ago"),
        (LinkState(error="no answer"), "no link · never synced"),
        (LinkState(error="x", synced_us=NOW - 90 * MINUTE), "no link · synced 1 h ago"),
        (
            LinkState(
                scanning=True, synced_us=NOW, milliseconds=3, coverage=LineageCoverage(10, 3000)
            ),
            "synced just now · lineage 10 of 3,000",
        ),
        (
            LinkState(synced_us=NOW, milliseconds=3, notices=("Left out: a\x1b.", "Left out: b.")),
            "synced just now · 2 notices · 3 ms",
        ),
        (
            LinkState(synced_us=NOW, milliseconds=3, coverage=LineageCoverage(3, 3)),
            "synced just now · 3 ms",
        ),
    ],
)  # fmt: skip
def test_in_words(state: LinkState, words: str) -> None:
    assert state.words(NOW) == words


def test_the_words_stand_still_for_a_minute() -> None:
    state = LinkState(synced_us=NOW)
    assert {state.words(NOW + second * 1_000_000) for second in range(60)} == {"synced just now"}
