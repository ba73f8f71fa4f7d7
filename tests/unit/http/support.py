"""Small helpers of these tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from artifact_tui.clients.rest.rest_client import RestClient
    from artifact_tui.model import Listed, Outcome, Result, Version


async def all_keys(client: RestClient) -> list[str]:
    """Version keys in the order of the listing."""
    return [version.key for version in await versions(client)]


async def versions(client: RestClient) -> list[Version]:
    """Every version as it was listed, those that came again too."""
    return await rest_of(client.listing())


async def rest_of(listing: AsyncIterator[Listed]) -> list[Version]:
    """The versions that a listing still has to tell."""
    return [version async for part in listing for version in part.versions]


def results(outcomes: Sequence[Outcome]) -> list[Result]:
    return [outcome.result for outcome in outcomes]
