"""The local registry, synced into a file, answers every question as its own database does."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from artifact_tui.catalog import Sort, connect, marks
from artifact_tui.catalog.detail import version_detail
from artifact_tui.catalog.listing import (
    SORT_FIELDS,
    collection_outline,
    matching_totals,
    registry_totals,
    version_window,
)
from artifact_tui.catalog.sync import sync
from artifact_tui.catalog.version_names import rows_by_keys
from artifact_tui.clients.local import KIND
from artifact_tui.clients.local.sample import make_sample
from artifact_tui.query import compile_query, parse
from tests.support import reference
from tests.support.catalogs import DAY, NOW, every_version

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import AsyncIterator
    from pathlib import Path

    from artifact_tui.catalog.catalog_rows import VersionDetail, VersionRow

TEXTS = (
    "",
    "e",
    "state:any",
    "state:trash",
    "alias:none -latest:2",
    "alias:any type:model",
    "dependents:0",
    "dependents>1 | tag:any",
    "unique>1kB",
    "age>30d files>1",
    "ttl:any",
    "used:any",
)


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("registry") / "sample"
    make_sample(path, versions=300, now_us=NOW)
    return path


@pytest.fixture
async def both(
    registry: Path, tmp_path: Path
) -> AsyncIterator[tuple[sqlite3.Connection, sqlite3.Connection]]:
    client = KIND.open(f"local:{registry}", read_only=True)
    assert client.catalog_path is not None
    await sync(client, tmp_path / "catalog.db")
    with (
        closing(connect(client.catalog_path)) as own,
        closing(connect(tmp_path / "catalog.db")) as synced,
    ):
        yield own, synced
    await client.aclose()


def without_ids(rows: tuple[VersionRow, ...]) -> list[VersionRow]:
    return [replace(row, id=0, collection_id=0) for row in rows]


def told(found: VersionDetail) -> tuple[object, ...]:
    return (
        *without_ids((found.row,)),
        (found.note, found.tags, found.unique, found.files, found.files_total),
        sorted(ref.key for ref in found.parents),
        sorted(line.ref.key for line in found.dependents),
        (found.dependents_total, found.dependents_capped),
    )


async def test_every_answer_is_the_same(
    both: tuple[sqlite3.Connection, sqlite3.Connection],
) -> None:
    own, synced = both
    assert registry_totals(own) == registry_totals(synced)
    for text in TEXTS:
        where = compile_query(parse(text), NOW + 3 * DAY)
        assert matching_totals(own, where) == matching_totals(synced, where), text
        for sort in (Sort(), Sort("size", descending=True), Sort("age")):
            mine, theirs = (
                [replace(row, id=0) for row in collection_outline(conn, where, sort)]
                for conn in both
            )
            assert mine == theirs, text


@pytest.mark.parametrize("field", SORT_FIELDS)
async def test_every_window_is_the_same(
    both: tuple[sqlite3.Connection, sqlite3.Connection], field: str
) -> None:
    sort = Sort(field, descending=True)
    where = compile_query(parse("state:any"), NOW)
    own, synced = (collection_outline(conn, where, Sort()) for conn in both)
    for mine, theirs in zip(own, synced, strict=True):
        rows = [
            without_ids(version_window(conn, row.id, where, sort, 0, 1000))
            for conn, row in zip(both, (mine, theirs), strict=True)
        ]
        assert rows[0] == rows[1]


async def test_every_detail_and_every_selection_is_the_same(
    both: tuple[sqlite3.Connection, sqlite3.Connection],
) -> None:
    own, synced = both
    where = compile_query(parse("state:any"), NOW)
    rows = sorted(every_version(own, where, Sort()), key=lambda row: row.key)
    for row in rows[::7]:
        (other,) = rows_by_keys(synced, [row.key])
        assert told(version_detail(own, row.id)) == told(version_detail(synced, other.id))
    for conn in both:
        marks.pick(conn, [row.key for row in rows[::3]])
    assert marks.picked_bytes(own) == marks.picked_bytes(synced)
    assert marks.picked_bytes(own).freed > 0
    judged = [reference.read_candidates(conn, frozenset()) for conn in both]
    assert judged[0] == judged[1]
    assert any(one.facts.dependents for one in judged[0].candidates)
    assert marks.pick_dependents(own) == marks.pick_dependents(synced)
