"""What the contract suite needs to know of one kind of registry: see `conftest.WORLDS`.

A world is a fresh, empty registry with a client opened on it, and a second way in that plays
other people: it makes versions, moves aliases and reads the truth without going through the
client that is being tested.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from artifact_tui.clients.base import Client

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

    A world may have `lacks`: names for `needs` that are no capabilities, and that its kind of
    registry has not. `bytes`: sizes, dates and files; `dependents`: facts that tell them;
    `guarded_dependents`: the registry itself refuses to orphan them; `edges`: lineage that is
    listed; `deleter`: who deleted, and when; `told_protection`: which aliases are protected;
    `tokens`: the registry itself refuses what has changed since its facts were read.
    """

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

        Only asked of kinds whose capabilities tell of links.
        """

    async def truth(self) -> Truth:
        """What is really there now."""
