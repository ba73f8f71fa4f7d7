"""Browse on a remote registry: rows appear while it is synced, the header says how old they are."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from artifact_tui.errors import ArtifactTuiError
from artifact_tui.tui.asking import Told
from artifact_tui.tui.screens.browse_facts import nothing_words
from artifact_tui.tui.screens.browse_list import POLL
from artifact_tui.tui.screens.browse_marking import BrowseMarking
from artifact_tui.tui.watching import TaskWatch
from artifact_tui.tui.widgets.header import Header
from artifact_tui.tui.working import MOVES, start

if TYPE_CHECKING:
    from artifact_tui.catalog.rows import VersionRow
    from artifact_tui.tui.services import Services
    from artifact_tui.tui.widgets.header import HeaderFacts


RESTS = 0.5
"""Seconds the cursor rests on a version before its lineage is asked for."""


class BrowseRemote(BrowseMarking):
    """Adds the link to what browse shows; without a link nothing changes."""

    def __init__(self, services: Services) -> None:
        super().__init__(services)
        self._asking = ""
        """Key of the version whose lineage is asked for, or will be in a moment."""
        self._synced_us: int | None = None
        self._noticed: tuple[str, ...] = ()

    def on_mount(self) -> None:
        """Once the catalog is on the screen, sync it."""
        link = self.services.link
        if link is None:
            return
        link.watch(self._link_changed)
        self.tree_list.tell_lineage(known=link.state.coverage.complete)
        self.call_after_refresh(link.sync)
        self.set_interval(POLL, self._show_age)

    def on_screen_resume(self) -> None:
        """A plan that is being applied, or was, changes the registry: sync when it has ended."""
        if self.services.link is not None:
            start(self, "follow", self._follow_tasks, latest=True)

    async def _follow_tasks(self) -> None:
        link, watch = self.services.link, TaskWatch()
        address = self.services.client.identity.address
        while link is not None:
            tasks = [task for task in await watch.read() if task.address == address]
            newest = max((task.ended_us or 0 for task in tasks), default=0)
            if link.state.synced_us is not None and newest > link.state.synced_us:
                link.sync()
            if not any(task.alive for task in tasks):
                return
            await asyncio.sleep(POLL)

    # Lineage that is told only when asked

    def rests_on(self, row: VersionRow | None) -> None:
        """Ask for the lineage of the version under the cursor once it rests there."""
        key = row.key if row is not None and self.services.asker.wants(row) else ""
        if key == self._asking:
            return
        self._asking = key
        self.workers.cancel_group(self, "lineage")
        if row is not None and key:
            start(self, "lineage", self._ask_lineage, row, latest=True)

    async def _ask_lineage(self, row: VersionRow) -> None:
        await asyncio.sleep(RESTS)
        self.pane.tell(row.key, Told.ASKING)
        try:
            await self.services.asker.ask(row)
        except ArtifactTuiError as error:
            self.fail(error)
        self._asking = ""
        if self.wide:
            await self.show_detail(row)

    def on_unmount(self) -> None:
        """The link goes on without this screen."""
        if self.services.link is not None:
            self.services.link.unwatch(self._link_changed)

    def action_refresh(self) -> None:
        """Sync again; where there is nothing to sync, read the list again."""
        link = self.services.link
        if link is None:
            self.reload_first(MOVES)
        elif not link.sync():
            self.say("It is being synced already.")

    def action_registries(self) -> None:
        """The configured registries."""
        self.host.open_registries()

    def header_facts(self) -> HeaderFacts:
        """How old the catalog is, and how far the link is."""
        facts = super().header_facts()
        link = self.services.link
        if link is None:
            return facts
        return replace(facts, facts=link.state.words(self.services.now()))

    def why_nothing(self) -> str:
        """Why the list is empty."""
        link = self.services.link
        return nothing_words(self.view, link.state if link is not None else None)

    def _link_changed(self, rows: bool) -> None:  # noqa: FBT001 - a callback
        if not self.is_current:
            return
        self._show_age()
        link = self.services.link
        if link is not None:
            self.tree_list.tell_lineage(known=link.state.coverage.complete)
            if link.state.synced_us != self._synced_us:
                self._synced_us = link.state.synced_us
                self.services.asker.forget()
            if link.state.error:
                self.say(link.state.error, error=True)
            elif link.state.notices and link.state.notices != self._noticed:
                self.say(" ".join(link.state.notices))
            self._noticed = link.state.notices
        if rows:
            self.reload()

    def _show_age(self) -> None:
        """Draw the header again; the same words send nothing."""
        if self.services.link is not None:
            self.services.link.look()
        if self.is_current:
            self.query_one(Header).update(self.header_facts())
