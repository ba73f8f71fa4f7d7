"""What must be known of other versions, read once for millions."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from artifact_tui.catalog import retention
from artifact_tui.edits.changes import CommonEdit, Effect, ExpiryClock, foresee_changes
from artifact_tui.model import TTL_INHERIT
from tests.unit.tui.rows import DAY, NOW, version

if TYPE_CHECKING:
    import pytest


def test_what_is_inherited_is_asked_once_for_each_collection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[set[int]] = []

    def inherited(_: object, ids: set[int]) -> dict[int, int | None]:
        asked.append(set(ids))
        return dict.fromkeys(ids & {1}, 9 * DAY)

    monkeypatch.setattr(retention, "inherited_ttls", inherited)
    chunks = [
        [version(1), version(2)],
        [version(3), version(4, 2)],
        [version(5, 2), version(6, 3)],
        [version(7)],
    ]
    with closing(sqlite3.connect(":memory:")) as conn:
        wanted, clock = CommonEdit(ttl_us=TTL_INHERIT), ExpiryClock(NOW, restores=False)
        found = foresee_changes(conn, chunks, wanted, clock)
    assert [ids for ids in asked if ids] == [{1}, {2}, {3}]
    effects = {one.row.key: one.effect for one in found.changed}
    known = {key for key, effect in effects.items() if effect is Effect.LATER}
    assert known == {"v1", "v2", "v3", "v7"}
    assert {key for key, effect in effects.items() if effect is Effect.INHERITS} == {
        "v4", "v5", "v6",
    }  # fmt: skip
