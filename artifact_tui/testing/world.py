"""What the contract needs of one kind of registry, and which of its tests fit a kind.

A world is a fresh, empty registry with a client opened on it, and a second way in that plays
other people: it makes versions, moves aliases and reads the truth without going through the
client that is being tested.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeVar

import pytest

from artifact_tui.clients.base import Client

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

HOUR = 3_600_000_000
PAGE = 3
"""Rows on a page of a world, where that can be chosen: small, so that paging is seen."""


@dataclass(frozen=True, slots=True)
class Thing:
    """What is really there of one version."""

    state: str
    aliases: frozenset[tuple[str, bool]] = frozenset()
    """Names, and whether they are protected."""


@dataclass(frozen=True, slots=True)
class Truth:
    """What is really in the registry; equal truths mean that nothing was changed."""

    things: Mapping[str, Thing] = field(default_factory=dict)
    """By version key."""
    edges: frozenset[tuple[str, str]] = frozenset()
    """(parent, child) keys."""
    collections: frozenset[str] = frozenset()
    stored: int = 0
    """Bytes that the registry keeps, where it can tell."""


class World(Protocol):
    """One registry of the kind under test.

    `lacks` are words for `needs` that a client does not tell, or that it has for other types than
    those which this world makes. `bytes`: sizes, dates and files;
    `dependents`: facts that tell them; `guarded_dependents`: the registry itself refuses to orphan
    them; `edges`: lineage that is listed; `deleter`: who deleted, and when; `protection`: aliases
    may forbid deletion; `told_protection`: which of them do; `types`: of collections; `tokens`: the
    registry itself refuses what has changed since its facts were read.
    """

    @property
    def lacks(self) -> frozenset[str]:
        """What this kind of registry has not."""

    @property
    def client(self) -> Client:
        """The client under test, opened for writing."""

    @property
    def now_us(self) -> int:
        """The registry's own time."""

    @property
    def nobody(self) -> str:
        """A well-formed key that no version has or had."""

    def requests(self) -> Sequence[str] | None:
        """The method of every request that reached the registry; None where none are sent."""

    def advance(self, us: int) -> None:
        """Let time pass in the registry."""

    async def reopen(self, *, read_only: bool) -> Client:
        """Another client on the same registry; the world closes it in the end."""

    async def make(
        self,
        collection: str,
        *,
        files: Mapping[str, bytes] | None = None,
        kind: str = "model",
        parents: Sequence[str] = (),
        aliases: Sequence[str] = (),
        protected: Sequence[str] = (),
        tags: Sequence[str] = (),
        ttl_us: int | None = None,
    ) -> str:
        """Somebody adds a version; gives its key. It carries exactly these aliases."""

    async def alias(self, key: str, name: str, *, protected: bool = False) -> None:
        """Somebody puts or moves an alias."""

    async def unalias(self, key: str, name: str) -> None:
        """Somebody takes an alias off, protected or not."""

    async def edge(self, parent: str, child: str) -> None:
        """Somebody records that one version was made from another."""

    async def link(self, key: str, collection: str, *, aliases: Sequence[str] = ()) -> str:
        """Somebody shows a version in a collection of links; gives the link's key.

        Only asked of kinds whose listing tells of links.
        """

    def file(self, key: str) -> Path:
        """A file on this machine with bytes of a version that no other version has.

        Only asked of kinds that tell who uses their versions.
        """

    async def truth(self) -> Truth:
        """What is really there now."""


class PlainWorld:
    """A world to begin with: no requests, aliases, lineage or links; override what there is."""

    now_us = 1_800_000_000_000_000

    def requests(self) -> None:
        """None are sent."""

    def advance(self, us: int) -> None:
        """Let time pass, which nothing in it knows of."""
        self.now_us += us

    async def alias(self, key: str, name: str, *, protected: bool = False) -> None:
        """Never asked for."""
        raise NotImplementedError

    async def unalias(self, key: str, name: str) -> None:
        """Never asked for."""
        raise NotImplementedError

    async def edge(self, parent: str, child: str) -> None:
        """Never asked for."""
        raise NotImplementedError

    async def link(self, key: str, collection: str, *, aliases: Sequence[str] = ()) -> str:
        """Never asked for."""
        raise NotImplementedError

    def file(self, key: str) -> Path:
        """Never asked for."""
        raise NotImplementedError


_TOLD = frozenset({"aliases", "tags", "lineage", "links", "ttl", "trash"})
_Test = TypeVar("_Test", bound=Callable[..., object])


def needs(*what: str) -> Callable[[_Test], _Test]:
    """Mark a test of the contract as being about what only some registries have.

    Each word is one of `Client.tells`, `edit` and one of `Client.edits`, a method that a kind may
    override, `asked lineage`, or something that a world may lack.
    """
    return _marked("needs", what)


def without(*what: str) -> Callable[[_Test], _Test]:
    """Mark a test of the contract as being about registries that have none of this."""
    return _marked("without", what)


def _marked(name: str, what: tuple[str, ...]) -> Callable[[_Test], _Test]:
    def mark(test: _Test) -> _Test:
        setattr(test, name, (*getattr(test, name, ()), *what))
        return test

    return mark


def has(world: World, what: str) -> bool:
    """Whether a registry has what a test is about."""
    client = world.client
    if what in world.lacks:
        return False
    if what in _TOLD:
        return what in client.tells
    if what.startswith("edit "):
        return what.removeprefix("edit ") in client.edits
    if what == "asked lineage":
        return client.tells_dependents
    return client.can(what) if hasattr(Client, what) else True


def skip_unfitting(test: Callable[..., object], world: World) -> None:
    """Skip a test that is not about this kind of registry."""
    for what in getattr(test, "needs", ()):
        if not has(world, what):
            pytest.skip(f"it has no {what}")
    for what in getattr(test, "without", ()):
        if has(world, what):
            pytest.skip(f"it has {what}")


@pytest.fixture(autouse=True)
def fitting(request: pytest.FixtureRequest, world: World) -> None:
    """Skip what is not about this kind of registry."""
    skip_unfitting(request.function, world)
