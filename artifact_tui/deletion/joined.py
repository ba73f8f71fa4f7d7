"""Dependents that joined a plan, and stay when what they joined for stays.

Dependents go before what they were made from. So before the first dependent that only
joined is sent, the versions that somebody chose are looked at: one that has changed is refused
there and then, and with it all that would go for its sake alone.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec

from artifact_tui.deletion import planfile, settle
from artifact_tui.deletion.checks import recheck
from artifact_tui.deletion.items import DONE, OPEN, VERSION, ItemState
from artifact_tui.deletion.order import reached
from artifact_tui.deletion.planned import Planned
from artifact_tui.model import Facts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from artifact_tui.deletion.items import Item
    from artifact_tui.deletion.journal import Settled
    from artifact_tui.deletion.looks import Looks
    from artifact_tui.deletion.watch import Means

FRESH = 30.0
"""Seconds in which a chosen version that was as reviewed is not looked at again."""

PART = 500
"""Versions that one look is about, at most."""

_JOINED = "SELECT EXISTS(SELECT 1 FROM item WHERE added AND verdict='delete')"
_PARENTS = """SELECT key, added, facts FROM item WHERE kind='version' AND verdict='delete'
    AND json_extract(facts, '$.dependents[0]') IS NOT NULL"""
_ENDED = """SELECT i.key FROM progress p CROSS JOIN item i USING(seq)
    WHERE p.state IN ('refused', 'failed') AND NOT p.retryable
    AND i.kind='version' AND i.verdict='delete'"""


class Joined:
    """Finds, in one apply, the items that joined for versions which all stay."""

    def __init__(self, means: Means, looks: Looks) -> None:
        self._means = means
        self._plan = means.plan
        self._looks = looks
        self._any = bool(means.plan.one(_JOINED))
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
        with planfile.trouble(self._plan.path):
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
        above = reached(self._parents, [key])
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
            if item.state is ItemState.PLANNED and now - self._looked.get(item.key, -FRESH) >= FRESH
        ]
        for start in range(0, len(old), PART):
            found -= await self._changed(old[start : start + PART])
        if self._plan.head.options.orphan_dependents:
            return found
        return done | found - await self._held(found - done)

    async def _held(self, keys: Iterable[str]) -> set[str]:
        """The keys of all that stay because a dependent of theirs does, however far away.

        The dependents of these versions are looked at once, before the first of them goes.
        """
        new = set(keys) - self._below
        below = reached(self._dependents, new).keys() - new - self._below
        self._below |= new | below
        items = [item for item in self._items(below) if item.state is ItemState.PLANNED]
        for start in range(0, len(items), PART):
            await self._changed(items[start : start + PART], untold_stays=False)
        with planfile.trouble(self._plan.path):
            stays = [key for (key,) in self._plan.conn.execute(_ENDED)]
        return set(reached(self._parents, stays))

    def _items(self, keys: Iterable[str]) -> list[Item]:
        """The versions of the plan with these keys."""
        items: list[Item] = []
        every = sorted(keys)
        for start in range(0, len(every), PART):
            part = every[start : start + PART]
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
        ends: list[Settled] = []
        stays: set[str] = set()
        for item in items:
            if item.key in look.untold:
                if not untold_stays:
                    continue
                stays.add(item.key)
                ends.append(
                    settle.at_once(settle.untold(item, look.untold[item.key], unsure=False))
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
