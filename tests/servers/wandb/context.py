"""What a resolver may use: the store, the switches, and who asks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from graphql import GraphQLError

from tests.servers.wandb.ids import decode, encode

if TYPE_CHECKING:
    from graphql import GraphQLResolveInfo

    from tests.servers.wandb.store import Artifact, Collection, Run, Store
    from tests.servers.wandb.traps import Traps

CALLER = {"id": encode("User", 7), "name": "Ada", "username": "ada", "email": "ada@example.org"}
"""Who asks, as far as it is always the same."""


@dataclass(slots=True)
class Context:
    """One document being executed."""

    store: Store
    traps: Traps
    agent: str = ""
    admin: bool = False
    """The request claims an admin's privileges, and its sender is one."""
    done: list[str] = field(default_factory=list)
    """Mutations that were carried out, as `field id`."""

    def artifact(self, gid: str) -> Artifact | None:
        """The version of a global id, whatever its state, unless deleted ones cannot be found."""
        kind, number = decode(gid)
        found = self.store.artifacts.get(number) if kind == "Artifact" else None
        hidden = found is not None and found.state == "DELETED" and self.traps.deleted == "gone"
        return None if hidden else found

    def collection(self, gid: str) -> Collection | None:
        kind, number = decode(gid)
        return self.store.collections.get(number) if kind == "ArtifactCollection" else None

    def run(self, gid: str) -> Run | None:
        kind, number = decode(gid)
        return self.store.runs.get(number) if kind == "Run" else None


def context(info: GraphQLResolveInfo) -> Context:
    """The context of a field being resolved."""
    found: Any = info.context
    assert isinstance(found, Context)
    return found


class RefusedError(GraphQLError):
    """The server will not; `code` decides about the status."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message, extensions={"code": code})


STATUS = {
    "PERMISSION_ERROR": 403,
    "NOT_FOUND": 404,
    "INVALID": 400,
    "CONFLICT": 409,
}
