"""What every client must do, and what it may do: the one interface between us and a registry.

A client is thin. It turns one registry's protocol into pages of collections, versions and lineage
edges, and carries out deletions one batch at a time. It keeps no state about deletions, knows no
screen, never retries a deletion by itself and never decides whether something may be deleted: it
is told exactly which versions, with which consents. `artifact_tui.testing` is this page as a test
suite.

A kind of registry overrides what it can do, and nothing else: `Client.can` looks whether a method
is overridden. Errors: every method may raise `RegistryError` (nothing can be said about the
registry right now) or `BusyError` (someone holds a lock; trying again may work). Writing methods
raise `ReadOnlyError` before anything is sent when the client was opened with `read_only`. What
concerns one item never raises: it is that item's `Outcome`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple, Protocol

from artifact_tui.config import NO_SETTINGS, read_settings
from artifact_tui.errors import RegistryError, UsageError
from artifact_tui.model import Holders, Outcome, Result, VersionState

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    import msgspec

    from artifact_tui.model import (
        Alias,
        CollectionDeletion,
        Creation,
        Deletion,
        Edit,
        Facts,
        File,
        FsckReport,
        Garbage,
        Identity,
        Kept,
        Lineage,
        Listed,
        LocalFile,
        NewVersion,
        Page,
        Recipe,
        StoredObject,
    )


class Transport:
    """What a client's connection does now; where there is no network, nothing."""

    def pace(self) -> str:
        """What limits its speed now: "16 at once, 35 ms" or "W&B asks to wait 23 s"; may be empty.

        It begins with a digit unless the registry holds us back.
        """
        return ""

    def silence(self) -> float:
        """Seconds since the last answer, where one call may bring many; else infinite."""
        return math.inf

    def waits(self) -> bool:
        """Whether nothing is on its way now: every call only waits, as the registry asked.

        Then a call may be given up without leaving anything on its way.
        """
        return False

    def scrub(self, text: str) -> str:
        """A text without the secrets that must not be kept with what the registry said."""
        return text


