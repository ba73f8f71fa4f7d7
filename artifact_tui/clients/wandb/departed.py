"""A quick look at versions whose deletion was just answered with success.

Whether they are gone is all there is to know of them, so only their state is asked for, of many
in one document. What is still there in spite of the answer is looked at in full.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifact_tui.clients.wandb import ids, states
from artifact_tui.clients.wandb.decode import Artifact
from artifact_tui.clients.wandb.loader import Shape
from artifact_tui.clients.web.together import together
from artifact_tui.errors import RegistryError
from artifact_tui.model import Facts, VersionState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from artifact_tui.clients.wandb.freshness import Look
    from artifact_tui.clients.wandb.loader import Loader

_STATE = Shape("artifact(id:$id){id state digest}", {"id": "ID!"}, "", 50, "a version")


class Departed:
    """Facts about versions, the quick way for those that were just deleted."""

    def __init__(self, loader: Loader, look: Look) -> None:
        """`look` tells everything."""
        self._loader = loader
        self._look = look
        self._done: set[str] = set()

    def note(self, keys: Iterable[str]) -> None:
        """The deletion of these was answered with success."""
        self._done.update(keys)

    async def facts(self, keys: Sequence[str]) -> Mapping[str, Facts]:
        """What is true of these versions now; those that are gone are left out.

        Of one that is in the trash no more than that and its digest.

        Raises:
            RegistryError: it cannot be told.
        """
        quick = [key for key in keys if key in self._done]
        if not quick:
            return await self._look(keys)
        self._done.difference_update(quick)
        others = [key for key in dict.fromkeys(keys) if key not in set(quick)]
        told, full = await together(
            together(*(self._quick(key) for key in quick)),
            self._look(others) if others else _nothing(),
        )
        found = {**full, **{facts.key: facts for facts in told if isinstance(facts, Facts)}}
        if left := [key for key, facts in zip(quick, told, strict=True) if facts is True]:
            found |= await self._look(left)
        return {key: found[key] for key in keys if key in found}

    async def _quick(self, key: str) -> Facts | bool:
        """One that is in the trash; False when it is nowhere, True when it must be looked at."""
        ref = ids.parse(key)
        if not isinstance(ref, ids.SourceKey):
            return True
        found = await self._loader.ask(_STATE, Artifact, id=ref.artifact)
        if found is None:
            return False
        if found.id != ref.artifact:
            raise RegistryError(
                "W&B answered about another version than the one that was asked for.",
                hint="Nothing was changed. Try again later.",
            )
        if found.state not in states.GONE:
            return True
        digest = found.digest or ""
        return Facts(key, digest, VersionState.TRASH, lineage_known=False)


async def _nothing() -> Mapping[str, Facts]:
    return {}
