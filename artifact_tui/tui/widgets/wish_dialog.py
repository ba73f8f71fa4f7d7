"""Asks what is to be changed, and says what it would do while it is typed. Sends nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

from artifact_tui.edits.wanted import Wanted
from artifact_tui.errors import UsageError
from artifact_tui.text import safe
from artifact_tui.tui.bindings import bindings_of
from artifact_tui.tui.widgets.ask import Question
from artifact_tui.tui.widgets.dialog import Dialog
from artifact_tui.tui.widgets.lines import Line
from artifact_tui.tui.widgets.one_line import OneLine

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from artifact_tui.tui.edits.wishing import Form


class WishDialog(Dialog[Wanted]):
    """Ends with what is wanted. It posts `Asked` for all that can be read; `tell` answers."""

    BINDINGS = bindings_of("wish")
    FOCUS = "OneLine"

    DEFAULT_CSS = """
    WishDialog {
        width: 76;
        & Horizontal { height: 1; }
        & Static { width: 14; }
        & #wish-hint { color: $text-muted; }
        & #wish-now { color: $text-muted; max-height: 3; }
        & #wish-says { height: 2; margin-top: 1; }
    }
    """

    class Asked(Message):
        """What this would do is wanted."""

        def __init__(self, dialog: WishDialog, wanted: Wanted) -> None:
            super().__init__()
            self.dialog = dialog
            self.wanted = wanted

    def __init__(self, form: Form, subject: str, now: str = "") -> None:
        """`subject` says for what it is, `now` what is so now; both are safe."""
        super().__init__(id="wish")
        self._form = form
        self._now = now
        self._wanted: Wanted | None = None
        self._says = Question(id="wish-says")
        self.border_title = Content(f"{form.title} of {subject}")

    def compose(self) -> ComposeResult:
        """What is so now, the fields, what they would do, the keys."""
        now = Question(id="wish-now")
        now.show(Content(self._now))
        now.display = bool(self._now)
        yield now
        for field in self._form.fields:
            with Horizontal():
                yield Static(Content(field.label))
                line = OneLine(id=f"wish-{field.id}")
                line.placeholder = field.placeholder
                yield line
        yield self._says
        yield Line(id="wish-hint")

    def on_mount(self) -> None:
        """Show the keys."""
        fields = "   tab next field" if len(self._form.fields) > 1 else ""
        hint = f"enter preview{fields}   esc cancel   nothing is sent yet"
        self.query_one("#wish-hint", Line).show(Content(hint))
        self._says.show(Content(" "))

    def on_input_changed(self, event: Input.Changed) -> None:
        """Something else is wanted."""
        event.stop()
        typed = {f.id: self.query_one(f"#wish-{f.id}", OneLine).value for f in self._form.fields}
        try:
            self._wanted = self._form.read(typed)
        except UsageError as error:
            self._wanted = None
            self.refuse(error)
            return
        self._says.show(Content(" "))
        if self._wanted is not None:
            self.post_message(self.Asked(self, self._wanted))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter in a field goes on."""
        event.stop()
        self.action_apply()

    def action_apply(self) -> None:
        """Hand over what is wanted, if it can be read."""
        if self._wanted is not None:
            self.close(self._wanted)

    def tell(self, wanted: Wanted, words: str) -> None:
        """Say (safe) what a change would do, if it is still the one that is wanted."""
        if wanted is self._wanted:
            self._says.show(Content.styled(words, "bold"))

    def refuse(self, error: UsageError) -> None:
        """Say what is wrong with what was typed."""
        self._says.show(Content.styled(safe(f"{error} {error.hint}".strip()), "$text-error"))
