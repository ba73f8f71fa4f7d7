"""Deleting versions, links and collections: one try each.

A source version becomes `deleteArtifact`, a link `unlinkArtifact` and nothing else, whatever the
protocol would allow. Unlinkings go first. Each answer is turned into an outcome; whether something
was done is for the facts to say, and whether it is tried again for whoever asked.

Several deletions travel in one document. Nothing is published about how many W&B bears: a server
that refuses a document of several gets one deletion a document for as long as the connection
lasts, and after one that was lost, or cost more than its quota, documents hold half as many.

One request deletes a whole collection: a sequence with all its versions, a portfolio with its
links only; their sources stay. W&B asks for no consent about aliases here, so they are looked for
before anything is sent.
"""

from __future__ import annotations

import functools
import itertools
from typing import TYPE_CHECKING

from artifact_tui.clients.transport import NotSentError, StaleError, TooLongError, together
from artifact_tui.clients.wandb import wandb_model
from artifact_tui.clients.wandb.wandb_facts import facts_of
from artifact_tui.clients.wandb.wandb_graphql import PLACE, GraphQuestion
from artifact_tui.clients.wandb.wandb_listing import HiddenVersionsError
from artifact_tui.clients.wandb.wandb_model import ArtifactCollection, LinkKey, SourceKey
from artifact_tui.clients.wandb.wandb_replies import (
    GraphCall,
    alias_words,
    deletion_payloads,
    error_words,
    meaning_of_errors,
    outcome_of_errors,
    outcome_of_payload,
)
from artifact_tui.errors import NotToldError, RegistryError, UncertainError
from artifact_tui.model import Facts, Outcome, Result, VersionState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from artifact_tui.clients.wandb.wandb_graphql import Graph
    from artifact_tui.clients.wandb.wandb_listing import WandbLister
    from artifact_tui.clients.wandb.wandb_model import CollectionKey
    from artifact_tui.clients.wandb.wandb_replies import GraphReply
    from artifact_tui.model import CollectionDeletion, Deletion


MOST_DELETIONS = 20
"""Deletions in one document, at most."""

MOST_THROTTLES = 3
"""A document of several that is throttled so often may cost more than the quota."""


@functools.cache
def deletions_document(count: int, *, link: bool) -> str:
    """A document of so many deletions, or unlinkings: `d0` of `i0`, `d1` of `i1` and so on."""
    kind, field, selection = (
        ("UnlinkArtifactInput", "unlinkArtifact", "success")
        if link
        else ("DeleteArtifactInput", "deleteArtifact", "artifact{id state}")
    )
    variables = ",".join(f"$i{n}:{kind}!" for n in range(count))
    parts = " ".join(f"d{n}:{field}(input:$i{n}){{{selection}}}" for n in range(count))
    return f"mutation({variables}){{{parts}}}"


Targets = list[tuple["Deletion", SourceKey | LinkKey]]
"""Deletions, each with the version or link that its key names."""


_COLLECTION = GraphQuestion(
    "artifactCollection(id:$id){...Place <ArtifactCollection.state|state>}",
    {"id": "ID!"},
    PLACE,
    25,
    "a collection",
    ArtifactCollection,
)
_STATE = "artifactCollection{id <ArtifactCollection.state|state>}"
DELETE_SEQUENCE = (
    f"mutation($id:ID!){{deleteArtifactSequence(input:{{artifactSequenceID:$id}}){{{_STATE}}}}}"
)
DELETE_PORTFOLIO = (
    f"mutation($id:ID!){{deleteArtifactPortfolio(input:{{artifactPortfolioID:$id}}){{{_STATE}}}}}"
)

_HIDDEN_KEY = "hidden:"
"""The key of what W&B does not show of a collection: that of no version."""

CARRIERS_SHOWN = 3
"""How many versions with aliases a refusal names."""


