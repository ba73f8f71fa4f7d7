"""Calls of an apply to its registry, and to the storage beside it: looks and deletions.

A registry that throttles can make one call last for minutes. Meanwhile the plan shows why, gives a
sign of life, and listens: a call that only waits is given up for a pause, a cancellation or a
signal. What it may have sent is looked at before anything is said about it.

Where the registry would not tell about something, the question is halved until only that is left
out: one item that nobody may see does not hold up the others. When it tells about nothing any more,
that is trouble with the registry.

Dependents go before what they were made from. So before the first dependent that only joined a plan
is sent, the versions that somebody chose are looked at: one that has changed is refused there and
then, and with it all that would go for its sake alone.
"""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING, TypeVar

import msgspec

from artifact_tui.deletion import journal, plan_file
from artifact_tui.deletion.checks import (
    NAMES_SHOWN,
    Planned,
    lost_aliases,
    names_in_line,
    reachable,
    recheck,
)
from artifact_tui.deletion.items import (
    COLLECTION,
    DONE,
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
from artifact_tui.model import CollectionDeletion, Deletion, Facts, VersionState

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Iterable, Mapping, Sequence

    from artifact_tui.clients.base import Client, Storage
    from artifact_tui.deletion.checks import Refusal
    from artifact_tui.deletion.items import Item, Options
    from artifact_tui.deletion.journal import Journal
    from artifact_tui.deletion.plan import Plan
    from artifact_tui.model import Outcome, Recipe


ERROR_LIMIT = 500
"""How much of a registry's words is kept with an item."""


class UnreachableError(Exception):
    """A whole call came to nothing: nobody knows what it did."""


def redacted(words: str, client: Client | None = None) -> str:
    """A registry's words, cut to size and without the secrets that we, or its client, know of."""
    token = os.environ.get("ARTIFACT_TUI_TOKEN", "")
    words = words.replace(token, "***") if token else words
    words = client.scrub(words) if client is not None else words
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
    """Items of the first calls: a mistake shows itself while it is small."""
    most: int = 500
    """Items of every later call, or fewer where the registry takes fewer."""
    objects: int = 4000
    """Stored objects of every later call: storages take many more at once than registries."""
    delays: tuple[float, ...] = (0.5, 2.0, 8.0)
    """Waits before the second, third, … try of what may work later."""
    recipes: int = 200
    """In plans of so many items what is needed to make each again is noted, however long it takes.

    In larger ones as long as that takes at most `share` of the time that the deletions take.
    """
    share: float = 0.2
    accepted: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0, 8.0)
    """Waits between looks at what the registry accepted and has not done; the last one repeats."""
    poll: float = 0.2
    """How often a pause looks whether it is over."""
    beat: float = 5.0
    """How often a waiting apply gives a sign of life."""
    tell: float = 1.0
    """How often it looks at what limits its speed."""
    grace: float = 3.0
    """How long a question may go on when the user, or a signal, wishes to stop."""

    def sizes(self, batch: int) -> BatchSizes:
        """The sizes of calls, one after the other, for a registry that takes `batch` at once."""
        return BatchSizes(self.ramp, self.most, max(1, batch))

    def object_sizes(self) -> BatchSizes:
        """The same for the storage beside a registry."""
        return BatchSizes(self.ramp, self.objects, self.objects)


class BatchSizes:
    """Counts up the ramp: `next()` is the number of items of the next call."""

    def __init__(self, ramp: Sequence[int], most: int, batch: int) -> None:
        self._rest = list(reversed(ramp))
        self._most = min(most, batch)
        self._batch = batch

    def next(self) -> int:
        """The size of the next call."""
        return min(self._rest.pop(), self._batch) if self._rest else self._most


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


@dataclass(slots=True)
class GroupEnd:
    """What is left of a group of items after its call."""

    again: list[int] = field(default_factory=list)
    """Items, by seq, that may work later."""
    broken: str = ""
    """Set when the registry could not be used, however often it was tried: why."""
    halted: bool = False
    """It was given up because of a wish: what is still planned of it waits for its turn."""


