"""Passes over a list that changes meanwhile: nothing that stays is lost without a word."""

from __future__ import annotations

import asyncio
import base64
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artifact_tui.clients.wandb import wandb_paging
from artifact_tui.clients.wandb.wandb_model import (
    CollectionPlace,
    Connection,
    ConnectionEdge,
    PageInfo,
)
from artifact_tui.clients.wandb.wandb_paging import position_cursors
from artifact_tui.errors import RegistryError


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@dataclass
class Shelf:
    """A list on a server, which others change after each request."""

    rows: list[int]
    cap: int = 3
    keyset: bool = False
    cursors: bool = True
    totals: bool = True
    hidden: frozenset[int] = frozenset()
    """Rows that are kept from us."""
    bare: bool = False
    """Of hidden rows not even the cursor is told."""
    changes: list[tuple[int, int]] = field(default_factory=list)
    """(row to remove, rows to add), one for each request."""
    asked: int = 0
    running: int = 0
    most: int = 0
    """Requests under way at once."""
    next: int = 1_000

    async def ask(self, after: str | None, count: int) -> Connection[CollectionPlace]:
        self.asked += 1
        self.running += 1
        self.most = max(self.most, self.running)
        await asyncio.sleep(0)
        self.running -= 1
        answer = self.page(after, min(count, self.cap))
        if self.changes:
            gone, more = self.changes.pop(0)
            if self.rows:
                del self.rows[gone % len(self.rows)]
            for _ in range(more):
                self.rows.append(self.next)
                self.next += 1
        return answer

    def page(self, after: str | None, count: int) -> Connection[CollectionPlace]:
        start = 0
        if after is not None:
            kind, _, value = base64.b64decode(after).decode().partition(":")
            later = [at for at, row in enumerate(self.rows) if row > int(value)]
            start = (later or [len(self.rows)])[0] if kind == "key" else int(value) + 1
        shown = self.rows[start : start + count]
        cursor = [
            encoded(f"key:{row}" if self.keyset else f"arrayconnection:{at}")
            for at, row in enumerate(shown, start)
        ]
        more = start + len(shown) < len(self.rows)
        return Connection(
            len(self.rows) if self.totals else None,
            PageInfo(more, cursor[-1] if cursor else None),
            [self.edge(row, one) for row, one in zip(shown, cursor, strict=True)],
        )

    def edge(self, row: int, cursor: str) -> ConnectionEdge[CollectionPlace] | None:
        told = cursor if self.cursors else None
        if row in self.hidden:
            return None if self.bare else ConnectionEdge(None, None, told)
        return ConnectionEdge(CollectionPlace(str(row)), None, told)


async def listed(shelf: Shelf, size: int, notes: list[str]) -> list[int]:
    found: list[int] = []
    try:
        async for rows in wandb_paging.rows_by_page(shelf.ask, size):
            found += [int(edge.node.id) for edge in rows if edge and edge.node]
    except wandb_paging.UnsteadyError:
        notes.append("unsteady")
    return found


SHELVES = st.builds(
    Shelf,
    rows=st.integers(0, 30).map(lambda n: list(range(n))),
    cap=st.integers(1, 9),
    keyset=st.booleans(),
    cursors=st.booleans(),
)


@given(SHELVES, st.integers(1, 12))
def test_a_quiet_list_is_read_once_and_whole(shelf: Shelf, size: int) -> None:
    notes: list[str] = []
    assert asyncio.run(listed(shelf, size, notes)) == shelf.rows
    assert notes == []


HIDDEN = st.frozensets(st.integers(0, 30), max_size=12)


@given(SHELVES, st.integers(1, 12), HIDDEN, st.booleans())
def test_rows_that_are_hidden_hide_no_others(
    shelf: Shelf,
    size: int,
    hidden: frozenset[int],
    bare: bool,  # noqa: FBT001
) -> None:
    shelf.hidden, shelf.bare = hidden, bare
    notes: list[str] = []
    found = asyncio.run(listed(shelf, size, notes))
    assert found == [row for row in shelf.rows if row not in hidden]
    assert notes == []


@given(
    SHELVES,
    st.integers(1, 12),
    HIDDEN,
    st.booleans(),
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 0))),
)
def test_hidden_rows_and_others_that_go_lose_nothing_that_stays(
    shelf: Shelf,
    size: int,
    hidden: frozenset[int],
    bare: bool,  # noqa: FBT001
    changes: list[tuple[int, int]],
) -> None:
    shelf.hidden, shelf.bare, shelf.changes = hidden, bare, changes
    notes: list[str] = []
    found = set(asyncio.run(listed(shelf, size, notes)))
    assert notes or set(shelf.rows) - hidden <= found


