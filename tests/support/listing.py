"""A registry that only lists: lists in memory, in pages as small as a test wants."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from artifact_tui.clients.base import Client
from artifact_tui.errors import NotFoundError, RegistryError
from artifact_tui.model import (
    Collection,
    Edge,
    File,
    Identity,
    Lineage,
    Page,
    Relative,
    Version,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


T = TypeVar("T")


class Listing(Client):
    """The listing half of a client; change its lists between two syncs."""

    def __init__(self, *, page: int = 2, lineage: bool = True) -> None:
        self.identity = Identity("listing", "listing:test", "uid-1")
        self.tells = frozenset({"lineage"}) if lineage else frozenset()
        self.page = page
        self.listed: list[Collection] = []
        self.made: dict[str, list[Version]] = {}
        self.made_from: list[Edge] = []
        self.contents: dict[str, tuple[File, ...]] = {}
        self.fails_at: str | None = None
        """The collection key, or `edges`, whose second page is not answered."""

    def collection(self, *names: str) -> Listing:
        """List collections; the key is the name."""
        self.listed += [Collection(name, name, "model") for name in names]
        return self

    def version(self, collection: str, ordinal: int, **facts: object) -> Version:
        """List a version; its key is `COLLECTION/ORDINAL` unless told otherwise."""
        known: dict[str, object] = {
            "key": f"{collection}/{ordinal}",
            "label": f"v{ordinal}",
            "digest": "d",
            "created_us": ordinal,
        }
        made = Version(collection_key=collection, ordinal=ordinal, **{**known, **facts})  # type: ignore[arg-type]
        self.made.setdefault(collection, []).append(made)
        return made

    def _page(self, name: str, rows: Sequence[T], after: str | None) -> Page[T]:
        start = int(after or 0)
        if start and self.fails_at == name:
            raise RegistryError("The registry went away.")
        end = start + self.page
        return Page(tuple(rows[start:end]), str(end) if end < len(rows) else None)

    async def collections(self, after: str | None = None) -> Page[Collection]:
        return self._page("collections", self.listed, after)

    async def versions(self, collection_key: str, after: str | None = None) -> Page[Version]:
        return self._page(collection_key, self.made.get(collection_key, []), after)

    async def edges(self, after: str | None = None) -> Page[Edge]:
        return self._page("edges", self.made_from, after)

    async def files(self, version_key: str) -> tuple[File, ...]:
        if version_key not in self.contents:
            raise NotFoundError("There is no such version.")
        return self.contents[version_key]


class Telling(Listing):
    """A registry that lists no lineage, but tells it of versions that it is asked about."""

    def __init__(self, *, page: int = 2) -> None:
        super().__init__(page=page)
        self.below: dict[str, tuple[str, ...] | None] = {}
        """The nearest live versions made from each; None is not told."""
        self.above: dict[str, tuple[str, ...]] = {}
        self.questions: list[list[str]] = []
        self.breaks_at: int | None = None
        """How many questions are answered before the registry goes away."""

    async def lineage(self, keys: Sequence[str], *, parents: bool = False) -> Mapping[str, Lineage]:
        if len(self.questions) == self.breaks_at:
            raise RegistryError("The registry went away.")
        self.questions.append(list(keys))
        told = {key: self.below.get(key, ()) for key in keys}
        return {
            key: Lineage(
                dependents=tuple(Relative(one, f"in/{one}:v1") for one in below),
                parents=tuple(
                    Relative(one, f"in/{one}:v1") for one in self.above.get(key, ()) if parents
                ),
            )
            for key, below in told.items()
            if below is not None
        }