class Client:
    """One open connection to one registry. Methods may be called concurrently.

    Every kind has `identity`, and says in `tells` and `edits` what its registry keeps. The other
    attributes have defaults that are right for a small registry.
    """

    identity: Identity
    """Which registry this is."""

    read_only: bool = False
    """Whether every writing method raises `ReadOnlyError`."""

    catalog_path: Path | None = None
    """The SQLite file that already holds the tables of `model.sql`; None: it is synced first."""

    tells: frozenset[str] = frozenset()
    """What its listing tells, of `aliases`, `tags`, `lineage`, `links`, `ttl`, and `trash`."""

    edits: frozenset[str] = frozenset()
    """What `edit` changes, of `aliases`, `tags`, `ttl`; `inherit`: a TTL from above; `protection`.

    It is not asked for anything else.
    """

    scanned_types: tuple[str, ...] = ()
    """Types of which every version must be asked for its lineage before dependents are known.

    For registries that tell only parents; where there are none, `lineage` tells dependents.
    """

    never_whole: frozenset[str] = frozenset()
    """Keys of collections that `delete_collection` refuses whatever is in them."""

    holding_types: frozenset[str] = frozenset()
    """Types of which one never goes without its dependents: they are in it, and go with it."""

    batch_delete: int = 1
    """How many versions one `delete` call may carry."""

    unsure_answers: bool = False
    """An answer to a deletion proves nothing: only a look at the version afterwards does."""

    accepted_s: float = 120.0
    """Seconds without progress after which what was ACCEPTED, and is still there, is given up."""

    transport: Transport = Transport()
    """What its connection does now."""

    frees: bool = True
    """Whether a deletion frees bytes at all, sooner or later; else only `storage` does."""

    freeing: str = ""
    """When the registry frees the bytes of what was deleted, for people; empty: `gc` does it."""

    # what it can do

    def can(self, what: str, of_type: str = "") -> bool:
        """Whether it can do what a method of this class is for, such as `restore`.

        With a type: for collections of that type, and what is in them.
        """
        mine, default = getattr(type(self), what), getattr(Client, what)
        return mine is not default and not self.cannot(what, of_type)

    def cannot(self, what: str, of_type: str = "") -> str:
        """Why this connection, or its registry, cannot do something: words for people.

        With a type, also why not for that type. Empty where it can, and where there is nothing to
        say about it.
        """
        del what, of_type
        return ""

    @property
    def unwritable(self) -> str:
        """Why nothing can be changed here, whatever the user asks: words for people, or empty."""
        return ""

    def restores(self, types: Iterable[str]) -> bool:
        """Whether versions of collections of these types can all be brought back."""
        return self.can("restore") and all(self.can("restore", one) for one in types)

    def needs_objects(self, version: Facts) -> bool:
        """Whether a version may need its stored objects: it lives, or can be brought back."""
        return version.state is not VersionState.TRASH or self.can("restore", version.type)

    @property
    def tells_dependents(self) -> bool:
        """Whether `lineage` tells what was made from a version, and not only from what it was."""
        return self.can("lineage") and not self.scanned_types

    # reading

    def listing(self) -> AsyncGenerator[Listed, None]:
        """Everything there is, in parts, which may come in any order; read with `async for`.

        Rows that somebody deletes meanwhile may be missing, and no others. A listing that is empty,
        or short, because something is broken is an error, or not `complete`. What has control
        characters in a key is left out of the catalog.
        """
        raise NotImplementedError

    @property
    def notices(self) -> tuple[str, ...]:
        """Whole sentences about the connection or the last listing; they may quote the registry."""
        return ()

    async def files(self, version_key: str) -> tuple[File, ...]:
        """The files of one version, by path; `NotFoundError` when there is no such version.

        Of a registry that does not tell what is in a version, none.
        """
        del version_key
        return ()

    async def local_files(self, version_key: str) -> Mapping[str, LocalFile]:
        """Where the files of one version lie on this machine, by path, for `OwnClient.keep`.

        Raises:
            NotFoundError: there is no such version.
            SourceError: the bytes of one of its files are not here.
        """
        raise NotImplementedError

    async def facts(self, keys: Sequence[str]) -> Mapping[str, Facts]:
        """What is true of these versions now. Versions that are gone are left out.

        Names are told as the listing tells them: a plan is held to what it showed.
        `NotToldError` when the registry would not tell about one of them, and may about others.
        """
        raise NotImplementedError

    async def lineage(self, keys: Sequence[str], *, parents: bool = False) -> Mapping[str, Lineage]:
        """What a registry tells of the lineage of these versions when it is asked.

        Versions that are gone, and those the registry would not tell about, are left out. With
        `scanned_types` only parents are told; else dependents, and `parents` when asked for.
        """
        del keys, parents
        return {}

    async def sizes(self, keys: Sequence[str]) -> Mapping[str, int]:
        """The bytes of these versions, where the listing does not tell them.

        Versions that are gone, and those the registry would not tell about, are left out.
        """
        del keys
        return {}

    async def in_use(self, keys: Sequence[str]) -> Holders:
        """Which processes hold files of these versions open, where deleting them takes the bytes.

        For kinds whose files lie on this machine; `facts` tells the same in `used_by`.
        """
        del keys
        return Holders()

    async def trashed_aliases(self, keys: Sequence[str]) -> Mapping[str, tuple[Alias, ...]]:
        """The aliases that versions in the trash had, by key; those without any are left out."""
        del keys
        return {}

    def neighbour(self, collection: str) -> tuple[str, str] | None:
        """The address of another registry that has a collection, and its name there.

        `collection` is written as in `Alias.scope` and `Link.name`; None when it is kept from us.
        """
        del collection
        return None

    async def check(self) -> tuple[str, ...]:
        """What is found at its address, in whole sentences: which version of it, what it can do.

        Raises when it cannot be reached.
        """
        raise NotImplementedError

    # deleting

    async def delete(self, deletions: Sequence[Deletion]) -> Sequence[Outcome]:
        """Delete these versions (softly, where the registry can), at most `batch_delete` of them.

        Returns one outcome for each, in the same order. A protected alias, an alias without
        `delete_aliases`, or a live dependent without `orphan_dependents` is REFUSED by the
        registry itself where it can, and the message names the alias. A token that no longer fits
        is CHANGED. What the registry lets wait until after `until` is not sent, and WAITED. A
        version that is already in the trash is ABSENT. `deleted_by` is recorded where the registry
        can.
        """
        raise NotImplementedError

    async def restore(self, keys: Sequence[str]) -> Sequence[Outcome]:
        """Bring versions back from the trash, with those of their aliases that are still free.

        DONE (the message says which aliases could not come back), or ABSENT.
        """
        return [Outcome(key, Result.REFUSED, "this registry restores nothing") for key in keys]

    async def purge(self, keys: Sequence[str]) -> Sequence[Outcome]:
        """Remove versions in the trash for good. A live version is REFUSED, a missing ABSENT."""
        return [Outcome(key, Result.REFUSED, "this registry purges nothing") for key in keys]

    async def collect_garbage(self, *, grace_us: int, dry_run: bool) -> Garbage:
        """Free the bytes that no version needs. No version is changed.

        Objects that became unneeded less than `grace_us` microseconds ago are left for later.
        """
        del grace_us, dry_run
        raise RegistryError("This registry collects no garbage.", hint=self.freeing)

    async def collection_facts(self, collection_key: str) -> Mapping[str, Facts] | None:
        """What is true now of every version in a collection, those in the trash left out.

        None when there is no such collection (any more).
        """
        raise NotImplementedError

    async def collection_name(self, collection_key: str) -> str:
        """What a collection is called now, as the listing has it; empty: there is none."""
        raise NotImplementedError

    async def delete_collection(self, deletion: CollectionDeletion) -> Outcome:
        """Delete a collection with all that is in it; of a collection of links only the links.

        The outcome's key is the collection's. DONE, UNLINKED (links only), ABSENT, REFUSED,
        WAITED, FAILED or UNKNOWN, as in `delete`. `collection_facts` and `collection_name` go with
        it.
        """
        raise NotImplementedError

    def goes_along(self, collection_key: str) -> str:
        """The key of a version elsewhere that `delete_collection` deletes too, or empty.

        `Facts.goes_with` of that version is the collection.
        """
        del collection_key
        return ""

    async def reset(self) -> None:
        """Delete everything; `RegistryError` when it was not done, or nobody knows."""
        raise NotImplementedError

    def storage(self) -> Storage | None:
        """Where the registry leaves objects behind; None when that is not configured.

        It is closed with the client.
        """
        return None

    # changing

    async def edit(self, edits: Sequence[Edit]) -> Sequence[Outcome]:
        """Change aliases, tags and times to live; one outcome for each edit, in the same order.

        DONE (the message says what else changed, such as from which version an alias moved),
        ABSENT, REFUSED in the registry's words, FAILED or UNKNOWN. Removing what is not there is
        DONE. `ReadOnlyError` as for every writing method.
        """
        return [Outcome(one.key, Result.REFUSED, "this registry changes nothing") for one in edits]

    # the connection

    def recall(self, keys: Sequence[str]) -> None:
        """An earlier connection may have deleted these, which would else look like an outage."""

    async def aclose(self) -> None:
        """Release everything; the client may not be used afterwards."""


