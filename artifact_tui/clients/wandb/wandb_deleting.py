"""Deleting versions, links and collections: as many at once as the pace allows, each once.

A source version becomes `deleteArtifact`, a link `unlinkArtifact` and nothing else, whatever the
protocol would allow. Unlinkings go first. Whether something was done is for the facts to say; here
each answer is turned into an outcome, and a call ends early when going on would only repeat a
failure that concerns everything.

Several deletions travel in one document, as far as the server bears it. Nothing is published about
W&B's limits on this, so the first documents find out: one deletion alone, then two whose effect is
looked at, then up to `MOST_DELETIONS`. A server that will not have such a document gets one
deletion at a time from then on, for as long as the connection lasts.

One request deletes a whole collection: a sequence with all its versions, a portfolio with its
links only; their sources stay. W&B asks for no consent about aliases here, so they are looked for
before anything is sent.
"""

from __future__ import annotations

import asyncio
import functools
import math
from collections import deque
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from artifact_tui.clients.transport import NotSentError, StaleError, TooLongError
from artifact_tui.clients.wandb import wandb_model
from artifact_tui.clients.wandb.wandb_documents import GraphQuestion
from artifact_tui.clients.wandb.wandb_listing import HiddenVersionsError
from artifact_tui.clients.wandb.wandb_replies import (
    DeletionPayload,
    GraphCall,
    alias_words,
    meaning_of_errors,
    outcome_of_errors,
    outcome_of_payload,
)
from artifact_tui.errors import RegistryError, UncertainError
from artifact_tui.model import Facts, Outcome, Result, VersionState

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence

    from artifact_tui.clients.wandb.wandb_documents import DocumentSender, QuestionLoader
    from artifact_tui.clients.wandb.wandb_facts import ReadFacts
    from artifact_tui.clients.wandb.wandb_listing import WandbLister
    from artifact_tui.clients.wandb.wandb_model import CollectionKey
    from artifact_tui.clients.wandb.wandb_replies import GraphError, GraphReply
    from artifact_tui.model import CollectionDeletion, Deletion


MOST_DELETIONS = 20
"""Deletions in one document, at most."""

_PROBE_SIZES = (1, 2)

_DELETE_VERSION = ("DeleteArtifactInput", "deleteArtifact", "artifact{id state}")
_UNLINK_VERSION = ("UnlinkArtifactInput", "unlinkArtifact", "success")


def deletion_field(position: int, count: int, *, link: bool) -> str:
    """The name under which one of `count` deletions is answered."""
    field = (_UNLINK_VERSION if link else _DELETE_VERSION)[1]
    return field if count == 1 else f"d{position}"


@functools.cache
def deletions_document(count: int, *, link: bool) -> str:
    """A document of so many deletions, or unlinkings; its variables are `i0`, `i1` and so on."""
    kind, field, selection = _UNLINK_VERSION if link else _DELETE_VERSION
    variables = ",".join(f"$i{n}:{kind}!" for n in range(count))
    parts = " ".join(
        f"{name if (name := deletion_field(n, count, link=link)) == field else f'{name}:{field}'}"
        f"(input:$i{n}){{{selection}}}"
        for n in range(count)
    )
    return f"mutation({variables}){{{parts}}}"


