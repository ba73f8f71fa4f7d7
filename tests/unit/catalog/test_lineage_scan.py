"""Flat listings, and lineage that is learnt version by version."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from artifact_tui.catalog import connect
from artifact_tui.catalog.lineage import LineageCoverage, lineage_coverage, scan_lineage
from artifact_tui.catalog.listing import registry_totals
from artifact_tui.catalog.sync import sync
from artifact_tui.catalog.version_names import rows_by_keys
from artifact_tui.clients.base import Client
from artifact_tui.errors import RegistryError
from artifact_tui.model import Collection, Identity, Lineage, Listed, Relative, Version
from tests.support.catalogs import NOW
from tests.support.writing import change

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence
    from pathlib import Path


class Flat(Client):
    """A registry that lists everything in one pass, and tells only parents."""

    identity = Identity("flat", "flat:test", "uid-1")
    tells = frozenset({"lineage"})
    scanned_types = ("model",)

    def __init__(self, *, page: int = 2) -> None:
        self.page = page
        self.rows: list[tuple[Collection, Version]] = []
        self.empty: list[Collection] = []
        """Collections without versions, on every page."""
        self.parents: dict[str, tuple[str, ...] | None] = {}
        self.asked: list[str] = []
        self.fails_after: int | None = None
        self.fails_at_page: int | None = None

    def put(self, name: str, *, kind: str = "model", digest: str = "d") -> str:
        number = len(self.rows) + 1
        collection = Collection(f"{kind}/{name}", name, kind)
        key = f"{kind}/{number}"
        version = Version(key, collection.key, number, str(number), digest)
        self.rows.append((collection, version))
        return key

    async def listing(self) -> AsyncGenerator[Listed, None]:
        for number, start in enumerate(range(0, len(self.rows), self.page)):
            if number == self.fails_at_page:
                raise RegistryError("It went away.")
            rows = self.rows[start : start + self.page]
            yield Listed((*self.empty, *(one for one, _ in rows)), tuple(one for _, one in rows))

    async def lineage(self, keys: Sequence[str], *, parents: bool = False) -> Mapping[str, Lineage]:
        assert not parents
        if self.fails_after is not None and len(self.asked) + len(keys) > self.fails_after:
            raise RegistryError("It went away.")
        self.asked += keys
        found = {key: self.parents.get(key, ()) for key in keys}
        return {
            key: Lineage(parents=tuple(Relative(one, one) for one in made_from))
            for key, made_from in found.items()
            if made_from is not None
        }


@pytest.fixture
def registry() -> Flat:
    """Sixty models, each made from the one before, and a dataset."""
    made = Flat()
    before = made.put("text", kind="dataset")
    for number in range(60):
        key = made.put(f"net{number % 7}")
        made.parents[key] = (before,)
        before = key
    return made


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "catalog.db"


def coverage(path: Path) -> LineageCoverage:
    with closing(connect(path)) as conn:
        return lineage_coverage(conn)


def edges(path: Path) -> int:
    with closing(connect(path)) as conn:
        return int(conn.execute("SELECT count(*) FROM edge").fetchone()[0])


async def test_a_flat_listing_fills_the_catalog_in_one_pass(registry: Flat, path: Path) -> None:
    told: list[int] = []
    done = await sync(registry, path, progress=lambda state: told.append(state.versions))
    assert (done.collections, done.versions, done.done) == (8, 61, True)
    assert told[:3] == [2, 4, 6]
    assert coverage(path) == LineageCoverage(0, 60, models=True)
    assert not coverage(path).complete


async def test_what_is_listed_again_counts_once_and_replaces_what_came_before(
    registry: Flat, path: Path
) -> None:
    collection, version = registry.rows[3]
    registry.rows += [(collection, replace(version, digest="new")), registry.rows[5]]
    for _ in range(2):
        done = await sync(registry, path)
        assert (done.collections, done.versions, done.removed) == (8, 61, 0)
        with closing(connect(path)) as conn:
            assert rows_by_keys(conn, [version.key])[0].digest == "new"


async def test_collections_without_versions_are_kept_as_long_as_they_are_listed(
    registry: Flat, path: Path
) -> None:
    registry.empty.append(Collection("model/none", "none", "model"))
    assert (await sync(registry, path)).collections == 9
    names = "SELECT count(*) FROM collection WHERE name = 'none'"
    with closing(connect(path)) as conn:
        assert conn.execute(names).fetchone() == (1,)
        assert registry_totals(conn).collections == 8, "those with versions"
    registry.empty.clear()
    await sync(registry, path)
    with closing(connect(path)) as conn:
        assert conn.execute(names).fetchone() == (0,)


async def test_a_listing_that_breaks_off_removes_nothing(registry: Flat, path: Path) -> None:
    await sync(registry, path)
    registry.fails_at_page = 3
    with pytest.raises(RegistryError):
        await sync(registry, path)
    with closing(connect(path)) as conn:
        assert registry_totals(conn).versions == 61


async def test_a_scan_asks_every_model_once(registry: Flat, path: Path) -> None:
    await sync(registry, path)
    told: list[LineageCoverage] = []
    found = await scan_lineage(registry, path, progress=told.append, now_us=NOW)
    assert found == told[-1] == LineageCoverage(60, 60, models=True)
    assert found.complete
    assert edges(path) == 60
    assert len(registry.asked) == 60
    await scan_lineage(registry, path)
    assert len(registry.asked) == 60
    await scan_lineage(registry, path, again=True)
    assert len(registry.asked) == 120


async def test_a_scan_goes_on_where_it_was_stopped(registry: Flat, path: Path) -> None:
    await sync(registry, path)
    registry.fails_after = 30
    with pytest.raises(RegistryError):
        await scan_lineage(registry, path)
    assert 0 < coverage(path).scanned < 60
    registry.fails_after, before = None, coverage(path).scanned
    registry.asked.clear()
    assert (await scan_lineage(registry, path)).complete
    assert len(registry.asked) == 60 - before


async def test_a_sync_keeps_lineage_and_asks_only_for_what_is_new(
    registry: Flat, path: Path
) -> None:
    await sync(registry, path)
    await scan_lineage(registry, path)
    new = registry.put("net0")
    await sync(registry, path)
    assert edges(path) == 60
    assert coverage(path) == LineageCoverage(60, 61, models=True)
    registry.asked.clear()
    assert (await scan_lineage(registry, path)).complete
    assert registry.asked == [new]


async def test_the_children_of_what_is_gone_are_asked_again(registry: Flat, path: Path) -> None:
    """The server may have given them another parent of the same name."""
    await sync(registry, path)
    await scan_lineage(registry, path)
    _, parent = registry.rows.pop(10)
    child = f"model/{11 + 1}"
    await sync(registry, path)
    assert coverage(path) == LineageCoverage(58, 59, models=True)
    registry.asked.clear()
    registry.parents[child] = ("model/2",)
    await scan_lineage(registry, path)
    assert registry.asked == [child]
    assert parent.key == "model/11"


async def test_changed_content_is_asked_again(registry: Flat, path: Path) -> None:
    await sync(registry, path)
    await scan_lineage(registry, path)
    collection, version = registry.rows[5]
    registry.rows[5] = (collection, Version(version.key, collection.key, 6, "6", "other"))
    await sync(registry, path)
    assert coverage(path) == LineageCoverage(59, 60, models=True)


async def test_what_the_registry_does_not_tell_stays_unknown(registry: Flat, path: Path) -> None:
    registry.parents["model/9"] = None
    await sync(registry, path)
    found = await scan_lineage(registry, path)
    assert found == LineageCoverage(59, 60, models=True)
    assert not found.complete


async def test_parents_that_went_away_take_their_edges_along(registry: Flat, path: Path) -> None:
    await sync(registry, path)
    await scan_lineage(registry, path)
    registry.parents["model/9"] = ()
    change(path, "DELETE FROM lineage_scan WHERE version_id = 9")
    assert (await scan_lineage(registry, path)).complete
    assert edges(path) == 59


async def test_registries_that_tell_their_lineage_have_nothing_to_scan(
    registry: Flat, path: Path
) -> None:
    await sync(registry, path)
    change(path, "UPDATE meta SET value = '0' WHERE name = 'scanned_lineage'")
    assert coverage(path) == LineageCoverage()
    assert coverage(path).complete
