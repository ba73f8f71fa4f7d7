"""The message line above the footer: lasting facts, and one sentence until the next key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from artifact_tui.tui.widgets.lines import Line, spread

if TYPE_CHECKING:
    from collections.abc import Sequence


class StatusLine(Line):
    """Left and right facts; a message covers the left ones, a long one all."""

    DEFAULT_CSS = "StatusLine { color: $foreground; }"

    def __init__(self) -> None:
        super().__init__(id="status")
        self._left = Content("")
        self._right: Sequence[Content] = ()
        self._message: Content | None = None
        self.words = ""
        """The message, safe; empty without one."""

    def facts(self, left: Content, *right: Content) -> None:
        """Set the lasting facts; of the right ones the first form that fits is shown."""
        self._left, self._right = left, right
        self._draw(self.size.width)

    def say(self, message: str, *, error: bool = False) -> None:
        """Show a sentence (already safe) until `hush`."""
        self.words = message
        self._message = Content.assemble((f" {message}", "bold $text-error" if error else "bold"))
        self._draw(self.size.width)

    def hush(self) -> None:
        """Drop the message, if there is one."""
        if self._message is not None:
            self._message, self.words = None, ""
            self._draw(self.size.width)

    def sized(self, width: int) -> None:
        """Lay the line out again."""
        self._draw(width)

    def _draw(self, width: int) -> None:
        left = self._left if self._message is None else self._message
        fitting = (r for r in self._right if left.cell_length + r.cell_length < width)
        last = self._right[-1] if self._right and self._message is None else Content("")
        right = next(fitting, last)
        self.show(spread(left, right, width))
