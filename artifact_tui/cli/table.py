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
    "demo": Entry("Begin", "demo", "Make a sample registry with real bytes, and open it."),
    "add": Entry("Begin", "add", "Put a file or a folder in a local registry."),
    "ls": Entry("Look", "ls", "List collections, or versions."),
    "show": Entry("Look", "show", "One version: aliases, files, lineage, unique bytes."),
    "export": Entry("Look", "export", "Write the files of a version to a folder."),
    "plan": Entry("Delete", "plan", "Build a plan from a filter, and print what it would do."),
    "review": Entry("Delete", "review", "Print a plan, item by item."),
    "apply": Entry("Delete", "apply", "Apply a plan: delete exactly its items."),
    "resume": Entry("Delete", "apply", "Continue a plan that was interrupted."),
    "tasks": Entry("Delete", "tasks", "List the plans that were applied here."),
    "report": Entry("Delete", "report", "What happened to each item of a plan."),
    "trash": Entry("After", "trash", "List what is in the trash."),
    "restore": Entry("After", "trash", "Bring versions back from the trash."),
    "purge": Entry("After", "purge", "Remove versions in the trash for good."),
    "gc": Entry("After", "gc", "Free the bytes that no version needs any more."),
    "orphans": Entry("After", "orphans", "Stored objects that no artifact refers to."),
    "reingest": Entry("After", "reingest", "Delete an entry, and make it again from its source."),
    "reset": Entry("After", "reset", "Delete everything that a registry holds."),
    "registries": Entry("Care", "registries", "List, add, remove and test registries."),
    "fsck": Entry("Care", "fsck", "Check a local registry, and repair what cannot lose anything."),
    "alias": Entry("Care", "labels", "Add, remove or protect the aliases of a version."),
    "tag": Entry("Care", "labels", "Add or remove the tags of a version."),
    "ttl": Entry("Care", "labels", "Set the time to live of a version."),
}
"""In the order of the help."""

_PLAN = (
    "Deleting takes a plan: artifact-tui plan REGISTRY FILTER -o FILE shows what would go,"
    " artifact-tui apply FILE deletes exactly that"
)
_LS = "To list or search: artifact-tui ls REGISTRY FILTER"
_SHOW = "For one version: artifact-tui show REGISTRY NAME:V"

ELSEWHERE = {
    **dict.fromkeys(("rm", "delete", "del", "remove", "prune", "clean", "cleanup"), _PLAN),
    **dict.fromkeys(("list", "dir", "search", "find", "query", "filter", "du"), _LS),
    **dict.fromkeys(("info", "get", "describe", "inspect", "view", "cat"), _SHOW),
    **dict.fromkeys(
        ("undo", "undelete"), "To undo a deletion: artifact-tui restore REGISTRY --plan FILE"
    ),
    **dict.fromkeys(
        ("download", "pull"),
        "The files of a local version: artifact-tui export REGISTRY NAME:V -o FOLDER",
    ),
    **dict.fromkeys(
        ("upload", "push", "put", "log"), "To put one in: artifact-tui add SOURCE NAME --type TYPE"
    ),
    **dict.fromkeys(("config", "login", "registry"), "The configuration: artifact-tui registries"),
}
"""Commands of other programs, and what is typed here instead."""
