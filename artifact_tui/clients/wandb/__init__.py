"""Weights & Biases: `wandb://[HOST/]ENTITY[/PROJECT]`, and the URLs of its app."""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifact_tui.settings import NONE, convert

if TYPE_CHECKING:
    from collections.abc import Mapping

    from artifact_tui.clients.wandb.client import WandbClient
    from artifact_tui.clients.wandb.options import Options

NAME = "wandb"


class WandbKind:
    """The entry point; importing it does not import httpx."""

    @property
    def name(self) -> str:
        """The entry-point name."""
        return NAME

    def claims(self, address: str) -> bool:
        """Whether an address is of W&B: of its own schemes, or on a host of its cloud."""
        from artifact_tui.clients.wandb.address import claims  # noqa: PLC0415 - lazy

        return claims(address)

    def advice(self, address: str) -> str:
        """What to type instead of an address that looks like a page of a W&B server."""
        from artifact_tui.clients.wandb.address import advice  # noqa: PLC0415 - lazy

        return advice(address)

    def canonical(self, address: str) -> str:
        """The one way to write an address: with its host."""
        from artifact_tui.clients.wandb.address import Address  # noqa: PLC0415 - seldom needed

        return Address.parse(address).text

    def place(self, address: str) -> str:
        """The `Identity.uid` of the registry at an address."""
        from artifact_tui.clients.wandb.address import Address  # noqa: PLC0415 - seldom needed

        return Address.parse(address).uid

    def short(self, address: str) -> str:
        """The entity, and the project: without the host."""
        return address.partition("://")[2].partition("/")[2] or address

    def within(self, place: str, other: str) -> bool:
        """Whether a project is one of an entity."""
        from artifact_tui.clients.wandb import nesting  # noqa: PLC0415 - lazy

        return nesting.within(place, other)

    def may_show(self, place: str, other: str, settings: Mapping[str, object]) -> bool:
        """Whether opening an entity may list a registry of its organisation."""
        from artifact_tui.clients.wandb import nesting  # noqa: PLC0415 - lazy

        return nesting.may_show(place, other, settings)

    def check(self, settings: Mapping[str, object]) -> None:
        """Refuse settings that W&B does not know."""
        from artifact_tui.clients.wandb.settings import Known  # noqa: PLC0415 - lazy

        convert(settings, Known)

    def open(
        self,
        address: str,
        *,
        read_only: bool,
        actor: str = "",
        settings: Mapping[str, object] = NONE,
    ) -> WandbClient:
        """Open a registry as configured, with the credentials that W&B's SDK would use.

        Nothing is sent yet: whether it can be reached, the first request shows. W&B records by
        itself whose key deletes.

        Raises:
            ConfigError: a setting that is unknown or cannot be used.
            UsageError: the address cannot be used, or there are no credentials.
        """
        from artifact_tui.clients.wandb.address import Address  # noqa: PLC0415 - lazy
        from artifact_tui.clients.wandb.settings import options_of  # noqa: PLC0415 - same

        del actor
        where = Address.parse(address)
        options = options_of(settings, where.origin)
        return connect(where.text, options=options, read_only=read_only)


KIND = WandbKind()


def connect(
    address: str, *, options: Options | None = None, read_only: bool = False
) -> WandbClient:
    """Open a registry with options of its own.

    Raises:
        UsageError: the address, or the API key, cannot be used.
    """
    from artifact_tui.clients.wandb.address import Address  # noqa: PLC0415 - lazy
    from artifact_tui.clients.wandb.client import WandbClient  # noqa: PLC0415 - httpx is slow
    from artifact_tui.clients.wandb.options import Options  # noqa: PLC0415 - lazy

    where = Address.parse(address)
    return WandbClient(where, options or Options(), read_only=read_only)
