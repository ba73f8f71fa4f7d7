"""Edits of the embedded registry; what every registry promises is in `artifact_tui/testing`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from artifact_tui.model import TTL_INHERIT, Alias, Deletion, Edit, Result
from tests.unit.local.support import opened, put

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.sync_store import SyncStore


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SyncStore]:
    with opened(tmp_path / "registry") as store:
        yield store


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


def test_a_version_in_the_trash_is_absent_and_stays_as_it_is(store: SyncStore) -> None:
    key = put(store)
    store.unalias(key, "latest")
    store.delete([Deletion(key)])
    (outcome,) = store.edit([Edit(key, add_tags=("t",))])
    assert (outcome.result, "in the trash" in outcome.message) == (Result.ABSENT, True)
    assert store.version(key).tags == ()
