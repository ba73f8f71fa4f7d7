"""One-line widgets: they draw themselves, take no focus and send only what changed."""

from __future__ import annotations

from textual.content import Content
from textual.widget import Widget


class Line(Widget):
    """One line of `Content`; setting the same content again sends nothing."""

    DEFAULT_CSS = "Line { height: 1; width: 1fr; }"

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self._content = Content("")

    @property
    def content(self) -> Content:
        """What is shown."""
        return self._content

    def show(self, content: Content) -> None:
        """Show this from now on. Untrusted parts must have passed `text.safe`."""
        if not content.is_same(self._content):
            self._content = content
            self.refresh()

    def watch_virtual_size(self) -> None:
        """The size has changed (not every widget gets its first Resize)."""
        if self.size:
            self.sized(self.size.width)

    def sized(self, width: int) -> None:
        """Lay the line out for so many cells."""

    def render(self) -> Content:
        """For Textual."""
        return self._content


def spread(left: Content, right: Content, width: int) -> Content:
    """`left` and `right` on one line of `width` cells; `left` is cut when they do not fit."""
    room = max(width - right.cell_length - 1, 0)
    if left.cell_length > room:
        left = left.truncate(room, ellipsis=True)
    gap = max(width - left.cell_length - right.cell_length, 0)
    return Content.assemble(left, " " * gap, right)
