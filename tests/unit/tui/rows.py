"""Rows made up for tests of what draws them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from artifact_tui.catalog.catalog_rows import CollectionRow, VersionDetail, VersionRow
from artifact_tui.model import VersionState

NOW = 1_795_000_000_000_000
DAY = 86_400_000_000


def collection(number: int, versions: int, **more: Any) -> CollectionRow:
    """A collection with an id."""
    row = CollectionRow(
        id=number,
        key=f"c{number}",
        name=f"name-{number}",
        type="model",
        versions=versions,
        size=versions * 1000,
        newest_us=NOW - DAY,
        marked=0,
    )
    return replace(row, **more)


def version(number: int, collection_id: int = 1, **more: Any) -> VersionRow:
    """A version of a collection."""
    row = VersionRow(
        id=number,
        key=f"v{number}",
        collection_id=collection_id,
        collection=f"name-{collection_id}",
        type="model",
        label=f"v{number}",
        ordinal=number,
        digest="sha256:00",
        size=1000,
        created_us=NOW - 2 * DAY,
        used_us=None,
        expires_us=None,
        ttl_us=None,
        state=VersionState.LIVE,
        run="",
        file_count=1,
        deleted_us=None,
        deleted_by="",
        dependents=0,
        marked=False,
    )
    return replace(row, **more)


def detail(row: VersionRow, **more: Any) -> VersionDetail:
    """Nothing but the row, unless said otherwise."""
    found = VersionDetail(
        row=row,
        note="",
        tags=(),
        unique=None,
        parents=(),
        dependents=(),
        dependents_total=0,
        dependents_capped=False,
        files=(),
        files_total=0,
        used_us=row.used_us,
    )
    return replace(found, **more)
