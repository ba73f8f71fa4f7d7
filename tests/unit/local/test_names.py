"""Aliases, protection, tags, lineage and time to live on versions that are there."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from artifact_tui.errors import NotFoundError, UsageError
from artifact_tui.model import Alias, Deletion, Edge
from tests.unit.local.support import put, rows, tamper

if TYPE_CHECKING:
    from collections.abc import Callable

    from artifact_tui.clients.local.local_store import Store


def test_an_alias_is_on_one_version_of_a_collection(store: Store) -> None:
    one, two, other = put(store), put(store), put(store, "n")
    for key in (one, other, two):
        store.alias(key, "best")
    assert rows(store.layout, "SELECT count(*) FROM alias WHERE name = 'best'") == [(2,)]
    assert store.resolve("m:best") == two
    assert store.resolve("n:best") == other


def test_moving_keeps_protection_unless_told_otherwise(store: Store) -> None:
    one, two = put(store), put(store)
    store.alias(one, "best", protected=True)
    store.alias(two, "best")
    assert Alias("best", protected=True) in store.version(two).aliases
    store.alias(one, "best", protected=False)
    assert Alias("best") in store.version(one).aliases
    store.alias(one, "best")
    assert Alias("best") in store.version(one).aliases


def test_a_protected_alias_is_not_taken_off(store: Store) -> None:
    key = put(store, protected=["best"])
    with pytest.raises(UsageError, match="protected"):
        store.unalias(key, "best")
    store.protect(key, "best", protected=False)
    store.unalias(key, "best")
    assert store.version(key).aliases == (Alias("latest"),)


def test_an_alias_of_another_version_is_not_touched(store: Store) -> None:
    one, two = put(store), put(store, aliases=["best"])
    for call in (store.unalias, store.protect):
        with pytest.raises(NotFoundError, match="best"):
            call(one, "best")
    assert Alias("best") in store.version(two).aliases


def test_tags_come_and_go(store: Store) -> None:
    key = put(store)
    for name in ("b", "a", "b"):
        store.tag(key, name)
    assert store.version(key).tags == ("a", "b")
    store.untag(key, "a")
    store.untag(key, "never there")
    assert store.version(key).tags == ("b",)


def test_a_ttl_is_set_and_taken_away(store: Store) -> None:
    key = put(store)
    store.set_ttl(key, 7)
    assert store.version(key).ttl_us == 7
    store.set_ttl(key, None)
    assert store.version(key).ttl_us is None
    with pytest.raises(UsageError):
        store.set_ttl(key, 0)


def test_lineage_has_no_circles(store: Store) -> None:
    a, b, c = (put(store, name) for name in "abc")
    store.link_parent(b, a)
    store.link_parent(c, b)
    store.link_parent(c, b)
    assert store.edges().rows == (Edge(a, b), Edge(b, c))
    for child, parent in ((a, c), (a, b), (a, a)):
        with pytest.raises(UsageError, match="itself"):
            store.link_parent(child, parent)


@pytest.mark.parametrize(
    "call",
    [
        lambda store, key: store.alias(key, "x"),
        lambda store, key: store.unalias(key, "x"),
        lambda store, key: store.protect(key, "x"),
        lambda store, key: store.tag(key, "x"),
        lambda store, key: store.untag(key, "x"),
        lambda store, key: store.set_ttl(key, 5),
        lambda store, key: store.link_parent(key, key),
    ],
)
def test_what_is_in_the_trash_or_gone_is_left_alone(
    store: Store, call: Callable[[Store, str], None]
) -> None:
    key = put(store)
    store.delete([Deletion(key, delete_aliases=True)])
    with pytest.raises(NotFoundError, match="trash"):
        call(store, key)
    with pytest.raises(NotFoundError, match="no version"):
        call(store, "nothing like it")


@pytest.mark.parametrize("name", ["", ":", "m", "m:", "m:v1", ":v0", "m:none", "n:latest"])
def test_a_name_that_names_nothing_is_not_found(store: Store, name: str) -> None:
    put(store)
    with pytest.raises(NotFoundError):
        store.resolve(name)


def test_the_database_itself_refuses_two_holders_of_an_alias(store: Store) -> None:
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
