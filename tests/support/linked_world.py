"""A registry with links and whole collections, synced into a real catalog, and plans for it."""

from __future__ import annotations

import asyncio
from contextlib import closing
from typing import TYPE_CHECKING

from artifact_tui import catalog
from artifact_tui.catalog.sync import sync
from artifact_tui.deletion import confirmation
from artifact_tui.deletion.apply import Ending, apply
from artifact_tui.deletion.items import Options
from artifact_tui.deletion.plan import Plan
from tests.servers.faulty.faulty import FaultyClient, Script
from tests.servers.faulty.linked import LinkedClient, Registry
from tests.support.reviewing import draft_of
from tests.support.world import HASTE, NOW_US

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from artifact_tui.clients.base import Client
    from artifact_tui.deletion.items import Item
    from artifact_tui.deletion.plan import Draft

EVERYTHING = Options(
    delete_aliases=True, orphan_dependents=True, break_links=True, whole_collections=True
)
WHOLE = Options(whole_collections=True)


class LinkedWorld:
    """One such registry in a folder."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "registry.linked"
        self.catalog = folder / "catalog.db"
        self.registry = Registry(self.path)
        self.client = LinkedClient(self.registry)

    def faulty(
        self, script: Script | None = None, hook: Callable[[str, int], None] | None = None
    ) -> FaultyClient:
        """The registry behind a script of faults."""
        return FaultyClient(self.client, script or Script(), self.path, hook=hook)

    def draft(
        self,
        keys: Sequence[str],
        options: Options | None = None,
        *,
        collections: Sequence[str] = (),
        read_only: bool = False,
    ) -> Draft:
        """What the review shows, from a catalog as it is now."""
        asyncio.run(sync(self.client, self.catalog, now_us=NOW_US))
        client = self.faulty()
        with closing(catalog.connect(self.catalog)) as conn:
            return draft_of(
                conn,
                identity=client.identity,
                name="here",
                selection=list(keys),
                options=options or Options(),
                read_only=read_only,
                now_us=NOW_US,
                actor="tester",
                client=client,
                collections=collections,
            )

    def plan(
        self,
        keys: Sequence[str],
        options: Options | None = None,
        *,
        collections: Sequence[str] = (),
    ) -> Plan:
        """A confirmed plan, open for writing, for `faulty()`."""
        return self.planned(self.draft(keys, options, collections=collections))

    def planned(self, draft: Draft) -> Plan:
        """The confirmed plan of a draft, open for writing."""
        plan = Plan.create(self.path.with_name(f"{draft.head.id[:8]}.plan"), draft)
        confirmation.confirm(plan, plan.summary.deletes, actor="tester")
        return plan

    def sent(self) -> list[tuple[str, list[str]]]:
        """Every deletion that was asked of the registry: the call, and its keys."""
        lines = self.faulty().served.lines()
        writes = {"delete", "delete_collection"}
        return [(x["op"], x["keys"]) for x in lines if x["op"] in writes and x["at"] == "begin"]


def by_key(items: Sequence[Item]) -> dict[str, Item]:
    """The items by their keys."""
    return {item.key: item for item in items}


def run(plan: Plan, client: Client) -> Ending:
    """Apply a plan, in a hurry."""
    return asyncio.run(apply(plan, client, policy=HASTE))
