"""What is true of versions now, 25 in a document.

Nothing is taken for "none" that was not answered: a version without an answer about its aliases is
an error, dependents that are not answered are not known, and where nothing is answered about the
collections that show it, one stands for them.

Of versions whose deletion was just answered with success only the state is asked for, of many in
one document. What is still there in spite of the answer is looked at in full.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifact_tui.clients.transport import together
from artifact_tui.clients.wandb import wandb_documents, wandb_model
from artifact_tui.clients.wandb.wandb_documents import GraphQuestion
from artifact_tui.clients.wandb.wandb_lineage import RelativeFinder
from artifact_tui.clients.wandb.wandb_model import Artifact
from artifact_tui.errors import NotToldError, RegistryError
from artifact_tui.model import Facts, VersionState

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

    from artifact_tui.clients.wandb.wandb_documents import QuestionLoader
    from artifact_tui.clients.wandb.wandb_lineage import MadeVersions
    from artifact_tui.clients.wandb.wandb_listing import WandbLister
    from artifact_tui.model import Alias

    ReadFacts = Callable[[Sequence[str]], Awaitable[Mapping[str, Facts]]]
    """What is true of versions now, by key, as `Client.facts` tells it."""


_FACTS = GraphQuestion(
    wandb_documents.FACTS, {"id": "ID!"}, wandb_documents.FACTS_PARTS, 25, "reading versions"
)


class WandbFacts:
    """Facts about versions of one connection."""

    def __init__(self, loader: QuestionLoader, lister: WandbLister) -> None:
        self._loader = loader
        self._lister = lister

    async def facts(self, keys: Sequence[str]) -> Mapping[str, Facts]:
        """What is true of these versions now; those that are gone are left out.

        Raises:
            RegistryError: it cannot be told.
        """
        refs = {key: ref for key in keys if (ref := wandb_model.parse_version_key(key)) is not None}
        wanted = sorted({ref.artifact for ref in refs.values()})
        told = await together(*(self._ask(one) for one in wanted))
        linked = await self._lister.linked([one for one in told if one is not None])
        artifacts = {one.id: one for one in linked}
        sources = {ref.artifact for ref in refs.values() if isinstance(ref, wandb_model.SourceKey)}
        family = RelativeFinder(self._loader)
        made = await family.dependents([one for one in artifacts.values() if one.id in sources])
        found: dict[str, Facts] = {}
        for key, ref in refs.items():
            artifact = artifacts.get(ref.artifact)
            if artifact is None:
                continue
            if isinstance(ref, wandb_model.SourceKey):
                found[key] = self._source(key, artifact, made[artifact.id])
            elif _is_shown(artifact, ref.portfolio):
                found[key] = self._link(key, artifact, ref)
        return found

    async def _ask(self, identifier: str) -> Artifact | None:
        found = await self._loader.ask(_FACTS, Artifact, id=identifier)
        if found is not None and found.id != identifier:
            raise RegistryError(
                "W&B answered about another version than the one that was asked for.",
                hint="Nothing was changed. Try again later.",
            )
        return found

    def _source(self, key: str, artifact: Artifact, made: MadeVersions | None) -> Facts:
        own = artifact.artifact_sequence
        home = own.id if own else ""
        return Facts(
            key=key,
            digest=artifact.digest or "",
            state=wandb_model.state_of(artifact),
            aliases=_certain_aliases(artifact, home),
            dependents=tuple(sorted(wandb_model.SourceKey(one.id).key for one in made or ())),
            lineage_known=made is not None,
            links=wandb_model.links_of(artifact, home),
            kept=wandb_model.keep_reason(artifact),
            generated=wandb_model.is_generated(artifact),
            collection=self._lister.named(own.project, own.name) if own else "",
            label=_label_of(artifact.version_index),
            type=artifact.type,
        )

    def _link(self, key: str, artifact: Artifact, ref: wandb_model.LinkKey) -> Facts:
        members = wandb_model.memberships_of(artifact.artifact_memberships)
        shown = next(
            (one for one in members if one.artifact_collection
             and one.artifact_collection.id == ref.portfolio), None,
        )  # fmt: skip
        holder = shown.artifact_collection if shown else None
        return Facts(
            key=key,
            digest=artifact.digest or "",
            state=wandb_model.state_of(artifact),
            aliases=_certain_aliases(artifact, ref.portfolio),
            source_key=ref.source,
            collection=self._lister.named(holder.project, holder.name) if holder else "",
            label=_label_of(shown.version_index) if shown else "",
            type=artifact.type,
        )


def _label_of(index: int | None) -> str:
    return "" if index is None else f"v{index}"


def _certain_aliases(artifact: Artifact, home: str) -> tuple[Alias, ...]:
    if artifact.aliases is None:
        raise NotToldError(
            "W&B did not tell the aliases of a version.", hint="Nothing was changed."
        )
    return wandb_model.aliases_of(artifact, home)


def _is_shown(artifact: Artifact, portfolio: str) -> bool:
    """Whether a collection shows a version.

    Raises:
        RegistryError: the server does not tell which do.
    """
    if artifact.artifact_memberships is None:
        raise NotToldError(
            "This server does not tell where a version is linked.", hint="Nothing was changed."
        )
    members = wandb_model.memberships_of(artifact.artifact_memberships)
    holders = [one.artifact_collection for one in members]
    if any(one is not None and one.id == portfolio for one in holders):
        return True
    if None in holders:
        raise NotToldError(
            "W&B does not show every collection that a version is linked in.",
            hint="Nothing was changed. Whether the link is still there is not known.",
        )
    return False


_VERSION_STATE = GraphQuestion(
    "artifact(id:$id){id state digest}", {"id": "ID!"}, "", 50, "a version"
)


class DepartedVersions:
    """Facts about versions, the quick way for those that were just deleted."""

    def __init__(self, loader: QuestionLoader, look: ReadFacts) -> None:
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

        async def look() -> Mapping[str, Facts]:
            return await self._look(others) if others else {}

        told, full = await together(together(*(self._quick(key) for key in quick)), look())
        found = {**full, **{facts.key: facts for facts in told if isinstance(facts, Facts)}}
        if left := [key for key, facts in zip(quick, told, strict=True) if facts is True]:
            found |= await self._look(left)
        return {key: found[key] for key in keys if key in found}

    async def _quick(self, key: str) -> Facts | bool:
        """One that is in the trash; False when it is nowhere, True when it must be looked at."""
        ref = wandb_model.parse_key(key)
        if not isinstance(ref, wandb_model.SourceKey):
            return True
        found = await self._loader.ask(_VERSION_STATE, Artifact, id=ref.artifact)
        if found is None:
            return False
        if found.id != ref.artifact:
            raise RegistryError(
                "W&B answered about another version than the one that was asked for.",
                hint="Nothing was changed. Try again later.",
            )
        if found.state not in wandb_model.GONE_STATES:
            return True
        digest = found.digest or ""
        return Facts(key, digest, VersionState.TRASH, lineage_known=False)
