"""Frozen value types that every room shares, and who is at work now.

Times are whole microseconds since 1970-01-01 UTC; sizes are whole bytes; `None` means
"this registry does not say". A *key* is the registry's own immutable identifier, opaque to us.
Names, labels and notes are untrusted text: show them only through `artifact_tui.text.safe`.

A version and a file are structs of msgspec, and no dataclasses: a listing makes millions of them,
each in a tenth of the time. `msgspec.structs.replace` makes others of them.
"""

from __future__ import annotations

import getpass
import math
import socket
import time
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from importlib.resources import files as _resource_files
from typing import TYPE_CHECKING, Generic, TypeVar

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

T = TypeVar("T")


class VersionState(StrEnum):
    """Where a version is in its life."""

    LIVE = "live"
    TRASH = "trash"
    """Soft-deleted: restorable until it is purged."""
    PENDING = "pending"
    """Announced, but its bytes are not complete yet."""

    @classmethod
    def _missing_(cls, value: object) -> VersionState:  # noqa: ARG003 - whatever it is
        """Read any other stored text as pending: nobody can say that such a version is complete."""
        return cls.PENDING


@dataclass(frozen=True, slots=True)
class Identity:
    """Which registry this is, so that a plan can never be applied to another one.

    `uid` is stable for the life of the registry (local: a UUID made with it; remote: server
    address and account), `kind` is the client's entry-point name, `address` is what a user types.
    """

    kind: str
    address: str
    uid: str


@dataclass(frozen=True, slots=True)
class Collection:
    """A named series of versions of one type."""

    key: str
    name: str
    type: str
    created_us: int | None = None
    links: bool = False
    """It holds only links to versions of other collections: deleting it deletes no source."""


@dataclass(frozen=True, slots=True, order=True)
class Alias:
    """A movable name on a version."""

    name: str
    protected: bool = False
    scope: str = ""
    """What else holds it; empty: the version itself.

    Another collection, which shows the version: it loses the alias when the version goes. Or
    `COLLECTION:LABEL`, another version of the same collection, of which this one is a part: that
    keeps the alias, and lacks the part.
    """

    def of_whole(self, collection: str) -> bool:
        """Whether another version has it, of which the one in this collection is a part."""
        return self.scope.startswith(f"{collection}:")


@dataclass(frozen=True, slots=True, order=True)
class Link:
    """Another collection that shows a version; deleting the version breaks the link."""

    key: str
    """The link's own version key, where that collection is listed."""
    name: str
    """The collection in full: untrusted text."""


TTL_INHERIT = -1
"""As an `Edit.ttl_us`: take the TTL of the collection or team."""

TTL_OFF = -2
"""As an `Edit.ttl_us`: never expire."""


class Version(msgspec.Struct, frozen=True, gc=False):
    """One immutable state of a collection."""

    key: str
    collection_key: str
    ordinal: int | None
    """Position in its collection, growing with time; None where the registry tells no order."""
    label: str
    digest: str
    state: VersionState = VersionState.LIVE
    size: int | None = None
    file_count: int | None = None
    created_us: int | None = None
    used_us: int | None = None
    run: str = ""
    """Who made it: a run, a job or a user, in the registry's own words."""
    note: str = ""
    ttl_us: int | None = None
    """Time to live, counted from `created_us`."""
    ttl_inherited: bool = False
    """The time to live (or that there is none) comes from the collection or team."""
    deleted_us: int | None = None
    deleted_by: str = ""
    source_key: str | None = None
    """Set on a link: the version it shows."""
    links: tuple[Link, ...] = ()
    """Other collections that show this version (never set on a link itself)."""
    used_count: int | None = None
    """How many runs used it."""
    stored: int | None = None
    """Bytes that the registry charges for it, which is less than `size` where bytes are shared."""
    kept: str = ""
    """Why the registry will not delete it, whoever asks: system-managed, say. Untrusted text."""
    generated: bool = False
    """The registry made it by itself, and may refuse to delete it."""
    aliases: tuple[Alias, ...] = ()
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class Edge:
    """Lineage: the child version was made from the parent version (both are version keys)."""

    parent: str
    child: str


