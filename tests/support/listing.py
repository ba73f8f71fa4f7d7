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
    Listed,
    Relative,
    Version,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence


T = TypeVar("T")


class Listing(Client):
    """The listing half of a client; change its lists between two syncs."""

    def __init__(self, *, page: int = 2) -> None:
        self.identity = Identity("listing", "listing:test", "uid-1")
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

    def _pages(self, name: str, rows: Sequence[T]) -> Iterator[tuple[T, ...]]:
        for start in range(0, len(rows), self.page):
            if start and self.fails_at == name:
                raise RegistryError("The registry went away.")
            yield tuple(rows[start : start + self.page])

    async def listing(self) -> AsyncGenerator[Listed, None]:
        for rows in self._pages("collections", self.listed):
            yield Listed(collections=rows)
        for collection in self.listed:
            for versions in self._pages(collection.key, self.made.get(collection.key, [])):
                told = {v.key: self.contents[v.key] for v in versions if v.key in self.contents}
                yield Listed(versions=versions, files=told)
        for edges in self._pages("edges", self.made_from):
            yield Listed(edges=edges)

    async def files(self, version_key: str) -> tuple[File, ...]:
        if version_key not in self.contents:
            raise NotFoundError("There is no such version.")
        return self.contents[version_key]


async def listed_rows(client: Client) -> list[tuple[Collection, Version | None]]:
    """Every version as it is listed, with its collection; collections without any at the end."""
    collections: dict[str, Collection] = {}
    versions: list[Version] = []
    async for part in client.listing():
        collections |= {one.key: one for one in part.collections}
        versions += part.versions
        assert {one.collection_key for one in part.versions} <= collections.keys()
    full = {one.collection_key for one in versions}
    return [
        *((collections[one.collection_key], one) for one in versions),
        *((one, None) for one in collections.values() if one.key not in full),
    ]


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
