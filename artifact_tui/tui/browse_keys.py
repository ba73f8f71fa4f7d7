"""The keys of browse, of its dialogs and of everything around it, as data."""

from __future__ import annotations

from artifact_tui.tui.keyrow import KeyRow

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
