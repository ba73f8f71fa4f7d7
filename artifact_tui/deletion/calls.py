"""Calls of an apply to its registry, and to the storage beside it: facts and deletions, one try.

A registry that throttles can make one call last for minutes. Meanwhile the plan shows why, gives a
sign of life, and listens: a call that only waits is given up for a pause, a cancellation or a
signal. What it may have sent is looked at before anything is said about it.

Where the registry would not tell about something, the question is halved until only that is left
out: one item that nobody may see does not hold up the others. When it tells about nothing any more,
that is trouble with the registry.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from math import inf
from typing import TYPE_CHECKING, TypeVar

from artifact_tui.clients.base import MakingClient
from artifact_tui.deletion import plan_file
from artifact_tui.deletion.checks import Snapshot, lost_aliases, members_of
from artifact_tui.deletion.items import COLLECTION, OBJECT, OPEN, VERSION, Action, Reason
from artifact_tui.deletion.plan import Want
from artifact_tui.errors import ArtifactTuiError, BusyError, EmptyError, NotToldError, RegistryError
from artifact_tui.model import (
    CollectionDeletion,
    Deletion,
    Facts,
    Outcome,
    Result,
    VersionState,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Coroutine, Mapping, Sequence

    from artifact_tui.clients.base import Client, Storage
    from artifact_tui.deletion.items import Item
    from artifact_tui.deletion.journal import Journal
    from artifact_tui.deletion.plan import Plan
    from artifact_tui.model import Recipe


ERROR_LIMIT = 500
"""How much of a registry's words is kept with an item."""


class UnreachableError(Exception):
    """A whole call came to nothing: nobody knows what it did."""


class DarkError(UnreachableError):
    """The registry tells about nothing any more."""


class HaltedError(Exception):
    """A call was given up because the user, or a signal, wished so; it had nothing on its way."""

    def __str__(self) -> str:
        return "given up while it waited"


def redacted(words: str, client: Client | None = None) -> str:
    """A registry's words, cut to size and without the secrets that we, or its client, know of."""
    token = os.environ.get("ARTIFACT_TUI_TOKEN", "")
    words = words.replace(token, "***") if token else words
    words = client.transport.scrub(words) if client is not None else words
    return words[:ERROR_LIMIT]


