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
    label: str
    """One or two words for the footer."""
    help: str
    """What it does, for the help screen and the command palette."""
    action: str = ""
    """The Textual action, resolved where the binding lives; the verb of `id` when empty."""
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


# A table: one row a key, and its words below where they do not fit beside it.
# fmt: off

_BROWSE = (
    KeyRow("browse.mark", "space", "mark", footer=True, row=True,
        help="Mark or unmark the row and go down; on a collection, all its versions in the list."),
    KeyRow("browse.review", "d", "review", footer=True, row=True,
        help="Review the deletion of the marks, or of the row."),
    KeyRow("browse.filter", "slash", "filter", footer=True,
        help="Narrow the list with the filter language."),
    KeyRow("browse.sort", "s", "sort", "Choose the order of the list.", footer=True),
    KeyRow("browse.rule", "plus", "by rule", footer=True,
        help="Mark by rule: keep the newest, without alias, older than; or all in the list."),
    KeyRow("browse.tasks", "t", "tasks", footer=True,
        help="Watch, pause, cancel, retry or resume deletions."),
    KeyRow("browse.trash", "u", "trash", footer=True,
        help="See what was deleted: restore it or purge it."),
    KeyRow("browse.orphans", "o", "orphans",
        help="Compare the registry with its storage: objects nothing refers to, and missing ones."),
    KeyRow("browse.reingest", "I", "ingest again", row=True,
        help="Delete this version, and make it again from its source address, or a corrected one."),
    KeyRow("browse.open", "l,right,enter", "open", row=True,
        help="Expand a collection, or show a version in detail."),
    KeyRow("browse.close", "h,left", "close", row=True,
        help="Collapse a collection, or go to the version's collection."),
    KeyRow("browse.range", "v", "range", row=True,
        help="Start a range; move, then mark it."),
    KeyRow("browse.all", "asterisk", "all", "Mark all that is listed, or nothing."),
    KeyRow("browse.unrule", "backslash", "unmark rule",
        help="Take marks away by rule, or all marks in the list."),
    KeyRow("browse.marked", "M", "only marked", "Show only what is marked, or everything again."),
    KeyRow("browse.next", "n", "next", "The next version in the list, expanding collections."),
    KeyRow("browse.previous", "N", "previous", "The previous version in the list."),
    KeyRow("browse.lineage", "L", "lineage", row=True,
        help="Walk through what this version was made from, and what was made from it."),
    KeyRow("browse.files", "f", "files", row=True,
        help="List the files of the version: a registry that tells them only when asked is asked."),
    KeyRow("browse.keep", "K", "keep", row=True,
        help="Keep the version of a store on this machine in your own registry, without copying."),
    KeyRow("browse.copy", "y", "copy name", row=True,
        help="Copy the name to the clipboard of your terminal."),
    KeyRow("browse.pane", "tab", "other pane", "To the detail and back to the list."),
    KeyRow("browse.refresh", "r", "refresh", "Sync a remote registry again; else read again."),
    KeyRow("browse.back", "escape", "back",
        help="One layer back: range, detail, only marked, filter; home if one came from there."),
    KeyRow("browse.quit", "q", "quit", "Leave; tasks that are running go on.", action="app.quit"),
    KeyRow("browse.retention", "T", "retention", footer=True, row=True,
        help="What a time to live (TTL) deletes and when; set, inherit or switch it off."),
    KeyRow("browse.names", "a", "aliases, tags", footer=True, row=True,
        help="Add, remove or move aliases and tags of the marks, or of the row."),
    KeyRow("browse.home", "minus,R", "home",
        help="Every store of this machine, and the registries: sizes, test, add, switch, remove."),
)
_BROWSE_ROWS = {row.verb: row for row in _BROWSE}


def _like_browse(*verbs: str) -> tuple[KeyRow, ...]:
    """What a list of versions takes in browse, for the trash: deletions stand for collections."""
    return tuple(
        replace(row, id=f"trash.{row.verb}", help=row.help.replace("collection", "deletion"))
        for row in map(_BROWSE_ROWS.__getitem__, verbs)
    )


