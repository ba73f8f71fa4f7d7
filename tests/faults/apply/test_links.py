"""Links: nothing but the link ever goes with one, and a review says what that means."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from artifact_tui.deletion.items import ItemState, Options, Reason
from artifact_tui.deletion.plan import Status
from tests.servers.faulty.faulty import Rule, Script
from tests.support.linked_world import LinkedWorld, by_key, run

if TYPE_CHECKING:
    from pathlib import Path


BREAK = Options(break_links=True)
ALIASES = Options(delete_aliases=True)


@pytest.fixture
def world(tmp_path: Path) -> LinkedWorld:
    return LinkedWorld(tmp_path)


def test_the_review_counts_links_and_what_they_free(world: LinkedWorld) -> None:
    one, two = world.registry.add("mnist"), world.registry.add("mnist")
    first = world.registry.link("best", one)
    world.registry.link("other", one)
    world.registry.link("other", two)
    summary = world.draft([first]).summary
    assert (summary.deletes, summary.unlinks, summary.listed, summary.freed) == (1, 1, 0, 0)
    summary = world.draft([one, first], BREAK).summary
    assert (summary.deletes, summary.unlinks, summary.listed) == (2, 1, 100)
    assert summary.linked == (("other", 1),)
    assert (summary.freed, summary.charged) == (10, True)
    assert summary.freed_after == "It frees the bytes in its own time"
    assert summary.freeing
    assert summary.no_way_back
    summary = world.draft([one, two]).summary
    assert summary.consent_links == (("other", 2), ("best", 1))


def test_the_review_says_which_sources_of_its_links_stay(world: LinkedWorld) -> None:
    one, two = world.registry.add("mnist"), world.registry.add("mnist")
    links = [world.registry.link("best", key) for key in (one, two)]
    assert world.draft(links[:1]).summary.sources == "its source stays"
    assert world.draft(links).summary.sources == "their sources stay"
    assert world.draft([one, links[0]]).summary.sources == "its source goes too"
    assert world.draft([one, two, *links]).summary.sources == "their sources go too"
    some = world.draft([one, *links]).summary
    assert (some.unlinks, some.followed) == (2, 1)
    assert some.sources == "the sources of 1 stay, the others go too"


def test_an_alias_of_a_link_goes_once_with_its_source(world: LinkedWorld) -> None:
    one, two = world.registry.add("mnist", aliases=["latest"]), world.registry.add("mnist")
    link_ = world.registry.link("best", one, aliases=["production"])
    world.registry.link("best", two, aliases=["candidate"])
    every = Options(delete_aliases=True, break_links=True)
    both = world.draft([one, two, link_], every).summary
    assert both.aliases == (("candidate", 1), ("latest", 1), ("production", 1))
    assert world.draft([one], every).summary.aliases == (("latest", 1), ("production", 1))
    asked = world.draft([one, link_]).summary
    assert asked.consent_aliases == (("latest", 1), ("production", 1))


def test_links_are_unlinked_and_their_sources_stay(world: LinkedWorld) -> None:
    sources = [world.registry.add("mnist") for _ in range(3)]
    links = [world.registry.link("best", key) for key in sources]
    with world.plan(links) as plan:
        ending = run(plan, world.faulty())
        assert ending.status is Status.FINISHED
        assert plan.summary.states == {ItemState.UNLINKED: 3}
    assert world.registry.live() == set(sources)


def test_a_link_goes_before_its_source_and_takes_its_alias_along(
    world: LinkedWorld,
) -> None:
    key = world.registry.add("mnist")
    shown = world.registry.link("best", key, aliases=["prod"])
    with world.plan([key, shown], ALIASES) as plan:
        run(plan, world.faulty())
        states = {k: item.state for k, item in by_key(list(plan.every_item())).items()}
    assert states == {key: ItemState.VERIFIED, shown: ItemState.UNLINKED}
    assert [keys for _, keys in world.sent()] == [[shown], [key]]


def test_a_source_stays_when_its_link_was_to_go_first_and_did_not(
    world: LinkedWorld,
) -> None:
    key = world.registry.add("mnist")
    shown = world.registry.link("best", key)
    script = Script((Rule("delete", "refused", 1),))
    with world.plan([key, shown]) as plan:
        run(plan, world.faulty(script))
        items = by_key(list(plan.every_item()))
    assert (items[shown].state, items[shown].reason) == (
        ItemState.REFUSED, Reason.REGISTRY_REFUSED,
    )  # fmt: skip
    assert (items[key].state, items[key].reason) == (ItemState.REFUSED, Reason.LINKED)
    assert world.registry.live() == {key, shown}


def test_an_answer_that_was_lost_is_unlinked_only_after_a_look(world: LinkedWorld) -> None:
    key = world.registry.add("mnist")
    shown = world.registry.link("best", key)
    rules = (Rule("delete", "raise-after", 1), Rule("facts", "raise", 2), Rule("facts", "raise", 3))
    with world.plan([shown]) as plan:
        run(plan, world.faulty(Script(rules)))
        assert plan.summary.states == {ItemState.UNLINKED: 1}
    assert len(world.sent()) == 1
    assert world.registry.live() == {key}
