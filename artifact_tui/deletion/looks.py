"""Questions to the registry about items: what is true of them, who needs them, how to remake them.

Where the registry would not tell about something, the question is halved until only that is left
out: one item that nobody may see does not hold up the others. When it tells about nothing any more,
that is trouble with the registry.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING, TypeVar

from artifact_tui.deletion.checks import NAMES_SHOWN, listed
from artifact_tui.deletion.items import OBJECT, ItemState, Reason
from artifact_tui.deletion.journal import Settled
from artifact_tui.deletion.said import UnreachableError, first
from artifact_tui.deletion.watch import HaltedError
from artifact_tui.errors import EmptyError, NotToldError

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping, Sequence

    from artifact_tui.deletion.checks import Refusal
    from artifact_tui.deletion.items import Item
    from artifact_tui.deletion.watch import Means
    from artifact_tui.model import Facts, Recipe

T = TypeVar("T")

RECIPES = 10
"""Recipes that are asked for between two looks at the time."""

START_S = 2.0
"""Seconds that asking for recipes may take before any deletion did."""

DARK = 100
"""Items in a row about which the registry would not tell: it is not asked about more of them."""


class DarkError(UnreachableError):
    """The registry tells about nothing any more."""


@dataclass(frozen=True, slots=True)
class Look:
    """What the registry says of items now."""

    facts: Mapping[str, Facts] = field(default_factory=dict)
    """By key; those that are gone are left out."""
    untold: Mapping[str, str] = field(default_factory=dict)
    """By key, in the registry's words: why it would not tell about these."""


class Looks:
    """Asks for one apply."""

    def __init__(self, means: Means) -> None:
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

    async def facts(self, items: Sequence[Item], *, sent: bool = False) -> Look:
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
        return Look(found, untold)

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

    async def refused(self, item: Item, refusal: Refusal) -> Settled:
        """The end of an item that is not deleted after all, with the names that it is about."""
        shown = refusal.keys[: NAMES_SHOWN + 1]
        names = self._plan.names(shown)
        names |= await self.names([key for key in shown if key not in names])
        detail = refusal.detail or listed(names.get(k, k) for k in refusal.keys)
        return Settled(item.seq, ItemState.REFUSED, refusal.reason, detail)

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
            slow = self._recipes_s > START_S + self._share * self.sent_s
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
            if isinstance(told := first(error), NotToldError):
                raise told from None
            raise UnreachableError(self._target.error_words(error)) from error