def first_error(error: BaseException) -> BaseException:
    """The first error of a group, which tells what happened."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def error_words(error: BaseException, client: Client) -> str:
    """What an error says; our own are sentences, others need their kind."""
    error = first_error(error)
    ours = isinstance(error, ArtifactTuiError)
    return redacted(str(error) if ours else f"{type(error).__name__}: {error}", client)


@dataclass(frozen=True, slots=True)
class Policy:
    """How fast an apply goes and how long it tries; times in seconds."""

    ramp: tuple[int, ...] = (1, 10, 100)
    """Items of the first calls, and after trouble: a mistake shows itself while it is small."""
    singles: int = 10
    """So many that did not go must go one by one before several go at once again."""
    objects: int = 4000
    """Stored objects of every later call; of versions as many as the registry takes at once."""
    wholes: int = 4
    """Whole collections that are deleted at once, after the first."""
    delays: tuple[float, ...] = (0.5, 1.5, 3.0, 6.0)
    """Waits before the second, third, … try, whatever did not work.

    After the last one, what did not go has failed; a registry that cannot be used ends the run.
    What it accepted, and has not done, is looked at in this rhythm; there the last one repeats.
    """
    recipes: int = 200
    """In plans of so many items what is needed to make each again is noted, however long it takes.

    In larger ones as long as that takes at most `share` of the time that the deletions take.
    """
    share: float = 0.2
    fresh: float = 30.0
    """Seconds that facts may be old when their deletion leaves, after the registry made it wait.

    Twice as old after each look that this was too short for, up to `FRESHER` times.
    """
    poll: float = 0.2
    """How often a pause looks whether it is over."""
    beat: float = 5.0
    """How often a waiting apply gives a sign of life."""
    pace_every: float = 1.0
    """Seconds between two looks at what limits its speed, which the plan then tells."""
    grace: float = 3.0
    """How long a question may go on when the user, or a signal, wishes to stop."""

    def sizes(
        self, kind: str, at_once: int, *, again: bool = False, last: bool = False
    ) -> list[int]:
        """How many items each call about a kind takes; the last number holds for all that follow.

        The registry takes `at_once` versions by one call. What is tried `again` goes one at a time
        until some in a row went; in the `last` round always.
        """
        if last or (again and kind == COLLECTION):
            return [1]
        if kind == COLLECTION:
            return [1, self.wholes]
        most = self.objects if kind == OBJECT else max(1, at_once)
        singles = [1] * self.singles if again else []
        return [*singles, *(min(size, most) for size in self.ramp), most]


class Control:
    """A stop button: pressed by a signal, honoured after the call in flight."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self.why = ""
        """Who pressed it."""

    @property
    def stopped(self) -> bool:
        """Whether the apply is to stop."""
        return self._event.is_set()

    def stop(self, why: str) -> None:
        """Stop after the call in flight; what is not sent stays planned."""
        self.why = self.why or why
        self._event.set()

    async def sleep(self, seconds: float) -> None:
        """Wait, at most until the button is pressed."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):  # wait_for may swallow a cancellation (3.11)
                await self._event.wait()


T = TypeVar("T")

RECIPES = 10
"""Recipes that are asked for between two looks at the time."""

RECIPES_START_S = 2.0
"""Seconds that asking for recipes may take before any deletion did."""

DARK = 100
"""Items in a row about which the registry would not tell: it is not asked about more of them."""

VERSIONS_AT_ONCE = 5000
"""Versions that one question is about, at most."""

FRESHER = 64
"""How many times `Policy.fresh` facts may be old at most, after looks that took too long."""

AHEAD_S = 2.0
"""For so many seconds, from the question on, facts about the next batch are taken for true."""

_STAYING_OWNERS = """SELECT v.key FROM json_each(?) w
    CROSS JOIN item v ON v.key = w.value AND v.kind='version'
    CROSS JOIN progress p USING(seq) WHERE p.state NOT IN ('verified','gone')
    AND NOT (v.verdict <> 'delete' AND v.reason = 'in_trash')"""


class Calls:
    """The calls of one apply: about versions, whole collections, and stored objects."""

    def __init__(
        self, plan: Plan, client: Client, journal: Journal, control: Control, policy: Policy
    ) -> None:
        self._plan = plan
        self._client = client
        self._journal = journal
        self._control = control
        self._policy = policy
        self._options = plan.head.options
        self.waiting = ""
        """What the apply waits for by itself; empty while it only waits for answers."""
        self._waited: float | None = None
        """Since when `waiting` is so."""
        self._until: tuple[float, str] | None = None
        """Until when this apply waits before another try, and why."""
        self._called: float | None = None
        """Since when a call is under way."""
        self._ahead = Snapshot()
        self._ahead_of: frozenset[str] = frozenset()
        """The keys of the next batch that `_ahead` is about."""
        self._fresh = policy.fresh
        self._took = 0.0
        """Seconds that the last facts took."""
        self._sent_s = 0.0
        """Seconds that deletions have taken so far."""
        self._recipes_s = 0.0
        self._share = policy.share if plan.summary.deletes > policy.recipes else inf
        self._dark = 0
        """Items in a row that were asked about for the first time, and not told."""

    # the pace

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Tell the pace until the block ends; an apply whose plan cannot be written ends then."""
        task = asyncio.create_task(self._tell_pace())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _tell_pace(self) -> None:
        known, beaten = "", time.monotonic()
        while True:
            words = redacted(self._pace(), self._client)
            now = time.monotonic()
            with suppress(BusyError):  # somebody reads the plan: the next second will do
                if words != known:
                    self._journal.pace(words)
                    known, beaten = words, now
                elif now - beaten >= self._policy.beat:
                    self._journal.beat()
                    beaten = now
            await asyncio.sleep(self._policy.pace_every)

    def _pace(self) -> str:
        """What limits the speed, or what is waited for and how long; empty when nothing does."""
        now = time.monotonic()
        if self._until is not None:
            until, why = self._until
            return f"waits {max(1, round(until - now))} s: {why}"
        if self.waiting:
            self._waited = self._waited or now
            return f"{self.waiting}, for {now - self._waited:.0f} s"
        self._waited = None
        words = self._client.transport.pace()
        late = 0.0 if self._called is None else now - self._called
        late = min(late, self._client.transport.silence())
        if late < self._policy.beat or (words and not words[0].isdigit()):
            return words
        return f"no answer from the registry for {late:.0f} s"

    async def pause(self, seconds: float, why: str) -> None:
        """Wait before another try, and tell so; a signal ends it."""
        self._until = (time.monotonic() + seconds, why)
        try:
            await self._control.sleep(seconds)
        finally:
            self._until = None

    async def _answer(
        self,
        call: Coroutine[object, object, T],
        *,
        deletes: bool = False,
        sent: bool = False,
        partly: bool = False,
    ) -> T:
        """The answer to a call, unless it is given up because somebody wishes no more of them.

        One that deletes only while nothing of it is on its way; any other also when it takes longer
        than the policy's grace. One about what was `sent` only for a signal: whoever pauses or
        cancels is told the truth first.

        Raises:
            HaltedError: it was given up; what deletes may have been carried out in part before.
            UnreachableError: it came to nothing.
            NotToldError: the registry would not tell about one of several, asked for `partly`.
        """
        task = asyncio.ensure_future(call)
        wished = 0.0
        self._called = self._called or time.monotonic()
        try:
            while not task.done():
                await asyncio.wait({task}, timeout=self._policy.poll)
                stop = self._control.stopped or (not sent and self._plan.want is not Want.RUN)
                if task.done() or not stop:
                    wished = 0.0
                    continue
                wished = wished or time.monotonic()
                late = not deletes and time.monotonic() - wished > self._policy.grace
                if late or self._client.transport.waits():
                    raise HaltedError  # noqa: TRY301 - what follows is about every other end
            return task.result()
        except HaltedError:
            raise
        except Exception as error:  # whatever a client raises, nothing is known
            first = first_error(error)
            if partly and isinstance(first, NotToldError):
                raise first from None
            raise UnreachableError(error_words(error, self._client)) from error
        finally:
            self._called = None
            if not task.done():
                task.cancel()
                with suppress(asyncio.CancelledError, Exception):
                    await task

    # what is true

    async def facts_before(self, items: Sequence[Item]) -> Snapshot:
        """The facts of items that are to be sent: those read with the last batch if still fresh.

        Raises:
            UnreachableError, HaltedError: as for `facts`.
        """
        now, known = self._ahead, self._ahead_of
        self._ahead_of = frozenset()
        if time.monotonic() - now.at <= AHEAD_S and known.issuperset(item.key for item in items):
            return now
        return await self.facts(items)

    async def facts_after(self, items: Sequence[Item], upcoming: Sequence[Item]) -> Snapshot:
        """Read the facts of the items that were sent, and of the next batch too if that is quick.

        Those of the next batch are kept for `facts_before`.

        Raises:
            UnreachableError, HaltedError: as for `facts`.
        """
        if self._took > AHEAD_S / 2 or any(one.kind == COLLECTION for one in (*items, *upcoming)):
            upcoming = ()
        if not items:
            return Snapshot()
        try:
            now = await self.facts([*items, *upcoming], sent=True)
        except DarkError:
            return await self.facts(items, sent=True)
        self._ahead = now
        self._ahead_of = frozenset(one.key for one in upcoming if one.key not in now.untold)
        return now

    async def facts(self, items: Sequence[Item], *, sent: bool = False) -> Snapshot:
        """What is true of items now; `sent` tells that they were sent.

        Raises:
            UnreachableError: nobody knows.
            DarkError: the registry tells about nothing any more.
            HaltedError: it was given up, because somebody wished so.
        """
        now = Snapshot(at=time.monotonic())
        versions = [item for item in items if item.kind == VERSION]
        for start in range(0, len(versions), VERSIONS_AT_ONCE):
            await self._read(versions[start : start + VERSIONS_AT_ONCE], now, sent=sent)
        if objects := [item for item in items if item.kind == OBJECT]:
            await self._read(objects, now, sent=sent)
            now.kept = await self._owners_that_stay(objects)
        there = {item.key for item in items}
        wholes = (
            self._read([item], now, sent=sent, besides=there)
            for item in items
            if item.kind == COLLECTION
        )
        for error in await asyncio.gather(*wholes, return_exceptions=True):
            if error is not None:
                raise error
        if any(facts.key != key for key, facts in now.facts.items()):
            raise UnreachableError("the registry answered about something else")
        self._took = time.monotonic() - now.at
        return now

    async def _read(
        self, items: list[Item], now: Snapshot, *, sent: bool, besides: Collection[str] = ()
    ) -> None:
        """Ask for the facts of items of one kind; note of which the registry would not tell."""
        parts = [items]
        while parts:
            part = parts.pop()
            keys = [item.key for item in part]
            try:
                if part[0].kind == COLLECTION:
                    await self._read_whole(part[0], now, sent=sent, besides=besides)
                elif part[0].kind == OBJECT:
                    call = self._storage().facts(keys)
                    now.facts |= await self._answer(call, sent=sent, partly=True)
                else:
                    self._client.recall([item.key for item in part if item.attempts])
                    call = self._client.facts(keys)
                    now.facts |= await self._answer(call, sent=sent, partly=True)
            except NotToldError as error:
                if middle := len(part) // 2:
                    parts += [part[middle:], part[:middle]]
                    continue
                words = now.untold[keys[0]] = error_words(error, self._client)
                self._dark += part[0].reason is not Reason.NOT_TOLD
                if self._dark > DARK:
                    raise DarkError(words) from error
            else:
                self._dark = 0

    async def _read_whole(
        self, item: Item, now: Snapshot, *, sent: bool, besides: Collection[str]
    ) -> None:
        """Read into `now` whether a whole collection is there, and what is true of its versions.

        `besides` are the keys of versions that are asked about anyway.
        """
        key = item.key
        members = members_of(self._plan, item)
        inside = await self._answer(self._client.collection_facts(key), sent=sent, partly=True)
        if inside is not None:
            # Nothing goes that was shown under another name.
            name = (
                "" if sent else await self._answer(self._client.collection_name(key), partly=True)
            )
            now.facts[key] = Facts(key, "", VersionState.LIVE, collection=name)
            now.facts |= inside
        now.inside[key] = frozenset(inside or ())
        now.members[key] = members
        known = now.inside[key].union(besides)
        lost = [one.key for one in members if one.state in OPEN and one.key not in known]
        for start in range(0, len(lost), VERSIONS_AT_ONCE):
            call = self._client.facts(lost[start : start + VERSIONS_AT_ONCE])
            now.facts |= await self._answer(call, sent=sent, partly=True)

    async def _owners_that_stay(self, objects: Sequence[Item]) -> frozenset[str]:
        """The keys of those versions that still need some of these stored objects.

        What can be restored needs them, unless this plan names it and takes them along.
        """
        owners = sorted({item.collection for item in objects})
        planned = self._plan.names(owners)

        async def there() -> set[str]:
            try:
                return {
                    key
                    for key, facts in (await self._client.facts(owners)).items()
                    if self._client.needs_objects(facts)
                    and (facts.state is not VersionState.TRASH or key not in planned)
                }
            except EmptyError:
                if not self._options.empty_registry:
                    raise
                return set()

        found = await self._answer(there())
        with plan_file.trouble(self._plan.path):
            rows = self._plan.conn.execute(_STAYING_OWNERS, (json.dumps(owners),))
            found.update(row[0] for row in rows)
        return frozenset(found)

    async def names(self, keys: Collection[str]) -> Mapping[str, str]:
        """The names of versions, from the plan or else the registry; unknown ones are left out."""
        names = self._plan.names(sorted(keys))
        if unknown := sorted(keys - names.keys()):
            with suppress(UnreachableError, HaltedError):
                found = await self._answer(self._client.facts(unknown))
                names |= {k: one.name for k, one in found.items() if one.collection and one.label}
        return names

    async def recipes(self, items: Sequence[Item]) -> Mapping[int, Recipe]:
        """What is needed to make these entries again, by item; without it there is no way back.

        In a large plan only what the registry has told already, where it is slow to tell.
        """
        client = self._client
        if not isinstance(client, MakingClient):
            return {}
        keys = [item.key for item in items if item.kind != OBJECT]
        found: dict[str, Recipe] = {}
        for start in range(0, len(keys), RECIPES):
            slow = self._recipes_s > RECIPES_START_S + self._share * self._sent_s
            part = keys[start:] if slow else keys[start : start + RECIPES]
            began = time.monotonic()
            found |= await self._answer(client.recipe(part, quick=slow))
            if slow:
                break
            self._recipes_s += time.monotonic() - began
        return {item.seq: found[item.key] for item in items if item.key in found}

    # deleting

    async def delete(
        self, ready: Sequence[tuple[Item, Facts]], now: Snapshot
    ) -> tuple[Mapping[str, Outcome], UnreachableError | HaltedError | None]:
        """Delete (or purge) items of one kind by one call, one try; `now` is what is true of them.

        An outcome for each, UNKNOWN where it was not answered, and why the call as a whole came to
        nothing, or was given up; it may have been carried out.
        """
        keys = [item.key for item, _ in ready]
        began = time.monotonic()
        trouble: UnreachableError | HaltedError | None = None
        outcomes: Sequence[Outcome] = ()
        silence = "no answer for this item"
        try:
            outcomes = await self._answer(self._send(ready, now), deletes=True)
        except (HaltedError, UnreachableError) as error:  # the request may have left
            trouble, silence = error, str(error)
        else:
            self._sent_s += time.monotonic() - began
            waited = any(one.result is Result.WAITED for one in outcomes)
            longest = FRESHER * self._policy.fresh
            self._fresh = min(2 * self._fresh, longest) if waited else self._policy.fresh
        found = {key: Outcome(key, Result.UNKNOWN, silence) for key in keys}
        for one in outcomes:
            words = redacted(one.message, self._client) if one.message else ""
            found[one.key] = replace(one, message=words) if words != one.message else one
        return found, trouble

    async def _send(self, ready: Sequence[tuple[Item, Facts]], now: Snapshot) -> Sequence[Outcome]:
        keys = [item.key for item, _ in ready]
        until = now.at + self._fresh
        kind = ready[0][0].kind
        if kind == COLLECTION:
            wholes = (self._delete_whole(item, now.members[item.key], until) for item, _ in ready)
            return await asyncio.gather(*wholes)
        if kind == OBJECT:
            return await self._storage().delete_objects(keys)
        if self._options.action is Action.PURGE:
            return await self._client.purge(keys)
        # Consent goes only with what was reviewed and found again just now. Where no dependent may
        # stay, those still there go at the same time: each is made from the other.
        agreed = self._options
        return await self._client.delete(
            [
                Deletion(
                    key=item.key,
                    token=facts.token,
                    delete_aliases=agreed.delete_aliases
                    and bool(item.facts.aliases)
                    and not item.is_link,
                    orphan_dependents=bool(facts.dependents)
                    and (agreed.orphan_dependents or not item.outside_dependents),
                    begun_us=self._journal.begun_us,
                    until=until,
                )
                for item, facts in ready
            ]
        )

    async def _delete_whole(self, item: Item, members: Sequence[Item], until: float) -> Outcome:
        """Delete a whole collection; consent goes only with aliases that were reviewed."""
        reviewed = any(lost_aliases(one.facts) for one in members if one.state in OPEN)
        aliases = self._options.delete_aliases and reviewed
        keys = frozenset(one.key for one in members)
        deletion = CollectionDeletion(item.key, aliases, until, keys)
        try:
            answer = await self._client.delete_collection(deletion)
        except Exception as error:  # noqa: BLE001 - whatever it is, the request may have left
            return Outcome(item.key, Result.UNKNOWN, error_words(error, self._client))
        if answer.key != item.key:
            words = "the registry answered about something else"
            return Outcome(item.key, Result.UNKNOWN, words)
        return answer

    def _storage(self) -> Storage:
        storage = self._client.storage()
        if storage is None:
            raise RegistryError(
                "No storage is configured for this registry now.",
                hint="Configure the bucket again, then resume.",
            )
        return storage
