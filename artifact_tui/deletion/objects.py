"""The objects that a deletion leaves in the storage beside a registry, as items of its plan."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import TYPE_CHECKING

from artifact_tui.deletion.draft import Draft, Head, Summary
from artifact_tui.deletion.items import OBJECT, VERSION, Item, Options, Verdict
from artifact_tui.model import Facts, StoredObject, VersionState

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from artifact_tui.clients.base import Storage
    from artifact_tui.model import Identity

PART = 1000
"""Versions asked about at once."""


async def with_storage(draft: Draft, storage: Storage | None) -> Draft:
    """A draft with what its versions leave behind: as items when the options say so, else counted.

    Raises:
        RegistryError: the storage could not be asked.
    """
    options = draft.head.options
    if storage is None:
        return draft
    going = {
        storage.owner(item.key): item
        for item in draft.items
        if item.verdict is Verdict.DELETE and item.kind == VERSION
    }
    going.pop("", None)
    if not going:
        return draft
    found: list[StoredObject] = []
    keys = list(going)
    for start in range(0, len(keys), PART):
        part = keys[start : start + PART]
        found += await storage.objects_of(part, versions=options.storage_versions)
    found = [one for one in found if one.version_key in going]
    place = storage.place
    if not (options.storage or options.storage_versions):
        left = sum(one.size for one in found)
        summary = replace(draft.summary, storage=place, left_objects=len(found), left_bytes=left)
        return replace(draft, summary=summary)
    level = max(item.level for item in draft.items) + 1
    items = tuple(_items(found, len(draft.items) + 1, level, going))
    hidden = not options.storage_versions and await storage.versioned()
    summary = _counted(draft.summary, items, place, markers=hidden)
    summary = replace(summary, for_good=options.storage_versions and bool(items))
    return replace(draft, items=(*draft.items, *items), summary=summary)


@dataclass(slots=True)
class Orphans:
    """What does not fit together between a registry and its storage."""

    objects: list[StoredObject] = field(default_factory=list)
    """Objects that no version refers to, older than the grace period."""
    hidden: list[StoredObject] = field(default_factory=list)
    """Orphans behind delete markers: all stored versions of a name as one, which is not current.

    Only looked for with `versions`.
    """
    young: int = 0
    """Such objects that are younger: an upload may be in progress."""
    missing: tuple[str, ...] = ()
    """Versions, by key, whose object is not there."""
    referred: int = 0
    """Objects that versions refer to."""
    strange: int = 0
    """Objects that fit no pattern."""
    strange_bytes: int = 0
    older_bytes: int = 0
    """Bytes of stored versions that newer ones, or delete markers, hide in what is in use."""


async def find_orphans(
    storage: Storage,
    version_keys: Iterable[str],
    *,
    grace_us: int,
    now_us: int,
    expected: Iterable[str] = (),
    versions: bool = False,
) -> Orphans:
    """Compare a storage with the versions that its registry lists.

    Args:
        storage: listed from beginning to end.
        version_keys: every version of the registry, listed before the storage was.
        grace_us: objects changed less than so many microseconds ago are left alone.
        now_us: the time, UTC.
        expected: those versions that are known to have an object.
        versions: look at every stored version: the bucket keeps them.

    Raises:
        RegistryError: the storage could not be listed to its end.
    """  # fmt: skip
    known = {storage.owner(key) for key in version_keys} - {""}
    found = Orphans()
    seen: set[str] = set()
    alone: list[StoredObject] = []
    last = ""
    after: str | None = None
    while True:
        page = await storage.objects(after, versions=versions)
        for one in page.rows:
            last = one.name if one.current else last
            if not one.version_key:
                found.strange += one.current
                found.strange_bytes += one.size
            elif one.version_key in known:
                seen |= {one.version_key} if one.current else set()
                found.referred += one.current
                found.older_bytes += 0 if one.current else one.size
            elif one.current or one.name != last:  # the current one of a name comes first
                alone.append(one)
        after = page.after
        if after is None:
            break
    for one in _by_name(alone):
        if one.modified_us is None or one.modified_us > now_us - grace_us:
            found.young += 1
        else:
            (found.objects if one.current else found.hidden).append(one)
    found.missing = tuple(sorted(key for key in set(expected) if storage.owner(key) not in seen))
    return found


def _by_name(rows: Iterable[StoredObject]) -> Iterator[StoredObject]:
    """One for each name: as old as its newest stored version, as large as all of them."""
    for _, several in groupby(rows, key=lambda one: one.name):
        versions = list(several)
        newest = max(versions, key=lambda one: (one.modified_us is None, one.modified_us or 0))
        yield replace(newest, size=sum(one.size for one in versions))


def plan_orphans(
    objects: Sequence[StoredObject],
    *,
    identity: Identity,
    name: str,
    place: str,
    markers: bool,
    production: bool = False,
    read_only: bool = False,
    empty: bool = False,
    now_us: int,
    actor: str = "",
) -> Draft:
    """A plan of nothing but stored objects that no version refers to; `empty` as in `Options`.

    Each is deleted only if the registry still has no such version then.
    """
    head = Head(
        id=uuid.uuid4().hex, identity=identity, registry=name,
        options=Options(storage=True, empty_registry=empty),
        created_us=now_us, facts_us=now_us, actor=actor, query="orphans",
        production=production, read_only=read_only,
    )  # fmt: skip
    items = tuple(_items(objects, 1, 0, {}))
    summary = Summary(freed_now=not markers, empty_registry=empty)
    summary = _counted(summary, items, place, markers=markers)
    keys = tuple(item.key for item in items)
    return Draft(head, items, summary, keys, {})


def _items(
    found: Sequence[StoredObject], first: int, level: int, owners: dict[str, Item]
) -> Iterator[Item]:
    """Items for objects, each with the version that must go before it."""
    for seq, one in enumerate(found, start=first):
        owner = owners.get(one.version_key)
        yield Item(
            seq=seq,
            level=level,
            key=one.key,
            collection=one.version_key,
            label=one.name,
            type=owner.type if owner else "",
            size=one.size,
            facts=Facts(
                one.key,
                one.etag,
                VersionState.LIVE,
                collection=one.version_key,
                label=one.name,
                type=owner.type if owner else "",
            ),
            verdict=Verdict.DELETE,
            kind=OBJECT,
            belongs=owner.seq if owner else None,
        )


def _counted(summary: Summary, items: Sequence[Item], place: str, *, markers: bool) -> Summary:
    size = sum(item.size or 0 for item in items)
    return replace(
        summary,
        items=summary.items + len(items),
        deletes=summary.deletes + len(items),
        listed=summary.listed + size,
        freed=summary.freed + (0 if markers else size),
        storage=place,
        objects=len(items),
        object_bytes=size,
        markers=markers,
    )
