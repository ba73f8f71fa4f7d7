"""Listing everything: collections with their first versions in one document, the rest in batches.

A project of 200 collections and 1,000 versions takes five requests. Further versions of big
collections travel together, several collections in one document; projects are listed side by
side. Nothing is filtered by state: deleted versions show where the server still lists them.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from artifact_tui.clients.wandb import ids, passes, rows, states
from artifact_tui.clients.wandb.decode import (
    Artifact,
    Collection,
    Connection,
    Edge,
    Membership,
    Said,
)
from artifact_tui.clients.wandb.documents import listing as documents
from artifact_tui.clients.wandb.loader import Shape
from artifact_tui.clients.wandb.pages import NAMES, PORTIONS, Pages
from artifact_tui.clients.web.mending import is_spelled
from artifact_tui.clients.web.together import together
from artifact_tui.errors import NotToldError, RegistryError
from artifact_tui.model import VersionState

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from artifact_tui import model
    from artifact_tui.clients.wandb import decode
    from artifact_tui.clients.wandb.fields import Asking
    from artifact_tui.clients.wandb.loader import Loader
    from artifact_tui.clients.wandb.runs import Put
    from artifact_tui.clients.wandb.scope import Place, Scope

    Row = tuple[model.Collection, model.Version | None]

VERSIONS = 100
"""Versions on a further page."""

MEMBERSHIPS = 200
"""Collections on a page of those that show one version."""

PROJECTS_AT_ONCE = 6

BIG_AT_ONCE = 40
"""Collections of more than one page that one listing reads at once: they wait for its reader."""

_OF = Shape(
    documents.VERSIONS_OF,
    {"id": "ID!", "first": "Int!", "after": "String"},
    documents.VERSION_PARTS,
    5,
    "listing versions",
)
_MEMBERSHIPS = Shape(
    documents.MEMBERSHIPS_OF,
    {"id": "ID!", "first": "Int!", "after": "String"},
    documents.MEMBERSHIP_PARTS,
    10,
    "reading where versions are linked",
)


class HiddenError(RegistryError):
    """A collection holds versions that may not be seen."""


class _Versions(Said, frozen=True):
    artifacts: Connection[Artifact] | None = None


class _Shown(Said, frozen=True):
    artifact_memberships: Connection[Membership] | None = None


class Lister:
    """Reads the lists of one address."""

    def __init__(self, asking: Asking, loader: Loader, scope: Scope) -> None:
        self._loader = loader
        self._scope = scope
        self.notices: dict[str, str] = {}
        """What the last lists did not tell, in whole sentences, by what it is about."""
        self._untold: Counter[str] = Counter()
        """What could not be read of the last lists, by what is said about it."""
        self._pages = Pages(asking, self.notices)

    def named(self, home: decode.Home | None, collection: str | None) -> str:
        """A collection as these lists name it; empty when it has no name."""
        return self._scope.listed(home, collection) if collection else ""

    # whole registry

    async def everything(self, put: Put[Row]) -> None:
        """Hand over all collections with their versions, in no order."""
        self._begin()
        big = asyncio.Semaphore(BIG_AT_ONCE)
        async with asyncio.TaskGroup() as group:
            gate = asyncio.Semaphore(PROJECTS_AT_ONCE)
            async for place in self._scope.places():
                await gate.acquire()
                task = group.create_task(self._project(place, put, big))
                task.add_done_callback(lambda _: gate.release())

    async def collections(self, put: Put[model.Collection]) -> None:
        """Hand over all collections, without their versions."""
        self._begin()
        seen: set[str] = set()
        async for place in self._scope.places():
            ask = self._pages.names(place)
            pages = passes.everything(ask, NAMES, unsteady=partial(self._unsteady, place))
            async for edges in pages:
                nodes = self._nodes(edges)
                found = [one for one in nodes if one.id not in seen and _ready(one)]
                seen |= {one.id for one in found}
                await put([rows.collection(one, place.named(one.name or "")) for one in found])

    async def _project(self, place: Place, put: Put[Row], big: asyncio.Semaphore) -> None:
        ask = self._pages.nested(place)
        most = PORTIONS[0][0]
        pages = passes.everything(ask, most, unsteady=partial(self._unsteady, place))
        async with asyncio.TaskGroup() as group:
            async for edges in pages:
                listed = [(one, place.named(one.name or "")) for one in self._nodes(edges)]
                short = [one for one in listed if _complete(one[0].artifacts)]
                for one, name in listed:
                    if not _complete(one.artifacts):
                        await big.acquire()
                        task = group.create_task(self._rest(one, name, put))
                        task.add_done_callback(lambda _: big.release())
                await put(await self._rows(short))

    # versions

    async def _rest(self, one: Collection, name: str, put: Put[Row]) -> None:
        """The versions of a collection of which the first page is not all."""
        shown = rows.collection(one, name)
        home = _key(one)
        pages = passes.everything(
            self._versions(one.id),
            VERSIONS,
            first=one.artifacts,
            unsteady=partial(self._unstable, name),
        )
        empty = True
        async for edges in pages:
            found = _kept(one, await self._read(home, edges))
            empty = empty and not found
            await put([(shown, version) for version in found])
        if empty and _ready(one):
            await put([(shown, None)])

    async def versions(self, home: ids.CollectionKey, put: Put[model.Version]) -> None:
        """Hand over the versions of one collection, oldest first, each once."""
        seen: set[str] = set()
        name = "A collection"
        pages = passes.everything(
            self._versions(home.collection), VERSIONS, unsteady=partial(self._unstable, name)
        )
        async for edges in pages:
            found = await self._read(home, edges)
            await put([one for one in found if one.key not in seen])
            seen |= {one.key for one in found}

    async def whole(self, home: ids.CollectionKey) -> list[model.Version] | None:
        """Every version of one collection as it is now; None when there is no such collection.

        Raises:
            HiddenError: some of it may not be seen.
            RegistryError: it cannot be told, or it changes faster than it can be read.
        """
        if await self._loader.ask(_OF, _Versions, id=home.collection, first=1) is None:
            return None
        edges = await passes.whole(self._versions(home.collection), VERSIONS, "The collection")
        if any(edge is None or edge.node is None for edge in edges):
            raise HiddenError("W&B does not show every version of a collection.")
        return await self._read(home, edges)

    def _versions(
        self, collection: str
    ) -> Callable[[str | None, int], Awaitable[Connection[Artifact]]]:
        """How to read pages of a collection's versions; of one that is gone there are none."""

        async def ask(after: str | None, count: int) -> Connection[Artifact]:
            found = await self._loader.ask(_OF, _Versions, id=collection, after=after, first=count)
            if found is None:
                return Connection()
            if found.artifacts is None:
                raise RegistryError(
                    "W&B does not tell the versions of a collection.", hint="Try again later."
                )
            return found.artifacts

        return ask

    async def _rows(self, listed: Sequence[tuple[Collection, str]]) -> list[Row]:
        """Collections with all their versions, which came with them."""
        found: list[Row] = []
        for one, name in listed:
            shown = rows.collection(one, name)
            edges = one.artifacts.rows if one.artifacts is not None else []
            versions = _kept(one, await self._read(_key(one), edges))
            found += [(shown, version) for version in versions]
            if not versions and _ready(one):
                found.append((shown, None))
        return found

    async def _read(
        self, home: ids.CollectionKey, edges: Sequence[Edge[Artifact] | None]
    ) -> list[model.Version]:
        """Versions with all that shows them."""
        await asyncio.sleep(0)
        read = [(edge, edge.node) for edge in edges if edge is not None and edge.node is not None]
        self._tell(
            "Versions that are not shown, or could not be read, are left out",
            len(edges) - len(read),
        )
        long = [
            one
            for _, one in read
            if not rows.is_link(one, home) and (page := one.artifact_memberships) and page.after
        ]
        whole = {one.id: one for one in await self.linked(long)}
        return [rows.version(edge, whole.get(one.id, one), home) for edge, one in read]

    async def linked(self, artifacts: Sequence[Artifact]) -> list[Artifact]:
        """The same versions, each with all the collections that show it.

        Raises:
            RegistryError: that cannot be told.
        """
        return list(await together(*(self._linked(one) for one in artifacts)))

    async def _linked(self, artifact: Artifact) -> Artifact:
        page = artifact.artifact_memberships
        if page is None or page.after is None:
            return artifact

        async def ask(after: str | None, count: int) -> Connection[Membership]:
            said = await self._loader.ask(
                _MEMBERSHIPS, _Shown, id=artifact.id, after=after, first=count
            )
            if said is None or said.artifact_memberships is None:
                raise NotToldError(
                    "W&B does not tell everywhere where a version is linked.",
                    hint="Nothing was changed. Try again later.",
                )
            return said.artifact_memberships

        edges = await passes.whole(ask, MEMBERSHIPS, "The list of what shows a version")
        return msgspec.structs.replace(artifact, artifact_memberships=Connection(edges=edges))

    def _nodes(self, edges: Sequence[Edge[Collection] | None]) -> list[Collection]:
        """The collections of a page; what cannot be read of them is counted."""
        found = [edge.node for edge in edges if edge is not None and edge.node is not None]
        hidden = len(edges) - len(found)
        self._tell("Collections that are not shown, or could not be read, are left out", hidden)
        self._tell(
            "Names of collections that are not text are spelled out",
            sum(not one.name or is_spelled(one.name) for one in found),
        )
        return found

    def _begin(self) -> None:
        """A new list has notices of its own."""
        self.notices.clear()
        self._untold.clear()

    def _tell(self, what: str, more: int) -> None:
        """Count what could not be read."""
        if more:
            self._untold[what] += more
            self.notices[what] = f"{what}: {self._untold[what]:,}."

    def _unsteady(self, place: Place) -> None:
        self._unstable(f"{place.entity}/{place.project}")

    def _unstable(self, name: str) -> None:
        self.notices[name] = (
            f"{name} changed whenever it was read: something in it may be missing here."
            " Sync it again when fewer others are at work on it."
        )


def _key(one: Collection) -> ids.CollectionKey:
    return ids.SequenceKey(one.id) if rows.is_series(one) else ids.PortfolioKey(one.id)


def _ready(one: Collection) -> bool:
    return one.state not in states.GONE


def _kept(one: Collection, found: list[model.Version]) -> list[model.Version]:
    """The versions to show: of a deleted collection nothing that was deleted with it."""
    return [v for v in found if _ready(one) or v.state is not VersionState.TRASH]


def _complete(page: Connection[Artifact] | None) -> bool:
    """Whether a first page is all there is."""
    if page is None or page.after is not None:
        return False
    return page.total_count is None or page.total_count <= len(page.rows)
