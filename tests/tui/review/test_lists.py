"""The list of any length, and the words on its lines."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st
from textual.app import App
from textual.content import Content

from artifact_tui.deletion.items import Action, Item, ItemState, Reason, Verdict
from artifact_tui.model import Alias, Facts, VersionState
from artifact_tui.tui.terminal import ASCII, UNICODE
from artifact_tui.tui.widgets.item_rows import item_facts, result_line, review_line
from artifact_tui.tui.widgets.outline import PAGE, ROWS_KEPT, Windows
from artifact_tui.tui.widgets.row_list import RowList

if TYPE_CHECKING:
    import pytest
    from textual.app import ComposeResult

MILLION = 1_000_000
TEXTS = st.text(st.characters(codec=None), max_size=40)


def numbers(asked: list[int]) -> Windows[int]:
    """A million rows; what is asked for is noted."""

    async def read(start: int, count: int) -> list[int]:
        asked.append(start)
        return list(range(start, min(start + count, MILLION)))

    return Windows(MILLION, read)


class OneList(App[None]):
    """A list and nothing else."""

    def compose(self) -> ComposeResult:
        yield RowList[int](lambda row, _width: Content(str(row)))


async def test_a_million_rows_ask_only_for_what_is_near() -> None:
    asked: list[int] = []
    app = OneList()
    async with app.run_test(size=(40, 10)) as pilot:
        rows: RowList[int] = app.query_one(RowList)
        await rows.show(numbers(asked))
        await pilot.pause()
        assert rows.current == 0
        await pilot.press("G")
        await pilot.pause()
        assert rows.current == MILLION - 1
        await pilot.press("g", "pagedown", "ctrl+d", "j")
        await pilot.pause()
        assert rows.current == rows.cursor
        assert set(asked) <= {0, (MILLION - 1) // PAGE * PAGE, (MILLION - 20) // PAGE * PAGE}
        for line in range(0, 50 * PAGE, PAGE):
            rows.move_to(line)
            await pilot.pause()
        assert sum(1 for _ in rows.outline.rows_here()) <= ROWS_KEPT


async def test_the_same_rows_again_draw_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    app = OneList()
    async with app.run_test(size=(40, 10)) as pilot:
        rows: RowList[int] = app.query_one(RowList)
        await rows.show(numbers([]))
        await pilot.pause()
        drawn: list[int] = []
        monkeypatch.setattr(rows, "refresh", lambda *_: drawn.append(1))
        await rows.show(numbers([]))
        await pilot.pause()
        assert drawn == []


@st.composite
def items(draw: st.DrawFn) -> Item:
    aliases = tuple(Alias(name, draw(st.booleans())) for name in draw(st.lists(TEXTS, max_size=3)))
    facts = Facts("k", draw(TEXTS), VersionState.LIVE, aliases, tuple(draw(st.lists(TEXTS))))
    return Item(
        seq=1,
        level=0,
        key="k",
        collection=draw(TEXTS),
        label=draw(TEXTS),
        type=draw(TEXTS),
        size=draw(st.none() | st.integers(0, 10**15)),
        facts=facts,
        verdict=draw(st.sampled_from(Verdict)),
        reason=draw(st.sampled_from(Reason)),
        detail=draw(TEXTS),
        outside_dependents=tuple(draw(st.lists(TEXTS, max_size=3))),
        state=draw(st.sampled_from(ItemState)),
        error=draw(TEXTS),
    )


@given(items(), st.integers(20, 200), st.sampled_from([ASCII, UNICODE]))
def test_no_line_holds_a_control_character_or_is_too_long(
    item: Item, cells: int, signs: object
) -> None:
    assert signs in {ASCII, UNICODE}
    chosen = ASCII if signs is ASCII else UNICODE
    lines = [
        review_line(item, cells, chosen, Action.DELETE),
        review_line(item, cells, chosen, Action.PURGE),
        result_line(item, cells, chosen),
    ]
    for line in lines:
        assert line.cell_length <= max(cells, 20)
    for shown in [*lines, item_facts(item, {}, chosen), item_facts(item, {}, chosen, ["s"])]:
        bad = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
        assert not [c for c in shown.plain if c != "\n" and unicodedata.category(c) in bad]


def test_a_link_says_what_becomes_of_its_source() -> None:
    facts = Facts("l", "d", VersionState.LIVE, source_key="s")
    link = Item(1, 0, "l", "best", "v0", "model", 0, facts, Verdict.DELETE)
    alone = review_line(link, 80, UNICODE, Action.DELETE).plain
    assert "link: its source stays" in alone
    both = review_line(link, 80, UNICODE, Action.DELETE, {"l", "s"}).plain
    assert "link: its source goes too" in both
    assert (
        "Only the link is removed: its source stays." in item_facts(link, {}, UNICODE, {"l"}).plain
    )
    gone = item_facts(link, {}, UNICODE, {"l", "s"}).plain
    assert "The link is removed, and then its source." in gone
    assert "source" not in item_facts(link, {}, UNICODE).plain
