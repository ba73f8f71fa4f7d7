"""W&B's versions and collections: their keys, what answers tell of them, what a list shows.

Keys are made of global ids, and of a kind: `artifact:ID` is a source version, `link:PORTFOLIO:ID`
a version shown in another collection, `sequence:ID` a collection of versions, `portfolio:ID` one
of links. The kind decides what a deletion becomes. Ids are percent-encoded, so that a key is
always written in exactly one way.

Answers are read tolerantly: everything but ids may be missing, whole numbers may come as text,
times with or without a zone. What has the wrong type is taken as missing; where it must be there,
the row that it stands in is taken as one that may not be seen. Without such a row it is a
`RegistryError` that says where.

A list shows a version of another collection as a link: it carries the other's label, and a key
that can only ever be unlinked. Aliases held elsewhere carry the full name of who holds them.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Generic, NamedTuple, TypeVar
from urllib.parse import quote, unquote

import msgspec

from artifact_tui.errors import RegistryError
from artifact_tui.model import Alias, Collection, Link, Version, VersionState

_SAFE_IN_KEYS = "=+/"
"""What base64 has beside letters and digits."""


class SourceKey(NamedTuple):
    """A version where it was made: it can be deleted."""

    artifact: str

    @property
    def key(self) -> str:
        """The one text for it."""
        return f"artifact:{_encoded_id(self.artifact)}"


class LinkKey(NamedTuple):
    """A version shown in a collection of links: it can be unlinked, and nothing else."""

    portfolio: str
    artifact: str

    @property
    def key(self) -> str:
        """The one text for it."""
        return f"link:{_encoded_id(self.portfolio)}:{_encoded_id(self.artifact)}"

    @property
    def source(self) -> str:
        """The key of the version that it shows."""
        return SourceKey(self.artifact).key


class SequenceKey(NamedTuple):
    """A collection of versions."""

    collection: str

    @property
    def key(self) -> str:
        """The one text for it."""
        return f"sequence:{_encoded_id(self.collection)}"


class PortfolioKey(NamedTuple):
    """A collection of links."""

    collection: str

    @property
    def key(self) -> str:
        """The one text for it."""
        return f"portfolio:{_encoded_id(self.collection)}"


VersionKey = SourceKey | LinkKey
CollectionKey = SequenceKey | PortfolioKey
Key = VersionKey | CollectionKey


def parse_key(key: str) -> Key | None:
    """What a text is the key of; None for one that is nobody's key."""
    kind, *parts = key.split(":")
    try:
        ids = [unquote(part, errors="strict") for part in parts]
    except UnicodeError:
        return None
    found: Key | None = None
    match kind, ids:
        case "artifact", [artifact] if artifact:
            found = SourceKey(artifact)
        case "link", [portfolio, artifact] if portfolio and artifact:
            found = LinkKey(portfolio, artifact)
        case "sequence", [collection] if collection:
            found = SequenceKey(collection)
        case "portfolio", [collection] if collection:
            found = PortfolioKey(collection)
    return found if found is not None and found.key == key else None


def parse_version_key(key: str) -> VersionKey | None:
    """Which version a text is the key of; None for any other text."""
    ref = parse_key(key)
    return ref if isinstance(ref, SourceKey | LinkKey) else None


def parse_collection_key(key: str) -> CollectionKey | None:
    """Which collection a text is the key of; None for any other text."""
    ref = parse_key(key)
    return ref if isinstance(ref, SequenceKey | PortfolioKey) else None


def _encoded_id(identifier: str) -> str:
    """Percent-encoded where it is not plain base64; most ids need nothing."""
    if identifier.isascii() and identifier.isalnum():
        return identifier
    return quote(identifier, safe=_SAFE_IN_KEYS, errors="surrogatepass")


GONE_STATES = frozenset({"DELETED", "PENDING_DELETION", "GARBAGE_COLLECTED"})
"""Of an artifact or a collection that was deleted, whether it still shows or not."""


T = TypeVar("T")

LARGEST_COUNT = (1 << 63) - 1
"""What the catalog can hold."""

NOTE_LIMIT = 2_000
"""How many characters of a description are kept."""

_MOST_MENDED = 10_000
"""Parts of one answer that may be wrong."""

