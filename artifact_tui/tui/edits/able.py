"""What of a registry can be changed from here, and why the rest cannot. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifact_tui.edits.able import editor

if TYPE_CHECKING:
    from artifact_tui.tui.services import Services


def retention_why_not(services: Services) -> str:
    """Why there is nothing to see about times to live; empty when there is."""
    return "" if services.client.capabilities.ttl else "this registry has no times to live"


def ttl_why_not(services: Services) -> str:
    """Why times to live cannot be changed; empty when they can."""
    if editor(services.client, "ttl") is None:
        return "its times to live cannot be changed"
    return services.read_only_reason


def inherit_why_not(services: Services) -> str:
    """Why a time to live cannot come from the collection or team; empty when it can."""
    if why := ttl_why_not(services):
        return why
    can = services.client.capabilities.inherit_ttl
    return "" if can else "its versions inherit no time to live"


def names_why_not(services: Services) -> str:
    """Why neither aliases nor tags can be changed; empty when they can."""
    if editor(services.client, "aliases", "tags") is None:
        return "its aliases and tags cannot be changed"
    return services.read_only_reason
