"""When a version expires with another time to live, and whether it may have that at all.

Where a registry cannot restore what has expired, expiring is a deletion for good. Deleting is what
plans do, with their review, their second look and their record: no time to live does it instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from artifact_tui.edits.effects import UNDATED, Effect
from artifact_tui.model import TTL_INHERIT, TTL_OFF

if TYPE_CHECKING:
    from collections.abc import Mapping

    from artifact_tui.catalog.rows import VersionRow

    Inherited = Mapping[int, int | None]
    """By collection id: the time to live, or None for none, where that is known."""

MARGIN_US = 3_600_000_000
"""An hour: what expires within it is taken to expire at once, where nothing can be restored.

To read, to type and to send takes a while, and a registry's clock is not ours.
"""

DELETED_AT_ONCE = "it would be deleted at once: delete it with a plan"


@dataclass(frozen=True, slots=True)
class Clock:
    """By when something expires at once."""

    now_us: int
    restores: bool
    """Whether what has expired can be restored (`Capabilities.restore`)."""

    @property
    def at_once_us(self) -> int:
        """What expires by this moment expires at once."""
        return self.now_us if self.restores else self.now_us + MARGIN_US


@dataclass(frozen=True, slots=True)
class Life:
    """How long a version lives."""

    effect: Effect
    expires_us: int | None = None
    """When it will expire, where that is known."""


def life_of(row: VersionRow, ttl_us: int, inherited: Inherited, clock: Clock) -> Life:
    """How long a version lives with another time to live, as in `model.Edit`."""
    span: int | None = ttl_us
    if ttl_us == TTL_INHERIT:
        if row.collection_id not in inherited:
            return Life(Effect.INHERITS)
        span = inherited[row.collection_id]
    if span is None or ttl_us == TTL_OFF:
        return Life(Effect.STAYS)
    if row.created_us is None:
        return Life(Effect.SOME_TIME)
    expires_us = row.created_us + span
    at_once = expires_us <= clock.at_once_us
    return Life(Effect.AT_ONCE if at_once else Effect.LATER, expires_us)


def is_due(expires_us: int | None, clock: Clock) -> bool:
    """Whether a version would be deleted at once, for good."""
    return not clock.restores and expires_us is not None and expires_us <= clock.at_once_us


def forbidden(row: VersionRow, life: Life, clock: Clock) -> str:
    """Why a version must not live so long only; empty when it may.

    Where nobody knows when it expires, that is left to a person, except for what a plan would ask
    about.
    """
    if is_due(life.expires_us, clock):
        return DELETED_AT_ONCE
    if clock.restores or life.effect not in UNDATED:
        return ""
    why = _needed(row)
    unknown = "what it would inherit" if life.effect is Effect.INHERITS else "when it was made"
    return why and f"{why}, and it may be deleted at once: {unknown} is not known here"


def _needed(row: VersionRow) -> str:
    """What a plan would ask about before it deletes a version; or nothing."""
    if row.aliases:
        return f"it carries an alias ({row.aliases[0].name})"
    if row.links:
        return f"another collection shows it ({row.links[0]})"
    if row.dependents:
        return "live versions were made from it"
    return "" if row.lineage_known else "what was made from it is not known"
