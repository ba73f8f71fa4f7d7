"""How long what was found true of a version before its deletion is taken to be so.

A server that throttles can let deletions wait for minutes, long after the last look. So what has
waited is looked at again before it leaves: a version that got an alias, a link or a dependent
meanwhile is not sent.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from artifact_tui.model import Facts

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence

    Look = Callable[[Sequence[str]], Awaitable[Mapping[str, Facts]]]
    """What is true of versions now, by key, as `Client.facts` tells it."""

FRESH = 30.0
"""Seconds after which a version is looked at again; twice as many after each look."""

MOST_LOOKS = 6

_REMEMBERED = 10_000
"""Versions of which the last look is remembered."""

_facts = msgspec.json.Decoder(Facts)


def with_token(facts: Facts) -> Facts:
    """Facts that can be compared later, by whoever gets the token back."""
    return replace(facts, token=msgspec.json.encode(replace(facts, token="")).decode())


def changed(token: str, now: Facts, going: Collection[str] = ()) -> bool:
    """Whether there is a reason now not to delete that the facts of the token do not tell.

    Dependents that are `going` are none: what is between them may just have gone.
    """
    if not token:
        return False
    before = _before(token)
    return before is None or (
        (now.digest, now.state, now.source_key) != (before.digest, before.state, before.source_key)
        or (now.kept != "" or (before.lineage_known and not now.lineage_known))
        or not set(now.aliases) <= set(before.aliases)
        or not {one.key for one in now.links} <= {one.key for one in before.links}
        or not set(now.dependents) - set(going) <= set(before.dependents)
    )


def is_ours(token: str) -> bool:
    """Whether it tells what was found by a look of ours."""
    return bool(token) and _before(token) is not None


def _before(token: str) -> Facts | None:
    try:
        return _facts.decode(token)
    except msgspec.MsgspecError:
        return None


class Looks:
    """When versions were looked at on one connection, by what was found of them.

    The moment is that at which the question left: what changes after it may not be in the answer.
    """

    def __init__(self) -> None:
        self._found: dict[str, tuple[str, float]] = {}

    def note(self, facts: Facts, left: float) -> None:
        """This was the answer to a question that left then."""
        self._found.pop(facts.key, None)
        self._found[facts.key] = facts.token, left
        if len(self._found) > _REMEMBERED:
            del self._found[next(iter(self._found))]

    def at(self, key: str, token: str) -> float | None:
        """When this was last found; None: nobody knows."""
        found, left = self._found.get(key, ("", 0.0))
        return left if found and found == token else None


class Ages:
    """When each of some versions was last looked at; where nobody says so, now."""

    def __init__(self, looked: Mapping[str, float] | None = None) -> None:
        """`looked` says when the last look at some of them began."""
        self._began = time.monotonic()
        self._looks = {key: (at, 0) for key, at in (looked or {}).items()}

    def old(self, key: str) -> bool:
        """Whether a version must be looked at again."""
        return time.monotonic() > self.until([key])

    def looked(self, key: str, at: float) -> None:
        """It was looked at again, and is as it was; `at` is when the look began."""
        looks = self._looks.get(key, (0.0, 0))[1]
        self._looks[key] = at, min(looks + 1, MOST_LOOKS)

    def until(self, keys: Iterable[str]) -> float:
        """The moment, on the clock that only goes forward, after which none of them may leave."""
        found = (self._looks.get(key, (self._began, 0)) for key in keys)
        return min(lasts(at, looks) for at, looks in found)


def lasts(at: float, looks: int) -> float:
    """Until when a look that began at a moment is good, after so many looks before it."""
    return at + FRESH * float(2**looks)
