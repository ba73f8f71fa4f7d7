"""A listing while it is read, and after: artifacts in order of arrival, grouped by name.

Passes may be repeated into the same shelf: what is known stays, what an earlier pass missed
(because somebody deleted while it was paging) is added.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifact_tui.clients.http import keys
from artifact_tui.clients.http.decode import digest
from artifact_tui.model import Collection, Version

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from artifact_tui.clients.http.decode import Row
    from artifact_tui.clients.http.keys import Ref


class Shelf:
    """What one or more passes over a listing have found."""

    def __init__(self) -> None:
        self.rows: dict[Ref, Row] = {}
        self.groups: dict[Ref, list[Ref]] = {}
        """Versions by collection, both in order of arrival."""
        self.urls = False
        """Whether the listing's rows carry source addresses."""
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
                self.groups.setdefault(row.collection, []).append(ref)
                self._share(ref)
                self.urls = self.urls or bool(row.url)
            elif known.name != row.name and row not in self._twins.get(ref, ()):
                self._twins.setdefault(ref, []).append(row)
                changed[ref] = known
        return list(changed.values())

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
            ordinal=keys.ordinal(row.id),
            label=row.id,
            digest=self.digest(ref),
            note=note,
        )

    def versions(self, collection: Ref) -> Iterator[Version]:
        """The versions of a collection, oldest first as far as ids and arrival tell."""
        refs = self.groups.get(collection, [])
        for ref in sorted(refs, key=_age):
            yield self.version(self.rows[ref])


def _age(ref: Ref) -> int:
    """Counted ids by number; others after them, in order of arrival (sorting is stable)."""
    return min(keys.ordinal(ref.id), keys.ORDINAL_LIMIT)
