"""The catalog on an event loop: who waits, who is superseded, who sees what."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest

from artifact_tui.catalog import Sort
from artifact_tui.catalog.catalog_file import Superseded
from artifact_tui.catalog.facade import Catalog
from artifact_tui.errors import ArtifactTuiError, NotFoundError, RegistryError
from artifact_tui.query import compile_query, parse
from tests.support.catalogs import NOW, Maker, marked_keys
from tests.support.writing import change

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

EVERYTHING = compile_query(parse(""), NOW)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    maker = Maker()
    base = maker.version("a", files={"x": ("own", 5)}, aliases=["latest"])
    maker.version("a", size=7)
    maker.version("b", parents=[base], size=1)
    return maker.write(tmp_path / "catalog.db")


@pytest.fixture
async def catalog(path: Path, tmp_path: Path) -> AsyncIterator[Catalog]:
    catalog = await Catalog.open(path, tmp_path / "marks.db")
    yield catalog
    await catalog.close()


def endless(begun: threading.Event) -> Callable[[sqlite3.Connection], int]:
    """A query that never ends by itself; `begun` is set when it runs."""

    def work(conn: sqlite3.Connection) -> int:
        conn.create_function("begin", 0, begun.set)
        (found,) = conn.execute(
            "WITH RECURSIVE n(i) AS (SELECT begin() UNION ALL SELECT 1 FROM n)"
            " SELECT count(*) FROM n"
        ).fetchone()
        return int(found)

    return work


async def started(begun: threading.Event) -> None:
    """Wait until the endless query runs."""
    assert await asyncio.to_thread(begun.wait, 20)


async def test_every_question_has_an_answer(catalog: Catalog) -> None:
    sort = Sort("size", descending=True)
    rows, totals = await catalog.outline(EVERYTHING, sort)
    assert (totals.versions, [row.name for row in rows]) == (3, ["a", "b"])
    assert await catalog.matching(EVERYTHING) == (3, 13)
    assert [row.id for row in await catalog.window(1, EVERYTHING, sort, 0, 9)] == [2, 1]
    assert await catalog.position(1, EVERYTHING, sort, 1) == 1
    assert (await catalog.detail(1)).dependents_total == 1
    assert [row.id for row in await catalog.by_keys(["b/v1", "a/v1"])] == [3, 1]
    assert await catalog.values("alias", "la") == ("latest",)
    assert (await catalog.freed(["a/v1"])).freed == 5


async def test_marks_are_seen_by_every_lane(catalog: Catalog) -> None:
    assert await catalog.mark(["a/v1", "b/v1"]) == 2
    rows, _ = await catalog.outline(EVERYTHING, Sort())
    assert [row.marked for row in rows] == [1, 1]
    assert (await catalog.detail(1)).row.marked
    assert (await catalog.freed()).listed == 6
    assert await catalog.unmark(["b/v1"]) == 1
    assert await catalog.marked_and_hidden(compile_query(parse("b"), NOW)) == (1, 1)
    assert await catalog.mark_where(EVERYTHING) == 2
    assert await catalog.unmark_where(compile_query(parse("a"), NOW)) == 2
    assert await catalog.run(marked_keys, lane="marks") == ("b/v1",)
    assert await catalog.unmark(["b/v1"]) == 1
    assert await catalog.marked_count() == 0


async def test_marks_written_one_after_the_other_keep_their_order(catalog: Catalog) -> None:
    calls = [change(["a/v1"]) for _ in range(10) for change in (catalog.mark, catalog.unmark)]
    assert await asyncio.gather(*calls) == [1] * 20


async def test_without_a_file_marks_are_shared_and_then_gone(path: Path) -> None:
    catalog = await Catalog.open(path)
    await catalog.mark(["a/v1"])
    assert (await catalog.detail(1)).row.marked
    await catalog.close()
    again = await Catalog.open(path)
    assert await again.marked_count() == 0
    await again.close()


async def test_changed_tells_of_other_processes_only_once(catalog: Catalog, path: Path) -> None:
    assert not await catalog.changed()
    await catalog.mark(["a/v1"])
    assert not await catalog.changed()
    change(path, "UPDATE version SET size = 100")
    assert await catalog.changed()
    assert not await catalog.changed()
    assert (await catalog.outline(EVERYTHING, Sort()))[1].size == 300


async def test_errors_reach_the_caller(catalog: Catalog) -> None:
    with pytest.raises(NotFoundError):
        await catalog.detail(99)
    assert (await catalog.detail(2)).row.id == 2


async def test_a_newer_call_stops_the_running_query(catalog: Catalog) -> None:
    begun = threading.Event()
    older = asyncio.create_task(catalog.run(endless(begun), latest="list"))
    await started(begun)
    newer = await catalog.run(lambda _: "answer", latest="list")
    assert newer == "answer"
    with pytest.raises(Superseded):
        await older


async def test_a_newer_call_stops_one_that_has_not_begun(catalog: Catalog) -> None:
    begun = threading.Event()
    running = asyncio.create_task(catalog.run(endless(begun), lane="list"))
    await started(begun)
    waiting = asyncio.create_task(catalog.outline(EVERYTHING, Sort(), latest=True))
    await asyncio.sleep(0)
    newest = asyncio.create_task(catalog.outline(EVERYTHING, Sort(), latest=True))
    with pytest.raises(Superseded):
        await waiting
    running.cancel()
    assert len((await newest)[0]) == 2


async def test_calls_of_other_methods_and_plain_calls_are_left_alone(catalog: Catalog) -> None:
    sort = Sort()
    answers = await asyncio.gather(
        catalog.expiring(EVERYTHING, NOW),
        catalog.matching(EVERYTHING, latest=True),
        catalog.window(1, EVERYTHING, sort, 0, 1, latest="one"),
        catalog.window(2, EVERYTHING, sort, 0, 1, latest="two"),
        catalog.outline(EVERYTHING, sort),
        catalog.outline(EVERYTHING, sort, latest=True),
    )
    assert len(answers) == 6


async def test_a_cancelled_wait_stops_the_query(catalog: Catalog) -> None:
    begun = threading.Event()
    task = asyncio.create_task(catalog.run(endless(begun)))
    await started(begun)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await catalog.detail(1)).row.id == 1


async def test_superseded_ends_a_task_as_cancelled(catalog: Catalog) -> None:
    begun = threading.Event()
    task = asyncio.create_task(catalog.run(endless(begun), latest="x"))
    await started(begun)
    await catalog.run(lambda _: None, latest="x")
    await asyncio.wait([task])
    assert task.cancelled()


async def test_work_between_queries_is_stopped_too(catalog: Catalog) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def work(conn: sqlite3.Connection) -> int:
        begun.set()
        go_on.wait(20)
        return endless(threading.Event())(conn)

    older = asyncio.create_task(catalog.run(work, latest="x"))
    await started(begun)
    newer = asyncio.create_task(catalog.run(lambda _: 5, latest="x"))
    await asyncio.sleep(0)
    go_on.set()
    assert await newer == 5
    assert older.cancelled() or isinstance(older.exception(), Superseded)


async def test_nothing_is_left_half_done_by_an_interrupt(catalog: Catalog) -> None:
    begun = threading.Event()

    def work(conn: sqlite3.Connection) -> int:
        conn.execute("BEGIN")
        conn.execute("INSERT INTO temp.picked VALUES (1)")
        return endless(begun)(conn)

    older = asyncio.create_task(catalog.run(work, latest="x"))
    await started(begun)

    def left(conn: sqlite3.Connection) -> tuple[bool, int]:
        (count,) = conn.execute("SELECT count(*) FROM temp.picked").fetchone()
        return (conn.in_transaction, count)

    assert await catalog.run(left, latest="x") == (False, 0)
    assert older.done()


async def test_a_mark_is_written_though_nobody_waits(catalog: Catalog) -> None:
    task = asyncio.create_task(catalog.mark(["a/v1"]))
    await asyncio.sleep(0)
    task.cancel()
    assert await catalog.marked_count() == 1


async def test_close_finishes_marks_and_stops_the_rest(path: Path, tmp_path: Path) -> None:
    catalog = await Catalog.open(path, tmp_path / "marks.db")
    begun = threading.Event()
    running = asyncio.create_task(catalog.run(endless(begun)))
    waiting = asyncio.create_task(catalog.detail(1))
    await started(begun)
    marking = asyncio.create_task(catalog.mark(["a/v1"]))
    await asyncio.sleep(0)
    await catalog.close()
    await catalog.close()
    assert await marking == 1
    for task in (running, waiting):
        with pytest.raises(Superseded):
            await task
    with pytest.raises(Superseded):
        await catalog.detail(1)
    again = await Catalog.open(path, tmp_path / "marks.db")
    assert await again.run(marked_keys) == ("a/v1",)
    await again.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("catalog-")]


async def test_sql_never_runs_on_the_loop(catalog: Catalog) -> None:
    threads = {
        await catalog.run(lambda _: threading.get_ident(), lane="list"),
        await catalog.run(lambda _: threading.get_ident(), lane="detail"),
        await catalog.run(lambda _: threading.get_ident(), lane="marks"),
    }
    assert len(threads) == 3
    assert threading.get_ident() not in threads


async def test_a_catalog_that_cannot_be_opened_leaves_no_thread(tmp_path: Path, path: Path) -> None:
    with pytest.raises(RegistryError, match="nothing"):
        await Catalog.open(tmp_path / "nothing.db")
    (tmp_path / "bad.db").write_bytes(b"bad " * 4096)
    with pytest.raises(ArtifactTuiError, match=r"bad\.db"):
        await Catalog.open(path, tmp_path / "bad.db")
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("catalog-")]
