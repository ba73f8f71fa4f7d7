"""What an edit starts from: versions as they are now, and the collections that name them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from artifact_tui.clients.wandb import decode, ids, rules, states
from artifact_tui.clients.wandb.loader import Shape
from artifact_tui.clients.web.together import together

if TYPE_CHECKING:
    from collections.abc import Sequence

    from artifact_tui.clients.wandb.loader import Loader

_PLACE = "id name project{name entity{name}}"
_VERSION = Shape(
    "artifact(id:$id){id state artifactType{name} <Artifact.isGenerated|isGenerated>"
    " <Artifact.tags|tags{name}> <Artifact.ttlDurationSeconds|ttlDurationSeconds>"
    " <Artifact.ttlIsInherited|ttlIsInherited>"
    f" artifactSequence{{{_PLACE}}} aliases{{alias artifactCollection{{id}}}}}}",
    {"id": "ID!"},
    "",
    25,
    "a version",
)
_SHELF = Shape(
    f"artifactCollection(id:$id){{{_PLACE} <ArtifactCollection.state|state>}}",
    {"id": "ID!"},
    "",
    25,
    "a collection of links",
)
_HOLDER = Shape(
    "project(entityName:$e,name:$p){id <Project.artifactCollectionMembership"
    "|artifactCollectionMembership(name:$n){versionIndex}>}",
    {"e": "String!", "p": "String!", "n": "String!"},
    "",
    25,
    "who has an alias",
)


class _Holder(decode.Said, frozen=True):
    artifact_collection_membership: decode.Membership | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """A version to be edited, as one collection shows it."""

    artifact: decode.Artifact
    home: decode.Place | decode.Sequence
    """Its sequence or, for a link, the portfolio."""
    link: bool

    @property
    def type(self) -> str:
        """The type of the version."""
        named = self.artifact.artifact_type
        return named.name or "" if named else ""

    @property
    def aliases(self) -> frozenset[str]:
        """The aliases that it has in this collection."""
        rows = (row for row in self.artifact.aliases or [] if row is not None)
        return frozenset(
            row.alias
            for row in rows
            if row.alias is not None
            and row.artifact_collection is not None
            and row.artifact_collection.id == self.home.id
            and not rules.is_label(row.alias)
        )

    @property
    def tags(self) -> frozenset[str]:
        """Its tags; a link shows those of its source."""
        return frozenset(tag.name or "" for tag in self.artifact.tags or [] if tag is not None)

    def has_ttl(self, seconds: int) -> bool:
        """Whether its time to live is so already: seconds, -1 inherited, -2 off."""
        now, inherited = self.artifact.ttl_duration_seconds, self.artifact.ttl_is_inherited
        if seconds > 0:
            return now == seconds and not inherited
        return bool(inherited) if seconds == -1 else not inherited and (now or 0) <= 0

    def named(self, alias: str) -> dict[str, str]:
        """An alias in this collection, as requests name it."""
        project = self.home.project
        entity = project.entity if project else None
        return {
            "entityName": (entity.name if entity else None) or "",
            "projectName": (project.name if project else None) or "",
            "artifactCollectionName": self.home.name or "",
            "alias": alias,
        }


async def read(loader: Loader, keys: Sequence[str]) -> dict[str, Target]:
    """The versions of these keys; those that are gone are left out.

    Raises:
        RegistryError: it cannot be told.
    """
    refs = {key: ids.parse(key) for key in keys}
    found = await together(*(_one(loader, ref) for ref in refs.values()))
    return {key: one for key, one in zip(refs, found, strict=True) if one is not None}


async def _one(loader: Loader, ref: ids.Key | None) -> Target | None:
    if not isinstance(ref, ids.SourceKey | ids.LinkKey):
        return None
    home: decode.Place | decode.Sequence | None
    if isinstance(ref, ids.LinkKey):
        artifact, shelf = await together(
            loader.ask(_VERSION, decode.Artifact, id=ref.artifact),
            loader.ask(_SHELF, decode.Collection, id=ref.portfolio),
        )
        home = None if shelf is None or shelf.state in states.GONE else shelf
    else:
        artifact = await loader.ask(_VERSION, decode.Artifact, id=ref.artifact)
        home = artifact.artifact_sequence if artifact is not None else None
    if artifact is None or artifact.state in states.GONE or home is None:
        return None
    return Target(artifact, home, isinstance(ref, ids.LinkKey))


async def holder(loader: Loader, target: Target, alias: str) -> str:
    """Which version of the collection has an alias now: its label, or nothing.

    Raises:
        RegistryError: it cannot be told.
    """
    said = target.named(alias)
    name = f"{said['artifactCollectionName']}:{alias}"
    found = await loader.ask(_HOLDER, _Holder, e=said["entityName"], p=said["projectName"], n=name)
    member = found.artifact_collection_membership if found else None
    index = member.version_index if member else None
    return "" if index is None else f"v{index}"
