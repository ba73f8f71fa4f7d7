"""One pass over a listing, in any of the paging styles of the family.

The next offset may come in a header `offset` or `X-Offset`, always or only when more follows, as
`null`, or not at all; it is sent back as a query parameter and as a header. A pass ends when a
page is empty or no further offset is given. A server that promises more and repeats itself makes
the listing useless for deciding what is gone: that is an error, not an end.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from artifact_tui.clients.http import decode
from artifact_tui.errors import RegistryError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from artifact_tui.clients.http.decode import Row
    from artifact_tui.clients.http.options import Options
    from artifact_tui.clients.http.wire import Wire
    from artifact_tui.clients.web.answers import Answer

TYPES = ("model", "dataset", "code")
"""The types of the family."""

ALL = "*"
_TOO_MANY = frozenset({400, 413, 422})
"""Answers to "all types" that the same question for one type may not get."""


class Walk:
    """A pass over all artifacts, or over those of one name and type."""

    def __init__(
        self, wire: Wire, options: Options, *, name: str = ALL, kind: str | None = None
    ) -> None:
        self._wire = wire
        self._options = options
        self._name = name
        self._kinds: deque[str | None] = deque([kind])
        self._offset: int | None = None
        self._seen: set[Row] = set()
        self._models = 0
        self.pages = 0
        self.skipped = 0
        """Entries without a usable id."""
        self.expected: int | None = None
        """How many artifacts there are, once someone knows: the end of a repeating server."""

    async def page(self) -> list[Row] | None:
        """The next page's rows that were not on an earlier one; None at the end.

        Raises:
            RegistryError: the listing cannot be read to its end.
        """
        while self._kinds:
            answer, rows = await self._ask()
            if self._split(answer):
                continue
            if rows is None:
                raise self._wire.refused(answer, "listing its artifacts")
            following = self._following(answer)
            fresh = self._fresh(rows)
            if rows and not fresh and self._offset is not None and not self._complete():
                raise RegistryError(
                    "The registry promises more artifacts and repeats the same page.",
                    hint="Its listing cannot be trusted; nothing was taken from it.",
                )
            if not fresh or following is None:
                self._kinds.popleft()
                self._offset = None
            else:
                self._offset = following
            if fresh:
                return fresh
        return None

    async def _ask(self) -> tuple[Answer, list[Row] | None]:
        if self.pages >= self._options.page_limit or len(self._seen) > self._options.row_limit:
            raise RegistryError(
                f"The registry's listing has no end: {self.pages:,} pages and"
                f" {len(self._seen):,} artifacts so far.",
                hint="Nothing was taken from it.",
            )
        self.pages += 1
        kind = self._kinds[0]
        query = {"name": self._name} | ({"types": [kind]} if kind else {})
        body = msgspec.json.encode([query])
        call = self._wire.paths.listing(body, self._offset)
        answer, found = await self._wire.parsed(
            call, lambda answer: decode.rows(answer.body, kind), "a listing"
        )
        if found is None:
            return answer, None
        self.skipped += found[1]
        return answer, found[0]

    def _split(self, answer: Answer) -> bool:
        """Too many for one question: ask for each type instead."""
        if answer.status in _TOO_MANY and self._kinds[0] is None and self._offset is None:
            self._kinds = deque(TYPES)
            return True
        return False

    def _following(self, answer: Answer) -> int | None:
        return next_offset(answer.headers, self._offset or 0)

    def _fresh(self, rows: list[Row]) -> list[Row]:
        fresh = []
        for row in rows:
            mark = replace(row, url="") if row.url else row
            if mark not in self._seen:
                self._seen.add(mark)
                self._models += row.type == "model"
                fresh.append(row)
        return fresh

    def _complete(self) -> bool:
        return self.expected is not None and len(self._seen) >= self.expected

    @property
    def seen(self) -> frozenset[Row]:
        """Everything found so far."""
        return frozenset(self._seen)

    @property
    def agrees(self) -> bool | None:
        """Whether the pass found as many as were expected; None when nobody knew.

        Some servers count models only.
        """
        return None if self.expected is None else self.expected in {len(self._seen), self._models}


def next_offset(headers: Mapping[str, str], last: int) -> int | None:
    """Where the next page starts, or None when there is none: absent, `null`, or no progress."""
    for name in ("offset", "x-offset"):
        text = headers.get(name, "").strip().strip('"')
        if text.isascii() and text.isdigit() and last < int(text[:18]):
            return int(text[:18])
    return None
