"""The Textual app: from a target to a running screen and back; signals, themes, opening screens.

Home and the open registry are modes, each with screens of its own: one sleeps while the other is
seen.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import contextmanager
from dataclasses import replace
from difflib import get_close_matches
from itertools import count
from typing import TYPE_CHECKING, cast

from rich.text import Text
from textual import on
from textual.app import App
from textual.driver import Driver
from textual.events import Key, Paste, Resize
from textual.filter import NoColor
from textual.theme import BUILTIN_THEMES

from artifact_tui.deletion.items import Action, Options
from artifact_tui.deletion.review import ReviewRequest
from artifact_tui.errors import ArtifactTuiError, ConfigError, UsageError
from artifact_tui.model import now_us
from artifact_tui.query import parse
from artifact_tui.tui import crash, terminal
from artifact_tui.tui.key_bindings import bindings_of
from artifact_tui.tui.keymap import keymap_from
from artifact_tui.tui.screens.browse_screen import BrowseScreen
from artifact_tui.tui.services import open_services
from artifact_tui.tui.terminal import ASCII_ONLY, signs_for
from artifact_tui.tui.typed_keys import Effects, TypedKeys, start
from artifact_tui.tui.widgets.dialogs import Listing

try:
    from artifact_tui.tui.changed_cells import TerminalCells
except ImportError:  # a Textual that has no place for it
    TerminalCells = None  # type: ignore[assignment,misc]

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator, Sequence
    from pathlib import Path
    from typing import Any

    from rich.console import RenderableType
    from textual.events import Event
    from textual.filter import LineFilter
    from textual.screen import Screen

    from artifact_tui.catalog.catalog_rows import VersionRow
    from artifact_tui.catalog.facade import Catalog
    from artifact_tui.catalog.marks import Selection
    from artifact_tui.config import Config, Target
    from artifact_tui.deletion.storage import ChosenOrphans
    from artifact_tui.deletion.undo import Reingestion, Undone
    from artifact_tui.edits.changes import Changes, CommonEdit
    from artifact_tui.tui.services import Services
    from artifact_tui.tui.widgets.base_screen import BaseScreen
    from artifact_tui.tui.widgets.dialogs import MenuEntry


def launch(target: Target | None, config: Config, *, locked: bool = False) -> int:
    """Open the registry, or home, run the app on it, close everything; returns the exit code.

    `locked`: nothing may be changed in any registry of this session.

    Raises:
        ArtifactTuiError: there is no terminal, the registry cannot be opened, or the
            configuration names a key or a theme that is not there. Nothing has been drawn then.
    """
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError(
            "The screen needs a terminal for its input and output.",
            hint="Without one, use a command such as artifact-tui ls.",
        )
    if config.theme and config.theme not in BUILTIN_THEMES:
        near = get_close_matches(config.theme, BUILTIN_THEMES, n=1, cutoff=0.4)
        guess = f"Did you mean “{near[0]}”? " if near else ""
        raise ConfigError(
            f"There is no theme “{config.theme}” ({config.path}).",
            hint=f"{guess}Themes: {', '.join(sorted(BUILTIN_THEMES))}.",
        )
    keymap_from(config)

    async def session() -> int:
        opened = None if target is None else await open_services(target, config)
        app = None
        try:
            app = ArtifactApp(config, opened, driver_class(), locked=locked)
            with leaving(app):
                await app.run_async(mouse=wants_mouse(config))
            return app.return_code or 0
        finally:
            left = opened if app is None else app.registry
            if left is not None:
                await left.aclose()

    return asyncio.run(session())


@contextmanager
def leaving(app: ArtifactApp) -> Iterator[None]:
    """Leave in good order at every signal that would end the process: the terminal is restored.

    A signal that somebody has made this process ignore stays ignored.
    """
    loop = asyncio.get_running_loop()
    ends = {signal.SIG_DFL, signal.default_int_handler}
    numbers = [n for n in signal.valid_signals() - _NOT_OURS if signal.getsignal(n) in ends]
    for number in numbers:
        loop.add_signal_handler(number, app.exit)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


_SIGNAL_NAMES = (
    *("KILL", "STOP"),  # nobody can hear these
    *("SEGV", "BUS", "FPE", "ILL"),  # a fault of the process itself: nothing can go on after it
    *("CHLD", "CONT", "TSTP", "TTIN", "TTOU", "URG", "WINCH", "INFO"),  # these do not end it
)
_NOT_OURS = {
    getattr(signal, f"SIG{name}") for name in _SIGNAL_NAMES if hasattr(signal, f"SIG{name}")
}


def driver_class() -> type[Driver] | None:
    """Our own driver; None (Textual's) where another one is asked for."""
    if os.environ.get("TEXTUAL_DRIVER"):
        return None
    from artifact_tui.tui.driver import TerminalDriver  # noqa: PLC0415 - POSIX only

    return TerminalDriver


def wants_mouse(config: Config) -> bool:
    """As configured; by default not over SSH, where each movement would send a report."""
    if config.mouse is not None:
        return config.mouse
    return not any(name in os.environ for name in ("SSH_CONNECTION", "SSH_TTY"))


_MODE_NUMBERS = count(1)
_NO_COLOUR = NoColor()
MOST_SAID = 2
"""Sentences that go on the message line; more of them get a dialog."""
COLOURLESS = "ansi-dark"
"""The theme that sends no colours of its own."""


HOME = "home"
FIRST = "first"
"""Modes: the list of stores, unless the session began with it, and what it began with."""


class ArtifactApp(App[object]):
    """Home, and one registry at a time."""

    TITLE = "artifact-tui"
    CSS_PATH = "screens/browse.tcss"  # Textual reads no style sheet of the default screen
    DEFAULT_MODE = FIRST
    ENABLE_COMMAND_PALETTE = False
    BINDINGS = bindings_of("app")

    def __init__(
        self,
        config: Config,
        opened: Services | None = None,
        driver_class: type[Driver] | None = None,
        *,
        locked: bool = False,
    ) -> None:
        """Begin with the registry that is `opened`, or with home; `locked` ones are only read."""
        self._colourless = bool(os.environ.pop("NO_COLOR", ""))  # Textual would only turn to grey
        super().__init__(driver_class=driver_class)
        self.config = config
        self.signs = signs_for(config)
        self.now = now_us
        """Microseconds UTC, for home; tests freeze it."""
        self.registry = opened
        """The one registry that is open, if any is."""
        self.locked = locked
        """Whether nothing may be changed in any registry of this session."""
        self._home_mode, self._registry_mode = (HOME, FIRST) if opened else (FIRST, "")
        """The modes of both; empty while no registry is open."""
        self.add_mode(FIRST, self.get_default_screen)
        if opened:
            self.add_mode(HOME, self._home_screen)
        self._shown = None if TerminalCells is None else TerminalCells()
        self.keymap_shown = keymap_from(config)
        self.effects = Effects(self)
        self.typed = TypedKeys(self, super().on_event, self.keymap_shown)
        self.animation_level = "none"
        self.set_keymap(self.keymap_shown)
        if self._colourless:
            self.theme = COLOURLESS
        elif config.theme:
            self.theme = config.theme

    @property
    def services(self) -> Services:
        """The registry that is open, for the screens that are about one.

        Raises:
            UsageError: none is.
        """
        if self.registry is None:
            raise UsageError("No registry is open.")
        return self.registry

    async def on_event(self, event: Event) -> None:
        """Hand keys to `TypedKeys`, one at a time, and everything else to Textual."""
        if isinstance(event, Resize) and self._shown is not None:
            self._shown.forget()
        if isinstance(event, Key | Paste) and not event.is_forwarded:
            await self.typed.take(event)
        else:
            await super().on_event(event)

    @property
    def screen(self) -> BaseScreen:
        """The present screen; every screen here is a `BaseScreen`."""
        return cast("BaseScreen", super().screen)

    def get_default_screen(self) -> BaseScreen:
        """What the session begins with: the list of a registry, or that of all stores."""
        return self._home_screen() if self.registry is None else BrowseScreen(self.registry)

    def _home_screen(self) -> BaseScreen:
        from artifact_tui.tui.screens.home_screen import HomeScreen  # noqa: PLC0415 - see below

        return HomeScreen()

    def get_line_filters(self) -> Sequence[LineFilter]:
        """No colours with NO_COLOR, nothing but ASCII in ASCII mode."""
        filters = list(super().get_line_filters())
        if self._colourless:
            filters.append(_NO_COLOUR)
        if self.signs.ascii:
            filters.append(ASCII_ONLY)
        return filters

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        """Send only what the terminal does not show yet."""
        if self._shown is not None:
            renderable = self._shown.lean(renderable, (self.size.width, self.size.height))
        super()._display(screen, renderable)

    @on(Driver.SignalResume)
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
            leave = self.screen.key_of("app.quit")
            self.screen.say(f"There is no shell to go back to: {leave} leaves.")

    def action_help_quit(self) -> None:
        """What ctrl+c does: nothing but say how to leave."""
        leave = self.screen.key_of("app.quit")
        self.screen.say(f"{leave} leaves. Tasks that are running go on.")

    def _fatal_error(self) -> None:
        """Leave after a mistake of ours, without showing any values."""
        error = self._exception
        if error is None:
            return
        text = crash.words(error, crash.write_log(error))
        self._exit_renderables.append(Text(text))
        self._close_messages_no_wait()

    # Screens. Each is imported when it is first opened (PLC0415): all take a tenth of a second

    def open_detail(self, row: VersionRow) -> None:
        """Show one version in full, where the list has no room for its details."""
        from artifact_tui.tui.screens.detail_screen import DetailScreen  # noqa: PLC0415

        self.push_screen(DetailScreen(self.services, row))

    def open_edit(self, edit: CommonEdit, changes: Changes) -> None:
        """Show what a change of aliases, tags or times to live would do, before it is sent."""
        from artifact_tui.tui.screens.edit_screen import EditScreen  # noqa: PLC0415

        self.push_screen(EditScreen(self.services, edit, changes))

    def open_lineage(self, row: VersionRow) -> None:
        """Show what a version was made from, and what was made from it."""
        from artifact_tui.tui.screens.lineage_screen import LineageScreen  # noqa: PLC0415

        self.push_screen(LineageScreen(self.services, row))

    def open_orphans(self) -> None:
        """Compare the registry with its storage."""
        from artifact_tui.tui.screens.orphans_screen import OrphansScreen  # noqa: PLC0415

        self.push_screen(OrphansScreen(self.services))

    @property
    def begins_at_home(self) -> bool:
        """Whether home lies below the open registry, and is not a place to look in from it."""
        return self._home_mode == FIRST or self._registry_mode not in {"", FIRST}

    async def open_home(self) -> None:
        """Show every store; the open registry stays open."""
        await self.switch_mode(self._home_mode)

    async def back_to_registry(self) -> None:
        """Show the open registry again, as it was left."""
        await self.switch_mode(self._registry_mode)

    def open_result(self, plan: Path) -> None:
        """Show what became of each item of a plan."""
        from artifact_tui.tui.screens.result_screen import ResultScreen  # noqa: PLC0415

        self.push_screen(ResultScreen(self.services, plan))

    def open_retention(self, chosen: Selection | None) -> None:
        """Show which versions a time to live deletes, and when."""
        from artifact_tui.tui.screens.retention_screen import RetentionScreen  # noqa: PLC0415

        self.push_screen(RetentionScreen(self.services, chosen))

    def open_review(
        self,
        selection: Selection | ChosenOrphans,
        *,
        action: Action = Action.DELETE,
        query_text: str = "",
        again: Reingestion | None = None,
        collections: Sequence[str] = (),
    ) -> None:
        """What deleting or purging a selection would do, and the way to do it.

        Args:
            selection: what was chosen.
            action: whether it is deleted, or purged from the trash.
            query_text: the filter that it was chosen with, for the plan file.
            again: what is made again once it is deleted.
            collections: keys of collections to be deleted although they hold nothing.
        """
        from artifact_tui.tui.screens.review_screen import ReviewScreen  # noqa: PLC0415

        request = ReviewRequest(
            selection=selection,
            options=Options(action=action),
            collections=tuple(collections),
            query=query_text,
        )
        self.push_screen(ReviewScreen(self.services, request, again))

    def open_tasks(self) -> None:
        """The plans that run, were interrupted or have ended."""
        from artifact_tui.tui.screens.tasks_screen import TasksScreen  # noqa: PLC0415

        self.push_screen(TasksScreen(self.services))

    def watch_task(self, plan_id: str, *, undo_offered: bool) -> None:
        """The tasks in the place of the present screen, at the plan that was just started."""
        from artifact_tui.tui.screens.tasks_screen import TasksScreen  # noqa: PLC0415

        self.switch_screen(TasksScreen(self.services, plan_id, undo_offered=undo_offered))

    def open_trash(self, catalog: Catalog) -> None:
        """What is deleted and can come back; `catalog` keeps the marks of the trash."""
        from artifact_tui.tui.screens.trash_screen import TrashScreen  # noqa: PLC0415

        self.push_screen(TrashScreen(self.services, catalog))

    def show_in_list(self, row: VersionRow) -> None:
        """Back to browse, the cursor on this version."""
        while len(self.screen_stack) > 1 and not isinstance(self.screen, BrowseScreen):
            self.pop_screen()
        if isinstance(self.screen, BrowseScreen):
            self.screen.reveal(row)

    def is_open(self, target: Target) -> bool:
        """Whether a target is the registry that is open; no disk is asked."""
        if self.registry is None:
            return False
        here = self.registry.target
        return here.address == target.address or here.typed == target.typed

    def guards(self, target: Target) -> bool:
        """Whether a target is open, with all the protection and the settings that it has by now."""
        if self.registry is None or not self.is_open(target):
            return False
        here = self.registry.target
        if target.typed in self.config.registries and here.name != target.typed:
            return False  # another name of the same place, with its own settings
        return here.read_only >= target.read_only and here.production >= target.production

    async def open_registry(self, target: Target, query_text: str = "") -> None:
        """Open a registry, filtered, and close the one before; cancelled in time, stay.

        A session that was started with `--read-only` stays read-only.

        Raises:
            ArtifactTuiError: it cannot be opened, or cannot be filtered so.
        """
        query = parse(query_text)
        if not self.guards(target):
            before = self.registry
            if self.locked:
                target = replace(target, read_only=True, locked=True)
            after = await open_services(target, self.config)
            await asyncio.shield(self._change_registry(after))
            if before is not None:
                start(self, "close", before.aclose)
        elif self.current_mode != self._registry_mode:
            await self.back_to_registry()
        if not query.everything and isinstance(self.screen, BrowseScreen):
            await self.screen.show_only(query)
        self.screen.say(f"{self.screen.key_of('browse.home')} goes back home.")

    async def _change_registry(self, after: Services) -> None:
        """Begin a new stack of screens for a registry, and end that of the one before."""
        self.registry = after
        old, self._registry_mode = self._registry_mode, f"registry {next(_MODE_NUMBERS)}"
        self.add_mode(self._registry_mode, lambda: BrowseScreen(after))
        await self.switch_mode(self._registry_mode)
        if old:
            await self.remove_mode(old)

    # What every screen offers

    def tell_when_done(self, work: Coroutine[Any, Any, Undone]) -> None:
        """Carry out an undo that outlives every screen, and say how it ended."""

        async def carry_out() -> None:
            try:
                undone = await work
            except ArtifactTuiError as error:
                self.screen.fail(error)
                return
            if self.registry is not None and self.registry.link is not None:
                self.registry.link.sync()
            lines = undone.lines
            if undone.missing:
                again = self.screen.key_of("tasks.again")
                lines.append(f"Among the tasks, {again} tries again.")
            self.tell(lines, "Undone")

        self.run_worker(carry_out(), group="outliving")

    def tell(self, lines: Sequence[str], title: str = "") -> None:
        """Show sentences that are safe already on the present screen.

        Many of them stand in a dialog, or where one is open already, as far as they fit, in a line.
        """
        if len(lines) > MOST_SAID and not self.screen.asks:
            self.screen.open_dialog(Listing(title, lines))
        else:
            self.screen.status_line.say(" ".join(lines))

    def action_help(self) -> None:
        """Show the keys that apply here."""
        from artifact_tui.tui.widgets.help_dialogs import HelpBox  # noqa: PLC0415 - seldom needed

        screen, signs = self.screen, self.signs
        screen.open_dialog(HelpBox(screen.PLACE, self.keymap_shown, screen.why_not, signs))

    def action_palette(self) -> None:
        """Find a command by its words, and start it as its key would."""
        from artifact_tui.tui.widgets.help_dialogs import (  # noqa: PLC0415 - seldom needed
            Palette,
            commands_for,
        )

        screen = self.screen

        async def begin(command: MenuEntry[str]) -> None:
            for node in (screen.focused or screen).ancestors_with_self:
                if await self.run_action(command.value, node):
                    break  # the innermost widget that has it takes it

        def chosen(command: MenuEntry[str] | None) -> None:
            if command is not None and command.disabled:
                screen.say(f"Not possible here: {command.note}.", error=True)
            elif command is not None:
                start(screen, "command", begin, command)

        keymap, themes = self.keymap_shown, self.available_themes
        commands = commands_for(screen.PLACE, keymap, screen.why_not, themes)
        screen.open_dialog(Palette(list(commands)), chosen)

    def action_use_theme(self, name: str) -> None:
        """Change the colours for this session."""
        self.theme = name

    def copy(self, text: str) -> None:
        """Put a text on the clipboard of the user's terminal, and say so."""

        async def copy() -> None:
            try:
                sequence = await terminal.sequence_for(text)
            except ValueError:
                words = "Not copied: this name holds characters that may do harm when pasted."
                self.screen.say(words)
                return
            if sequence and self._driver is not None:
                self._driver.write(sequence)
                self._driver.flush()
            self.screen.say(f"Copied, if your terminal allows it: {text}")

        start(self, "copy", copy, latest=True)
