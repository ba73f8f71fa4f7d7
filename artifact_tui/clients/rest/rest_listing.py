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

A `ListingReader` reads page by page for the catalog, or all as one snapshot for decisions. One
reading may be wrong: a server whose storage fails lists nothing, and a deletion by somebody else
moves rows to a page that was read before. A listing is believed when the server's own count agrees,
or when two passes do; an empty one only when something explains it.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import deque
from contextlib import suppress
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec
from msgspec import structs

from artifact_tui.clients.rest import rest_entries
from artifact_tui.clients.rest.rest_entries import entry_digest
from artifact_tui.clients.servers import is_spelled
from artifact_tui.clients.transport import GarbageAnswerError, SilentError, together
from artifact_tui.errors import EmptyError, NotToldError, RegistryError
from artifact_tui.model import Collection, Listed, Version

if TYPE_CHECKING:
    from collections.abc import (
        AsyncGenerator,
        Awaitable,
        Callable,
        Iterable,
        KeysView,
        Mapping,
        Sequence,
    )

    from artifact_tui.clients.artifact_keys import Ref
    from artifact_tui.clients.rest.rest_entries import ListingPage, RestEntry
    from artifact_tui.clients.rest.rest_requests import RestRequests
    from artifact_tui.clients.rest.rest_settings import RestOptions
    from artifact_tui.clients.transport import HttpAnswer


MODEL = "model"
"""The only type that has lineage in the family."""

ENTRY_TYPES = (MODEL, "dataset", "code")
"""The types of the family."""

ALL = "*"
_TOO_MANY = frozenset({400, 413, 422})
"""Answers to one question that a narrower question, or another one, may not get."""


EVERYTHING = ".*"
"""The search, by regular expression, for all artifacts; its answer is on one page."""


