"""One pass over a listing, in any of the paging styles of the family.

The next offset may come in a header `offset` or `X-Offset`, always or only when more follows, as
`null`, or not at all; it is sent back as a query parameter and as a header. A pass ends when a
page is empty, no further offset is given, or the given one leads back to what was read. A server
that promises more and repeats itself makes the listing useless for deciding what is gone: that is
an error, not an end. Some servers refuse a question with too many answers (413): then each type is
asked for, and after that everything by regular expression; whether that was everything shows when
half of it is asked for. What stays unread is in `missing`.
"""

from __future__ import annotations

import re
from collections import deque
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from artifact_tui.clients.http import decode
from artifact_tui.clients.web.answers import GarbageAnswerError
from artifact_tui.errors import RegistryError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from artifact_tui.clients.http.decode import Row
    from artifact_tui.clients.http.keys import Ref
    from artifact_tui.clients.http.options import Options
    from artifact_tui.clients.http.paths import Call
    from artifact_tui.clients.http.wire import Wire
    from artifact_tui.clients.web.answers import Answer

TYPES = ("model", "dataset", "code")
"""The types of the family."""

ALL = "*"
_TOO_MANY = frozenset({400, 413, 422})
"""Answers to one question that a narrower question, or another one, may not get."""


class Way(Enum):
    """How a question is put."""

    LISTING = "listing"
    SEARCH = "search"
    """By regular expression: everything, on one page."""
    NAME = "name"
    """By name, of whatever type, on one page."""


class Question(NamedTuple):
    """One of the questions that make a pass."""

    kind: str | None
    way: Way = Way.LISTING
    half: str = ""
    """Of a search: an expression for some names, to see whether the search for all gave all."""


