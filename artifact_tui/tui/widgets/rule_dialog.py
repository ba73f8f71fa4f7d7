"""Mark by rule: keep the newest, without alias, older than …; or all that the list shows.

A rule is a filter: the dialog shows which, and what it comes to, before it is carried out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Static

from artifact_tui.errors import QueryError
from artifact_tui.query import Query, parse
from artifact_tui.text import count, plural, safe, size
from artifact_tui.tui.bindings import bindings_of
from artifact_tui.tui.widgets.dialog import Dialog
from artifact_tui.tui.widgets.lines import Line
from artifact_tui.tui.widgets.one_line import OneLine

if TYPE_CHECKING:
    from textual import events
    from textual.app import ComposeResult

    from artifact_tui.model import Capabilities

Action = Literal["mark", "unmark"]


@dataclass(frozen=True, slots=True)
class Rule:
    """A filter on top of the list's, for all of it or for one collection."""

    query: Query
    collection_only: bool = False


class Toggle(Widget, can_focus=True):
    """A box that space turns on and off."""

    DEFAULT_CSS = """
    Toggle { height: 1; width: 1fr; }
    Toggle:focus { text-style: reverse; }
    """

    class Changed(Message):
        """It was turned."""

    def __init__(self, label: str, *, on: bool = False, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.label = label
        self.on = on

    def render(self) -> Content:
        """The box and what it means."""
        return Content(f"[{'x' if self.on else ' '}] {self.label}")

    def turn(self) -> None:
        """Turn it round."""
        self.on = not self.on
        self.refresh()
        self.post_message(self.Changed())

    def on_key(self, event: events.Key) -> None:
        """Space turns it."""
        if event.key == "space":
            event.stop()
            self.turn()

    def on_click(self) -> None:
        """The mouse turns it."""
        self.turn()


class RuleDialog(Dialog[Rule]):
    """Asks for a rule and shows what it would mark or unmark.

    It posts `Asked` for every rule that can be read; the screen answers with `tell`.
    """

    BINDINGS = bindings_of("rule")
    FOCUS = "#rule-latest"

    DEFAULT_CSS = """
    RuleDialog {
        width: 64;
        & Horizontal { height: 1; }
        & Static { width: auto; }
        & OneLine { width: 8; margin: 0 1; }
        & #rule-hint, & #rule-filter { text-style: dim; }
        & #rule-total { height: auto; }
        & #rule-filter { margin-top: 1; }
    }
    """

    class Asked(Message):
        """What this rule comes to is wanted."""

        def __init__(self, dialog: RuleDialog, rule: Rule) -> None:
            super().__init__()
            self.dialog = dialog
            self.rule = rule

    def __init__(
        self, action: Action, collection: str, collection_id: int | None, can: Capabilities
    ) -> None:
        """`collection` names the collection under the cursor (untrusted), or is empty."""
        super().__init__(id="rule")
        self.collection_id = collection_id
        self._action = action
        self._collection = collection
        self._can = can
        self._rule: Rule | None = None
        self._shown_total = Line(id="rule-total")
        self.border_title = Content("Mark by rule" if action == "mark" else "Unmark by rule")

    def compose(self) -> ComposeResult:
        """The fields of the rule, the filter that it makes, and what that comes to."""
        with Horizontal():
            yield Static(Content("keep the newest"))
            yield OneLine(id="rule-latest")
            yield Static(Content("of each collection"))
        with Horizontal():
            yield Static(Content("only older than"))
            yield OneLine(id="rule-age")
            yield Static(Content("such as 30d, 6mo, 1y"))
        if self._can.aliases:
            yield Toggle("only without alias", on=self._action == "mark", id="rule-alias")
        if self._can.lineage:
            yield Toggle("only without dependents", id="rule-dependents")
        if self._collection:
            yield Toggle(f"only in {safe(self._collection)}", id="rule-collection")
        yield Line(id="rule-filter")
        yield self._shown_total
        yield Line(id="rule-hint")

    def on_mount(self) -> None:
        """Ask about the rule as it stands."""
        self.query_one("#rule-hint", Line).show(
            Content(f"enter {self._action}   tab next field   space turn   esc cancel")
        )
        self._changed()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Another number or age."""
        event.stop()
        self._changed()

    def on_toggle_changed(self, event: Toggle.Changed) -> None:
        """A box was turned."""
        event.stop()
        self._changed()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter in a field carries the rule out."""
        event.stop()
        self.action_apply()

    def action_apply(self) -> None:
        """Carry the rule out, if it can be read."""
        if self._rule is not None:
            self.close(self._rule)

    def tell(self, rule: Rule, versions: int, total: int | None) -> None:
        """Show what a rule comes to, if it is still the one that is asked."""
        if rule is self._rule:
            would = f"would {self._action} {plural(versions, 'version')}"
            self._total(Content.styled(f"{would}, {size(total)} listed", "bold"))

    def refuse(self, rule: Rule, error: QueryError) -> None:
        """Say why a rule can be none here, if it is still the one that is asked."""
        if rule is self._rule:
            self._rule = None
            self._trouble(error)

    def _trouble(self, error: QueryError) -> None:
        said = f"{error} {error.hint}".strip()
        self._total(Content.styled(safe(said), "$text-error"))

    def _total(self, content: Content) -> None:
        self._shown_total.show(content)

    def _changed(self) -> None:
        text = self._text()
        self.query_one("#rule-filter", Line).show(Content(f"filter: {safe(text) or 'everything'}"))
        try:
            query = parse(text)
        except QueryError as error:
            self._rule = None
            self._trouble(error)
            return
        self._rule = Rule(query, collection_only=self._on("#rule-collection"))
        self.post_message(self.Asked(self, self._rule))

    def _text(self) -> str:
        """The rule as a filter."""
        latest = self.query_one("#rule-latest", OneLine).value.strip()
        age = self.query_one("#rule-age", OneLine).value.strip()
        terms = (
            f"-latest:{latest}" if latest else "",
            f"age>{age}" if age else "",
            "alias:none" if self._on("#rule-alias") else "",
            "dependents:0" if self._on("#rule-dependents") else "",
        )
        return " ".join(term for term in terms if term)

    def _on(self, selector: str) -> bool:
        return any(toggle.on for toggle in self.query(selector).results(Toggle))


def rule_done(action: Action, number: int) -> str:
    """One sentence about what a rule has done."""
    return f"{count(number)} newly {action}ed." if number else f"Nothing was left to {action}."