def storage_of(client: Client) -> Storage | None:
    """The storage beside a registry, if it has one and we were told of it."""
    return client.storage()


class DeletionTarget:
    """Asks and deletes versions through the client, and objects through its storage."""

    def __init__(self, client: Client, begun_us: int | None = None) -> None:
        """Speak to a registry; `begun_us` is when the run began that deletes in it."""
        self._client = client
        self._begun_us = begun_us

    @property
    def unsure(self) -> bool:
        """Whether the registry's answers prove nothing."""
        return self._client.capabilities.unsure_answers

    @property
    def scanned(self) -> bool:
        """Whether the registry never tells the dependents of a version: a scan found them."""
        return self._client.capabilities.scanned_lineage

    @property
    def recreates(self) -> bool:
        """Whether the registry can make again what it deleted."""
        return self._client.capabilities.recreate

    def words(self, text: str) -> str:
        """The registry's words, fit to be kept."""
        return redacted(text, self._client)

    def error_words(self, error: BaseException) -> str:
        """What an error says, fit to be kept."""
        return error_words(error, self._client)

    async def facts(self, items: Sequence[Item]) -> Mapping[str, Facts]:
        """What is true of items now; those that are gone are left out.

        Of a whole collection only that it is there: `collection` tells what is in it.
        """
        keys = [item.key for item in items if item.kind == VERSION]
        self._client.recall([i.key for i in items if i.kind == VERSION and i.attempts])
        objects = [item.key for item in items if item.kind == OBJECT]
        found = dict(await self._client.facts(keys)) if keys else {}
        if objects:
            found |= await self._storage().facts(objects)
        for item in items:
            if item.kind == COLLECTION and await self.collection(item.key) is not None:
                found[item.key] = Facts(item.key, "", VersionState.LIVE)
        return found

    async def collection(self, key: str) -> Mapping[str, Facts] | None:
        """What is true of every version in a collection; None when it is gone."""
        return await self._collections().collection_facts(key)

    async def collection_name(self, key: str) -> str:
        """What the registry calls a collection now; empty where it does not tell."""
        return await self._collections().collection_name(key)

    async def remove_collection(
        self, item: Item, members: Sequence[Item], options: Options
    ) -> Outcome:
        """Delete a whole collection; consent goes only with aliases that were reviewed."""
        reviewed = any(lost_aliases(member.facts) for member in members)
        aliases = options.delete_aliases and reviewed
        return await self._collections().delete_collection(
            CollectionDeletion(item.key, delete_aliases=aliases)
        )

    def _collections(self) -> Client:
        if not self._client.can("delete_collection"):
            raise RegistryError(
                "This registry cannot delete a whole collection.",
                hint="Make a plan without whole collections.",
            )
        return self._client

    async def versions(self, keys: Sequence[str]) -> Mapping[str, Facts]:
        """What the registry says of versions, by key."""
        return await self._client.facts(keys)

    async def recipes(self, keys: Sequence[str], *, quick: bool = False) -> Mapping[str, Recipe]:
        """What is needed to make versions again; nothing where that cannot be done.

        `quick` is as for the client.
        """
        return await self._client.recipe(keys, quick=quick)

    async def remove(
        self, ready: Sequence[tuple[Item, Facts]], options: Options
    ) -> Sequence[Outcome]:
        """Delete (or purge) items of one kind; one outcome for each."""
        keys = [item.key for item, _ in ready]
        if ready[0][0].kind == OBJECT:
            return await self._storage().delete_objects(keys)
        if options.action is Action.PURGE:
            return await self._client.purge(keys)
        begun = self._begun_us
        return await self._client.delete([_deletion(i, now, options, begun) for i, now in ready])

    def _storage(self) -> Storage:
        storage = storage_of(self._client)
        if storage is None:
            raise RegistryError(
                "No storage is configured for this registry now.",
                hint="Configure the bucket again, then resume.",
            )
        return storage


