"""The keys of what deletes and restores: review, its confirmation, tasks, results, trash."""

from __future__ import annotations

from artifact_tui.deletion.items import UNFINISHED_DAYS
from artifact_tui.tui.keyrow import KeyRow

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
        "m",
        "again",
        "make again",
        "Make again what a task deleted, where a registry has no trash: new ids, new metrics.",
        row=True,
    ),
    KeyRow("tasks.back", "escape,q", "back", "back", "Leave; what runs goes on.", footer=True),
)

RESULT = (
    KeyRow("result.open", "enter,l,right", "open", "items", "Go to the items.", footer=True),
    KeyRow("result.close", "h,left", "close", "groups", "Back to the groups."),
    KeyRow("result.back", "escape,q", "back", "back", "One layer back.", footer=True),
)

TRASH = (
    KeyRow(
        "trash.mark",
        "space",
        "mark",
        "mark",
        "Mark or unmark the row and go down.",
        footer=True,
        row=True,
    ),
    KeyRow("trash.all", "asterisk", "all", "all", "Mark everything, or nothing."),
    KeyRow(
        "trash.restore",
        "r",
        "restore",
        "restore",
        "Bring the marked versions, or the row, back with the aliases that are still free.",
        footer=True,
        row=True,
    ),
    KeyRow(
        "trash.purge",
        "d",
        "purge",
        "purge",
        "Review the purge of the marked versions, or of the row: they are gone for good then.",
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
    KeyRow("trash.back", "escape,q", "back", "back", "Back to the list.", footer=True),
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
