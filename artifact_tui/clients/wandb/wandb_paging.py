"""Passes over lists that others change meanwhile, which lose nothing without saying so.

Where cursors are positions, a row that goes shifts all that come after it, and the next page
begins one row too late. So each page begins with the last row of the one before, where the server
gives rows cursors; a page that does not is looked for again, some pages back. Where rows have no
cursors, the totals of all pages must agree. A pass that tore all the same is made again. Rows that
are kept from us are all alike: none of them tells where a page begins.

Cursors are opaque; but one whose text is `arrayconnection:49` after 50 rows is taken for what it
looks like, so that several pages can be asked for at once, and each page is checked against its
neighbour. A listing is made ahead of whoever reads it.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections import deque
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from artifact_tui.clients.transport import together
from artifact_tui.errors import RegistryError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from artifact_tui.clients.wandb.wandb_model import Connection, ConnectionEdge

    AskPage = Callable[[str | None, int], Awaitable[Connection["T"]]]
    """A page of the list: after which cursor, and how many rows."""


_POSITION_CURSOR = re.compile(r"((?:arrayconnection|offset|cursor):)(\d{1,9})", re.ASCII)


class PositionCursors(NamedTuple):
    """Cursors that are positions: how one begins, and the position of one that was seen."""

    prefix: str
    position: int
    """Of the row that the cursor seen is of, counted from 0."""

    def after(self, position: int) -> str:
        """The cursor after which the row at `position + 1` comes."""
        return base64.b64encode(f"{self.prefix}{position}".encode()).decode()


def position_cursors(cursor: str, rows: int | None) -> PositionCursors | None:
    """How to make cursors; None unless this one is plainly a position.

    `rows` is how many rows there were up to it; None: the list has been seen to have positions.
    """
    try:
        text = base64.b64decode(cursor, validate=True).decode()
    except (binascii.Error, ValueError):
        return None
    found = _POSITION_CURSOR.fullmatch(text)
    made = PositionCursors(found[1], int(found[2])) if found else None
    if made is None or made.after(made.position) != cursor or rows not in {None, made.position + 1}:
        return None
    return made


T = TypeVar("T")

MOST_PASSES = 4
"""Passes over a list, before it is taken as it is."""

PAGES_AT_ONCE = 8
"""Pages of one list under way at once."""

PLACES_BACK = 8
"""Places to go back to at most, two on a page, to find where the list goes on."""

MOST_BACKS = 20
"""How often to go back in one pass."""

ROWS_REMEMBERED = 2_000
"""Rows at the end of what was read that are recognised."""

LEAST_ROWS = 3
"""Pages of fewer rows are asked for one after the other."""


class ListPass(Generic[T]):
    """One pass over a list."""

    def __init__(
        self,
        ask: AskPage[T],
        size: int,
        first: Connection[T] | None = None,
        *,
        leaping: bool = True,
    ) -> None:
        self._ask = ask
        self._size = size
        self._first = first
        self._leaping = leaping
        self.count = 0
        """Rows so far, each once."""
        self._totals: set[int | None] = set()
        self._tail: deque[object] = deque(maxlen=ROWS_REMEMBERED)
        self._hidden = 0
        """Rows at the very end of what was read that nothing tells from others."""
        self._trail: list[str | None] = [None]
        self._positions = False
        self._backs = 0
        self._torn = False
        self._blind = False
        self.steady = False
        """Nothing was lost between the pages, as far as can be told; set at the end."""

    async def pages(self) -> AsyncIterator[Sequence[ConnectionEdge[T] | None]]:
        """The rows, page by page.

        Raises:
            RegistryError: a page cannot be had, or the list never ends.
        """
        page = await self._ask(None, self._size) if self._first is None else self._first
        own = self._first is None
        yield self._take(page, page.rows)
        seen: set[str] = set()
        while (after := page.after) is not None:
            if after in seen:
                raise RegistryError(
                    "W&B sends the same page of a list again and again.",
                    hint="Nothing was changed. Try again later.",
                )
            seen.add(after)
            starts = self._starts(page) if own and self._leaping else []
            own = True
            pages: list[tuple[str | None, Connection[T]]]
            if starts:
                size = len(page.rows)
                several = await together(*(self._ask(start, size) for start in starts))
                pages = list(zip(starts, several, strict=True))
            else:
                pages = [await self._step(page)]
            for start, found in pages:
                if starts and self._hidden:
                    break  # nobody can tell whether this one begins where the last one ended
                page, rows = await self._fitted(start, found)
                if rows := self._take(page, rows):
                    yield rows
                if page is not found:
                    seen.clear()
                    break  # the others began too late as well
        agreed = len(self._totals) == 1 and self._totals <= {None, self.count}
        self.steady = not self._torn and (agreed or not self._blind)

    def _starts(self, page: Connection[T]) -> list[str]:
        """Cursors of the pages to ask for at once, each one row before its own rows."""
        after, total, size = page.after, page.total_count, len(page.rows)
        made = position_cursors(after, None if self._positions else self.count) if after else None
        if made is None or total is None or size < LEAST_ROWS or self._hidden:
            return []
        self._positions = True
        positions = range(made.position - 1, total - 2, size - 1)[:PAGES_AT_ONCE]
        return [made.after(position) for position in positions]

    async def _step(self, page: Connection[T]) -> tuple[str | None, Connection[T]]:
        """The next page, from a row before its own rows where that can be."""
        if cursor := self._near(page.rows):
            return cursor, await self._ask(cursor, self._size)
        self._blind = True
        return None, await self._ask(page.after, self._size)

    def _near(self, rows: Sequence[ConnectionEdge[T] | None]) -> str:
        """The cursor of a row before one that will be recognised; empty when there is none."""
        shown = [at for at, row in enumerate(rows) if _row_identity(row) is not None]
        near = shown[-1] - 1 if shown else -1
        if self._backs:
            near = min(near, len(rows) // 2)
        cursors = (row.cursor for row in reversed(rows[: near + 1]) if row is not None)
        return next((cursor for cursor in cursors if cursor), "")

    async def _fitted(
        self, start: str | None, page: Connection[T]
    ) -> tuple[Connection[T], Sequence[ConnectionEdge[T] | None]]:
        """A page with those of its rows that are new; another one when it began too late.

        `start` is None for a page that has nothing in common with the one before.
        """
        if start is None:
            return page, page.rows
        if (rows := self._new(page)) is not None:
            return page, rows
        self._backs += 1
        self._leaping = False
        for cursor in reversed(self._trail[-PLACES_BACK:] if self._backs <= MOST_BACKS else []):
            page = await self._ask(cursor, self._size)
            if (rows := self._new(page)) is not None:
                return page, rows
            if cursor is None and self.count <= ROWS_REMEMBERED:
                return page, page.rows  # all that was read is gone
        self._torn = True
        return page, page.rows

    def _new(self, page: Connection[T]) -> Sequence[ConnectionEdge[T] | None] | None:
        """The rows after those that are known; None when none is: some may lie between."""
        known = [
            at
            for at, row in enumerate(page.rows)
            if (one := _row_identity(row)) is not None and one in self._tail
        ]
        if not known:
            return None
        rows = page.rows[known[-1] + 1 :]
        again = min(self._hidden, _hidden_at_start(rows))
        return rows[again:]

    def _take(
        self, page: Connection[T], rows: Sequence[ConnectionEdge[T] | None]
    ) -> Sequence[ConnectionEdge[T] | None]:
        """Note the new rows of a page, and places in it to come back to."""
        self._totals.add(page.total_count)
        shown = [one for row in rows if (one := _row_identity(row)) is not None]
        self._tail.extend(shown)
        at_end = _hidden_at_start(rows[::-1])
        self._hidden = at_end if shown else self._hidden + at_end
        self.count += len(rows)
        places = (*page.rows[:1], *page.rows[len(page.rows) // 2 :][:1])
        self._trail += [row.cursor for row in places if row is not None and row.cursor]
        return rows


def _row_identity(edge: ConnectionEdge[T] | None) -> object:
    """What tells a row from others: the same version may be linked twice, under two labels.

    None for a row that is kept from us: it is like any other such row.
    """
    identifier = None if edge is None else getattr(edge.node, "id", None)
    return None if edge is None or identifier is None else (edge.version, identifier)


def _hidden_at_start(rows: Sequence[ConnectionEdge[T] | None]) -> int:
    """How many rows at the beginning nothing tells from others."""
    shown = (at for at, row in enumerate(rows) if _row_identity(row) is not None)
    return next(shown, len(rows))


class UnsteadyError(RegistryError):
    """A list changed whenever it was read."""


async def rows_by_page(
    ask: AskPage[T], size: int, *, first: Connection[T] | None = None
) -> AsyncIterator[Sequence[ConnectionEdge[T] | None]]:
    """All rows, page by page; rows may come again when the list changed while it was read.

    Raises:
        UnsteadyError: it never held still: rows that are there may not have come.
        RegistryError: it cannot be read.
    """
    for attempt in range(MOST_PASSES):
        one = ListPass(ask, size, None if attempt else first, leaping=not attempt)
        async for rows in one.pages():
            yield rows
        if one.steady:
            return
    raise UnsteadyError(
        "A list at W&B changes faster than it can be read.",
        hint="Nothing was changed. Try again when fewer others are at work on it.",
    )


async def all_rows(
    ask: AskPage[T], size: int, *, first: Connection[T] | None = None
) -> list[ConnectionEdge[T] | None]:
    """All rows, as `rows_by_page` gives them."""
    return [row async for rows in rows_by_page(ask, size, first=first) for row in rows]
