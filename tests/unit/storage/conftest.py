"""Two S3 servers for these tests, as neither is faithful in everything, and a bucket for each."""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING, Any

import boto3
import pytest
import pytest_asyncio

from artifact_tui.clients.s3 import S3Storage
from artifact_tui.clients.s3_layout import StorageSettings
from tests.servers.s3 import as_nobody, ministack, shared_moto

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


_SERVERS = ("moto", "ministack")


@pytest.fixture(scope="session", params=_SERVERS)
def endpoint(request: pytest.FixtureRequest) -> Iterator[str]:
    """Each server in turn."""
    if request.param == "moto":
        yield shared_moto()
    else:
        with ministack() as found:
            yield found


def lacking(server: str, reason: str) -> pytest.MarkDecorator:
    """Runs a test on both servers; on this one it must fail, for want of what the reason names."""
    missing = pytest.mark.xfail(reason=reason, strict=True)
    both = [pytest.param(one, marks=missing if one == server else ()) for one in _SERVERS]
    return pytest.mark.parametrize("endpoint", both, indirect=True)


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    as_nobody(monkeypatch)


_NUMBERS = itertools.count(time.time_ns())


class Bucket:
    """A bucket as other people see it."""

    def __init__(self, endpoint: str, *, versioned: bool = False, locked: bool = False) -> None:
        self.endpoint = endpoint
        self.name = f"bucket-{next(_NUMBERS)}"
        self.s3: Any = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1")
        self.s3.create_bucket(Bucket=self.name, ObjectLockEnabledForBucket=locked)
        if versioned:
            self.s3.put_bucket_versioning(
                Bucket=self.name, VersioningConfiguration={"Status": "Enabled"}
            )
        self._opened: list[S3Storage] = []

    def put(self, *names: str, body: bytes = b"12345") -> list[str]:
        """Store objects; gives their keys."""
        for name in names:
            self.s3.put_object(Bucket=self.name, Key=name, Body=body)
        return [self.key(name) for name in names]

    def key(self, name: str) -> str:
        from artifact_tui.clients.s3_layout import ObjectRef  # noqa: PLC0415 - only here

        return ObjectRef(self.name, name).key

    def names(self) -> set[str]:
        """Current objects."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.name)
        return {row["Key"] for page in pages for row in page.get("Contents", ())}

    def stored(self) -> int:
        """How many versions with bytes there are."""
        pages = self.s3.get_paginator("list_object_versions").paginate(Bucket=self.name)
        return sum(len(page.get("Versions", ())) for page in pages)

    def open(self, *, read_only: bool = False, **settings: Any) -> S3Storage:
        """The storage under test."""
        made = StorageSettings(self.name, endpoint=self.endpoint, **settings)
        found = S3Storage(made, read_only=read_only)
        self._opened.append(found)
        return found

    async def close(self) -> None:
        for storage in self._opened:
            await storage.aclose()
        self.s3.close()


@pytest_asyncio.fixture
async def bucket(endpoint: str) -> AsyncIterator[Bucket]:
    found = Bucket(endpoint)
    yield found
    await found.close()


@pytest_asyncio.fixture
async def versioned(endpoint: str) -> AsyncIterator[Bucket]:
    found = Bucket(endpoint, versioned=True)
    yield found
    await found.close()
