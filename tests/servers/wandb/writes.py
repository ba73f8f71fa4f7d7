"""What the server does when it is told to: deletions, links, aliases, times to live."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.servers.wandb.context import RefusedError, context
from tests.servers.wandb.store import GONE, Artifact, Collection, Membership

if TYPE_CHECKING:
    from collections.abc import Callable

    from graphql import GraphQLResolveInfo as Info

    from tests.servers.wandb.context import Context
    from tests.servers.wandb.store import Store


def missing(what: str, gid: str) -> RefusedError:
    """There is no such thing (any more)."""
    return RefusedError(f"could not find {what} {gid}", "NOT_FOUND")


def alive(asked: Context, gid: str) -> Artifact:
    """A version that is not deleted."""
    found = asked.artifact(gid)
    if found is None or found.state in GONE:
        raise missing("artifact", gid)
    return found


def artifact(asked: Context, gid: str) -> Artifact:
    """A version that the caller may change."""
    found = alive(asked, gid)
    writable(asked, found.sequence)
    return found


def collection(asked: Context, gid: str, kind: str) -> Collection:
    """A collection of this kind that the caller may change."""
    found = asked.collection(gid)
    if found is None or found.kind != kind or found.state == "DELETED":
        raise missing(f"artifact {kind}", gid)
    writable(asked, found)
    return found


def writable(asked: Context, collection: Collection) -> None:
    """Refuse where the caller may only look."""
    if (collection.project.read_only or collection.project.hidden) and not asked.admin:
        raise RefusedError("permission denied", "PERMISSION_ERROR")


def guarded(asked: Context, member: Membership) -> list[str]:
    """Protected aliases of a membership that the caller may not remove."""
    if asked.traps.registry_admin or asked.admin:
        return []
    return sorted(member.collection.project.protected & set(member.aliases))


def _deletable(asked: Context, artifact: Artifact) -> None:
    if artifact.generated or artifact.sequence.type.system:
        raise RefusedError("cannot delete system managed artifact", "INVALID")
    for member in artifact.memberships:
        for alias in guarded(asked, member):
            where = member.collection.path
            words = f'cannot delete artifact with protected alias "{alias}" in {where}'
            raise RefusedError(words, "PERMISSION_ERROR")


def drop(store: Store, artifact: Artifact) -> None:
    """Delete a version, and with it all links to it and all its aliases."""
    for member in artifact.memberships[1:]:
        store.leave(member)
    for alias in list(artifact.memberships[0].aliases):
        store.unname(artifact.memberships[0], alias)
    artifact.state = "DELETED"


def delete_artifact(_: object, info: Info, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    asked = context(info)
    found = artifact(asked, input["artifactID"])
    _deletable(asked, found)
    counted = found.memberships[: None if asked.traps.aliases_count == "anywhere" else 1]
    aliases = [name for member in counted for name in member.aliases]
    if aliases and not input.get("deleteAliases"):
        words = f"cannot delete artifact {found.gid} because it has aliases: {', '.join(aliases)}"
        raise RefusedError(words, "CONFLICT")
    drop(asked.store, found)
    asked.done.append(f"deleteArtifact {found.path}")
    return {"artifact": found, "clientMutationId": input.get("clientMutationId")}


def delete_sequence(_: object, info: Info, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    asked = context(info)
    found = collection(asked, input["artifactSequenceID"], "sequence")
    versions = [one.artifact for one in found.members.values() if one.artifact.state not in GONE]
    for version in versions:
        _deletable(asked, version)
    for version in versions:
        drop(asked.store, version)
    found.state = "DELETED"
    asked.done.append(f"deleteArtifactSequence {found.path}")
    return {"artifactCollection": found}


def delete_portfolio(_: object, info: Info, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    asked = context(info)
    found = collection(asked, input["artifactPortfolioID"], "portfolio")
    for member in found.members.values():
        _unlinkable(asked, member)
    for member in list(found.members.values()):
        asked.store.leave(member)
    found.state = "DELETED"
    asked.done.append(f"deleteArtifactPortfolio {found.path}")
    return {"artifactCollection": found}


def _unlinkable(asked: Context, member: Membership) -> None:
    for alias in guarded(asked, member):
        words = f'cannot unlink artifact with protected alias "{alias}"'
        raise RefusedError(words, "PERMISSION_ERROR")


def unlink(_: object, info: Info, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    asked = context(info)
    portfolio = collection(asked, input["artifactPortfolioID"], "portfolio")
    found = asked.artifact(input["artifactID"])
    members = [one for one in found.memberships if one.collection is portfolio] if found else []
    if not members:
        raise missing("linked artifact", input["artifactID"])
    for member in members:
        _unlinkable(asked, member)
        asked.store.leave(member)
    asked.done.append(f"unlinkArtifact {portfolio.path}")
    return {
        "success": True,
        "artifactID": input["artifactID"],
        "artifactPortfolioID": input["artifactPortfolioID"],
    }


def delete_run(_: object, info: Info, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    asked = context(info)
    found = asked.run(input["id"])
    if found is None:
        raise missing("run", input["id"])
    for version in found.outputs:
        version.creator = None
        kept = version.generated or version.state in GONE
        if input.get("deleteArtifacts") and not kept:
            drop(asked.store, version)
    for version in found.inputs:
        version.users.remove(found)
    del found.project.runs[found.name], asked.store.runs[found.id]
    asked.done.append(f"deleteRun {found.path}")
    return {"clientMutationId": input.get("clientMutationId")}


RESOLVERS: dict[str, dict[str, Callable[..., Any]]] = {
    "Mutation": {
        "deleteArtifact": delete_artifact,
        "deleteArtifactSequence": delete_sequence,
        "deleteArtifactPortfolio": delete_portfolio,
        "unlinkArtifact": unlink,
        "deleteRun": delete_run,
    }
}
