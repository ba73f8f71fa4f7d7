"""What both front ends say of a review: consents, groups by their numbers, items in pages."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING

import pytest

from artifact_tui.cli.drafting import plan_command
from artifact_tui.cli.reviewing import option_of
from artifact_tui.deletion.items import Action, Options, Reason, Verdict
from artifact_tui.deletion.plan import Summary
from artifact_tui.deletion.review_words import (
    CONSENTS,
    GOING,
    ItemPick,
    bytes_words,
    consents_for,
    first_names,
    items_of,
    review_groups,
    toggled,
    why_no_choice,
)
from tests.support.linked_world import LinkedWorld

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.world import World


def test_everything_that_can_be_agreed_to_is_an_option_of_both_front_ends() -> None:
    agreed = {one.name for one in fields(Options)} - {"action", "empty_registry"}
    assert agreed == set(CONSENTS)
    options = {name for one in plan_command.params for name in one.opts}
    assert set(map(option_of, CONSENTS)) <= options


@pytest.mark.parametrize("field", [*CONSENTS])
def test_a_consent_is_given_and_taken_back(field: str) -> None:
    given = toggled(Options(), field)
    assert getattr(given, field)
    assert not getattr(toggled(given, field), field)


def test_to_leave_the_stored_objects_leaves_all_their_versions() -> None:
    every = toggled(Options(), "storage_versions")
    assert (every.storage, every.storage_versions) == (True, True)
    assert toggled(every, "storage") == Options()
    assert toggled(every, "storage_versions") == Options(storage=True)


def test_only_what_is_not_agreed_to_yet_is_offered() -> None:
    def offered(options: Options) -> list[str]:
        return [one.field for one in consents_for(Reason.DEPENDENTS, options)]

    assert offered(Options()) == ["with_dependents", "orphan_dependents"]
    assert offered(Options(with_dependents=True)) == ["orphan_dependents"]
    assert offered(Options(action=Action.PURGE)) == ["orphan_dependents"]
    assert consents_for(Reason.PROTECTED, Options()) == []


def test_a_consent_that_nothing_waits_for_says_so(world: World) -> None:
    head = world.draft([]).head
    waiting = Summary(reasons=((Reason.ALIAS, 2),))
    assert why_no_choice(head, waiting, "delete_aliases") == ""
    assert "carries an alias" in why_no_choice(head, Summary(), "delete_aliases")
    agreed = replace(head, options=Options(delete_aliases=True))
    assert why_no_choice(agreed, Summary(), "delete_aliases") == ""
    assert "no storage" in why_no_choice(head, Summary(), "storage")


def test_the_groups_of_a_plan_hold_each_item_that_they_count(world: World) -> None:
    base = world.add("base", aliases=["best"])
    world.add("tuned", parents=[base])
    hard = [world.add(name, protected=["prod"]) for name in ("hard", "harder")]
    draft = world.draft(
        [base, *hard, *world.add_plain(3)], Options(delete_aliases=True, orphan_dependents=True)
    )
    groups = review_groups(draft.head, draft.summary, tally=lambda pairs: repr(list(pairs)))
    counts = {one.id: (one.count, one.stays) for one in groups}
    assert counts == {
        "delete": (4, False),
        "aliases": (1, False),
        "orphans": (1, False),
        "emptied": (2, False),
        "blocked-protected": (2, True),
    }
    found = {one.id: len(list(items_of(draft, one.pick))) for one in groups if one.pick}
    assert found == {
        "delete": 4,
        "aliases": 1,
        "orphans": 1,
        "emptied": 4,
        "blocked-protected": 2,
    }
    assert next(one.words for one in groups if one.id == "orphans").startswith("tuned:v0: made")


def test_a_plan_file_finds_the_items_of_a_group(tmp_path: Path) -> None:
    world = LinkedWorld(tmp_path)
    registry = world.registry
    base = registry.add("base", aliases=["best"])
    joined = registry.add("joined", parents=[base])
    link = registry.link("other", base)
    hard = registry.add("hard")
    registry.link("third", hard)
    options = Options(
        delete_aliases=True, with_dependents=True, break_links=True, whole_collections=True
    )
    with world.plan([base, link, hard], options) as plan:
        groups = review_groups(plan.head, plan.summary, tally=lambda pairs: repr(list(pairs)))
        picks = {one.id: one.pick for one in groups if one.pick}
        found = {
            name: {item.key for item in plan.select(pick.where, pick.params)}
            for name, pick in picks.items()
        }
    assert found == {
        "delete": {base, joined, hard},
        "unlink": {link},
        "added": {joined},
        "aliases": {base, link},
        "broken": {base, hard},
        "whole": {"base", "joined", "other", "hard"},
    }


def test_items_of_a_group_come_in_pages(world: World) -> None:
    keys = [*world.add_plain(3), world.add("hard", protected=["prod"])]
    draft = world.draft(keys)
    going = items_of(draft, GOING)
    assert len(going) == 3
    assert [*going[:2], going[2]] == [one for one in draft.items if one.verdict is Verdict.DELETE]
    (stays,) = items_of(draft, ItemPick("i.reason = ?", (Reason.PROTECTED,)))
    assert stays.collection == "hard"


def test_many_names_are_counted() -> None:
    names = [f"n{number}" for number in range(14)]
    assert first_names(names).endswith("n10, n11 and 2 more")
    assert first_names(names[:12], 20).endswith("n11 and 8 more")
    assert first_names(["a", "b"], 3) == "a, b"


LATER = "It frees the bytes in its own time"
TOLD = Summary(deletes=2, listed=2000, freed=1500, freed_after="purge and gc")
PARTLY = replace(TOLD, freed=500, freed_untold=1)
UNTOLD = replace(TOLD, freed=0, freed_untold=2)


@pytest.mark.parametrize(
    ("summary", "words"),
    [
        (TOLD, "2 KB listed, 1.5 KB freed after purge and gc; in the trash until then"),
        (PARTLY, "2 KB listed, at least 500 B freed after purge and gc; in the trash until then"),
        (replace(UNTOLD, freed_after="gc"),
         "2 KB listed, what is freed after gc is not known; gone for good"),
        (replace(UNTOLD, freed_after=LATER, freeing=True),
         f"gone for good; 2 KB listed, what is freed is not known; {LATER}"),
        (replace(PARTLY, freed_after=LATER, freeing=True, charged=True),
         f"gone for good; 2 KB listed, at least 500 B charged by the registry; {LATER}"),
    ],
)  # fmt: skip
def test_bytes_that_nobody_tells_are_not_nothing(summary: Summary, words: str) -> None:
    assert bytes_words(summary) == words
