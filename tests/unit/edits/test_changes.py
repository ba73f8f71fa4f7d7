"""What a change means for each version, before anything is sent."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from artifact_tui.edits.changes import (
    MARGIN_US,
    Changes,
    CommonEdit,
    Effect,
    ExpiryClock,
    foresee,
    foresee_changes,
)
from artifact_tui.errors import UsageError
from artifact_tui.model import TTL_INHERIT, TTL_OFF, Alias, Edit, VersionState, schema_sql
from tests.unit.tui.rows import DAY, NOW, version

if TYPE_CHECKING:
    from artifact_tui.catalog.catalog_rows import VersionRow


def foreseen(wanted: CommonEdit, *rows: VersionRow, restores: bool = False) -> Changes:
    """What becomes of these where nothing else is known."""
    with closing(sqlite3.connect(":memory:")) as conn:
        conn.executescript(schema_sql())
        return foresee_changes(conn, [[row] for row in rows], wanted, ExpiryClock(NOW, restores))


def aged(number: int, days: int, **more: Any) -> VersionRow:
    return version(number, created_us=NOW - days * DAY, **more)


@pytest.mark.parametrize(
    ("row", "ttl_us", "effect"),
    [
        (aged(1, 5), TTL_OFF, Effect.SAME),
        (aged(1, 5, ttl_inherited=True), TTL_OFF, Effect.STAYS),
        (aged(1, 5, ttl_inherited=True), TTL_INHERIT, Effect.SAME),
        (aged(1, 5), TTL_INHERIT, Effect.INHERITS),
        (aged(1, 5, ttl_us=DAY, ttl_inherited=True), DAY, Effect.DUE),
        (aged(1, 5, ttl_us=DAY), DAY, Effect.SAME),
        (aged(1, 5), 5 * DAY, Effect.DUE),
        (aged(1, 5), 5 * DAY + MARGIN_US, Effect.DUE),
        (aged(1, 5), 5 * DAY + MARGIN_US + 1, Effect.LATER),
        (version(1, created_us=None), DAY, Effect.SOME_TIME),
        (aged(1, 5, kept="a job"), DAY, Effect.NOT_POSSIBLE),
        (aged(1, 5, state=VersionState.TRASH), DAY, Effect.NOT_POSSIBLE),
        (aged(1, 5, source_key="s"), TTL_OFF, Effect.NOT_POSSIBLE),
    ],
)
def test_what_becomes_of_one_version(row: VersionRow, ttl_us: int, effect: Effect) -> None:
    found = foreseen(CommonEdit(ttl_us=ttl_us), row)
    assert [one.key for one in found] == ["v1"]
    if effect is Effect.SAME:
        assert found.same
    elif effect in {Effect.NOT_POSSIBLE, Effect.DUE}:
        assert found.left[0].why
        assert found.left[0].effect is effect
    else:
        assert found.changed[0].effect is effect


@pytest.mark.parametrize(
    ("ttl_us", "effect"),
    [(5 * DAY, Effect.AT_ONCE), (5 * DAY + 1, Effect.LATER), (TTL_INHERIT, Effect.INHERITS)],
)
def test_what_can_be_restored_may_expire_at_once(ttl_us: int, effect: Effect) -> None:
    row = aged(1, 5, aliases=(Alias("prod"),), dependents=1, links=("acme/other",))
    found = foreseen(CommonEdit(ttl_us=ttl_us), row, restores=True)
    assert +found.counts == {effect: 1}


NEEDED = [
    ({"aliases": (Alias("prod", scope="acme/wandb-registry-model/Net"),)}, "an alias (prod)"),
    ({"links": ("acme/wandb-registry-model/Net",)}, "another collection shows it (acme/"),
    ({"dependents": 1}, "live versions were made from it"),
    ({"lineage_known": False}, "what was made from it is not known"),
]
"""What a plan would ask about, and why a version stays by it."""


@pytest.mark.parametrize("facts", [{}, *(facts for facts, _ in NEEDED)])
def test_nothing_expires_at_once_whatever_is_known_of_it(facts: dict[str, Any]) -> None:
    at_once, later = aged(1, 5, **facts), aged(2, 1, **facts)
    found = foreseen(CommonEdit(ttl_us=2 * DAY), at_once, later)
    (left,) = found.left
    assert (left.key, left.effect) == (at_once.key, Effect.DUE)
    assert "it would be deleted at once: delete it with a plan" in left.why
    assert [change.row.key for change in found.changed] == [later.key]
    assert +found.counts == {Effect.DUE: 1, Effect.LATER: 1}
    assert not foreseen(CommonEdit(ttl_us=TTL_OFF), aged(1, 5, ttl_us=9 * DAY, **facts)).left


@pytest.mark.parametrize(("facts", "why"), NEEDED)
@pytest.mark.parametrize(
    ("ttl_us", "created_us", "unknown"),
    [(TTL_INHERIT, NOW, "what it would inherit"), (DAY, None, "when it was made")],
)
def test_what_may_expire_at_once_stays_if_a_plan_would_ask_about_it(
    facts: dict[str, Any], why: str, ttl_us: int, created_us: int | None, unknown: str
) -> None:
    row = version(1, created_us=created_us, **facts)
    (left,) = foreseen(CommonEdit(ttl_us=ttl_us), row, version(2, created_us=created_us)).left
    assert (left.key, left.effect) == (row.key, Effect.NOT_POSSIBLE)
    assert why in left.why
    assert f"it may be deleted at once: {unknown} is not known here" in left.why


@pytest.mark.parametrize(
    ("inherited", "effect"),
    [(2 * DAY, Effect.DUE), (9 * DAY, Effect.LATER), (None, Effect.STAYS)],
)
def test_what_is_inherited_counts_where_it_is_known(inherited: int | None, effect: Effect) -> None:
    row = aged(1, 5, aliases=(Alias("prod"),), lineage_known=False)
    elsewhere = aged(2, 5, collection_id=2, aliases=(Alias("prod"),))
    wanted, clock = CommonEdit(ttl_us=TTL_INHERIT), ExpiryClock(NOW, restores=False)
    known = {row.collection_id: inherited}
    assert foresee(row, wanted, clock, inherited=known).effect is effect
    assert foresee(elsewhere, wanted, clock, inherited=known).effect is Effect.NOT_POSSIBLE


def test_an_edit_holds_only_what_changes() -> None:
    row = version(1, aliases=(Alias("best"),))
    wanted = CommonEdit(add_aliases=("best", "new"), remove_tags=("gone",), add_tags=("there",))
    found = foresee(row, wanted, ExpiryClock(NOW, restores=False), tags=("there",))
    assert (found.edit, found.effect) == (Edit("v1", add_aliases=("new",)), Effect.NAMES)


def test_aliases_of_other_collections_are_not_taken_away_here() -> None:
    row = version(1, aliases=(Alias("prod", scope="org/reg/x"), Alias("best")))
    assert not foreseen(CommonEdit(remove_aliases=("prod",)), row).changed
    (change,) = foreseen(CommonEdit(remove_aliases=("prod", "best")), row).changed
    assert change.edit == Edit("v1", remove_aliases=("best",))


def test_one_alias_for_two_of_a_collection_is_a_mistake() -> None:
    wanted = CommonEdit(add_aliases=("best",))
    with pytest.raises(UsageError, match=r"2 versions of name-1 were chosen\. Nothing was changed"):
        foreseen(wanted, version(1), version(2, 2), version(3, aliases=(Alias("best"),)))
    trashed = version(3, state=VersionState.TRASH)
    assert len(foreseen(wanted, version(1), version(2, 2), trashed).changed) == 2


def test_two_collections_of_one_name_are_two() -> None:
    other = version(2, 2, collection="name-1")
    assert len(foreseen(CommonEdit(add_aliases=("best",)), version(1), other).changed) == 2


def test_many_share_what_they_have_in_common() -> None:
    found = foreseen(
        CommonEdit(ttl_us=9 * DAY), *(aged(n, 5, collection=f"n{n * 0}") for n in range(3))
    )
    first, *others = found.changed
    assert all(one.wish is first.wish for one in others)
    assert all(one.row.collection is first.row.collection for one in others)
