"""What becomes of one version when its aliases, tags or time to live change."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

from artifact_tui.model import TTL_INHERIT, TTL_OFF

if TYPE_CHECKING:
    from artifact_tui.edits.changes import Change


class Effect(StrEnum):
    """What becomes of one version, the greatest harm first."""

    AT_ONCE = "at_once"
    """Its new time to live has passed already."""
    LATER = "later"
    """It expires at a known moment to come."""
    SOME_TIME = "some_time"
    """It expires, nobody here knows when."""
    INHERITS = "inherits"
    STAYS = "stays"
    """It never expires any more."""
    NAMES = "names"
    """Its aliases or tags change."""
    SAME = "same"
    """It is so already: nothing is sent."""
    NOT_POSSIBLE = "not_possible"


UNDATED = (Effect.SOME_TIME, Effect.INHERITS)
"""They may expire at once: nobody here knows."""


def effect_of(change: Change[Any], now_us: int) -> Effect:
    """What a change does to its version at this moment."""
    ttl_us = change.wish.ttl_us
    if ttl_us is None:
        return Effect.NAMES
    if ttl_us == TTL_INHERIT:
        return Effect.INHERITS
    if ttl_us == TTL_OFF:
        return Effect.STAYS
    if change.expires_us is None:
        return Effect.SOME_TIME
    return Effect.AT_ONCE if change.expires_us <= now_us else Effect.LATER