class File(msgspec.Struct, frozen=True, gc=False):  # text and numbers are in no circle
    """One file of a version."""

    path: str
    """Relative, with `/` between parts."""
    size: int
    digest: str
    mode: int = 0o644


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some rows and where to go on; `after` is None on the last page."""

    rows: tuple[T, ...]
    after: str | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """A part of what a registry lists; a version that comes again replaces what came before."""

    collections: tuple[Collection, ...] = ()
    """Each comes before its versions, or with them."""
    versions: tuple[Version, ...] = ()
    """Live and in the trash."""
    edges: tuple[Edge, ...] = ()
    """Lineage between versions of this registry; it may come before them."""
    files: Mapping[str, tuple[File, ...]] = field(default_factory=dict)
    """The files of versions, by key, where they and their digests are told with the listing.

    With them it is known which bytes versions share, and what a deletion really frees.
    """
    held: frozenset[str] | None = None
    """The digests of files whose bytes are not freed, whichever versions go.

    They have hard links outside of the registry, say, or nobody knows who else needs them. Told
    once, at the end; None: not in this part.
    """
    complete: bool = True
    """False: the registry does not list everything, so what is not listed may still be there."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What was reviewed about one version, and what is read again just before its deletion."""

    key: str
    digest: str
    state: VersionState
    aliases: tuple[Alias, ...] = ()
    """Every alias, sorted; those that something else holds carry their scope."""
    dependents: tuple[str, ...] = ()
    """Keys of the nearest live versions made from it, sorted.

    A dependent in the trash does not count, but the live ones made from it do.
    """
    token: str = ""
    """Changes whenever any of the above does; empty where the registry has no such thing."""
    lineage_known: bool = True
    """False where the registry cannot tell dependents: `dependents` is then no answer."""
    source_key: str = ""
    """Set on a link: the version it shows. Its deletion is an unlinking and nothing else."""
    links: tuple[Link, ...] = ()
    """Other collections that show it, sorted: its deletion breaks these links."""
    kept: str = ""
    """As in `Version.kept`."""
    generated: bool = False
    """As in `Version.generated`."""
    collection: str = ""
    """The name of its collection, as the listing has it; empty: not told. Untrusted text."""
    label: str = ""
    """As in `Version.label`, or the name of a stored object; empty: not told."""
    type: str = ""
    """The type of its collection; empty: not told."""
    deleted_us: int | None = None
    """When it went into the trash, where it is there and the registry tells."""
    used_by: tuple[str, ...] = ()
    """As in `Holders.by`, where its bytes go with it: the processes that hold files of it open."""
    goes_with: str = ""
    """The key of another collection: the request that deletes all of that deletes this too."""

    @property
    def name(self) -> str:
        """`COLLECTION:LABEL`, as far as it is told: untrusted text."""
        return f"{self.collection}:{self.label}"


@dataclass(frozen=True, slots=True)
class Holders:
    """Which processes of this machine hold files of versions open."""

    by: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By version key, `PROGRAM (pid NUMBER)` of each: untrusted text. Nobody uses the others.

    A server that tells by itself what it uses is named without a number.
    """
    unseen: bool = False
    """Some processes may not be looked at, such as those of other users: they may use any."""


@dataclass(frozen=True, slots=True, order=True)
class Relative:
    """A live version related by lineage; it may be of a collection that is not listed here."""

    key: str
    name: str
    """`COLLECTION:LABEL`, in full where it is elsewhere: untrusted text."""


GONE = " (deleted)"
"""After the name of a `Relative` that is not there any more."""


@dataclass(frozen=True, slots=True)
class Lineage:
    """What a registry answered about the lineage of one version."""

    dependents: tuple[Relative, ...] = ()
    """The nearest live versions made from it, sorted; deleted ones are looked through."""
    parents: tuple[Relative, ...] = ()
    """The versions it was made from, sorted; only when asked for.

    Those that are gone have `GONE` after their name: the lineage is broken there.
    """
    runs: tuple[str, ...] = ()
    """Runs that used it, in the registry's words, whether or not they made anything."""


