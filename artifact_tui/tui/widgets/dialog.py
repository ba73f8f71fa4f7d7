"""Dialogs: boxes on the overlay layer of a screen, not screens of their own.

A modal screen repaints every cell behind it (84 KB); a box that covers only itself costs about
one. While a dialog is open, keys go to it and nowhere else.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Generic, TypeVar

from textual.containers import Container, Vertical

from artifact_tui.tui.bindings import bindings_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.screen import Screen
    from textual.widget import Widget

T = TypeVar("T")


class Overlay(Container):
    """Where the dialogs of a screen appear: always there, and never seen itself.

    A new widget directly on the screen would shift the drawing order of all others, and Textual
    would send all of them again.
    """

    DEFAULT_CSS = """
    Overlay {
        layer: overlay;
        width: 100%;
        height: 100%;
        align: center middle;
        visibility: hidden;
        & > * { visibility: visible; }
    }
    """


class Dialog(Vertical, Generic[T]):
    """A box over the screen that ends with a value, or with None when it is left.

    Open one with `dialog.open_on(screen, callback)`. A subclass composes its content, sets
    `border_title`, and calls `self.close(value)`.
    """

    BINDINGS = bindings_of("dialog")

    DEFAULT_CSS = """
    Dialog {
        width: 60;
        max-width: 94%;
        height: auto;
        max-height: 90%;
        background: $surface;
        color: $foreground;
        border: round $accent;
        padding: 0 1;
    }
    Dialog:ansi { background: ansi_default; }
    """

    FOCUS = ""
    """Selector of the widget that gets the keyboard first; the dialog itself when empty."""

    can_focus = True

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._callback: Callable[[T | None], object] | None = None
        self._before: Widget | None = None
        self._done = False
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done once the dialog has the keyboard: keys that come before wait."""

    @property
    def is_modal(self) -> bool:
        """Keys stop here: nothing behind the dialog hears them."""
        return True

    def open_on(self, screen: Screen[None], callback: Callable[[T | None], object]) -> None:
        """Show the dialog; `callback` gets its value once it is closed."""
        self._callback = callback
        self._before = screen.focused
        screen.query_one(Overlay).mount(self)

    def on_mount(self) -> None:
        """Take the keyboard."""
        target = self.query_one(self.FOCUS) if self.FOCUS else self
        self.screen.set_focus(target, scroll_visible=False)
        self.trap_focus()
        self.ready.set_result(None)

    def close(self, value: T | None = None) -> None:
        """Leave the screen and hand the value over. A second call does nothing."""
        if self._done:
            return
        self._done = True
        screen = self.screen
        self.trap_focus(trap_focus=False)
        if self._before is not None and self._before.is_attached:
            screen.set_focus(self._before, scroll_visible=False)
        self.remove()
        if self._callback is not None:
            self._callback(value)

    def action_cancel(self) -> None:
        """Leave without a value."""
        self.close(None)
