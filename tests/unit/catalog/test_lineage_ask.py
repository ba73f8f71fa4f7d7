"""Lineage that a registry tells of the versions that it is asked about, and no others."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from artifact_tui.catalog import connect, lineage, marks
from artifact_tui.catalog.detail import version_detail
from artifact_tui.catalog.lineage import LineageCoverage, ask_lineage
from artifact_tui.catalog.sync import sync
from artifact_tui.catalog.version_names import rows_by_keys
from artifact_tui.errors import RegistryError
from tests.support.catalogs import NOW
from tests.support.listing import Telling

if TYPE_CHECKING:
    from pathlib import Path

    from artifact_tui.catalog.catalog_rows import VersionDetail, VersionRow


CUT = "there are more than the 2 versions that are asked about at once"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "catalog.db"


@pytest.fixture
def registry() -> Telling:
    """`a/1` to `a/5`, one made from the other; the last one was never used."""
    registry = Telling()
    registry.collection("a")
    for ordinal in range(1, 6):
        registry.version("a", ordinal, used_count=1 if ordinal < 5 else 0)
        registry.below[f"a/{ordinal}"] = (f"a/{ordinal + 1}",) if ordinal < 5 else ()
    return registry


def row(path: Path, key: str) -> VersionRow:
    with closing(connect(path)) as conn:
        return rows_by_keys(conn, [key])[0]


def detail(path: Path, key: str) -> VersionDetail:
    with closing(connect(path)) as conn:
        return version_detail(conn, rows_by_keys(conn, [key])[0].id)


async def synced(registry: Telling, path: Path, *, now_us: int = NOW) -> None:
    await sync(registry, path, now_us=now_us)


async def ask(
    registry: Telling,
    path: Path,
    *keys: str,
    at: int = NOW,
    closure: bool = False,
    parents: bool = False,
    again: bool = False,
) -> LineageCoverage:
    return await ask_lineage(
        registry, path, keys, closure=closure, parents=parents, again=again, now_us=at
    )


async def test_nothing_is_known_until_it_was_asked(registry: Telling, path: Path) -> None:
    await synced(registry, path)
    assert (row(path, "a/1").lineage_known, row(path, "a/5").lineage_known) == (False, True)
    assert await ask(registry, path, "a/1") == LineageCoverage(1, 1)
    found = row(path, "a/1")
    assert (found.lineage_known, found.dependents) == (True, 1)
    assert registry.questions == [["a/1"]]


async def test_what_no_run_used_and_links_need_no_question(registry: Telling, path: Path) -> None:
    registry.version("a", 6, source_key="a/1", used_count=3)
    registry.version("a", 7, used_count=None)
    registry.version("a", 8, used_count=2, state="trash")
    await synced(registry, path)
    assert (await ask(registry, path, "a/5", "a/6", "a/8", "gone")).total == 0
    assert registry.questions == []
    assert (await ask(registry, path, "a/5", "a/7", "a/1")).total == 2
    assert registry.questions == [["a/7", "a/1"]]


async def test_where_nobody_counts_the_runs_nothing_is_known(registry: Telling, path: Path) -> None:
    registry.version("a", 7, used_count=None)
    registry.below["a/5"] = ("a/7",)
    await synced(registry, path)
    assert not row(path, "a/7").lineage_known
    assert not detail(path, "a/7").lineage_known
    await ask(registry, path, "a/7")
    assert detail(path, "a/7").lineage_known


async def test_what_is_known_since_the_last_sync_is_not_asked_again(
    registry: Telling, path: Path
) -> None:
    await synced(registry, path, now_us=10)
    await ask(registry, path, "a/1", at=10)
    assert (await ask(registry, path, "a/1", at=11)).asked == 0
    assert (await ask(registry, path, "a/1", at=11, again=True)).asked == 1
    await synced(registry, path, now_us=20)
    assert row(path, "a/1").dependents == 1, "a sync keeps what was learnt"
    assert row(path, "a/1").lineage_known
    assert (await ask(registry, path, "a/1", at=21)).asked == 1


async def test_the_closure_asks_on_until_nothing_new_comes(
    registry: Telling, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lineage, "ASK_PAGE", 1)
    told: list[LineageCoverage] = []
    await synced(registry, path)
    await ask(registry, path, "a/2")
    registry.questions.clear()
    done = await ask_lineage(
        registry, path, ["a/1"], closure=True, now_us=NOW, progress=told.append
    )
    assert registry.questions == [["a/1"], ["a/3"], ["a/4"]], "a/2 was known, a/5 needs none"
    assert (done.asked, done.complete) == (3, True)
    assert [state.asked for state in told] == [1, 2, 3]
    with closing(connect(path)) as conn:
        marks.pick(conn, ["a/1"])
        assert marks.pick_dependents(conn) == 4
    assert done.asking_words() == "lineage of 3 of 3"


async def test_a_circle_ends(registry: Telling, path: Path) -> None:
    registry.below["a/4"] = ("a/1", "a/4")
    await synced(registry, path)
    assert (await ask(registry, path, "a/1", closure=True)).asked == 4


async def test_the_closure_is_bounded(registry: Telling, path: Path) -> None:
    await synced(registry, path)
    done = await ask_lineage(registry, path, ["a/1"], closure=True, now_us=NOW, most=2)
    assert (done.asked, done.capped, done.complete) == (2, True, False)
    assert not row(path, "a/3").lineage_known


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (LineageCoverage(10, 10), ""),
        (LineageCoverage(7, 10, untold=3), "the registry told nothing about 3 of 10 versions"),
        (
            LineageCoverage(100_000, 100_000, capped=True),
            "there are more than the 100,000 versions that are asked about at once",
        ),
        (
            LineageCoverage(1, 2, untold=1, capped=True),
            f"the registry told nothing about 1 of 2 versions; {CUT}",
        ),
        (LineageCoverage(4, 10), "10 versions are to be asked about, and 4 were"),
    ],
)
def test_what_is_not_known_has_its_reason(asked: LineageCoverage, words: str) -> None:
    assert asked.missing == words
    assert asked.complete is not bool(words)


async def test_relatives_that_are_not_listed_count_and_have_names(
    registry: Telling, path: Path
) -> None:
    registry.below["a/1"] = ("a/2", "z/9")
    registry.above["a/1"] = ("y/3", "a/5")
    await synced(registry, path)
    await ask(registry, path, "a/1", parents=True)
    found = detail(path, "a/1")
    assert found.row.dependents == 2
    assert [line.ref.key for line in found.dependents] == ["a/2", "z/9"]
    assert found.dependents_total == 2
    assert found.dependents[1].ref.elsewhere
    assert found.dependents[1].ref.collection == "in/z/9"
    assert [(ref.key, ref.elsewhere) for ref in found.parents] == [("a/5", False), ("y/3", True)]
    assert not found.lineage_known, "a/2 may have dependents"


async def test_an_answer_replaces_the_one_before(registry: Telling, path: Path) -> None:
    registry.below["a/1"] = ("a/2", "z/9")
    await synced(registry, path)
    await ask(registry, path, "a/1")
    registry.below["a/1"] = ("a/3",)
    await ask(registry, path, "a/1", again=True)
    assert [line.ref.key for line in detail(path, "a/1").dependents] == ["a/3"]


async def test_parents_take_no_edge_away(registry: Telling, path: Path) -> None:
    """What stands for a way through a deleted version is not in the child's own parents."""
    await synced(registry, path)
    await ask(registry, path, "a/1")
    registry.above["a/2"] = ("deleted/1",)
    await ask(registry, path, "a/2", parents=True)
    assert row(path, "a/1").dependents == 1
    assert [ref.key for ref in detail(path, "a/2").parents] == ["a/1", "deleted/1"]