ROWS: tuple[KeyRow, ...] = (
    KeyRow("app.help", "question_mark", "help", "Show the keys that apply here.", footer=True),
    KeyRow("app.palette", "colon,ctrl+p", "commands", "Find a command by its words."),
    KeyRow("app.suspend", "ctrl+z", "to the shell", first=True,
        help="Back to the shell; fg comes back here. Tasks that are running go on."),
    KeyRow("app.redraw", "ctrl+l", "redraw", "Draw the screen again."),
    KeyRow("app.quit", "ctrl+q", "quit", "Leave; tasks that are running go on.", first=True),

    KeyRow("list.down", "j,down", "down", "One row down."),
    KeyRow("list.up", "k,up", "up", "One row up."),
    KeyRow("list.top", "g,home", "top", "The first row."),
    KeyRow("list.bottom", "G,end", "bottom", "The last row."),
    KeyRow("list.half_down", "ctrl+d", "half down", "Half a page down."),
    KeyRow("list.half_up", "ctrl+u", "half up", "Half a page up."),
    KeyRow("list.page_down", "pagedown,ctrl+f", "page down", "A page down."),
    KeyRow("list.page_up", "pageup,ctrl+b", "page up", "A page up."),

    *_BROWSE,

    KeyRow("filter.cancel", "escape", "cancel", "Leave the filter as it was before.", footer=True),
    KeyRow("filter.complete", "tab", "complete", "Take the offered word.", footer=True),
    KeyRow("filter.up", "up", "offer above", "The offered word above."),
    KeyRow("filter.down", "down", "offer below", "The offered word below."),

    KeyRow("detail.back", "escape,h,left,q", "back", "Back to the list.", footer=True),
    KeyRow("detail.lineage", "L", "lineage", "Walk through its lineage.", footer=True),
    KeyRow("detail.files", "f", "files", "List the files of the version.", footer=True),
    KeyRow("detail.copy", "y", "copy name", footer=True,
        help="Copy the name to the clipboard of your terminal."),

    KeyRow("lineage.open", "l,right,enter", "centre", footer=True, row=True,
        help="Put the version under the cursor in the middle."),
    KeyRow("lineage.mark", "space", "mark", footer=True, row=True,
        help="Mark or unmark the version and go down."),
    KeyRow("lineage.show", "o", "in the list", footer=True, row=True,
        help="Show the version in the list of browse."),
    KeyRow("lineage.below", "A", "ask below",
        help="Ask about everything below this version, where lineage is told only when asked."),
    KeyRow("lineage.copy", "y", "copy name", row=True,
        help="Copy the name to the clipboard of your terminal."),
    KeyRow("lineage.back", "escape,h,left,q", "back", footer=True,
        help="To the version that was in the middle before, then to the list."),

    KeyRow("review.open", "enter,l,right", "items", "Go to the items of the group."),
    KeyRow("review.close", "h,left", "groups", "Back to the groups."),
    KeyRow("review.confirm", "tab", "confirm", footer=True,
        help="Go to the box for the confirmation. Nothing is deleted from anywhere else."),
    KeyRow("review.back", "escape,q", "back", "Leave; nothing is deleted.", footer=True),
    KeyRow("review.save", "s", "save", "Save the plan to a file, to apply it later.", footer=True),
    KeyRow("review.calls", "p", "calls", "Print the commands and calls.", footer=True),
    KeyRow("review.aliases", "a", "aliases", footer=True,
        help="Include the versions that carry an alias, or leave them out again."),
    KeyRow("review.dependents", "w", "dependents", footer=True,
        help="Include every live version made from the selection, or leave them out again."),
    KeyRow("review.orphans", "o", "orphans", footer=True,
        help="Allow live versions outside the plan to lose a parent, or forbid it again."),
    KeyRow("review.unknown", "u", "unknown lineage",
        help="Include the versions whose dependents are not fully known, or leave them out again."),
    KeyRow("review.links", "L", "links",
        help="Include versions that other collections show: those links break; or leave them out."),
    KeyRow("review.generated", "m", "made by the registry",
        help="Include versions the registry made by itself: it may refuse; or leave them out."),
    KeyRow("review.unfinished", "f", "never finished",
        help=f"Include the pending versions whose upload began over {UNFINISHED_DAYS} days ago."),
    KeyRow("review.used", "i", "in use",
        help="Include versions of which a process holds files open, or leave them out again."),
    KeyRow("review.collections", "c", "whole collections",
        help="Delete whole collections with one request each, or their versions one by one."),
    KeyRow("review.storage", "b", "stored objects",
        help="Delete the objects in the storage too, once their versions are gone; or leave them."),
    KeyRow("review.versions", "V", "for good",
        help="Where the bucket keeps versions: delete every version of the objects, for good."),

    KeyRow("confirm.leave", "escape,tab,shift+tab", "back", "Back to the lists.", footer=True),

    KeyRow("listing.back", "escape,q", "back", "Back to the screen.", action="cancel"),

    KeyRow("tasks.open", "enter,l,right", "items", footer=True, row=True,
        help="See every item of the task."),
    KeyRow("tasks.pause", "p", "pause", "Pause the task, or let it go on.", footer=True, row=True),
    KeyRow("tasks.cancel", "c", "cancel", footer=True, row=True,
        help="Give up what is not deleted yet."),
    KeyRow("tasks.resume", "r", "resume", "Go on with an interrupted task.", footer=True, row=True),
    KeyRow("tasks.retry", "f", "retry failed", footer=True, row=True,
        help="Try the failed items again."),
    KeyRow("tasks.again", "u,m", "undo", footer=True, row=True,
        help="Undo a task that has ended, as a whole: from the trash, or else all is made again."),
    KeyRow("tasks.back", "escape,q", "back", "Leave; what runs goes on.", footer=True),

    KeyRow("result.open", "enter,l,right", "items", "Go to the items.", footer=True),
    KeyRow("result.close", "h,left", "groups", "Back to the groups."),
    KeyRow("result.back", "escape,q", "back", "One layer back.", footer=True),

    *_like_browse("mark"),
    KeyRow("trash.restore", "r", "restore", footer=True, row=True,
        help="Bring back the marks, or the row (of a deletion: all), with aliases still free."),
    KeyRow("trash.purge", "d", "purge", footer=True, row=True,
        help="Review the purge of the marks, or of the row: they are gone for good then."),
    *_like_browse("filter"),
    KeyRow("trash.gc", "c", "gc", footer=True,
        help="See which bytes no version needs any more, and free them."),
    *_like_browse("sort", "rule", "unrule", "range", "marked"),
    KeyRow("trash.all", "asterisk", "all", "Mark all that is listed, or nothing."),
    *_like_browse("open", "close", "next", "previous", "copy"),
    KeyRow("trash.tasks", "t", "tasks", "Watch purges and deletions."),
    KeyRow("trash.back", "escape,q", "back", footer=True,
        help="One layer back: range, only marked, filter; then to the list."),

    KeyRow("orphans.mark", "space", "mark", footer=True, row=True,
        help="Mark or unmark the object and go down."),
    KeyRow("orphans.all", "asterisk", "all", "Mark every orphan, or none."),
    KeyRow("orphans.review", "d", "review", footer=True, row=True,
        help="Review the deletion of the marked orphans, or of the one under the cursor."),
    KeyRow("orphans.sort", "s", "sort", "Largest first, oldest first, or by name.", footer=True),
    KeyRow("orphans.again", "r", "look again", "Compare both once more.", footer=True),
    KeyRow("orphans.open", "enter,l,right", "see them", "Go to the objects."),
    KeyRow("orphans.close", "h,left", "groups", "Back to the groups."),
    KeyRow("orphans.tasks", "t", "tasks", "Watch deletions.", footer=True),
    KeyRow("orphans.back", "escape,q", "back", "Back to the list.", footer=True),

    KeyRow("retention.review", "d", "review", footer=True,
        help="Review the deletion of the marks, of the row, or of all that has expired."),
    KeyRow("retention.set", "s", "set", footer=True, row=True,
        help="Give the marks, or the row, a time to live such as 30d; you see the dates first."),
    KeyRow("retention.inherit", "i", "inherit", footer=True, row=True,
        help="Let their collection or team say the time to live of the marks, or of the row."),
    KeyRow("retention.off", "o", "off", footer=True, row=True,
        help="Let the marks, or the row, never expire."),
    KeyRow("retention.mark", "space", "mark", "Mark or unmark the row and go down.", row=True),
    KeyRow("retention.open", "enter,l,right", "see them", "Go to the versions."),
    KeyRow("retention.close", "h,left", "groups", "Back to the periods."),
    KeyRow("retention.again", "r", "read again", "Read the catalog again."),
    KeyRow("retention.back", "escape,q", "back", "Back to the list.", footer=True),

    KeyRow("edit.confirm", "tab", "confirm", footer=True,
        help="Go to the box where the change is confirmed. Nothing is sent from anywhere else."),
    KeyRow("edit.open", "enter,l,right", "items", "Go to the versions of the group."),
    KeyRow("edit.close", "h,left", "groups", "Back to the groups."),
    KeyRow("edit.back", "escape,q", "back", "Leave; what was sent stays.", footer=True),

    KeyRow("wish.apply", "enter", "preview", "See what it would do; nothing is sent."),

    KeyRow("home.open", "enter,l,right", "open", footer=True, row=True,
        help="Open the store; the registry that was open before is closed."),
    KeyRow("home.reclaim", "c", "can go", footer=True, row=True,
        help="Open the store with only what can be reclaimed in its list, to be marked there."),
    KeyRow("home.measure", "r", "measure", "Measure every store again.", footer=True),
    KeyRow("home.add", "a", "add", "Add a registry to the configuration.", footer=True),
    KeyRow("home.test", "t", "test", footer=True, row=True,
        help="Ask the registry how it is: reachable, what it can do, read-only or not."),
    KeyRow("home.test_all", "T", "test all", "Test every registry."),
    KeyRow("home.default", "asterisk", "default", row=True,
        help="Use this registry where none is named."),
    KeyRow("home.remove", "x", "remove", footer=True, row=True,
        help="Take the registry out of the configuration; the registry itself is not touched."),
    KeyRow("home.copy", "y", "copy address", row=True,
        help="Copy the address to the clipboard of your terminal."),
    KeyRow("home.back", "escape,minus,R", "back", "To the registry that one came from."),
    KeyRow("home.quit", "q", "leave", footer=True,
        help="Leave, or back to the registry that one came from; tasks that are running go on."),

    KeyRow("adding.apply", "enter", "add", "Write it to the configuration."),

    KeyRow("ask.no", "n,escape,q", "no", "Leave; nothing happens.", action="cancel", footer=True),

    KeyRow("dialog.cancel", "escape", "cancel", "Leave the dialog; nothing happens."),
    KeyRow("dialog.next", "tab,down", "next field", "The next field.", action="app.focus_next"),
    KeyRow("dialog.previous", "shift+tab,up", "field before", action="app.focus_previous",
        help="The field before."),

    KeyRow("menu.choose", "enter,l,right", "choose", "Choose what is under the cursor."),
    KeyRow("menu.cancel", "escape,q,h,left", "cancel", "Leave the menu; nothing changes."),

    KeyRow("rule.apply", "enter", "apply", "Carry the rule out."),

    KeyRow("palette.down", "down,ctrl+n", "down", "The command below."),
    KeyRow("palette.up", "up,ctrl+p", "up", "The command above."),

    KeyRow("help.back", "escape,q,question_mark", "back", "Close the help.", action="cancel"),
)
"""All rows, in the order of the help screen."""

# fmt: on

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
    "home": "Home",
    "adding": "Adding a registry",
    "ask": "At a question",
}
"""Every `where`, with its heading on the help screen."""

BY_ID = {row.id: row for row in ROWS}


def rows_of(*places: str) -> tuple[KeyRow, ...]:
    """The rows of some parts of the program, in their order of declaration."""
    return tuple(row for row in ROWS if row.where in places)


def bindings_of(*places: str) -> list[BindingType]:
    """Textual bindings for the `BINDINGS` of a screen or widget."""
    return [
        Binding(
            row.keys,
            row.action or row.verb,
            row.label,
            show=row.footer,
            id=row.id,
            priority=row.first,
        )
        for row in rows_of(*places)
    ]
