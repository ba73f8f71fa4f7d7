"""What can be asked from the top, from an entity and from a project."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphql import GraphQLError

from tests.servers.wandb.context import CALLER, context
from tests.servers.wandb.filters import matcher
from tests.servers.wandb.ids import encode, moment
from tests.servers.wandb.paging import connection, order_of
from tests.servers.wandb.versions import MEMBER, kept_members

if TYPE_CHECKING:
    from collections.abc import Callable

    from graphql import GraphQLResolveInfo as Info

    from tests.servers.wandb.store import Collection, Entity, Membership, Project, Type

FEATURES = (
    "ARTIFACT_COLLECTIONS_FILTERING_SORTING",
    "ARTIFACT_DIGEST_ALGORITHM",
    "ARTIFACT_TAGS",
    "ARTIFACT_REGISTRY_SEARCH",
    "ARTIFACT_MEMBERSHIP_IN_LINK_ARTIFACT_RESPONSE",
    "TOTAL_COUNT_IN_FILE_CONNECTION",
    "PROJECT_ARTIFACT_COLLECTION_MEMBERSHIP",
)
_PROJECT: dict[str, Callable[[Any], Any]] = {
    "id": lambda one: one.id,
    "name": lambda one: one.name,
    "created_at": lambda one: one.created_us,
}
_COLLECTION: dict[str, Callable[[Any], Any]] = {
    **_PROJECT,
    "updated_at": lambda one: one.created_us,
    "description": lambda one: one.description,
    "tag": lambda one: one.tags,
    "type": lambda one: one.type.name,
    "state": lambda one: one.state,
}


def server_info(_: object, info: Info) -> dict[str, Any]:
    traps = context(info).traps
    features = [name for name in FEATURES if name not in traps.lacks_features]
    return {
        "cliVersionInfo": {"min_cli_version": "0.10.0", "max_cli_version": "0.31.0"},
        "latestLocalVersionInfo": {
            "outOfDate": False,
            "latestVersionString": traps.version,
            "versionOnThisInstanceString": traps.version,
        },
        "features": [{"name": name, "isEnabled": True} for name in features],
    }


def viewer(_: object, info: Info) -> dict[str, Any]:
    asked = context(info)
    entity = asked.store.entity(asked.traps.entity)
    return {
        **CALLER,
        "admin": asked.traps.admin,
        "flags": "{}",
        "entity": entity.name,
        "teams": {"edges": [{"node": one} for one in asked.store.entities.values()]},
        "organizations": list(asked.store.organizations.values()),
    }


def api_keys(_: object, info: Info) -> dict[str, Any]:
    if not context(info).agent.startswith("W&B"):
        raise GraphQLError("relogin required")
    return {"edges": []}


def entity(_: object, info: Info, name: str | None = None) -> Entity | None:
    asked = context(info)
    return asked.store.entities.get(name or asked.traps.entity)


def organization(_: object, info: Info, name: str) -> object:
    return context(info).store.organizations.get(name)


def project(
    _: object,
    info: Info,
    name: str | None = None,
    entityName: str | None = None,  # noqa: N803
) -> Project | None:
    return project_of(entity(_, info, entityName), info, name)


def project_of(owner: Entity | None, info: Info, name: str | None = None) -> Project | None:
    del info
    found = owner.projects.get(name or "") if owner else None
    return None if found is None or found.hidden else found


def projects(_: object, info: Info, **args: Any) -> dict[str, Any]:
    owner = entity(_, info, args.get("entityName"))
    return projects_of(owner, info, **args) if owner else connection([], args, context(info).traps)


def projects_of(owner: Entity, info: Info, **args: Any) -> dict[str, Any]:
    rows = _chosen(owner, args.get("filters"))
    order = order_of(args.get("order"), _PROJECT, "-created_at")
    return connection(rows, args, context(info).traps, order)


def _chosen(owner: Entity, filters: str | None) -> list[Project]:
    good = matcher(filters)
    rows = (one for one in owner.projects.values() if not one.hidden)
    return [one for one in rows if good(_reader(one, _PROJECT))]


def _reader(row: Any, fields: dict[str, Callable[[Any], Any]]) -> Callable[[str], object]:
    def read(name: str) -> object:
        snake = "".join("_" + c.lower() if c.isupper() else c for c in name)
        snake = snake.rpartition(".")[2] if snake not in fields else snake
        if snake not in fields:
            raise GraphQLError(f"filters: unknown field {name}")
        return fields[snake](row)

    return read


def artifact_types(home: Project, info: Info, **args: Any) -> dict[str, Any]:
    order = order_of(None, _PROJECT, "+name")
    return connection(list(home.types.values()), args, context(info).traps, order)


def artifact_type(home: Project, info: Info, name: str) -> Type | None:
    del info
    return home.types.get(name)


def collections_of_project(home: Project, info: Info, **args: Any) -> dict[str, Any]:
    return _collections(list(home.collections.values()), info, args)


def collections_of_type(home: Type, info: Info, **args: Any) -> dict[str, Any]:
    rows = [one for one in home.project.collections.values() if one.type is home]
    return _collections(rows, info, args)


def collections_of_entity(owner: Entity, info: Info, **args: Any) -> dict[str, Any]:
    homes = _chosen(owner, args.get("projectFilters"))
    return _collections([one for home in homes for one in home.collections.values()], info, args)


def _collections(rows: list[Collection], info: Info, args: dict[str, Any]) -> dict[str, Any]:
    traps = context(info).traps
    kinds = {kind.lower() for kind in args.get("collectionTypes") or ("SEQUENCE", "PORTFOLIO")}
    good = matcher(args.get("filters"))
    kept = [
        one
        for one in rows
        if one.kind in kinds
        and (one.state == "READY" or traps.deleted_collections)
        and good(_reader(one, _COLLECTION))
    ]
    return connection(kept, args, traps, order_of(args.get("order"), _COLLECTION, "-id"))


def collection_of_type(home: Type, info: Info, name: str) -> Collection | None:
    found = collection_of_project(home.project, info, name)
    return found if found and found.type is home else None


def collection_of_project(home: Project, info: Info, name: str) -> Collection | None:
    del info
    found = home.collections.get(name)
    return found if found and found.state == "READY" else None


def membership_of_project(home: Project, info: Info, name: str) -> Membership | None:
    where, _, alias = name.partition(":")
    found = collection_of_project(home, info, where)
    return found.find(alias or "latest") if found else None


def memberships_of_entity(owner: Entity, info: Info, **args: Any) -> dict[str, Any]:
    traps = context(info).traps
    good = matcher(args.get("collectionFilters"))
    rows = [
        member
        for home in _chosen(owner, args.get("projectFilters"))
        for one in home.collections.values()
        if one.state == "READY" and good(_reader(one, _COLLECTION))
        for member in kept_members(one, args.get("filters"), traps)
    ]
    return connection(rows, args, traps, order_of(args.get("order"), MEMBER, "-id"))


def _run(home: Project, info: Info, name: str) -> object:
    del info
    return home.runs.get(name)


def _artifact_by_name(home: Project, info: Info, name: str) -> object:
    found = membership_of_project(home, info, name)
    return found.artifact if found else None


def runs(home: Project, info: Info, **args: Any) -> dict[str, Any]:
    return connection(
        list(home.runs.values()),
        args,
        context(info).traps,
        order_of(None, _PROJECT, "-created_at"),
    )


def _storage(owner: Entity, info: Info) -> int:
    del info
    alive = (
        member.artifact.stored
        for home in owner.projects.values()
        for one in home.collections.values()
        if one.kind == "sequence"
        for member in one.members.values()
        if member.artifact.state == "COMMITTED"
    )
    return sum(alive)


RESOLVERS: dict[str, dict[str, Callable[..., Any]]] = {
    "Query": {
        "serverInfo": server_info,
        "viewer": viewer,
        "entity": entity,
        "organization": organization,
        "models": projects,
        "projects": projects,
        "project": project,
        "artifact": lambda _, info, id: context(info).artifact(id),  # noqa: A006
        "artifactCollection": lambda _, info, id: context(info).collection(id),  # noqa: A006
    },
    "User": {"apiKeys": api_keys},
    "Organization": {
        "id": lambda one, _: encode("Organization", one.id),
        "orgEntity": lambda one, _: one.entity,
        "advancedRegistryFeatures": lambda *_: {"advancedSearch": False},
    },
    "Entity": {
        "id": lambda one, _: encode("Entity", one.id),
        "entityType": lambda *_: "team",
        "isTeam": lambda *_: True,
        "available": lambda *_: False,
        "readOnly": lambda *_: False,
        "storageBytes": _storage,
        "artifactTTLDurationSeconds": lambda one, _: one.ttl or None,
        "organization": lambda one, _: one.org,
        "project": project_of,
        "projects": projects_of,
        "artifactCollections": collections_of_entity,
        "artifactMemberships": memberships_of_entity,
    },
    "Project": {
        "id": lambda one, _: encode("Project", one.id),
        "internalId": lambda one, _: encode("ProjectInternalId", one.id),
        "entityName": lambda one, _: one.entity.name,
        "user": lambda *_: CALLER,
        "access": lambda *_: "PRIVATE",
        "readOnly": lambda one, _: one.read_only,
        "isBenchmark": lambda *_: False,
        "createdAt": lambda one, _: moment(one.created_us),
        "updatedAt": lambda one, _: moment(one.created_us),
        "allowAllArtifactTypesInRegistry": lambda *_: True,
        "artifactTypes": artifact_types,
        "artifactType": artifact_type,
        "artifactCollections": collections_of_project,
        "artifactCollection": collection_of_project,
        "artifactCollectionMembership": membership_of_project,
        "artifact": _artifact_by_name,
        "run": _run,
        "runs": runs,
        "runCount": lambda one, _, **__: len(one.runs),
    },
    "ArtifactType": {
        "id": lambda one, _: encode("ArtifactType", one.id),
        "createdAt": lambda one, _: moment(one.created_us),
        "artifactCollections": collections_of_type,
        "artifactCollection": collection_of_type,
    },
}
