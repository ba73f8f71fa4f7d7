"""A terminal shows the same, whether whole regions are sent or only what changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyte
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.color import ColorSystem
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.geometry import Region
from textual.strip import Strip

from artifact_tui.tui.changed_cells import PLAIN, CellLook, TerminalCells, look_change, read_look
from tests.support.twins import Twins, Update

if TYPE_CHECKING:
    from collections.abc import Iterable

SIZE = WIDTH, HEIGHT = 30, 6
STYLES = [
    None,
    Style(),
    Style.parse("red"),
    Style.parse("bold red on blue"),
    Style.parse("bold on color(233)"),
    Style.parse("reverse"),
    Style.parse("italic underline #102030 on #ffffff"),
    Style.parse("dim bright_yellow on bright_black"),
]


def whole(lines: Iterable[Strip]) -> LayoutUpdate:
    return LayoutUpdate([[line] for line in lines], Region(0, 0, WIDTH, HEIGHT))


def line(text: str, style: Style | None = None) -> Strip:
    return Strip([Segment(text.ljust(WIDTH), style)])


texts = st.text(st.sampled_from("aab  ─●é…↳"), max_size=8)
looks = st.sampled_from(STYLES)
segments = st.tuples(texts, looks).map(lambda parts: Segment(*parts))
odd = st.tuples(st.sampled_from(["日本", "é", "🙂"]), looks).map(lambda parts: Segment(*parts))


@st.composite
def strips(draw: st.DrawFn, width: int, *, wide: bool) -> Strip:
    parts = draw(st.lists(st.one_of(segments, odd) if wide else segments, max_size=4))
    return Strip(parts).adjust_cell_length(width)


@st.composite
def updates(draw: st.DrawFn) -> Update:
    """A whole screen, a region of it, or spans of lines that are cut into two."""
    wide = draw(st.booleans())
    if draw(st.booleans()):
        x, y = draw(st.integers(0, WIDTH - 2)), draw(st.integers(0, HEIGHT - 1))
        width, height = draw(st.integers(1, WIDTH - x)), draw(st.integers(1, HEIGHT - y))
        lines: list[Iterable[Strip]] = [[draw(strips(width, wide=wide))] for _ in range(height)]
        return LayoutUpdate(lines, Region(x, y, width, height))
    cut = draw(st.integers(1, WIDTH - 1))
    chops = [
        {0: draw(strips(cut, wide=False)), cut: draw(strips(WIDTH - cut, wide=False))}
        for _ in range(HEIGHT)
    ]
    spans = []
    for y in sorted(draw(st.sets(st.integers(0, HEIGHT - 1), min_size=1))):
        first = draw(st.integers(0, WIDTH - 1))
        spans.append((y, first, draw(st.integers(first + 1, WIDTH))))
    return ChopsUpdate(chops, spans, [[cut, WIDTH]] * HEIGHT)


@given(st.lists(updates(), min_size=1, max_size=8))
def test_both_terminals_show_the_same(story: list[Update]) -> None:
    twins = Twins(SIZE)
    twins.show(whole(line("") for _ in range(HEIGHT)))
    for update in story:
        twins.show(update)


def test_what_is_shown_is_not_sent_again() -> None:
    twins = Twins(SIZE)
    lines = [line(f"row {n}", STYLES[n]) for n in range(HEIGHT)]
    assert twins.show(whole(lines)) > WIDTH * HEIGHT
    assert twins.show(whole(lines)) == 0
    lines[2] = line("row 9", STYLES[2])
    assert twins.show(whole(lines)) < 30
    assert twins.lean.display[2].rstrip() == "row 9"


def test_after_forgetting_everything_is_sent() -> None:
    twins = Twins(SIZE)
    lines = [line("same") for _ in range(HEIGHT)]
    first = twins.show(whole(lines))
    twins.shown.forget()
    assert twins.show(whole(lines)) == first


def test_another_size_is_another_screen() -> None:
    shown, console = TerminalCells(), Console(color_system="truecolor", force_terminal=True)
    update = whole([line("same")])
    first = shown.draw(update, SIZE, console)
    assert shown.draw(update, SIZE, console) == ""
    assert shown.draw(update, (WIDTH, HEIGHT + 1), console) == first


def test_an_update_that_looks_otherwise_goes_out_as_it_is() -> None:
    class Newer(LayoutUpdate):
        def __init__(self) -> None:
            """Without what is read from it."""

        def render_segments(self, console: Console) -> str:
            return "as ever" if console else ""

    twins = Twins(SIZE)
    lines = [line("same") for _ in range(HEIGHT)]
    first = twins.show(whole(lines))
    assert twins.shown.draw(Newer(), SIZE, twins.console) == "as ever"
    assert twins.show(whole(lines)) == first, "nobody knows what it drew"


def test_what_lies_outside_the_screen_does_no_harm() -> None:
    twins = Twins(SIZE)
    twins.show(whole(line("same") for _ in range(HEIGHT)))
    update = LayoutUpdate([[line("beyond")]], Region(WIDTH - 3, HEIGHT - 1, WIDTH, 1))
    assert "beyond" in twins.shown.draw(update, SIZE, twins.console)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("system", [ColorSystem.STANDARD, ColorSystem.EIGHT_BIT])
def test_a_look_is_read_and_written(style: Style | None, system: ColorSystem) -> None:
    rendered = Strip.render_style(style, "x", color_system=system) if style is not None else "x"
    look = read_look(rendered)
    assert look is not None
    assert (look == PLAIN) == (rendered == "x")
    ours, theirs = (pyte.Screen(1, 1) for _ in range(2))
    pyte.Stream(ours).feed(look_change(PLAIN, look) + "x")
    pyte.Stream(theirs).feed(rendered)
    assert ours.buffer[0][0] == theirs.buffer[0][0]


def test_from_one_look_to_another_in_few_bytes() -> None:
    bold = CellLook("31", "48;5;2", frozenset({"1"}))
    assert look_change(bold, bold) == ""
    assert look_change(bold, bold._replace(foreground="32")) == "\x1b[32m"
    assert look_change(bold, bold._replace(foreground="")) == "\x1b[39m"
    assert look_change(bold, CellLook("31", "48;5;2")) == "\x1b[0;31;48;5;2m"
    assert look_change(bold, PLAIN) == "\x1b[0m"


def test_a_link_is_more_than_a_look() -> None:
    assert read_look(Style(link="https://example.org").render("x")) is None
