"""Small widgets that send only what changed: one line, a line to type in, some lines of facts.

`fact` lays out a label and pieces of styled text that go on below when they do not fit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.segment import Segment
from textual.content import Content
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Input

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from textual.events import Paste, Resize


class Line(Widget):
    """One line of `Content`; setting the same content again sends nothing."""

    DEFAULT_CSS = "Line { height: 1; width: 1fr; }"

    def __init__(
        self,
        content: Content | str = "",
        *,
        id: str | None = None,  # noqa: A002
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.content = content if isinstance(content, Content) else Content(content)
        """What is shown."""
        self._layout: Callable[[int], Content] | None = None

    def show(self, content: Content | Callable[[int], Content]) -> None:
        """Show this from now on; a function lays it out for the width in cells.

        Untrusted parts must have passed `text.safe`.
        """
        self._layout = None if isinstance(content, Content) else content
        if isinstance(content, Content):
            self._draw(content)
        else:
            self.watch_virtual_size()

    def watch_virtual_size(self) -> None:
        """The size has changed (not every widget gets its first Resize)."""
        if self._layout is not None and self.size:
            self._draw(self._layout(self.size.width))

    def _draw(self, content: Content) -> None:
        if not content.is_same(self.content):
            self.content = content
            self.refresh(layout=self.styles.is_auto_height)

    def render(self) -> Content:
        """For Textual."""
        return self.content


class Question(Line):
    """A text of whole sentences, wrapped to the width."""

    DEFAULT_CSS = "Question { height: auto; }"


def spread(left: Content, right: Content, width: int) -> Content:
    """`left` and `right` on one line of `width` cells; `left` is cut when they do not fit."""
    room = max(width - right.cell_length - 1, 0)
    if left.cell_length > room:
        left = left.truncate(room, ellipsis=True)
    gap = max(width - left.cell_length - right.cell_length, 0)
    return Content.assemble(left, " " * gap, right)


class OneLine(Input):
    """Textual's input, quiet while idle (a blinking cursor sends 2.7 KB a second)."""

    DEFAULT_CSS = """
    OneLine { height: 1; width: 1fr; border: none; padding: 0; background: $boost; }
    OneLine:focus { border: none; }
    OneLine:ansi { background: ansi_default; }
    """

    def __init__(self, value: str = "", *, id: str | None = None, disabled: bool = False) -> None:  # noqa: A002
        super().__init__(value, id=id, disabled=disabled, compact=True, select_on_focus=False)
        self.cursor_blink = False

    def on_paste(self, event: Paste) -> None:
        """Take the first line of a paste, without what cannot be seen."""
        event.stop()
        event.prevent_default()
        line = event.text.partition("\n")[0].rstrip("\r")
        self.insert_text_at_cursor("".join(char for char in line if char.isprintable()))


_MARGIN = 1
"""Cells to each side."""


class FactsPane(Widget):
    """Shows `Content` of some lines; what does not fit below is not seen."""

    DEFAULT_CSS = "FactsPane { height: 3; width: 1fr; }"

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._content = Content("")
        self._rows: list[Content] = []

    def show(self, content: Content) -> None:
        """Show this from now on. Untrusted parts must have passed `text.safe`."""
        before, self._content = self._rows, content
        self._rows = self._wrapped()
        for y in range(self.size.height):
            old, new = _row_at(before, y), _row_at(self._rows, y)
            if not old.is_same(new):
                self.refresh(Region(0, y, self.size.width, 1))

    def on_resize(self, event: Resize) -> None:
        """Wrap again."""
        del event
        self._rows = self._wrapped()
        self.refresh()

    def _wrapped(self) -> list[Content]:
        width = self.size.width - 2 * _MARGIN
        if width < 1:
            return []
        rows: list[Content] = []
        for line in self._content.split(allow_blank=True):
            rows += line.wrap(width) if line else [line]
        return rows

    def render_line(self, y: int) -> Strip:
        """One row, for Textual."""
        style = self.visual_style
        blank = Segment(" " * _MARGIN, style.rich_style)
        room = max(self.size.width - 2 * _MARGIN, 0)
        row = _row_at(self._rows, y).truncate(room, pad=True)
        inner = [
            Segment(text, (style + own).rich_style)
            for text, own in row.render(style, end="", parse_style=self._get_style)
        ]
        return Strip([blank, *inner, blank], self.size.width).simplify()


def _row_at(rows: list[Content], y: int) -> Content:
    return rows[y] if y < len(rows) else Content("")


LABEL = 12
"""Cells of the label column."""


def fact(label: str, pieces: Sequence[Content | str], width: int) -> list[Content]:
    """`label` and its pieces, one blank between them, in lines of at most `width` cells."""
    room = max(width - LABEL, 1)
    rows: list[Content] = []
    row = Content("")
    for piece in pieces:
        part = piece if isinstance(piece, Content) else Content(piece)
        for bit in _cut(part, room):
            used = row.cell_length
            if used and used + 1 + bit.cell_length > room:
                rows.append(row)
                row = bit
            else:
                row = Content.assemble(row, " ", bit) if used else bit
    rows.append(row)
    heads = [Content.styled(label.ljust(LABEL), "dim")]
    heads += [Content(" " * LABEL)] * (len(rows) - 1)
    return [Content.assemble(head, body) for head, body in zip(heads, rows, strict=True)]


def words(text: str, style: str = "") -> list[Content]:
    """A sentence (already safe) as pieces, so that it wraps between words."""
    return [Content.styled(word, style) for word in text.split(" ") if word]


def _cut(part: Content, room: int) -> list[Content]:
    """A piece that is longer than a line, cut into lines; else the piece itself."""
    if part.cell_length <= room:
        return [part]
    bits: list[Content] = []
    start = 0
    plain = part.plain
    while start < len(plain):
        end = min(start + room, len(plain))
        while end > start + 1 and part[start:end].cell_length > room:
            end -= 1
        bits.append(part[start:end])
        start = end
    return bits
