"""Whatever a catalog holds and whatever is asked: SQL answers as the obvious loop does."""

from __future__ import annotations

import itertools
from contextlib import closing, contextmanager
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from artifact_tui.catalog import connect, listing, marks
from artifact_tui.catalog.detail import version_detail
from artifact_tui.catalog.filter_doubts import undecided
from artifact_tui.catalog.listing import (
    Sort,
    collection_outline,
    matching_totals,
    version_chunks,
    version_position,
    version_window,
)
from artifact_tui.query import compile_query, parse
from tests.properties.query.naive import Naive
from tests.properties.query.strategies import catalogs, filters, sorts
from tests.support import reference
from tests.support.catalogs import NOW, Made, Maker, every_version, marked_keys

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence

    from artifact_tui.query import Where


@contextmanager
def opened(maker: Maker) -> Iterator[sqlite3.Connection]:
    with TemporaryDirectory() as folder:
        path = maker.write(Path(folder) / "catalog.db")
        with closing(connect(path)) as conn:
            yield conn


def where(text: str) -> Where:
    return compile_query(parse(text), NOW)


def weight(group: Sequence[Made], *, links: bool = True) -> int | None:
    """What versions come to; None when the size of none is known. Links may add nothing."""
    known = [made for made in group if made.size is not None]
    return sum(made.size or 0 for made in known if links or not made.source_key) if known else None


@given(catalogs(), filters, sorts)
def test_filter_and_order(maker: Maker, text: str, sort: Sort) -> None:
    naive = Naive(maker, NOW)
    expected = naive.matching(parse(text))
    with opened(maker) as conn:
        assert matching_totals(conn, where(text)) == (
            len(expected),
            weight(expected, links=False) if expected else 0,
        )
        order = [made.id for made in naive.sorted(sort, expected)]
        assert [row.id for row in every_version(conn, where(text), sort)] == order
        for limit in (1, 5):
            first = chain.from_iterable(version_chunks(conn, where(text), sort, limit=limit))
            assert [row.id for row in first] == order[:limit]
        (unknown,) = conn.execute(
            f"SELECT count(*) FROM version v JOIN collection c ON c.id = v.collection_id"
            f" WHERE ({where(text).sql}) IS NULL",
            where(text).params,
        ).fetchone()
        assert undecided(conn, where(text)) == unknown
        rows = collection_outline(conn, where(text), sort)
        counts = {row.name: (row.versions, row.size, row.newest_us) for row in rows}
        assert counts == {
            name: (
                len(group),
                weight(group),
                max((m.created_us for m in group if m.created_us is not None), default=None),
            )
            for name in maker.types
            if (group := [made for made in expected if made.collection == name])
        }


SPANS = st.tuples(st.integers(0, 13), st.integers(0, 13), st.integers(1, 4))
"""First row, number of rows, and how near an end counts as near."""


@given(catalogs(), filters, sorts, SPANS)
def test_any_window_is_a_slice(
    maker: Maker, text: str, sort: Sort, span: tuple[int, int, int]
) -> None:
    start, count, near = span
    naive = Naive(maker, NOW)
    expected = naive.matching(parse(text))
    before, listing.NEAR = listing.NEAR, near
    try:
        with opened(maker) as conn:
            for number, name in enumerate(maker.types, start=1):
                mine = [made for made in expected if made.collection == name]
                order = [made.id for made in naive.within(sort, mine)]
                for at in (start, max(0, len(order) - count), 0, start):
                    rows = version_window(conn, number, where(text), sort, at, count)
                    assert [row.id for row in rows] == order[at : at + count]
                for place, version_id in enumerate(order):
                    assert version_position(conn, number, where(text), sort, version_id) == place
    finally:
        listing.NEAR = before


