"""What becomes of one version when its aliases, tags or time to live change."""

from __future__ import annotations

from enum import StrEnum


class Effect(StrEnum):
    """What becomes of one version, the greatest harm first."""

    AT_ONCE = "at_once"
    """Its new time to live has passed already, and its registry can restore it."""
    LATER = "later"
    """It expires at a known moment to come."""
    SOME_TIME = "some_time"
    """It expires, nobody here knows when."""
    INHERITS = "inherits"
    """It expires as its collection or team says, and nobody here knows what that is."""
    STAYS = "stays"
    """It never expires any more."""
    NAMES = "names"
    """Its aliases or tags change."""
    SAME = "same"
    """It is so already: nothing is sent."""
    DUE = "due"
    """It would be deleted at once, for good: nothing is sent."""
    NOT_POSSIBLE = "not_possible"


UNDATED = (Effect.SOME_TIME, Effect.INHERITS)
"""They may expire at once: nobody here knows."""
