"""Orphans: what does not fit together between a registry and the storage beside it.

An object is an orphan when no version has its name *and* the registry, asked about that very name,
knows nothing by it: a listing may be old, or tell another type than the storage does. What is
younger than the grace period is left alone, because its upload may still be running.
Nothing here deletes: `plan_of` makes a plan of objects, which is reviewed and applied like any.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from artifact_tui.clients.base import HasStorage
from artifact_tui.deletion.objects import PART, find_orphans, plan_orphans
from artifact_tui.deletion.target import storage_of
from artifact_tui.errors import EmptyError, RegistryError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

    from artifact_tui.clients.base import Client, Storage
    from artifact_tui.deletion.draft import Draft
    from artifact_tui.deletion.objects import Orphans
    from artifact_tui.model import Identity, StoredObject

NO_BUCKET = "no bucket is configured for it"

_LIVE = """
SELECT v.key, c.name, v.label, c.type FROM version v JOIN collection c ON c.id = v.collection_id
WHERE v.state <> 'trash' ORDER BY c.type, c.name, v.ordinal"""


@dataclass(frozen=True, slots=True)
class Known:
    """One version that the catalog lists. Names are untrusted text."""

    key: str
    collection: str
    label: str
    type: str

    @property
    def name(self) -> str:
        """`COLLECTION:LABEL`."""
        return f"{self.collection}:{self.label}"


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found when storage and registry were compared."""

    place: str
    """The storage, for people: bucket and pattern."""
    at_us: int
    grace_us: int
    versioned: bool
    """The bucket keeps versions: deleting an object only hides it."""
    objects: tuple[StoredObject, ...] = ()
    """The orphans, largest first."""
    young: int = 0
    """Objects without a version that are younger than the grace period."""
    claimed: int = 0
    """Objects that no listed version has, but that the registry answered for when asked."""
    referred: int = 0
    """Objects that versions refer to."""
    missing: tuple[Known, ...] = ()
    """Versions whose object is not there, of types that have objects at all."""
    hidden: tuple[StoredObject, ...] = ()
    """Orphans behind delete markers, each with the bytes of all its stored versions."""
    older_bytes: int | None = 0
    """Bytes of older stored versions of what is in use; None: they could not be listed."""
    strange: int = 0
    """Objects where the pattern begins that do not fit it."""
    strange_bytes: int = 0
    elsewhere: int = 0
    """Objects elsewhere in the bucket, as far as they were counted."""
    counted: bool = True
    """All of them were."""
    empty: bool = False
    """The registry listed nothing, and was said to be really empty."""
    without: tuple[tuple[str, int], ...] = ()
    """Types of which no version has an object, with how many there are: nothing is missing."""

    @property
    def size(self) -> int:
        """Bytes of the orphans."""
        return sum(one.size for one in self.objects)

    @property
    def every(self) -> tuple[StoredObject, ...]:
        """All orphans, those behind delete markers last."""
        return (*self.objects, *self.hidden)

    @property
    def hidden_size(self) -> int:
        """Bytes behind delete markers."""
        return sum(one.size for one in self.hidden)


@dataclass(frozen=True, slots=True)
class Chosen:
    """Orphans that somebody picked to be deleted."""

    objects: tuple[StoredObject, ...]
    findings: Findings


def storage_for(client: Client) -> Storage:
    """The storage beside a registry.

    Raises:
        RegistryError: none is configured; the message says so.
    """
    storage = storage_of(client)
    if storage is None:
        why = why_none(client)
        raise RegistryError(
            f"Nothing is known of a storage beside {client.identity.address}: {why}.",
            hint='Add bucket = "NAME" to the registry\'s table in the configuration.'
            if why == NO_BUCKET
            else "There is nothing to clean from here.",
        )
    return storage


def why_none(client: Client) -> str:
    """Why there can be no orphans here; empty when there can."""
    if client.catalog_path is not None:
        return "a local registry keeps its own bytes: gc frees them"
    if not isinstance(client, HasStorage):
        return "this registry keeps its own bytes"
    return "" if client.capabilities.storage_cleanup else NO_BUCKET


def known_versions(conn: sqlite3.Connection) -> tuple[Known, ...]:
    """Every version of a catalog that is not in the trash."""
    return tuple(Known(*row) for row in conn.execute(_LIVE))