class Walk:
    """A pass over all artifacts, or over those of one name and type."""

    def __init__(
        self, wire: Wire, options: Options, *, name: str = ALL, kind: str | None = None
    ) -> None:
        self._wire = wire
        self._options = options
        self._name = name
        self._questions = deque([Question(kind)])
        self._offset: int | None = None
        self._received = 0
        """Rows that the present question has brought."""
        self._repeated = False
        """The page before brought nothing new, and was asked for again."""
        self._seen: dict[Row, None] = {}
        self._models = 0
        self.pages = 0
        self.skipped = 0
        """Entries without a usable id."""
        self.expected: int | None = None
        """How many artifacts there are, once someone knows: the end of a repeating server."""
        self.whole = True
        """Whether all came in answer to one question, so that its order is that of the registry."""
        self.missing: dict[str, RegistryError] = {}
        """Types that the registry would not list, however it was asked, and its answer."""
        self._refused: RegistryError | None = None
        """Its answer to the plain question for a type, before the search was tried."""

    async def page(self) -> list[Row] | None:
        """The next page's rows that were not on an earlier one; None at the end.

        Raises:
            RegistryError: the listing cannot be read to its end.
        """
        while self._questions:
            skipped = self.skipped
            try:
                answer, rows = await self._ask(self._questions[0])
            except GarbageAnswerError as error:
                if self._questions[0].way is not Way.SEARCH:
                    raise
                self._without(error)
                continue
            if rows is None:
                self._otherwise(answer)
                continue
            fresh = self._fresh(rows)
            following = self._following(answer)
            back = self._offset is not None and self._offset < self._received
            skipped = self.skipped - skipped
            self._received += len(fresh) + skipped
            repeats = bool(rows) and not fresh and self._offset is not None
            if repeats and not (back or self._complete()):
                if self._repeated:
                    raise RegistryError(
                        "The registry promises more artifacts and repeats the same page.",
                        hint="Its listing cannot be trusted; nothing was taken from it.",
                    )
                self._repeated = True  # once may be chance
                continue
            self._repeated = False
            if not (fresh or skipped) or following is None:
                self._answered()
            else:
                self._offset = following
            if fresh:
                return fresh
        if not self._seen:
            self._explain_nothing()
        return None

    def _explain_nothing(self) -> None:
        """Refuse a pass that brought nothing although the registry has something."""
        if self.missing:
            raise next(iter(self.missing.values()))
        if self.skipped:
            raise RegistryError(
                "No entry of the registry's listing has an id that can be asked for.",
                hint="Check the address; nothing was taken from the listing.",
            )

    async def _ask(self, question: Question) -> tuple[Answer, list[Row] | None]:
        if self.pages >= self._options.page_limit or len(self._seen) > self._options.row_limit:
            raise RegistryError(
                f"The registry's listing has no end: {self.pages:,} pages and"
                f" {len(self._seen):,} artifacts so far.",
                hint="Nothing was taken from it.",
            )
        self.pages += 1
        answer, found = await self._wire.parsed(
            self._call(question),
            lambda answer: decode.rows(answer.body, question.kind),
            "a listing",
        )
        if found is None:
            return answer, None
        self.skipped += found.skipped
        return answer, found.rows

    def _call(self, question: Question) -> Call:
        paths = self._wire.paths
        if question.way is Way.SEARCH:
            return paths.by_regex(msgspec.json.encode({"regex": question.half or ".*"}))
        if question.way is Way.NAME:
            return paths.by_name(self._name)
        query = {"name": self._name} | ({"types": [question.kind]} if question.kind else {})
        return paths.listing(msgspec.json.encode([query]), self._offset)

    def _answered(self) -> None:
        """The present question is answered; a search answers all others with it."""
        question = self._questions.popleft()
        if question.way is Way.SEARCH and not question.half:
            self._questions.clear()
            self.missing.clear()
            if self._seen and not self._complete():
                self._questions += [Question(None, Way.SEARCH, half) for half in self._halves()]
        self._offset, self._received = None, 0

    def _halves(self) -> tuple[str, str]:
        """Expressions for the names that end like half of those found, and for all others."""
        ends = sorted({row.name[-1:] for row in self._seen} - {"", "\n"})
        some = "".join(map(re.escape, ends[: max(1, len(ends) // 2)])) or "x"
        return f"[{some}]$", f"[^{some}]$"

    def _otherwise(self, answer: Answer) -> None:
        """The present question is refused: put it in another way, or do without its answer.

        Raises:
            RegistryError: there is no other way.
        """
        self.whole = False
        question = self._questions[0]
        if question.half:  # 404, as there are none; or an expression that it does not know
            self._answered()
            return
        refused = self._wire.refused(answer, "listing its artifacts")
        narrower = answer.status in _TOO_MANY and self._offset is None
        if question.way is Way.SEARCH or (self.missing and narrower):
            self._without(refused)
        elif not narrower or question.way is Way.NAME:
            raise refused
        elif self._name != ALL:
            self._questions = deque([Question(question.kind, Way.NAME)])
        elif question.kind is None:
            self._questions = deque(Question(kind) for kind in TYPES)
        else:
            self._refused = refused
            self._questions[0] = Question(question.kind, Way.SEARCH)

    def _without(self, error: RegistryError) -> None:
        """Do without the answer to the present question."""
        question = self._questions.popleft()
        if question.half:
            return
        why = self._refused if question.way is Way.SEARCH else error
        self.missing[question.kind or ALL] = why or error

    def _following(self, answer: Answer) -> int | None:
        if self._questions[0].way is not Way.LISTING:
            return None
        return next_offset(answer.headers, self._offset or 0)

    def _fresh(self, rows: list[Row]) -> list[Row]:
        fresh = []
        before = len(self._seen)
        for row in rows:
            mark = msgspec.structs.replace(row, url="") if row.url else row
            if mark not in self._seen:
                self._seen[mark] = None
                self._models += row.type == "model"
                fresh.append(row)
        if fresh and self._questions[0].half:
            limited = RegistryError(f"Its search gives no more than {before:,} at once.")
            self.missing.setdefault(ALL, limited)
        return fresh

    def _complete(self) -> bool:
        return self.expected is not None and len(self._seen) + self.skipped >= self.expected

    @property
    def seen(self) -> frozenset[Row]:
        """Everything found so far."""
        return frozenset(self._seen)

    @property
    def order(self) -> list[Ref]:
        """Everything listed so far, in the order in which it came."""
        return [row.ref for row in self._seen]

    @property
    def agrees(self) -> bool | None:
        """Whether the pass found as many as were expected; None when nobody knew.

        Some servers count models only.
        """
        if self.expected is None:
            return None
        whole = len(self._seen) + self.skipped
        return self.expected in {whole, len(self._seen), self._models}


def next_offset(headers: Mapping[str, str], last: int) -> int | None:
    """Where the next page starts, or None when there is none: absent, `null`, or no progress."""
    for name in ("offset", "x-offset"):
        text = headers.get(name, "").strip().strip('"')
        if text.isascii() and text.isdigit() and last < int(text[:18]):
            return int(text[:18])
    return None