class DocumentSize:
    """How many deletions the next document holds, on one connection."""

    def __init__(self, *, on: bool) -> None:
        self._probe = 0 if on else len(_PROBE_SIZES)
        self._size = MOST_DELETIONS if on else 1

    @property
    def probing(self) -> bool:
        """Whether the next document is one of the first, which go alone."""
        return self._probe < len(_PROBE_SIZES) and self._size > 1

    @property
    def size(self) -> int:
        """How many deletions the next document may hold."""
        return _PROBE_SIZES[self._probe] if self.probing else self._size

    def proved(self, count: int) -> None:
        """A probe with so many deletions did what it said."""
        if self.probing and count == self.size:
            self._probe += 1

    def refuse(self) -> None:
        """The server will not have it: one at a time for good."""
        self._size = 1

    def lost(self, count: int) -> None:
        """A document of so many was lost, or the server fell over it: smaller ones from now on."""
        if count > 1:
            self._size = 1 if self.probing else max(1, min(self._size, count // 2))


MOST_TROUBLES = 8
"""So many requests in a row without a usable answer end a call."""


@dataclass(frozen=True, slots=True)
class WandbDeletion:
    """One deletion to send."""

    position: int
    """Its place in the call."""
    key: str
    artifact: str
    """The version's id; of a link, that of its source."""
    portfolio: str = ""
    """Set on a link: the collection to take it out of."""
    delete_aliases: bool = False
    until: float = math.inf
    """The moment after which it must not leave."""

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


class DeletionCrew:
    """Tasks that send documents: as many as the pace lets through, so that few wait unsent."""

    def __init__(
        self,
        group: asyncio.TaskGroup,
        work: Callable[[DeletionCrew], Coroutine[None, None, None]],
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


class DeletionCall:
    """What a `delete` call was asked, and what is known of it so far."""

    def __init__(self, deletions: Sequence[Deletion]) -> None:
        self.outcomes: list[Outcome | None] = [None] * len(deletions)
        self.aliased: list[WandbDeletion] = []
        """Refused because of aliases."""
        self.stopped = ""
        """Why nothing more is sent."""
        self._deletions = deletions
        self._first: dict[str, int] = {}
        self._troubles = 0
        links: deque[WandbDeletion] = deque()
        sources: deque[WandbDeletion] = deque()
        self.phases = (links, sources)
        for position, deletion in enumerate(deletions):
            if self._first.setdefault(deletion.key, position) == position:
                self._enter(position, deletion, links, sources)

    def _enter(
        self,
        position: int,
        deletion: Deletion,
        links: deque[WandbDeletion],
        sources: deque[WandbDeletion],
    ) -> None:
        ref = wandb_model.parse_key(deletion.key)
        if isinstance(ref, wandb_model.LinkKey):
            job = WandbDeletion(position, deletion.key, ref.artifact, ref.portfolio)
            links.append(replace(job, until=deletion.until))
        elif isinstance(ref, wandb_model.SourceKey):
            job = WandbDeletion(position, deletion.key, ref.artifact)
            consent = deletion.delete_aliases
            sources.append(replace(job, delete_aliases=consent, until=deletion.until))
        else:
            words = "no version has such a key"
            self.outcomes[position] = Outcome(deletion.key, Result.ABSENT, words)

    def done(self, job: WandbDeletion) -> bool:
        """Whether the registry says that it was done."""
        outcome = self.outcomes[job.position]
        return outcome is not None and outcome.result in {Result.DONE, Result.UNLINKED}

    def has_answer(self, job: WandbDeletion) -> bool:
        """Whether the registry gave a usable answer about it."""
        outcome = self.outcomes[job.position]
        return outcome is not None and outcome.result not in {Result.UNKNOWN, Result.FAILED}

    def take_back(self, jobs: Sequence[WandbDeletion]) -> None:
        """Take their outcomes back: they are to be sent again."""
        for job in jobs:
            self.outcomes[job.position] = None

    def settle(self, jobs: Sequence[WandbDeletion], result: Result, words: str) -> None:
        """Give all of these one outcome."""
        for job in jobs:
            self.outcomes[job.position] = Outcome(job.key, result, words)

    def note_outcome(self, job: WandbDeletion, outcome: Outcome) -> None:
        """Note what the registry answered without an error."""
        self.outcomes[job.position] = outcome
        if outcome.result is not Result.UNKNOWN:
            self._troubles = 0

    def note_errors(self, job: WandbDeletion, errors: Sequence[GraphError], status: int) -> None:
        """Note what the registry answered with errors, and what they say about the rest."""
        found = meaning_of_errors(errors, status)
        self.outcomes[job.position] = outcome_of_errors(job.key, errors, status)
        if found.credentials:
            self.trouble(found.why, at_once=True)
        elif found.result is Result.UNKNOWN:
            self.trouble(found.why)
        else:
            self._troubles = 0
        if found.aliases:
            self.aliased.append(job)

    def trouble(self, why: str, *, at_once: bool = False) -> None:
        """Count a failure that may concern everything; enough of them end the call."""
        self._troubles += 1
        if at_once or self._troubles >= MOST_TROUBLES:
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


MOST_THROTTLES = 3
"""A document of several that is throttled so often may cost more than the quota: smaller then."""

_payloads = msgspec.json.Decoder(dict[str, DeletionPayload | None] | None)


class WandbDeleter:
    """Deletions of one connection."""

    def __init__(
        self,
        sender: DocumentSender,
        look: ReadFacts,
        at_once: Callable[[], int],
        *,
        batch: bool,
    ) -> None:
        """`at_once` tells how many requests the pace lets through now."""
        self._sender = sender
        self._look = look
        self._at_once = at_once
        self.batching = DocumentSize(on=batch)

    async def delete(self, deletions: Sequence[Deletion]) -> list[Outcome]:
        """One outcome for each deletion, in the same order."""
        batch = DeletionCall(deletions)
        for jobs in batch.phases:
            await self._phase(batch, jobs)
        await self._name_aliases(batch)
        return batch.ends()

    async def _phase(self, batch: DeletionCall, jobs: deque[WandbDeletion]) -> None:
        """Send these, the first documents of a connection alone."""
        while jobs and self.batching.probing and not batch.stopped:
            await self._probe(batch, jobs)
        async with asyncio.TaskGroup() as group:
            crew = DeletionCrew(group, partial(self._work, batch, jobs), self._at_once)
            crew.grow(-(-len(jobs) // self.batching.size))

    async def _work(
        self, batch: DeletionCall, jobs: deque[WandbDeletion], crew: DeletionCrew
    ) -> None:
        """One of the crew: documents until there are no more, or the crew is too large."""
        while jobs and not batch.stopped and crew.needed:
            await self._send(batch, jobs, self._next(jobs))
            crew.grow(-(-len(jobs) // self.batching.size))

    async def _probe(self, batch: DeletionCall, jobs: deque[WandbDeletion]) -> None:
        """The next document, whose answer must be true: what it did is looked at."""
        part = self._next(jobs)
        if not await self._send(batch, jobs, part):
            return
        if len(part) > 1:
            said = [job for job in part if batch.done(job)]
            gone = await self._gone(said)
            if gone is None:
                return
            if false := [job for job in said if not gone[job.key]]:
                self.batching.refuse()
                batch.take_back(false)
                jobs.extendleft(reversed(false))
                return
        if any(batch.has_answer(job) for job in part):
            self.batching.proved(len(part))

    def _next(self, jobs: deque[WandbDeletion]) -> list[WandbDeletion]:
        """What the next document deletes."""
        return [jobs.popleft() for _ in range(min(self.batching.size, len(jobs)))]

    async def _send(
        self, batch: DeletionCall, jobs: deque[WandbDeletion], part: list[WandbDeletion]
    ) -> bool:
        """Send one document and note what it brought; whether the server took it as it was meant.

        What a refused document did not do goes back to `jobs`.
        """
        link = part[0].link
        call = GraphCall(
            deletions_document(len(part), link=link),
            {f"i{number}": job.variable for number, job in enumerate(part)},
            writes=True,
            what="unlinking versions" if link else "deleting versions",
            throttles=MOST_THROTTLES if len(part) > 1 else 0,
            until=min(job.until for job in part),
        )
        try:
            reply = await self._sender.ask(call)
        except UncertainError as error:
            self.batching.lost(len(part))
            batch.trouble(str(error))
            batch.settle(part, Result.UNKNOWN, str(error))
            return False
        except RegistryError as error:
            return self._note_unsent(batch, jobs, part, error)
        silent = self._note_reply(batch, part, reply)
        return not silent or await self._settle_silent(batch, jobs, silent, reply, len(part))

    def _note_unsent(
        self,
        batch: DeletionCall,
        jobs: deque[WandbDeletion],
        part: list[WandbDeletion],
        error: RegistryError,
    ) -> bool:
        """Note a document that was certainly not carried out: it may have been too large."""
        if isinstance(error, StaleError):
            batch.settle([*part, *jobs], Result.WAITED, str(error))
            jobs.clear()
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

    def _note_reply(
        self, batch: DeletionCall, part: list[WandbDeletion], reply: GraphReply
    ) -> list[WandbDeletion]:
        """Note the outcomes; gives the jobs about which the answer says nothing of their own."""
        payloads = _decoded_payloads(reply)
        silent = []
        for number, job in enumerate(part):
            name = deletion_field(number, len(part), link=job.link)
            alone = len(part) == 1
            errors = _errors_about(reply.errors, name, alone=alone)
            payload = payloads.get(name)
            if alone and (errors or reply.status >= 300):  # noqa: PLR2004 - no success
                batch.note_errors(job, errors, reply.status)
            elif not alone and (payload is None if not errors else _about_document(errors)):
                silent.append(job)
            elif errors:
                batch.note_errors(job, errors, reply.status)
            else:
                batch.note_outcome(
                    job, outcome_of_payload(job.key, job.artifact, payload, link=job.link)
                )
        return silent

    async def _settle_silent(
        self,
        batch: DeletionCall,
        jobs: deque[WandbDeletion],
        silent: list[WandbDeletion],
        reply: GraphReply,
        count: int,
    ) -> bool:
        """Find the outcomes of items about which the server said nothing, or only "too much".

        Unless the server itself failed, a look tells what was not done: that is sent one by one.
        """
        found = meaning_of_errors(reply.errors, reply.status)
        if found.credentials:
            for job in silent:
                batch.note_errors(job, reply.errors, reply.status)
            return False
        if found.result is Result.UNKNOWN:
            self.batching.lost(count)
            batch.trouble(found.why)
            for job in silent:
                batch.outcomes[job.position] = outcome_of_errors(
                    job.key, reply.errors, reply.status
                )
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

    async def _gone(self, jobs: Sequence[WandbDeletion]) -> dict[str, bool] | None:
        """Which of these are gone, by key; None when it cannot be told."""
        try:
            facts = await self._look([job.key for job in jobs]) if jobs else {}
        except RegistryError:
            return None
        return {
            job.key: job.key not in facts or facts[job.key].state is VersionState.TRASH
            for job in jobs
        }

    async def _name_aliases(self, batch: DeletionCall) -> None:
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


def _decoded_payloads(reply: GraphReply) -> Mapping[str, DeletionPayload | None]:
    try:
        return _payloads.decode(reply.data) or {}
    except msgspec.MsgspecError:
        return {}


def _errors_about(errors: Sequence[GraphError], name: str, *, alone: bool) -> list[GraphError]:
    """The errors about one item of a document."""
    return [error for error in errors if alone or (error.path and error.path[0] == name)]


def _about_document(errors: Sequence[GraphError]) -> bool:
    return meaning_of_errors(errors, 200).document


_COLLECTION_STATE = GraphQuestion(
    "artifactCollection(id:$id){__typename id <ArtifactCollection.state|state>}",
    {"id": "ID!"},
    "",
    25,
    "a collection",
)
_COLLECTION_NAME = GraphQuestion(
    "artifactCollection(id:$id){id name project{name entity{name}}}",
    {"id": "ID!"},
    "",
    25,
    "a collection",
)
_DELETE_SEQUENCE = (
    "mutation($id:ID!){deleteArtifactSequence(input:{artifactSequenceID:$id})"
    "{artifactCollection{id <ArtifactCollection.state|state>}}}"
)
_DELETE_PORTFOLIO = (
    "mutation($id:ID!){deleteArtifactPortfolio(input:{artifactPortfolioID:$id})"
    "{artifactCollection{id <ArtifactCollection.state|state>}}}"
)
_COLLECTION_TYPES = {
    wandb_model.SequenceKey: "ArtifactSequence",
    wandb_model.PortfolioKey: "ArtifactPortfolio",
}

_HIDDEN_KEY = "hidden:"
"""The key of what W&B does not show of a collection: that of no version."""

CARRIERS_SHOWN = 3
"""How many versions with aliases a refusal names."""


class _CollectionPayload(wandb_model.GraphObject, frozen=True):
    artifact_collection: wandb_model.ArtifactCollection | None = None


class _CollectionAnswer(wandb_model.GraphObject, frozen=True):
    delete_artifact_sequence: _CollectionPayload | None = None
    delete_artifact_portfolio: _CollectionPayload | None = None


class WholeCollections:
    """Whole collections of one connection."""

    def __init__(
        self, sender: DocumentSender, loader: QuestionLoader, look: ReadFacts, lister: WandbLister
    ) -> None:
        """`look` tells what is true of versions."""
        self._sender = sender
        self._loader = loader
        self._look = look
        self._lister = lister

    async def facts(self, collection_key: str) -> Mapping[str, Facts] | None:
        """What is true now of every live version in a collection; None when there is none.

        Versions that W&B does not show are one with a key that nobody can have reviewed.

        Raises:
            RegistryError: it cannot be told.
        """
        home = wandb_model.parse_collection_key(collection_key)
        return None if home is None else await self._look_inside(home)

    async def name(self, collection_key: str) -> str:
        """What a collection is called in the lists; empty when there is none."""
        home = wandb_model.parse_collection_key(collection_key)
        if home is None:
            return ""
        found = await self._loader.ask(
            _COLLECTION_NAME, wandb_model.ArtifactCollection, id=home.collection
        )
        if found is None or found.id != home.collection:
            return ""
        return self._lister.named(found.project, found.name)

    async def _look_inside(self, home: CollectionKey) -> Mapping[str, Facts] | None:
        if not await self._is_there(home):
            return None
        try:
            versions = await self._lister.whole(home)
        except HiddenVersionsError:
            hidden = Facts(_HIDDEN_KEY, "", VersionState.LIVE, lineage_known=False)
            return {_HIDDEN_KEY: hidden}
        if versions is None:
            return None
        found = await self._look([one.key for one in versions])
        return {key: one for key, one in found.items() if one.state is not VersionState.TRASH}

    async def _is_there(self, home: CollectionKey) -> bool:
        found = await self._loader.ask(
            _COLLECTION_STATE, wandb_model.ArtifactCollection, id=home.collection
        )
        if found is None or found.state in wandb_model.GONE_STATES:
            return False
        if found.type_name != _COLLECTION_TYPES[type(home)]:
            raise RegistryError(
                "W&B answered about another kind of collection than the one that was asked for.",
                hint="Nothing was changed. Sync the registry again.",
            )
        return True

    async def delete(self, deletion: CollectionDeletion) -> Outcome:
        """Delete one collection; the outcome's key is the collection's."""
        key = deletion.key
        home = wandb_model.parse_collection_key(key)
        if home is None:
            return Outcome(key, Result.ABSENT, "no collection has such a key")
        try:
            if why := "" if deletion.delete_aliases else await self._alias_reason(home):
                return Outcome(key, Result.REFUSED, why)
            reply = await self._sender.ask(_collection_call(home, until=deletion.until))
        except RegistryError as error:
            waited = Result.WAITED if isinstance(error, StaleError) else Result.FAILED
            unknown = isinstance(error, UncertainError)
            return Outcome(key, Result.UNKNOWN if unknown else waited, str(error))
        if reply.errors or reply.status >= 300:  # noqa: PLR2004 - no success
            return outcome_of_errors(key, reply.errors, reply.status)
        return _collection_outcome(key, home, reply)

    async def _alias_reason(self, home: CollectionKey) -> str:
        """Which versions would lose aliases, in words; empty when none would."""
        found = await self._look_inside(home)
        return _alias_reason(home, found or {})


def _alias_reason(home: CollectionKey, found: Mapping[str, Facts]) -> str:
    """Which versions would lose aliases, in words; empty when none would."""
    carriers = [one for one in found.values() if one.aliases]
    if isinstance(home, wandb_model.PortfolioKey):
        carriers = [one for one in carriers if any(not a.scope for a in one.aliases)]
    if not carriers:
        return ""
    words = [alias_words(one) for one in carriers[:CARRIERS_SHOWN]]
    if (more := len(carriers) - CARRIERS_SHOWN) > 0:
        words.append(f"and {more} more versions with aliases")
    return f"its versions carry aliases: {'; '.join(words)}"


def _collection_call(home: CollectionKey, *, until: float) -> GraphCall:
    series = isinstance(home, wandb_model.SequenceKey)
    return GraphCall(
        _DELETE_SEQUENCE if series else _DELETE_PORTFOLIO,
        {"id": home.collection},
        writes=True,
        what="deleting a collection",
        until=until,
    )


def _collection_outcome(key: str, home: CollectionKey, reply: GraphReply) -> Outcome:
    """The outcome that an answer without errors tells."""
    try:
        said = wandb_model.read_answer(reply.data, _CollectionAnswer, "deleting a collection")
    except RegistryError as error:
        return Outcome(key, Result.UNKNOWN, str(error))
    series = isinstance(home, wandb_model.SequenceKey)
    asked = said.delete_artifact_sequence if series else said.delete_artifact_portfolio
    found = asked.artifact_collection if asked is not None else None
    if found is None or found.id != home.collection:
        return Outcome(key, Result.UNKNOWN, "W&B answered without saying what it deleted")
    if found.state is not None and found.state not in wandb_model.GONE_STATES:
        return Outcome(key, Result.UNKNOWN, f"W&B answered, and still calls it {found.state}")
    return Outcome(key, Result.DONE if series else Result.UNLINKED)