@given(SHELVES, st.integers(1, 12), HIDDEN)
def test_whole_tells_of_every_hidden_row(shelf: Shelf, size: int, hidden: frozenset[int]) -> None:
    shelf.hidden = hidden
    found = asyncio.run(wandb_paging.all_rows(shelf.ask, size))
    untold = sum(edge is None or edge.node is None for edge in found)
    assert untold == len(hidden & set(shelf.rows))


@pytest.mark.parametrize("bare", [False, True])
@pytest.mark.parametrize("hidden", [{1, 6}, {2, 8}, {3}, {7, 8}, {0, 1, 2, 3}])
async def test_hidden_rows_cost_no_second_pass(hidden: set[int], bare: bool) -> None:  # noqa: FBT001
    shelf = Shelf(list(range(10)), cap=4, hidden=frozenset(hidden), bare=bare)
    notes: list[str] = []
    assert await listed(shelf, 4, notes) == [row for row in range(10) if row not in hidden]
    assert notes == []
    assert shelf.asked <= 8


@given(SHELVES, st.integers(1, 12), st.lists(st.tuples(st.integers(0, 40), st.integers(0, 0))))
def test_what_stays_is_not_lost_when_others_go(
    shelf: Shelf, size: int, changes: list[tuple[int, int]]
) -> None:
    shelf.changes = changes
    notes: list[str] = []
    found = set(asyncio.run(listed(shelf, size, notes)))
    assert notes or set(shelf.rows) <= found


@given(SHELVES, st.integers(1, 12), st.lists(st.tuples(st.integers(0, 40), st.integers(0, 2))))
def test_with_cursors_of_rows_new_ones_may_come_as_well(
    shelf: Shelf, size: int, changes: list[tuple[int, int]]
) -> None:
    before = set(shelf.rows)
    shelf.cursors, shelf.changes, shelf.cap = True, changes, max(2, shelf.cap)
    notes: list[str] = []
    found = set(asyncio.run(listed(shelf, max(2, size), notes)))
    assert notes or set(shelf.rows) & before <= found


async def test_pages_of_positions_are_under_way_together() -> None:
    shelf = Shelf(list(range(100)), cap=10)
    assert await listed(shelf, 10, []) == shelf.rows
    assert (shelf.asked, shelf.most) == (11, wandb_paging.PAGES_AT_ONCE)


async def test_pages_of_other_cursors_come_one_after_the_other() -> None:
    shelf = Shelf(list(range(100)), cap=10, keyset=True)
    assert await listed(shelf, 10, []) == shelf.rows
    assert (shelf.asked, shelf.most) == (11, 1)


async def test_whole_is_all_that_stays_or_an_error() -> None:
    rows = await wandb_paging.all_rows(Shelf(list(range(20))).ask, 5)
    assert len(rows) == 20
    busy = Shelf(list(range(40)), changes=[(0, 0)] * 9)
    found = await wandb_paging.all_rows(busy.ask, 5)
    assert {str(row) for row in busy.rows} <= {edge.node.id for edge in found if edge and edge.node}
    busy = Shelf(list(range(200)), changes=[(0, 0)] * 900, cursors=False)
    with pytest.raises(RegistryError, match="changes faster"):
        await wandb_paging.all_rows(busy.ask, 5)


async def test_a_list_that_never_ends_is_an_error() -> None:
    async def again(_: str | None, __: int) -> Connection[CollectionPlace]:
        return Connection(
            None,
            PageInfo(has_next_page=True, end_cursor="x"),
            [ConnectionEdge(CollectionPlace("1"))],
        )

    with pytest.raises(RegistryError, match="again and again"):
        await wandb_paging.all_rows(again, 5)


@pytest.mark.parametrize(
    ("cursor", "rows"),
    [
        ("x", 1),
        ("", 0),
        (encoded("arrayconnection:4"), 6),
        (encoded("key:5x"), 6),
        (encoded("Artifact:5"), 6),
        (encoded("arrayconnection:05"), 6),
        (encoded("arrayconnection:5").rstrip("="), 6),
        ("é", 1),
    ],
)
def test_other_cursors_are_not_taken_for_positions(cursor: str, rows: int) -> None:
    assert position_cursors(cursor, rows) is None


def test_a_position_makes_cursors() -> None:
    made = position_cursors(encoded("arrayconnection:49"), 50)
    assert made is not None
    assert made.position == 49
    assert made.after(98) == encoded("arrayconnection:98")


@pytest.mark.parametrize("keyset", [False, True])
async def test_a_busy_list_is_followed_without_beginning_again(keyset: bool) -> None:  # noqa: FBT001
    shelf = Shelf(list(range(300)), cap=10, keyset=keyset, changes=[(0, 0)] * 200)
    notes: list[str] = []
    found = await listed(shelf, 10, notes)
    assert set(shelf.rows) <= set(found)
    assert len(found) == len(set(found))
    assert notes == []
    assert shelf.asked < 70
