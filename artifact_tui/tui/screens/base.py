"""What all screens have in common: header, body, message line, footer, disabled actions."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self, cast

from textual.containers import Container
from textual.reactive import Reactive
from textual.screen import Screen

from artifact_tui.text import safe
from artifact_tui.tui.bindings import rows_of
from artifact_tui.tui.widgets.cursor_list import CursorList
from artifact_tui.tui.widgets.dialog import Dialog, Overlay
from artifact_tui.tui.widgets.header import Header, HeaderFacts
from artifact_tui.tui.widgets.keys_line import KeysLine
from artifact_tui.tui.widgets.status import StatusLine
from artifact_tui.tui.working import LEAVING, MOVES_AND_LEAVING, Waiting, start

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator
    from typing import Any

    from textual.app import ComposeResult
    from textual.events import Key
    from textual.geometry import Region
    from textual.widget import Widget

    from artifact_tui.errors import ArtifactTuiError
    from artifact_tui.tui.app import ArtifactApp
    from artifact_tui.tui.services import Services
    from artifact_tui.tui.widgets.palette import Command


class BaseScreen(Screen[None]):
    """A screen of ours. A subclass names its `PLACE`, its `TITLE_WORD`, and composes a body."""

    PLACE: ClassVar[str] = "browse"
    """The `where` of this screen's rows in `bindings`."""
    TITLE_WORD: ClassVar[str] = ""
    """Shown in the header; empty for browse."""

    DEFAULT_CSS = """
    BaseScreen { layers: base overlay; overflow: hidden; }
    BaseScreen #body { height: 1fr; width: 1fr; }
    """

    focused: Reactive[Widget | None] = Reactive(None, repaint=False)
    """As in Textual, but the keyboard can move without drawing the whole screen again."""

    def __init__(self, services: Services) -> None:
        super().__init__()
        self.services = services
        self.header = Header(HeaderFacts(services.target.name), services.signs)
        self.status_line = StatusLine()
        self.keys = KeysLine()
        self._opening: Waiting | None = None
        self._reading: Waiting | None = None

    # What keys wait for

    def waiting(self, *, acts: bool) -> Iterator[Waiting]:
        """What has to be done before keys mean what they should; `acts` of those on the row."""
        for one in (self._opening, self._reading):
            if one is not None:
                yield one
        yield from (one for one in self.host.effects if one.screen in {None, self})
        here = self.focused
        if acts and isinstance(here, CursorList) and here.arriving:
            yield Waiting("the row under the cursor is being read", MOVES_AND_LEAVING)

    @property
    def row_since(self) -> float:
        """When the row under the cursor became another by itself (the clock of `Message.time`)."""
        return self.focused.swapped if isinstance(self.focused, CursorList) else 0.0

    def read_first(self, words: str, lets: frozenset[str] = LEAVING) -> None:
        """Let keys wait until `read_done`: they mean what is being read."""
        if self._reading is None or self._reading.done.done():
            self._reading = Waiting(words, lets)
        else:
            self._reading.lets &= lets

    def read_done(self) -> None:
        """What was to be read first is on the screen, or cannot be."""
        if self._reading is not None:
            self._reading.over()

    def carry_out(
        self,
        words: str,
        work: Awaitable[object],
        *,
        lets: frozenset[str] = frozenset(),
        everywhere: bool = False,
        stops: bool = False,
    ) -> None:
        """Do what a key asked for, after what was asked before; later keys wait for it.

        What goes wrong is said, and the keys that wait are forgotten. See `Effects.add`.
        """
        screen = None if everywhere else self
        self.host.effects.add(words, work, lets=lets, screen=screen, stops=stops)

    def refresh(
        self,
        *regions: Region,
        repaint: bool = True,
        layout: bool = False,
        recompose: bool = False,
    ) -> Self:
        """As in Textual, but a new layout draws what has changed, not the whole screen."""
        return super().refresh(
            *regions, repaint=repaint and not layout, layout=layout, recompose=recompose
        )

    def _compositor_refresh(self) -> None:
        """As in Textual, but a covered screen draws nothing.

        Textual lets it draw the screen above again, in full and at each of its messages, in case
        that is transparent; ours are not, and a screen that comes back is drawn as a whole.
        """
        if self.app.screen is self:
            super()._compositor_refresh()

    @property
    def host(self) -> ArtifactApp:
        """The app, typed."""
        return cast("ArtifactApp", self.app)

    def compose(self) -> ComposeResult:
        """Header, body, message line, footer."""
        yield self.header
        with Container(id="body"):
            yield from self.compose_body()
        yield self.status_line
        yield self.keys
        yield Overlay()

    def compose_body(self) -> Iterable[Widget]:
        """The screen's own widgets."""
        return ()

    def on_mount(self) -> None:
        """Show the keys."""
        self.set_class(self.services.signs.ascii, "-ascii")
        self.header.update(self.header_facts())
        self.show_keys()

    def header_facts(self) -> HeaderFacts:
        """What the header says; subclasses add to it with `dataclasses.replace`."""
        services = self.services
        return HeaderFacts(
            name=services.target.name,
            title=self.TITLE_WORD,
            read_only=services.read_only,
            production=services.target.production,
        )

    def why_not(self, row_id: str) -> str:
        """Why the action of a binding cannot be used now, in words; empty when it can."""
        del row_id
        return ""

    def refused(self, row_id: str) -> bool:
        """Say why an action cannot be used, if that is so. Actions begin with it."""
        reason = self.why_not(row_id)
        if reason:
            self.say(f"Not possible here: {reason}.", error=True)
        return bool(reason)

    def show_keys(self) -> None:
        """Draw the footer again, after something was enabled or disabled."""
        rows = [row for row in rows_of(self.PLACE, "app") if row.footer]
        disabled = frozenset(row.id for row in rows if self.why_not(row.id))
        self.keys.update(rows, self.host.keymap_shown, disabled)

    def say(self, message: str, *, error: bool = False) -> None:
        """Show one sentence on the message line until the next key. It may hold untrusted text."""
        self.status_line.say(safe(message), error=error)

    def tell(self, words: str) -> None:
        """Show a sentence that is safe already."""
        self.query_one(StatusLine).say(words)

    def fail(self, error: ArtifactTuiError) -> None:
        """Say what went wrong and what to do about it."""
        self.say(f"{error} {error.hint}".strip(), error=True)

    def on_key(self, event: Key) -> None:
        """A message lasts until the next key."""
        del event
        self.status_line.hush()

    def show_help(self) -> None:
        """Show the keys that apply here."""
        from artifact_tui.tui.screens.help import HelpBox, HelpLines  # noqa: PLC0415 - seldom needed

        host = self.host
        signs = self.services.signs
        self.open_dialog(HelpBox(HelpLines(self.PLACE, host.keymap_shown, self.why_not, signs)))

    def show_palette(self) -> None:
        """Find a command by its words, and start it."""
        from artifact_tui.tui.commands import commands_for  # noqa: PLC0415 - seldom needed
        from artifact_tui.tui.widgets.palette import Palette  # noqa: PLC0415 - same

        self.open_dialog(Palette(commands_for(self)), self._start)

    def _start(self, command: Command | None) -> None:
        if command is not None and not command.reason:
            start(self, "command", self.run_action, command.action)
        elif command is not None:
            self.say(f"Not possible here: {command.reason}.", error=True)

    def open_dialog(
        self, dialog: Dialog[Any], callback: Callable[[Any], object] | None = None
    ) -> None:
        """Show a dialog over this screen; a second one is not opened over the first."""
        if not self.query(Dialog):
            self._opening = Waiting("a dialog is being opened", done=dialog.ready)
            dialog.open_on(self, callback or (lambda _value: None))
