"""Sending a change that was confirmed, and how far it is in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifact_tui.edits import sending
from artifact_tui.edits.able import editor
from artifact_tui.edits.sending import Sent
from artifact_tui.errors import UsageError
from artifact_tui.text import count
from artifact_tui.tui.edits.reading import clock_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from artifact_tui.tui.edits.plan import EditPlan
    from artifact_tui.tui.services import Services


def words(sent: Sent) -> str:
    """How it went, in one sentence; the untrusted error is in it."""
    rest = sent.total - sent.done
    said = f"{count(sent.done)} of {count(sent.total)} changed"
    if sent.error is not None:
        return f"{said}. {sent.error} {sent.error.hint}".strip()
    return f"{said}, {count(rest)} not: see why." if rest and sent.ended else f"{said}."


async def send(services: Services, plan: EditPlan, progress: Callable[[Sent], object]) -> Sent:
    """Send every edit of a plan, some at a time; `progress` hears how far it is."""
    sent = Sent(len(plan.changed))
    client = editor(services.client, "aliases", "tags", "ttl")
    if client is None:
        sent.error = UsageError("This registry cannot be changed so.", hint="Nothing was changed.")
        return sent
    edits = sending.in_time(plan.changed, sent, lambda: clock_of(services))
    await sending.send(client, edits, sent, progress)
    if services.link is not None:
        services.link.sync()
    return sent
