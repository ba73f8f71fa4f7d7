"""The listing of a REST registry: passes over it, what they brought, and whether to believe it.

The family has several paging styles. The next offset may come in a header `offset` or `X-Offset`,
always or only when more follows, as `null`, or not at all; it is sent back as a query parameter
and as a header. A pass ends when a page is empty, no further offset is given, or the given one
leads back to what was read. A server that promises more and repeats itself makes the listing
useless for deciding what is gone: that is an error, not an end. Some servers refuse a question
with too many answers (413): then each type is asked for, and after that everything by regular
expression; whether that was everything shows when half of it is asked for. What stays unread is
in `missing`.

A `RestListing` holds what one or more passes have brought, in order of arrival, grouped by name:
what is known stays, and what an earlier pass missed (because somebody deleted while it was paging)
is added.

A `ListingReader` reads the whole registry, as one snapshot for decisions; a `ListingRun` reads it
page by page for the catalog. One reading may be wrong: a server whose storage fails lists nothing,
and a deletion by somebody else moves rows to a page that was read before. A listing is believed
when the server's own count agrees, or when two passes do; an empty one only when something explains
it.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec
from msgspec import structs

from artifact_tui.clients.artifact_keys import Ref
from artifact_tui.clients.rest import rest_entries
from artifact_tui.clients.rest.rest_entries import entry_digest
from artifact_tui.clients.servers import is_spelled
from artifact_tui.clients.transport import GarbageAnswerError, SilentError
from artifact_tui.errors import EmptyError, NotToldError, RegistryError
from artifact_tui.model import Collection, Listed, Version

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

    from artifact_tui.clients.rest.rest_entries import RestEntry
    from artifact_tui.clients.rest.rest_requests import RestRequests
    from artifact_tui.clients.rest.rest_settings import RestOptions
    from artifact_tui.clients.transport import HttpAnswer, HttpCall


ENTRY_TYPES = ("model", "dataset", "code")
"""The types of the family."""

ALL = "*"
_TOO_MANY = frozenset({400, 413, 422})
"""Answers to one question that a narrower question, or another one, may not get."""


class QuestionWay(Enum):
    """How a question is put."""

    LISTING = "listing"
    SEARCH = "search"
    """By regular expression: everything, on one page."""


class ListingQuestion(NamedTuple):
    """One of the questions that make a pass."""

    kind: str | None
    way: QuestionWay = QuestionWay.LISTING
    half: str = ""
    """Of a search: an expression for some names, to see whether the search for all gave all."""


class ListingPass:
    """A pass over all artifacts."""

    def __init__(self, requests: RestRequests, options: RestOptions) -> None:
        self._requests = requests
        self._options = options
        self._questions = deque([ListingQuestion(None)])
        self._offset: int | None = None
        self._received = 0
        """Rows that the present question has brought."""
        self._repeated = False
        """The page before brought nothing new, and was asked for again."""
        self._seen: dict[RestEntry, None] = {}
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

    async def page(self) -> list[RestEntry] | None:
        """The next page's rows that were not on an earlier one; None at the end.

        Raises:
            RegistryError: the listing cannot be read to its end.
        """
        while self._questions:
            skipped = self.skipped
            try:
                answer, rows = await self._ask(self._questions[0])
            except GarbageAnswerError as error:
                if self._questions[0].way is not QuestionWay.SEARCH:
                    raise
                self._do_without(error)
                continue
            if rows is None:
                self._ask_differently(answer)
                continue
            fresh = self._new_rows(rows)
            following = self._next_start(answer)
            back = self._offset is not None and self._offset < self._received
            skipped = self.skipped - skipped
            self._received += len(fresh) + skipped
            repeats = bool(rows) and not fresh and self._offset is not None
            if repeats and not (back or self._has_all()):
                if self._repeated:
                    raise RegistryError(
                        "The registry promises more artifacts and repeats the same page.",
                        hint="Its listing cannot be trusted; nothing was taken from it.",
                    )
                self._repeated = True  # once may be chance
                continue
            self._repeated = False
            if not (fresh or skipped) or following is None:
                self._end_question()
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

    async def _ask(self, question: ListingQuestion) -> tuple[HttpAnswer, list[RestEntry] | None]:
        if self.pages >= self._options.page_limit or len(self._seen) > self._options.row_limit:
            raise RegistryError(
                f"The registry's listing has no end: {self.pages:,} pages and"
                f" {len(self._seen):,} artifacts so far.",
                hint="Nothing was taken from it.",
            )
        self.pages += 1
        answer, found = await self._requests.parsed(
            self._call(question),
            lambda answer: rest_entries.decode_listing(answer.body, question.kind),
            "a listing",
        )
        if found is None:
            return answer, None
        self.skipped += found.skipped
        return answer, found.rows

    def _call(self, question: ListingQuestion) -> HttpCall:
        paths = self._requests.paths
        if question.way is QuestionWay.SEARCH:
            return paths.by_regex(msgspec.json.encode({"regex": question.half or ".*"}))
        query = {"name": ALL} | ({"types": [question.kind]} if question.kind else {})
        return paths.listing(msgspec.json.encode([query]), self._offset)

    def _end_question(self) -> None:
        """Go on to the next question; a search was the answer to all others too."""
        question = self._questions.popleft()
        if question.way is QuestionWay.SEARCH and not question.half:
            self._questions.clear()
            self.missing.clear()
            if self._seen and not self._has_all():
                self._questions += [
                    ListingQuestion(None, QuestionWay.SEARCH, half) for half in self._halves()
                ]
        self._offset, self._received = None, 0

    def _halves(self) -> tuple[str, str]:
        """Expressions for the names that end like half of those found, and for all others."""
        ends = sorted({row.name[-1:] for row in self._seen} - {"", "\n"})
        some = "".join(map(re.escape, ends[: max(1, len(ends) // 2)])) or "x"
        return f"[{some}]$", f"[^{some}]$"

    def _ask_differently(self, answer: HttpAnswer) -> None:
        """Put the present question, which was refused, in another way, or do without its answer.

        Raises:
            RegistryError: there is no other way.
        """
        self.whole = False
        question = self._questions[0]
        if question.half:  # 404, as there are none; or an expression that it does not know
            self._end_question()
            return
        refused = self._requests.refused(answer, "listing its artifacts")
        narrower = answer.status in _TOO_MANY and self._offset is None
        if question.way is QuestionWay.SEARCH or (self.missing and narrower):
            self._do_without(refused)
        elif not narrower:
            raise refused
        elif question.kind is None:
            self._questions = deque(ListingQuestion(kind) for kind in ENTRY_TYPES)
        else:
            self._refused = refused
            self._questions[0] = ListingQuestion(question.kind, QuestionWay.SEARCH)

    def _do_without(self, error: RegistryError) -> None:
        """Drop the present question, and note what stays unread."""
        question = self._questions.popleft()
        if question.half:
            return
        why = self._refused if question.way is QuestionWay.SEARCH else error
        self.missing[question.kind or ALL] = why or error

    def _next_start(self, answer: HttpAnswer) -> int | None:
        if self._questions[0].way is not QuestionWay.LISTING:
            return None
        return next_offset(answer.headers, self._offset or 0)

    def _new_rows(self, rows: list[RestEntry]) -> list[RestEntry]:
        fresh = []
        before = len(self._seen)
        for row in rows:
            mark = structs.replace(row, url="") if row.url else row
            if mark not in self._seen:
                self._seen[mark] = None
                self._models += row.type == "model"
                fresh.append(row)
        if fresh and self._questions[0].half:
            limited = RegistryError(f"Its search gives no more than {before:,} at once.")
            self.missing.setdefault(ALL, limited)
        return fresh

    def _has_all(self) -> bool:
        return self.expected is not None and len(self._seen) + self.skipped >= self.expected

    @property
    def seen(self) -> frozenset[RestEntry]:
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


GAPS = 10
"""Counted ids have at most so many numbers for each that is still there."""

SORTED = 10
"""So many ids that rise, or fall, from row to row are no chance: the listing is sorted by them."""

SPREAD = 4
"""Ids of one length that begin in so many ways are random: times and counters begin alike."""


class RestListing:
    """What one or more passes over a listing have found."""

    def __init__(self) -> None:
        self.rows: dict[Ref, RestEntry] = {}
        self.groups: dict[Ref, list[Ref]] = {}
        """Versions by collection, both in order of arrival."""
        self.urls = False
        """Whether the listing's rows carry source addresses."""
        self._ordinals: dict[Ref, int | None] = {}
        self._counted = True
        """Whether all ids so far are numbers that grow."""
        self._collections: dict[Ref, Collection] = {}
        self._twins: dict[Ref, list[RestEntry]] = {}
        self._types: dict[str, str] = {}
        self._shared: dict[str, set[str]] = {}

    def put(self, rows: Iterable[RestEntry]) -> list[RestEntry]:
        """Add rows; gives those that are new, or are now known to have a twin."""
        changed: dict[Ref, RestEntry] = {}
        for row in rows:
            ref = row.ref
            known = self.rows.get(ref)
            if known is None:
                self.rows[ref] = changed[ref] = row
                group = self.groups.setdefault(row.collection, [])
                found = rest_entries.id_number(row.id)
                before = (self._ordinals[group[-1]] or 0) if group else -1
                self._counted = self._counted and found is not None and before < found
                group.append(ref)
                self._ordinals[ref] = found if self._counted else len(group)
                self._note_type(ref)
                self.urls = self.urls or bool(row.url)
            elif known.name != row.name and row not in self._twins.get(ref, ()):
                self._twins.setdefault(ref, []).append(row)
                changed[ref] = known
        return list(changed.values())

    def settle(self, walk: ListingPass) -> list[RestEntry]:
        """Know the order of all versions when a pass has ended; gives those where it is another.

        Until then they are counted ids as long as these grow, and else in their places.
        """
        places: dict[Ref, int] = {}
        for ref in walk.order:
            if ref in self.rows:
                places.setdefault(ref, len(places))
        order = self._order(list(places), whole=walk.whole)
        changed = []
        for refs in self.groups.values():
            refs.sort(key=lambda ref: places.get(ref, len(places)))
            for at, ref in enumerate(refs, start=1):
                ordinal = {"number": rest_entries.id_number(ref.id), "place": at}.get(order)
                if self._ordinals[ref] != ordinal:
                    self._ordinals[ref] = ordinal
                    changed.append(self.rows[ref])
        return changed

    def _order(self, listed: list[Ref], *, whole: bool) -> Literal["number", "place", "unknown"]:
        """What tells which of two versions is newer: their numbers, their places, or nothing.

        All known servers list what was made later further down; so numbers that rise there are
        counters, or do no harm. Numbers with few gaps are counters too, but where their order is
        another than the listing's, one of the two is not by age, and nobody knows which. A listing
        that is sorted by random ids tells nothing.
        """
        if whole and _by_random_ids([ref.id for ref in listed]):
            return "unknown"
        numbers = {
            ref: found for ref in listed if (found := rest_entries.id_number(ref.id)) is not None
        }
        if not listed or len(numbers) < len(listed):
            return "place" if whole else "unknown"
        counted = max(numbers.values()) - min(numbers.values()) <= GAPS * len(numbers)
        if not whole:
            return "number" if counted else "unknown"
        if all(
            _rises([numbers[ref] for ref in refs if ref in numbers])
            for refs in self._by_collection(listed)
        ):
            return "number"
        falls = len(listed) >= SORTED and _rises([numbers[ref] for ref in reversed(listed)])
        return "unknown" if counted or falls else "place"

    def _by_collection(self, listed: list[Ref]) -> Iterable[list[Ref]]:
        """The listed artifacts, grouped by collection."""
        found: dict[Ref, list[Ref]] = {}
        for ref in listed:
            found.setdefault(self.rows[ref].collection, []).append(ref)
        return found.values()

    def _note_type(self, ref: Ref) -> None:
        first = self._types.setdefault(ref.id, ref.type)
        if first != ref.type:
            self._shared.setdefault(ref.id, {first}).add(ref.type)

    def has_id(self, identifier: str) -> bool:
        """Whether any artifact, of whatever type, has this id."""
        return identifier in self._types

    def any_type(self, identifier: str) -> Ref | None:
        """An artifact with this id, of whatever type."""
        kind = self._types.get(identifier)
        return None if kind is None else Ref(kind, identifier)

    def types_of(self, identifier: str) -> set[str]:
        """The types under which an id is listed, when there is more than one."""
        return self._shared.get(identifier, set())

    def twins(self, ref: Ref) -> list[RestEntry]:
        """Further entries with the same type and id; they are deleted together."""
        return self._twins.get(ref, [])

    def digest(self, ref: Ref) -> str:
        """What identifies a version's content, its twins' included."""
        if ref not in self._twins:
            return entry_digest(self.rows[ref], with_url=self.urls)
        rows = [self.rows[ref], *sorted(self.twins(ref))]
        return rest_entries.fingerprint(*(entry_digest(row, with_url=self.urls) for row in rows))

    def collection(self, row: RestEntry) -> Collection:
        """The collection of an artifact."""
        ref = row.collection
        found = self._collections.get(ref)
        if found is None:
            found = self._collections[ref] = Collection(ref.key, row.name, row.type)
        return found

    def version(self, row: RestEntry) -> Version:
        """An artifact as a version."""
        ref = row.ref
        twins = self.twins(ref)
        note = ""
        if twins:
            names = ", ".join(twin.name for twin in twins[:3])
            note = f"{len(twins)} more entries share this id and go with it: {names}"
        return Version(
            key=ref.key,
            collection_key=self.collection(row).key,
            ordinal=self._ordinals[ref],
            label=row.id,
            digest=self.digest(ref),
            note=note,
        )

    def shown(self, rows: Sequence[RestEntry]) -> Listed:
        """Artifacts as a part of the listing."""
        collections = dict.fromkeys(self.collection(row) for row in rows)
        return Listed(tuple(collections), tuple(self.version(row) for row in rows))


