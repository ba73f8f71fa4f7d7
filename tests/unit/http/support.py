"""Small helpers of these tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from artifact_tui.clients.rest.rest_client import RestClient
    from artifact_tui.model import Outcome, Page, Result, Version

T = TypeVar("T")


async def every(read: Callable[[str | None], Awaitable[Page[T]]]) -> list[T]:
    """All rows of all pages."""
    rows: list[T] = []
    after = None
    while True:
        page = await read(after)
        rows += page.rows
        after = page.after
        if after is None:
            return rows


async def all_keys(client: RestClient) -> list[str]:
    """Version keys in the order of the listing."""
    return [version.key for _, version in await every(client.artifacts)]


async def versions_of(client: RestClient, key: str) -> list[Version]:
    return await every(lambda after: client.versions(key, after))


def results(outcomes: Sequence[Outcome]) -> list[Result]:
    return [outcome.result for outcome in outcomes]