class WandbDeleter:
    """Deletes versions and links, several in one document where the server bears it."""

    def __init__(self, graph: Graph, lister: WandbLister, *, batch: bool) -> None:
        self._graph = graph
        self._lister = lister
        self._most = MOST_DELETIONS if batch else 1
        """Deletions in one document, as far as this server is known to bear it."""

    async def delete(self, deletions: Sequence[Deletion]) -> list[Outcome]:
        """One outcome for each deletion, in the same order; one that comes again is sent once."""
        links: Targets = []
        sources: Targets = []
        outcomes: dict[str, Outcome] = {}
        first: dict[str, Deletion] = {}
        for deletion in deletions:
            first.setdefault(deletion.key, deletion)
        for one in first.values():
            ref = wandb_model.parse_version_key(one.key)
            if ref is None:
                outcomes[one.key] = Outcome(one.key, Result.ABSENT, "no version has such a key")
            else:
                (links if isinstance(ref, LinkKey) else sources).append((one, ref))
        for targets in (links, sources):
            size = self._most
            parts = (targets[at : at + size] for at in range(0, len(targets), size))
            answers = await together(*(self._send(part) for part in parts))
            outcomes |= {end.key: end for end in itertools.chain(*answers)}
        ends = []
        for deletion in deletions:
            end = outcomes[deletion.key]
            ends.append(end)
            if end.result in {Result.DONE, Result.UNLINKED}:
                words = "it was deleted a moment ago"
                outcomes[end.key] = Outcome(end.key, Result.ABSENT, words)
        return ends

    async def _send(self, targets: Targets) -> list[Outcome]:
        """Send one document, of deletions or of unlinkings, and read its answer."""
        count = len(targets)
        link = isinstance(targets[0][1], LinkKey)
        call = GraphCall(
            deletions_document(count, link=link),
            {f"i{n}": _input(one, ref) for n, (one, ref) in enumerate(targets)},
            writes=True,
            what="unlinking versions" if link else "deleting versions",
            throttles=MOST_THROTTLES if count > 1 else 0,
            until=min(one.until for one, _ in targets),
        )
        try:
            reply = await self._graph.send(call)
        except RegistryError as error:
            result = _result_of_failure(error)
            if not isinstance(error, StaleError | NotSentError):
                self._hold_fewer(count, refused=result is Result.FAILED)
            return [Outcome(one.key, result, str(error)) for one, _ in targets]
        if count == 1 and (reply.errors or reply.status >= 300):  # noqa: PLR2004 - no success
            return [outcome_of_errors(targets[0][0].key, reply.errors, reply.status)]
        return self._read(targets, reply)

    def _hold_fewer(self, count: int, *, refused: bool) -> None:
        """Send fewer deletions together from now on, after `count` in one document failed."""
        if count > 1:
            self._most = 1 if refused else min(self._most, count // 2)

    def _read(self, targets: Targets, reply: GraphReply) -> list[Outcome]:
        """What an answer says of each deletion in its document.

        Of one without an answer of its own nothing is known, whatever the server says of the
        whole document.
        """
        payloads = deletion_payloads(reply)
        ends = []
        silent = 0
        for n, (one, ref) in enumerate(targets):
            name = f"d{n}"
            payload = payloads.get(name)
            own = [error for error in reply.errors if error.path[:1] == (name,)]
            if own and not meaning_of_errors(own, 200).document:
                ends.append(outcome_of_errors(one.key, own, reply.status))
            elif payload is not None or len(targets) == 1:
                ends.append(outcome_of_payload(one.key, ref, payload))
            else:
                silent += 1
                words = error_words(reply.errors) or f"status {reply.status}"
                why = f"W&B did not say what it did with this one: {words}"
                ends.append(Outcome(one.key, Result.UNKNOWN, why))
        if silent:
            failed = meaning_of_errors(reply.errors, reply.status).result is Result.UNKNOWN
            self._hold_fewer(len(targets), refused=not failed)
        return ends

    # whole collections

    async def collection_facts(self, collection_key: str) -> Mapping[str, Facts] | None:
        """What is true now of every live version in a collection; None when there is none.

        Versions that W&B does not show are one with a key that nobody can have reviewed.

        Raises:
            RegistryError: it cannot be told.
        """
        home = wandb_model.parse_collection_key(collection_key)
        found = await self._collection(home)
        if home is None or found is None or found.state in wandb_model.GONE_STATES:
            return None
        if found.type_name != wandb_model.TYPE_NAMES[type(home)]:
            raise RegistryError(
                "W&B answered about another kind of collection than the one that was asked for.",
                hint="Nothing was changed. Sync the registry again.",
            )
        try:
            versions = await self._lister.whole(home)
        except HiddenVersionsError:
            hidden = Facts(_HIDDEN_KEY, "", VersionState.LIVE, lineage_known=False)
            return {_HIDDEN_KEY: hidden}
        if versions is None:
            return None
        facts = await facts_of(self._graph, self._lister, [one.key for one in versions])
        return {key: one for key, one in facts.items() if one.state is not VersionState.TRASH}

    async def collection_name(self, collection_key: str) -> str:
        """What a collection is called in the lists; empty when there is none."""
        found = await self._collection(wandb_model.parse_collection_key(collection_key))
        return "" if found is None else self._lister.named(found.project, found.name)

    async def _collection(
        self, home: CollectionKey | None
    ) -> wandb_model.ArtifactCollection | None:
        """A collection as W&B shows it now, perhaps as one that is deleted.

        Raises:
            NotToldError: another one is shown: that does not mean that this one is gone.
        """
        if home is None:
            return None
        found = await self._graph.ask(_COLLECTION, id=home.collection)
        if found is not None and found.id != home.collection:
            raise NotToldError(
                "W&B answered about another collection than the one that was asked for.",
                hint="Nothing was changed. Try again later.",
            )
        return found

    async def delete_collection(self, deletion: CollectionDeletion) -> Outcome:
        """Delete one collection; the outcome's key is the collection's."""
        key = deletion.key
        home = wandb_model.parse_collection_key(key)
        if home is None:
            return Outcome(key, Result.ABSENT, "no collection has such a key")
        series = isinstance(home, wandb_model.SequenceKey)
        call = GraphCall(
            DELETE_SEQUENCE if series else DELETE_PORTFOLIO,
            {"id": home.collection},
            writes=True,
            what="deleting a collection",
            until=deletion.until,
        )
        try:
            if not deletion.delete_aliases and (
                why := _carriers(await self.collection_facts(key) or {})
            ):
                return Outcome(key, Result.REFUSED, why)
            reply = await self._graph.send(call)
        except RegistryError as error:
            return Outcome(key, _result_of_failure(error), str(error))
        if reply.errors or reply.status >= 300:  # noqa: PLR2004 - no success
            return outcome_of_errors(key, reply.errors, reply.status)
        name = "deleteArtifactSequence" if series else "deleteArtifactPortfolio"
        return outcome_of_payload(key, home, deletion_payloads(reply).get(name))


def _result_of_failure(error: RegistryError) -> Result:
    """What became of a request that was not answered."""
    if isinstance(error, UncertainError):
        return Result.UNKNOWN
    return Result.WAITED if isinstance(error, TooLongError) else Result.FAILED


def _input(one: Deletion, ref: SourceKey | LinkKey) -> dict[str, object]:
    """The input of the mutation for one deletion; of a link that of an unlinking."""
    if isinstance(ref, LinkKey):
        return {"artifactID": ref.artifact, "artifactPortfolioID": ref.portfolio}
    consent = {"deleteAliases": True} if one.delete_aliases else {}
    return {"artifactID": ref.artifact, **consent}


def _carriers(found: Mapping[str, Facts]) -> str:
    """Which versions would lose aliases, in words; empty when none would.

    What only links lose are the aliases that the collection itself gave them.
    """
    carriers = [
        one
        for one in found.values()
        if any(not one.source_key or not alias.scope for alias in one.aliases)
    ]
    if not carriers:
        return ""
    words = [alias_words(one) for one in carriers[:CARRIERS_SHOWN]]
    if (more := len(carriers) - CARRIERS_SHOWN) > 0:
        words.append(f"and {more} more versions with aliases")
    return f"its versions carry aliases: {'; '.join(words)}"
