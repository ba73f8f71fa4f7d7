"""What tests of deletion do again and again."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from artifact_tui.model import Deletion, VersionState

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from artifact_tui.clients.base import Client
    from artifact_tui.model import Outcome, Page, Result, Version
    from tests.contract.world import World

T = TypeVar("T")


async def every(read: Callable[[str | None], Awaitable[Page[T]]]) -> list[T]:
    """All rows of all pages."""
    rows: list[T] = []
    after = None
    while True:
        page = await read(after)
        rows += page.rows
        if page.after is None:
            return rows
        assert page.rows, "a page that is not the last has rows"
        after = page.after


async def key_of(client: Client, name: str) -> str:
    """The key of the collection of a name."""
    found = {one.name: one.key for one in await every(client.collections)}
    return found[name]


async def versions_of(client: Client, name: str) -> list[Version]:
    """All versions of the collection of a name."""
    key = await key_of(client, name)
    return await every(lambda after: client.versions(key, after))


async def version_of(client: Client, name: str, key: str) -> Version:
    """One version as its collection lists it."""
    return next(one for one in await versions_of(client, name) if one.key == key)


def results(outcomes: Sequence[Outcome]) -> list[Result]:
    """What each item is told."""
    return [outcome.result for outcome in outcomes]


async def fresh(world: World, key: str, **consent: bool) -> Deletion:
    """A deletion with the token of this moment."""
    facts = (await world.client.facts([key]))[key]
    return Deletion(key, facts.token, **consent)


async def live(world: World) -> set[str]:
    """The versions that are really there and not in the trash, seen from outside the client."""
    things = (await world.truth()).things
    return {key for key, thing in things.items() if thing.state == "live"}


async def told_live(world: World, keys: Sequence[str]) -> set[str]:
    """Those that the client's facts call live."""
    facts = await world.client.facts(keys)
    return {key for key, fact in facts.items() if fact.state is VersionState.LIVE}
