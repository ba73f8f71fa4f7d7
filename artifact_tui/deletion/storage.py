"""The storage beside a registry: what a deletion leaves there, and orphans, as items of a plan.

An object is an orphan when no version has its name *and* the registry, asked about that very name,
knows nothing by it but what was deleted and cannot be restored: a listing may be old, or tell
another type than the storage does. What is younger than the grace period is left alone, because
its upload may still be running.
Nothing here deletes: a plan of objects is reviewed and applied like any.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING

from artifact_tui.catalog import connect
from artifact_tui.catalog.catalog_file import plain_errors
from artifact_tui.deletion.confirmation import Confirmation, typeable
from artifact_tui.deletion.draft_items import DraftItems, Owner
from artifact_tui.deletion.items import OBJECT, Item, Options, Verdict
from artifact_tui.deletion.plan import Draft, Summary
from artifact_tui.errors import EmptyError, RegistryError
from artifact_tui.model import Facts, StoredObject, VersionState
from artifact_tui.text import duration, fit, safe, size

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from artifact_tui.clients.base import Client, Storage
    from artifact_tui.deletion.plan import Head
    from artifact_tui.deletion.review import ReviewRequest, ReviewSource


STORAGE_PART = 1000
"""Versions asked about at once."""


async def with_storage(draft: Draft, storage: Storage | None) -> Draft:
    """A draft with what its versions leave behind: as items when the options say so, else counted.

    Raises:
        RegistryError: the storage could not be asked.
    """
    options, items = draft.head.options, draft.items
    if storage is None:
        return draft
    level = await asyncio.to_thread(items.note_owners, storage.owner)
    if level is None:
        return draft
    included = options.storage or options.storage_versions
    number, size, after = 0, 0, 0
    while part := await asyncio.to_thread(items.owners, after, STORAGE_PART):
        after = part[-1].number
        owners = {one.name: one for one in part}
        listed = await storage.objects_of(list(owners), versions=options.storage_versions)
        found = [one for one in listed if one.version_key in owners]
        number += len(found)
        size += sum(one.size for one in found)
        if included:
            objects = [_object_item(one, level + 1, owners[one.version_key]) for one in found]
            await asyncio.to_thread(items.add_objects, objects)
    place = storage.place
    if not included:
        summary = replace(draft.summary, storage=place, left_objects=number, left_bytes=size)
        return replace(draft, summary=summary)
    hidden = not options.storage_versions and await storage.versioned()
    summary = _with_objects_counted(draft.summary, number, size, place, markers=hidden)
    summary = replace(summary, for_good=options.storage_versions and number > 0)
    return replace(draft, summary=summary)


def _object_item(one: StoredObject, level: int, owner: Owner | None = None) -> Item:
    """The item of an object, with the version that must go before it."""
    kind = owner.type if owner else ""
    return Item(
        seq=0,
        level=level,
        key=one.key,
        collection=one.version_key,
        label=one.name,
        type=kind,
        size=one.size,
        facts=Facts(
            one.key,
            one.etag,
            VersionState.LIVE,
            collection=one.version_key,
            label=one.name,
            type=kind,
        ),
        verdict=Verdict.DELETE,
        kind=OBJECT,
        belongs=owner.seq if owner else None,
    )


def _with_objects_counted(
    summary: Summary, number: int, size: int, place: str, *, markers: bool
) -> Summary:
    return replace(
        summary,
        items=summary.items + number,
        deletes=summary.deletes + number,
        listed=summary.listed + size,
        freed=summary.freed + (0 if markers else size),
        storage=place,
        subject_objects=number,
        objects=number,
        object_bytes=size,
        markers=markers,
    )


NO_BUCKET = "no bucket is configured for it"

_LIVE_VERSIONS = """
SELECT v.key, c.name, v.label, c.type FROM version v JOIN collection c ON c.id = v.collection_id
WHERE v.state <> 'trash' ORDER BY c.type, c.name, v.ordinal"""


@dataclass(frozen=True, slots=True)
class ListedVersion:
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
class OrphanFindings:
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
    missing: tuple[ListedVersion, ...] = ()
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


OrphanRow = StoredObject | ListedVersion
"""One finding: an object without an artifact, or an artifact without its object."""

LABEL = 14
"""Cells that the label of a group takes at most."""


@dataclass(frozen=True, slots=True)
class OrphanGroup:
    """Findings of one kind; label and words are safe."""

    id: str
    label: str
    count: int | None
    """None where only the words tell something."""
    words: str
    rows: tuple[OrphanRow, ...] = ()


def orphan_groups(found: OrphanFindings) -> Iterator[OrphanGroup]:
    """What was found, in groups; empty ones are left out but those of orphans and of the rest."""
    words = f"{size(found.size)} that no artifact refers to"
    if found.versioned:
        words += "; the bucket keeps versions, so that a plain deletion frees nothing"
    if not found.objects:
        words = "no object is without its artifact"
    yield OrphanGroup("orphans", "orphans", len(found.objects), words, found.objects)
    if found.hidden:
        words = f"{size(found.hidden_size)} still stored behind delete markers:"
        words += " deleted for good only"
        yield OrphanGroup("hidden", "behind markers", len(found.hidden), words, found.hidden)
    if found.missing:
        words = "artifacts in the registry whose object is not there: they cannot be downloaded"
        yield OrphanGroup("missing", "object missing", len(found.missing), words, found.missing)
    yield from _groups_left_alone(found)
    if found.empty:
        words = "the registry lists nothing, and was said to be really empty"
        yield OrphanGroup("empty", "empty registry", None, words)
    words = f"objects with their artifact, in {safe(found.place)}"
    yield OrphanGroup("referred", "in use", found.referred, words)
    for kind, count in found.without:
        words = f"no {safe(kind)} has an object there, so none is missing"
        yield OrphanGroup(f"without-{kind}", fit(safe(kind), LABEL), count, words)


def _groups_left_alone(found: OrphanFindings) -> Iterator[OrphanGroup]:
    """Objects that no plan of orphans takes, and why."""
    if found.young:
        period = duration(found.grace_us)
        words = f"without an artifact, but younger than {period}: an upload may be running"
        yield OrphanGroup("young", "left alone", found.young, words)
    if found.claimed:
        words = "not in the list, but the registry answered for them when it was asked"
        yield OrphanGroup("claimed", "claimed", found.claimed, words)
    if found.older_bytes is None:
        words = "what delete markers hide may not be listed here"
        yield OrphanGroup("unknown", "not known", None, words)
    elif found.older_bytes:
        words = f"{size(found.older_bytes)} in older versions of what is in use"
        yield OrphanGroup("older", "older", None, words)
    if found.strange:
        words = f"where the pattern begins, {size(found.strange_bytes)}, that do not fit it"
        yield OrphanGroup("strange", "no pattern", found.strange, words)
    if found.elsewhere:
        words = f"{'' if found.counted else 'and more '}elsewhere in the bucket"
        yield OrphanGroup("elsewhere", "elsewhere", found.elsewhere, words)


def orphan_words(row: OrphanRow) -> str:
    """What is wrong with one finding, in whole sentences; safe."""
    if isinstance(row, ListedVersion):
        return (
            "The registry has this artifact; its object is not in the storage."
            f" Its key is {safe(row.key)}."
        )
    hidden = "" if row.current else "Hidden behind a delete marker, and still stored. "
    asked = f"No artifact {safe(row.version_key)} is in the registry: it was asked for that one."
    return hidden + asked


EMPTY_WHY = (
    "The registry answers and lists nothing at all: so it does when it was emptied, and when its"
    " own storage fails. Everything in the bucket that fits its pattern would be taken as left"
    " over."
)
"""Why a registry that lists nothing is believed only when a person says that it is empty."""


def empty_confirmation(name: str) -> Confirmation:
    """What must be typed to say that the registry `name` is really empty."""
    return Confirmation(
        expected=typeable(name) or "empty",
        verbs=("compare", "compared"),
        then="if it is really empty",
        why=EMPTY_WHY,
    )


@dataclass(frozen=True, slots=True)
class ChosenOrphans:
    """Orphans that somebody picked to be deleted."""

    objects: tuple[StoredObject, ...]
    findings: OrphanFindings


def require_storage(client: Client) -> Storage:
    """The storage beside a registry.

    Raises:
        RegistryError: none is configured; the message says so.
    """
    storage = client.storage()
    if storage is None:
        why = why_no_storage(client)
        raise RegistryError(
            f"Nothing is known of a storage beside {client.identity.address}: {why}.",
            hint='Add bucket = "NAME" to the registry\'s table in the configuration.'
            if why == NO_BUCKET
            else "There is nothing to clean from here.",
        )
    return storage


def why_no_storage(client: Client) -> str:
    """Why there can be no orphans here; empty when there can."""
    if client.catalog_path is not None:
        return "a local registry keeps its own bytes: gc frees them"
    if client.can("storage"):
        return ""
    return client.cannot("storage") or "this registry keeps its own bytes"


async def compare(
    source: ReviewSource, *, now_us: int, grace_us: int | None = None, empty: bool = False
) -> OrphanFindings:
    """Compare a storage with what its registry lists, and ask the registry about each doubt.

    Args:
        source: the registry, with its catalog.
        now_us: the time, UTC.
        grace_us: instead of the storage's own.
        empty: a person said that the registry is really empty, should it list nothing.

    Raises:
        EmptyError: the registry lists nothing, and nobody said that it is empty.
        RegistryError: the storage or the registry could not be asked, or there is no storage.
    """
    client = source.client
    storage = require_storage(client)

    def listed() -> tuple[ListedVersion, ...]:
        with closing(connect(source.catalog_path, mapped=False)) as conn, plain_errors(conn):
            return tuple(ListedVersion(*row) for row in conn.execute(_LIVE_VERSIONS))

    versions = await asyncio.to_thread(listed)
    grace = storage.grace_us if grace_us is None else grace_us
    versioned = await storage.versioned()
    call = partial(_list_orphans, storage, versions, grace_us=grace, now_us=now_us)
    try:
        found = await call(versioned=versioned)
    except RegistryError:
        if not versioned:
            raise
        found = await call(versioned=False)  # listing versions is a permission of its own
        found = replace(found, versioned=True, older_bytes=None)
    with suppress(RegistryError):  # where only a prefix may be listed
        elsewhere, counted = await storage.elsewhere()
        found = replace(found, elsewhere=elsewhere, counted=counted)
    doubts = sorted({one.version_key for one in found.every} | {one.key for one in found.missing})
    there: set[str] = set()
    try:
        for start in range(0, len(doubts), STORAGE_PART):
            found_now = await client.facts(doubts[start : start + STORAGE_PART])
            there |= {key for key, one in found_now.items() if client.needs_objects(one)}
    except EmptyError:
        if not empty:
            raise
        there, found = set(), replace(found, empty=True)
    objects = tuple(one for one in found.objects if one.version_key not in there)
    hidden = tuple(one for one in found.hidden if one.version_key not in there)
    return replace(
        found,
        objects=objects,
        hidden=hidden,
        claimed=len(found.every) - len(objects) - len(hidden),
        missing=tuple(one for one in found.missing if one.key in there),
    )


async def _list_orphans(
    storage: Storage,
    versions: Sequence[ListedVersion],
    *,
    grace_us: int,
    now_us: int,
    versioned: bool,
) -> OrphanFindings:
    """List a storage from beginning to end, every stored version of it where it is `versioned`.

    An orphan is what none of these versions refers to, which were listed before the storage is.
    """
    known = {storage.owner(one.key) for one in versions} - {""}
    seen: set[str] = set()
    alone: list[StoredObject] = []
    referred = strange = strange_bytes = older_bytes = 0
    last, after = "", None
    while True:
        page = await storage.objects(after, versions=versioned)
        for one in page.rows:
            last = one.name if one.current else last
            if not one.version_key:
                strange += one.current
                strange_bytes += one.size
            elif one.version_key in known:
                seen |= {one.version_key} if one.current else set()
                referred += one.current
                older_bytes += 0 if one.current else one.size
            elif one.current or one.name != last:  # the current one of a name comes first
                alone.append(one)
        after = page.after
        if after is None:
            break
    orphans = list(_by_name(alone))
    before = now_us - grace_us
    old = [
        one
        for one in orphans
        if not grace_us or (one.modified_us is not None and one.modified_us <= before)
    ]
    old.sort(key=lambda one: (-one.size, one.name))
    # Many servers store the bytes of some types only: others miss nothing.
    lacking = [
        one for one in versions if storage.owner(one.key) not in seen and storage.expects(one.key)
    ]
    every = Counter(one.type for one in versions)
    lost = Counter(one.type for one in lacking)
    without = sorted((kind, count) for kind, count in lost.items() if count == every[kind])
    return OrphanFindings(
        place=storage.place,
        at_us=now_us,
        grace_us=grace_us,
        versioned=versioned,
        objects=tuple(one for one in old if one.current),
        hidden=tuple(one for one in old if not one.current),
        young=len(orphans) - len(old),
        referred=referred,
        missing=tuple(one for one in lacking if lost[one.type] < every[one.type]),
        older_bytes=older_bytes,
        strange=strange,
        strange_bytes=strange_bytes,
        without=tuple(without),
    )


def _by_name(rows: Iterable[StoredObject]) -> Iterator[StoredObject]:
    """One for each name: as old as its newest stored version, as large as all of them."""
    for _, several in groupby(rows, key=lambda one: one.name):
        stored = list(several)
        newest = max(stored, key=lambda one: (one.modified_us is None, one.modified_us or 0))
        yield replace(newest, size=sum(one.size for one in stored))


async def draft_of_orphans(
    chosen: ChosenOrphans, request: ReviewRequest, head: Head, storage: Storage
) -> Draft:
    """A draft of nothing but the orphans that were chosen; they go for good where that is agreed.

    What delete markers hide can only go for good. Each is deleted only if the registry still has no
    such version then.

    Raises:
        RegistryError: the stored versions could not be listed.
    """
    found, objects = chosen.findings, chosen.objects
    every = request.options.storage_versions or any(not one.current for one in objects)
    for_good = found.versioned and every
    if for_good:  # every stored version and delete marker of these, and of no others
        names, stored = {one.name for one in objects}, list[StoredObject]()
        keys = sorted({one.version_key for one in objects})
        for start in range(0, len(keys), STORAGE_PART):
            stored += await storage.objects_of(keys[start : start + STORAGE_PART], versions=True)
        objects = tuple(one for one in stored if one.name in names)
    options = Options(storage=True, storage_versions=for_good, empty_registry=found.empty)
    head = replace(head, options=options)
    items = await asyncio.to_thread(
        DraftItems.of_objects, [_object_item(one, 0) for one in objects], head
    )
    markers = found.versioned and not for_good
    summary = Summary(
        freed_now=not markers, empty_registry=found.empty, for_good=for_good and bool(objects)
    )
    size = sum(one.size for one in objects)
    summary = _with_objects_counted(summary, len(items), size, found.place, markers=markers)
    return Draft(head, items, summary, request)
