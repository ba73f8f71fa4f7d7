"""Output that knows what the terminal shows, and sends only the cells that changed.

Textual sends whole regions again whenever something in them is new. What it is about to send has
no public form: what is read here is read as `render_segments` of its own updates reads it, and an
update that looks otherwise goes out as Textual would send it. Between two cells that look different
the shortest sequence is sent.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple, cast

from rich.cells import cell_len
from rich.control import Control
from rich.segment import Segment
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.strip import Strip

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console, RenderableType
    from rich.style import Style


_SEQUENCE = re.compile(r"(?:\x1b\[([0-9;]*)m)?x(?:\x1b\[0?m)?", re.ASCII)
_FOREGROUND = frozenset({*range(30, 40), *range(90, 98)})
_BACKGROUND = frozenset({*range(40, 50), *range(100, 108)})
_LONG = {"5": 3, "2": 5}
"""Parameters of a colour after 38 or 48, by its kind: one of 256, or red, green, blue."""


class CellLook(NamedTuple):
    """Colours and attributes, each as its parameters; empty: the terminal's own."""

    foreground: str = ""
    background: str = ""
    attributes: frozenset[str] = frozenset()


PLAIN = CellLook()


def read_look(rendered: str) -> CellLook | None:
    """The look of one rendered "x"; None when more than colours and attributes is sent with it."""
    found = _SEQUENCE.fullmatch(rendered)
    if found is None:
        return None
    rest = (found[1] or "").split(";")
    foreground = background = ""
    attributes = set()
    while rest:
        length = _LONG.get(rest[1], 1) if rest[0] in {"38", "48"} and len(rest) > 1 else 1
        part, rest = ";".join(rest[:length]), rest[length:]
        number = int(part.partition(";")[0] or 0)
        if number in _FOREGROUND:
            foreground = part
        elif number in _BACKGROUND:
            background = part
        elif number:
            attributes.add(part)
    return CellLook(foreground, background, frozenset(attributes))


def look_change(before: CellLook, after: CellLook) -> str:
    """What a terminal that shows text like `before` is sent to show it like `after`."""
    if before == after:
        return ""
    parts = []
    if not before.attributes <= after.attributes:
        parts, before = ["0"], PLAIN
    parts += sorted(after.attributes - before.attributes)
    if before.foreground != after.foreground:
        parts.append(after.foreground or "39")
    if before.background != after.background:
        parts.append(after.background or "49")
    return f"\x1b[{';'.join(parts)}m"


_GAP = 6
"""Cells that did not change are sent along when fewer than these lie between two that did: moving
the cursor costs as much."""

_STYLES = 4096
"""Styles whose sequences are remembered at most."""

Cell = tuple[str, CellLook]
Piece = tuple[int, int, Strip]
"""Column, line, and what is to be shown from there."""


class TerminalCells:
    """What the terminal shows, as far as it is known."""

    def __init__(self) -> None:
        self._size = (0, 0)
        self._lines: list[list[Cell | None]] = []
        self._looks: dict[Style | None, CellLook | None] = {}

    def forget(self) -> None:
        """Nothing is known any more: all that comes is sent."""
        self._size = (0, 0)

    def lean(self, update: RenderableType | None, size: tuple[int, int]) -> RenderableType | None:
        """An update that draws what this one does and sends less; `size` is columns and lines."""
        if isinstance(update, ChopsUpdate | LayoutUpdate):
            return cast("RenderableType", _LeanUpdate(self, update, size))
        if update is not None:
            self.forget()
        return update

    def draw(
        self, update: ChopsUpdate | LayoutUpdate, size: tuple[int, int], console: Console
    ) -> str:
        """The sequences that make the terminal show this update."""
        if size != self._size:
            self._size = size
            self._lines = [[None] * size[0] for _ in range(size[1])]
        try:
            pieces = list(_pieces(update))
        except (AttributeError, TypeError, ValueError):
            self.forget()
            return update.render_segments(console)
        parts: list[str] = []
        pen = PLAIN
        """How text looks that the terminal is sent now."""
        for x, y, strip in pieces:
            cells = self._cells(strip, console)
            inside = 0 <= y < size[1] and x >= 0
            if cells is not None and inside and x + len(cells) <= size[0]:
                known = self._lines[y][x : x + len(cells)]
                self._lines[y][x : x + len(cells)] = cells
                for start, end in _runs(known, cells):
                    parts.append(Control.move_to(x + start, y).segment.text)
                    for char, look in cells[start:end]:
                        if look is not pen:
                            parts.append(look_change(pen, look))
                            pen = look
                        parts.append(char)
            else:
                if y < len(self._lines):  # terminals differ in how wide they draw such characters
                    self._lines[y] = [None] * self._size[0]
                move = Control.move_to(x, y).segment.text
                parts += (look_change(pen, PLAIN), move, strip.render(console))
                pen = PLAIN
        return "".join((*parts, look_change(pen, PLAIN)))  # plain, as Textual leaves it

    def _cells(self, strip: Strip, console: Console) -> list[Cell] | None:
        """A strip cell by cell; None when it holds more than that."""
        cells: list[Cell] = []
        for text, style, control in strip:
            look = self._look(style, console)
            if control or look is None:
                return None
            if not text.isprintable() or (
                not text.isascii() and any(cell_len(char) != 1 for char in text)
            ):
                return None
            cells += [(char, look) for char in text]
        return cells

    def _look(self, style: Style | None, console: Console) -> CellLook | None:
        """How text of a style looks; None when that is more than a look."""
        if style not in self._looks:
            if len(self._looks) >= _STYLES:
                self._looks.clear()
            self._looks[style] = read_look(Strip([Segment("x", style)]).render(console))
        return self._looks[style]


class _LeanUpdate(CompositorUpdate):
    """An update of Textual's that is drawn with the knowledge of what is shown."""

    def __init__(
        self, shown: TerminalCells, update: ChopsUpdate | LayoutUpdate, size: tuple[int, int]
    ) -> None:
        self._shown = shown
        self._update = update
        self._size = size

    def render_segments(self, console: Console) -> str:
        """The sequences to send."""
        return self._shown.draw(self._update, self._size, console)


def _pieces(update: ChopsUpdate | LayoutUpdate) -> Iterator[Piece]:
    """What an update is to show, and where."""
    if isinstance(update, LayoutUpdate):
        for y, strips in enumerate(update.strips, update.region.y):
            x = update.region.x
            for strip in strips:
                yield x, y, strip
                x += strip.cell_length
        return
    for y, first, last in update.spans:
        for end, (x, part) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
            if part is None or x > last or end <= first:
                continue
            whole = first <= x < last and end <= last
            yield x, y, part if whole else part.crop(0, min(end, last) - x)


def _runs(known: Sequence[Cell | None], cells: Sequence[Cell]) -> Iterator[tuple[int, int]]:
    """Where the cells differ from what is known: start and end, near ones joined."""
    start = end = -1
    for at, (old, new) in enumerate(zip(known, cells, strict=True)):
        if old == new:
            continue
        if start >= 0 and at - end > _GAP:
            yield start, end
            start = at
        elif start < 0:
            start = at
        end = at + 1
    if start >= 0:
        yield start, end
