"""What an edit starts from: versions as they are now, and the collections that name them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from artifact_tui.clients.wandb import decode, ids, rules
from artifact_tui.clients.wandb.outcomes import GONE_STATES, meaning, refusal
from artifact_tui.clients.wandb.replies import Call
from artifact_tui.model import Result

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from artifact_tui.clients.wandb.fields import Asking
    from artifact_tui.clients.wandb.replies import GraphError

READ_AT_ONCE = 25
"""Versions asked about in one document."""

_PLACE = "id name project{name entity{name}}"
_ARTIFACT = (
    "id state artifactType{name} <Artifact.isGenerated|isGenerated> <Artifact.tags|tags{name}>"
    " <Artifact.ttlDurationSeconds|ttlDurationSeconds> <Artifact.ttlIsInherited|ttlIsInherited>"
    f" artifactSequence{{{_PLACE}}} aliases{{alias artifactCollection{{id}}}}"
)
_HOLDER = (
    "query($e:String!,$p:String!<Project.artifactCollectionMembership|,$n:String!>)"
    "{project(entityName:$e,name:$p){id <Project.artifactCollectionMembership"
    "|artifactCollectionMembership(name:$n){versionIndex}>}}"
)


class _Holding(decode.Said, frozen=True):
    artifact_collection_membership: decode.Membership | None = None


class _Projects(decode.Said, frozen=True):
    project: _Holding | None = None


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


async def read(graph: Asking, keys: Sequence[str]) -> dict[str, Target]:
    """The versions of these keys; those that are gone are left out.

    Raises:
        RegistryError: it cannot be told.
    """
    found: dict[str, Target] = {}
    refs = [(key, ids.parse(key)) for key in dict.fromkeys(keys)]
    versions = [(k, ref) for k, ref in refs if isinstance(ref, ids.SourceKey | ids.LinkKey)]
    for start in range(0, len(versions), READ_AT_ONCE):
        part = versions[start : start + READ_AT_ONCE]
        artifacts = await _artifacts(graph, [ref.artifact for _, ref in part])
        links = [ref.portfolio for _, ref in part if isinstance(ref, ids.LinkKey)]
        places = await _places(graph, list(dict.fromkeys(links)))
        for (key, ref), artifact in zip(part, artifacts, strict=True):
            if artifact is None or artifact.state in GONE_STATES:
                continue
            home = _home(ref, artifact, places)
            if home is not None:
                found[key] = Target(artifact, home, isinstance(ref, ids.LinkKey))
    return found


def _home(
    ref: ids.VersionKey, artifact: decode.Artifact, places: Mapping[str, decode.Place]
) -> decode.Place | decode.Sequence | None:
    if isinstance(ref, ids.LinkKey):
        return places.get(ref.portfolio)
    return artifact.artifact_sequence


async def _artifacts(graph: Asking, gids: Sequence[str]) -> list[decode.Artifact | None]:
    found = await _each(graph, "artifact", gids, _ARTIFACT)
    answer = decode.read(found, dict[str, decode.Artifact | None], "versions")
    return [answer.get(f"a{number}") for number in range(len(gids))]


async def _places(graph: Asking, gids: Sequence[str]) -> dict[str, decode.Place]:
    """Collections by id, those that are gone left out."""
    if not gids:
        return {}
    state = "<ArtifactCollection.state|state>"
    found = await _each(graph, "artifactCollection", gids, f"{_PLACE} {state}")
    answer = decode.read(found, dict[str, decode.Collection | None], "collections")
    every = [one for one in answer.values() if one is not None]
    return {one.id: one for one in every if one.state not in GONE_STATES}


async def _each(graph: Asking, field: str, gids: Sequence[str], selection: str) -> object:
    """The data about several things of one kind, named `a0`, `a1` and so on."""
    declared = ",".join(f"$a{number}:ID!" for number in range(len(gids)))
    asked = " ".join(f"a{n}:{field}(id:$a{n}){{{selection}}}" for n in range(len(gids)))
    variables: dict[str, object] = {f"a{number}": gid for number, gid in enumerate(gids)}
    document = f"query({declared}){{{asked}}}"
    reply = await graph.ask(Call(document, variables, writes=False, what="reading versions"))
    if reply.errors and reply.empty and not all(_absent(error) for error in reply.errors):
        raise refusal(reply, "reading versions")
    return reply.data


def _absent(error: GraphError) -> bool:
    return meaning((error,), 200).result is Result.ABSENT


async def holder(graph: Asking, target: Target, alias: str) -> str:
    """Which version of the collection has an alias now: its label, or nothing.

    Raises:
        RegistryError: it cannot be told.
    """
    said = target.named(alias)
    variables: dict[str, object] = {
        "e": said["entityName"],
        "p": said["projectName"],
        "n": f"{said['artifactCollectionName']}:{alias}",
    }
    reply = await graph.ask(Call(_HOLDER, variables, writes=False, what="finding an alias"))
    if reply.empty:
        return ""
    project = decode.read(reply.data, _Projects, "an alias").project
    member = project.artifact_collection_membership if project else None
    index = member.version_index if member else None
    return "" if index is None else f"v{index}"