class ListingQuestion(NamedTuple):
    """One of the questions that make a pass: for a page of the listing, or a search."""

    kind: str | None
    search: str = ""
    """Beside the search for everything one for some names: it shows whether that gave all."""


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
        self.seen: dict[RestEntry, None] = {}
        """Everything listed so far, in the order in which it came."""
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
            try:
                answer, found = await self._ask(self._questions[0])
            except GarbageAnswerError as error:
                if not self._questions[0].search:
                    raise
                self._do_without(error)
                continue
            if found is None:
                self._ask_differently(answer)
            elif fresh := self._take(answer, found):
                return fresh
        if not self.seen and self.missing:
            raise next(iter(self.missing.values()))
        if not self.seen and self.skipped:
            raise RegistryError(
                "No entry of the registry's listing has an id that can be asked for.",
                hint="Check the address; nothing was taken from the listing.",
            )
        return None

    async def _ask(self, question: ListingQuestion) -> tuple[HttpAnswer, ListingPage | None]:
        if self.pages >= self._options.page_limit or len(self.seen) > self._options.row_limit:
            raise RegistryError(
                f"The registry's listing has no end: {self.pages:,} pages and"
                f" {len(self.seen):,} artifacts so far.",
                hint="Nothing was taken from it.",
            )
        self.pages += 1
        paths = self._requests.paths
        if question.search:
            call = paths.by_regex(msgspec.json.encode({"regex": question.search}))
        else:
            query = {"name": ALL} | ({"types": [question.kind]} if question.kind else {})
            call = paths.listing(msgspec.json.encode([query]), self._offset)
        return await self._requests.parsed(
            call,
            lambda answer: rest_entries.decode_listing(answer.body, question.kind),
            "a listing",
        )

    def _take(self, answer: HttpAnswer, found: ListingPage) -> list[RestEntry]:
        """The new rows of a page; sets where the next request goes on.

        Raises:
            RegistryError: a page comes again and again.
        """
        fresh = self._new_rows(found.rows)
        here, back = self._offset, self._offset is not None and self._offset < self._received
        self.skipped += found.skipped
        self._received += len(fresh) + found.skipped
        repeats = bool(found.rows) and not fresh and here is not None
        if repeats and not (back or self._has_all()):
            if self._repeated:
                raise RegistryError(
                    "The registry promises more artifacts and repeats the same page.",
                    hint="Its listing cannot be trusted; nothing was taken from it.",
                )
            self._repeated = True  # once may be chance
            return []
        self._repeated = False
        search = self._questions[0].search
        following = None if search else next_offset(answer.headers, here or 0)
        if following is not None and (fresh or found.skipped):
            self._offset = following
        else:
            self._end_question()
        return fresh

    def _new_rows(self, rows: list[RestEntry]) -> list[RestEntry]:
        fresh = []
        before = len(self.seen)
        for row in rows:
            mark = structs.replace(row, url="") if row.url else row
            if mark not in self.seen:
                self.seen[mark] = None
                self._models += row.type == MODEL
                fresh.append(row)
        if fresh and self._questions[0].search not in {"", EVERYTHING}:
            limited = RegistryError(f"Its search gives no more than {before:,} at once.")
            self.missing.setdefault(ALL, limited)
        return fresh

    def _end_question(self) -> None:
        """Go on to the next question; a search for everything was the answer to all others too."""
        if self._questions.popleft().search == EVERYTHING:
            self._questions.clear()
            self.missing.clear()
            if self.seen and not self._has_all():
                # One search for the names that end like half of those found, one for all others.
                ends = sorted({row.name[-1:] for row in self.seen} - {"", "\n"})
                some = "".join(map(re.escape, ends[: max(1, len(ends) // 2)])) or "x"
                halves = (f"[{some}]$", f"[^{some}]$")
                self._questions += [ListingQuestion(None, half) for half in halves]
        self._offset, self._received = None, 0

    def _ask_differently(self, answer: HttpAnswer) -> None:
        """Put the present question, which was refused, in another way, or do without its answer.

        Raises:
            RegistryError: there is no other way.
        """
        self.whole = False
        question = self._questions[0]
        if question.search not in {"", EVERYTHING}:
            self._end_question()  # 404, as there are none; or an expression that it does not know
            return
        refused = self._requests.refused(answer, "listing its artifacts")
        narrower = answer.status in _TOO_MANY and self._offset is None
        if question.search or (self.missing and narrower):
            self._do_without(refused)
        elif not narrower:
            raise refused
        elif question.kind is None:
            self._questions = deque(ListingQuestion(kind) for kind in ENTRY_TYPES)
        else:
            self._refused = refused
            self._questions[0] = ListingQuestion(question.kind, EVERYTHING)

    def _do_without(self, error: RegistryError) -> None:
        """Drop the present question, and note what stays unread."""
        question = self._questions.popleft()
        if question.search in {"", EVERYTHING}:
            why = self._refused if question.search else error
            self.missing[question.kind or ALL] = why or error

    def _has_all(self) -> bool:
        return self.expected is not None and len(self.seen) + self.skipped >= self.expected

    @property
    def agrees(self) -> bool | None:
        """Whether the pass found as many as were expected; None when nobody knew.

        Some servers count models only.
        """
        if self.expected is None:
            return None
        whole = len(self.seen) + self.skipped
        return self.expected in {whole, len(self.seen), self._models}


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
        self.twins: dict[Ref, list[RestEntry]] = {}
        """Further entries with the same type and id; they are deleted together."""
        self.types: dict[str, tuple[str, ...]] = {}
        """The types under which each id is listed."""
        self.urls = False
        """Whether the listing's rows carry source addresses."""
        self._ordinals: dict[Ref, int | None] = {}
        self._counted = True
        """Whether all ids so far are numbers that grow."""
        self._collections: dict[Ref, Collection] = {}

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
                self.types[ref.id] = (*self.types.get(ref.id, ()), ref.type)
                self.urls = self.urls or bool(row.url)
            elif known.name != row.name and row not in self.twins.get(ref, ()):
                self.twins.setdefault(ref, []).append(row)
                changed[ref] = known
        return list(changed.values())

    def settle(self, walk: ListingPass) -> list[RestEntry]:
        """Know the order of all versions when a pass has ended; gives those where it is another.

        Until then they are counted ids as long as these grow, and else in their places.
        """
        places: dict[Ref, int] = {}
        for row in walk.seen:
            if row.ref in self.rows:
                places.setdefault(row.ref, len(places))
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
        by_collection: dict[Ref, list[int]] = {}
        for ref, number in numbers.items():
            by_collection.setdefault(self.rows[ref].collection, []).append(number)
        if all(_rises(one) for one in by_collection.values()):
            return "number"
        falls = len(listed) >= SORTED and _rises([*reversed(numbers.values())])
        return "unknown" if counted or falls else "place"

    @cached_property
    def oldest(self) -> dict[str, Ref]:
        """The oldest artifact of each name, models before others; asked when all is read."""
        models = [group for group in self.groups if group.type == MODEL]
        others = [group for group in self.groups if group.type != MODEL]
        found: dict[str, Ref] = {}
        for group in (*models, *others):
            if group.id:
                found.setdefault(group.id, self.groups[group][0])
        return found

    def digest(self, ref: Ref) -> str:
        """What identifies a version's content, its twins' included."""
        own, *others = (
            entry_digest(row, with_url=self.urls)
            for row in (self.rows[ref], *sorted(self.twins.get(ref, ())))
        )
        return rest_entries.fingerprint(own, *others) if others else own

    def shown(self, rows: Sequence[RestEntry]) -> Listed:
        """Artifacts as a part of the listing: versions, and the collections that they are in."""
        collections = {}
        for row in rows:
            ref = row.collection
            known = self._collections.get(ref)
            collections[ref] = known or self._collections.setdefault(
                ref, Collection(ref.key, row.name, row.type)
            )
        return Listed(tuple(collections.values()), tuple(self._version(row) for row in rows))

    def _version(self, row: RestEntry) -> Version:
        ref = row.ref
        note = ""
        if twins := self.twins.get(ref):
            names = ", ".join(twin.name for twin in twins[:3])
            note = f"{len(twins)} more entries share this id and go with it: {names}"
        return Version(
            key=ref.key,
            collection_key=self._collections[row.collection].key,
            ordinal=self._ordinals[ref],
            label=row.id,
            digest=self.digest(ref),
            note=note,
        )


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


PASSES = 4
"""How often a listing is read that changes each time, before it is given up."""


class ServerHealth(NamedTuple):
    """What `GET /health` says."""

    status: int
    artifacts: int | None
    """How many there are, where the server counts them."""
    milliseconds: float


class ListingSnapshot(NamedTuple):
    """A whole listing, and whether what it does not show is really not there."""

    listing: RestListing
    sure: bool
    """The server's own count agrees, or two passes do."""


class ListingReader:
    """Reads the listing of one registry, and what is remembered of it."""

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
        self._count_is_useless = False
        """The server's count has nothing to do with its listing, or does not come in time."""

    async def health(self) -> ServerHealth:
        """Ask the server how it is; this also makes it load its storage again.

        Raises:
            RegistryError: it does not answer.
        """
        start = time.perf_counter()
        answer, count = await self._requests.parsed(
            self._requests.paths.health(self._options.item_s),
            lambda answer: rest_entries.decode_count(answer.body),
            "its health",
        )
        return ServerHealth(answer.status, count, (time.perf_counter() - start) * 1000)

    async def count(self) -> int | None:
        """How many artifacts the server says there are, as far as its count is of use."""
        if self._count_is_useless:
            return None
        try:
            health = await self.health()
        except RegistryError as error:
            self._healthy = False
            self._count_is_useless = isinstance(error, SilentError)
            return None
        self._healthy = health.status < 500  # noqa: PLR2004 - some have no such page at all
        return health.artifacts

    async def listing(self) -> RestListing:
        """One whole pass, remembered."""
        walk, listing = ListingPass(self._requests, self._options), RestListing()
        while (rows := await walk.page()) is not None:
            listing.put(rows)
        self._finished(walk, listing)
        return listing

    def _finished(self, walk: ListingPass, listing: RestListing) -> None:
        """Remember a listing that was read to its end."""
        self.missing, self.skipped = walk.missing, walk.skipped
        self.spelled = sum(is_spelled(row.name) for row in listing.rows.values())
        if listing.rows:
            self.last, self.pages = listing, walk.pages

    async def rows(self, listing: RestListing) -> AsyncGenerator[list[RestEntry], None]:
        """Rows as they come into `listing`, nothing skipped; the next page is fetched meanwhile.

        Another count than the server's may mean that somebody deleted meanwhile, so that rows moved
        to a page that was read before: then it is read once more. Two equal passes are believed
        against the count. A row comes again when its order is known only at the end.

        Raises:
            RegistryError: the listing cannot be read, or cannot be believed.
        """
        before: KeysView[RestEntry] | None = None
        passes = 0
        while True:
            walk, sent = ListingPass(self._requests, self._options), len(self.sent)
            ahead = asyncio.ensure_future(self._first_page(walk))
            try:
                while (rows := await ahead) is not None and len(self.sent) == sent:
                    ahead = asyncio.ensure_future(walk.page())
                    if found := listing.put(rows):
                        yield found
            finally:
                ahead.cancel()
                with suppress(asyncio.CancelledError, RegistryError):
                    await ahead
            if len(self.sent) != sent:
                continue  # our own deletions have moved rows to pages that were read before
            seen = walk.seen.keys()
            if not seen and (listing.rows or self.last) and not self.explained():
                raise self.outage()
            disagrees = walk.agrees is False and not walk.missing
            if not disagrees or seen == before:
                break
            before, passes = seen, passes + 1
            if passes == PASSES:
                raise ChangingListingError
        self._count_is_useless |= disagrees
        changed = listing.settle(walk)
        self._finished(walk, listing)
        if changed:
            yield changed

    async def _first_page(self, walk: ListingPass) -> list[RestEntry] | None:
        """The first page of a pass; beside it, the server is asked for its count."""
        rows, walk.expected = await together(walk.page(), self.count())
        return rows

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
            walk, listing = ListingPass(self._requests, self._options), RestListing()
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
                self._finished(walk, listing)
                return ListingSnapshot(listing, sure=False)
            same = before is not None and listing.rows.keys() == before.rows.keys()
            if walk.agrees or (walk.agrees is None and (walk.pages == 1 or same)):
                self._finished(walk, listing)
                return ListingSnapshot(listing, sure=True)
            before = listing
        if before is None:
            raise self.outage(healthy=self._healthy and not walk.expected)
        self._count_is_useless = True
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
