"""Every key of every screen, declared once as data.

The screens take their Textual bindings from here, the footer and the help screen their words, the
configuration its ids. A row's `where` says which part of the screen must have the keyboard.
Delete is never on ctrl+d or ctrl+r: those are "half a page down" and "reload" in people's fingers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from textual.binding import Binding, BindingType

from artifact_tui.deletion.items import UNFINISHED_DAYS


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
        if self.where == "list":
            return "move"
        return {"mark": "mark", "back": "leave", "quit": "leave"}.get(self.verb, "")

    @property
    def where(self) -> str:
        """The part of the program this key belongs to."""
        return self.id.partition(".")[0]

    @property
    def verb(self) -> str:
        """What it does there, in one word."""
        return self.id.partition(".")[2]


APP = (
    KeyRow(
        "app.help", "question_mark", "help", "help", "Show the keys that apply here.", footer=True
    ),
    KeyRow("app.palette", "colon,ctrl+p", "palette", "commands", "Find a command by its words."),
    KeyRow(
        "app.suspend",
        "ctrl+z",
        "suspend",
        "to the shell",
        "Back to the shell; fg comes back here. Tasks that are running go on.",
        first=True,
    ),
    KeyRow("app.redraw", "ctrl+l", "redraw", "redraw", "Draw the screen again."),
    KeyRow(
        "app.quit", "ctrl+q", "quit", "quit", "Leave; tasks that are running go on.", first=True
    ),
)

LIST = (
    KeyRow("list.down", "j,down", "down", "down", "One row down."),
    KeyRow("list.up", "k,up", "up", "up", "One row up."),
    KeyRow("list.top", "g,home", "top", "top", "The first row."),
    KeyRow("list.bottom", "G,end", "bottom", "bottom", "The last row."),
    KeyRow("list.half_down", "ctrl+d", "half_down", "half down", "Half a page down."),
    KeyRow("list.half_up", "ctrl+u", "half_up", "half up", "Half a page up."),
    KeyRow("list.page_down", "pagedown,ctrl+f", "page_down", "page down", "A page down."),
    KeyRow("list.page_up", "pageup,ctrl+b", "page_up", "page up", "A page up."),
)

BROWSE = (
    KeyRow(
        "browse.mark",
        "space",
        "mark",
        "mark",
        "Mark or unmark the row and go down; on a collection, all its versions in the list.",
        footer=True,
        row=True,
    ),
    KeyRow(
        "browse.review",
        "d",
        "review",
        "review",
        "Review the deletion of the marks, or of the row.",
        footer=True,
        row=True,
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
        "browse.rule",
        "plus",
        "rule",
        "by rule",
        "Mark by rule: keep the newest, without alias, older than; or all in the list.",
        footer=True,
    ),
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
        "browse.orphans",
        "o",
        "orphans",
        "orphans",
        "Compare the registry with its storage: objects that nothing refers to, and missing ones.",
    ),
    KeyRow(
        "browse.reingest",
        "I",
        "reingest",
        "ingest again",
        "Delete this version, and make it again from its source address, or a corrected one.",
        row=True,
    ),
    KeyRow(
        "browse.open",
        "l,right,enter",
        "open",
        "open",
        "Expand a collection, or show a version in detail.",
        row=True,
    ),
    KeyRow(
        "browse.close",
        "h,left",
        "close",
        "close",
        "Collapse a collection, or go to the version's collection.",
        row=True,
    ),
    KeyRow(
        "browse.range",
        "v",
        "range",
        "range",
        "Start a range; move, then v or space marks it.",
        row=True,
    ),
    KeyRow(
        "browse.unrule",
        "minus",
        "unrule",
        "unmark rule",
        "Take marks away by rule, or all marks in the list.",
    ),
    KeyRow(
        "browse.marked",
        "M",
        "marked",
        "only marked",
        "Show only what is marked, or everything again.",
    ),
    KeyRow(
        "browse.next", "n", "next", "next", "The next version in the list, expanding collections."
    ),
    KeyRow("browse.previous", "N", "previous", "previous", "The previous version in the list."),
    KeyRow(
        "browse.lineage",
        "L",
        "lineage",
        "lineage",
        "Walk through what this version was made from, and what was made from it.",
        row=True,
    ),
    KeyRow(
        "browse.files",
        "f",
        "files",
        "files",
        "List the files of the version: a registry that tells them only when asked is asked.",
        row=True,
    ),
    KeyRow(
        "browse.copy",
        "y",
        "copy",
        "copy name",
        "Copy the name to the clipboard of your terminal.",
        row=True,
    ),
    KeyRow("browse.pane", "tab", "pane", "other pane", "To the detail and back to the list."),
    KeyRow(
        "browse.refresh",
        "r",
        "refresh",
        "refresh",
        "Sync a remote registry again; else read again.",
    ),
    KeyRow(
        "browse.back",
        "escape",
        "back",
        "back",
        "One layer back: range, detail, only marked, filter.",
    ),
    KeyRow("browse.quit", "q", "app.quit", "quit", "Leave; tasks that are running go on."),
)

FILTER = (
    KeyRow(
        "filter.cancel",
        "escape",
        "cancel",
        "cancel",
        "Leave the filter as it was before.",
        footer=True,
    ),
    KeyRow("filter.complete", "tab", "complete", "complete", "Take the offered word.", footer=True),
    KeyRow("filter.up", "up", "up", "offer above", "The offered word above."),
    KeyRow("filter.down", "down", "down", "offer below", "The offered word below."),
)

DETAIL = (
    KeyRow("detail.back", "escape,h,left,q", "back", "back", "Back to the list.", footer=True),
    KeyRow("detail.lineage", "L", "lineage", "lineage", "Walk through its lineage.", footer=True),
    KeyRow("detail.files", "f", "files", "files", "List the files of the version.", footer=True),
    KeyRow(
        "detail.copy",
        "y",
        "copy",
        "copy name",
        "Copy the name to the clipboard of your terminal.",
        footer=True,
    ),
)

LINEAGE = (
    KeyRow(
        "lineage.open",
        "l,right,enter",
        "open",
        "centre",
        "Put the version under the cursor in the middle.",
        footer=True,
        row=True,
    ),
    KeyRow(
        "lineage.mark",
        "space",
        "mark",
        "mark",
        "Mark or unmark the version and go down.",
        footer=True,
        row=True,
    ),
    KeyRow(
        "lineage.show",
        "o",
        "show",
        "in the list",
        "Show the version in the list of browse.",
        footer=True,
        row=True,
    ),
    KeyRow(
        "lineage.below",
        "A",
        "below",
        "ask below",
        "Ask about everything below this version, where a registry tells lineage only when asked.",
    ),
    KeyRow(
        "lineage.copy",
        "y",
        "copy",
        "copy name",
        "Copy the name to the clipboard of your terminal.",
        row=True,
    ),
    KeyRow(
        "lineage.back",
        "escape,h,left,q",
        "back",
        "back",
        "To the version that was in the middle before, then to the list.",
        footer=True,
    ),
)

DIALOG = (
    KeyRow("dialog.cancel", "escape", "cancel", "cancel", "Leave the dialog; nothing happens."),
    KeyRow("dialog.next", "tab,down", "app.focus_next", "next field", "The next field."),
    KeyRow(
        "dialog.previous", "shift+tab,up", "app.focus_previous", "field before", "The field before."
    ),
)

MENU = (
    KeyRow("menu.choose", "enter,l,right", "choose", "choose", "Choose what is under the cursor."),
    KeyRow(
        "menu.cancel", "escape,q,h,left", "cancel", "cancel", "Leave the menu; nothing changes."
    ),
)

RULE = (KeyRow("rule.apply", "enter", "apply", "apply", "Carry the rule out."),)

PALETTE = (
    KeyRow("palette.down", "down,ctrl+n", "down", "down", "The command below."),
    KeyRow("palette.up", "up,ctrl+p", "up", "up", "The command above."),
)

HELP = (KeyRow("help.back", "escape,q,question_mark", "cancel", "back", "Close the help."),)


REVIEW = (
    KeyRow("review.open", "enter,l,right", "open", "items", "Go to the items of the group."),
    KeyRow("review.close", "h,left", "close", "groups", "Back to the groups."),
    KeyRow(
        "review.confirm",
        "tab",
        "confirm",
        "confirm",
        "Go to the box where the confirmation is typed. Nothing is deleted from anywhere else.",
        footer=True,
    ),
    KeyRow("review.back", "escape,q", "back", "back", "Leave; nothing is deleted.", footer=True),
    KeyRow(
        "review.save",
        "s",
        "save",
        "save",
        "Save the plan to a file, to apply it later.",
        footer=True,
    ),
    KeyRow("review.calls", "p", "calls", "calls", "Print the commands and calls.", footer=True),
    KeyRow(
        "review.aliases",
        "a",
        "aliases",
        "aliases",
        "Include the versions that carry an alias, or leave them out again.",
        footer=True,
    ),
    KeyRow(
        "review.dependents",
        "w",
        "dependents",
        "dependents",
        "Include every live version made from the selection, or leave them out again.",
        footer=True,
    ),
    KeyRow(
        "review.orphans",
        "o",
        "orphans",
        "orphans",
        "Allow live versions outside the plan to lose a parent, or forbid it again.",
        footer=True,
    ),
    KeyRow(
        "review.unknown",
        "u",
        "unknown",
        "unknown lineage",
        "Include the versions whose dependents are not fully known, or leave them out again.",
    ),
    KeyRow(
        "review.links",
        "L",
        "links",
        "links",
        "Include the versions that other collections show: those links break; or leave them out.",
    ),
    KeyRow(
        "review.generated",
        "m",
        "generated",
        "made by the registry",
        "Include the versions that the registry made by itself: it may refuse; or leave them out.",
    ),
    KeyRow(
        "review.unfinished",
        "f",
        "unfinished",
        "never finished",
        f"Include the pending versions whose upload began over {UNFINISHED_DAYS} days ago.",
    ),
    KeyRow(
        "review.collections",
        "c",
        "collections",
        "whole collections",
        "Delete whole collections with one request each, or their versions one by one.",
    ),
    KeyRow(
        "review.storage",
        "b",
        "storage",
        "stored objects",
        "Delete also the objects in the storage, once their versions are gone; or leave them.",
    ),
    KeyRow(
        "review.versions",
        "V",
        "versions",
        "for good",
        "Where the bucket keeps versions: delete every version of the objects, for good.",
    ),
)

CONFIRM = (
    KeyRow(
        "confirm.leave", "escape,tab,shift+tab", "leave", "back", "Back to the lists.", footer=True
    ),
)

LISTING = (KeyRow("listing.back", "escape,q", "cancel", "back", "Back to the screen."),)

TASKS = (
    KeyRow(
        "tasks.open",
        "enter,l,right",
        "open",
        "items",
        "See every item of the task.",
        footer=True,
        row=True,
    ),
    KeyRow(
        "tasks.pause",
        "p",
        "pause",
        "pause",
        "Pause the task, or let it go on.",
        footer=True,
        row=True,
    ),
    KeyRow(
        "tasks.cancel",
        "c",
        "cancel",
        "cancel",
        "Give up what is not deleted yet.",
        footer=True,
        row=True,
    ),
    KeyRow(
        "tasks.resume",
        "r",
        "resume",
        "resume",
        "Go on with an interrupted task.",
        footer=True,
        row=True,
    ),
    KeyRow(
        "tasks.retry",
        "f",
        "retry",
        "retry failed",
        "Try the failed items again.",
        footer=True,
        row=True,
    ),
    KeyRow(
        "tasks.again",
        "u,m",
        "again",
        "undo",
        "Undo a task that has ended, as a whole: from the trash, or else all is made again.",
        footer=True,
        row=True,
    ),
    KeyRow("tasks.back", "escape,q", "back", "back", "Leave; what runs goes on.", footer=True),
)

RESULT = (
    KeyRow("result.open", "enter,l,right", "open", "items", "Go to the items.", footer=True),
    KeyRow("result.close", "h,left", "close", "groups", "Back to the groups."),
    KeyRow("result.back", "escape,q", "back", "back", "One layer back.", footer=True),
)

_LIKE_BROWSE = frozenset(
    {"mark", "filter", "sort", "range", "rule", "unrule", "marked"}
    | {"open", "close", "next", "previous", "copy"}
)

TRASH = (
    *(
        replace(
            row,
            id=f"trash.{row.verb}",
            help=row.help.replace("collection", "deletion"),
            footer=row.verb in {"mark", "filter", "sort", "rule"},
        )
        for row in BROWSE
        if row.verb in _LIKE_BROWSE
    ),
    KeyRow("trash.all", "asterisk", "all", "all", "Mark all that is listed, or nothing."),
    KeyRow(
        "trash.restore",
        "r",
        "restore",
        "restore",
        "Bring back the marks, or the row (of a deletion: all), with aliases that are still free.",
        footer=True,
        row=True,
    ),
    KeyRow(
        "trash.purge",
        "d",
        "purge",
        "purge",
        "Review the purge of the marks, or of the row: they are gone for good then.",
        footer=True,
        row=True,
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
    KeyRow(
        "trash.back",
        "escape,q",
        "back",
        "back",
        "One layer back: range, only marked, filter; then to the list.",
        footer=True,
    ),
)

ORPHANS = (
    KeyRow(
        "orphans.mark",
        "space",
        "mark",
        "mark",
        "Mark or unmark the object and go down.",
        footer=True,
        row=True,
    ),
    KeyRow("orphans.all", "asterisk", "all", "all", "Mark every orphan, or none."),
    KeyRow(
        "orphans.review",
        "d",
        "review",
        "review",
        "Review the deletion of the marked orphans, or of the one under the cursor.",
        footer=True,
        row=True,
    ),
    KeyRow(
        "orphans.sort", "s", "sort", "sort", "Largest first, oldest first, or by name.", footer=True
    ),
    KeyRow("orphans.again", "r", "again", "look again", "Compare both once more.", footer=True),
    KeyRow("orphans.open", "enter,l,right", "open", "see them", "Go to the objects."),
    KeyRow("orphans.close", "h,left", "close", "groups", "Back to the groups."),
    KeyRow("orphans.tasks", "t", "tasks", "tasks", "Watch deletions.", footer=True),
    KeyRow("orphans.back", "escape,q", "back", "back", "Back to the list.", footer=True),
)

ASK = (KeyRow("ask.no", "escape,n,q", "cancel", "no", "Leave; nothing happens.", footer=True),)


TO_EDITS = (
    KeyRow(
        "browse.retention",
        "T",
        "retention",
        "retention",
        "What a time to live (TTL) deletes and when; set, inherit or switch it off.",
        footer=True,
        row=True,
    ),
    KeyRow(
        "browse.names",
        "a",
        "names",
        "aliases, tags",
        "Add, remove or move aliases and tags of the marks, or of the row.",
        footer=True,
        row=True,
    ),
)

RETENTION = (
    KeyRow(
        "retention.review",
        "d",
        "review",
        "review",
        "Review the deletion of the marks, of the row, or of all that has expired.",
        footer=True,
    ),
    KeyRow(
        "retention.set",
        "s",
        "set",
        "set",
        "Give the marks, or the row, a time to live such as 30d; you see the dates first.",
        footer=True,
        row=True,
    ),
    KeyRow(
        "retention.inherit",
        "i",
        "inherit",
        "inherit",
        "Let their collection or team say the time to live of the marks, or of the row.",
        footer=True,
        row=True,
    ),
    KeyRow(
        "retention.off",
        "o",
        "off",
        "off",
        "Let the marks, or the row, never expire.",
        footer=True,
        row=True,
    ),
    KeyRow(
        "retention.mark", "space", "mark", "mark", "Mark or unmark the row and go down.", row=True
    ),
    KeyRow("retention.open", "enter,l,right", "open", "see them", "Go to the versions."),
    KeyRow("retention.close", "h,left", "close", "groups", "Back to the periods."),
    KeyRow("retention.again", "r", "again", "read again", "Read the catalog again."),
    KeyRow("retention.back", "escape,q", "back", "back", "Back to the list.", footer=True),
)

EDIT = (
    KeyRow(
        "edit.confirm",
        "tab",
        "confirm",
        "confirm",
        "Go to the box where the change is confirmed. Nothing is sent from anywhere else.",
        footer=True,
    ),
    KeyRow("edit.open", "enter,l,right", "open", "items", "Go to the versions of the group."),
    KeyRow("edit.close", "h,left", "close", "groups", "Back to the groups."),
    KeyRow("edit.back", "escape,q", "back", "back", "Leave; what was sent stays.", footer=True),
)

WISH = (
    KeyRow("wish.apply", "enter", "apply", "preview", "See what it would do; nothing is sent."),
)


TO_REGISTRIES = (
    KeyRow(
        "browse.registries",
        "R",
        "registries",
        "registries",
        "The configured registries: add, test, switch to another, remove.",
    ),
)

REGISTRIES = (
    KeyRow(
        "registries.switch",
        "enter,l,right",
        "switch",
        "switch",
        "Leave this registry and open the one under the cursor.",
        footer=True,
        row=True,
    ),
    KeyRow("registries.add", "a", "add", "add", "Add a registry.", footer=True),
    KeyRow(
        "registries.test",
        "t",
        "test",
        "test",
        "Ask the registry how it is: reachable, what it can do, read-only or not.",
        footer=True,
        row=True,
    ),
    KeyRow("registries.test_all", "T", "test_all", "test all", "Test every registry."),
    KeyRow(
        "registries.default",
        "asterisk",
        "default",
        "default",
        "Use this registry where none is named.",
        row=True,
    ),
    KeyRow(
        "registries.remove",
        "x",
        "remove",
        "remove",
        "Take the registry out of the configuration; the registry itself is not touched.",
        footer=True,
        row=True,
    ),
    KeyRow("registries.back", "escape,q", "back", "back", "Back to the list.", footer=True),
)

ADDING = (KeyRow("adding.apply", "enter", "apply", "add", "Write it to the configuration."),)


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