_PATH_STEPS = re.compile(r"\.\w+|\[\d+\]")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class GraphObject(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """Base of all answers: unknown fields are ignored, missing ones have defaults."""


class NamedObject(GraphObject, frozen=True):
    """Anything of which only the name is asked."""

    name: str | None = None


class HomeProject(GraphObject, frozen=True):
    """A project."""

    name: str | None = None
    entity: NamedObject | None = None


class PageInfo(GraphObject, frozen=True):
    """Whether a connection goes on, and where."""

    has_next_page: bool | None = None
    end_cursor: str | None = None


class ConnectionEdge(GraphObject, Generic[T], frozen=True):
    """One row of a connection."""

    node: T | None = None
    version: str | None = None
    cursor: str | None = None


class Connection(GraphObject, Generic[T], frozen=True):
    """A page of something."""

    total_count: int | None = None
    page_info: PageInfo | None = None
    edges: list[ConnectionEdge[T] | None] | None = None

    @property
    def rows(self) -> list[ConnectionEdge[T] | None]:
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

    @property
    def whole(self) -> bool:
        """Whether this page is all there is."""
        return self.after is None and (self.total_count or 0) <= len(self.rows)


class CollectionPlace(GraphObject, frozen=True):
    """Which collection, and where it is."""

    id: str
    type_name: str | None = msgspec.field(name="__typename", default=None)
    name: str | None = None
    project: HomeProject | None = None

    @property
    def path(self) -> str:
        """Its name in full, as far as it may be seen: untrusted text."""
        project = self.project
        parts = [project.entity.name, project.name] if project and project.entity else []
        return "/".join(part for part in (*parts, self.name) if part)


class AliasRow(GraphObject, frozen=True):
    """An alias, and who holds it."""

    alias: str | None = None
    artifact_collection: CollectionPlace | None = None


class Membership(GraphObject, frozen=True):
    """A collection that shows a version."""

    version_index: int | None = None
    artifact_collection: CollectionPlace | None = None

    @property
    def id(self) -> str | None:
        """What tells it from others of its version; None where the collection is hidden."""
        holder = self.artifact_collection
        return None if holder is None else f"{holder.id} {self.version_index}"


class Creator(GraphObject, frozen=True):
    """A run or a user; of a run perhaps what it used."""

    type_name: str | None = msgspec.field(name="__typename", default=None)
    id: str | None = None
    name: str | None = None
    username: str | None = None
    project: HomeProject | None = None
    input_artifacts: Connection[Artifact] | None = None


class UsingRun(GraphObject, frozen=True):
    """A run that used a version, with what it made."""

    id: str
    name: str | None = None
    project: HomeProject | None = None
    output_artifacts: Connection[Artifact] | None = None


class Artifact(GraphObject, frozen=True):
    """A version, with as much of it as was asked."""

    id: str
    digest: str | None = None
    state: str | None = None
    version_index: int | None = None
    is_generated: bool | None = None
    artifact_type: NamedObject | None = None
    artifact_sequence: CollectionPlace | None = None
    aliases: list[AliasRow | None] | None = None
    artifact_memberships: Connection[Membership] | None = None
    size: int | None = None
    storage_bytes: int | None = None
    file_count: int | None = None
    created_at: str | None = None
    used_count: int | None = None
    description: str | None = None
    tags: list[NamedObject | None] | None = None
    ttl_duration_seconds: int | None = None
    ttl_is_inherited: bool | None = None
    created_by: Creator | None = None
    used_by: Connection[UsingRun] | None = None

    @property
    def type(self) -> str:
        """Its type; empty where that is not told."""
        return (self.artifact_type.name if self.artifact_type else None) or ""


class ArtifactCollection(CollectionPlace, frozen=True):
    """A collection as a list shows it, perhaps with its first versions."""

    created_at: str | None = None
    state: str | None = None
    default_artifact_type: NamedObject | None = None
    artifacts: Connection[Artifact] | None = None


class ProjectCollections(GraphObject, frozen=True):
    """A project with a page of its collections."""

    artifact_collections: Connection[ArtifactCollection] | None = None


@lru_cache(maxsize=64)
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind, strict=False)


