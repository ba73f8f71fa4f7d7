"""Deleting artifacts of a REST registry, and the facts that say what is really there.

Deletions leave one after another, or so many at once, and never one of them twice. Each answer
becomes an outcome, and the batch ends early when going on would only repeat a failure. Whether a
deletion was done is for the facts to say, and one answer is not enough for them. A 404 may come
from a server whose storage failed for a moment; a listing may be old, empty for that reason, or
miss rows because somebody deleted while it was paging. So:

- there: a GET answers 200, or a listing shows it (unless we sent its deletion; then only a GET);
- gone: a listing that is sure (see `ListingReader.snapshot`) does not show its id under any type;
  where listing and GET contradict each other, the GET must say 404 `LOOKS` times `ROUNDS` times;
- once a success of this server proved false, a listing alone does not suffice: a GET confirms it;
- an id that no GET can ask about is there when the listing shows it, under whatever type;
- gone, too, where the listing is empty: what we may have deleted, when nothing else was ever seen
  on this connection, and a GET says 404 for each one;
- anything else is an error: nothing is known.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

from artifact_tui.clients.artifact_keys import Ref, any_type_id, parse_key
from artifact_tui.clients.rest import rest_entries
from artifact_tui.clients.rest.rest_listing import (
    ENTRY_TYPES,
    ChangingListingError,
    ListingSnapshot,
    OutageError,
    RestListing,
)
from artifact_tui.clients.rest.rest_requests import (
    DetailsUnknownError,
    UnaskableError,
    no_such_route,
    wants_credentials,
)
from artifact_tui.clients.transport import AddressingError, LostError, NotSentError, StaleError
from artifact_tui.errors import NotToldError, RegistryError
from artifact_tui.model import Facts, Outcome, Result, VersionState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from artifact_tui.clients.rest.rest_entries import RestEntry
    from artifact_tui.clients.rest.rest_listing import ListingReader
    from artifact_tui.clients.rest.rest_requests import RestRequests
    from artifact_tui.clients.transport import HttpAnswer
    from artifact_tui.model import Deletion


_WORDS = {
    400: "the registry calls the request malformed",
    403: "the registry does not allow it",
    405: "the registry cannot address this artifact by its id",
    409: "the registry says that something stands against it",
    412: "the registry says that it changed",
    413: "the registry calls the request too large",
    422: "the registry calls the request invalid",
    423: "the registry has locked it",
    424: "the registry says that something else failed first",
    501: "the registry has no deletion",
}


def deletion_outcome(key: str, identifier: str, answer: HttpAnswer) -> Outcome:
    """The outcome of one deletion; its message is untrusted text, in the registry's words.

    A success is believed only when nothing in the answer speaks against it.
    """
    words = rest_entries.error_words(answer.body)
    if not answer.good:
        result, why = _failure(answer)
        return Outcome(key, result, f"{why}: {words}" if words else why)
    if answer.html:
        return Outcome(key, Result.UNKNOWN, "the registry answered with a web page")
    try:
        echoed, queued = rest_entries.decode_deletion(answer.body)
    except rest_entries.GarbageError as error:
        return Outcome(key, Result.UNKNOWN, f"the answer makes no sense: {error}")
    if echoed is not None and echoed != identifier:
        return Outcome(key, Result.UNKNOWN, f"the answer names another artifact: {echoed}")
    if answer.status == 202 or queued:  # noqa: PLR2004 - accepted
        return Outcome(key, Result.ACCEPTED, words or "the registry accepted it")
    return Outcome(key, Result.DONE)


def _failure(answer: HttpAnswer) -> tuple[Result, str]:
    """What an unsuccessful status means, and words for it."""
    status = answer.status
    if answer.later:
        found = Result.FAILED, "the registry is too busy"
    elif status in {404, 410}:
        found = Result.ABSENT, "the registry says that it does not exist"
    elif status == 401:  # noqa: PLR2004 - the statuses are the point here
        found = Result.FAILED, "the registry refused our credentials"
    elif status < 400:  # noqa: PLR2004
        found = Result.UNKNOWN, "the registry sends deletions to another place; not followed"
    elif no_such_route(answer):
        found = Result.REFUSED, _WORDS[405]
    elif status < 500 or status == 501:  # noqa: PLR2004
        found = Result.REFUSED, _WORDS.get(status, f"the registry refused ({status})")
    else:
        found = Result.UNKNOWN, f"the registry failed ({status})"
    return found


TROUBLE = 3
"""So many requests in a row without an answer end a batch."""

_SHARED_ID = (
    "other artifacts share this id, and this registry may delete them together: {types}."
    " Nothing was sent"
)


class RestDeletions:
    """Sends the deletions of one `delete` call, and finds out what became of each."""

    def __init__(
        self,
        requests: RestRequests,
        reader: ListingReader,
        facts: RestFacts,
        deletions: Sequence[Deletion],
    ) -> None:
        self._requests = requests
        self._reader = reader
        self._facts = facts
        self._deletions = deletions
        self._waiting = deque({one.key: one for one in deletions}.values())
        self._outcomes: dict[str, Outcome] = {}
        self._stopped = ""
        """Why nothing more is sent."""
        self._unsent = Result.FAILED
        """What becomes of the rest then."""
        self._troubles = 0

    async def outcomes(self) -> list[Outcome]:
        """Send them; one outcome for each, in the same order. What comes again was sent once."""
        async with asyncio.TaskGroup() as group:
            for _ in range(min(self._requests.transport.pacing.limit, len(self._deletions))):
                group.create_task(self._work())
        found: list[Outcome] = []
        sent: set[str] = set()
        for one in self._deletions:
            outcome = self._outcomes.get(one.key)
            if outcome is None:
                outcome = Outcome(one.key, self._unsent, f"not sent: {self._stopped}")
            elif one.key in sent and outcome.result is Result.DONE:
                outcome = Outcome(one.key, Result.ABSENT, "it was deleted a moment ago")
            sent.add(one.key)
            found.append(outcome)
        return found

    async def _work(self) -> None:
        """Delete one artifact after another, until none is left or going on is pointless."""
        while self._waiting and not self._stopped:
            one = self._waiting.popleft()
            ref = parse_key(one.key)
            if ref is None:
                words = "no artifact has such a key"
                self._outcomes[one.key] = Outcome(one.key, Result.ABSENT, words)
            elif (outcome := await self._delete(one, ref)) is not None:
                words = self._requests.transport.scrub(outcome.message)
                self._outcomes[one.key] = replace(outcome, message=words)

    async def _delete(self, one: Deletion, ref: Ref) -> Outcome | None:
        """The outcome of one deletion; None when nothing more was to be sent meanwhile."""
        try:
            why = await self._shared_id_reason(ref)
            if why or self._stopped:
                return Outcome(one.key, Result.REFUSED, why) if why else None
            found = self._answered(one.key, ref, await self._requests.delete(ref, one.until))
        except AddressingError as error:
            found = Outcome(one.key, Result.REFUSED, str(error))
        except StaleError as error:
            self._stopped, self._unsent = str(error), Result.WAITED
            found = Outcome(one.key, Result.WAITED, str(error))
        except LostError as error:
            self._reader.sent.add(ref.id)
            self._trouble(str(error))
            found = Outcome(one.key, Result.UNKNOWN, str(error))
        except RegistryError as error:
            self._trouble(str(error), at_once=not isinstance(error, NotSentError))
            found = Outcome(one.key, Result.FAILED, str(error))
        return found

    def _answered(self, key: str, ref: Ref, answer: HttpAnswer) -> Outcome:
        """The outcome that an answer means, and what it says about the rest of the call."""
        found = deletion_outcome(key, ref.id, answer)
        if found.result not in {Result.REFUSED, Result.FAILED}:
            self._reader.sent.add(ref.id)
        if found.result is Result.DONE:
            self._facts.done.add(key)
        if wants_credentials(answer):
            self._trouble("the registry refused our credentials", at_once=True)
            found = replace(found, result=Result.FAILED)
        elif answer.later or answer.status >= 500:  # noqa: PLR2004 - the server's own failures
            self._trouble(found.message, at_once=answer.later)  # however long it was waited
        else:
            self._troubles = 0
        return found

    def _trouble(self, why: str, *, at_once: bool = False) -> None:
        """Count a failure that may concern everything; enough of them in a row end the call."""
        self._troubles += 1
        if at_once or self._troubles >= TROUBLE:
            self._stopped = self._stopped or why

    async def _shared_id_reason(self, ref: Ref) -> str:
        """Why an id that several types have must not be deleted; empty when it may.

        The reference server ignores the type and deletes every entry with the id. A server that
        keeps types apart answers 404 for a type that has no such id.
        """
        types = self._reader.last.types.get(ref.id, ()) if self._reader.last else ()
        if len(types) < 2:  # noqa: PLR2004 - shared by two
            return ""
        for other in ENTRY_TYPES:
            if other not in types:
                with suppress(NotToldError):
                    if await self._requests.get(Ref(other, ref.id)) is None:
                        return ""
        return _SHARED_ID.format(types=", ".join(sorted(types)))


LOOKS = 2
"""How often the listing is read before GETs alone are believed."""

ROUNDS = 3
"""How often, for each of these, a 404 must be repeated, each time after the server loaded its
storage again."""

CONFIRMATIONS = 2
"""How often a 404 must confirm the listing, once the server was caught saying what is not so."""


class RestFacts:
    """Facts about versions of one registry."""

    def __init__(self, requests: RestRequests, reader: ListingReader) -> None:
        self._reader = reader
        self._requests = requests
        self.done: set[str] = set()
        """Keys whose deletion was answered with success."""
        self._lied = False
        """The server said that something was deleted, and listed it afterwards."""
        self.survivors = 0
        """How many of them were found to be there still."""

    async def facts(self, keys: Sequence[str]) -> Mapping[str, Facts]:
        """What is true of these versions now; those that are gone are left out.

        Raises:
            RegistryError: it cannot be told.
        """
        anyones = {key: one for key in keys if (one := any_type_id(key)) is not None}
        if anyones:
            return await self._of_any_type(keys, anyones)
        pending = {key: ref for key in keys if (ref := parse_key(key)) is not None}
        if not pending:
            return {}
        first, last = next(iter(pending.values())), self._reader.last
        found: dict[str, Facts] = {}
        few = last is not None and len(pending) <= self._reader.pages  # against many pages
        if last is not None and few and not any(ref in last.twins for ref in pending.values()):
            for key, ref in pending.items():
                with suppress(NotToldError):
                    if (there := await self._ask(key, ref, last)) is not None:
                        found[key] = there
            pending = {key: ref for key, ref in pending.items() if key not in found}
        for _ in range(LOOKS):
            if not pending:
                break
            try:
                snapshot = await self._reader.snapshot(partial(self._requests.get, first))
            except OutageError:
                if not await self._emptied(pending, found):
                    raise
                break
            pending = await self._settle(snapshot, pending, found)
        self.survivors += len(self.done & found.keys())
        self.done -= found.keys()
        return {key: found[key] for key in keys if key in found}

    async def _emptied(self, pending: Mapping[str, Ref], found: dict[str, Facts]) -> bool:
        """Whether an empty listing is what was meant; then what is there after all is found.

        All of these may have been deleted by us, nothing else was ever seen, the server's health
        answers, and it says of each one that it does not exist.
        """
        reader = self._reader
        if reader.last is not None or any(ref.id not in reader.sent for ref in pending.values()):
            return False
        if (await reader.health()).status >= 500:  # noqa: PLR2004 - the server's own failures
            return False
        nothing = ListingSnapshot(RestListing(), sure=False)
        await self._ask_again(nothing, dict(pending), found, CONFIRMATIONS)
        return True

    async def _of_any_type(
        self, keys: Sequence[str], anyones: Mapping[str, str]
    ) -> Mapping[str, Facts]:
        """Facts where some keys ask for an id of whatever type: the listing tells the type."""
        first = Ref(ENTRY_TYPES[0], next(iter(anyones.values())))
        try:
            snapshot = await self._reader.snapshot(partial(self._requests.get, first))
        except OutageError:  # what is asked below decides whether it is one
            snapshot = None
        if snapshot is not None and not snapshot.sure:
            raise ChangingListingError
        meant = {
            key: [
                Ref(kind, identifier).key
                for kind in (
                    ENTRY_TYPES if snapshot is None else snapshot.listing.types.get(identifier, ())
                )
            ]
            for key, identifier in anyones.items()
        }
        others = [key for key in keys if key not in anyones]
        found = await self.facts([*others, *chain.from_iterable(meant.values())])
        there = {key: found[key] for key in others if key in found}
        for key, ones in meant.items():
            if one := next((one for one in ones if one in found), None):
                there[key] = replace(found[one], key=key)
        return there

    async def _settle(
        self, snapshot: ListingSnapshot, pending: Mapping[str, Ref], found: dict[str, Facts]
    ) -> dict[str, Ref]:
        """What a look at the listing leaves open: 404 for each GET, against the listing's word.

        Raises:
            RegistryError: neither listing nor GET can tell.
        """
        listing = snapshot.listing
        absent, doubtful = {}, {}
        for key, ref in pending.items():
            if ref in listing.rows and ref.id not in self._reader.sent:
                found[key] = _facts(key, listing.digest(ref), listing.rows[ref])
            elif snapshot.sure and ref.id not in listing.types:
                absent[key] = ref
            else:
                doubtful[key] = ref
        self._lied = self._lied or bool(self.done & doubtful.keys())
        if self._lied and absent:
            await self._ask_again(snapshot, absent, found, CONFIRMATIONS)
        return await self._ask_again(snapshot, doubtful, found, ROUNDS)

    async def _ask_again(
        self, snapshot: ListingSnapshot, asked: dict[str, Ref], found: dict[str, Facts], rounds: int
    ) -> dict[str, Ref]:
        """Ask for each so many times; gives those that answered 404 each time.

        Where no GET tells about an id (now), the listing speaks, unless we may have deleted it.
        """
        listing = snapshot.listing
        for attempt in range(rounds):
            if attempt and asked:
                await self._reader.count()
            absent = {}
            for key, ref in asked.items():
                try:
                    there = await self._ask(key, ref, listing)
                except NotToldError as error:
                    listed = ref.id in listing.types
                    lasting = isinstance(error, DetailsUnknownError)
                    told = listed and (lasting or ref.id not in self._reader.sent)
                    if not (told or isinstance(error, UnaskableError)):
                        raise
                    if listed or not snapshot.sure:
                        found[key] = _as_listed(key, ref, listing)
                    continue
                if there is None:
                    absent[key] = ref
                else:
                    found[key] = there
            asked = absent
        return asked

    async def _ask(self, key: str, ref: Ref, listing: RestListing) -> Facts | None:
        """What a GET shows of one artifact; None when it does not exist.

        Listing and GET may word names and addresses differently: it is described as `listing` lists
        it.

        Raises:
            NotToldError: the server does not tell, or only what is listed under another name.
            RegistryError: an answer that says nothing.
        """
        row = await self._requests.get(ref)
        if row is None:
            return None
        listed = listing.rows.get(ref)
        if listed is None:
            last = self._reader.last
            with_url = last is not None and last.urls
            return _facts(key, rest_entries.entry_digest(row, with_url=with_url), row)
        if row.name != listed.name:
            raise UnaskableError(ref)
        return _facts(key, listing.digest(ref), listed)


def _as_listed(key: str, ref: Ref, listing: RestListing) -> Facts:
    """What the listing shows of an id that no GET can ask about."""
    if not (types := listing.types.get(ref.id)):
        raise NotToldError(
            "The registry does not list an artifact, and cannot be asked about it either.",
            hint="Its listing changes while it is read. Try again when it is quiet.",
        )
    listed = ref if ref in listing.rows else Ref(types[0], ref.id)
    return _facts(key, listing.digest(listed), listing.rows[listed])


def _facts(key: str, digest: str, row: RestEntry) -> Facts:
    """Aliases there are none; dependents are what the catalog's scan of lineage has found."""
    return Facts(
        key=key,
        digest=digest,
        state=VersionState.LIVE,
        lineage_known=False,
        collection=row.name,
        label=row.id,
        type=row.type,
    )
