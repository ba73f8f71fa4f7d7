"""What the server does to aliases, tags, times to live, links and projects."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tests.servers.wandb.context import RefusedError, context
from tests.servers.wandb.ids import encode
from tests.servers.wandb.store import OFF
from tests.servers.wandb.writes import alive, artifact, collection, guarded, missing, writable

if TYPE_CHECKING:
    from collections.abc import Callable

    from graphql import GraphQLResolveInfo as Info

    from tests.servers.wandb.context import Context
    from tests.servers.wandb.store import Artifact, Collection, Membership

_TAG = re.compile(r"[-\w]+([ ]+[-\w]+)*")
_LONGEST = 128


def add_aliases(_: object, info: Info, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    asked = context(info)
    found = alive(asked, input["artifactID"])
    for said in input["aliases"]:
        member = _member(asked, found, said)
        _movable(asked, member.collection, said["alias"])
        asked.store.name(member, _alias(said["alias"]))
    asked.done.append(f"addAliases {found.path}")
    return {"success": True}


def delete_aliases(_: object, info: Info, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    asked = context(info)
    found = alive(asked, input["artifactID"])
    for said in input["aliases"]:
        member = _member(asked, found, said)
        if said["alias"] in guarded(asked, member):
            raise RefusedError("permission denied", "PERMISSION_ERROR")
        asked.store.unname(member, said["alias"])
    asked.done.append(f"deleteAliases {found.path}")
    return {"success": True}


def _alias(name: str) -> str:
    if not name or len(name) > _LONGEST or "/" in name or ":" in name:
        raise RefusedError(f"invalid alias {name!r}", "INVALID")
    return name


def _movable(asked: Context, home: Collection, alias: str) -> None:
    """A protected alias is given and taken by registry admins only."""
    protected = alias in home.project.protected
    if protected and not (asked.traps.registry_admin or asked.admin):
        raise RefusedError("permission denied", "PERMISSION_ERROR")


def _member(asked: Context, found: Artifact, said: dict[str, Any]) -> Membership:
    path = "/".join(said[key] for key in ("entityName", "projectName", "artifactCollectionName"))
    for member in found.memberships:
        if member.collection.path == path:
            writable(asked, member.collection)
            return member
    raise missing("artifact collection membership", path)


def update_artifact(_: object, info: Info, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    asked = context(info)
    found = artifact(asked, input["artifactID"])
    if "ttlDurationSeconds" in input:
        _set_ttl(asked, found, input["ttlDurationSeconds"])
    for said in input.get("tagsToAdd") or ():
        if not _TAG.fullmatch(said["tagName"]):
            raise RefusedError(f"invalid tag {said['tagName']!r}", "INVALID")
        found.tags.setdefault(said["tagName"], asked.store.number())
    for said in input.get("tagsToDelete") or ():
        found.tags.pop(said["tagName"], None)
    found.description = input.get("description", found.description)
    found.metadata = input.get("metadata", found.metadata)
    asked.done.append(f"updateArtifact {found.path}")
    return {"artifact": found}


def _set_ttl(asked: Context, found: Artifact, seconds: int | None) -> None:
    if seconds is None or asked.traps.ttl_ignored:
        return
    if found.sequence.type.automatic:
        raise RefusedError("cannot set TTL on this type of artifact", "INVALID")
    if any(member.collection.project.is_registry for member in found.memberships):
        raise RefusedError("cannot set TTL on an artifact linked to a registry", "INVALID")
    if seconds == 0 or seconds < OFF:
        raise RefusedError(f"invalid TTL {seconds}", "INVALID")
    found.ttl = seconds


def link(_: object, info: Info, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    asked = context(info)
    found = alive(asked, input.get("artifactID") or "")
    if input.get("artifactPortfolioID"):
        portfolio = collection(asked, input["artifactPortfolioID"], "portfolio")
    else:
        path = "/".join(input[key] for key in ("entityName", "projectName"))
        name = f"{path}/{input['artifactPortfolioName']}"
        portfolio = asked.store.collection(name, found.sequence.type.name, "portfolio")
        writable(asked, portfolio)
    member = next((one for one in found.memberships if one.collection is portfolio), None)
    member = member or asked.store.join(portfolio, found, None)
    for said in ({"alias": "latest"}, *(input.get("aliases") or ())):
        _movable(asked, portfolio, said["alias"])
        asked.store.name(member, _alias(said["alias"]))
    if portfolio.project.is_registry:
        found.ttl = OFF
    asked.done.append(f"linkArtifact {portfolio.path}")
    return {"versionIndex": member.index, "artifactMembership": member}


def delete_model(_: object, info: Info, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    asked = context(info)
    for owner in asked.store.entities.values():
        for home in list(owner.projects.values()):
            if encode("Project", home.id) == input["id"]:
                _remove(asked, home.path)
                return {"success": True}
    raise missing("project", input["id"])


def _remove(asked: Context, path: str) -> None:
    """A project with all that is in it; the versions in it break their links elsewhere."""
    store = asked.store
    home = store.project(path)
    for one in home.collections.values():
        for member in list(one.members.values()):
            if one.kind == "sequence":
                for link_there in member.artifact.memberships[1:]:
                    store.leave(link_there)
                store.artifacts.pop(member.artifact.id, None)
            else:
                store.leave(member)
        store.collections.pop(one.id, None)
    for run in home.runs.values():
        store.runs.pop(run.id, None)
    del home.entity.projects[home.name]
    asked.done.append(f"deleteModel {path}")


RESOLVERS: dict[str, dict[str, Callable[..., Any]]] = {
    "Mutation": {
        "addAliases": add_aliases,
        "deleteAliases": delete_aliases,
        "updateArtifact": update_artifact,
        "linkArtifact": link,
        "deleteModel": delete_model,
    }
}