@dataclass(frozen=True, slots=True)
class Edit:
    """A change to what is said about one version; what is not set stays as it is."""

    key: str
    add_aliases: tuple[str, ...] = ()
    """An alias that another version of the collection has moves to this one."""
    remove_aliases: tuple[str, ...] = ()
    add_tags: tuple[str, ...] = ()
    remove_tags: tuple[str, ...] = ()
    ttl_us: int | None = None
    """Microseconds from the creation, `TTL_INHERIT`, `TTL_OFF`, or None: unchanged."""
    protect_aliases: tuple[str, ...] = ()
    """Aliases that it has then, and that forbid its deletion from then on."""
    unprotect_aliases: tuple[str, ...] = ()
    """Aliases that it has, and that no longer do so: they may be removed at once."""


@dataclass(frozen=True, slots=True)
class CollectionDeletion:
    """One whole collection to delete, with every version in it."""

    key: str
    delete_aliases: bool = False
    """As in `Deletion`, for every version of it."""
    until: float = math.inf
    """As in `Deletion`."""
    versions: frozenset[str] | None = None
    """The keys of the versions that were reviewed, where that is told: a client that looks at what
    is in it right before refuses where there are others."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What is needed to make an entry of a registry again. Untrusted text."""

    type: str
    name: str
    url: str


@dataclass(frozen=True, slots=True)
class Creation:
    """What a registry answered when it was asked to make an entry."""

    key: str = ""
    """The new version; empty where the registry did not tell."""
    accepted: bool = False
    """It will be made, and is not yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewVersion:
    """A version about to be added to a registry of one's own, but for its files."""

    name: str
    """Its collection, made when it is new."""
    type: str
    """Its type; a collection that is there must have the same."""
    aliases: tuple[str, ...] = ()
    """Taken away from the version that has them now."""
    protected: tuple[str, ...] = ()
    """Those of its aliases that forbid deletion; they need not be named twice."""
    free_aliases: tuple[str, ...] = ()
    """More aliases: those that no version of the collection has, and that may be aliases there."""
    tags: tuple[str, ...] = ()
    parents: tuple[str, ...] = ()
    """Keys of the versions it was made from."""
    ttl_us: int | None = None
    """Counted from its creation."""
    run: str = ""
    """Who made it: a run, a job, a user."""
    note: str = ""
    created_us: int | None = None
    """Now, unless given."""
    used_us: int | None = None
    key: str = ""
    """A new random one unless given (the sample registry repeats its keys)."""


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file on this machine that holds bytes of a version."""

    place: Path
    """The file itself, not a link to it."""
    steady: bool = False
    """Nobody writes into it: it is only ever replaced or removed, so a hard link may share it."""
    digest: str = ""
    """Of the bytes that it must hold, `sha256:…`; empty: not known."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A version that was added to a registry of one's own, and how many bytes came in which way."""

    key: str
    cloned: int = 0
    """They share their blocks with the files they came from until either is written to."""
    linked: int = 0
    """The files have another name now: they are freed with the last of their names."""
    copied: int = 0
    known: int = 0
    """They were there already."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One object in the storage beside a registry."""

    key: str
    """`s3://BUCKET/KEY`, or with `?versionId=ID` one version of it; both parts encoded."""
    name: str
    """The key as its owner wrote it: untrusted text."""
    size: int
    modified_us: int | None
    etag: str = ""
    """Changes with the content."""
    version_key: str = ""
    """The version (of the registry) that it belongs to by its name: `Client.facts` knows the key.

    Several versions may share it (`Storage.owner`); empty for what fits no pattern.
    """
    current: bool = True
    """False for an older version of an object, and for a delete marker."""
    marker: bool = False
    """A delete marker: it holds no bytes."""


