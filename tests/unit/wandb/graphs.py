"""Calls to a stand-in W&B, and the connection that sends them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifact_tui.clients.wandb.address import Address
from artifact_tui.clients.wandb.graph import Graph
from artifact_tui.clients.wandb.options import Options
from artifact_tui.clients.wandb.replies import Call
from artifact_tui.clients.web.secret import Secret

if TYPE_CHECKING:
    from tests.servers.wandb.process import Server

READ = Call("query{viewer{username}}", {}, writes=False, what="asking who we are")
DELETE = "mutation($i:DeleteArtifactInput!){deleteArtifact(input:$i){artifact{id state}}}"
WRITE = Call(DELETE, {"i": {"artifactID": "QQ=="}}, writes=True, what="deleting versions")


def graph_of(server: Server, *, read_only: bool = False, **options: object) -> Graph:
    options.setdefault("key", Secret(server.api_key))
    return Graph(Address.parse(server.address()), Options(**options), read_only=read_only)  # type: ignore[arg-type]


def deletion(identifier: str) -> Call:
    return Call(DELETE, {"i": {"artifactID": identifier}}, writes=True, what="deleting versions")


def filled(server: Server, count: int) -> list[str]:
    """So many versions; gives their ids."""
    ids = server.fill(1, count)
    server.clear()
    return [gid for path, gid in ids.items() if ":v" in path]
