"""Carrying out deletions: so many at once as the pace allows, and never one of them twice.

A source version becomes `deleteArtifact`, a link `unlinkArtifact` and nothing else, whatever the
protocol would allow. Unlinkings go first. Whether something was done is for `facts` to say; here
each answer is turned into an outcome, and a call ends early when going on would only repeat a
failure that concerns everything.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from artifact_tui.clients.wandb import batching, ids
from artifact_tui.clients.wandb.batching import Batching
from artifact_tui.clients.wandb.outcomes import Payload, alias_words, meaning, of_errors, of_payload
from artifact_tui.clients.wandb.replies import Call
from artifact_tui.clients.web.answers import NotSentError, TooLongError
from artifact_tui.errors import RegistryError, UncertainError
from artifact_tui.model import Outcome, Result, VersionState

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence

    from artifact_tui.clients.wandb.fields import Asking
    from artifact_tui.clients.wandb.replies import GraphError, Reply
    from artifact_tui.model import Deletion, Facts

    Look = Callable[[Sequence[str]], Awaitable[Mapping[str, Facts]]]
    """What is true of versions now, as `Client.facts`."""

TROUBLE = 8
"""So many requests in a row without a usable answer end a call."""

THROTTLES = 3
"""A document of several that is throttled so often may cost more than the quota: smaller then."""

_payloads = msgspec.json.Decoder(dict[str, Payload | None] | None)


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


class Deleter:
    """Deletions of one connection."""

    def __init__(
        self, graph: Asking, look: Look, at_once: Callable[[], int], *, batch: bool
    ) -> None:
        """`at_once` tells how many requests the pace lets through now."""
        self._graph = graph
        self._look = look
        self._at_once = at_once
        self.batching = Batching(on=batch)

    async def delete(self, deletions: Sequence[Deletion]) -> list[Outcome]:
        """One outcome for each deletion, in the same order."""
        batch = _Batch(deletions)
        for jobs in batch.phases:
            await self._phase(batch, jobs)
        await self._name_aliases(batch)
        return batch.ends()

    async def _phase(self, batch: _Batch, jobs: deque[Job]) -> None:
        """Send these, the first documents of a connection alone."""
        while jobs and self.batching.probing and not batch.stopped:
            await self._probe(batch, jobs)
        async with asyncio.TaskGroup() as group:
            crew = _Crew(group, partial(self._work, batch, jobs), self._at_once)
            crew.grow(-(-len(jobs) // self.batching.size))

    async def _work(self, batch: _Batch, jobs: deque[Job], crew: _Crew) -> None:
        """One of the crew: documents until there are no more, or the crew is too large."""
        while jobs and not batch.stopped and crew.needed:
            size = min(self.batching.size, len(jobs))
            await self._send(batch, jobs, [jobs.popleft() for _ in range(size)])
            crew.grow(-(-len(jobs) // self.batching.size))

    async def _probe(self, batch: _Batch, jobs: deque[Job]) -> None:
        """The next document, whose answer must be true: what it did is looked at."""
        part = [jobs.popleft() for _ in range(min(self.batching.size, len(jobs)))]
        if not await self._send(batch, jobs, part):
            return
        if len(part) > 1:
            said = [job for job in part if batch.done(job)]
            gone = await self._gone(said)
            if gone is None:
                return
            if false := [job for job in said if not gone[job.key]]:
                self.batching.refuse()
                batch.reopen(false)
                jobs.extendleft(reversed(false))
                return
        if any(batch.known(job) for job in part):
            self.batching.proved(len(part))

    async def _send(self, batch: _Batch, jobs: deque[Job], part: list[Job]) -> bool:
        """Send one document and note what it brought; whether the server took it as it was meant.

        What a refused document did not do goes back to `jobs`.
        """
        link = part[0].link
        call = Call(
            batching.document(len(part), link=link),
            {f"i{number}": job.variable for number, job in enumerate(part)},
            writes=True,
            what="unlinking versions" if link else "deleting versions",
            throttles=THROTTLES if len(part) > 1 else 0,
        )
        try:
            reply = await self._graph.ask(call)
        except UncertainError as error:
            self.batching.lost(len(part))
            batch.trouble(str(error))
            batch.settle(part, Result.UNKNOWN, str(error))
            return False
        except RegistryError as error:
            return self._not_done(batch, jobs, part, error)
        silent = self._answered(batch, part, reply)
        return not silent or await self._refused(batch, jobs, silent, reply, len(part))

    def _not_done(
        self, batch: _Batch, jobs: deque[Job], part: list[Job], error: RegistryError
    ) -> bool:
        """A document was certainly not carried out: it may have been too large for someone."""
        if isinstance(error, TooLongError):
            self.batching.lost(len(part))
            jobs.extendleft(reversed(part))
        elif len(part) > 1 and not isinstance(error, NotSentError):
            self.batching.refuse()
            jobs.extendleft(reversed(part))
        else:
            batch.trouble(str(error), at_once=True)
            batch.settle(part, Result.FAILED, str(error))
        return False

    def _answered(self, batch: _Batch, part: list[Job], reply: Reply) -> list[Job]:
        """Note the outcomes; gives the jobs about which the answer says nothing of their own."""
        payloads = _decoded(reply)
        silent = []
        for number, job in enumerate(part):
            name = batching.name(number, len(part), link=job.link)
            alone = len(part) == 1
            errors = _about(reply.errors, name, alone=alone)
            payload = payloads.get(name)
            if alone and (errors or reply.status >= 300):  # noqa: PLR2004 - no success
                batch.failed(job, errors, reply.status)
            elif not alone and (payload is None if not errors else _of_document(errors)):
                silent.append(job)
            elif errors:
                batch.failed(job, errors, reply.status)
            else:
                batch.answered(job, of_payload(job.key, job.artifact, payload, link=job.link))
        return silent

    async def _refused(
        self, batch: _Batch, jobs: deque[Job], silent: list[Job], reply: Reply, count: int
    ) -> bool:
        """The server said nothing about some items of a document, or that it is too much for it.

        Unless the server itself failed, a look tells what was not done: that is sent one by one.
        """
        found = meaning(reply.errors, reply.status)
        if found.credentials:
            for job in silent:
                batch.failed(job, reply.errors, reply.status)
            return False
        if found.result is Result.UNKNOWN:
            self.batching.lost(count)
            batch.trouble(found.why)
            for job in silent:
                batch.outcomes[job.position] = of_errors(job.key, reply.errors, reply.status)
            return False
        self.batching.refuse()
        gone = await self._gone(silent)
        for job in reversed(silent):
            if gone is None:
                batch.settle([job], Result.UNKNOWN, "W&B did not say what it did with this one")
            elif gone[job.key]:
                done = Result.UNLINKED if job.link else Result.DONE
                batch.settle([job], done, "W&B did not say so; it is gone")
            else:
                jobs.appendleft(job)
        return False

    async def _gone(self, jobs: Sequence[Job]) -> dict[str, bool] | None:
        """Which of these are gone, by key; None when it cannot be told."""
        try:
            facts = await self._look([job.key for job in jobs]) if jobs else {}
        except RegistryError:
            return None
        return {
            job.key: job.key not in facts or facts[job.key].state is VersionState.TRASH
            for job in jobs
        }

    async def _name_aliases(self, batch: _Batch) -> None:
        """Say which aliases stood in the way; W&B's own words may not."""
        try:
            facts = await self._look([job.key for job in batch.aliased]) if batch.aliased else {}
        except RegistryError:
            return
        for job in batch.aliased:
            if names := alias_words(facts.get(job.key)):
                old = batch.outcomes[job.position]
                words = f"{old.message} (it carries {names})" if old else ""
                batch.settle([job], Result.REFUSED, words)


def _decoded(reply: Reply) -> Mapping[str, Payload | None]:
    try:
        return _payloads.decode(reply.data) or {}
    except msgspec.MsgspecError:
        return {}


def _about(errors: Sequence[GraphError], name: str, *, alone: bool) -> list[GraphError]:
    """The errors about one item of a document."""
    return [error for error in errors if alone or (error.path and error.path[0] == name)]


def _of_document(errors: Sequence[GraphError]) -> bool:
    return meaning(errors, 200).document


class _Crew:
    """Tasks that send documents: as many as the pace lets through, so that few wait unsent."""

    def __init__(
        self,
        group: asyncio.TaskGroup,
        work: Callable[[_Crew], Coroutine[None, None, None]],
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


class _Batch:
    """A `delete` call on its way."""

    def __init__(self, deletions: Sequence[Deletion]) -> None:
        self.outcomes: list[Outcome | None] = [None] * len(deletions)
        self.aliased: list[Job] = []
        """Refused because of aliases."""
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
            links.append(Job(position, deletion.key, ref.artifact, ref.portfolio))
        elif isinstance(ref, ids.SourceKey):
            consent = deletion.delete_aliases
            sources.append(Job(position, deletion.key, ref.artifact, delete_aliases=consent))
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
