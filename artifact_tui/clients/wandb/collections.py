"""Whole collections: what is in one, and the one request that deletes it.

A sequence goes with all its versions, a portfolio only with its links: their sources stay. W&B
asks for no consent about aliases here, so they are looked for before anything is sent.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from artifact_tui.clients.wandb import decode, ids, states
from artifact_tui.clients.wandb.freshness import MOST_LOOKS, changed, lasts
from artifact_tui.clients.wandb.listing import HiddenError
from artifact_tui.clients.wandb.loader import Shape
from artifact_tui.clients.wandb.outcomes import alias_words, of_errors
from artifact_tui.clients.wandb.replies import Call, StaleError
from artifact_tui.errors import RegistryError, UncertainError
from artifact_tui.model import Facts, Outcome, Result, VersionState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from artifact_tui.clients.wandb.fields import Asking
    from artifact_tui.clients.wandb.freshness import Look
    from artifact_tui.clients.wandb.ids import CollectionKey
    from artifact_tui.clients.wandb.listing import Lister
    from artifact_tui.clients.wandb.loader import Loader
    from artifact_tui.clients.wandb.replies import Reply
    from artifact_tui.model import CollectionDeletion

_STATE = Shape(
    "artifactCollection(id:$id){__typename id <ArtifactCollection.state|state>}",
    {"id": "ID!"},
    "",
    25,
    "a collection",
)
_NAME = Shape(
    "artifactCollection(id:$id){id name project{name entity{name}}}",
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

REMEMBERED = 4
"""Collections whose last look is remembered."""

CARRIERS_SHOWN = 3
"""How many versions with aliases a refusal names."""


class _Payload(decode.Said, frozen=True):
    artifact_collection: decode.Collection | None = None


class _Deleted(decode.Said, frozen=True):
    delete_artifact_sequence: _Payload | None = None
    delete_artifact_portfolio: _Payload | None = None


@dataclass(frozen=True, slots=True)
class _Look:
    """What was found in a collection, and when the first question about it left."""

    left: float
    found: Mapping[str, Facts]

    def differs(self, now: Mapping[str, Facts]) -> bool:
        """Whether there is a reason now not to delete it that was not there then."""
        return any(
            key not in self.found or changed(self.found[key].token, facts, self.found.keys())
            for key, facts in now.items()
        )


class Collections:
    """Whole collections of one connection."""

    def __init__(self, graph: Asking, loader: Loader, look: Look, lister: Lister) -> None:
        """`look` tells what is true of versions."""
        self._graph = graph
        self._loader = loader
        self._look = look
        self._lister = lister
        self._looks: dict[str, _Look] = {}

    async def facts(self, collection_key: str) -> Mapping[str, Facts] | None:
        """What is true now of every live version in a collection; None when there is none.

        Versions that W&B does not show are one with a key that nobody can have reviewed.

        Raises:
            RegistryError: it cannot be told.
        """
        self._looks.pop(collection_key, None)
        if (look := await self._see(collection_key)) is None:
            return None
        self._looks[collection_key] = look
        if len(self._looks) > REMEMBERED:
            del self._looks[next(iter(self._looks))]
        return look.found

    async def name(self, collection_key: str) -> str:
        """What a collection is called in the lists; empty when there is none."""
        home = ids.parse(collection_key)
        if not isinstance(home, ids.SequenceKey | ids.PortfolioKey):
            return ""
        found = await self._loader.ask(_NAME, decode.Collection, id=home.collection)
        if found is None or found.id != home.collection:
            return ""
        return self._lister.named(found.project, found.name)

    async def _see(self, collection_key: str) -> _Look | None:
        home = ids.parse(collection_key)
        if not isinstance(home, ids.SequenceKey | ids.PortfolioKey):
            return None
        if (left := await self._there(home)) is None:
            return None
        try:
            versions = await self._lister.whole(home)
        except HiddenError:
            hidden = Facts(_HIDDEN, "", VersionState.LIVE, lineage_known=False)
            return _Look(left, {_HIDDEN: hidden})
        if versions is None:
            return None
        found = await self._look([one.key for one in versions])
        live = {key: one for key, one in found.items() if one.state is not VersionState.TRASH}
        return _Look(left, live)

    async def _there(self, home: CollectionKey) -> float | None:
        """When the question left whether it is there; None when it is not."""
        found, left = await self._loader.told(_STATE, decode.Collection, id=home.collection)
        if found is None or found.state in states.GONE:
            return None
        if found.type_name != _TYPES[type(home)]:
            raise RegistryError(
                "W&B answered about another kind of collection than the one that was asked for.",
                hint="Nothing was changed. Sync the registry again.",
            )
        return left

    async def delete(self, deletion: CollectionDeletion) -> Outcome:
        """Delete one collection; the outcome's key is the collection's."""
        key = deletion.key
        home = ids.parse(key)
        if not isinstance(home, ids.SequenceKey | ids.PortfolioKey):
            return Outcome(key, Result.ABSENT, "no collection has such a key")
        try:
            reply = await self._sent(home, deletion)
        except UncertainError as error:
            return Outcome(key, Result.UNKNOWN, str(error))
        except RegistryError as error:
            return Outcome(key, Result.FAILED, str(error))
        if isinstance(reply, str):
            return Outcome(key, Result.REFUSED, reply)
        if reply.errors or reply.status >= 300:  # noqa: PLR2004 - no success
            return of_errors(key, reply.errors, reply.status)
        return _answered(key, home, reply)

    async def _sent(self, home: CollectionKey, deletion: CollectionDeletion) -> Reply | str:
        """The answer to the one request, or why it was not sent.

        A look that is too old by the time it would leave is made again, as in `freshness`.

        Raises:
            UncertainError: it left, and nobody knows what became of it.
            RegistryError: it did not leave.
        """
        before = self._looks.pop(home.key, None)
        for looks in range(MOST_LOOKS + 1):
            late = before is not None and time.monotonic() > lasts(before.left, 0)
            if looks or late or not deletion.delete_aliases:
                now = await self._see(home.key)
                if why := _reason(home, deletion, before, now):
                    return why
                before = now
            until = lasts(before.left if before else time.monotonic(), looks)
            try:
                return await self._graph.ask(_deletion(home, until=until))
            except StaleError:
                if looks == MOST_LOOKS:
                    raise
        raise AssertionError("unreachable")


def _reason(
    home: CollectionKey, deletion: CollectionDeletion, before: _Look | None, now: _Look | None
) -> str:
    """Why a collection is not to be deleted after a look; empty when nothing is against it."""
    if now is None:
        return ""
    if not deletion.delete_aliases and (why := _aliases(home, now.found)):
        return why
    if before is not None and before.differs(now.found):
        return "something in it changed while W&B let its deletion wait"
    return ""


def _aliases(home: CollectionKey, found: Mapping[str, Facts]) -> str:
    """Which versions would lose aliases, in words; empty when none would."""
    carriers = [one for one in found.values() if one.aliases]
    if isinstance(home, ids.PortfolioKey):
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
    if found.state is not None and found.state not in states.GONE:
        return Outcome(key, Result.UNKNOWN, f"W&B answered, and still calls it {found.state}")
    return Outcome(key, Result.DONE if series else Result.UNLINKED)
