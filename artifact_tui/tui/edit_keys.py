"""The keys of what changes aliases, tags and times to live, as data."""

from __future__ import annotations

from artifact_tui.tui.keyrow import KeyRow

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
