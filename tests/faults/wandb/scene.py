"""From a stand-in W&B to an applied plan, and what its report says against the truth."""

from __future__ import annotations

from contextlib import asynccontextmanager, closing
from typing import TYPE_CHECKING, Any

from artifact_tui import catalog
from artifact_tui.catalog.sync import sync
from artifact_tui.clients.servers import Secret
from artifact_tui.clients.wandb import wandb_model
from artifact_tui.clients.wandb.wandb_settings import WandbOptions as Settings
from artifact_tui.deletion import confirmation
from artifact_tui.deletion.apply import Ending, apply
from artifact_tui.deletion.calls import Policy
from artifact_tui.deletion.items import COLLECTION, DONE, VERSION, ItemState, Options, Verdict
from artifact_tui.deletion.plan import Plan
from artifact_tui.query import Where, compile_query, parse
from tests.servers.wandb.connecting import connect
from tests.support.reviewing import asked_lineage, draft_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from artifact_tui.clients.wandb.wandb_client import WandbClient
    from artifact_tui.deletion.calls import Control
    from artifact_tui.deletion.plan import Draft
    from tests.servers.wandb.process import Server

NOW_US = 1_800_000_000_000_000
HASTE = Policy(delays=(0.0, 0.05, 0.1, 0.2, 0.2, 0.2), poll=0.01)
HOME = "acme/vision"


class Scene:
    """One stand-in, its catalog and a plan."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.server = server
        self.folder = folder
        self.catalog = folder / "catalog.db"
        self.plan = folder / "deletion.plan"
        self.ids: dict[str, str] = {}

    @asynccontextmanager
    async def client(self, where: str = HOME, **settings: Any) -> AsyncIterator[WandbClient]:
        """A connection of its own."""
        options = Settings(key=Secret(self.server.api_key), **settings)
        client = connect(self.server.address(where), options=options)
        try:
            yield client
        finally:
            await client.aclose()

    def seed(self, **parts: Any) -> None:
        self.ids = self.server.seed(**parts)
        self.server.clear()

    def fill(self, versions: int, *, collections: int = 1, **said: Any) -> list[str]:
        """Collections of plain versions; gives all paths."""
        self.ids = self.server.fill(collections, versions, **said)
        self.server.clear()
        return [path for path in self.ids if ":" in path]

    def key(self, path: str) -> str:
        """The key of a source version."""
        return wandb_model.SourceKey(self.ids[path]).key

    def link(self, path: str) -> str:
        """The key of a link."""
        return wandb_model.LinkKey(self.ids[path.partition(":")[0]], self.ids[path]).key

    async def draft(
        self,
        client: WandbClient,
        selection: Sequence[str] | str,
        *,
        collections: Sequence[str] = (),
        **consents: Any,
    ) -> Draft:
        """Sync, ask for the lineage, and judge a filter or keys."""
        await sync(client, self.catalog)
        chosen: Where | list[str] = list(selection)
        if isinstance(selection, str):
            chosen = compile_query(parse(selection), now_us=NOW_US)
        options = Options(**consents)
        await asked_lineage(client, self.catalog, chosen, options, collections=collections)
        with closing(catalog.connect(self.catalog)) as conn:
            return draft_of(
                conn,
                identity=client.identity,
                name="stand-in",
                selection=chosen,
                options=options,
                now_us=NOW_US,
                client=client,
                collections=collections,
            )

    def save(self, draft: Draft) -> Path:
        """Write a plan and confirm it."""
        with Plan.create(self.plan, draft) as plan:
            confirmation.confirm(plan, plan.summary.deletes, actor="tester")
        return self.plan

    async def apply(
        self, client: WandbClient, *, control: Control | None = None, policy: Policy = HASTE
    ) -> Ending:
        with Plan.open(self.plan, write=True) as plan:
            return await apply(plan, client, control=control, policy=policy)

    def states(self, kind: str = VERSION) -> dict[str, ItemState]:
        """What the plan says of every item that was to go, by key."""
        with Plan.open(self.plan) as plan:
            every = plan.every_item(verdict=Verdict.DELETE)
            return {one.key: one.state for one in every if one.kind == kind}

    def there(self) -> set[str]:
        """Keys of all versions and links that are really there."""
        found = set()
        self.ids |= self.server.ids()  # somebody may have added something
        for where, one in self.server.state()["collections"].items():
            for label, version in one["versions"].items():
                path = f"{where}:{label}"
                if version["state"] in {"COMMITTED", "PENDING"}:
                    link = one["kind"] == "portfolio"
                    found.add(self.link(path) if link else self.key(path))
        return found

    def check_truth(self) -> None:
        """Each item that is said to be gone is gone, and each other one is there.

        Only an item that is said to be uncertain may be either.
        """
        there = self.there()
        for key, state in self.states().items():
            if state is not ItemState.SENT:
                assert (state in DONE) == (key not in there), (key, state, self.words(key))
        shown = self.server.state()["collections"]
        ready = {path for path, one in shown.items() if one["state"] == "READY"}
        for key, state in self.states(COLLECTION).items():
            path = next(p for p, gid in self.ids.items() if gid == key.partition(":")[2])
            assert (state in DONE) == (path not in ready), (key, state, self.words(key))

    def words(self, key: str) -> str:
        """Everything that the plan says of an item."""
        with Plan.open(self.plan) as plan:
            return str(plan.select("i.key=?", (key,)))
