"""What every client must do: the one interface between us and a registry.

A client is thin. It turns one registry's protocol into pages of collections, versions and lineage
edges, and carries out deletions one batch at a time. It keeps no state, knows no screen, never
retries a deletion by itself and never decides whether something may be deleted: it is told exactly
which versions, with which consents. `tests/contract` is this page as a test suite.

What only some registries can do is a protocol of its own (`FlatListing`, `LineageScan`,
`AskedLineage`, `CollectionDelete`, `Editable`, `Neighbours`, `Paced`, `Waiting`, `Noticing`,
`Partial`, `Recalling`, `Scrubbing`, `Recreate`, `Resettable`, `Testable`, `HasStorage`):
`isinstance` tells, and `capabilities` where a screen needs to know without a client.

Errors: every method may raise `RegistryError` (nothing can be said about the registry right now)
or `BusyError` (someone holds a lock; trying again may work). Writing methods raise
`ReadOnlyError` before anything is sent when the client was opened with `read_only`.
What concerns one item never raises: it is that item's `Outcome`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

from artifact_tui.config import NO_SETTINGS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from artifact_tui.model import (
        Alias,
        Capabilities,
        Collection,
        CollectionDeletion,
        Creation,
        Deletion,
        Edge,
        Edit,
        Facts,
        File,
        Garbage,
        Identity,
        Lineage,
        Outcome,
        Page,
        Recipe,
        Relative,
        Scan,
        StoredObject,
        Version,
    )


class Client(Protocol):
    """One open connection to one registry. Methods may be called concurrently."""

    @property
    def identity(self) -> Identity:
        """Which registry this is."""

    @property
    def capabilities(self) -> Capabilities:
        """What it can do."""

    @property
    def read_only(self) -> bool:
        """True when every writing method raises `ReadOnlyError`."""

    @property
    def catalog_path(self) -> Path | None:
        """The SQLite file that already holds the tables of `model.sql`, or None: sync first."""

    async def collections(self, after: str | None = None) -> Page[Collection]:
        """The next page of collections, in an order that deletions do not shift."""

    async def versions(self, collection_key: str, after: str | None = None) -> Page[Version]:
        """The next page of one collection's versions (live and in the trash), oldest first.

        An unknown collection gives an empty last page.
        """

    async def edges(self, after: str | None = None) -> Page[Edge]:
        """The next page of lineage edges between versions of this registry."""

    async def files(self, version_key: str) -> tuple[File, ...]:
        """The files of one version, by path; `NotFoundError` when there is no such version."""

    async def facts(self, keys: Sequence[str]) -> Mapping[str, Facts]:
        """What is true of these versions now. Versions that are gone are left out.

        Names are told as the listing tells them: a plan is held to what it showed.
        `NotToldError` when the registry would not tell about one of them, and may about others.
        """

    async def delete(self, deletions: Sequence[Deletion]) -> Sequence[Outcome]:
        """Delete these versions (softly, where the registry can), at most `batch_delete` of them.

        Returns one outcome for each, in the same order. A protected alias, an alias without
        `delete_aliases`, or a live dependent without `orphan_dependents` is REFUSED by the
        registry itself where it can; a token that no longer fits is CHANGED. A version that is
        already in the trash is ABSENT. `deleted_by` is recorded where the registry can.
        """

    async def restore(self, keys: Sequence[str]) -> Sequence[Outcome]:
        """Bring versions back from the trash, with those of their aliases that are still free.

        DONE (the message says which aliases could not come back), or ABSENT.
        """

    async def purge(self, keys: Sequence[str]) -> Sequence[Outcome]:
        """Remove versions in the trash for good. A live version is REFUSED, a missing ABSENT."""

    async def collect_garbage(self, *, grace_us: int, dry_run: bool) -> Garbage:
        """Free the bytes that no version needs. No version is changed.

        Objects that became unneeded less than `grace_us` microseconds ago are left for later.
        """

    async def aclose(self) -> None:
        """Release everything; the client may not be used afterwards."""


class Kind(Protocol):
    """What an entry point of the group `artifact_tui.clients` provides."""

    @property
    def name(self) -> str:
        """The entry-point name, as in `Identity.kind`."""

    def claims(self, address: str) -> bool:
        """Whether an address such as `local:PATH` or `https://…` is of this kind."""

    def check(self, settings: Mapping[str, object]) -> None:
        """Refuse settings that this kind does not know, without looking anything up.

        Raises:
            ConfigError: a setting that is unknown, or of another type.
        """

    def open(
        self,
        address: str,
        *,
        read_only: bool,
        actor: str = "",
        settings: Mapping[str, object] = NO_SETTINGS,
    ) -> Client:
        """Open a registry; `actor` is recorded with what is deleted through the client.

        `settings` is the rest of its table in the configuration, for
        `artifact_tui.config.read_settings`, which reads it and points at mistakes.

        Raises:
            ConfigError: a setting that is unknown or cannot be used.
            NotFoundError: there is no registry at this address.
            RegistryError: it is there but cannot be used; nothing was changed.
        """


@runtime_checkable
class FlatListing(Protocol):
    """A client that lists everything in one pass."""

    async def artifacts(self, after: str | None = None) -> Page[tuple[Collection, Version | None]]:
        """The next page of everything; a version that comes again replaces what came before.

        A collection without versions comes with None.

        `after` may be the same for every page: the client ends a listing that would never end.
        """


@runtime_checkable
class LineageScan(Protocol):
    """A client that learns of dependents only by asking every version for its parents."""

    async def scan(self, after: str | None = None) -> Scan:
        """The next part of the scan; `after` stays good over connections and deletions."""

    async def lineage(self, version_key: str) -> tuple[Relative, ...] | None:
        """The parents of one version, sorted; None when the registry does not tell.

        Those that are gone have `GONE` after their name.
        """


@runtime_checkable
class AskedLineage(Protocol):
    """A client that tells the lineage of versions when one asks for it."""

    async def lineage_of(
        self, keys: Sequence[str], *, parents: bool = False
    ) -> Mapping[str, Lineage]:
        """The lineage of these versions, in batched requests.

        Versions that are gone, and those the registry would not tell about, are left out.
        """


@runtime_checkable
class CollectionDelete(Protocol):
    """A client that deletes a whole collection with one request."""

    async def collection_facts(self, collection_key: str) -> Mapping[str, Facts] | None:
        """What is true now of every version in a collection, those in the trash left out.

        None when there is no such collection (any more).
        """

    async def collection_name(self, collection_key: str) -> str:
        """What a collection is called now, as the listing has it; empty: there is none."""

    async def delete_collection(self, deletion: CollectionDeletion) -> Outcome:
        """Delete a collection with all that is in it; of a collection of links only the links.

        The outcome's key is the collection's. DONE, UNLINKED (links only), ABSENT, REFUSED,
        FAILED or UNKNOWN, as in `Client.delete`.
        """


@runtime_checkable
class Editable(Protocol):
    """A client that can change aliases, tags or times to live; `capabilities` say which."""

    async def edit(self, edits: Sequence[Edit]) -> Sequence[Outcome]:
        """Change aliases, tags and times to live; one outcome for each edit, in the same order.

        DONE (the message says what else changed, such as from which version an alias moved),
        ABSENT, REFUSED in the registry's words, FAILED or UNKNOWN. Removing what is not there is
        DONE. `ReadOnlyError` as for every writing method.
        """


@runtime_checkable
class Neighbours(Protocol):
    """A client whose versions are shown, and named, in collections of other registries."""

    def neighbour(self, collection: str) -> tuple[str, str] | None:
        """The address of the registry that has a collection, and its name there.

        `collection` is written as in `Alias.scope` and `Link.name`; None when it is kept from us.
        """


@runtime_checkable
class Paced(Protocol):
    """A client that can say what limits its speed now."""

    def pace(self) -> str:
        """A few words, such as "16 at once, 35 ms" or "W&B asks to wait 23 s"; may be empty.

        They begin with a digit unless the registry holds us back.
        """

    def silence(self) -> float:
        """Seconds since the last answer: one call may bring many."""


@runtime_checkable
class Waiting(Protocol):
    """A client that can say when a call may be given up without leaving anything on its way."""

    def waits(self) -> bool:
        """Whether nothing is on its way now: every call only waits, as the registry asked."""


@runtime_checkable
class Noticing(Protocol):
    """A client that has something to say about what it lists, or about its connection."""

    @property
    def notices(self) -> tuple[str, ...]:
        """Whole sentences: what the last listing left out, say. They may quote the registry."""


@runtime_checkable
class Partial(Protocol):
    """A client whose registry may not list everything."""

    @property
    def complete(self) -> bool:
        """Whether the last listing had everything: else what it did not show may be there."""


@runtime_checkable
class Recalling(Protocol):
    """A client to which an earlier deletion explains what would else look like an outage."""

    def recall(self, keys: Sequence[str]) -> None:
        """An earlier connection may have deleted these."""


@runtime_checkable
class Scrubbing(Protocol):
    """A client that knows secrets which must not be kept with what the registry said."""

    def scrub(self, text: str) -> str:
        """The text without them."""


@runtime_checkable
class RemembersAliases(Protocol):
    """A client whose registry knows the aliases that versions in the trash had."""

    async def trashed_aliases(self, keys: Sequence[str]) -> Mapping[str, tuple[Alias, ...]]:
        """Aliases by key; versions without any are left out."""


@runtime_checkable
class Recreate(Protocol):
    """A client that can make an entry again."""

    async def recipe(self, keys: Sequence[str], *, quick: bool = False) -> Mapping[str, Recipe]:
        """What is needed to make these versions again; those that are gone are left out.

        With `quick` nothing is sent: only what the registry has told already.
        """

    async def create(self, kind: str, name: str, url: str) -> Creation:
        """Make an entry of a type from a source address.

        `UncertainError` when nobody knows whether it was made.
        """

    async def entries(self) -> Mapping[str, Recipe]:
        """Everything that is listed now, by version key, as the listing describes it."""

    async def entry(self, key: str) -> Recipe:
        """One entry in its own words.

        `NotFoundError` when there is none, `NotToldError` when the registry does not tell about it
        (yet).
        """


@runtime_checkable
class Resettable(Protocol):
    """A client that can delete everything with one request."""

    async def reset(self) -> None:
        """Delete everything; `RegistryError` when it was not done, or nobody knows."""


@runtime_checkable
class Testable(Protocol):
    """A client that can say what it found at its address."""

    async def test(self) -> tuple[str, ...]:
        """Whole sentences: reachable, which version, what it can do. Raises when it is not."""


@runtime_checkable
class HasStorage(Protocol):
    """A client whose registry leaves objects behind in a storage that we were told of."""

    def storage(self) -> Storage | None:
        """The storage; None when none is configured. It is closed with the client."""


class Storage(Protocol):
    """The objects beside a registry: of those, only what fits one pattern is ever deleted.

    Keys are `StoredObject.key`. Methods raise `RegistryError` when nothing can be said; what
    concerns one object is its `Outcome`.
    """

    @property
    def place(self) -> str:
        """Where it is, for people: bucket and pattern."""

    @property
    def grace_us(self) -> int:
        """Objects changed less than so many microseconds ago are no orphans."""

    async def versioned(self) -> bool:
        """Whether deleting an object leaves its bytes behind a delete marker."""

    async def objects(
        self, after: str | None = None, *, versions: bool = False
    ) -> Page[StoredObject]:
        """The next page of current objects where the pattern begins, by name.

        What does not fit the pattern has no `version_key`. With `versions` every stored version
        and delete marker, those of one name together, the current one first; they share a key.
        """

    async def elsewhere(self) -> tuple[int, bool]:
        """How many objects lie outside of where the pattern begins; False: there are more."""

    def owner(self, version_key: str) -> str:
        """What `StoredObject.version_key` is for the objects of a version; empty without any."""

    async def objects_of(
        self, version_keys: Sequence[str], *, versions: bool = False
    ) -> Sequence[StoredObject]:
        """The objects that belong to these versions of the registry, or to these owners.

        With `versions` every stored version and delete marker of them, each with its own key, and
        the markers last.
        """

    async def facts(self, keys: Sequence[str]) -> Mapping[str, Facts]:
        """What is true of these objects now (`digest` is the etag); those gone are left out."""

    async def delete_objects(self, keys: Sequence[str]) -> Sequence[Outcome]:
        """Delete these objects, and nothing else; one outcome for each, in the same order.

        A denied or locked object is REFUSED, one that was not there ABSENT where it can be told.
        """

    async def aclose(self) -> None:
        """Release everything."""
