"""Carrying out deletions: so many at once as the pace allows, and never one of them twice.

A source version becomes `deleteArtifact`, a link `unlinkArtifact` and nothing else, whatever the
protocol would allow. Unlinkings go first. Whether something was done is for `facts` to say; here
each answer is turned into an outcome, and a call ends early when going on would only repeat a
failure that concerns everything.
"""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from artifact_tui.clients.wandb import batching
from artifact_tui.clients.wandb.batching import Batching
from artifact_tui.clients.wandb.freshness import Looks
from artifact_tui.clients.wandb.jobs import Batch, Crew
from artifact_tui.clients.wandb.outcomes import Payload, alias_words, meaning, of_errors, of_payload
from artifact_tui.clients.wandb.replies import Call, StaleError
from artifact_tui.clients.web.answers import NotSentError, TooLongError
from artifact_tui.errors import RegistryError, UncertainError
from artifact_tui.model import Outcome, Result, VersionState

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Callable, Mapping, Sequence

    from artifact_tui.clients.wandb.fields import Asking
    from artifact_tui.clients.wandb.freshness import Look
    from artifact_tui.clients.wandb.jobs import Job
    from artifact_tui.clients.wandb.replies import GraphError, Reply
    from artifact_tui.model import Deletion

THROTTLES = 3
"""A document of several that is throttled so often may cost more than the quota: smaller then."""

_payloads = msgspec.json.Decoder(dict[str, Payload | None] | None)


class Deleter:
    """Deletions of one connection."""

    def __init__(
        self,
        graph: Asking,
        look: Look,
        at_once: Callable[[], int],
        *,
        batch: bool,
        looks: Looks | None = None,
    ) -> None:
        """`at_once` tells how many requests the pace lets through now, `looks` what `look` saw."""
        self._graph = graph
        self._look = look
        self._at_once = at_once
        self._looks = Looks() if looks is None else looks
        self.batching = Batching(on=batch)

    async def delete(self, deletions: Sequence[Deletion]) -> list[Outcome]:
        """One outcome for each deletion, in the same order."""
        batch = Batch(deletions, self._looks)
        for jobs in batch.phases:
            await self._phase(batch, jobs)
        await self._name_aliases(batch)
        return batch.ends()

    async def _phase(self, batch: Batch, jobs: deque[Job]) -> None:
        """Send these, the first documents of a connection alone."""
        while jobs and self.batching.probing and not batch.stopped:
            await self._probe(batch, jobs)
        async with asyncio.TaskGroup() as group:
            crew = Crew(group, partial(self._work, batch, jobs), self._at_once)
            crew.grow(-(-len(jobs) // self.batching.size))

    async def _work(self, batch: Batch, jobs: deque[Job], crew: Crew) -> None:
        """One of the crew: documents until there are no more, or the crew is too large."""
        while jobs and not batch.stopped and crew.needed:
            if part := await self._next(batch, jobs):
                await self._send(batch, jobs, part)
            crew.grow(-(-len(jobs) // self.batching.size))

    async def _probe(self, batch: Batch, jobs: deque[Job]) -> None:
        """The next document, whose answer must be true: what it did is looked at."""
        part = await self._next(batch, jobs)
        if not part or not await self._send(batch, jobs, part):
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

    async def _next(self, batch: Batch, jobs: deque[Job]) -> list[Job]:
        """What the next document deletes: of what has waited only what a look finds unchanged."""
        part = [jobs.popleft() for _ in range(min(self.batching.size, len(jobs)))]
        old = [job for job in part if batch.ages.old(job.key)]
        if not old:
            return part
        asked = time.monotonic()
        try:
            facts = await self._look([job.key for job in old])
        except RegistryError as error:
            batch.trouble(str(error))
            batch.settle(old, Result.FAILED, str(error))
            return [job for job in part if job not in old]
        for job in old:
            now = facts.get(job.key)
            at = self._looks.at(job.key, now.token) if now else None
            batch.looked(job, now, asked if at is None else at)
        return [job for job in part if batch.outcomes[job.position] is None]

    async def _send(self, batch: Batch, jobs: deque[Job], part: list[Job]) -> bool:
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
            until=batch.ages.until(job.key for job in part),
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
        self, batch: Batch, jobs: deque[Job], part: list[Job], error: RegistryError
    ) -> bool:
        """A document was certainly not carried out: it may have been too large for someone."""
        if isinstance(error, StaleError):
            jobs.extendleft(reversed(part))
        elif isinstance(error, TooLongError):
            self.batching.lost(len(part))
            jobs.extendleft(reversed(part))
        elif len(part) > 1 and not isinstance(error, NotSentError):
            self.batching.refuse()
            jobs.extendleft(reversed(part))
        else:
            batch.trouble(str(error), at_once=True)
            batch.settle(part, Result.FAILED, str(error))
        return False

    def _answered(self, batch: Batch, part: list[Job], reply: Reply) -> list[Job]:
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
        self, batch: Batch, jobs: deque[Job], silent: list[Job], reply: Reply, count: int
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

    async def _name_aliases(self, batch: Batch) -> None:
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
