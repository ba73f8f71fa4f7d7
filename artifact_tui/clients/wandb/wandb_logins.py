"""What a W&B login of this account leads to: an entity, which only the server may know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifact_tui.clients.base import Place
from artifact_tui.clients.wandb import SCHEMES
from artifact_tui.clients.wandb.wandb_address import WandbAddress
from artifact_tui.clients.wandb.wandb_graphql import Graph
from artifact_tui.clients.wandb.wandb_login import (
    checked_origin,
    read_sdk_settings,
    signed_in_origins,
    url_parts,
)
from artifact_tui.clients.wandb.wandb_settings import options_of
from artifact_tui.clients.wandb.wandb_transport import GraphTransport
from artifact_tui.clients.wandb.wandb_trial import own_entity
from artifact_tui.config import NO_SETTINGS
from artifact_tui.errors import RegistryError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


ENTITY_VARIABLE = "WANDB_ENTITY"


def login_places(environ: Mapping[str, str]) -> Iterator[Place]:
    """The entity of each login; of the default server's the one that W&B's SDK would use.

    Where only the server knows it, the address ends with the host.
    """
    named = environ.get(ENTITY_VARIABLE) or read_sdk_settings().values.get("entity", ("",))[0]
    for origin in signed_in_origins():
        address = WandbAddress(origin, named)
        named = ""
        yield Place(address.text, f"W&B login on {origin.netloc}")


async def complete(text: str) -> str:
    """An address with its entity: the server is asked for that of the login where none is named.

    Raises:
        RegistryError: the server cannot be asked, or tells of none.
        UsageError: it is no address, or there are no credentials.
    """
    scheme, _, rest = text.partition("://")
    host, _, entity = rest.partition("/")
    if entity or scheme not in SCHEMES:
        return text
    _, origin = url_parts(f"{SCHEMES[scheme]}://{host}", "The address")
    origin = checked_origin(origin, "The address")
    address = WandbAddress(origin, "")
    sender = GraphTransport(address, options_of(NO_SETTINGS, origin), read_only=True)
    try:
        found = await own_entity(Graph(sender))
    finally:
        await sender.transport.aclose()
    if not found:
        raise RegistryError(
            f"{origin.netloc} does not tell which entity is yours.",
            hint=f"Set {ENTITY_VARIABLE}, or name one: wandb://ENTITY.",
        )
    return WandbAddress(origin, found).text
