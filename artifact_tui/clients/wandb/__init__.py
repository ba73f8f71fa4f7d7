"""Weights & Biases: `wandb://[HOST/]ENTITY[/PROJECT]`, and the URLs of its app."""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifact_tui.settings import NONE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from artifact_tui.clients.base import Client

NAME = "wandb"


class WandbKind:
    """The entry point; importing it does not import httpx."""

    @property
    def name(self) -> str:
        """The entry-point name."""
        return NAME

    def claims(self, address: str) -> bool:
        """Whether an address is of W&B."""
        return address.partition("://")[0].lower() in {"wandb", "wandb+http"}

    def check(self, settings: Mapping[str, object]) -> None:
        """Refuse settings that W&B does not know."""

    def open(
        self,
        address: str,
        *,
        read_only: bool,
        actor: str = "",
        settings: Mapping[str, object] = NONE,
    ) -> Client:
        """Open a registry as configured. Nothing is sent yet."""
        raise NotImplementedError


KIND = WandbKind()
