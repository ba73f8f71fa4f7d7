"""Calls of an apply to its registry, and to the storage beside it: looks and deletions, one try.

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
from itertools import chain, repeat
from math import inf
from typing import TYPE_CHECKING, TypeVar

from artifact_tui.deletion import plan_file
from artifact_tui.deletion.checks import (
    Look,
    lost_aliases,
    members_of,
    names_in_line,
)
from artifact_tui.deletion.items import (
    COLLECTION,
    DETAIL_NAMES,
    OBJECT,
    OPEN,
    VERSION,
    Action,
    ItemState,
    Reason,
)
from artifact_tui.deletion.journal import ItemEnd
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
    from artifact_tui.deletion.checks import Refusal
    from artifact_tui.deletion.items import Item
    from artifact_tui.deletion.journal import Journal
    from artifact_tui.deletion.plan import Plan
    from artifact_tui.model import Recipe


ERROR_LIMIT = 500
"""How much of a registry's words is kept with an item."""


class UnreachableError(Exception):
    """A whole call came to nothing: nobody knows what it did."""


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


def error_words(error: BaseException, client: Client | None = None) -> str:
    """What an error says; our own are sentences, others need their kind."""
    error = first_error(error)
    if isinstance(error, ArtifactTuiError):
        return redacted(str(error), client)
    return redacted(f"{type(error).__name__}: {error}", client)


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
    """How old a look may be when a deletion leaves that the registry let wait.

    Twice as old after each look that this was too short for, up to `FRESHER` times.
    """
    poll: float = 0.2
    """How often a pause looks whether it is over."""
    beat: float = 5.0
    """How often a waiting apply gives a sign of life."""
    tell: float = 1.0
    """How often it looks at what limits its speed."""
    grace: float = 3.0
    """How long a question may go on when the user, or a signal, wishes to stop."""

    def sizes(self, kind: str, batch: int) -> BatchSizes:
        """Items of a kind of the first calls and of each later one; it takes `batch` at once."""
        if kind == COLLECTION:
            return BatchSizes((1,), self.wholes)
        return BatchSizes(self.ramp, self.objects if kind == OBJECT else max(1, batch))

    def sizes_again(self, kind: str, batch: int) -> BatchSizes:
        """Items of the calls of a later round: single ones, then more once some in a row went."""
        if kind == COLLECTION:
            return BatchSizes((), 1)
        singles = [1] * self.singles
        return BatchSizes((*singles, *self.ramp), self.objects if kind == OBJECT else max(1, batch))


class BatchSizes:
    """Counts up a ramp: `now` is the number of items of the next call."""

    def __init__(self, ramp: Sequence[int], most: int) -> None:
        self._ramp = ramp
        self._most = most
        self.begin()

    def begin(self) -> None:
        """The next call is one of the first."""
        self._rest = chain(self._ramp, repeat(self._most))
        self.grow()

    def grow(self) -> None:
        """A call has its size."""
        self.now = min(next(self._rest), self._most)


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


class HaltedError(Exception):
    """A call was given up because the user, or a signal, wished so; it had nothing on its way."""