def _by_random_ids(ids: list[str]) -> bool:
    """Whether a listing is sorted by ids that have nothing to do with age."""
    alike = len({len(one) for one in ids}) == 1
    if len(ids) < SORTED or not alike or len({one[0] for one in ids if one}) < SPREAD:
        return False
    numbers = [found for one in ids if (found := rest_entries.id_number(one)) is not None]
    if len(numbers) == len(ids) and max(numbers) - min(numbers) <= GAPS * len(numbers):
        return False
    return ids in (sorted(ids), sorted(ids, reverse=True))


def _rises(numbers: list[int]) -> bool:
    """Whether each is larger than the one before."""
    return all(before < after for before, after in pairwise(numbers))


EMPTY_LOOKS = 3
"""How often an empty listing must be seen before it is believed, even when it is explained."""

SNAPSHOT_TRIES = 6
_PAUSE_S = 0.05


class OutageError(RegistryError):
    """A listing that is empty without an explanation."""


class HealthyEmptyError(OutageError, EmptyError):
    """A listing that is empty without an explanation, at a server that says it is healthy."""


class ChangingListingError(RegistryError):
    """A listing that is another each time it is read."""

    def __init__(self) -> None:
        super().__init__(
            "The registry's listing changes each time it is read.",
            hint="Try again when nobody else changes it.",
        )