async def test_what_is_not_told_is_not_known(registry: Telling, path: Path) -> None:
    await synced(registry, path)
    await ask(registry, path, "a/1")
    registry.below["a/1"] = None
    done = await ask(registry, path, "a/1", again=True)
    assert (done.untold, done.complete) == (1, False)
    assert not row(path, "a/1").lineage_known


async def test_what_was_learnt_before_it_went_away_is_kept(
    registry: Telling, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lineage, "ASK_PAGE", 1)
    await synced(registry, path)
    registry.breaks_at = 1
    with pytest.raises(RegistryError, match="went away"):
        await ask(registry, path, "a/1", "a/2")
    assert [row(path, key).lineage_known for key in ("a/1", "a/2")] == [True, False]


@pytest.mark.parametrize("how", ["gone", "trash"])
async def test_who_loses_a_dependent_is_asked_again(
    registry: Telling, path: Path, how: str
) -> None:
    """What was made from the lost one takes its place, and only the registry knows it."""
    await synced(registry, path)
    await ask(registry, path, "a/1", "a/2")
    lost = registry.made["a"].pop(1)
    if how == "trash":
        registry.made["a"].insert(1, replace(lost, state="trash"))
    await synced(registry, path)
    assert not row(path, "a/1").lineage_known
    registry.below["a/1"] = ("a/3",)
    await ask(registry, path, "a/1")
    assert (row(path, "a/1").dependents, row(path, "a/1").lineage_known) == (1, True)


async def test_another_run_that_used_it_makes_it_unknown(registry: Telling, path: Path) -> None:
    await synced(registry, path)
    await ask(registry, path, "a/1", "a/2")
    registry.made["a"][0] = replace(registry.made["a"][0], used_count=2)
    await synced(registry, path)
    assert [row(path, key).lineage_known for key in ("a/1", "a/2")] == [False, True]


async def test_a_relative_that_gets_listed_becomes_a_dependent_like_others(
    registry: Telling, path: Path
) -> None:
    registry.below["a/1"] = ("b/1",)
    registry.above["a/1"] = ("b/2",)
    await synced(registry, path)
    await ask(registry, path, "a/1", parents=True)
    registry.collection("b").version("b", 1)
    registry.version("b", 2)
    await synced(registry, path)
    found = detail(path, "a/1")
    assert [(line.ref.key, line.ref.elsewhere) for line in found.dependents] == [("b/1", False)]
    assert [(ref.key, ref.elsewhere) for ref in found.parents] == [("b/2", False)]


async def test_all_that_hangs_on_a_version_goes_with_it(registry: Telling, path: Path) -> None:
    registry.below["a/1"] = ("z/9",)
    await synced(registry, path)
    await ask(registry, path, "a/1", "a/2")
    registry.made["a"].clear()
    await synced(registry, path)
    with closing(connect(path)) as conn:
        counts = [
            conn.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for table in ("version", "relative", "lineage_scan", "edge")
        ]
    assert counts == [0, 0, 0, 0]


async def test_a_second_sync_changes_nothing(registry: Telling, path: Path) -> None:
    registry.below["a/1"] = ("a/2", "z/9")
    await synced(registry, path)
    await ask(registry, path, "a/1", "a/2", "a/3")
    before = _content(path)
    await synced(registry, path)
    assert _content(path) == before


def _content(path: Path) -> str:
    """Every row of lineage."""
    with closing(connect(path)) as conn:
        return json.dumps(
            [
                conn.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall()
                for table in ("edge", "relative", "lineage_scan")
            ]
        )