class MakingClient(Client):
    """A registry that makes entries from a source address: what was deleted can be made again."""

    async def recipe(self, keys: Sequence[str], *, quick: bool = False) -> Mapping[str, Recipe]:
        """What is needed to make these versions again; those that are gone are left out.

        With `quick` nothing is sent: only what the registry has told already.
        """
        raise NotImplementedError

    async def create(self, kind: str, name: str, url: str) -> Creation:
        """Make an entry of a type.

        `UncertainError` when nobody knows whether it was made.
        """
        raise NotImplementedError

    async def entries(self) -> Mapping[str, Recipe]:
        """Everything that is listed now, by version key, as the listing describes it."""
        raise NotImplementedError

    async def entry(self, key: str) -> Recipe:
        """One entry in its own words.

        `NotFoundError` when there is none, `NotToldError` when the registry does not tell about it
        (yet).
        """
        raise NotImplementedError


class OwnClient(Client):
    """A registry that this program keeps itself, such as a folder: filled, emptied and checked."""

    async def add(
        self, source: Path, new: NewVersion, *, progress: Callable[[int, int], None] | None = None
    ) -> str:
        """Add a file or a folder as the next version of a collection; gives its key.

        `progress` is called, from any thread, with the bytes read so far and in all.

        Raises:
            UsageError: it cannot be stored under this name, or the collection has another type.
            NotFoundError: a version that it was made from is not there.
            RegistryError: the registry cannot take it. In every case nothing was added.
        """
        raise NotImplementedError

    async def keep(
        self,
        files: Mapping[str, LocalFile],
        new: NewVersion,
        *,
        progress: Callable[[int, int], None] | None = None,
    ) -> Kept:
        """Add files of another registry as the next version of a collection.

        Their bytes are shared where the file system can. Progress and errors are those of `add`.
        """
        raise NotImplementedError

    async def export(self, key: str, dest: Path) -> None:
        """Write the files of a version into a new or empty folder, checked on the way.

        Raises:
            NotFoundError: there is no such version.
            UsageError: there is something at `dest`.
            RegistryError: bytes are missing or cannot be written; nothing is left at `dest`.
        """
        raise NotImplementedError

    async def fsck(self, *, repair: bool = False, verify: bool = False) -> FsckReport:
        """Look for damage; `verify` reads every byte, `repair` mends what cannot lose anything."""
        raise NotImplementedError


