"""Which registries of W&B lie within others, told from their `Address.uid` alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_UID = "wandb:"
"""The beginning of what all addresses of one W&B place have in common: host, entity, project."""

REGISTRY = "wandb-registry-"
"""The beginning of projects that are registries of an organisation."""


def within(place: str, other: str) -> bool:
    """Whether a project is one of an entity."""
    return other.startswith(_UID) and place.startswith(f"{other}/")


def may_show(place: str, other: str, settings: Mapping[str, object]) -> bool:
    """Whether opening an entity may list a registry of an organisation: nobody asks here.

    Unless its settings say that registries are left out.
    """
    if settings.get("registries", True) is False:
        return False
    host, *where = place.split("/")
    home, *parts = other.split("/")
    shelf = len(parts) == 2 and parts[1].startswith(REGISTRY)  # noqa: PLR2004 - readable
    return host.startswith(_UID) and len(where) == 1 and host == home and shelf
