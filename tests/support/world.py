"""A small real registry, and plans for it: what the tests of deletions stand on."""

from __future__ import annotations

import asyncio
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

from artifact_tui import catalog
from artifact_tui.clients.local.local_client import LocalClient
from artifact_tui.deletion import confirmation
from artifact_tui.deletion.calls import Policy
from artifact_tui.deletion.items import Options
from artifact_tui.deletion.plan import Plan
from artifact_tui.model import Deletion, NewVersion
from tests.servers.faulty.faulty import FaultyClient, Script
from tests.support.reviewing import draft_of
from tests.support.sync_store import SyncStore

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from artifact_tui.deletion.plan import Draft
    from artifact_tui.model import Identity

NOW_US = 1_700_000_000_000_000
HASTE = Policy(delays=(0.0, 0.0, 0.0), poll=0.01)
"""As patient as the default, without the waits."""


class World:
    """One local registry at a path; close it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.store = SyncStore.create(path)
        self.client = LocalClient(self.store)

    def close(self) -> None:
        asyncio.run(self.client.aclose())

    @property
    def identity(self) -> Identity:
        return self.client.identity

    def add(
        self,
        name: str = "model",
        *,
        parents: Iterable[str] = (),
        aliases: Iterable[str] = (),
        protected: Iterable[str] = (),
        data: bytes = b"same",
        latest: bool = False,
    ) -> str:
        """One more version; without `latest` nobody has that alias. Gives its key."""
        new = NewVersion(
            name=name,
            type="model",
            parents=tuple(parents),
            aliases=tuple(aliases),
            protected=tuple(protected),
        )
        then = None if latest else _no_latest
        return self.store.add_many([(new, {"file": data})], durable=False, then=then)[0]

    def add_plain(self, count: int, name: str = "model") -> list[str]:
        """Versions without aliases or lineage."""
        new = NewVersion(name=name, type="model")
        many = [(new, {"file": b"same"}) for _ in range(count)]
        return self.store.add_many(many, durable=False, then=_no_latest)

    def made_from(self, child: str, *parents: str) -> None:
        """Lineage as a registry may have it that does not forbid circles."""
        with self.store.writing() as conn:
            conn.executemany(
                """INSERT OR IGNORE INTO edge(parent_id, child_id)
                SELECT p.id, c.id FROM version p, version c WHERE p.key=? AND c.key=?""",
                [(parent, child) for parent in parents],
            )

    def circle(self, *keys: str) -> None:
        """Each of these was made from the one before it, and the first from the last."""
        for number, key in enumerate(keys):
            self.made_from(key, keys[number - 1])

    def trash(self, *keys: str) -> None:
        """Someone deletes versions, whatever they carry."""
        self.store.delete([Deletion(k, delete_aliases=True, orphan_dependents=True) for k in keys])

    def change_digest(self, key: str) -> None:
        with self.store.writing() as conn:
            conn.execute("UPDATE version SET digest='sha256:other' WHERE key=?", (key,))

    def live(self) -> set[str]:
        with self.store.reading() as conn:
            rows = conn.execute("SELECT key FROM version WHERE state <> 'trash'").fetchall()
        return {row[0] for row in rows}

    def trashed(self) -> set[str]:
        with self.store.reading() as conn:
            rows = conn.execute("SELECT key FROM version WHERE state = 'trash'").fetchall()
        return {row[0] for row in rows}

    def faulty(
        self, script: Script | None = None, hook: Callable[[str, int], None] | None = None
    ) -> FaultyClient:
        """The registry behind a script of faults; plans must be for its identity."""
        return FaultyClient(self.client, script or Script(), self.path, hook=hook)

    def draft(
        self,
        keys: Sequence[str],
        options: Options | None = None,
        *,
        faulty: bool = False,
        production: bool = False,
        read_only: bool = False,
    ) -> Draft:
        with closing(catalog.connect(self.store.layout.db)) as conn:
            return draft_of(
                conn,
                identity=(self.faulty() if faulty else self.client).identity,
                name="here",
                selection=list(keys),
                options=options or Options(),
                production=production,
                read_only=read_only,
                now_us=NOW_US,
                actor="tester",
            )

    def plan(
        self,
        keys: Sequence[str],
        options: Options | None = None,
        *,
        faulty: bool = False,
        confirmed: bool = True,
        path: Path | None = None,
    ) -> Plan:
        """A plan beside the registry, open for writing and confirmed."""
        draft = self.draft(keys, options, faulty=faulty)
        return self.planned(draft, confirmed=confirmed, path=path)

    def planned(self, draft: Draft, *, confirmed: bool = True, path: Path | None = None) -> Plan:
        """The plan of a draft."""
        where = path or self.path.with_name(f"{draft.head.id[:8]}.plan")
        plan = Plan.create(where, draft)
        if confirmed:
            confirmation.confirm(plan, plan.summary.deletes, actor="tester")
        return plan


def all_options(action: str = "delete") -> Options:
    """Every consent."""
    base = Options(delete_aliases=True, orphan_dependents=True)
    return replace(base, action=type(base.action)(action))


def _no_latest(conn: sqlite3.Connection) -> None:
    conn.execute("DELETE FROM alias WHERE name='latest'")
