"""What a change would do, in words and in what must be typed; and what was typed, read."""

from __future__ import annotations

from collections import UserDict
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, cast

import pytest

from artifact_tui.deletion.review import ChallengeKind
from artifact_tui.edits.changes import (
    CommonEdit,
    EditProgress,
    Effect,
    ExpiryClock,
    Foresight,
    OtherVersions,
)
from artifact_tui.errors import RegistryError, UsageError
from artifact_tui.model import TTL_INHERIT, TTL_OFF, Alias, Capabilities, Outcome, Result
from artifact_tui.tui import edit_plan
from artifact_tui.tui.edit_plan import EditPlan, edit_challenge, edit_sentence, planned, sent_words
from artifact_tui.tui.screens.edit_screen import edit_groups, edit_line, result_groups
from artifact_tui.tui.terminal import ASCII, UNICODE
from tests.unit.tui.rows import DAY, NOW, version

if TYPE_CHECKING:
    from collections.abc import Iterator

    from artifact_tui.catalog.catalog_rows import VersionRow


LOCAL = Capabilities(restore=True, garbage_collection=True)
REMOTE = Capabilities()


def plan(wanted: CommonEdit, *rows: VersionRow, restores: bool = True) -> EditPlan:
    foresight: Foresight[VersionRow] = Foresight(
        wanted, lambda row: row, ExpiryClock(NOW, restores)
    )
    foresight.take(rows, tags={}, around=OtherVersions())
    return planned(wanted, foresight.changes())


def aged(number: int, days: int, **more: Any) -> VersionRow:
    return version(number, created_us=NOW - days * DAY, **more)


def test_dates_in_one_sentence() -> None:
    rows = [aged(n, days) for n, days in enumerate((100, 40, 3, 2))]
    rows += [aged(7, 1, source_key="x"), aged(8, 1, ttl_us=30 * DAY), version(9, created_us=None)]
    found = plan(CommonEdit(ttl_us=30 * DAY), *rows)
    assert edit_sentence(found) == (
        "2 expire at once, 2 by 2026-12-16, 1 some time, 1 stays as it is, 1 not possible"
    )
    assert [change.row.key for change in found.changed] == ["v0", "v1", "v2", "v3", "v9"]


@pytest.mark.parametrize(
    ("at_once", "later", "production", "kind", "expected"),
    [
        (0, 0, False, ChallengeKind.NOTHING, ""),
        (0, 10, False, ChallengeKind.YES, "y"),
        (0, 11, False, ChallengeKind.COUNT, "11"),
        (1, 0, False, ChallengeKind.COUNT, "1"),
        (1, 3, True, ChallengeKind.REGISTRY, "vision"),
        (0, 3, True, ChallengeKind.YES, "y"),
    ],
)
def test_the_greater_the_harm_the_more_is_typed(
    at_once: int,
    later: int,
    production: bool,  # noqa: FBT001
    kind: ChallengeKind,
    expected: str,
) -> None:
    rows = [aged(n, 50) for n in range(at_once)] + [aged(100 + n, 1) for n in range(later)]
    asked = edit_challenge(
        plan(CommonEdit(ttl_us=30 * DAY), *rows), production=production, registry="vision"
    )
    assert (asked.kind, asked.expected) == (kind, expected)


def test_aliases_of_other_collections_are_not_taken_away_here() -> None:
    row = version(1, aliases=(Alias("prod", scope="org/reg/x"), Alias("best")))
    (line,) = plan(CommonEdit(remove_aliases=("prod",)), row).lines
    assert (line.effect, line.words) == (
        Effect.NOT_POSSIBLE,
        "prod is held in org/reg/x: change it there",
    )
    (line,) = plan(CommonEdit(remove_aliases=("prod", "best")), row).lines
    assert line.words == "-best"
    (line,) = plan(CommonEdit(add_aliases=("prod",)), row).lines
    assert line.words == "+prod (that of org/reg/x stays)"


