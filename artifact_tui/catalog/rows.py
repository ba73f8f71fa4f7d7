"""Frozen rows that the catalog answers with.

Times are microseconds UTC, sizes bytes, None is "not known". Names, labels, runs and notes are
untrusted text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from artifact_tui.catalog.coverage import COMPLETE, Coverage

if TYPE_CHECKING:
    from artifact_tui.model import Alias, File, VersionState
    from artifact_tui.query import Query


@dataclass(frozen=True, slots=True)
class Totals:
    """A whole registry; `collections` are those with a version that is not in the trash."""

    collections: int
    versions: int
    size: int | None
    """None when the size of no version is known."""
    trash_versions: int
    trash_size: int
    stored: int | None = None
    """What the registry charges for all of it; None where it tells that of none."""

    def among(self, query: Query) -> int:
        """How many versions a filter chooses from: those in the trash too, if it names a state."""
        return self.versions + self.trash_versions * ("state" in query.fields)


@dataclass(frozen=True, slots=True)
class CollectionRow:
    """One collection; every number is of its versions that match the filter."""

    id: int
    key: str
    name: str
    type: str
    versions: int
    size: int | None
    """None when the size of none of them is known."""
    newest_us: int | None
    marked: int
    links: bool = False
    """It holds only links: its size is shown, but its bytes are those of the sources."""
    stored: int | None = None
    """What the registry charges for them; None where it tells that of none."""

    def weight(self, *, charged: bool) -> int | None:
        """Its bytes: those that the registry charges, or those listed."""
        return self.stored if charged else self.size


@dataclass(frozen=True, slots=True)
class VersionRow:
    """One version as a list shows it."""

    id: int
    key: str
    collection_id: int
    collection: str
    type: str
    label: str
    ordinal: int
    digest: str
    size: int | None
    created_us: int | None
    used_us: int | None
    expires_us: int | None
    ttl_us: int | None
    state: VersionState
    run: str
    file_count: int | None
    deleted_us: int | None
    deleted_by: str
    dependents: int
    """Live versions made directly from it, looking through those in the trash."""
    marked: bool
    aliases: tuple[Alias, ...] = ()
    ttl_inherited: bool = False
    """Its TTL, or that it has none, comes from the collection or team."""
    source_key: str | None = None
    """Set on a link: the version it shows."""
    used_count: int | None = None
    """How many runs used it."""
    stored: int | None = None
    """Bytes that the registry charges for it."""
    kept: str = ""
    """Why the registry will never delete it: untrusted text."""
    generated: bool = False
    """The registry made it by itself, and may refuse to delete it."""
    lineage_known: bool = True
    """False where dependents have to be asked for and nobody did: `dependents` is the least."""
    links: tuple[str, ...] = ()
    """Other collections that show it, in full, sorted."""
    source: str = ""
    """`COLLECTION:LABEL` of what a link shows, where that is listed here."""

    @property
    def link(self) -> bool:
        """Whether it only shows a version of another collection."""
        return self.source_key is not None

    def weight(self, *, charged: bool) -> int | None:
        """Its bytes: those that the registry charges, or those listed."""
        return self.stored if charged else self.size


@dataclass(frozen=True, slots=True)
class VersionRef:
    """A version named by another one."""

    id: int
    """0 for one that is not listed here."""
    key: str
    collection: str
    label: str
    state: VersionState
    aliases: tuple[Alias, ...] = ()

    @property
    def elsewhere(self) -> bool:
        """Whether it is of a collection that is not listed here: only its name is known."""
        return self.id == 0


@dataclass(frozen=True, slots=True)
class DependentRef:
    """One line of the tree of dependents; direct ones have depth 1."""

    depth: int
    ref: VersionRef


@dataclass(frozen=True, slots=True)
class VersionDetail:
    """Everything about one version."""

    row: VersionRow
    note: str
    tags: tuple[str, ...]
    unique: int | None
    """Bytes that only this version holds."""
    parents: tuple[VersionRef, ...]
    dependents: tuple[DependentRef, ...]
    """Live, direct and through others, each once, in the order of a walk down the tree."""
    dependents_total: int
    """All of them, up to `detail.COUNTED`."""
    dependents_capped: bool
    """Whether there are more than `dependents_total`."""
    files: tuple[File, ...]
    """The first by path, at most `detail.FILES`."""
    files_total: int
    used_us: int | None
    coverage: Coverage = COMPLETE
    """How far lineage was scanned: until that is complete there may be more dependents."""
    lineage_known: bool = True
    """False where this version, or one of `dependents`, was not asked for its own yet."""


@dataclass(frozen=True, slots=True)
class Bytes:
    """What the picked versions weigh, and what is freed when all of them are gone."""

    listed: int
    """Their sizes added up; shared bytes count once for each, those of links not at all."""
    freed: int
    """Bytes of the objects that no other version needs."""
    unknown_count: int
    """Versions of which neither the files nor the charge is told; they add nothing to `freed`."""
    charged: bool = False
    """Whether `freed` holds what the registry charges, where bytes of files are not known."""
