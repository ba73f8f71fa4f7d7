"""What tests of deletion do again and again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifact_tui.model import Deletion, VersionState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from artifact_tui.model import Outcome, Result
    from tests.contract.world import World


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
