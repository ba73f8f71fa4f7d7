"""The states of versions and collections, in W&B's words."""

from __future__ import annotations

from artifact_tui.model import VersionState

GONE = frozenset({"DELETED", "PENDING_DELETION", "GARBAGE_COLLECTED"})
"""Of an artifact or a collection that was deleted, whether it still shows or not."""


def of_version(state: str | None) -> VersionState:
    """Where a version is in its life; an unknown state is that of one that is there."""
    if state in GONE:
        return VersionState.TRASH
    return VersionState.PENDING if state == "PENDING" else VersionState.LIVE
