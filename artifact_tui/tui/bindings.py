"""Every key of every screen, declared once as data.

The screens take their Textual bindings from here, the footer and the help screen their words, the
configuration its ids. A row's `where` says which part of the screen must have the keyboard.
Delete is never on ctrl+d or ctrl+r: those are "half a page down" and "reload" in people's fingers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.binding import Binding, BindingType

from artifact_tui.tui.browse_keys import (
    APP,
    BROWSE,
    DETAIL,
    DIALOG,
    FILTER,
    HELP,
    LINEAGE,
    LIST,
    MENU,
    PALETTE,
    RULE,
)
from artifact_tui.tui.deletion_keys import (
    ASK,
    CONFIRM,
    LISTING,
    ORPHANS,
    RESULT,
    REVIEW,
    TASKS,
    TRASH,
)
from artifact_tui.tui.edit_keys import EDIT, RETENTION, TO_EDITS, WISH
from artifact_tui.tui.registry_keys import ADDING, REGISTRIES, TO_REGISTRIES

if TYPE_CHECKING:
    from artifact_tui.tui.keyrow import KeyRow

PLACES = {
    "app": "Everywhere",
    "list": "Moving in a list",
    "browse": "Browse",
    "filter": "Writing a filter",
    "detail": "Detail of a version",
    "lineage": "Lineage",
    "dialog": "In a dialog",
    "menu": "In a menu",
    "rule": "Marking by rule",
    "palette": "Finding a command",
    "help": "Help",
    "review": "Review of a deletion",
    "confirm": "Typing the confirmation",
    "listing": "In a list to read",
    "tasks": "Tasks",
    "result": "Result of a task",
    "trash": "Trash",
    "orphans": "Orphans in the storage",
    "retention": "Retention",
    "edit": "Review of a change",
    "wish": "Asking for a change",
    "registries": "Registries",
    "adding": "Adding a registry",
    "ask": "At a question",
}
"""Every `where`, with its heading on the help screen."""

ROWS: tuple[KeyRow, ...] = (
    *APP,
    *LIST,
    *BROWSE,
    *TO_EDITS,
    *TO_REGISTRIES,
    *FILTER,
    *DETAIL,
    *LINEAGE,
    *REVIEW,
    *CONFIRM,
    *LISTING,
    *TASKS,
    *RESULT,
    *TRASH,
    *ORPHANS,
    *RETENTION,
    *EDIT,
    *WISH,
    *REGISTRIES,
    *ADDING,
    *ASK,
    *DIALOG,
    *MENU,
    *RULE,
    *PALETTE,
    *HELP,
)
"""All rows, in the order of the help screen."""

BY_ID = {row.id: row for row in ROWS}


def rows_of(*places: str) -> tuple[KeyRow, ...]:
    """The rows of some parts of the program, in their order of declaration."""
    return tuple(row for row in ROWS if row.where in places)


def bindings_of(*places: str) -> list[BindingType]:
    """Textual bindings for the `BINDINGS` of a screen or widget."""
    return [
        Binding(row.keys, row.action, row.label, show=row.footer, id=row.id, priority=row.first)
        for row in rows_of(*places)
    ]