class Place(NamedTuple):
    """Where a registry may be: nobody has looked whether there is one."""

    address: str
    why: str
    """What points to it, in a few words: `$HF_HOME`, `usual place`."""
    usual: bool = False
    """Nothing here says that there is one: worth no word where there is none."""


class Glance(NamedTuple):
    """What a look at the disk tells of a registry; None is not known."""

    size: int | None = None
    """Bytes that it takes: shared ones once."""
    versions: int | None = None


class Kind:
    """What an entry point of the group `artifact_tui.clients` provides: `name`, `claims`, `open`.

    A place is the same text for every address of one registry: its `Identity.uid`.
    """

    name: str
    """The entry-point name, as in `Identity.kind`."""

    forms: str = ""
    """How its addresses look, for people: `https://HOST/api`."""

    about: str = ""
    """What else `registries add --help` says of its addresses and credentials; and examples."""

    fallback: bool = False
    """Other kinds are asked first whether an address is theirs."""

    reclaimable: str = ""
    """The filter of what may go without a loss, such as what no name leads to; empty: nothing."""

    def claims(self, address: str) -> bool:
        """Whether an address such as `local:PATH` or `https://…` is of this kind."""
        return address.startswith(f"{self.name}:")

    def advice(self, address: str) -> str:
        """What to type instead of an address that looks like one of its own; else empty."""
        del address
        return ""

    def canonical(self, address: str) -> str:
        """The one way to write an address, the same in every environment: a path is whole."""
        return address

    def place(self, address: str) -> str:
        """The place of an address: one text, however the address is spelled.

        The configuration finds what it protects by this. A path is whole, and links are followed.
        """
        return address

    def folders(self, address: str) -> Sequence[Path]:
        """The folders or files here that hold the registry at an address; none: it is remote.

        No link is followed and no disk is touched: one of them may hang.
        """
        del address
        return ()

    def places(self, environ: Mapping[str, str]) -> Iterable[Place]:
        """Where registries of this kind may be, by environment variables and usual places.

        No disk but the home folder's is touched, and nothing is sent: `complete` may ask for what
        an address lacks.
        """
        del environ
        return ()

    async def complete(self, address: str) -> str:
        """The address that opens, for one of `places` of which only the registry knows the rest.

        Raises:
            RegistryError: the registry cannot be asked.
            UsageError: there is nothing to ask it with.
        """
        return address

    def places_of_others(self) -> Iterable[Place]:
        """Where other accounts of this machine have registries that can be read; nothing is sent.

        Disks are touched, and one may hang: it is asked in a process of its own.
        """
        return ()

    def glance(self, address: str, settings: Mapping[str, object]) -> Glance | None:
        """What the disk tells of one that takes long to open; None: it is opened and listed.

        Raises:
            NotFoundError: there is no registry at this address.
            RegistryError: it cannot be read.
        """
        del address, settings
        return None

    def short(self, address: str) -> str:
        """What to call the registry at an address that nobody gave a name."""
        return address

    def within(self, place: str, other: str) -> bool:
        """Whether a registry is a part of another one."""
        del place, other
        return False

    def may_show(self, place: str, other: str, settings: Mapping[str, object]) -> bool:
        """Whether opening a registry, with these settings, may list what another one holds.

        What is `within` it is not asked about. Nothing is sent: what cannot be told without asking
        may be so.
        """
        del place, other, settings
        return False

    def settings(self) -> type[msgspec.Struct]:
        """Its settings: names, types, defaults, and what each means: `Annotated[TYPE, MEANING]`."""
        import msgspec  # noqa: PLC0415 - a start without settings does without

        return msgspec.defstruct("NoSettings", [])

    def check(self, settings: Mapping[str, object]) -> None:
        """Refuse settings that this kind does not know, without looking anything up.

        Raises:
            ConfigError: a setting that is unknown, or of another type.
        """
        if settings:
            read_settings(settings, self.settings())

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
        raise NotImplementedError

    def create(self, address: str) -> None:
        """Make an empty registry at an address, if there is none.

        Raises:
            UsageError: none can be made there.
        """
        raise UsageError(
            f"No registry can be made at {address}.",
            hint="Use an address such as local:PATH that is not read-only.",
        )

    def sample(
        self, address: str, *, versions: int, seed: int, progress: Callable[[int, int], None]
    ) -> bool:
        """Make a registry with something of everything in it, to play with.

        False where there is a registry already: it is left as it is. `progress` is called with the
        versions made so far and in all.

        Raises:
            UsageError: none can be made there.
        """
        del versions, seed, progress
        self.create(address)
        return True


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
        """Objects changed less than so many microseconds ago are no orphans; 0: any may be one."""

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

    def expects(self, version_key: str) -> bool:
        """Whether something is missing where a version has no object."""

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