def read_answer(data: Any, kind: type[T], what: str) -> T:
    """An answer (JSON text, or already parsed) as a value of a type; `what` is as in `GraphCall`.

    Raises:
        RegistryError: it is nothing of the kind.
    """
    try:
        if isinstance(data, bytes | bytearray | memoryview | msgspec.Raw):
            try:
                key: Any = kind
                found: T = _decoder(key).decode(data)
            except msgspec.ValidationError:
                found = _read_tolerantly(msgspec.json.decode(data), kind)
        else:
            found = _read_tolerantly(data, kind)
    except (msgspec.MsgspecError, RecursionError, UnicodeError, ValueError, OverflowError) as error:
        raise RegistryError(
            f"W&B's answer to {what} cannot be understood: {error}",
            hint="Nothing was changed. Its server may be newer or older than this program knows.",
        ) from None
    return found


def _read_tolerantly(data: Any, kind: type[T]) -> T:
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
    steps = [int(step[1:-1]) if step[0] == "[" else step[1:] for step in _PATH_STEPS.findall(place)]
    plain = what.startswith(("Expected `str | null`", "Expected `int | null`"))
    while steps and not (plain or isinstance(steps[-1], int)):
        steps.pop()
    if not steps:
        return False
    for step in steps[:-1]:
        data = data[step]
    value = data[steps[-1]]
    number = isinstance(value, int | float) and not isinstance(value, bool)
    data[steps[-1]] = str(value) if plain and "`str" in what and number else None
    return value is not None


def checked_count(value: int | None) -> int | None:
    """A number of bytes or things; None for what none can be."""
    return value if value is not None and 0 <= value <= LARGEST_COUNT else None


def moment_us(text: str | None) -> int | None:
    """A time in microseconds since 1970 UTC; times without a zone are UTC."""
    if not text:
        return None
    try:
        when = datetime.fromisoformat(text)
        when = when.replace(tzinfo=UTC) if when.tzinfo is None else when
        return (when - _EPOCH) // timedelta(microseconds=1)
    except (ValueError, OverflowError):
        return None


SECOND_US = 1_000_000

HIDDEN_COLLECTION = "a collection that you may not see"
"""Instead of a name that the server keeps to itself."""

UNKNOWN_PLACES = "places that W&B does not tell"
"""Instead of the collections that show a version, where the server says nothing about them."""

HIDDEN_ALIAS = "an alias that you may not see"

TYPE_NAMES = {SequenceKey: "ArtifactSequence", PortfolioKey: "ArtifactPortfolio"}
"""What W&B calls the two kinds of collections."""

_LABEL = re.compile(r"v(\d+)", re.ASCII)
_SYSTEM_TYPES = frozenset({"wandb-history", "job"})
"""Types of which W&B refuses to delete any version."""


def state_of(artifact: Artifact) -> VersionState:
    """Where a version is in its life; an unknown state is that of one that is there."""
    if artifact.state in GONE_STATES:
        return VersionState.TRASH
    return VersionState.PENDING if artifact.state == "PENDING" else VersionState.LIVE


def is_label(alias: str) -> bool:
    """Whether it is a version's own name (`v3`), which W&B lists among the aliases."""
    return _LABEL.fullmatch(alias) is not None


def is_automatic_type(kind: str) -> bool:
    """Whether W&B makes versions of this type itself, and lets none of them expire."""
    return kind.startswith("wandb-") or kind in {"job", "code", "run_table"}


def keep_reason(artifact: Artifact) -> str:
    """Why W&B surely will not delete a version; empty: nothing is known against it."""
    kind = artifact.type
    return f"system-managed: W&B keeps versions of the type {kind}" if kind in _SYSTEM_TYPES else ""


def is_generated(artifact: Artifact) -> bool:
    """Whether W&B made a version by itself: some of these it deletes, others it refuses."""
    kind = artifact.type
    return kind not in _SYSTEM_TYPES and (artifact.is_generated is True or is_automatic_type(kind))


def aliases_of(artifact: Artifact, home: str) -> tuple[Alias, ...]:
    """Every alias, sorted; those not held by the collection `home` (an id) with their scope.

    A row that the server keeps to itself is an alias, too.
    """
    found = {
        Alias(HIDDEN_ALIAS, scope=HIDDEN_COLLECTION)
        if row is None or not row.alias
        else Alias(row.alias, scope=_alias_scope(row, home))
        for row in artifact.aliases or ()
        if row is None or not is_label(row.alias or "")
    }
    return tuple(sorted(found))