@dataclass(frozen=True, slots=True)
class ServerHealth:
    """What `GET /health` says."""

    status: int
    artifacts: int | None
    """How many there are, where the server counts them."""
    milliseconds: float


@dataclass(frozen=True, slots=True)
class ListingSnapshot:
    """A whole listing, and whether what it does not show is really not there."""

    listing: RestListing
    sure: bool
    """The server's own count agrees, or two passes do."""


class ListingReader:
    """Passes over the listing of one registry, and what is remembered of them."""

    def __init__(self, requests: RestRequests, options: RestOptions) -> None:
        self._requests = requests
        self._options = options
        self.last: RestListing | None = None
        """The last complete listing that was not empty."""
        self.pages = 0
        """How many requests that listing took."""
        self.sent: set[str] = set()
        """Ids that this connection may have deleted."""
        self.missing: dict[str, RegistryError] = {}
        """Types that the last listing has not all of, and the registry's answer."""
        self.skipped = 0
        """Entries of the last listing without an id that can be asked for."""
        self.spelled = 0
        """Artifacts of the last listing whose names are not Unicode, and are spelled out."""
        self._healthy = True
        """It answered when it was asked how it is."""
        self.count_is_useless = False
        """The server's count has nothing to do with its listing, or does not come in time."""

    async def health(self) -> ServerHealth:
        """Ask the server how it is; this also makes it load its storage again.

        Raises:
            RegistryError: it does not answer.
        """
        start = time.perf_counter()
        answer = await self._requests.read(self._requests.paths.health(self._options.item_s))
        took = (time.perf_counter() - start) * 1000
        return ServerHealth(
            answer.status, rest_entries.decode_count(answer.body) if answer.good else None, took
        )

    def walk(self) -> ListingPass:
        """A new pass over everything."""
        return ListingPass(self._requests, self._options)

    async def count(self) -> int | None:
        """How many artifacts the server says there are, as far as its count is of use."""
        if self.count_is_useless:
            return None
        try:
            health = await self.health()
        except RegistryError as error:
            self._healthy = False
            self.count_is_useless = isinstance(error, SilentError)
            return None
        self._healthy = health.status < 500  # noqa: PLR2004 - some have no such page at all
        return health.artifacts

    async def listing(self, walk: ListingPass) -> RestListing:
        """One whole pass, remembered."""
        listing = RestListing()
        while (rows := await walk.page()) is not None:
            listing.put(rows)
        self.finished(walk, listing)
        return listing

    def finished(self, walk: ListingPass, listing: RestListing) -> None:
        """Remember a listing that was read to its end."""
        self.missing, self.skipped = walk.missing, walk.skipped
        self.spelled = sum(is_spelled(row.name) for row in listing.rows.values())
        if listing.rows:
            self.last, self.pages = listing, walk.pages

    async def snapshot(self, reload: Callable[[], Awaitable[object]]) -> ListingSnapshot:
        """The whole listing as it is now.

        `reload` makes the server load its storage again, where asking for its health does not.

        Raises:
            RegistryError: it cannot be read, or it is empty and nothing explains that.
        """
        before: RestListing | None = None
        empty = 0
        for attempt in range(SNAPSHOT_TRIES):
            await asyncio.sleep(_PAUSE_S * attempt)
            walk, listing = self.walk(), RestListing()
            walk.expected = await self.count()
            if walk.expected is None:
                with suppress(NotToldError):
                    await reload()
            while (rows := await walk.page()) is not None:
                listing.put(rows)
            if not listing.rows:
                empty += 1
                if empty >= EMPTY_LOOKS and self.explained():
                    return ListingSnapshot(listing, sure=True)
                continue
            if walk.missing:
                self.finished(walk, listing)
                return ListingSnapshot(listing, sure=False)
            same = before is not None and listing.rows.keys() == before.rows.keys()
            if walk.agrees or (walk.agrees is None and (walk.pages == 1 or same)):
                self.finished(walk, listing)
                return ListingSnapshot(listing, sure=True)
            before = listing
        if before is None:
            raise self.outage(healthy=self._healthy and not walk.expected)
        self.count_is_useless = True
        return ListingSnapshot(before, sure=False)

    def explained(self) -> bool:
        """Whether everything that was listed may have been deleted by us."""
        if self._options.accept_empty:
            return True
        return self.last is not None and all(ref.id in self.sent for ref in self.last.rows)

    def outage(self, *, healthy: bool = False) -> OutageError:
        """The error for a listing that is empty without an explanation.

        It is an `EmptyError` too when the server is `healthy`, and counts nothing itself.
        """
        kind = HealthyEmptyError if healthy else OutageError
        before = f", and listed {len(self.last.rows):,} before" if self.last else ""
        return kind(
            f"The registry lists nothing at all{before}. That is what an outage of its storage"
            " looks like, so nothing is taken as gone. If it is really empty, set"
            " accept_empty = true for it in the configuration.",
            hint="Try again later.",
        )