@dataclass(frozen=True, slots=True)
class Deletion:
    """One version to delete. The registry must refuse it when `token` no longer fits."""

    key: str
    token: str = ""
    delete_aliases: bool = False
    """The user's consent to lose the aliases that the version carries."""
    orphan_dependents: bool = False
    """The user's consent to leave live dependents without this parent."""
    begun_us: int | None = None
    """When the work that this is a part of began: what goes together is deleted at one moment."""
    until: float = math.inf
    """The moment (`time.monotonic`) after which it must not leave any more: it is WAITED then.

    What was found true of the version before may not be so any more.
    """


class Result(StrEnum):
    """What a registry answered for one item."""

    DONE = "done"
    ABSENT = "absent"
    """It was not there (404)."""
    ACCEPTED = "accepted"
    """It will be done, and is not yet."""
    WAITED = "waited"
    """Nothing was sent: the registry let it wait for so long that it must be looked at again."""
    UNLINKED = "unlinked"
    REFUSED = "refused"
    """The registry will not do it: asking again without a change is pointless."""
    CHANGED = "changed"
    """The token no longer fits: someone changed it since the facts were read."""
    FAILED = "failed"
    """It may work later: nothing was done, as far as the registry says."""
    UNKNOWN = "unknown"
    """No answer: it may or may not have been done."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer for one item of a `delete`, `restore` or `purge` call."""

    key: str
    result: Result
    message: str = ""
    """Why, in the registry's words: untrusted text."""


@dataclass(frozen=True, slots=True)
class Garbage:
    """What a garbage collection did, or would do."""

    expired: int = 0
    """Versions whose TTL has passed. They stay: deleting them takes a plan."""
    blobs: int = 0
    """Stored objects removed because no version needs them."""
    leftovers: int = 0
    """Unfinished files removed that killed adds had left."""
    freed: int = 0
    """Bytes of those objects and files."""
    waiting: int = 0
    """Bytes that nothing needs, but that are younger than the grace period."""
    trash: int = 0
    """Versions in the trash: they need their bytes until they are purged."""


@dataclass(frozen=True, slots=True)
class FsckProblem:
    """One thing that is wrong in a registry."""

    kind: str
    """What is wrong, in a word of the registry's own."""
    what: str
    """The file, or the place in the database: may hold untrusted names."""
    size: int = 0
    """Bytes concerned, where that can be said."""
    detail: str = ""
    """Which versions suffer, or what SQLite said: untrusted text."""
    repaired: bool = False
    harmless: bool = False
    """It costs nobody anything."""


@dataclass(frozen=True, slots=True)
class FsckReport:
    """What a check of a whole registry found."""

    problems: tuple[FsckProblem, ...] = ()
    blobs: int = 0
    """Blobs looked at."""
    size: int = 0
    """Their bytes, as the database says."""
    verified: bool = False
    """Whether every byte was read."""

    @property
    def ok(self) -> bool:
        """Nothing is wrong, or all of it was mended."""
        return all(problem.repaired for problem in self.problems)

    @property
    def harmed(self) -> tuple[FsckProblem, ...]:
        """The problems that cost somebody something: bytes or rows that are missing or wrong."""
        return tuple(one for one in self.problems if not one.repaired and not one.harmless)


@cache
def schema_sql() -> str:
    """The relational form of these types (`model.sql`): the tables every catalog has."""
    return _resource_files("artifact_tui").joinpath("model.sql").read_text(encoding="utf-8")


def now_us() -> int:
    """Microseconds since 1970, UTC."""
    return time.time_ns() // 1000


def actor() -> str:
    """`user@host`, as plans and the trash record it."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        user = "unknown"
    return f"{user}@{socket.gethostname()}"