class CallWatch:
    """Tells the pace of one apply, and gives up its calls where that is wished and safe."""

    def __init__(
        self, plan: Plan, client: Client, journal: Journal, control: Control, policy: Policy
    ) -> None:
        self._plan = plan
        self._client = client
        self._journal = journal
        self._control = control
        self._policy = policy
        self.waiting = ""
        """What the apply waits for by itself; empty while it only waits for answers."""
        self._said = ""
        self._until: tuple[float, str] | None = None
        """Until when this apply waits by itself, and for what."""
        self._called: float | None = None
        """Since when a call is under way."""
        self._waited: float | None = None
        """Since when `waiting` is so."""
        self._beaten = time.monotonic()

    async def pause(self, seconds: float, why: str) -> None:
        """Wait before another try, and tell so; a signal ends it."""
        self._until = (time.monotonic() + seconds, why)
        try:
            await self._control.sleep(seconds)
        finally:
            self._until = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Watch until the block ends; an apply whose plan cannot be written ends with its error."""
        task = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def reading(self, call: Coroutine[object, object, T], *, sent: bool = False) -> T:
        """The answer to a question; `sent` tells that it is about something that was sent.

        That is given up only for a signal: whoever pauses or cancels is told the truth first.

        Raises:
            HaltedError: it was given up.
        """
        return await self._unless(call, signal_only=sent, patience=self._policy.grace)

    async def sending(self, call: Coroutine[object, object, T]) -> T:
        """The answer to a deletion, which is only given up while nothing of it is on its way.

        Raises:
            HaltedError: it was given up; some of it may have been carried out before.
        """
        return await self._unless(call, signal_only=False, patience=None)

    async def _unless(
        self, call: Coroutine[object, object, T], *, signal_only: bool, patience: float | None
    ) -> T:
        task = asyncio.ensure_future(call)
        wished = 0.0
        self._called = self._called or time.monotonic()
        try:
            while not task.done():
                await asyncio.wait({task}, timeout=self._policy.poll)
                if task.done() or not self._wish(signal_only=signal_only):
                    wished = 0.0
                    continue
                wished = wished or time.monotonic()
                late = patience is not None and time.monotonic() - wished > patience
                if late or self._only_waits():
                    raise HaltedError
            return task.result()
        finally:
            self._called = None
            if not task.done():
                task.cancel()
                with suppress(asyncio.CancelledError, Exception):
                    await task

    def _wish(self, *, signal_only: bool) -> bool:
        """Whether somebody wants no more calls now."""
        return self._control.stopped or (not signal_only and self._plan.want is not Want.RUN)

    def _only_waits(self) -> bool:
        """Whether nothing is on its way to the registry, as far as the client says."""
        return self._client.transport.waits()

    async def _watch(self) -> None:
        while True:
            self._tell()
            await asyncio.sleep(self._policy.tell)

    def _words(self) -> str:
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

    def _tell(self) -> None:
        words = redacted(self._words(), self._client)
        now = time.monotonic()
        with suppress(BusyError):  # somebody reads the plan: the next second will do
            if words != self._said:
                self._journal.pace(words)
                self._said, self._beaten = words, now
            elif now - self._beaten >= self._policy.beat:
                self._journal.beat()
                self._beaten = now


RECIPES = 10
"""Recipes that are asked for between two looks at the time."""

RECIPES_START_S = 2.0
"""Seconds that asking for recipes may take before any deletion did."""

DARK = 100
"""Items in a row about which the registry would not tell: it is not asked about more of them."""

LOOK = 5000
"""Versions that one question is about, at most."""

FRESHER = 64
"""So many times as old as at first a look may become."""

AHEAD_S = 2.0
"""For so many seconds, from the question on, facts about the next batch are taken for true."""

_STAYING_OWNERS = """SELECT v.key FROM json_each(?) w
    CROSS JOIN item v ON v.key = w.value AND v.kind='version'
    CROSS JOIN progress p USING(seq) WHERE p.state NOT IN ('verified','gone')"""


class DarkError(UnreachableError):
    """The registry tells about nothing any more."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What came of one call that deletes."""

    by_key: Mapping[str, Outcome]
    """UNKNOWN for an item that was not answered."""
    lost: str = ""
    """Why the call as a whole came to nothing; it may have been carried out."""
    halted: bool = False
    """It was given up while it waited, because somebody wished so."""


