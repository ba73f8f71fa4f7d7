"""Weights & Biases: `wandb://[HOST/]ENTITY[/PROJECT]`, and the URLs of its app."""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifact_tui.clients.base import Kind, Place
from artifact_tui.config import NO_SETTINGS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import msgspec

    from artifact_tui.clients.wandb.wandb_client import WandbClient

NAME = "wandb"

SCHEMES = {"wandb": "https", "wandb+http": "http"}
"""How addresses of W&B begin, and how its server is spoken to."""


class WandbKind(Kind):
    """The entry point; importing it does not import httpx."""

    name = NAME
    forms = "wandb://ENTITY, or an app URL"
    about = """\
\b
artifact-tui registries add vision wandb://acme/vision --set concurrency=8
artifact-tui registries add org https://wandb.ai/acme --read-only

The address of a W&B registry is an entity or a project, or any page of it, pasted. It is
written with its host, so that it means the same whatever WANDB_BASE_URL says. Without
--token-env or --token-command the key is found as W&B's own SDK finds it.
"""

    def claims(self, address: str) -> bool:
        """Whether an address is of W&B: of its own schemes, or on a host of its cloud."""
        scheme, colon, _ = address.strip().partition("://")
        if colon and scheme.lower() in SCHEMES:
            return True
        from artifact_tui.clients.wandb.wandb_address import claims_page  # noqa: PLC0415 - lazy

        return claims_page(address)

    def advice(self, address: str) -> str:
        """What to type instead of an address that looks like a page of a W&B server."""
        from artifact_tui.clients.wandb.wandb_address import advice  # noqa: PLC0415 - lazy

        return advice(address)

    def canonical(self, address: str) -> str:
        """The one way to write an address: with its host."""
        from artifact_tui.clients.wandb.wandb_address import WandbAddress  # noqa: PLC0415 - seldom needed

        return WandbAddress.parse(address).text

    def place(self, address: str) -> str:
        """The `Identity.uid` of the registry at an address."""
        from artifact_tui.clients.wandb.wandb_address import WandbAddress  # noqa: PLC0415 - seldom needed

        return WandbAddress.parse(address).uid

    def places(self, environ: Mapping[str, str]) -> Iterable[Place]:
        """The entities of W&B logins."""
        from artifact_tui.clients.wandb.wandb_login import signed_in_origins  # noqa: PLC0415 - lazy

        if not signed_in_origins():  # what follows takes longer to import
            return ()
        from artifact_tui.clients.wandb.wandb_logins import login_places  # noqa: PLC0415 - httpx is slow

        return login_places(environ)

    async def complete(self, address: str) -> str:
        """With the entity of the login, where none is named."""
        from artifact_tui.clients.wandb.wandb_logins import complete  # noqa: PLC0415 - httpx is slow

        return await complete(address)

    def short(self, address: str) -> str:
        """The entity, and the project: without the host."""
        return address.partition("://")[2].partition("/")[2] or address

    def within(self, place: str, other: str) -> bool:
        """Whether a project is one of an entity."""
        from artifact_tui.clients.wandb import wandb_address  # noqa: PLC0415 - lazy

        return wandb_address.within(place, other)

    def may_show(self, place: str, other: str, settings: Mapping[str, object]) -> bool:
        """Whether opening an entity may list a registry of its organisation."""
        from artifact_tui.clients.wandb import wandb_address  # noqa: PLC0415 - lazy

        return wandb_address.may_show(place, other, settings)

    def settings(self) -> type[msgspec.Struct]:
        """What the configuration may say about a registry of W&B."""
        from artifact_tui.clients.wandb.wandb_settings import WandbSettings  # noqa: PLC0415 - lazy

        return WandbSettings

    def open(
        self,
        address: str,
        *,
        read_only: bool,
        actor: str = "",
        settings: Mapping[str, object] = NO_SETTINGS,
    ) -> WandbClient:
        """Open a registry as configured, with the credentials that W&B's SDK would use.

        Nothing is sent yet: whether it can be reached, the first request shows. W&B records by
        itself whose key deletes.

        Raises:
            ConfigError: a setting that is unknown or cannot be used.
            UsageError: the address cannot be used, or there are no credentials.
        """
        from artifact_tui.clients.wandb.wandb_address import WandbAddress  # noqa: PLC0415 - lazy
        from artifact_tui.clients.wandb.wandb_client import WandbClient  # noqa: PLC0415 - httpx is slow
        from artifact_tui.clients.wandb.wandb_settings import options_of  # noqa: PLC0415 - same

        del actor
        where = WandbAddress.parse(address)
        return WandbClient(where, options_of(settings, where.origin), read_only=read_only)


KIND = WandbKind()
