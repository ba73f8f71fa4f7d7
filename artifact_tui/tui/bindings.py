"""Every key of every screen, declared once as data.

The screens take their Textual bindings from here, the footer and the help screen their words, the
configuration its ids. A row's `where` says which part of the screen must have the keyboard.
Delete is never on ctrl+d or ctrl+r: those are "half a page down" and "reload" in people's fingers.
"""

from __future__ import annotations

from dataclasses import dataclass

from textual.binding import Binding, BindingType


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

    @property
    def where(self) -> str:
        """The part of the program this key belongs to."""
        return self.id.partition(".")[0]


PLACES = {
    "app": "Everywhere",
    "list": "Moving in a list",
    "browse": "Browse",
    "filter": "Writing a filter",
    "detail": "Detail of a version",
    "dialog": "In a dialog",
    "help": "Help",
    "review": "Review of a deletion",
    "confirm": "Typing the confirmation",
    "calls": "The calls of a plan",
    "tasks": "Tasks",
    "result": "Result of a task",
    "trash": "Trash",
}
"""Every `where`, with its heading on the help screen."""

APP = (
    KeyRow(
        "app.help", "question_mark", "help", "help", "Show the keys that apply here.", footer=True
    ),
    KeyRow("app.palette", "colon,ctrl+p", "command_palette", "commands", "Find a command by name."),
    KeyRow("app.quit", "ctrl+q", "quit", "quit", "Leave; tasks that are running go on."),
)

LIST = (
    KeyRow("list.down", "j,down", "down", "down", "One row down."),
    KeyRow("list.up", "k,up", "up", "up", "One row up."),
    KeyRow("list.top", "g,home", "top", "top", "The first row."),
    KeyRow("list.bottom", "G,end", "bottom", "bottom", "The last row."),
    KeyRow("list.half_down", "ctrl+d", "half_down", "½ down", "Half a page down."),
    KeyRow("list.half_up", "ctrl+u", "half_up", "½ up", "Half a page up."),
    KeyRow("list.page_down", "pagedown,ctrl+f", "page_down", "page down", "A page down."),
    KeyRow("list.page_up", "pageup,ctrl+b", "page_up", "page up", "A page up."),
)

BROWSE = (
    KeyRow(
        "browse.mark",
        "space",
        "mark",
        "mark",
        "Mark or unmark the row and go down. On a collection: all its versions in the list.",
        footer=True,
    ),
    KeyRow(
        "browse.review",
        "d",
        "review",
        "review",
        "Review the deletion of the marks, or of the row.",
        footer=True,
    ),
    KeyRow(
        "browse.filter",
        "slash",
        "filter",
        "filter",
        "Narrow the list with the filter language.",
        footer=True,
    ),
    KeyRow("browse.sort", "s", "sort", "sort", "Choose the order of the list.", footer=True),
    KeyRow(
        "browse.tasks",
        "t",
        "tasks",
        "tasks",
        "Watch, pause, cancel, retry or resume deletions.",
        footer=True,
    ),
    KeyRow(
        "browse.trash",
        "u",
        "trash",
        "trash",
        "See what was deleted: restore it or purge it.",
        footer=True,
    ),
    KeyRow(
        "browse.open",
        "l,right,enter",
        "open",
        "open",
        "Expand a collection, or show a version in detail.",
    ),
    KeyRow(
        "browse.close",
        "h,left",
        "close",
        "close",
        "Collapse a collection, or go to the version's collection.",
    ),
    KeyRow("browse.range", "v", "range", "range", "Start a range; move, then v or space marks it."),
    KeyRow(
        "browse.rule",
        "plus",
        "rule",
        "mark by rule",
        "Mark by rule: keep the newest, without alias, older than …",
    ),
    KeyRow(
        "browse.marked",
        "M",
        "marked",
        "only marked",
        "Show only what is marked, or everything again.",
    ),
    KeyRow("browse.next", "n", "next", "next", "The next version that the filter matches."),
    KeyRow(
        "browse.previous",
        "N",
        "previous",
        "previous",
        "The previous version that the filter matches.",
    ),
    KeyRow(
        "browse.lineage",
        "L",
        "lineage",
        "lineage",
        "Show only what this version was made from, and what was made from it.",
    ),
    KeyRow(
        "browse.copy", "y", "copy", "copy name", "Copy the name to the clipboard of your terminal."
    ),
    KeyRow("browse.refresh", "r", "refresh", "refresh", "Read the list again."),
    KeyRow(
        "browse.back",
        "escape",
        "back",
        "back",
        "One layer back: range, filter, only-marked, detail.",
    ),
    KeyRow("browse.quit", "q", "app.quit", "quit", "Leave; tasks that are running go on."),
)

