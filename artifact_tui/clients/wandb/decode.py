"""W&B's answers as checked values, tolerant of what servers leave out or call null.

Everything but ids may be missing. Whole numbers may come as text, times with or without a zone.
What has the wrong type is taken as not told; where it must be told, the row that it stands in is
taken as one that may not be seen. Without such a row it is a `RegistryError` that says where.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Generic, TypeVar

import msgspec

from artifact_tui.errors import RegistryError

T = TypeVar("T")

LARGEST = (1 << 63) - 1
"""What the catalog can hold."""

NOTE_LIMIT = 2_000
"""How many characters of a description are kept."""

_MOST_MENDED = 10_000
"""Parts of one answer that may be wrong."""

_STEPS = re.compile(r"\.\w+|\[\d+\]")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Said(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """Base of all answers: unknown fields are ignored, missing ones have defaults."""


class Named(Said, frozen=True):
    """Anything of which only the name is asked."""

    name: str | None = None


class Home(Said, frozen=True):
    """A project."""

    name: str | None = None
    entity: Named | None = None


class PageInfo(Said, frozen=True):
    """Whether a connection goes on, and where."""

    has_next_page: bool | None = None
    end_cursor: str | None = None


class Edge(Said, Generic[T], frozen=True):
    """One row of a connection."""

    node: T | None = None
    version: str | None = None
    cursor: str | None = None


class Connection(Said, Generic[T], frozen=True):
    """A page of something."""

    total_count: int | None = None
    page_info: PageInfo | None = None
    edges: list[Edge[T] | None] | None = None

    @property
    def rows(self) -> list[Edge[T] | None]:
        """Its rows; what may not be seen is None."""
        return self.edges or []

    @property
    def nodes(self) -> list[T]:
        """What may be seen of it."""
        return [edge.node for edge in self.rows if edge is not None and edge.node is not None]

    @property
    def after(self) -> str | None:
        """Where the next page begins; None at the end."""
        info = self.page_info
        return info.end_cursor or None if info is not None and info.has_next_page else None


class Place(Said, frozen=True):
    """Which collection, and where it is."""

    id: str
    type_name: str | None = msgspec.field(name="__typename", default=None)
    name: str | None = None
    project: Home | None = None

    @property
    def path(self) -> str:
        """Its name in full, as far as it may be seen: untrusted text."""
        project = self.project
        parts = [project.entity.name, project.name] if project and project.entity else []
        return "/".join(part for part in (*parts, self.name) if part)


class AliasRow(Said, frozen=True):
    """An alias, and who holds it."""

    alias: str | None = None
    artifact_collection: Place | None = None


class Membership(Said, frozen=True):
    """A collection that shows a version."""

    version_index: int | None = None
    artifact_collection: Place | None = None

    @property
    def id(self) -> str | None:
        """What tells it from others of its version; None where the collection is hidden."""
        holder = self.artifact_collection
        return None if holder is None else f"{holder.id} {self.version_index}"


class Sequence(Said, frozen=True):
    """The collection that a version was made in."""

    id: str
    name: str | None = None
    project: Home | None = None


class Creator(Said, frozen=True):
    """A run or a user; of a run perhaps what it used."""

    type_name: str | None = msgspec.field(name="__typename", default=None)
    id: str | None = None
    name: str | None = None
    username: str | None = None
    project: Home | None = None
    input_artifacts: Connection[Artifact] | None = None


class Run(Said, frozen=True):
    """A run that used a version, with what it made."""

    id: str
    name: str | None = None
    project: Home | None = None
    output_artifacts: Connection[Artifact] | None = None


class Artifact(Said, frozen=True):
    """A version, with as much of it as was asked."""

    id: str
    digest: str | None = None
    state: str | None = None
    version_index: int | None = None
    is_generated: bool | None = None
    artifact_type: Named | None = None
    artifact_sequence: Sequence | None = None
    aliases: list[AliasRow | None] | None = None
    artifact_memberships: Connection[Membership] | None = None
    size: int | None = None
    storage_bytes: int | None = None
    file_count: int | None = None
    created_at: str | None = None
    used_count: int | None = None
    description: str | None = None
    tags: list[Named | None] | None = None
    ttl_duration_seconds: int | None = None
    ttl_is_inherited: bool | None = None
    created_by: Creator | None = None
    used_by: Connection[Run] | None = None


class Collection(Place, frozen=True):
    """A collection as a list shows it, perhaps with its first versions."""

    created_at: str | None = None
    state: str | None = None
    default_artifact_type: Named | None = None
    artifacts: Connection[Artifact] | None = None


class Collections(Said, frozen=True):
    """A project with a page of its collections."""

    artifact_collections: Connection[Collection] | None = None


@lru_cache(maxsize=64)
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind, strict=False)


def read(data: Any, kind: type[T], what: str) -> T:
    """An answer (JSON text, or already parsed) as a value of a type; `what` is as in `Call`.

    Raises:
        RegistryError: it is nothing of the kind.
    """
    try:
        if isinstance(data, bytes | bytearray | memoryview | msgspec.Raw):
            try:
                key: Any = kind
                found: T = _decoder(key).decode(data)
            except msgspec.ValidationError:
                found = _tolerant(msgspec.json.decode(data), kind)
        else:
            found = _tolerant(data, kind)
    except (msgspec.MsgspecError, RecursionError, UnicodeError, ValueError, OverflowError) as error:
        raise RegistryError(
            f"W&B's answer to {what} cannot be understood: {error}",
            hint="Nothing was changed. Its server may be newer or older than this program knows.",
        ) from None
    return found


def _tolerant(data: Any, kind: type[T]) -> T:
    """A value of a type, without those parts of it that are not what they should be.

    Raises:
        ValidationError: nothing is left of it, or too much is wrong.
    """
    for _ in range(_MOST_MENDED):
        try:
            return msgspec.convert(data, kind, strict=False)
        except msgspec.ValidationError as error:
            if not _leave_out(data, str(error)):
                raise
    return msgspec.convert(data, kind, strict=False)


def _leave_out(data: Any, complaint: str) -> bool:
    """Mend what a complaint is about: a text or a number that is neither, or the other one.

    Anything else takes the row with it that it stands in: of a version whose aliases cannot be
    read nobody may say that it has none. False when there is no such row.
    """
    what, _, place = complaint.partition(" - at `$")
    steps = [int(step[1:-1]) if step[0] == "[" else step[1:] for step in _STEPS.findall(place)]
    plain = what.startswith(("Expected `str | null`", "Expected `int | null`"))
    while steps and not (plain or isinstance(steps[-1], int)):
        steps.pop()
    if not steps:
        return False
    for step in steps[:-1]:
        data = data[step]
    value = data[steps[-1]]
    data[steps[-1]] = str(value) if plain and "`str" in what and _is_number(value) else None
    return value is not None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def count(value: int | None) -> int | None:
    """A number of bytes or things; None for what none can be."""
    return value if value is not None and 0 <= value <= LARGEST else None


def moment(text: str | None) -> int | None:
    """A time in microseconds since 1970 UTC; times without a zone are UTC."""
    if not text:
        return None
    try:
        when = datetime.fromisoformat(text)
        when = when.replace(tzinfo=UTC) if when.tzinfo is None else when
        return (when - _EPOCH) // timedelta(microseconds=1)
    except (ValueError, OverflowError):
        return None
