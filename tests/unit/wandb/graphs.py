"""Calls to a stand-in W&B, and the connection that sends them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifact_tui.clients.servers import Secret
from artifact_tui.clients.wandb.wandb_address import WandbAddress
from artifact_tui.clients.wandb.wandb_replies import GraphCall
from artifact_tui.clients.wandb.wandb_settings import WandbOptions
from artifact_tui.clients.wandb.wandb_transport import GraphTransport

if TYPE_CHECKING:
    from tests.servers.wandb.process import Server

READ = GraphCall("query{viewer{username}}", {}, writes=False, what="asking who we are")
DELETE = "mutation($i:DeleteArtifactInput!){deleteArtifact(input:$i){artifact{id state}}}"
WRITE = GraphCall(DELETE, {"i": {"artifactID": "QQ=="}}, writes=True, what="deleting versions")


def graph_of(server: Server, *, read_only: bool = False, **options: object) -> GraphTransport:
    options.setdefault("key", Secret(server.api_key))
    told = WandbOptions(**options)  # type: ignore[arg-type]
    return GraphTransport(WandbAddress.parse(server.address()), told, read_only=read_only)


def deletion(identifier: str) -> GraphCall:
    return GraphCall(
        DELETE, {"i": {"artifactID": identifier}}, writes=True, what="deleting versions"
    )


def filled(server: Server, count: int) -> list[str]:
    """So many versions; gives their ids."""
    ids = server.fill(1, count)
    server.clear()
    return [gid for path, gid in ids.items() if ":v" in path]