PASSES = 4
"""How often a listing is read that changes each time, before it is given up."""


class ListingRun:
    """Rows as they come, nothing twice, nothing skipped; the next page is fetched meanwhile."""

    def __init__(self, reader: ListingReader) -> None:
        self.listing = RestListing()
        self.done = False
        self._reader = reader
        self._walk = reader.walk()
        self._ahead: asyncio.Future[list[RestEntry] | None] | None = None
        self._before: frozenset[RestEntry] | None = None
        self._passes = 1
        self._sent = len(reader.sent)
        self._lock = asyncio.Lock()

    async def more(self) -> list[RestEntry]:
        """Rows not given before; empty only when the listing is complete.

        Raises:
            RegistryError: the listing cannot be read, or cannot be believed.
        """
        async with self._lock:
            while not self.done:
                if self._sent != len(self._reader.sent):
                    await self._start_over()
                rows = await self._next()
                if rows is None:
                    if changed := await self._end():
                        return changed
                elif found := self.listing.put(rows):
                    return found
        return []

    async def close(self) -> None:
        """Stop fetching."""
        if self._ahead is not None:
            self._ahead.cancel()
            with contextlib.suppress(asyncio.CancelledError, RegistryError):
                await self._ahead
            self._ahead = None

    async def _start_over(self) -> None:
        """Read from the beginning once more; what was listed stays listed."""
        await self.close()
        self._sent = len(self._reader.sent)
        self._walk = self._reader.walk()

    async def _next(self) -> list[RestEntry] | None:
        """The page that is being fetched; then the following one is on its way."""
        ahead = self._ahead or asyncio.ensure_future(self._page())
        self._ahead = None
        try:
            rows = await ahead
        finally:
            ahead.cancel()
        if rows is not None:
            self._ahead = asyncio.ensure_future(self._page())
        return rows

    async def _page(self) -> list[RestEntry] | None:
        """The next page; beside the first one of a pass, the server is asked for its count."""
        if self._walk.pages:
            return await self._walk.page()
        counting = asyncio.ensure_future(self._reader.count())
        try:
            rows = await self._walk.page()
            self._walk.expected = await counting
        finally:
            counting.cancel()
        return rows

    async def _end(self) -> list[RestEntry]:
        """End a pass, or begin another when it was not the whole listing.

        Gives rows whose order is known only now.

        Another count than the server's may mean that somebody deleted meanwhile, so that rows
        moved to a page that was read before. Two equal passes are believed against the count.
        """
        seen, agrees = self._walk.seen, self._walk.agrees
        before, self._before = self._before, seen
        if not seen and (self.listing.rows or self._reader.last) and not self._reader.explained():
            await self._start_over()
            raise self._reader.outage()
        if agrees is False and seen != before and not self._walk.missing:
            self._passes += 1
            await self._start_over()
            if self._passes > PASSES:
                self._passes = 1
                raise ChangingListingError
            return []
        self._reader.count_is_useless |= agrees is False and not self._walk.missing
        changed = self.listing.settle(self._walk)
        self._reader.finished(self._walk, self.listing)
        self.done = True
        return changed