@given(catalogs(), st.data())
def test_what_a_selection_frees_and_hurts(maker: Maker, data: st.DataObject) -> None:
    naive = Naive(maker, NOW)
    picked: list[Made] = data.draw(
        st.lists(st.sampled_from(maker.versions), unique_by=lambda made: made.id)
        if maker.versions
        else st.just([])
    )
    ids = {made.id for made in picked}
    with opened(maker) as conn:
        assert marks.pick(conn, [made.key for made in picked]) == len(ids)
        weighed = marks.picked_bytes(conn)
        sources = [made for made in picked if made.source_key is None]
        untold = [made for made in sources if naive.unique(made) is None]
        assert weighed.freed == naive.freed(ids) + naive.charged(ids)
        assert weighed.charged == any(made.stored is not None for made in untold)
        assert weighed.listed == sum(made.size or 0 for made in sources)
        assert weighed.unknown_count == sum(made.stored is None for made in untold)
        judged = reference.read_candidates(conn, frozenset()).candidates
        assert {one.key: set(one.facts.dependents) for one in judged} == {
            made.key: naive.lost_by(made) for made in picked
        }
        below = {made.id for made in maker.versions if made.state != "trash"}
        below &= naive.all_below(ids)
        assert marks.pick_dependents(conn) == len(below - ids)
        assert set(marks.picked_ids(conn)) == ids | below


@given(catalogs(), filters, st.data())
def test_marks(maker: Maker, text: str, data: st.DataObject) -> None:
    keys = [made.key for made in maker.versions]
    marked = set(data.draw(st.lists(st.sampled_from([*keys, "gone"]))))
    shown = {made.key for made in Naive(maker, NOW).matching(parse(text))}
    with opened(maker) as conn:
        assert marks.mark_keys(conn, marked, now_us=NOW) == len(marked)
        there = marked - {"gone"}
        assert set(marked_keys(conn)) == there
        assert marks.marked_count(conn) == len(there)
        found = marks.marked_and_hidden(conn, where(text))
        assert found == (len(there), len(there - shown))
        only = marks.only_marked(where(text))
        assert matching_totals(conn, only)[0] == len(there & shown)
        rows = collection_outline(conn, where(text), Sort())
        assert sum(row.marked for row in rows) == len(there & shown)
        assert marks.unmark_where(conn, where(text)) == len(there & shown)
        assert marks.mark_where(conn, where(text)) == len(shown)
        assert set(marked_keys(conn)) == there | shown


@given(catalogs())
def test_rows_and_detail(maker: Maker) -> None:
    naive = Naive(maker, NOW)
    live = {made.id for made in maker.versions if made.state != "trash"}
    with opened(maker) as conn:
        for made in maker.versions:
            found = version_detail(conn, made.id)
            row = found.row
            assert (row.key, row.size, row.file_count) == (made.key, made.size, made.file_count)
            assert (row.aliases, found.tags) == (made.aliases, made.tags)
            assert row.dependents == naive.value("dependents", made)
            assert (row.lineage_known, row.link) == (naive.known(made), bool(made.source_key))
            assert row.links == tuple(sorted(link.name for link in made.links))
            assert found.unique == naive.unique(made)
            assert [ref.id for ref in found.parents if not ref.elsewhere] == sorted(
                parent for parent, child in maker.edges if child == made.id
            )
            below = (naive.all_below([made.id]) & live) - {made.id}
            tree = found.dependents
            assert {line.ref.id for line in tree if not line.ref.elsewhere} == below
            reached = {made.id} | naive.all_below([made.id])
            beyond = {key for at, up, key, _ in maker.relatives if at in reached and not up}
            assert found.dependents_total == len(below) + len(beyond)
            depths = [0, *(line.depth for line in tree)]
            assert all(b <= a + 1 for a, b in itertools.pairwise(depths))
            direct = {line.ref.id for line in tree if line.depth == 1 and not line.ref.elsewhere}
            assert direct <= naive.dependents(made)
            assert {line.ref.key for line in tree if line.ref.elsewhere} == beyond
