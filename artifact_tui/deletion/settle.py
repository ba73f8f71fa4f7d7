"""What is true of an item after a call: the answer and a look, weighed against each other.

A registry's answer alone is never believed: 200 may be a lie, 404 may be a lie, and no answer says
nothing. What `facts()` shows afterwards decides; pure functions, so that every row can be tested.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from artifact_tui.deletion.checks import is_gone, recheck
from artifact_tui.deletion.items import VERSION, ItemState, Reason
from artifact_tui.deletion.journal import Settled
from artifact_tui.model import Facts, Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from artifact_tui.deletion.items import Item, Options

_AGAIN = {Result.UNKNOWN: Reason.NO_ANSWER, Result.FAILED: Reason.REGISTRY_FAILED}
_LIES_OF = {
    Result.DONE: Reason.STILL_THERE,
    Result.UNLINKED: Reason.STILL_THERE,
    Result.ABSENT: Reason.SAID_ABSENT,
}
LIES = frozenset(_LIES_OF.values())
"""The reasons of what survived: the answer said something else."""

_REFUSALS = {Result.REFUSED: Reason.REGISTRY_REFUSED, Result.CHANGED: Reason.CHANGED}


def gone(item: Item, *, sent: bool) -> Settled:
    """It is gone: by us if we may have sent it, else before us. A link that we took is unlinked."""
    ours = ItemState.UNLINKED if item.is_link else ItemState.VERIFIED
    return Settled(item.seq, ours if sent else ItemState.GONE)


def looked(  # noqa: PLR0911 - one way out for each row of a table
    item: Item,
    outcome: Outcome,
    now: Facts | None,
    options: Options,
    planned: Callable[[str], Sequence[str] | None],
    *,
    sent_before: bool,
    together: Collection[str] = frozenset(),
) -> Settled:
    """The registry answered, and was asked again: `now` is what it says of the item.

    `sent_before` tells that an earlier call may have carried the item out; `planned` and
    `together` are as for `recheck`.
    """
    result, error = outcome.result, outcome.message
    if is_gone(now, options.action):
        if result is Result.UNLINKED and item.kind == VERSION:
            return Settled(item.seq, ItemState.UNLINKED)
        ours = result not in {Result.ABSENT, *_REFUSALS}
        return gone(item, sent=ours or sent_before)
    if result is Result.ACCEPTED:
        return Settled(item.seq, ItemState.SENT, Reason.ACCEPTED, error=error)
    if result in _LIES_OF:
        return Settled(item.seq, ItemState.FAILED, _LIES_OF[result], error=error, retryable=True)
    if result in _AGAIN:
        return Settled(item.seq, ItemState.PLANNED, _AGAIN[result], error=error)
    refusal = recheck(item.facts, now, options, planned, together)
    if refusal is not None:
        return Settled(item.seq, ItemState.REFUSED, refusal.reason, refusal.detail, error)
    return Settled(item.seq, ItemState.REFUSED, _REFUSALS[result], error=error)


def once_more(end: Settled) -> Settled:
    """A survivor is to be deleted again; anything else stays what it is."""
    if end.state is ItemState.FAILED and end.reason in LIES:
        return replace(end, state=ItemState.PLANNED, retryable=False)
    return end


def unlooked(item: Item, outcome: Outcome, *, unsure: bool = False) -> Settled:
    """The registry answered, but could not be asked again: only the answer is known.

    `unsure` tells that its answers prove nothing.
    """
    result, error = outcome.result, outcome.message
    if result is Result.ACCEPTED:
        return Settled(item.seq, ItemState.SENT, Reason.ACCEPTED, error=error)
    if unsure and result not in _REFUSALS:
        return Settled(item.seq, ItemState.SENT, Reason.NO_ANSWER, error=error)
    if result in _REFUSALS:
        return Settled(item.seq, ItemState.REFUSED, _REFUSALS[result], error=error)
    if result is Result.FAILED:
        return Settled(item.seq, ItemState.PLANNED, Reason.REGISTRY_FAILED, error=error)
    if result in {Result.UNKNOWN, Result.ABSENT}:
        return Settled(item.seq, ItemState.SENT, Reason.NO_ANSWER, error=error)
    return Settled(item.seq, ItemState.DELETED)


def untold(item: Item, words: str, *, unsure: bool) -> Settled:
    """The registry would not tell about it, in these words: it is not sent, and asked about later.

    `unsure` tells that an earlier call may have carried it out.
    """
    if unsure:
        return Settled(item.seq, ItemState.SENT, Reason.NO_ANSWER, error=words)
    return Settled(item.seq, ItemState.PLANNED, Reason.NOT_TOLD, error=words)


def at_once(end: Settled) -> Settled:
    """What would be asked about later has failed now."""
    if end.state is ItemState.PLANNED:
        return replace(end, state=ItemState.FAILED, retryable=True)
    return end


def resumed(item: Item, now: Facts | None, options: Options, *, last: bool = False) -> Settled:
    """An earlier call ended with this item SENT or DELETED; this is what the registry says now.

    What the registry accepted, and has not done, is waited for, unless this is the `last` look.
    """
    if is_gone(now, options.action):
        return gone(item, sent=True)
    if item.reason is Reason.ACCEPTED:
        end = ItemState.FAILED if last else ItemState.SENT
        return Settled(item.seq, end, Reason.ACCEPTED, error=item.error, retryable=last)
    if item.state is ItemState.DELETED:
        return Settled(item.seq, ItemState.PLANNED, Reason.STILL_THERE)
    return Settled(item.seq, ItemState.PLANNED)