async def look(
    client: Client,
    storage: Storage,
    versions: Sequence[Known],
    *,
    now_us: int,
    grace_us: int | None = None,
    empty: bool = False,
) -> Findings:
    """Compare a storage with the versions of a catalog, and ask the registry about each doubt.

    Args:
        client: the registry.
        storage: what lies beside it.
        versions: all that the registry lists.
        now_us: the time, UTC.
        grace_us: instead of the storage's own.
        empty: a person said that the registry is really empty, should it list nothing.

    Raises:
        EmptyError: the registry lists nothing, and nobody said that it is empty.
        RegistryError: the storage or the registry could not be asked.
    """
    grace = storage.grace_us if grace_us is None else grace_us
    keys = [version.key for version in versions]
    versioned = await storage.versioned()
    found, behind = await _compare(storage, keys, grace, now_us, versioned=versioned)
    elsewhere, counted = await _elsewhere(storage)
    missing, without = by_type(versions, frozenset(found.missing))
    asked = [one.version_key for one in (*found.objects, *found.hidden)]
    try:
        there, believed = await _there(client, [*asked, *(one.key for one in missing)]), False
    except EmptyError:
        if not empty:
            raise
        there, believed = set[str](), True
    objects = [one for one in found.objects if one.version_key not in there]
    hidden = [one for one in found.hidden if one.version_key not in there]
    return Findings(
        place=storage.place,
        at_us=now_us,
        grace_us=grace,
        versioned=versioned,
        objects=tuple(sorted(objects, key=lambda one: (-one.size, one.name))),
        hidden=tuple(sorted(hidden, key=lambda one: (-one.size, one.name))),
        young=found.young,
        claimed=len(asked) - len(objects) - len(hidden),
        referred=found.referred,
        older_bytes=found.older_bytes if behind else None,
        strange=found.strange,
        strange_bytes=found.strange_bytes,
        elsewhere=elsewhere,
        counted=counted,
        empty=believed,
        missing=tuple(one for one in missing if one.key in there),
        without=without,
    )


async def _compare(
    storage: Storage, keys: Sequence[str], grace_us: int, now_us: int, *, versioned: bool
) -> tuple[Orphans, bool]:
    """What does not fit together; and whether what delete markers hide could be looked at."""
    call = partial(find_orphans, storage, keys, grace_us=grace_us, now_us=now_us, expected=keys)
    if versioned:
        try:
            return await call(versions=True), True
        except RegistryError:  # listing versions is a permission of its own
            return await call(), False
    return await call(), True


async def _elsewhere(storage: Storage) -> tuple[int, bool]:
    """How many objects lie elsewhere in the bucket; none where only a prefix may be listed."""
    try:
        return await storage.elsewhere()
    except RegistryError:
        return 0, True


async def _there(client: Client, keys: Iterable[str]) -> set[str]:
    """Those versions that the registry has, asked now."""
    asked = sorted(set(keys))
    found: set[str] = set()
    for start in range(0, len(asked), PART):
        found |= set(await client.facts(asked[start : start + PART]))
    return found


def by_type(
    versions: Sequence[Known], missing: frozenset[str]
) -> tuple[tuple[Known, ...], tuple[tuple[str, int], ...]]:
    """Versions without an object; and the types of which none has one, with how many there are.

    Many servers store the bytes of models only: their datasets miss nothing.
    """
    every = Counter(version.type for version in versions)
    lacking = Counter(version.type for version in versions if version.key in missing)
    none = {kind for kind, count in lacking.items() if count == every[kind]}
    without = tuple(sorted((kind, every[kind]) for kind in none))
    found = (one for one in versions if one.key in missing and one.type not in none)
    return tuple(found), without


async def plan_of(
    storage: Storage,
    objects: Sequence[StoredObject],
    findings: Findings,
    *,
    identity: Identity,
    name: str,
    production: bool,
    read_only: bool,
    now_us: int,
    actor: str,
    for_good: bool = False,
) -> Draft:
    """A plan of nothing but these orphans; with `for_good`, of every stored version of them.

    What delete markers hide can only go for good.

    Raises:
        RegistryError: the stored versions could not be listed.
    """
    for_good = for_good or any(not one.current for one in objects)
    for_good = for_good and findings.versioned
    if for_good:
        objects = await _every_version(storage, objects)
    draft = plan_orphans(
        objects,
        identity=identity,
        name=name,
        place=findings.place,
        markers=findings.versioned and not for_good,
        production=production,
        read_only=read_only,
        empty=findings.empty,
        now_us=now_us,
        actor=actor,
    )
    if not for_good:
        return draft
    options = replace(draft.head.options, storage_versions=True)
    head = replace(draft.head, options=options)
    return replace(draft, head=head, summary=replace(draft.summary, for_good=bool(objects)))


async def _every_version(
    storage: Storage, objects: Sequence[StoredObject]
) -> tuple[StoredObject, ...]:
    """Every stored version and delete marker of these objects, and of no others."""
    names = {one.name for one in objects}
    keys = sorted({one.version_key for one in objects})
    found: list[StoredObject] = []
    for start in range(0, len(keys), PART):
        found += await storage.objects_of(keys[start : start + PART], versions=True)
    return tuple(one for one in found if one.name in names)