DIALOG = (
    KeyRow("dialog.cancel", "escape", "cancel", "cancel", "Leave the dialog; nothing happens."),
    KeyRow("dialog.next", "tab", "app.focus_next", "next field", "The next field."),
    KeyRow(
        "dialog.previous", "shift+tab", "app.focus_previous", "field before", "The field before."
    ),
)

REVIEW = (
    KeyRow("review.open", "enter,l,right", "open", "see them", "Go to the items of the group."),
    KeyRow("review.close", "h,left", "close", "groups", "Back to the groups."),
    KeyRow(
        "review.confirm",
        "tab",
        "confirm",
        "confirm",
        "Go to the box where the confirmation is typed. Nothing is deleted from anywhere else.",
        footer=True,
    ),
    KeyRow(
        "review.aliases",
        "a",
        "aliases",
        "with aliases",
        "Include the versions that carry an alias, or leave them out again.",
        footer=True,
    ),
    KeyRow(
        "review.dependents",
        "w",
        "dependents",
        "with dependents",
        "Include every live version made from the selection, or leave them out again.",
        footer=True,
    ),
    KeyRow(
        "review.orphans",
        "o",
        "orphans",
        "allow orphans",
        "Allow live versions outside the plan to lose a parent, or forbid it again.",
        footer=True,
    ),
    KeyRow(
        "review.save",
        "s",
        "save",
        "save",
        "Save the plan to a file, to apply it later.",
        footer=True,
    ),
    KeyRow("review.calls", "p", "calls", "calls", "Print the commands and calls.", footer=True),
    KeyRow("review.back", "escape,q", "back", "back", "Leave; nothing is deleted.", footer=True),
)

CONFIRM = (
    KeyRow(
        "confirm.leave", "escape,tab,shift+tab", "leave", "back", "Back to the lists.", footer=True
    ),
)

CALLS = (KeyRow("calls.back", "escape,q,p", "back", "back", "Back to the review.", footer=True),)

TASKS = (
    KeyRow(
        "tasks.open", "enter,l,right", "open", "items", "See every item of the task.", footer=True
    ),
    KeyRow("tasks.pause", "p", "pause", "pause", "Pause the task, or let it go on.", footer=True),
    KeyRow(
        "tasks.cancel", "c", "cancel", "cancel", "Give up what is not deleted yet.", footer=True
    ),
    KeyRow("tasks.resume", "r", "resume", "resume", "Go on with an interrupted task.", footer=True),
    KeyRow("tasks.retry", "f", "retry", "retry failed", "Try the failed items again.", footer=True),
    KeyRow("tasks.back", "escape,q", "back", "back", "Leave; what runs goes on.", footer=True),
)

RESULT = (
    KeyRow("result.open", "enter,l,right", "open", "see them", "Go to the items.", footer=True),
    KeyRow("result.close", "h,left", "close", "groups", "Back to the groups."),
    KeyRow("result.back", "escape,q", "back", "back", "One layer back.", footer=True),
)

TRASH = (
    KeyRow(
        "trash.mark", "space", "mark", "mark", "Mark or unmark the row and go down.", footer=True
    ),
    KeyRow("trash.all", "asterisk", "all", "all", "Mark everything, or nothing."),
    KeyRow(
        "trash.restore",
        "r",
        "restore",
        "restore",
        "Bring the marked versions, or the row, back with the aliases that are still free.",
        footer=True,
    ),
    KeyRow(
        "trash.purge",
        "d",
        "purge",
        "purge",
        "Review the purge of the marked versions, or of the row: they are gone for good then.",
        footer=True,
    ),
    KeyRow(
        "trash.gc",
        "c",
        "gc",
        "gc",
        "See which bytes no version needs any more, and free them.",
        footer=True,
    ),
    KeyRow("trash.tasks", "t", "tasks", "tasks", "Watch purges and deletions."),
    KeyRow("trash.back", "escape,q", "back", "back", "Back to the list.", footer=True),
)

ROWS: tuple[KeyRow, ...] = (
    *APP,
    *LIST,
    *BROWSE,
    *DIALOG,
    *REVIEW,
    *CONFIRM,
    *CALLS,
    *TASKS,
    *RESULT,
    *TRASH,
)
"""All rows, in the order of the help screen."""

BY_ID = {row.id: row for row in ROWS}


def rows_of(*places: str) -> tuple[KeyRow, ...]:
    """The rows of some parts of the program, in their order of declaration."""
    return tuple(row for row in ROWS if row.where in places)


def bindings_of(*places: str) -> list[BindingType]:
    """Textual bindings for the `BINDINGS` of a screen or widget."""
    return [
        Binding(row.keys, row.action, row.label, show=row.footer, id=row.id)
        for row in rows_of(*places)
    ]
