"""Sending a change that was confirmed, and what became of each version."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from artifact_tui.clients.base import Editable
from artifact_tui.errors import ArtifactTuiError, UsageError
from artifact_tui.model import Outcome, Result
from artifact_tui.text import count

if TYPE_CHECKING:
    from collections.abc import Callable

    from artifact_tui.tui.edits.plan import EditPlan
    from artifact_tui.tui.services import Services

BATCH = 100
"""Versions of one `edit` call."""


@dataclass(slots=True)
class Sent:
    """How far a change is."""

    total: int
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    """By version key; those that were not sent are left out."""
    error: str = ""
    """Why it stopped, with what to do about it: untrusted text."""

    @property
    def done(self) -> int:
        """How many were changed."""
        return sum(one.result is Result.DONE for one in self.outcomes.values())

    @property
    def ended(self) -> bool:
        """Whether nothing more is sent."""
        return bool(self.error) or len(self.outcomes) >= self.total

    def words(self) -> str:
        """How it went, in one sentence; the untrusted error is in it."""
        rest = self.total - self.done
        words = f"{count(self.done)} of {count(self.total)} changed"
        if self.error:
            return f"{words}. {self.error}"
        return f"{words}, {count(rest)} not: see why." if rest and self.ended else f"{words}."


async def send(services: Services, plan: EditPlan, progress: Callable[[Sent], object]) -> Sent:
    """Send every edit of a plan, some at a time; `progress` hears of each answer."""
    sent = Sent(len(plan.edits))
    try:
        client = services.client
        if not isinstance(client, Editable):
            raise UsageError("This registry cannot be changed so.", hint="Nothing was changed.")
        for start in range(0, sent.total, BATCH):
            found = await client.edit(plan.edits[start : start + BATCH])
            sent.outcomes |= {one.key: one for one in found}
            progress(sent)
    except ArtifactTuiError as error:
        sent.error = f"{error} {error.hint}".strip()
        progress(sent)
    if services.link is not None:
        services.link.sync()
    return sent
