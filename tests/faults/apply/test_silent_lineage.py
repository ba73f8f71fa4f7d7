"""A registry that does not tell dependents is not taken at its word: review and plan stand in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from artifact_tui.deletion.items import ItemState, Options, Reason
from tests.support.linked_world import LinkedWorld, by_key, run

if TYPE_CHECKING:
    from pathlib import Path

S = ItemState
AGREED = Options(unknown_lineage=True)
ORPHANS = Options(unknown_lineage=True, orphan_dependents=True)


@pytest.fixture
def world(tmp_path: Path) -> LinkedWorld:
    return LinkedWorld(tmp_path)


def falls_silent(world: LinkedWorld, *keys: str) -> None:
    for key in keys:
        world.registry.tell(key, lineage_known=False, dependents=[])


def ends(
    world: LinkedWorld, keys: list[str], options: Options, *, changed: str = ""
) -> list[tuple[ItemState, Reason]]:
    """What became of these versions at a registry that fell silent after the review."""
    with world.plan(keys, options) as plan:
        falls_silent(world, *keys)
        if changed:
            world.registry.alias("m", changed, "new")
        run(plan, world.faulty())
        found = by_key(list(plan.every_item()))
    return [(found[key].state, found[key].reason) for key in keys]


def test_a_dependent_that_went_before_does_not_hold_its_parent(world: LinkedWorld) -> None:
    parent = world.registry.add("m")
    child = world.registry.add("m", parents=[parent])
    assert ends(world, [parent, child], AGREED) == [(S.VERIFIED, Reason.NONE)] * 2


def test_a_dependent_of_the_plan_that_stays_holds_its_parent(world: LinkedWorld) -> None:
    parent = world.registry.add("m")
    child = world.registry.add("m", parents=[parent])
    assert ends(world, [parent, child], AGREED, changed=child) == [
        (S.REFUSED, Reason.DEPENDENT_STAYS),
        (S.REFUSED, Reason.ALIASES_CHANGED),
    ]
    assert world.registry.live() == {parent, child}


def test_a_dependent_outside_that_is_not_told_any_more_is_not_lost(world: LinkedWorld) -> None:
    parent = world.registry.add("m")
    child = world.registry.add("m", parents=[parent])
    assert ends(world, [parent], ORPHANS) == [(S.VERIFIED, Reason.NONE)]
    assert world.registry.live() == {child}


def test_what_was_known_and_is_not_told_any_more_needs_the_consent(world: LinkedWorld) -> None:
    parent = world.registry.add("m")
    child = world.registry.add("m", parents=[parent])
    assert ends(world, [parent, child], Options()) == [
        (S.REFUSED, Reason.DEPENDENT_STAYS),
        (S.REFUSED, Reason.LINEAGE_UNKNOWN),
    ]


def test_everything_else_is_compared_as_ever(world: LinkedWorld) -> None:
    key = world.registry.add("m")
    with world.plan([key], AGREED) as plan:
        world.registry.tell(key, lineage_known=False, digest="sha256:other")
        run(plan, world.faulty())
        (item,) = plan.every_item()
    assert (item.state, item.reason) == (S.REFUSED, Reason.CONTENT_CHANGED)
