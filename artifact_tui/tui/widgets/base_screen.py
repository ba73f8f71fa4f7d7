"""What all screens have in common: header, body, message line, footer, disabled actions, keys.

The header says which registry this is, how much is in it, and whether it may be changed. The
message line has lasting facts, and one sentence until the next key. The footer has the keys that
apply now; those that cannot be used are shown in brackets.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Self

from textual.containers import Container
from textual.content import Content
from textual.reactive import Reactive
from textual.screen import Screen

from artifact_tui.text import charged, count, fit, plural, safe, size
from artifact_tui.tui.key_bindings import BY_ID, rows_of
from artifact_tui.tui.keymap import shown_key
from artifact_tui.tui.typed_keys import LEAVING, MOVES_AND_LEAVING, KeyWait
from artifact_tui.tui.widgets.dialogs import ConfirmBox, Dialog, Overlay
from artifact_tui.tui.widgets.line_widgets import Line, spread
from artifact_tui.tui.widgets.row_list import RowList

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
    from typing import Any

    from textual.app import ComposeResult
    from textual.events import Key
    from textual.geometry import Region
    from textual.widget import Widget

    from artifact_tui.errors import ArtifactTuiError
    from artifact_tui.tui.app import ArtifactApp
    from artifact_tui.tui.key_bindings import KeyRow
    from artifact_tui.tui.services import Services
    from artifact_tui.tui.terminal import Signs
    from artifact_tui.tui.widgets.grouped import Grouped


@dataclass(frozen=True, slots=True)
class HeaderFacts:
    """What the header says."""

    name: str
    """The registry as the user calls it, or the machine: untrusted text."""
    title: str = ""
    """Which screen this is, empty for browse."""
    collections: int | None = None
    versions: int | None = None
    size: int | None = None
    facts: str = ""
    """How old the facts are, in words."""
    read_only: bool | None = False
    """Whether it may only be read; None where each row says so for itself."""
    production: bool = False
    stored: int | None = None
    """What the registry charges for all of it, where it tells that."""
    totals: tuple[str, ...] = ()
    """The totals in words, the longest form first, instead of those made of the numbers here."""


_AROUND_NAME = 18
"""Cells of the header beside name, title and state."""
_NAME_LEAST = 12
"""Cells of a name that are seen however long the title is."""


def header_content(facts: HeaderFacts, signs: Signs, width: int) -> Content:
    """The header in `width` cells; what does not fit goes, but never name, title or state.

    A name that is too long is shortened in its middle.
    """
    access = ("", "") if facts.read_only is None else (f"{signs.armed} armed ", "bold $text-error")
    if facts.read_only:
        access = (f"{signs.locked} read-only ", "$text-success")
    production = " production " if facts.production else ""
    state = Content.assemble((production, "bold $text-warning"), access)
    title = facts.title + "  " if facts.title else ""
    room = width - state.cell_length - len(title) - _AROUND_NAME
    name = Content.assemble(
        (" artifact-tui  ", "bold"),
        (fit(safe(facts.name), max(room, _NAME_LEAST)), "bold $accent"),
        "  ",
        (title, "bold"),
    )
    right = state
    if facts.facts and name.cell_length + len(facts.facts) + state.cell_length + 4 <= width:
        right = Content.assemble((facts.facts, "dim"), "  ", state)
    for totals in _header_totals(facts, signs):
        if name.cell_length + len(totals) + right.cell_length + 1 <= width:
            return spread(Content.assemble(name, totals), right, width)
    return spread(name, state, width)


def _header_totals(facts: HeaderFacts, signs: Signs) -> list[str]:
    """The totals in words, the longest form first."""
    if facts.collections is None or facts.versions is None:
        return [*facts.totals, ""]
    versions = plural(facts.versions, "version")
    dot = f" {signs.dot} "
    kinds = plural(facts.collections, "collection")
    weight = [] if facts.size is None else [size(facts.size)]
    forms = [dot.join([kinds, versions, *weight]), dot.join([versions, *weight])]
    if facts.stored is not None:  # what is paid for comes first
        paid = f"{size(facts.stored)} charged"
        both = charged(facts.size, facts.stored)
        forms = [dot.join([kinds, versions, both]), dot.join([kinds, versions, paid])]
        forms += [dot.join([versions, paid]), paid]
    return [*forms, count(facts.versions), ""]


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
        self.show(self._lay_out)

    def facts(self, left: Content, *right: Content) -> None:
        """Set the lasting facts; of the right ones the first form that fits is shown."""
        self._left, self._right = left, right
        self.show(self._lay_out)

    def say(self, message: str, *, error: bool = False) -> None:
        """Show a sentence (already safe) until `hush`."""
        self.words = message
        self._message = Content.assemble((f" {message}", "bold $text-error" if error else "bold"))
        self.show(self._lay_out)

    def hush(self) -> None:
        """Drop the message, if there is one."""
        if self._message is not None:
            self._message, self.words = None, ""
            self.show(self._lay_out)

    def _lay_out(self, width: int) -> Content:
        left = self._left if self._message is None else self._message
        fitting = (r for r in self._right if left.cell_length + r.cell_length < width)
        last = self._right[-1] if self._right and self._message is None else Content("")
        return spread(left, next(fitting, last), width)


def keys_content(
    rows: Sequence[KeyRow], keymap: Mapping[str, str], disabled: frozenset[str], width: int
) -> Content:
    """The footer as one line: as many rows as fit in `width` cells, help and the way out first."""
    room = width - 1
    kept: set[str] = set()
    for row in sorted(rows, key=lambda row: row.id != "app.help" and row.kind != "leave"):
        cells = _key_content(row, keymap, disabled).cell_length
        if cells <= room:
            room -= cells
            kept.add(row.id)
    here = [row for row in rows if row.id in kept]
    here.sort(key=lambda row: row.id == "app.help")
    return Content.assemble(" ", *[_key_content(row, keymap, disabled) for row in here])


def _key_content(row: KeyRow, keymap: Mapping[str, str], disabled: frozenset[str]) -> Content:
    key = shown_key(keymap, row)
    if row.id in disabled:
        return Content.assemble((f"({key} {row.label})", "dim"), "  ")
    return Content.assemble((key, "bold $accent"), f" {row.label}  ")


class BaseScreen(Screen[object]):
    """A screen of ours. A subclass names its `PLACE`, its `TITLE_WORD`, and composes a body."""

    PLACE: ClassVar[str] = "browse"
    """The place of this screen in the table of keys (`key_bindings.PLACES`)."""
    TITLE_WORD: ClassVar[str] = ""
    """Shown in the header; empty for browse."""
    grouped: Grouped[Any] | None = None
    """The groups and their items, where a screen has them."""
    app: ArtifactApp

    DEFAULT_CSS = """
    BaseScreen { layers: base overlay; overflow: hidden; }
    BaseScreen #body { height: 1fr; width: 1fr; }
    BaseScreen #header, BaseScreen #keys { background: $panel; color: $foreground; }
    BaseScreen #header:ansi { background: ansi_default; text-style: reverse; }
    BaseScreen #keys:ansi { background: ansi_default; }
    """

    focused: Reactive[Widget | None] = Reactive(None, repaint=False)
    """As in Textual, but the keyboard can move without drawing the whole screen again."""

    def __init__(self) -> None:
        super().__init__()
        self.header = Line(id="header")
        self.status_line = StatusLine()
        self.keys = Line(id="keys")
        self._opening: KeyWait | None = None
        self._reading: KeyWait | None = None

    # What keys wait for

    def waiting(self, *, acts: bool) -> Iterator[KeyWait]:
        """What has to be done before keys mean what they should; `acts` of those on the row."""
        for one in (self._opening, self._reading):
            if one is not None:
                yield one
        yield from (one for one in self.app.effects if one.screen in {None, self})
        here = self.focused
        if acts and isinstance(here, RowList) and here.arriving:
            yield KeyWait("the row under the cursor is being read", MOVES_AND_LEAVING)

    @property
    def row_since(self) -> float:
        """When the row under the cursor became another by itself (the clock of `Message.time`)."""
        return self.focused.swapped if isinstance(self.focused, RowList) else 0.0

    def read_first(self, words: str, lets: frozenset[str] = LEAVING) -> None:
        """Let keys wait until `read_done`: they mean what is being read."""
        if self._reading is not None and self.is_reading_first:
            self._reading.lets &= lets
        else:
            self._reading = KeyWait(words, lets)

    @property
    def is_reading_first(self) -> bool:
        """Whether keys wait for what is being read."""
        return self._reading is not None and not self._reading.done.done()

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
        self.app.effects.add(words, work, lets=lets, screen=screen, stops=stops)

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

    def compose(self) -> ComposeResult:
        """Header, body, message line, footer."""
        yield self.header
        with Container(id="body"):
            yield from self.compose_body()
        yield self.status_line
        yield self.keys
        yield Overlay()

    def compose_body(self) -> Iterable[Widget]:
        """The screen's own widgets: groups and their items, where it has them."""
        return () if self.grouped is None else (self.grouped,)

    def on_mount(self) -> None:
        """Show the keys."""
        self.set_class(self.app.signs.ascii, "-ascii")
        self.show_header()
        self.show_keys()

    def header_facts(self) -> HeaderFacts:
        """What the header says."""
        raise NotImplementedError

    def show_header(self) -> None:
        """Draw the header again; the same words send nothing."""
        self.header.show(partial(header_content, self.header_facts(), self.app.signs))

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
        typing = isinstance(self.focused, ConfirmBox)
        places = ("confirm",) if typing else (self.PLACE, "app")
        rows = [row for row in rows_of(*places) if row.footer]
        disabled = frozenset(row.id for row in rows if self.why_not(row.id))
        self.keys.show(partial(keys_content, rows, self.app.keymap_shown, disabled))

    def key_of(self, row_id: str) -> str:
        """The key that does what a row of the table says, as the footer shows it: for sentences."""
        return shown_key(self.app.keymap_shown, BY_ID[row_id])

    def say(self, message: str, *, error: bool = False) -> None:
        """Show one sentence on the message line until the next key. It may hold untrusted text."""
        self.status_line.say(safe(message), error=error)

    def fail(self, error: ArtifactTuiError) -> None:
        """Say what went wrong and what to do about it."""
        self.say(f"{error} {error.hint}".strip(), error=True)

    def on_key(self, event: Key) -> None:
        """A message lasts until the next key."""
        del event
        self.status_line.hush()

    # Groups and their items; the way back

    def action_open(self) -> None:
        """From a group to its items."""
        if self.grouped is not None:
            self.grouped.open_items()

    def action_close(self) -> None:
        """From the items to the groups."""
        if self.grouped is not None:
            self.grouped.close_items()

    def action_back(self) -> None:
        """One layer back; from the last one, leave."""
        if self.grouped is None or not self.grouped.close_items():
            self.dismiss()

    def on_row_list_failed(self, event: RowList.Failed) -> None:
        """Say why rows are missing."""
        self.fail(event.error)

    def on_typed_confirm_left(self) -> None:
        """The keyboard goes back to the lists."""
        if self.grouped is not None:
            self.grouped.groups.focus()

    def on_typed_confirm_opened(self) -> None:
        """The box takes keys from now on."""
        self.show_keys()

    def on_descendant_focus(self) -> None:
        """Other keys may apply."""
        self.show_keys()

    # Dialogs

    @property
    def asks(self) -> bool:
        """Whether a dialog is open."""
        return bool(self.query(Dialog))

    def open_dialog(
        self, dialog: Dialog[Any], callback: Callable[[Any], object] | None = None
    ) -> None:
        """Show a dialog over this screen; a second one is not opened over the first."""
        if not self.asks:
            self._opening = KeyWait("a dialog is being opened", done=dialog.ready)
            dialog.open_on(self, callback or (lambda _value: None))


class RegistryScreen(BaseScreen):
    """A screen about the registry that is open."""

    def __init__(self, services: Services) -> None:
        super().__init__()
        self.services = services

    def header_facts(self) -> HeaderFacts:
        """What the header says; subclasses add to it with `dataclasses.replace`."""
        services = self.services
        return HeaderFacts(
            name=services.target.name,
            title=self.TITLE_WORD,
            read_only=services.read_only,
            production=services.target.production,
        )

    def action_tasks(self) -> None:
        """Watch and steer the tasks."""
        self.app.open_tasks()
