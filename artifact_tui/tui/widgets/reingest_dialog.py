"""Delete an entry and make it again: asks for the source address, and says what that means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from artifact_tui.text import safe
from artifact_tui.tui.widgets.dialog import Dialog
from artifact_tui.tui.widgets.lines import Line
from artifact_tui.tui.widgets.one_line import OneLine

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.widgets import Input

    from artifact_tui.model import Recipe

STEPS = (
    "1  you review its deletion, and confirm it by typing",
    "2  it is deleted, and verified gone",
    "3  it is made again from the address above; if that fails, it is gone,",
    "   and t (tasks), m tries again",
    "",
    "Lost for good: its id and its metrics. The new entry gets its own.",
    "Its lineage may change. Objects in the storage stay, unless you take them along.",
)


class Paragraph(Line):
    """Lines, wrapped."""

    DEFAULT_CSS = "Paragraph { height: auto; }"


class ReingestDialog(Dialog[str]):
    """Ends with the source address, or None."""

    FOCUS = "#reingest-url"
    DEFAULT_CSS = "ReingestDialog { width: 78; }"

    def __init__(self, name: str, recipe: Recipe) -> None:
        """Ask about `name`, as untrusted text; its recipe fills in the address."""
        super().__init__(id="reingest")
        self._entry = name
        self._recipe = recipe
        self.border_title = Content("Ingest again")
        self.border_subtitle = Content("enter goes to the review \N{MIDDLE DOT} esc leaves")

    def compose(self) -> ComposeResult:
        """What it is about, the address, the steps."""
        head = Line()
        head.show(Content.assemble((safe(self._entry), "bold"), "  ", safe(self._recipe.type)))
        yield head
        label = Line()
        label.show(Content("source address:"))
        yield label
        url = self._recipe.url
        yield OneLine(url if url.isprintable() else "", id="reingest-url")
        hint = Line(id="reingest-hint")
        hint.show(Content.styled(self._hint(url), "$text-muted"))
        yield hint
        steps = Paragraph()
        steps.show(Content("\n".join(STEPS)))
        yield steps

    def _hint(self, typed: str) -> str:
        if not typed.strip():
            return "the registry needs an address to make it from"
        if typed.strip() == self._recipe.url:
            return "as it is now: change it to correct it"
        return f"instead of {safe(self._recipe.url) or 'nothing'}"

    def on_input_changed(self, event: Input.Changed) -> None:
        """Say what the address is compared with the present one."""
        event.stop()
        hint = self.query_one("#reingest-hint", Line)
        hint.show(Content.styled(self._hint(event.value), "$text-muted"))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Hand the address over."""
        event.stop()
        typed = event.value.strip()
        if typed:
            self.close(typed)
