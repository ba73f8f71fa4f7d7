"""What is true of versions now, 25 in a document: the last look before a deletion.

Nothing is taken for "none" that was not told: a version without an answer about its aliases is an
error, dependents that are not told are said not to be known, and where nothing is told of the
collections that show it, one stands for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifact_tui.clients.wandb import ids, rows
from artifact_tui.clients.wandb.decode import Artifact
from artifact_tui.clients.wandb.documents import lineage as documents
from artifact_tui.clients.wandb.freshness import Looks, with_token
from artifact_tui.clients.wandb.lineage import Family
from artifact_tui.clients.wandb.loader import Shape
from artifact_tui.clients.web.together import together
from artifact_tui.errors import NotToldError, RegistryError
from artifact_tui.model import Facts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from artifact_tui.clients.wandb.lineage import Made
    from artifact_tui.clients.wandb.listing import Lister
    from artifact_tui.clients.wandb.loader import Loader
    from artifact_tui.model import Alias

_FACTS = Shape(documents.FACTS, {"id": "ID!"}, documents.FACTS_PARTS, 25, "reading versions")


class Truth:
    """Facts about versions of one connection."""

    def __init__(self, loader: Loader, lister: Lister, looks: Looks | None = None) -> None:
        """`looks` remembers when what was asked."""
        self._loader = loader
        self._lister = lister
        self._looks = Looks() if looks is None else looks

    async def facts(self, keys: Sequence[str]) -> Mapping[str, Facts]:
        """What is true of these versions now; those that are gone are left out.

        Raises:
            RegistryError: it cannot be told.
        """
        refs = {key: ref for key in keys if (ref := _version(key)) is not None}
        wanted = sorted({ref.artifact for ref in refs.values()})
        told = await together(*(self._ask(one) for one in wanted))
        linked = await self._lister.linked([one for one, _ in told if one is not None])
        artifacts = {one.id: one for one in linked}
        left = {one.id: at for one, at in told if one is not None}
        sources = {ref.artifact for ref in refs.values() if isinstance(ref, ids.SourceKey)}
        family = Family(self._loader)
        made = await family.dependents([one for one in artifacts.values() if one.id in sources])
        found: dict[str, Facts] = {}
        for key, ref in refs.items():
            artifact = artifacts.get(ref.artifact)
            if artifact is None:
                continue
            if isinstance(ref, ids.SourceKey):
                found[key] = with_token(self._source(key, artifact, made[artifact.id]))
            elif _is_shown(artifact, ref.portfolio):
                found[key] = with_token(self._link(key, artifact, ref))
            if key in found:
                self._looks.note(found[key], left[artifact.id])
        return found

    async def _ask(self, identifier: str) -> tuple[Artifact | None, float]:
        found, left = await self._loader.told(_FACTS, Artifact, id=identifier)
        if found is not None and found.id != identifier:
            raise RegistryError(
                "W&B answered about another version than the one that was asked for.",
                hint="Nothing was changed. Try again later.",
            )
        return found, left

    def _source(self, key: str, artifact: Artifact, made: Made | None) -> Facts:
        own = artifact.artifact_sequence
        home = own.id if own else ""
        return Facts(
            key=key,
            digest=artifact.digest or "",
            state=rows.state(artifact),
            aliases=_aliases(artifact, home),
            dependents=tuple(sorted(ids.SourceKey(one.id).key for one in made or ())),
            lineage_known=made is not None,
            links=rows.links(artifact, home),
            kept=rows.kept(artifact),
            generated=rows.generated(artifact),
            collection=self._lister.named(own.project, own.name) if own else "",
            label=_label(artifact.version_index),
            type=_type(artifact),
        )

    def _link(self, key: str, artifact: Artifact, ref: ids.LinkKey) -> Facts:
        members = rows.memberships(artifact.artifact_memberships)
        shown = next(
            (one for one in members if one.artifact_collection
             and one.artifact_collection.id == ref.portfolio), None,
        )  # fmt: skip
        holder = shown.artifact_collection if shown else None
        return Facts(
            key=key,
            digest=artifact.digest or "",
            state=rows.state(artifact),
            aliases=_aliases(artifact, ref.portfolio),
            source_key=ref.source,
            collection=self._lister.named(holder.project, holder.name) if holder else "",
            label=_label(shown.version_index) if shown else "",
            type=_type(artifact),
        )


def _label(index: int | None) -> str:
    return "" if index is None else f"v{index}"


def _type(artifact: Artifact) -> str:
    return (artifact.artifact_type.name if artifact.artifact_type else None) or ""


def _version(key: str) -> ids.VersionKey | None:
    ref = ids.parse(key)
    return ref if isinstance(ref, ids.SourceKey | ids.LinkKey) else None


def _aliases(artifact: Artifact, home: str) -> tuple[Alias, ...]:
    if artifact.aliases is None:
        raise NotToldError(
            "W&B did not tell the aliases of a version.", hint="Nothing was changed."
        )
    return rows.aliases(artifact, home)


def _is_shown(artifact: Artifact, portfolio: str) -> bool:
    """Whether a collection shows a version.

    Raises:
        RegistryError: the server does not tell which do.
    """
    if artifact.artifact_memberships is None:
        raise NotToldError(
            "This server does not tell where a version is linked.", hint="Nothing was changed."
        )
    members = rows.memberships(artifact.artifact_memberships)
    holders = [one.artifact_collection for one in members]
    if any(one is not None and one.id == portfolio for one in holders):
        return True
    if None in holders:
        raise NotToldError(
            "W&B does not show every collection that a version is linked in.",
            hint="Nothing was changed. Whether the link is still there is not known.",
        )
    return False
