"""One row of the table of keys; the tables are in `browse_keys` and `bindings`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class KeyRow:
    """One thing that keys can do."""

    id: str
    """How the configuration names it: `WHERE.VERB`."""
    keys: str
    """Default keys in Textual's spelling, separated by commas, the best-known first."""
    action: str
    """The Textual action, resolved where the binding lives."""
    label: str
    """One or two words for the footer."""
    help: str
    """What it does, for the help screen and the command palette."""
    footer: bool = False
    """Whether the footer shows it."""
    first: bool = False
    """Heard before anything else, also by a dialog or a line that has the keyboard."""
    row: bool = False
    """Whether it acts on the row under the cursor."""

    @property
    def kind(self) -> str:
        """`move`, `mark` or `leave`, for what waits for less than other keys do; else empty."""
        verb = self.id.partition(".")[2]
        if self.where == "list":
            return "move"
        return {"mark": "mark", "back": "leave", "quit": "leave"}.get(verb, "")

    @property
    def where(self) -> str:
        """The part of the program this key belongs to."""
        return self.id.partition(".")[0]
