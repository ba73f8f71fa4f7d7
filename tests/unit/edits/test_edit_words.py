"""A change in words, before and after it is sent; lines of the screen."""

from __future__ import annotations

import sqlite3
from collections import UserDict
from contextlib import closing
from typing import TYPE_CHECKING, Any, ClassVar, cast

from artifact_tui.edits.changes import (
    CommonEdit,
    EditProgress,
    Effect,
    ExpiryClock,
    foresee_changes,
)
from artifact_tui.edits.edit_words import (
    change_words,
    edit_sentence,
    effect_groups,
    ending_words,
    result_groups,
    sent_words,
)
from artifact_tui.errors import RegistryError
from artifact_tui.model import Alias, Outcome, Result, schema_sql
from artifact_tui.tui.screens.edit_screen import EditRow, edit_line
from artifact_tui.tui.terminal import ASCII, UNICODE
from tests.support.able import Able
from tests.unit.tui.rows import DAY, NOW, version

if TYPE_CHECKING:
    from collections.abc import Iterator

    from artifact_tui.catalog.catalog_rows import VersionRow
    from artifact_tui.edits.changes import Changes


LOCAL = Able("restore", "collect_garbage")
REMOTE = Able()
A_MONTH = CommonEdit(ttl_us=30 * DAY)


def foreseen(wanted: CommonEdit, *rows: VersionRow, restores: bool = True) -> Changes:
    with closing(sqlite3.connect(":memory:")) as conn:
        conn.executescript(schema_sql())
        return foresee_changes(conn, [rows], wanted, ExpiryClock(NOW, restores))


def aged(number: int, days: int, **more: Any) -> VersionRow:
    return version(number, created_us=NOW - days * DAY, **more)


def test_dates_in_one_sentence() -> None:
    rows = [aged(n, days) for n, days in enumerate((100, 40, 3, 2))]
    rows += [aged(7, 1, source_key="x"), aged(8, 1, ttl_us=30 * DAY), version(9, created_us=None)]
    changes = foreseen(A_MONTH, *rows)
    assert edit_sentence(changes) == (
        "2 expire at once, 2 by 2026-12-16, 1 some time, 1 stays as it is, 1 not possible"
    )
    assert [change.key for change in changes.changed] == ["v0", "v1", "v2", "v3", "v9"]


def test_aliases_of_other_collections_are_not_taken_away_here() -> None:
    row = version(1, aliases=(Alias("prod", scope="org/reg/x"), Alias("best")))
    (left,) = foreseen(CommonEdit(remove_aliases=("prod",)), row).left
    assert (left.effect, change_words(left)) == (
        Effect.NOT_POSSIBLE,
        "prod is held in org/reg/x: change it there",
    )
    (change,) = foreseen(CommonEdit(remove_aliases=("prod", "best")), row).changed
    assert change_words(change) == "-best"
    (change,) = foreseen(CommonEdit(add_aliases=("prod",)), row).changed
    assert change_words(change) == "+prod (that of org/reg/x stays)"


def test_groups_before_and_after() -> None:
    changes = foreseen(A_MONTH, aged(1, 50), aged(2, 1), aged(3, 1))
    assert [(group.id, group.count) for group in effect_groups(changes, LOCAL)] == [
        ("at_once", 1),
        ("later", 2),
    ]
    refused = Outcome("v2", Result.REFUSED, "only admins\x1b[31m")
    sent = EditProgress(3, {"v1": Outcome("v1", Result.DONE), "v2": refused})
    after = result_groups(changes, sent, LOCAL)
    assert [(g.label, g.count) for g in after] == [("changed", 1), ("refused", 1), ("not sent", 1)]
    assert [[one.key for one in group.versions()] for group in after] == [["v1"], ["v2"], ["v3"]]
    assert ending_words(changes, sent, LOCAL) == (
        "1 of 3 changed. 1 has expired: the filter ttl:expired plans its deletion."
    )
    (one,) = after[1].versions()
    for signs in (UNICODE, ASCII):
        line = edit_line(EditRow(one, refused), 80, signs)
        assert r"only admins\x1b[31m" in line.plain
        assert line.cell_length == 80


def test_what_would_be_deleted_at_once_is_a_group_of_its_own() -> None:
    rows = aged(1, 50), aged(2, 1), aged(3, 1, source_key="x")
    changes = foreseen(A_MONTH, *rows, restores=False)
    assert [(group.id, group.count) for group in effect_groups(changes, REMOTE)] == [
        ("later", 1), ("due", 1), ("not_possible", 1),
    ]  # fmt: skip
    assert [change.key for change in changes.changed] == ["v2"]
    assert "1 would be deleted at once (left as it is)" in edit_sentence(changes)
    after = result_groups(changes, EditProgress(1, {"v2": Outcome("v2", Result.DONE)}), REMOTE)
    assert [(group.label, group.count) for group in after] == [
        ("changed", 1), ("left as they are", 1), ("not possible", 1),
    ]  # fmt: skip


class Counted(UserDict[str, Outcome]):
    """Outcomes that note, copies of them too, when somebody walks through all of them."""

    walks: ClassVar[list[int]] = []

    def __iter__(self) -> Iterator[str]:
        self.walks.append(len(self))
        return super().__iter__()


def test_many_results_are_grouped_in_one_look() -> None:
    rows = [aged(n, 1) for n in range(500)]
    outcomes = Counted({row.key: Outcome(row.key, Result.DONE) for row in rows})
    sent = EditProgress(len(rows), cast("dict[str, Outcome]", outcomes))
    after = result_groups(foreseen(A_MONTH, *rows), sent, LOCAL)
    assert [(group.label, group.count) for group in after] == [("changed", len(rows))]
    assert len(Counted.walks) < 10, "not once for each version"


def test_what_got_no_answer_is_not_said_to_be_unsent() -> None:
    changes = foreseen(A_MONTH, aged(1, 50), aged(2, 1), aged(3, 1))
    outcomes = {"v1": Outcome("v1", Result.DONE), "v2": Outcome("v2", Result.UNKNOWN)}
    after = result_groups(changes, EditProgress(3, outcomes), LOCAL)
    assert [(g.label, g.count) for g in after] == [
        ("changed", 1),
        ("uncertain", 1),
        ("not sent", 1),
    ]


def test_how_far_it_is_in_words() -> None:
    sent = EditProgress(3)
    assert sent_words(sent) == "0 of 3 changed."
    sent.outcomes = {"a": Outcome("a", Result.DONE), "b": Outcome("b", Result.REFUSED)}
    assert sent_words(sent) == "1 of 3 changed."
    sent.outcomes["c"] = Outcome("c", Result.DONE)
    assert sent_words(sent) == "2 of 3 changed, 1 not: see why."
    sent.error = RegistryError("No link.", hint="Wait.")
    assert sent_words(sent) == "2 of 3 changed."
