"""A listing while it is read, and after: artifacts in order of arrival, grouped by name.

Passes may be repeated into the same shelf: what is known stays, what an earlier pass missed
(because somebody deleted while it was paging) is added.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Literal

from artifact_tui.clients.http import keys
from artifact_tui.clients.http.decode import digest
from artifact_tui.model import Collection, Version

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from artifact_tui.clients.http.decode import Row
    from artifact_tui.clients.http.keys import Ref
    from artifact_tui.clients.http.listing import Walk


GAPS = 10
"""Counted ids have at most so many numbers for each that is still there."""

SORTED = 10
"""So many ids that rise, or fall, from row to row are no chance: the listing is sorted by them."""

SPREAD = 4
"""Ids of one length that begin in so many ways are random: times and counters begin alike."""


class Shelf:
    """What one or more passes over a listing have found."""

    def __init__(self) -> None:
        self.rows: dict[Ref, Row] = {}
        self.groups: dict[Ref, list[Ref]] = {}
        """Versions by collection, both in order of arrival."""
        self.urls = False
        """Whether the listing's rows carry source addresses."""
        self._ordinals: dict[Ref, int | None] = {}
        self._counted = True
        """Whether all ids so far are numbers that grow."""
        self._collections: dict[Ref, Collection] = {}
        self._twins: dict[Ref, list[Row]] = {}
        self._types: dict[str, str] = {}
        self._shared: dict[str, set[str]] = {}

    def put(self, rows: Iterable[Row]) -> list[Row]:
        """Add rows; gives those that are new, or are now known to have a twin."""
        changed: dict[Ref, Row] = {}
        for row in rows:
            ref = row.ref
            known = self.rows.get(ref)
            if known is None:
                self.rows[ref] = changed[ref] = row
                group = self.groups.setdefault(row.collection, [])
                found = keys.number(row.id)
                before = (self._ordinals[group[-1]] or 0) if group else -1
                self._counted = self._counted and found is not None and before < found
                group.append(ref)
                self._ordinals[ref] = found if self._counted else len(group)
                self._share(ref)
                self.urls = self.urls or bool(row.url)
            elif known.name != row.name and row not in self._twins.get(ref, ()):
                self._twins.setdefault(ref, []).append(row)
                changed[ref] = known
        return list(changed.values())

    def settle(self, walk: Walk) -> list[Row]:
        """Know the order of all versions when a pass has ended; gives those where it is another.

        Until then they are counted ids as long as these grow, and else in their places.
        """
        places: dict[Ref, int] = {}
        for ref in walk.order:
            if ref in self.rows:
                places.setdefault(ref, len(places))
        order = self._order(list(places), whole=walk.whole)
        changed = []
        for refs in self.groups.values():
            refs.sort(key=lambda ref: places.get(ref, len(places)))
            for at, ref in enumerate(refs, start=1):
                ordinal = {"number": keys.number(ref.id), "place": at}.get(order)
                if self._ordinals[ref] != ordinal:
                    self._ordinals[ref] = ordinal
                    changed.append(self.rows[ref])
        return changed

    def _order(self, listed: list[Ref], *, whole: bool) -> Literal["number", "place", "unknown"]:
        """What tells which of two versions is newer: their numbers, their places, or nothing.

        All known servers list what was made later further down; so numbers that rise there are
        counters, or do no harm. Numbers with few gaps are counters too, but where their order is
        another than the listing's, one of the two is not by age, and nobody knows which. A listing
        that is sorted by random ids tells nothing.
        """
        if whole and _by_random_ids([ref.id for ref in listed]):
            return "unknown"
        numbers = {ref: found for ref in listed if (found := keys.number(ref.id)) is not None}
        if not listed or len(numbers) < len(listed):
            return "place" if whole else "unknown"
        counted = max(numbers.values()) - min(numbers.values()) <= GAPS * len(numbers)
        if not whole:
            return "number" if counted else "unknown"
        if all(
            _rises([numbers[ref] for ref in refs if ref in numbers]) for refs in self._by(listed)
        ):
            return "number"
        falls = len(listed) >= SORTED and _rises([numbers[ref] for ref in reversed(listed)])
        return "unknown" if counted or falls else "place"

    def _by(self, listed: list[Ref]) -> Iterable[list[Ref]]:
        """What was listed, by collection."""
        found: dict[Ref, list[Ref]] = {}
        for ref in listed:
            found.setdefault(self.rows[ref].collection, []).append(ref)
        return found.values()

    def _share(self, ref: Ref) -> None:
        first = self._types.setdefault(ref.id, ref.type)
        if first != ref.type:
            self._shared.setdefault(ref.id, {first}).add(ref.type)

    def has_id(self, identifier: str) -> bool:
        """Whether any artifact, of whatever type, has this id."""
        return identifier in self._types

    def any_type(self, identifier: str) -> Ref | None:
        """An artifact with this id, of whatever type."""
        kind = self._types.get(identifier)
        return None if kind is None else keys.Ref(kind, identifier)

    def types_of(self, identifier: str) -> set[str]:
        """The types under which an id is listed, when there is more than one."""
        return self._shared.get(identifier, set())

    def twins(self, ref: Ref) -> list[Row]:
        """Further entries with the same type and id; they are deleted together."""
        return self._twins.get(ref, [])

    def digest(self, ref: Ref) -> str:
        """What identifies a version's content, its twins' included."""
        if ref not in self._twins:
            return digest(self.rows[ref], with_url=self.urls)
        rows = [self.rows[ref], *sorted(self.twins(ref))]
        return keys.fingerprint(*(digest(row, with_url=self.urls) for row in rows))

    def collection(self, row: Row) -> Collection:
        """The collection of an artifact."""
        ref = row.collection
        found = self._collections.get(ref)
        if found is None:
            found = self._collections[ref] = Collection(ref.key, row.name, row.type)
        return found

    def version(self, row: Row) -> Version:
        """An artifact as a version."""
        ref = row.ref
        twins = self.twins(ref)
        note = ""
        if twins:
            names = ", ".join(twin.name for twin in twins[:3])
            note = f"{len(twins)} more entries share this id and go with it: {names}"
        return Version(
            key=ref.key,
            collection_key=self.collection(row).key,
            ordinal=self._ordinals[ref],
            label=row.id,
            digest=self.digest(ref),
            note=note,
        )

    def versions(self, collection: Ref) -> Iterator[Version]:
        """The versions of a collection, oldest first where that is known."""
        refs = self.groups.get(collection, [])
        for ref in sorted(refs, key=lambda ref: self._ordinals[ref] or 0):
            yield self.version(self.rows[ref])


def _by_random_ids(ids: list[str]) -> bool:
    """Whether a listing is sorted by ids that have nothing to do with age."""
    alike = len({len(one) for one in ids}) == 1
    if len(ids) < SORTED or not alike or len({one[0] for one in ids if one}) < SPREAD:
        return False
    numbers = [found for one in ids if (found := keys.number(one)) is not None]
    if len(numbers) == len(ids) and max(numbers) - min(numbers) <= GAPS * len(numbers):
        return False
    return ids in (sorted(ids), sorted(ids, reverse=True))


def _rises(numbers: list[int]) -> bool:
    """Whether each is larger than the one before."""
    return all(before < after for before, after in pairwise(numbers))
