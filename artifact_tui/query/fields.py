"""The fields of the filter language: what each holds and how a person reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "state", "flag", "size", "count", "duration", "date", "newest"]

ORDERED: frozenset[Kind] = frozenset({"size", "count", "duration", "date"})
"""Kinds that `<`, `<=`, `>` and `>=` make sense for."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field; `column` is false for `latest`, which asks about a version but is not shown."""

    kind: Kind
    help: str
    column: bool = True


FIELDS: dict[str, Field] = {
    "name": Field("text", "the collection's name, exactly; * stands for anything"),
    "type": Field("text", "the collection's type, exactly: model, dataset, code, …"),
    "version": Field("text", "the version's label, exactly, such as v12"),
    "alias": Field("text", "an alias on the version, exactly; none, any"),
    "tag": Field("text", "a tag on the version, exactly; none, any"),
    "state": Field("state", "live, trash, pending or any; without it the trash is left out"),
    "size": Field("size", "bytes of the version: 500MB, 2GiB; none = not known"),
    "unique": Field("size", "bytes that only this version holds; none = not known"),
    "stored": Field("size", "bytes that the registry charges for it; none = not known"),
    "age": Field("duration", "time since it was created: 30d, 6mo, 1y"),
    "created": Field("date", "when it was created (UTC): 2026, 2026-01, 2026-01-31"),
    "used": Field("duration", "time since it was last used; none = never, or not known"),
    "ttl": Field("duration", "time left until it expires; expired; none = it never does"),
    "dependents": Field(
        "count", "live versions made directly from it; unknown is neither 0 nor more"
    ),
    "files": Field("count", "how many files it has"),
    "run": Field("text", "the run, job or user that made it, exactly; none, any"),
    "runs": Field("count", "how many runs used it; none = not known"),
    "registry": Field("text", "another collection that shows it, in full; none, any"),
    "link": Field("flag", "yes = it shows a version of another collection; no"),
    "latest": Field(
        "newest",
        "latest:3 = the newest three live versions of a collection, by what the registry tells",
        column=False,
    ),
}
"""Every field by name, in the order of help and completion."""

STATES = ("live", "trash", "pending", "any")
"""What `state:` may name."""

FLAG = ("yes", "no")
"""What a field that is true or false may be."""

EXPIRED = "expired"
"""What `ttl:` may name: versions whose time to live has passed."""

ABSENT = frozenset(
    {
        "alias",
        "tag",
        "size",
        "unique",
        "stored",
        "age",
        "created",
        "used",
        "ttl",
        "files",
        "run",
        "runs",
    }
    | {"registry"}
)
"""Fields that a version may lack: `field:none` and `field:any` ask for that."""