def test_groups_before_and_after() -> None:
    found = plan(CommonEdit(ttl_us=30 * DAY), aged(1, 50), aged(2, 1), aged(3, 1))
    assert [(group.id, group.count) for group in edit_groups(found, LOCAL)] == [
        ("at_once", 1),
        ("later", 2),
    ]
    outcomes = {
        "v1": Outcome("v1", Result.DONE),
        "v2": Outcome("v2", Result.REFUSED, "only admins\x1b[31m"),
    }
    after = result_groups(found, EditProgress(3, outcomes), LOCAL)
    assert [(g.label, g.count) for g in after] == [("changed", 1), ("refused", 1), ("not sent", 1)]
    (refused,) = after[1].items().rows  # type: ignore[attr-defined]
    for signs in (UNICODE, ASCII):
        assert r"only admins\x1b[31m" in edit_line(refused, 80, signs).plain
        assert edit_line(refused, 80, signs).cell_length == 80


def test_what_would_be_deleted_at_once_is_a_group_of_its_own() -> None:
    rows = aged(1, 50), aged(2, 1), aged(3, 1, source_key="x")
    found = plan(CommonEdit(ttl_us=30 * DAY), *rows, restores=False)
    assert [(group.id, group.count) for group in edit_groups(found, REMOTE)] == [
        ("later", 1), ("due", 1), ("not_possible", 1),
    ]  # fmt: skip
    assert [change.row.key for change in found.changed] == ["v2"]
    assert "1 would be deleted at once (left as it is)" in edit_sentence(found)
    assert edit_challenge(found, production=True, registry="vision").expected == "y"
    after = result_groups(found, EditProgress(1, {"v2": Outcome("v2", Result.DONE)}), REMOTE)
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
    found = plan(CommonEdit(ttl_us=30 * DAY), *rows)
    outcomes = Counted({row.key: Outcome(row.key, Result.DONE) for row in rows})
    after = result_groups(
        found, EditProgress(len(rows), cast("dict[str, Outcome]", outcomes)), LOCAL
    )
    assert [(group.label, group.count) for group in after] == [("changed", len(rows))]
    assert len(Counted.walks) < 10, "not once for each version"


def test_what_got_no_answer_is_not_said_to_be_unsent() -> None:
    found = plan(CommonEdit(ttl_us=30 * DAY), aged(1, 50), aged(2, 1), aged(3, 1))
    outcomes = {"v1": Outcome("v1", Result.DONE)}
    after = result_groups(found, EditProgress(3, outcomes, uncertain=frozenset({"v2"})), LOCAL)
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
    lost = replace(sent, error=RegistryError("No link.", hint="Wait."))
    assert sent_words(lost) == "2 of 3 changed. No link. Wait."


def test_what_is_typed_is_read_or_refused() -> None:
    assert edit_plan.TTL_FORM.read({"ttl": " "}) is None
    assert edit_plan.TTL_FORM.read({"ttl": "36h"}) == CommonEdit(ttl_us=36 * DAY // 24)
    for wrong in ("30", "soon", "-3d", "0d"):
        with pytest.raises(UsageError):
            edit_plan.TTL_FORM.read({"ttl": wrong})
    form = edit_plan.names_form(aliases=True, tags=False)
    assert [field.id for field in form.fields] == ["add-alias", "remove-alias"]
    assert form.read({"add-alias": "a, b,,a", "remove-alias": ""}) == CommonEdit(
        add_aliases=("a", "b")
    )
    assert form.read({"add-alias": ""}) is None
    assert edit_plan.names_form(aliases=False, tags=True).title == "Tags"


def test_what_may_expire_at_once_is_not_waved_through() -> None:
    inherits = plan(CommonEdit(ttl_us=TTL_INHERIT), aged(1, 5), aged(2, 5))
    asked = edit_challenge(inherits, production=False, registry="vision")
    assert (asked.expected, asked.why) == ("2", "2 may expire at once")
    undated = plan(CommonEdit(ttl_us=DAY), version(1, created_us=None))
    assert edit_challenge(undated, production=True, registry="vision").expected == "vision"
    assert (
        edit_challenge(undated, production=False, registry="vision").why == "it may expire at once"
    )
    off = plan(CommonEdit(ttl_us=TTL_OFF), aged(1, 5, ttl_us=DAY))
    assert edit_challenge(off, production=True, registry="vision").expected == "y"
