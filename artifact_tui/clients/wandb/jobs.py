"""One `delete` call on its way: its jobs, its crew, and what became of each deletion."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from artifact_tui.clients.wandb import ids
from artifact_tui.clients.wandb.freshness import Ages, Looks, changed, is_ours
from artifact_tui.clients.wandb.outcomes import meaning, of_errors
from artifact_tui.model import Outcome, Result, VersionState

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Coroutine, Sequence

    from artifact_tui.clients.wandb.replies import GraphError
    from artifact_tui.model import Deletion, Facts

TROUBLE = 8
"""So many requests in a row without a usable answer end a call."""


@dataclass(frozen=True, slots=True)
class Job:
    """One deletion to send."""

    position: int
    """Its place in the call."""
    key: str
    artifact: str
    """The version's id; of a link, that of its source."""
    portfolio: str = ""
    """Set on a link: the collection to take it out of."""
    delete_aliases: bool = False
    token: str = ""
    """What was found true of it before."""

    @property
    def link(self) -> bool:
        """Whether it is a link: unlinked, never deleted."""
        return bool(self.portfolio)

    @property
    def variable(self) -> dict[str, object]:
        """The input of its mutation."""
        if self.link:
            return {"artifactID": self.artifact, "artifactPortfolioID": self.portfolio}
        consent = {"deleteAliases": True} if self.delete_aliases else {}
        return {"artifactID": self.artifact, **consent}


class Crew:
    """Tasks that send documents: as many as the pace lets through, so that few wait unsent."""

    def __init__(
        self,
        group: asyncio.TaskGroup,
        work: Callable[[Crew], Coroutine[None, None, None]],
        at_once: Callable[[], int],
    ) -> None:
        self._group = group
        self._work = work
        self._at_once = at_once
        self._size = 0

    def grow(self, most: int) -> None:
        """Start more of them: up to the pace's number, and at most so many."""
        for _ in range(min(most, self._at_once() - self._size)):
            self._size += 1
            self._group.create_task(self._one())

    async def _one(self) -> None:
        try:
            await self._work(self)
        finally:
            self._size -= 1

    @property
    def needed(self) -> bool:
        """Whether there are no more of them than the pace lets through."""
        return self._size <= max(1, self._at_once())


class Batch:
    """What a `delete` call was asked, and what is known of it so far."""

    def __init__(self, deletions: Sequence[Deletion], looks: Looks) -> None:
        """`looks` tells how old what was found true of them is."""
        self.outcomes: list[Outcome | None] = [None] * len(deletions)
        self.aliased: list[Job] = []
        """Refused because of aliases."""
        self.ages = Ages(_looked(deletions, looks))
        self.stopped = ""
        """Why nothing more is sent."""
        self._deletions = deletions
        self._first: dict[str, int] = {}
        self._troubles = 0
        links: deque[Job] = deque()
        sources: deque[Job] = deque()
        self.phases = (links, sources)
        for position, deletion in enumerate(deletions):
            if self._first.setdefault(deletion.key, position) == position:
                self._enter(position, deletion, links, sources)

    def _enter(
        self, position: int, deletion: Deletion, links: deque[Job], sources: deque[Job]
    ) -> None:
        ref = ids.parse(deletion.key)
        if isinstance(ref, ids.LinkKey):
            token = deletion.token
            links.append(Job(position, deletion.key, ref.artifact, ref.portfolio, token=token))
        elif isinstance(ref, ids.SourceKey):
            consent = deletion.delete_aliases
            job = Job(position, deletion.key, ref.artifact, "", consent, deletion.token)
            sources.append(job)
        else:
            words = "no version has such a key"
            self.outcomes[position] = Outcome(deletion.key, Result.ABSENT, words)

    def done(self, job: Job) -> bool:
        """Whether the registry says that it was done."""
        outcome = self.outcomes[job.position]
        return outcome is not None and outcome.result in {Result.DONE, Result.UNLINKED}

    def known(self, job: Job) -> bool:
        """Whether the registry gave a usable answer about it."""
        outcome = self.outcomes[job.position]
        return outcome is not None and outcome.result not in {Result.UNKNOWN, Result.FAILED}

    def looked(self, job: Job, now: Facts | None, at: float) -> None:
        """A job that waited was looked at again: it stays one only when nothing has changed.

        `at` is when the look began.
        """
        if now is None or now.state is VersionState.TRASH:
            self.settle([job], Result.ABSENT, "it went while W&B let its deletion wait")
        elif changed(job.token, now, self._first.keys()):
            self.settle([job], Result.CHANGED, "it changed while W&B let its deletion wait")
        else:
            self.ages.looked(job.key, at)

    def reopen(self, jobs: Sequence[Job]) -> None:
        """These have no outcome after all."""
        for job in jobs:
            self.outcomes[job.position] = None

    def settle(self, jobs: Sequence[Job], result: Result, words: str) -> None:
        """The same outcome for all of these."""
        for job in jobs:
            self.outcomes[job.position] = Outcome(job.key, result, words)

    def answered(self, job: Job, outcome: Outcome) -> None:
        """The registry answered, without an error."""
        self.outcomes[job.position] = outcome
        if outcome.result is not Result.UNKNOWN:
            self._troubles = 0

    def failed(self, job: Job, errors: Sequence[GraphError], status: int) -> None:
        """The registry answered with errors."""
        found = meaning(errors, status)
        self.outcomes[job.position] = of_errors(job.key, errors, status)
        if found.credentials:
            self.trouble(found.why, at_once=True)
        elif found.result is Result.UNKNOWN:
            self.trouble(found.why)
        else:
            self._troubles = 0
        if found.aliases:
            self.aliased.append(job)

    def trouble(self, why: str, *, at_once: bool = False) -> None:
        """Another failure that may concern everything."""
        self._troubles += 1
        if at_once or self._troubles >= TROUBLE:
            self.stopped = self.stopped or why

    def ends(self) -> list[Outcome]:
        """The outcome of each deletion; one that comes again was sent once."""
        found = []
        for position, deletion in enumerate(self._deletions):
            outcome = self.outcomes[self._first[deletion.key]]
            if outcome is None:
                words = f"not sent: {self.stopped}"
                found.append(Outcome(deletion.key, Result.FAILED, words))
            elif position != self._first[deletion.key] and outcome.result in {
                Result.DONE,
                Result.UNLINKED,
            }:
                found.append(Outcome(deletion.key, Result.ABSENT, "it was deleted a moment ago"))
            else:
                found.append(outcome)
        return found


def _looked(deletions: Sequence[Deletion], looks: Looks) -> dict[str, float]:
    """When those that come with our facts were looked at; long ago where nobody knows."""
    found = {}
    for one in deletions:
        if is_ours(one.token):
            at = looks.at(one.key, one.token)
            found[one.key] = -math.inf if at is None else at
    return found
