"""What every screen of a registry is given: its client, its catalog, the signs, the time."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from artifact_tui.catalog.catalog_file import open_to_write
from artifact_tui.catalog.facade import Catalog
from artifact_tui.catalog.filter_doubts import doubts, refuse_sort
from artifact_tui.catalog.known_fields import SHOWN, known_fields
from artifact_tui.clients import open_client
from artifact_tui.config import catalog_file, keep_reserve, marks_file
from artifact_tui.errors import ArtifactTuiError
from artifact_tui.model import now_us
from artifact_tui.query import compile_query, parse
from artifact_tui.tui.registry_link import LineageAsker, RegistryLink
from artifact_tui.tui.terminal import Signs, signs_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from artifact_tui.catalog.filter_doubts import Doubt
    from artifact_tui.catalog.listing import Sort
    from artifact_tui.clients.base import Client
    from artifact_tui.config import Config, Target
    from artifact_tui.query import Query


@dataclass(slots=True)
class Services:
    """The one object that screens share; it owns the client and the catalog."""

    target: Target
    client: Client
    catalog: Catalog
    catalog_path: Path
    signs: Signs
    now: Callable[[], int] = field(default=now_us)
    """Microseconds UTC; tests freeze it."""
    link: RegistryLink | None = None
    """Syncs the catalog of a remote registry; None where the catalog is the registry itself."""
    asker: LineageAsker = field(init=False)
    _trash: Catalog | None = None

    def __post_init__(self) -> None:
        self.asker = LineageAsker(self.client, self.catalog_path, lambda: self.now())  # noqa: PLW0108 - tests set it

    @property
    def read_only_reason(self) -> str:
        """Why nothing may be changed here, or an empty string when the session is armed."""
        if self.client.unwritable:
            return self.client.unwritable
        if self.client.read_only or self.target.read_only:
            return "this session is read-only"
        return ""

    @property
    def read_only(self) -> bool:
        """True when nothing may be changed in this session."""
        return bool(self.read_only_reason)

    async def known_fields(self, among: Iterable[str] = SHOWN) -> frozenset[str]:
        """Those of these fields that this registry tells."""
        return await self.catalog.run(known_fields, self.client, among)

    async def doubts(self, query: Query) -> tuple[Doubt, ...]:
        """The values in a filter that nothing in this registry has.

        Raises:
            QueryError: it asks for what this registry never tells.
        """
        return await self.catalog.run(doubts, query, self.client)

    async def refuse_sort(self, sort: Sort) -> None:
        """Refuse an order by what this registry never tells.

        Raises:
            QueryError: so it is.
        """
        await self.catalog.run(refuse_sort, sort.field, self.client)

    async def trash(self) -> Catalog:
        """The catalog with marks of its own, for what is in the trash; they end with the session.

        What is marked there is never mixed up with what is marked for deletion.

        Raises:
            RegistryError: the catalog cannot be read.
        """
        if self._trash is None:
            self._trash = await Catalog.open(self.catalog_path)
        return self._trash

    async def forget_deleted(self) -> None:
        """Take the marks of what is in the trash away; what failed to be deleted stays marked."""
        with suppress(ArtifactTuiError):  # such marks do no harm, and are tried again next time
            await self.catalog.unmark_where(compile_query(parse("state:trash"), self.now()))

    async def aclose(self) -> None:
        """Close the catalog and the client, once every mark is written."""
        if self.link is not None:
            await self.link.aclose()
        with suppress(ArtifactTuiError, asyncio.CancelledError):
            await self.catalog.marked_count()  # answered after the writes that were asked for
        if self._trash is not None:
            await self._trash.close()
        await self.catalog.close()
        await self.client.aclose()


async def open_services(target: Target, config: Config) -> Services:
    """Open the registry of a target, and its catalog: its own, or one that a link keeps fresh.

    Raises:
        ArtifactTuiError: it cannot be opened; the message says why.
    """
    await asyncio.to_thread(keep_reserve)
    client = await asyncio.to_thread(
        open_client, target.address, read_only=target.read_only, settings=target.settings
    )
    async with AsyncExitStack() as undo:
        undo.push_async_callback(client.aclose)
        path = client.catalog_path
        if path is None:
            path = catalog_file(client.identity.uid)
            await asyncio.to_thread(lambda: open_to_write(path).close())  # made where there is none
        catalog = await Catalog.open(path, marks_file(client.identity.uid))
        undo.push_async_callback(catalog.close)
        services = Services(target, client, catalog, path, signs_for(config))
        if client.catalog_path is None:
            services.link = RegistryLink(client, catalog, path, lambda: services.now())  # noqa: PLW0108 - tests set it
            await services.link.prepare()
        undo.pop_all()
    return services
