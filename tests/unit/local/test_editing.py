"""Edits of the embedded registry; what every registry promises is in `artifact_tui/testing`."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from artifact_tui.model import TTL_INHERIT, TTL_OFF, Alias, Deletion, Edit, Result
from tests.unit.local.support import put, rows, tamper

if TYPE_CHECKING:
    from tests.support.sync_store import SyncStore


def test_an_alias_is_on_one_version_of_a_collection(store: SyncStore) -> None:
    one, two, other = put(store), put(store), put(store, "n")
    for key in (one, other, two):
        store.alias(key, "best")
    assert rows(store.layout, "SELECT count(*) FROM alias WHERE name = 'best'") == [(2,)]
    assert store.resolve("m:best") == two
    assert store.resolve("n:best") == other


def test_moving_keeps_protection_unless_told_otherwise(store: SyncStore) -> None:
    one, two = put(store), put(store)
    store.alias(one, "best", protected=True)
    store.alias(two, "best")
    assert Alias("best", protected=True) in store.version(two).aliases
    store.alias(one, "best", protected=False)
    assert Alias("best") in store.version(one).aliases
    store.alias(one, "best")
    assert Alias("best") in store.version(one).aliases


def test_a_protected_alias_is_not_taken_off(store: SyncStore) -> None:
    key = put(store, protected=["best"])
    change = Edit(key, remove_aliases=("best",))
    (refused,) = store.edit([change])
    assert (refused.result, "protected" in refused.message) == (Result.REFUSED, True)
    store.protect(key, "best", protected=False)
    store.edit([change])
    assert store.version(key).aliases == (Alias("latest"),)


def test_an_alias_of_another_version_is_not_touched(store: SyncStore) -> None:
    one, two = put(store), put(store, aliases=["best"])
    store.edit([Edit(one, remove_aliases=("best",))])
    (refused,) = store.edit([Edit(one, protect_aliases=("best",))])
    assert (refused.result, "best" in refused.message) == (Result.REFUSED, True)
    assert Alias("best") in store.version(two).aliases


def test_tags_come_and_go(store: SyncStore) -> None:
    key = put(store)
    store.edit([Edit(key, add_tags=("b", "a")), Edit(key, add_tags=("b",))])
    assert store.version(key).tags == ("a", "b")
    store.edit([Edit(key, remove_tags=("a", "never there"))])
    assert store.version(key).tags == ("b",)


def test_an_alias_is_unprotected_and_gone_at_once_or_neither(store: SyncStore) -> None:
    key = put(store, protected=["best"])
    both = Edit(key, unprotect_aliases=("best",), remove_aliases=("best",))
    (refused,) = store.edit([replace(both, ttl_us=0)])
    assert refused.result is Result.REFUSED
    assert Alias("best", protected=True) in store.version(key).aliases
    store.edit([both])
    assert store.version(key).aliases == (Alias("latest"),)
    store.edit([Edit(key, add_aliases=("new",), protect_aliases=("new",))])
    assert Alias("new", protected=True) in store.version(key).aliases


def test_a_ttl_is_set_and_taken_away(store: SyncStore) -> None:
    key = put(store)
    store.edit([Edit(key, ttl_us=7)])
    assert store.version(key).ttl_us == 7
    store.edit([Edit(key, ttl_us=TTL_OFF)])
    assert store.version(key).ttl_us is None


def test_what_is_in_the_trash_or_gone_is_left_alone(store: SyncStore) -> None:
    key = put(store)
    store.delete([Deletion(key, delete_aliases=True)])
    for absent, words in ((key, "trash"), ("nothing like it", "no version")):
        for change in (
            Edit(absent, add_aliases=("x",)),
            Edit(absent, remove_aliases=("x",)),
            Edit(absent, add_tags=("x",)),
            Edit(absent, remove_tags=("x",)),
            Edit(absent, ttl_us=5),
            Edit(absent, protect_aliases=("x",)),
            Edit(absent, unprotect_aliases=("x",)),
        ):
            (outcome,) = store.edit([change])
            assert (outcome.result, words in outcome.message) == (Result.ABSENT, True)


def test_the_database_itself_refuses_two_holders_of_an_alias(store: SyncStore) -> None:
    one, two = put(store), put(store)
    store.alias(one, "best")
    with pytest.raises(sqlite3.IntegrityError):
        tamper(
            store.layout,
            "INSERT INTO alias(version_id, name) SELECT id, 'best' FROM version WHERE key = ?",
            two,
        )
    with pytest.raises(sqlite3.IntegrityError):
        tamper(store.layout, "UPDATE alias SET name = 'other' WHERE name = 'best'")


@pytest.mark.parametrize(
    "wrong",
    [
        {"remove_aliases": ("prod",)},
        {"add_aliases": ("fine", "not:fine")},
        {"add_tags": ("",)},
        {"ttl_us": TTL_INHERIT},
        {"ttl_us": 0},
        {"ttl_us": 2**70},
    ],
)
def test_an_edit_is_done_whole_or_not_at_all(store: SyncStore, wrong: dict[str, object]) -> None:
    key = put(store)
    store.alias(key, "prod", protected=True)
    before = store.version(key)
    good = {"add_aliases": ("new",), "add_tags": ("t",), "ttl_us": 5}
    (outcome,) = store.edit([Edit(key, **{**good, **wrong})])  # type: ignore[arg-type]
    assert outcome.result is Result.REFUSED
    assert outcome.message
    assert store.version(key) == before


def test_one_refused_edit_takes_no_other_with_it(store: SyncStore) -> None:
    first, second = put(store), put(store)
    outcomes = store.edit([Edit(first, ttl_us=0), Edit(second, ttl_us=5)])
    assert [outcome.result for outcome in outcomes] == [Result.REFUSED, Result.DONE]
    assert store.version(second).ttl_us == 5


def test_a_protected_alias_moves_and_stays_protected(store: SyncStore) -> None:
    first, second = put(store), put(store)
    store.alias(first, "prod", protected=True)
    (outcome,) = store.edit([Edit(second, add_aliases=("prod",))])
    assert outcome.message == "prod moved from v0"
    assert Alias("prod", protected=True) in store.version(second).aliases
