"""From a stand-in registry to an applied plan, and what its report says against the truth."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

from artifact_tui import catalog
from artifact_tui.catalog.lineage import scan_lineage
from artifact_tui.catalog.sync import sync
from artifact_tui.clients.rest import connect
from artifact_tui.clients.rest.rest_settings import RestOptions as Settings
from artifact_tui.deletion import confirmation
from artifact_tui.deletion.apply import Ending, apply
from artifact_tui.deletion.calls import Policy
from artifact_tui.deletion.items import DONE, ItemState, Options, Verdict
from artifact_tui.deletion.plan import Plan
from tests.support.reviewing import draft_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from artifact_tui.clients.rest.rest_client import RestClient
    from artifact_tui.deletion.calls import Control
    from artifact_tui.deletion.plan import Draft
    from tests.servers.rest.process import Server

NOW_US = 1_800_000_000_000_000
HASTE = Policy(delays=(0.0, 0.05, 0.1, 0.2, 0.2, 0.2), poll=0.01)


class Scene:
    """One stand-in, its catalog and a plan."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.server = server
        self.catalog = folder / "catalog.db"
        self.plan = folder / "deletion.plan"

    def client(self, **settings: Any) -> RestClient:
        return connect(self.server.address, options=Settings(**settings))

    async def read(self, client: RestClient, *, scan: bool = False) -> None:
        """Sync the catalog, and scan the lineage when asked."""
        await sync(client, self.catalog)
        if scan:
            await scan_lineage(client, self.catalog)

    def draft(
        self, client: RestClient, keys: Sequence[str], *, unknown_lineage: bool = True, **more: Any
    ) -> Draft:
        with closing(catalog.connect(self.catalog)) as conn:
            return draft_of(
                conn,
                identity=client.identity,
                name="stand-in",
                selection=keys,
                options=Options(unknown_lineage=unknown_lineage, **more),
                now_us=NOW_US,
                client=client,
            )

    def save(self, draft: Draft) -> Path:
        """Write a plan and confirm it."""
        with Plan.create(self.plan, draft) as plan:
            confirmation.confirm(plan, plan.summary.deletes, actor="tester")
        return self.plan

    async def apply(
        self, client: RestClient, *, control: Control | None = None, policy: Policy = HASTE
    ) -> Ending:
        with Plan.open(self.plan, write=True) as plan:
            return await apply(plan, client, control=control, policy=policy)

    def states(self) -> dict[str, ItemState]:
        """What the plan says of every item that was to go, by key."""
        with Plan.open(self.plan) as plan:
            return {i.key: i.state for i in plan.every_item(verdict=Verdict.DELETE)}

    def check_truth(self) -> None:
        """Each item that is said to be gone is gone, and each other one is there.

        Only an item that is said to be uncertain may be either.
        """
        there = {f"{entry.type}/{entry.id}" for entry in self.server.entries()}
        for key, state in self.states().items():
            if state is not ItemState.SENT:
                assert (state in DONE) == (key not in there), (key, state, self.words(key))

    def words(self, key: str) -> str:
        """Everything that the plan says of an item."""
        with Plan.open(self.plan) as plan:
            return str(plan.select("i.key=?", (key,)))
