"""What a review says about bytes, also where the registry does not tell."""

from __future__ import annotations

from dataclasses import replace

import pytest

from artifact_tui.deletion.plan import Summary
from artifact_tui.deletion.review_words import bytes_words

LATER = "It frees the bytes in its own time"
TOLD = Summary(deletes=2, listed=2000, freed=1500, freed_after="purge and gc")
PARTLY = replace(TOLD, freed=500, freed_untold=1)
UNTOLD = replace(TOLD, freed=0, freed_untold=2)


@pytest.mark.parametrize(
    ("summary", "words"),
    [
        (TOLD, "2 KB listed, 1.5 KB freed after purge and gc; in the trash until then"),
        (PARTLY, "2 KB listed, at least 500 B freed after purge and gc; in the trash until then"),
        (replace(UNTOLD, freed_after="gc"),
         "2 KB listed, what is freed after gc is not known; gone for good"),
        (replace(UNTOLD, freed_after=LATER, freeing=True),
         f"gone for good; 2 KB listed, what is freed is not known; {LATER}"),
        (replace(PARTLY, freed_after=LATER, freeing=True, charged=True),
         f"gone for good; 2 KB listed, at least 500 B charged by the registry; {LATER}"),
    ],
)  # fmt: skip
def test_bytes_that_nobody_tells_are_not_nothing(summary: Summary, words: str) -> None:
    assert bytes_words(summary) == words
