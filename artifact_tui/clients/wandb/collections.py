"""Whole collections: what is in one, and the one request that deletes it.

A sequence goes with all its versions, a portfolio only with its links: their sources stay. W&B
asks for no consent about aliases here, so they are looked for before anything is sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifact_tui.clients.wandb import decode, ids
from artifact_tui.clients.wandb.freshness import Ages
from artifact_tui.clients.wandb.listing import HiddenError
from artifact_tui.clients.wandb.loader import Shape
from artifact_tui.clients.wandb.outcomes import GONE_STATES, alias_words, of_errors
from artifact_tui.clients.wandb.replies import Call
from artifact_tui.errors import RegistryError, UncertainError
from artifact_tui.model import Facts, Outcome, Result, VersionState

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from artifact_tui.clients.wandb.fields import Asking
    from artifact_tui.clients.wandb.ids import CollectionKey
    from artifact_tui.clients.wandb.loader import Loader
    from artifact_tui.clients.wandb.replies import Reply
    from artifact_tui.model import CollectionDeletion, Version

    Look = Callable[[Sequence[str]], Awaitable[Mapping[str, Facts]]]
    Whole = Callable[[CollectionKey], Awaitable[list[Version] | None]]

_STATE = Shape(
    "artifactCollection(id:$id){__typename id <ArtifactCollection.state|state>}",
    {"id": "ID!"},
    "",
    25,
    "a collection",
)
_SEQUENCE = (
    "mutation($id:ID!){deleteArtifactSequence(input:{artifactSequenceID:$id})"
    "{artifactCollection{id <ArtifactCollection.state|state>}}}"
)
_PORTFOLIO = (
    "mutation($id:ID!){deleteArtifactPortfolio(input:{artifactPortfolioID:$id})"
    "{artifactCollection{id <ArtifactCollection.state|state>}}}"
)
_TYPES = {ids.SequenceKey: "ArtifactSequence", ids.PortfolioKey: "ArtifactPortfolio"}

_HIDDEN = "hidden:"
"""The key of what W&B does not show of a collection: that of no version."""

CARRIERS_SHOWN = 3
"""How many versions with aliases a refusal names."""


class _Payload(decode.Said, frozen=True):
    artifact_collection: decode.Collection | None = None


class _Deleted(decode.Said, frozen=True):
    delete_artifact_sequence: _Payload | None = None
    delete_artifact_portfolio: _Payload | None = None


class Collections:
    """Whole collections of one connection."""

    def __init__(self, graph: Asking, loader: Loader, look: Look, whole: Whole) -> None:
        """`whole` reads every version of a collection, `look` what is true of versions."""
        self._graph = graph
        self._loader = loader
        self._look = look
        self._whole = whole

    async def facts(self, collection_key: str) -> Mapping[str, Facts] | None:
        """What is true now of every live version in a collection; None when there is none.

        Versions that W&B does not show are one with a key that nobody can have reviewed.

        Raises:
            RegistryError: it cannot be told.
        """
        home = ids.parse(collection_key)
        if not isinstance(home, ids.SequenceKey | ids.PortfolioKey) or not await self._there(home):
            return None
        try:
            versions = await self._whole(home)
        except HiddenError:
            return {_HIDDEN: Facts(_HIDDEN, "", VersionState.LIVE, lineage_known=False)}
        if versions is None:
            return None
        found = await self._look([one.key for one in versions])
        return {key: one for key, one in found.items() if one.state is not VersionState.TRASH}

    async def _there(self, home: CollectionKey) -> bool:
        found = await self._loader.ask(_STATE, decode.Collection, id=home.collection)
        if found is None or found.state in GONE_STATES:
            return False
        if found.type_name != _TYPES[type(home)]:
            raise RegistryError(
                "W&B answered about another kind of collection than the one that was asked for.",
                hint="Nothing was changed. Sync the registry again.",
            )
        return True

    async def delete(self, deletion: CollectionDeletion) -> Outcome:
        """Delete one collection; the outcome's key is the collection's."""
        key = deletion.key
        home = ids.parse(key)
        if not isinstance(home, ids.SequenceKey | ids.PortfolioKey):
            return Outcome(key, Result.ABSENT, "no collection has such a key")
        try:
            if not deletion.delete_aliases and (why := await self._aliases(key)):
                return Outcome(key, Result.REFUSED, why)
            reply = await self._graph.ask(_deletion(home, until=Ages().until([key])))
        except UncertainError as error:
            return Outcome(key, Result.UNKNOWN, str(error))
        except RegistryError as error:
            return Outcome(key, Result.FAILED, str(error))
        if reply.errors or reply.status >= 300:  # noqa: PLR2004 - no success
            return of_errors(key, reply.errors, reply.status)
        return _answered(key, home, reply)

    async def _aliases(self, key: str) -> str:
        """Which versions would lose aliases, in words; empty when none would."""
        found = await self.facts(key)
        carriers = [one for one in (found or {}).values() if one.aliases]
        if isinstance(ids.parse(key), ids.PortfolioKey):
            carriers = [one for one in carriers if any(not a.scope for a in one.aliases)]
        if not carriers:
            return ""
        words = [alias_words(one) for one in carriers[:CARRIERS_SHOWN]]
        if (more := len(carriers) - CARRIERS_SHOWN) > 0:
            words.append(f"and {more} more versions with aliases")
        return f"its versions carry aliases: {'; '.join(words)}"


def _deletion(home: CollectionKey, *, until: float) -> Call:
    series = isinstance(home, ids.SequenceKey)
    return Call(
        _SEQUENCE if series else _PORTFOLIO,
        {"id": home.collection},
        writes=True,
        what="deleting a collection",
        until=until,
    )


def _answered(key: str, home: CollectionKey, reply: Reply) -> Outcome:
    """The outcome that an answer without errors tells."""
    try:
        said = decode.read(reply.data, _Deleted, "deleting a collection")
    except RegistryError as error:
        return Outcome(key, Result.UNKNOWN, str(error))
    series = isinstance(home, ids.SequenceKey)
    asked = said.delete_artifact_sequence if series else said.delete_artifact_portfolio
    found = asked.artifact_collection if asked is not None else None
    if found is None or found.id != home.collection:
        return Outcome(key, Result.UNKNOWN, "W&B answered without saying what it deleted")
    if found.state is not None and found.state not in GONE_STATES:
        return Outcome(key, Result.UNKNOWN, f"W&B answered, and still calls it {found.state}")
    return Outcome(key, Result.DONE if series else Result.UNLINKED)
