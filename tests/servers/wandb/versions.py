"""What can be asked of a collection, a version and a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.servers.wandb.context import CALLER, context
from tests.servers.wandb.filters import matcher
from tests.servers.wandb.ids import encode, moment
from tests.servers.wandb.paging import connection, order_of
from tests.servers.wandb.store import GONE, INHERIT, Alias

if TYPE_CHECKING:
    from collections.abc import Callable

    from graphql import GraphQLResolveInfo as Info

    from tests.servers.wandb.store import Artifact, Collection, Membership, Run
    from tests.servers.wandb.traps import Traps

MEMBER: dict[str, Callable[[Any], Any]] = {
    "id": lambda one: one.artifact.id,
    "version_index": lambda one: one.index,
    "created_at": lambda one: one.artifact.created_us,
    "updated_at": lambda one: one.artifact.updated_us,
    "size": lambda one: one.artifact.size,
    "state": lambda one: one.artifact.state,
    "alias": lambda one: list(one.aliases),
    "tag": lambda one: list(one.artifact.tags),
    "tags": lambda one: list(one.artifact.tags),
    "digest": lambda one: one.artifact.digest,
    "type": lambda one: one.artifact.sequence.type.name,
}


def _read(member: Membership) -> Callable[[str], object]:
    def read(name: str) -> object:
        snake = "".join("_" + c.lower() if c.isupper() else c for c in name)
        return MEMBER[snake](member)

    return read


def kept_members(collection: Collection, filters: str | None, traps: Traps) -> list[Membership]:
    """The members that a list shows, in no order."""
    good = matcher(filters)
    return [
        one
        for one in collection.members.values()
        if (traps.deleted == "listed" or one.artifact.state not in GONE) and good(_read(one))
    ]


def artifacts_of(collection: Collection, info: Info, **args: Any) -> dict[str, Any]:
    traps = context(info).traps
    rows = kept_members(collection, args.get("filters"), traps)
    order = order_of(args.get("order"), MEMBER, "-version_index")
    return connection(rows, args, traps, order, _versioned)


def _versioned(member: Membership) -> dict[str, Any]:
    return {"node": member.artifact, "version": f"v{member.index}"}


def memberships_of(collection: Collection, info: Info, **args: Any) -> dict[str, Any]:
    traps = context(info).traps
    rows = kept_members(collection, args.get("filters"), traps)
    return connection(rows, args, traps, order_of(args.get("order"), MEMBER, "-version_index"))


def aliases_of(collection: Collection, info: Info, **args: Any) -> dict[str, Any]:
    rows = [row for one in collection.members.values() for row in _rows(one, info)]
    return connection(rows, args, context(info).traps)


def _rows(member: Membership, info: Info) -> list[Alias]:
    rows = list(member.aliases.values())
    if context(info).traps.version_rows and member.artifact.state not in GONE:
        rows.append(Alias(-member.id, f"v{member.index}", member))
    return rows


def _all_aliases(artifact: Artifact, info: Info) -> list[Alias]:
    return [row for member in artifact.memberships for row in _rows(member, info)]


def _memberships(artifact: Artifact, info: Info, **args: Any) -> dict[str, Any]:
    traps = context(info).traps
    args["first"] = min(args.get("first", traps.memberships), traps.memberships)
    return connection(artifact.memberships, args, traps)


def _seen(one: Collection | Run, _: Info) -> object:
    """The project of something, unless the caller may not see it."""
    return None if one.project.hidden else one.project


def _tag_rows(collection: Collection, info: Info, **args: Any) -> dict[str, Any]:
    rows = [{"id": encode("Tag", at), "name": name} for at, name in enumerate(collection.tags, 1)]
    return connection(rows, args, context(info).traps)


def _files(artifact: Artifact, info: Info, **args: Any) -> dict[str, Any]:
    names = args.get("names")
    rows = [one for one in artifact.files if names is None or one.name in names]
    return connection(rows, args, context(info).traps)


def _outputs(run: Run, info: Info, **args: Any) -> dict[str, Any]:
    return connection(_shown(run.outputs, info), args, context(info).traps, _BY_ID)


def _inputs(run: Run, info: Info, **args: Any) -> dict[str, Any]:
    rows = _shown(run.inputs, info)
    return connection(rows, args, context(info).traps, _BY_ID, lambda one: {"node": one})


_BY_ID = order_of(None, {"id": lambda one: one.id}, "+id")


def _shown(rows: list[Artifact], info: Info) -> list[Artifact]:
    listed = context(info).traps.deleted == "listed"
    return [one for one in rows if listed or one.state not in GONE]


def _used_by(artifact: Artifact, info: Info, **args: Any) -> dict[str, Any]:
    return connection(artifact.users, args, context(info).traps, _BY_ID)


_COLLECTION: dict[str, Callable[..., Any]] = {
    "id": lambda one, _: encode("ArtifactCollection", one.id),
    "createdAt": lambda one, _: moment(one.created_us),
    "updatedAt": lambda one, _: moment(one.created_us),
    "project": _seen,
    "defaultArtifactType": lambda one, _: one.type,
    "tags": _tag_rows,
    "aliases": aliases_of,
    "artifacts": artifacts_of,
    "artifactMembership": lambda one, _, aliasName: one.find(aliasName),  # noqa: N803
    "artifactMemberships": memberships_of,
}

RESOLVERS: dict[str, dict[str, Callable[..., Any]]] = {
    "ArtifactSequence": _COLLECTION,
    "ArtifactPortfolio": _COLLECTION,
    "ArtifactAlias": {
        "id": lambda one, _: encode("ArtifactAlias", abs(one.id)),
        "alias": lambda one, _: one.name,
        "artifactCollection": lambda one, _: one.membership.collection,
    },
    "Tag": {},
    "ArtifactCollectionMembership": {
        "id": lambda one, _: encode("ArtifactCollectionMembership", one.id),
        "versionIndex": lambda one, _: one.index,
        "createdAt": lambda one, _: moment(one.created_us),
        "aliases": _rows,
        "artifactCollection": lambda one, _: one.collection,
        "files": lambda one, info, **args: _files(one.artifact, info, **args),
    },
    "Artifact": {
        "id": lambda one, _: one.gid,
        "digestAlgorithm": lambda *_: "MANIFEST_MD5",
        "versionIndex": lambda one, _: one.index,
        "storageBytes": lambda one, _: one.stored,
        "fileCount": lambda one, _: one.file_count,
        "createdAt": lambda one, _: moment(one.created_us),
        "updatedAt": lambda one, _: moment(one.updated_us),
        "ttlDurationSeconds": lambda one, _: one.lives_s,
        "ttlIsInherited": lambda one, _: one.ttl == INHERIT,
        "usedCount": lambda one, _: len(one.users),
        "isGenerated": lambda one, _: one.generated,
        "isLinkedToGlobalRegistry": lambda one, _: any(
            member.collection.project.is_registry for member in one.memberships
        ),
        "tags": lambda one, _: [
            {"id": encode("Tag", row), "name": name} for name, row in one.tags.items()
        ],
        "aliases": _all_aliases,
        "artifactSequence": lambda one, _: one.sequence,
        "artifactType": lambda one, _: one.sequence.type,
        "artifactMemberships": _memberships,
        "createdBy": lambda one, _: one.creator,
        "usedBy": _used_by,
        "files": _files,
    },
    "File": {
        "id": lambda one, _: encode("File", one.id),
        "displayName": lambda one, _: one.name,
        "sizeBytes": lambda one, _: one.size,
        "md5": lambda one, _: one.digest,
        "directUrl": lambda one, _: f"https://storage.invalid/{one.digest}",
    },
    "Run": {
        "id": lambda one, _: encode("Run", one.id),
        "project": _seen,
        "projectId": lambda one, _: one.project.id,
        "displayName": lambda one, _: one.display_name,
        "state": lambda *_: "finished",
        "config": lambda *_: "{}",
        "summaryMetrics": lambda *_: "{}",
        "systemMetrics": lambda *_: "{}",
        "readOnly": lambda *_: False,
        "tags": lambda *_: [],
        "createdAt": lambda one, _: moment(one.created_us),
        "heartbeatAt": lambda one, _: moment(one.created_us),
        "user": lambda *_: CALLER,
        "outputArtifacts": _outputs,
        "inputArtifacts": _inputs,
    },
}