class Calls:
    """The calls of one apply: about versions, whole collections, and stored objects."""

    def __init__(
        self, plan: Plan, client: Client, watch: CallWatch, policy: Policy, begun_us: int | None
    ) -> None:
        """`begun_us` is when the run began that deletes."""
        self._plan = plan
        self._client = client
        self._watch = watch
        self._options = plan.head.options
        self._begun_us = begun_us
        self._ahead: tuple[frozenset[str], Look] = (frozenset(), Look())
        self._first = self._fresh = policy.fresh
        self._took = 0.0
        """Seconds that the last look took."""
        self._sent_s = 0.0
        """Seconds that deletions have taken so far."""
        self._recipes_s = 0.0
        self._share = policy.share if plan.summary.deletes > policy.recipes else inf
        self._dark = 0
        """Items in a row that were asked about for the first time, and not told."""

    async def look_before(self, items: Sequence[Item]) -> Look:
        """What is true of items that are to be sent: as the look after the last batch has found.

        Raises:
            UnreachableError, HaltedError: as for `look`.
        """
        (told, look), self._ahead = self._ahead, (frozenset[str](), Look())
        if time.monotonic() - look.at <= AHEAD_S and told.issuperset(item.key for item in items):
            return look
        return await self.look(items)

    async def look_after(self, items: Sequence[Item], upcoming: Sequence[Item]) -> Look:
        """What is true of what was sent, and of the batch that follows if looks are quick.

        Raises:
            UnreachableError, HaltedError: as for `look`.
        """
        if self._took > AHEAD_S / 2 or any(one.kind == COLLECTION for one in (*items, *upcoming)):
            upcoming = ()
        if not items:
            return Look()
        try:
            look = await self.look([*items, *upcoming], sent=True)
        except DarkError:
            return await self.look(items, sent=True)
        told = frozenset(item.key for item in upcoming if item.key not in look.untold)
        self._ahead = (told, look)
        return look

    async def look(self, items: Sequence[Item], *, sent: bool = False) -> Look:
        """What is true of items now; `sent` tells that they were sent.

        Raises:
            UnreachableError: nobody knows.
            DarkError: the registry tells about nothing any more.
            HaltedError: it was given up, because somebody wished so.
        """
        look = Look(at=time.monotonic())
        of = {kind: [i for i in items if i.kind == kind] for kind in (VERSION, OBJECT, COLLECTION)}
        for start in range(0, len(of[VERSION]), LOOK):
            await self._look_at(of[VERSION][start : start + LOOK], look, sent=sent)
        if of[OBJECT]:
            await self._look_at(of[OBJECT], look, sent=sent)
            look.kept = await self._kept(of[OBJECT])
        there = {item.key for item in items}
        wholes = (self._look_at([one], look, sent=sent, besides=there) for one in of[COLLECTION])
        for error in await asyncio.gather(*wholes, return_exceptions=True):
            if error is not None:
                raise error
        self._took = time.monotonic() - look.at
        return look

    async def _look_at(
        self, items: list[Item], look: Look, *, sent: bool, besides: Collection[str] = ()
    ) -> None:
        """Ask about items of one kind, and note what is told and what is not."""
        parts = [items]
        while parts:
            part = parts.pop()
            keys = [item.key for item in part]
            try:
                if part[0].kind == COLLECTION:
                    await self._look_inside(part[0], look, sent=sent, besides=besides)
                elif part[0].kind == OBJECT:
                    look.facts |= await self._told(self._storage().facts(keys), sent=sent)
                else:
                    self._client.recall([item.key for item in part if item.attempts])
                    look.facts |= await self._told(self._client.facts(keys), sent=sent)
            except NotToldError as error:
                if middle := len(part) // 2:
                    parts += [part[middle:], part[:middle]]
                else:
                    look.untold[keys[0]] = self._untold(part[0], error)
                continue
            self._dark = 0

    async def _look_inside(
        self, item: Item, look: Look, *, sent: bool, besides: Collection[str]
    ) -> None:
        """Whether a whole collection is there, what is in it, and what became of its others.

        `besides` are the keys of versions that are asked about anyway.
        """
        key = item.key
        members = members_of(self._plan, item)
        inside = await self._ask(self._client.collection_facts(key), sent=sent)
        if inside is not None:
            # Nothing goes that was shown under another name.
            name = "" if sent else await self._ask(self._client.collection_name(key))
            look.facts[key] = Facts(key, "", VersionState.LIVE, collection=name)
            look.facts |= _checked(inside)
        look.inside[key] = frozenset(inside or ())
        look.members[key] = members
        known = look.inside[key].union(besides)
        lost = [one.key for one in members if one.state in OPEN and one.key not in known]
        for start in range(0, len(lost), LOOK):
            call = self._client.facts(lost[start : start + LOOK])
            look.facts |= await self._told(call, sent=sent)

    def _untold(self, item: Item, error: NotToldError) -> str:
        """In the registry's words: why it would not tell about one item."""
        words = error_words(error, self._client)
        self._dark += item.reason is not Reason.NOT_TOLD
        if self._dark > DARK:
            raise DarkError(words)
        return words

    async def _kept(self, items: Sequence[Item]) -> frozenset[str]:
        """Of stored objects: the keys of those versions that still need theirs."""
        owners = sorted({item.collection for item in items})
        found = set(await self._all(self._owners(owners)))
        with plan_file.trouble(self._plan.path):
            rows = self._plan.conn.execute(_STAYING_OWNERS, (json.dumps(owners),))
            found.update(row[0] for row in rows)
        return frozenset(found)

    async def _owners(self, keys: Sequence[str]) -> Mapping[str, Facts]:
        """Those of these versions that the registry has; none when it is said to be empty."""
        try:
            return await self._client.facts(keys)
        except EmptyError:
            if not self._options.empty_registry:
                raise
            return {}

    async def refused(self, found: Sequence[tuple[Item, Refusal]]) -> list[ItemEnd]:
        """The ends of items that are not deleted after all, with the names that this is about."""
        shown = {key for _, refusal in found for key in refusal.keys[: DETAIL_NAMES + 1]}
        names = self._plan.names(sorted(shown))
        if unknown := sorted(shown - names.keys()):
            with suppress(UnreachableError, NotToldError, HaltedError):
                told = await self._ask(self._client.facts(unknown))
                names |= {k: one.name for k, one in told.items() if one.collection and one.label}
        return [
            ItemEnd(
                item.seq,
                ItemState.REFUSED,
                why.reason,
                why.detail or names_in_line(names.get(key, key) for key in why.keys),
            )
            for item, why in found
        ]

    async def recipes(self, items: Sequence[Item]) -> Mapping[int, Recipe]:
        """What is needed to make these entries again, by item; without it there is no way back.

        In a large plan only what the registry has told already, where it is slow to tell.
        """
        if not self._client.can("recipe"):
            return {}
        keys = [item.key for item in items if item.kind != OBJECT]
        found: dict[str, Recipe] = {}
        for start in range(0, len(keys), RECIPES):
            slow = self._recipes_s > RECIPES_START_S + self._share * self._sent_s
            part = keys[start:] if slow else keys[start : start + RECIPES]
            asked = time.monotonic()
            found |= await self._all(self._client.recipe(part, quick=slow))
            if slow:
                break
            self._recipes_s += time.monotonic() - asked
        return {item.seq: found[item.key] for item in items if item.key in found}

    async def _all(self, call: Coroutine[object, object, T]) -> T:
        try:
            return await self._ask(call)
        except NotToldError as error:
            raise UnreachableError(error_words(error, self._client)) from error

    async def _told(
        self, call: Coroutine[object, object, Mapping[str, Facts]], *, sent: bool
    ) -> Mapping[str, Facts]:
        return _checked(await self._ask(call, sent=sent))

    async def _ask(self, call: Coroutine[object, object, T], *, sent: bool = False) -> T:
        try:
            return await self._watch.reading(call, sent=sent)
        except HaltedError:
            raise
        except Exception as error:  # whatever a client raises, nothing is known
            if isinstance(told := first_error(error), NotToldError):
                raise told from None
            raise UnreachableError(error_words(error, self._client)) from error

    async def send(self, ready: Sequence[tuple[Item, Facts]], look: Look) -> Answers:
        """Delete (or purge) items of one kind, by one call: one try.

        `look` has what is in the whole collections among them.
        """
        keys = [item.key for item, _ in ready]
        began = time.monotonic()
        try:
            outcomes = await self._watch.sending(self._remove(ready, look))
        except HaltedError:
            return Answers(_unknown(keys, "given up while it waited"), halted=True)
        except Exception as error:  # noqa: BLE001 - whatever it is, the request may have left
            why = error_words(error, self._client)
            return Answers(_unknown(keys, why), why)
        self._sent_s += time.monotonic() - began
        waited = any(one.result is Result.WAITED for one in outcomes)
        self._fresh = min(2 * self._fresh, FRESHER * self._first) if waited else self._first
        told = {
            one.key: replace(one, message=redacted(one.message, self._client))
            if one.message
            else one
            for one in outcomes
        }
        silent = [key for key in keys if key not in told]
        return Answers({**told, **_unknown(silent, "no answer for this item")})

    async def _remove(self, ready: Sequence[tuple[Item, Facts]], look: Look) -> Sequence[Outcome]:
        kind = ready[0][0].kind
        keys = [item.key for item, _ in ready]
        if kind == COLLECTION:
            return await asyncio.gather(*(self._remove_whole(item, look) for item, _ in ready))
        if kind == OBJECT:
            return await self._storage().delete_objects(keys)
        if self._options.action is Action.PURGE:
            return await self._client.purge(keys)
        until = look.at + self._fresh
        return await self._client.delete([self._deletion(item, now, until) for item, now in ready])

    async def _remove_whole(self, item: Item, look: Look) -> Outcome:
        """Delete a whole collection; consent goes only with aliases that were reviewed."""
        reviewed = any(
            lost_aliases(one.facts) for one in look.members[item.key] if one.state in OPEN
        )
        aliases = self._options.delete_aliases and reviewed
        until = look.at + self._fresh
        deletion = CollectionDeletion(item.key, delete_aliases=aliases, until=until)
        try:
            answer = await self._client.delete_collection(deletion)
        except Exception as error:  # noqa: BLE001 - whatever it is, the request may have left
            return Outcome(item.key, Result.UNKNOWN, error_words(error, self._client))
        if answer.key != item.key:
            words = "the registry answered about something else"
            return Outcome(item.key, Result.UNKNOWN, words)
        return answer

    def _deletion(self, item: Item, now: Facts, until: float) -> Deletion:
        """Consent goes only with what was reviewed and found again just now.

        Where no dependent may stay, those still there go at the same time: each is made from the
        other.
        """
        options = self._options
        orphans = options.orphan_dependents or not item.outside_dependents
        return Deletion(
            key=item.key,
            token=now.token,
            delete_aliases=options.delete_aliases and bool(item.facts.aliases) and not item.is_link,
            orphan_dependents=orphans and bool(now.dependents),
            begun_us=self._begun_us,
            until=until,
        )

    def _storage(self) -> Storage:
        storage = self._client.storage()
        if storage is None:
            raise RegistryError(
                "No storage is configured for this registry now.",
                hint="Configure the bucket again, then resume.",
            )
        return storage


def _unknown(keys: Sequence[str], why: str) -> dict[str, Outcome]:
    return {key: Outcome(key, Result.UNKNOWN, why) for key in keys}


def _checked(told: Mapping[str, Facts]) -> Mapping[str, Facts]:
    """Facts by key, when each is about what it was asked for."""
    if any(facts.key != key for key, facts in told.items()):
        raise UnreachableError("the registry answered about something else")
    return told
