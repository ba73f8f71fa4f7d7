"""The objects that a deletion leaves in the storage beside a registry, as items of its plan."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
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
    going = {
        item.key: item
        for item in draft.items
        if item.verdict is Verdict.DELETE and item.kind == VERSION
    }
    if storage is None or not going:
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


@dataclass(frozen=True, slots=True)
class Orphans:
    """What does not fit together between a registry and its storage."""

    objects: tuple[StoredObject, ...]
    """Objects that no version refers to, older than the grace period."""
    young: int
    """Such objects that are younger: an upload may be in progress."""
    missing: tuple[str, ...]
    """Versions, by key, whose object is not there."""
    referred: int
    """Objects that versions refer to."""

    @property
    def size(self) -> int:
        """Bytes of the orphans."""
        return sum(one.size for one in self.objects)


async def find_orphans(
    storage: Storage,
    version_keys: Iterable[str],
    *,
    grace_us: int,
    now_us: int,
    expected: Iterable[str] = (),
) -> Orphans:
    """Compare a storage with the versions that its registry lists.

    Args:
        storage: listed from beginning to end.
        version_keys: every version of the registry, listed before the storage was.
        grace_us: objects changed less than so many microseconds ago are left alone.
        now_us: the time, UTC.
        expected: those versions that are known to have an object.

    Raises:
        RegistryError: the storage could not be listed to its end.
    """  # fmt: skip
    known = set(version_keys)
    objects: list[StoredObject] = []
    seen: set[str] = set()
    young = referred = 0
    after: str | None = None
    while True:
        page = await storage.objects(after)
        for one in page.rows:
            if one.version_key in known:
                seen.add(one.version_key)
                referred += 1
            elif one.modified_us is None or one.modified_us > now_us - grace_us:
                young += 1
            else:
                objects.append(one)
        after = page.after
        if after is None:
            break
    missing = tuple(sorted(set(expected) - seen))
    return Orphans(tuple(objects), young, missing, referred)


def plan_orphans(
    objects: Sequence[StoredObject],
    *,
    identity: Identity,
    name: str,
    place: str,
    markers: bool,
    production: bool = False,
    read_only: bool = False,
    now_us: int,
    actor: str = "",
) -> Draft:
    """A plan of nothing but stored objects that no version refers to.

    Each is deleted only if the registry still has no such version then.
    """
    head = Head(
        id=uuid.uuid4().hex, identity=identity, registry=name, options=Options(storage=True),
        created_us=now_us, facts_us=now_us, actor=actor, query="orphans",
        production=production, read_only=read_only,
    )  # fmt: skip
    items = tuple(_items(objects, 1, 0, {}))
    summary = _counted(Summary(freed_now=not markers), items, place, markers=markers)
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