def _deletion(item: Item, now: Facts, options: Options, begun_us: int | None) -> Deletion:
    """Consent goes only with what was reviewed and found again just now.

    Where no dependent may stay, those still there go at the same time: each is made from the other.
    """
    orphans = options.orphan_dependents or not item.outside_dependents
    return Deletion(
        key=item.key,
        token=now.token,
        delete_aliases=options.delete_aliases and bool(item.facts.aliases) and not item.is_link,
        orphan_dependents=orphans and bool(now.dependents),
        begun_us=begun_us,
    )


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
        return self._client.waits()

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
        words = self._client.pace()
        late = 0.0 if self._called is None else now - self._called
        late = min(late, self._client.silence())
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


@dataclass(frozen=True, slots=True)
class ApplyMeans:
    """What one apply works with."""

    plan: Plan
    target: DeletionTarget
    journal: Journal
    control: Control
    policy: Policy
    watch: CallWatch


RECIPES = 10
"""Recipes that are asked for between two looks at the time."""

RECIPES_START_S = 2.0
"""Seconds that asking for recipes may take before any deletion did."""

DARK = 100
"""Items in a row about which the registry would not tell: it is not asked about more of them."""


class DarkError(UnreachableError):
    """The registry tells about nothing any more."""


@dataclass(frozen=True, slots=True)
class LookAnswer:
    """What the registry says of items now."""

    facts: Mapping[str, Facts] = field(default_factory=dict)
    """By key; those that are gone are left out."""
    untold: Mapping[str, str] = field(default_factory=dict)
    """By key, in the registry's words: why it would not tell about these."""


class RegistryLooks:
    """Asks for one apply."""

    def __init__(self, means: ApplyMeans) -> None:
        self._plan = means.plan
        self._target = means.target
        self._watch = means.watch
        self.took = 0.0
        """Seconds that the last look took."""
        self.sent_s = 0.0
        """Seconds that deletions have taken so far."""
        self._recipes_s = 0.0
        policy = means.policy
        self._share = policy.share if means.plan.summary.deletes > policy.recipes else inf
        self._dark = 0
        """Items in a row that were asked about for the first time, and not told."""

    async def facts(self, items: Sequence[Item], *, sent: bool = False) -> LookAnswer:
        """What is true of items now; `sent` tells that they were sent.

        Raises:
            UnreachableError: nobody knows.
            DarkError: the registry tells about nothing any more.
            HaltedError: it was given up, because somebody wished so.
        """
        asked = time.monotonic()
        found: dict[str, Facts] = {}
        untold: dict[str, str] = {}
        parts = [list(items)]
        while parts:
            part = parts.pop()
            try:
                now = await self._ask(self._target.facts(part), sent=sent)
            except NotToldError as error:
                if middle := len(part) // 2:
                    parts += [part[middle:], part[:middle]]
                else:
                    untold[part[0].key] = self._untold(part[0], error)
                continue
            if any(facts.key != key for key, facts in now.items()):
                raise UnreachableError("the registry answered about something else")
            found |= now
            self._dark = 0
        self.took = time.monotonic() - asked
        return LookAnswer(found, untold)

    def _untold(self, item: Item, error: NotToldError) -> str:
        """In the registry's words: why it would not tell about one item."""
        words = self._target.error_words(error)
        self._dark += item.reason is not Reason.NOT_TOLD
        if self._dark > DARK:
            raise DarkError(words)
        return words

    async def names(self, keys: Sequence[str]) -> Mapping[str, str]:
        """What versions outside the plan are called, as far as the registry tells."""
        try:
            found = await self._ask(self._target.versions(keys), sent=False) if keys else {}
        except (UnreachableError, NotToldError, HaltedError):
            return {}
        return {key: one.name for key, one in found.items() if one.collection and one.label}

    async def refused(self, item: Item, refusal: Refusal) -> ItemEnd:
        """The end of an item that is not deleted after all, with the names that it is about."""
        shown = refusal.keys[: NAMES_SHOWN + 1]
        names = self._plan.names(shown)
        names |= await self.names([key for key in shown if key not in names])
        detail = refusal.detail or names_in_line(names.get(k, k) for k in refusal.keys)
        return ItemEnd(item.seq, ItemState.REFUSED, refusal.reason, detail)

    async def kept(self, items: Sequence[Item]) -> frozenset[str]:
        """Of stored objects: the keys of those versions that still need theirs."""
        owners = sorted({item.collection for item in items if item.kind == OBJECT})
        if not owners:
            return frozenset()
        found = await self._all(self._owners(owners))
        sql = """SELECT v.key FROM item v JOIN progress p USING(seq)
            WHERE v.key=? AND v.kind='version' AND p.state NOT IN ('verified','gone')"""
        return frozenset(o for o in owners if o in found or self._plan.one(sql, (o,)))

    async def _owners(self, keys: Sequence[str]) -> Mapping[str, Facts]:
        """Those of these versions that the registry has; none when it is said to be empty."""
        try:
            return await self._target.versions(keys)
        except EmptyError:
            if not self._plan.head.options.empty_registry:
                raise
            return {}

    async def recipes(self, items: Sequence[Item]) -> Mapping[int, Recipe]:
        """What is needed to make these entries again, by item; without it there is no way back.

        In a large plan only what the registry has told already, where it is slow to tell.
        """
        keys = [item.key for item in items if item.kind != OBJECT]
        keys = keys if self._target.recreates else []
        found: dict[str, Recipe] = {}
        for start in range(0, len(keys), RECIPES):
            slow = self._recipes_s > RECIPES_START_S + self._share * self.sent_s
            part = keys[start:] if slow else keys[start : start + RECIPES]
            asked = time.monotonic()
            found |= await self._all(self._target.recipes(part, quick=slow))
            if slow:
                break
            self._recipes_s += time.monotonic() - asked
        return {item.seq: found[item.key] for item in items if item.key in found}

    async def _all(self, call: Coroutine[object, object, T]) -> T:
        try:
            return await self._ask(call, sent=False)
        except NotToldError as error:
            raise UnreachableError(self._target.error_words(error)) from error

    async def _ask(self, call: Coroutine[object, object, T], *, sent: bool) -> T:
        try:
            return await self._watch.reading(call, sent=sent)
        except HaltedError:
            raise
        except Exception as error:  # whatever a client raises, nothing is known
            if isinstance(told := first_error(error), NotToldError):
                raise told from None
            raise UnreachableError(self._target.error_words(error)) from error


