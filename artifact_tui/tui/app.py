"""The Textual app: themes, signals, how screens are opened. The work is elsewhere."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from rich.text import Text
from textual import on
from textual.app import App
from textual.driver import Driver
from textual.events import Key, Paste, Resize
from textual.filter import NoColor

from artifact_tui.errors import ArtifactTuiError
from artifact_tui.tui import clipboard, crash
from artifact_tui.tui.ascii_only import ASCII_ONLY
from artifact_tui.tui.bindings import bindings_of
from artifact_tui.tui.keymap import keymap_from
from artifact_tui.tui.screens.base import BaseScreen
from artifact_tui.tui.screens.browse import BrowseScreen
from artifact_tui.tui.typed import TypedKeys
from artifact_tui.tui.working import Effects, start

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence
    from typing import Any, Literal

    from rich.console import RenderableType
    from textual.events import Event
    from textual.filter import LineFilter
    from textual.screen import Screen

    from artifact_tui.catalog.rows import VersionRow
    from artifact_tui.catalog.selection import Selection
    from artifact_tui.orphans import Chosen
    from artifact_tui.query import Where
    from artifact_tui.tui.changed_cells import Shown
    from artifact_tui.tui.remaking import Again
    from artifact_tui.tui.services import Services

_NO_COLOUR = NoColor()
MOST_SAID = 2
"""Sentences that go on the message line; more of them get a dialog."""
COLOURLESS = "ansi-dark"
"""The theme that sends no colours of its own."""


class ArtifactApp(App[None]):
    """One registry on the screen."""

    TITLE = "artifact-tui"
    CSS_PATH = "screens/browse.tcss"  # Textual reads no style sheet of the default screen
    ENABLE_COMMAND_PALETTE = False
    BINDINGS = bindings_of("app")

    def __init__(
        self,
        services: Services,
        driver_class: type[Driver] | None = None,
    ) -> None:
        self._colourless = bool(os.environ.pop("NO_COLOR", ""))  # Textual would only turn to grey
        super().__init__(driver_class=driver_class)
        self.services = services
        self._shown = _knowing()
        self.keymap_shown = keymap_from(services.config)
        self.effects = Effects(self, self._not_done)
        self.typed = TypedKeys(self, super().on_event, self.keymap_shown)
        self.animation_level = "none"
        self.set_keymap(self.keymap_shown)
        if self._colourless:
            self.theme = COLOURLESS
        elif services.config.theme:
            self.theme = services.config.theme

    async def on_event(self, event: Event) -> None:
        """Keys one at a time; everything else as Textual does it."""
        if isinstance(event, Resize) and self._shown is not None:
            self._shown.forget()
        if isinstance(event, Key | Paste) and not event.is_forwarded:
            await self.typed.take(event)
        else:
            await super().on_event(event)

    def get_default_screen(self) -> Screen[None]:
        """Browse is what everything else lies on."""
        return BrowseScreen(self.services)

    def get_line_filters(self) -> Sequence[LineFilter]:
        """No colours with NO_COLOR, nothing but ASCII in ASCII mode."""
        filters = list(super().get_line_filters())
        if self._colourless:
            filters.append(_NO_COLOUR)
        if self.services.signs.ascii:
            filters.append(ASCII_ONLY)
        return filters

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        """Send only what the terminal does not show yet."""
        if self._shown is not None:
            renderable = self._shown.lean(renderable, (self.size.width, self.size.height))
        super()._display(screen, renderable)

    def action_redraw(self) -> None:
        """Draw everything again: something else wrote to the terminal."""
        if self._shown is not None:
            self._shown.forget()
        self.refresh()

    # Leaving

    def action_suspend(self) -> None:
        """Back to the shell until it continues us; what is being applied goes on by itself."""
        driver = self._driver
        stop = getattr(driver, "stop", None)
        if stop is None or not stop():
            self.say("There is no shell to go back to: q leaves.")

    @on(Driver.SignalResume)
    def _resumed(self) -> None:
        """The terminal shows what the shell has written meanwhile."""
        self.action_redraw()

    def action_help_quit(self) -> None:
        """What ctrl+c does: nothing but say how to leave."""
        self.say("q leaves, ctrl+q from anywhere. Tasks that are running go on.")

    def _fatal_error(self) -> None:
        """Leave after a mistake of ours, without showing any values."""
        error = self._exception
        if error is None:
            return
        text = crash.words(error, crash.write_log(error))
        self._exit_renderables.append(Text(text))
        self._close_messages_no_wait()

    # Screens

    def open_review(
        self,
        selection: Sequence[str] | Where | Chosen | Literal["marked"],
        *,
        action: str = "delete",
        query_text: str = "",
        again: Again | None = None,
        collections: Sequence[str] = (),
    ) -> None:
        """Review a deletion (or purge): of keys, a `Where`, "marked" versions, or orphans.

        `collections` are keys: all of these go too, empty ones themselves.
        """
        from artifact_tui.tui.screens.review import ReviewScreen  # noqa: PLC0415 - on demand

        self.push_screen(
            ReviewScreen(
                self.services,
                selection,
                action=action,
                query_text=query_text,
                again=again,
                collections=collections,
            )
        )

    def open_tasks(self) -> None:
        """Watch and steer the deletions that run or ran."""
        from artifact_tui.tui.screens.tasks import TasksScreen  # noqa: PLC0415 - on demand

        self.push_screen(TasksScreen(self.services))

    def open_trash(self) -> None:
        """What was deleted and can be restored or purged."""
        from artifact_tui.tui.screens.trash import TrashScreen  # noqa: PLC0415 - on demand

        self.push_screen(TrashScreen(self.services))

    def open_orphans(self) -> None:
        """What does not fit together between the registry and its storage."""
        from artifact_tui.tui.screens.orphans import OrphansScreen  # noqa: PLC0415 - on demand

        self.push_screen(OrphansScreen(self.services))

    def open_retention(self, chosen: Selection | None) -> None:
        """What expires when; `chosen` is for what another time to live would be."""
        from artifact_tui.tui.screens.retention import RetentionScreen  # noqa: PLC0415 - on demand

        self.push_screen(RetentionScreen(self.services, chosen))

    def open_registries(self) -> None:
        """What is configured: add, test, switch, remove."""
        from artifact_tui.tui.screens.registries import (  # noqa: PLC0415 - on demand
            RegistriesScreen,
        )

        self.push_screen(RegistriesScreen(self.services))

    def open_lineage(self, row: VersionRow) -> None:
        """Walk through what a version was made from and what was made from it."""
        from artifact_tui.tui.screens.lineage import LineageScreen  # noqa: PLC0415 - on demand

        self.push_screen(LineageScreen(self.services, row))

    # What every screen offers

    def tell_when_done(self, work: Coroutine[Any, Any, list[str]]) -> None:
        """Carry something out that outlives every screen, and say how it ended."""
        self.run_worker(self._tell(work), group="outliving")

    async def _tell(self, work: Coroutine[Any, Any, list[str]]) -> None:
        try:
            lines = await work
        except ArtifactTuiError as error:
            self.say(f"{error} {error.hint}".strip(), error=True)
            return
        screen = self.screen
        if len(lines) > MOST_SAID and isinstance(screen, BaseScreen):
            from artifact_tui.tui.widgets.listing import Listing  # noqa: PLC0415 - on demand

            screen.open_dialog(Listing("Made again", lines))
        elif isinstance(screen, BaseScreen):
            screen.tell(" ".join(lines))

    def say(self, message: str, *, error: bool = False) -> None:
        """One sentence on the message line of the present screen."""
        if isinstance(self.screen, BaseScreen):
            self.screen.say(message, error=error)

    def _not_done(self, error: ArtifactTuiError) -> None:
        """Something that a key asked for went wrong: the keys that wait for it are forgotten."""
        self.typed.drop()
        self.say(f"{error} {error.hint}".strip(), error=True)

    def action_help(self) -> None:
        """Show the keys that apply here."""
        if isinstance(self.screen, BaseScreen):
            self.screen.show_help()

    def action_palette(self) -> None:
        """Find a command."""
        if isinstance(self.screen, BaseScreen):
            self.screen.show_palette()

    def action_use_theme(self, name: str) -> None:
        """Change the colours for this session."""
        self.theme = name

    def copy(self, text: str) -> None:
        """Put a text on the clipboard of the user's terminal, and say so."""
        start(self, "copy", self._copy, text, latest=True)

    async def _copy(self, text: str) -> None:
        try:
            sequence = await clipboard.sequence_for(text)
        except ValueError:
            self.say("Not copied: this name holds characters that may do harm when pasted.")
            return
        if sequence and self._driver is not None:
            self._driver.write(sequence)
            self._driver.flush()
        self.say(f"Copied, if your terminal allows it: {text}")


def _knowing() -> Shown | None:
    """What remembers the terminal's cells; None with a Textual that has no place for it."""
    try:
        from artifact_tui.tui.changed_cells import Shown  # noqa: PLC0415 - it may not be possible
    except ImportError:
        return None
    return Shown()
