"""What every client must do: the one interface between us and a registry.

A client is thin. It turns one registry's protocol into pages of collections, versions and lineage
edges, and carries out deletions one batch at a time. It keeps no state, knows no screen, never
retries a deletion by itself and never decides whether something may be deleted: it is told exactly
which versions, with which consents. `tests/contract` is this page as a test suite.

Errors: every method may raise `RegistryError` (nothing can be said about the registry right now)
or `BusyError` (someone holds a lock; trying again may work). Writing methods raise
`ReadOnlyError` before anything is sent when the client was opened with `read_only`.
What concerns one item never raises: it is that item's `Outcome`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from artifact_tui.model import (
        Capabilities,
        Collection,
        Deletion,
        Edge,
        Facts,
        File,
        Garbage,
        Identity,
        Outcome,
        Page,
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
        """What is true of these versions now. Versions that are gone are left out."""

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
        """Move expired versions to the trash and free the bytes that no version needs.

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

    def open(self, address: str, *, read_only: bool, actor: str = "") -> Client:
        """Open a registry; `actor` is recorded with what is deleted through the client.

        Raises:
            NotFoundError: there is no registry at this address.
            RegistryError: it is there but cannot be used; nothing was changed.
        """