CHOSEN_FRESH_S = 30.0
"""Seconds in which a chosen version that was as reviewed is not looked at again."""

CHOSEN_PART = 500
"""Versions that one look is about, at most."""

_ANY_JOINED = "SELECT EXISTS(SELECT 1 FROM item WHERE added AND verdict='delete')"
_PARENTS = """SELECT key, added, facts FROM item WHERE kind='version' AND verdict='delete'
    AND json_extract(facts, '$.dependents[0]') IS NOT NULL"""
_ENDED = """SELECT i.key FROM progress p CROSS JOIN item i USING(seq)
    WHERE p.state IN ('refused', 'failed') AND NOT p.retryable
    AND i.kind='version' AND i.verdict='delete'"""


class JoinedDependents:
    """Finds, in one apply, the items that joined for versions which all stay."""

    def __init__(self, means: ApplyMeans, looks: RegistryLooks) -> None:
        self._means = means
        self._plan = means.plan
        self._looks = looks
        self._any = bool(means.plan.one(_ANY_JOINED))
        self._parents: dict[str, list[str]] = {}
        self._dependents: dict[str, tuple[str, ...]] = {}
        self._chosen: set[str] = set()
        """Keys of parents that somebody chose: they did not only join."""
        self._looked: dict[str, float] = {}
        self._below: set[str] = set()
        """Keys of chosen versions and all their dependents, once these were looked at."""
        if self._any:
            self._read()

    def _read(self) -> None:
        with plan_file.trouble(self._plan.path):
            for key, added, facts in self._plan.conn.execute(_PARENTS):
                if not added:
                    self._chosen.add(key)
                self._dependents[key] = msgspec.json.decode(facts, type=Facts).dependents
                for below in self._dependents[key]:
                    self._parents.setdefault(below, []).append(key)

    async def stays(self, items: Sequence[Item]) -> Mapping[str, str]:
        """The items that only joined, for versions that all stay: by key, with one of those.

        Raises:
            UnreachableError: nobody knows what becomes of the chosen versions.
            HaltedError: it was given up, because somebody wished so.
        """
        joined = [item.key for item in items if item.added_as_dependent]
        if not self._any or not joined:
            return {}
        roots = {key: self._roots(key) for key in joined}
        going = await self._going({root for found in roots.values() for root in found})
        return {
            key: found[0]
            for key, found in roots.items()
            if found and not any(root in going for root in found)
        }

    def _roots(self, key: str) -> list[str]:
        """The chosen versions for which this one joined."""
        above = reachable(self._parents, [key])
        return sorted(one for one in above if one in self._chosen)

    async def _going(self, keys: Iterable[str]) -> set[str]:
        """The keys of those that are gone or still to go; a version that has changed is refused."""
        items = self._items(keys)
        now = time.monotonic()
        done = {item.key for item in items if item.state in DONE}
        found = done | {item.key for item in items if item.state in OPEN}
        old = [
            item
            for item in items
            if item.state is ItemState.PLANNED
            and now - self._looked.get(item.key, -CHOSEN_FRESH_S) >= CHOSEN_FRESH_S
        ]
        for start in range(0, len(old), CHOSEN_PART):
            found -= await self._changed(old[start : start + CHOSEN_PART])
        if self._plan.head.options.orphan_dependents:
            return found
        return done | found - await self._held(found - done)

    async def _held(self, keys: Iterable[str]) -> set[str]:
        """The keys of all that stay because a dependent of theirs does, however far away.

        The dependents of these versions are looked at once, before the first of them goes.
        """
        new = set(keys) - self._below
        below = reachable(self._dependents, new).keys() - new - self._below
        self._below |= new | below
        items = [item for item in self._items(below) if item.state is ItemState.PLANNED]
        for start in range(0, len(items), CHOSEN_PART):
            await self._changed(items[start : start + CHOSEN_PART], untold_stays=False)
        with plan_file.trouble(self._plan.path):
            stays = [key for (key,) in self._plan.conn.execute(_ENDED)]
        return set(reachable(self._parents, stays))

    def _items(self, keys: Iterable[str]) -> list[Item]:
        """The versions of the plan with these keys."""
        items: list[Item] = []
        every = sorted(keys)
        for start in range(0, len(every), CHOSEN_PART):
            part = every[start : start + CHOSEN_PART]
            where = f"i.key IN ({','.join('?' * len(part))}) AND i.kind='{VERSION}'"
            items += self._plan.select(where, part)
        return items

    async def _changed(self, items: Sequence[Item], *, untold_stays: bool = True) -> set[str]:
        """Look at these items; refuse now those not as reviewed, and give their keys.

        What the registry would not tell about fails now, unless it may still tell in its turn.
        """
        asked = time.monotonic()
        look = await self._looks.facts(items)
        options = self._plan.head.options
        planned = Planned(self._plan, scanned=self._means.target.scanned)
        ends: list[ItemEnd] = []
        stays: set[str] = set()
        for item in items:
            if item.key in look.untold:
                if not untold_stays:
                    continue
                stays.add(item.key)
                ends.append(
                    journal.fail_now(
                        journal.end_not_told(item, look.untold[item.key], unsure=False)
                    )
                )
                continue
            facts = planned.complete(item, look.facts.get(item.key))
            below = facts.dependents if facts is not None else ()
            together = frozenset(key for key in below if planned(key) is not None)
            refusal = recheck(item.facts, facts, options, planned, together)
            if refusal is None or refusal.gone:
                self._looked[item.key] = asked
                continue
            stays.add(item.key)
            ends.append(await self._looks.refused(item, refusal))
        self._means.journal.settle(ends)
        return stays
