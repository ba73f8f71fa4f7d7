"""Every command: in which group the help shows it, where it lives, what it does in one line."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """One command; the function in `module` has the command's name."""

    section: str
    module: str
    summary: str


COMMANDS = {
    "open": Entry("Begin", "open", "Open the screen (also without the word “open”)."),
}
"""In the order of the help."""
