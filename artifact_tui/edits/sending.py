"""Sending a change that was confirmed, and what became of each version."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from artifact_tui.edits.lives import DELETED_AT_ONCE, is_due
from artifact_tui.errors import ArtifactTuiError, ReadOnlyError, RegistryError
from artifact_tui.model import Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from artifact_tui.clients.base import Editable
    from artifact_tui.edits.changes import Change, KeptT
    from artifact_tui.edits.lives import Clock
    from artifact_tui.model import Edit

BATCH = 100
"""Versions of one `edit` call: a stop waits for those in flight."""


@dataclass(slots=True)
class Sent:
    """How far a change is."""

    total: int
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    """By version key; those that have no answer are left out."""
    uncertain: frozenset[str] = frozenset()
    """Keys that were in flight when it was broken off."""
    stopped: bool = False
    """Somebody asked for no more to be sent."""
    error: ArtifactTuiError | None = None
    """What ended it early: untrusted text."""

    @property
    def done(self) -> int:
        """How many were changed."""
        return sum(one.result is Result.DONE for one in self.outcomes.values())

    @property
    def ended(self) -> bool:
        """Whether nothing more is sent."""
        return self.stopped or self.error is not None or len(self.outcomes) >= self.total


def in_time(
    changes: Iterable[Change[KeptT]], sent: Sent, clock: Callable[[], Clock]
) -> Iterator[Edit]:
    """The edits of changes, to be taken as they are sent.

    What would be deleted at once by then, as time went by, is refused in `sent` instead.
    """
    for one in changes:
        if is_due(one.expires_us, clock()):
            key = one.row.key
            sent.outcomes[key] = Outcome(key, Result.REFUSED, DELETED_AT_ONCE)
        else:
            yield one.edit


async def send(
    client: Editable,
    edits: Iterable[Edit],
    sent: Sent,
    progress: Callable[[Sent], object],
    *,
    stop: asyncio.Event | None = None,
) -> None:
    """Send every edit, some at a time, and write into `sent` what becomes of each.

    Args:
        client: the registry.
        edits: `sent.total` of them; they are taken as they are sent.
        sent: is filled.
        progress: hears before each call how far it is.
        stop: once set, nothing more is sent; cancelling then breaks off the call in flight.

    Raises:
        asyncio.CancelledError: it was cancelled, and not by way of `stop`.
    """
    waiting = iter(edits)
    while batch := list(islice(waiting, BATCH)):
        if stop is not None and stop.is_set():
            sent.stopped = True
            return
        progress(sent)
        try:
            found = await client.edit(batch)
        except ArtifactTuiError as error:
            if isinstance(error, RegistryError) and not isinstance(error, ReadOnlyError):
                sent.uncertain = frozenset(edit.key for edit in batch)
            sent.error = error
            return
        except asyncio.CancelledError:
            if stop is None or not stop.is_set():
                raise
            sent.uncertain, sent.stopped = frozenset(edit.key for edit in batch), True
            return
        sent.outcomes |= {one.key: one for one in found}
    sent.stopped = stop is not None and stop.is_set()