def _alias_scope(row: AliasRow, home: str) -> str:
    holder = row.artifact_collection
    if holder is None:
        return HIDDEN_COLLECTION
    return "" if holder.id == home else holder.path or HIDDEN_COLLECTION


def links_of(artifact: Artifact, home: str) -> tuple[Link, ...]:
    """The other collections that show a version, sorted.

    Where the server does not tell them there may be any: one that stands for them is there.
    """
    rows = (row for row in artifact.aliases or () if row is not None)
    holders = [one.artifact_collection for one in memberships_of(artifact.artifact_memberships)]
    holders += [one for row in rows if (one := row.artifact_collection) is not None]
    found = set() if artifact.artifact_memberships is not None else {Link("", UNKNOWN_PLACES)}
    for holder in holders:
        if holder is None:
            found.add(Link("", HIDDEN_COLLECTION))
        elif holder.id != home:
            key = LinkKey(holder.id, artifact.id).key
            found.add(Link(key, holder.path or HIDDEN_COLLECTION))
    return tuple(sorted(found))


def memberships_of(page: Connection[Membership] | None) -> list[Membership]:
    """The rows of a page; those that may not be seen are in a collection that nobody may see."""
    rows = page.rows if page is not None else []
    return [edge.node if edge and edge.node else Membership() for edge in rows]


def collection_key(one: CollectionPlace) -> CollectionKey:
    """The key of a collection; what is not known to hold versions is one of links."""
    series = one.type_name == TYPE_NAMES[SequenceKey]
    return SequenceKey(one.id) if series else PortfolioKey(one.id)


def shown_collection(one: ArtifactCollection, name: str) -> Collection:
    """A collection, under the name that it has here."""
    key = collection_key(one)
    kind = one.default_artifact_type.name if one.default_artifact_type else None
    links = isinstance(key, PortfolioKey)
    return Collection(key.key, name, kind or "", moment_us(one.created_at), links=links)


def shown_version(
    edge: ConnectionEdge[Artifact],
    artifact: Artifact,
    home: CollectionKey,
) -> Version:
    """A version as the collection `home` shows it."""
    link = is_link(artifact, home)
    index = checked_count(artifact.version_index)
    found = _LABEL.fullmatch(edge.version or "")
    own = None if link else index  # that of a link's source is its place elsewhere
    creator = artifact.created_by
    common = {
        "collection_key": home.key,
        "ordinal": int(found[1][:18]) if found else own,
        "label": edge.version or f"v{index or 0}",
        "digest": artifact.digest or "",
        "state": state_of(artifact),
        "size": checked_count(artifact.size),
        "file_count": checked_count(artifact.file_count),
        "created_us": moment_us(artifact.created_at),
        "run": (creator.name or creator.username or "") if creator is not None else "",
        "note": (artifact.description or "")[:NOTE_LIMIT],
        "used_count": checked_count(artifact.used_count),
        "aliases": aliases_of(artifact, home.collection),
        "tags": tuple(sorted({tag.name for tag in artifact.tags or () if tag and tag.name})),
    }
    if link:
        key = LinkKey(home.collection, artifact.id)
        return Version(key.key, **common, source_key=key.source, stored=0)  # type: ignore[arg-type]
    seconds = artifact.ttl_duration_seconds or 0
    return Version(
        SourceKey(artifact.id).key,
        **common,  # type: ignore[arg-type]
        links=links_of(artifact, home.collection),
        stored=checked_count(artifact.storage_bytes),
        kept=keep_reason(artifact),
        generated=is_generated(artifact),
        ttl_us=checked_count(seconds * SECOND_US) or None if seconds > 0 else None,
        ttl_inherited=bool(artifact.ttl_is_inherited),
    )


def is_link(artifact: Artifact, home: CollectionKey) -> bool:
    """Whether a collection only shows a version that was made in another one."""
    own = artifact.artifact_sequence
    return isinstance(home, PortfolioKey) or (own is not None and own.id != home.collection)
