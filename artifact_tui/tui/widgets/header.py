"""The first line: which registry this is, how much is in it, and whether it may be changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.content import Content

from artifact_tui.text import charged, count, plural, safe, size
from artifact_tui.tui.widgets.lines import Line, spread

if TYPE_CHECKING:
    from artifact_tui.tui.signs import Signs


@dataclass(frozen=True, slots=True)
class HeaderFacts:
    """What the header says."""

    name: str
    """The registry as the user calls it: untrusted text."""
    title: str = ""
    """Which screen this is, empty for browse."""
    collections: int | None = None
    versions: int | None = None
    size: int | None = None
    facts: str = ""
    """How old the facts are, in words."""
    read_only: bool = False
    production: bool = False
    stored: int | None = None
    """What the registry charges for all of it, where it tells that."""


class Header(Line):
    """Draws `HeaderFacts`; what does not fit goes, but never the name or the state."""

    DEFAULT_CSS = """
    Header { background: $panel; color: $foreground; }
    Header:ansi { background: ansi_default; text-style: reverse; }
    """

    def __init__(self, facts: HeaderFacts, signs: Signs) -> None:
        super().__init__(id="header")
        self.facts = facts
        self.signs = signs

    def update(self, facts: HeaderFacts) -> None:
        """Show these facts."""
        self.facts = facts
        self.show(header_content(facts, self.size.width, self.signs))

    def sized(self, width: int) -> None:
        """Lay the line out again."""
        self.show(header_content(self.facts, width, self.signs))


def header_content(facts: HeaderFacts, width: int, signs: Signs) -> Content:
    """The header as one line of `width` cells."""
    state = _state(facts, signs)
    name = Content.assemble(
        (" artifact-tui  ", "bold"),
        (safe(facts.name), "bold $accent"),
        "  ",
        (facts.title + "  " if facts.title else "", "bold"),
    )
    right = state
    if facts.facts and name.cell_length + len(facts.facts) + state.cell_length + 4 <= width:
        right = Content.assemble((facts.facts, "dim"), "  ", state)
    for totals in _totals(facts, signs):
        if name.cell_length + len(totals) + right.cell_length + 1 <= width:
            return spread(Content.assemble(name, totals), right, width)
    return spread(name, state, width)


def _state(facts: HeaderFacts, signs: Signs) -> Content:
    parts: list[Content | tuple[str, str] | str] = []
    if facts.production:
        parts.append((" production ", "bold $text-warning"))
    if facts.read_only:
        parts.append((f"{signs.locked} read-only ", "$text-success"))
    else:
        parts.append((f"{signs.armed} armed ", "bold $text-error"))
    return Content.assemble(*parts)


def _totals(facts: HeaderFacts, signs: Signs) -> list[str]:
    """The totals in words, the longest form first."""
    if facts.collections is None or facts.versions is None:
        return [""]
    versions = plural(facts.versions, "version")
    dot = f" {signs.dot} "
    kinds, weight = plural(facts.collections, "collection"), size(facts.size)
    forms = [dot.join([kinds, versions, weight]), dot.join([versions, weight])]
    if facts.stored is not None:  # what is paid for comes first
        weight = f"{size(facts.stored)} charged"
        both = charged(facts.size, facts.stored)
        forms = [dot.join([kinds, versions, both]), dot.join([kinds, versions, weight])]
        forms += [dot.join([versions, weight]), weight]
    return [*forms, count(facts.versions), ""]
