"""The storage beside a registry, as `clients.base.Storage` says."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from artifact_tui.clients.storage import listing
from artifact_tui.clients.storage import s3 as door
from artifact_tui.clients.storage.deleting import ObjectDeleter
from artifact_tui.clients.storage.keys import Place, parse
from artifact_tui.clients.storage.pattern import Pattern
from artifact_tui.errors import READ_ONLY_HINT, ReadOnlyError
from artifact_tui.model import Facts, Outcome, Page, Result, StoredObject, VersionState

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from artifact_tui.clients.storage.listing import Found
    from artifact_tui.clients.storage.s3 import S3
    from artifact_tui.clients.storage.settings import StorageSettings

T = TypeVar("T")


class S3Storage:
    """The objects of one bucket that fit one pattern. boto3 is loaded at the first request."""

    def __init__(self, settings: StorageSettings, *, read_only: bool = False) -> None:
        """Check the settings; nothing is sent.

        Raises:
            UsageError: the pattern cannot be used.
        """
        self._settings = settings
        self._bucket = settings.bucket
        self._pattern = Pattern(settings.pattern)
        self._read_only = read_only
        self._s3: S3 | None = None
        self._deletes: ObjectDeleter | None = None
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="storage")

    @property
    def place(self) -> str:
        """Bucket and pattern."""
        return f"s3://{self._bucket}/{self._pattern.text}"

    @property
    def grace_us(self) -> int:
        """Objects changed less than so many microseconds ago are no orphans."""
        return self._settings.grace_us

    async def _run(self, work: Callable[[S3], T]) -> T:
        """Work in our thread, with boto3's errors as ours."""

        def job() -> T:
            if self._s3 is None:
                self._s3 = door.connect(self._settings, read_only=self._read_only)
            with door.errors(self._bucket):
                return work(self._s3)

        return await asyncio.get_running_loop().run_in_executor(self._pool, job)

    async def versioned(self) -> bool:
        """Whether a plain deletion only puts a delete marker over an object."""
        return await self._run(partial(door.keeps_versions, bucket=self._bucket))

    async def objects(
        self, after: str | None = None, *, versions: bool = False
    ) -> Page[StoredObject]:
        """The next page of what is stored where the pattern begins, by name."""
        page = listing.version_page if versions else listing.page
        look = partial(page, bucket=self._bucket, prefix=self._pattern.prefix, after=after)
        rows, after = await self._run(look)
        return Page(tuple(self._stored(row) for row in rows), after)

    async def elsewhere(self) -> tuple[int, bool]:
        """How many current objects lie outside of where the pattern begins, as far as counted."""
        prefix = self._pattern.prefix
        if not prefix:
            return 0, True
        return await self._run(partial(listing.elsewhere, bucket=self._bucket, prefix=prefix))

    def owner(self, version_key: str) -> str:
        """What `StoredObject.version_key` is for the objects of a version; empty without any."""
        found = self._pattern.owner_of(version_key)
        return found.key if found else ""

    async def objects_of(
        self, version_keys: Sequence[str], *, versions: bool = False
    ) -> Sequence[StoredObject]:
        """What belongs to these versions of the registry, by name; delete markers come last."""
        owners = {one for key in version_keys if (one := self._pattern.owner_of(key))}
        starts = [self._pattern.start(one) for one in owners]
        pages = listing.version_pages if versions else listing.current_pages

        def mine(name: str) -> bool:
            return self._pattern.owner(name) in owners

        def look(s3: S3) -> list[Found]:
            if self._pattern.many or versions:
                return list(listing.below(partial(pages, s3, self._bucket), starts, mine))
            return list(listing.current(s3, self._bucket, starts))

        rows = await self._run(look) if starts else []
        rows.sort(key=lambda row: row.marker)
        return [self._stored(row, version=versions) for row in rows]

    async def facts(self, keys: Sequence[str]) -> Mapping[str, Facts]:
        """What is true of these objects now; those that are gone are left out."""
        places = {key: place for key in keys if (place := self._ours(key)) is not None}
        plain = [place.name for place in places.values() if not place.version]
        exact = [place.name for place in places.values() if place.version]

        def look(s3: S3) -> dict[Place, Found]:
            found = {
                Place(self._bucket, row.name): row
                for row in listing.current(s3, self._bucket, plain)
            }
            for row in listing.versions(s3, self._bucket, exact):
                found[Place(self._bucket, row.name, row.version)] = row
            return found

        rows = await self._run(look) if places else {}
        return {
            key: Facts(
                key=key,
                digest=rows[place].etag,
                state=VersionState.LIVE,
                collection=owner.key if (owner := self._pattern.owner(place.name)) else "",
                label=place.name,
            )
            for key, place in places.items()
            if place in rows
        }

    async def delete_objects(self, keys: Sequence[str]) -> Sequence[Outcome]:
        """Delete these objects; one outcome for each, in the same order."""
        if self._read_only:
            raise ReadOnlyError(
                f"The storage {self.place} is open for reading only. Nothing was sent.",
                hint=READ_ONLY_HINT,
            )
        places = {key: place for key in keys if (place := self._ours(key)) is not None}
        unique = list(dict.fromkeys(places.values()))
        found = await self._run(lambda s3: self._deleter(s3).delete(unique))
        strange = "it is not an object of this registry's storage. Nothing was sent"
        return [found.get(key) or Outcome(key, Result.REFUSED, strange) for key in keys]

    def _deleter(self, s3: S3) -> ObjectDeleter:
        self._deletes = self._deletes or ObjectDeleter(s3, self._bucket)
        return self._deletes

    def _ours(self, key: str) -> Place | None:
        """The place of a key, if it is in this bucket and fits the pattern."""
        place = parse(key)
        if place is None or place.bucket != self._bucket or self._pattern.owner(place.name) is None:
            return None
        return place

    def _stored(self, row: Found, *, version: bool = False) -> StoredObject:
        owner = self._pattern.owner(row.name)
        place = Place(self._bucket, row.name, row.version if version else "")
        return StoredObject(
            key=place.key,
            name=row.name,
            size=row.size,
            modified_us=row.modified_us,
            etag=row.etag,
            version_key=owner.key if owner else "",
            current=row.current,
            marker=row.marker,
        )

    async def aclose(self) -> None:
        """Close the connections."""
        if self._s3 is not None:
            self._s3.close()
            self._s3 = None
        self._pool.shutdown(wait=False)
