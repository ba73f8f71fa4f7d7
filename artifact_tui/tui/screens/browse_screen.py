"""Browse: the list of collections and versions, its detail, and what can be done from it.

Nothing here waits on the event loop: questions to the catalog are asked in workers, and a newer one
supersedes those that are not answered yet. Marks are drawn at once and written behind. On a remote
registry rows appear while it is synced, and the header says how old they are.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from textual import on

from artifact_tui.catalog.catalog_rows import CollectionRow
from artifact_tui.clients.base import MakingClient
from artifact_tui.deletion.storage import why_no_storage
from artifact_tui.tui.key_bindings import bindings_of
from artifact_tui.tui.planning import TaskWatch
from artifact_tui.tui.typed_keys import MOVES, MOVES_AND_LEAVING, KeyWait, start
from artifact_tui.tui.widgets.base_screen import RegistryScreen
from artifact_tui.tui.widgets.detail_pane import NO_FILES, NO_LINEAGE, DetailPane, show_files
from artifact_tui.tui.widgets.edit_request import EditRequest
from artifact_tui.tui.widgets.keep_request import KeepRequest
from artifact_tui.tui.widgets.list_views import View, ViewAnswer
from artifact_tui.tui.widgets.outline import Windows
from artifact_tui.tui.widgets.row_list import RowList
from artifact_tui.tui.widgets.version_list import POLL, VersionList

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from textual.app import ComposeResult

    from artifact_tui.catalog.catalog_rows import VersionRow
    from artifact_tui.catalog.facade import Catalog
    from artifact_tui.catalog.listing import Sort
    from artifact_tui.catalog.marks import Selection
    from artifact_tui.query import Query, Where
    from artifact_tui.tui.services import Services
    from artifact_tui.tui.widgets.base_screen import HeaderFacts
    from artifact_tui.tui.widgets.list_views import Row


IN_TRASH = "state:trash"
"""The filter whose list is a screen of its own."""

WIDTHS = [(0, "-narrow"), (100, "-wide")]
"""From how many columns on the detail stands beside the list."""


@dataclass(frozen=True, slots=True)
class CollectionSource:
    """The versions of each collection."""

    catalog: Catalog
    where: Where
    sort: Sort

    def below(self, row: Row) -> Windows[Row]:
        """The versions of a collection; none are below a version."""
        catalog, where, sort = self.catalog, self.where, self.sort
        return Windows(
            row.versions if isinstance(row, CollectionRow) else 0,
            partial(catalog.window, row.id, where, sort),
            lambda version: catalog.position(row.id, where, sort, version.id),
        )

    def part(self, where: Where, collection_ids: Iterable[int]) -> Where:
        """The condition that also asks for one of these collections."""
        ids = ", ".join(str(int(one)) for one in collection_ids)
        return where.narrowed(f"c.id IN ({ids})", marked=where.marked)

    async def mark_window(self, collection_id: int, start: int, count: int) -> int:
        """Mark `count` versions from index `start` on; returns how many were not marked before."""
        return await self.catalog.mark_window(collection_id, self.where, self.sort, start, count)


class BrowseList(VersionList):
    """What is not in the trash, below its collections; the detail stands beside it."""

    BINDINGS = bindings_of("browse")

    def __init__(self, page: RegistryScreen, pane: DetailPane) -> None:
        super().__init__(page, page.services.catalog, View())
        self._pane = pane

    def compose(self) -> ComposeResult:
        """The list, and the detail beside it."""
        yield from super().compose()
        yield self._pane

    async def ask(self, view: View) -> ViewAnswer:
        """Ask the catalog; a newer question supersedes one that is not answered yet."""
        services, catalog = self.page.services, self.catalog
        where = view.where(services)
        empty = view.everything and services.client.can("delete_collection")
        rows, totals = await catalog.outline(where, view.sort, empty=empty, latest=True)
        source = CollectionSource(catalog, where, view.sort)
        return ViewAnswer(view, where, rows, source, totals.among(view.query), totals)

    def nothing(self) -> str:
        """Why the list is empty."""
        view, link = self.view, self.page.services.link
        back = self.page.key_of("browse.back")
        if not view.query.everything:
            more = view.marked_only
            what = "Nothing marked matches" if more else "Nothing matches"
            return f"{what} the filter: {back} {'shows more' if more else 'clears it'}."
        if view.marked_only:
            marked = self.page.key_of("browse.marked")
            return f"Nothing is marked: {marked} or {back} shows everything again."
        if link is None:
            trash = self.page.key_of("browse.trash")
            return f"Nothing here: {trash} shows the trash, artifact-tui add puts something in."
        if link.state.syncing:
            return "Listing the registry: rows appear as they arrive."
        if link.state.synced_us and not link.state.error:
            return "This registry is empty."
        sync = self.page.key_of("browse.refresh")
        return f"Nothing is known yet: {sync} {'tries again' if link.state.error else 'syncs'}."

    def open_version(self, row: VersionRow) -> None:
        """To the detail: beside the list, or a screen of its own."""
        if self.page.has_class("-wide"):
            self.page.set_focus(self._pane, scroll_visible=False)
        else:
            self.page.app.open_detail(row)


class LinkFollower:
    """Shows what the link to a remote registry learns, and has it sync when that is due."""

    def __init__(self, screen: RegistryScreen, versions: VersionList) -> None:
        self._screen = screen
        self._services = screen.services
        self._list = versions
        self._synced_us: int | None = None
        self._noticed: tuple[str, ...] = ()

    def begin(self) -> None:
        """Once the catalog is on the screen, sync it; where there is no link, do nothing."""
        link = self._services.link
        if link is not None:
            link.watch(self._changed)
            self._list.tell_lineage(known=link.state.coverage.complete)
            self._screen.call_after_refresh(link.sync)
            self._screen.set_interval(POLL, self._show_age)

    def end(self) -> None:
        """The link goes on without this screen."""
        if self._services.link is not None:
            self._services.link.unwatch(self._changed)

    def follow_tasks(self) -> None:
        """A plan that is being applied, or was, changes the registry: sync when it has ended."""
        if self._services.link is not None:
            start(self._screen, "follow", self._follow_tasks, latest=True)

    async def _follow_tasks(self) -> None:
        link, watch = self._services.link, TaskWatch()
        address = self._services.client.identity.address
        while link is not None:
            tasks = [task for task in await watch.read() if task.address == address]
            newest = max((task.ended_us or 0 for task in tasks), default=0)
            if link.state.synced_us is not None and newest > link.state.synced_us:
                link.sync()
            if not any(task.alive for task in tasks):
                return
            await asyncio.sleep(POLL)

    def _changed(self, rows: bool) -> None:  # noqa: FBT001 - a callback
        link = self._services.link
        if link is None or not self._screen.is_current:
            return
        self._show_age()
        self._list.tell_lineage(known=link.state.coverage.complete)
        if link.state.synced_us != self._synced_us:
            self._synced_us = link.state.synced_us
            self._services.asker.forget()
        if link.state.error:
            self._screen.say(link.state.error, error=True)
        elif link.state.notices and link.state.notices != self._noticed:
            self._screen.say(" ".join(link.state.notices))
        self._noticed = link.state.notices
        if rows:
            self._list.reload()

    def _show_age(self) -> None:
        """Draw the header again; the same words send nothing."""
        if self._services.link is not None:
            self._services.link.look()
        if self._screen.is_current:
            self._screen.show_header()


class BrowseScreen(RegistryScreen):
    """The first screen."""

    PLACE = "browse"
    BINDINGS = bindings_of("browse")
    HORIZONTAL_BREAKPOINTS = WIDTHS
    AUTO_FOCUS = "#tree"

    def __init__(self, services: Services) -> None:
        super().__init__(services)
        self.pane = DetailPane(services)
        self.versions = BrowseList(self, self.pane)
        self.tree_list = self.versions.rows
        self._link = LinkFollower(self, self.versions)
        self._edit = EditRequest(self)
        self._keep = KeepRequest(self)

    def compose(self) -> ComposeResult:
        """The list and its detail."""
        return self.versions.compose_page()

    def on_mount(self) -> None:
        """Ask for everything."""
        start(self, "forget", self.services.forget_deleted)
        self.read_first("the list is being read")
        self.versions.reload()
        self._link.begin()

    def on_unmount(self) -> None:
        """The link goes on without this screen."""
        self._link.end()

    def on_screen_resume(self) -> None:
        """Another screen may have changed something; what it deleted needs no mark any more."""
        if self.versions.answer is not None:
            start(self, "forget", self.services.forget_deleted)
            self.versions.reload_first(MOVES)
        self._link.follow_tasks()

    def on_resize(self) -> None:
        """A detail that has no room any more cannot keep the keyboard."""
        self.call_after_refresh(self._resized)

    def _resized(self) -> None:
        if self.focused is None or (self.pane.has_focus and not self.wide):
            self.set_focus(self.tree_list, scroll_visible=False)

    @property
    def wide(self) -> bool:
        """Whether the detail stands beside the list."""
        return self.has_class("-wide")

    def header_facts(self) -> HeaderFacts:
        """The registry in numbers, and how old they are."""
        facts = super().header_facts()
        link, answer = self.services.link, self.versions.answer
        if answer is not None and answer.totals is not None:
            totals = answer.totals
            facts = replace(
                facts,
                collections=totals.collections,
                versions=totals.versions,
                size=totals.size,
                stored=totals.stored,
                facts="live",
            )
        return (
            facts if link is None else replace(facts, facts=link.state.words(self.services.now()))
        )

    async def show_only(self, query: Query) -> None:
        """List what matches a filter: of the trash where it can be purged, with its keys."""
        if query.text == IN_TRASH:
            await self._open_trash()
        else:
            self.versions.show(replace(self.versions.view, query=query, marked_only=False))

    def reveal(self, row: VersionRow) -> None:
        """Put the cursor on a version, in a list without a filter if need be."""
        self.versions.reveal(row)

    # What keys wait for: the list's row is what is acted on, also from the detail

    @property
    def row_since(self) -> float:
        """When the row under the cursor became another by itself."""
        return self.tree_list.swapped

    def waiting(self, *, acts: bool) -> Iterator[KeyWait]:
        """What has to be done before keys mean what they should."""
        yield from super().waiting(acts=acts)
        if acts and self.tree_list.arriving:
            yield KeyWait("the row under the cursor is being read", MOVES_AND_LEAVING)

    @on(RowList.Moved, "#tree")
    def _moved(self) -> None:
        self.pane.known = self.versions.fields
        self.pane.follow(self.tree_list.current)

    def why_not(self, row_id: str) -> str:
        """What this registry or this session cannot do."""
        client = self.services.client
        if row_id == "browse.names":
            return self._edit.why_not("aliases", "tags")
        if row_id == "browse.keep":
            return self._keep.why_not()
        able = {
            "browse.trash": ("trash" in client.tells, "this registry has no trash"),
            "browse.lineage": ("lineage" in client.tells, NO_LINEAGE),
            "browse.files": (client.can("files"), NO_FILES),
            "browse.orphans": (client.can("storage"), why_no_storage(client)),
            "browse.retention": ("ttl" in client.tells, "this registry has no times to live"),
            "browse.reingest": (
                isinstance(client, MakingClient),
                "this registry makes nothing from an address",
            ),
        }
        possible, why = able.get(row_id, (True, ""))
        if possible and row_id in {"browse.review", "browse.reingest"}:
            return self.services.read_only_reason
        return "" if possible else why

    # Moving

    def action_pane(self) -> None:
        """To the detail and back."""
        other = self.tree_list if self.pane.has_focus or not self.wide else self.pane
        self.set_focus(other, scroll_visible=False)

    def action_back(self) -> None:
        """One layer back: range, detail, only marked, filter."""
        if self.tree_list.range is None and self.pane.has_focus:
            self.set_focus(self.tree_list, scroll_visible=False)
        elif not self.versions.one_layer_back() and self.app.begins_at_home:
            self.action_home()

    def action_refresh(self) -> None:
        """Sync again; where there is nothing to sync, read the list again."""
        link = self.services.link
        if link is None:
            self.versions.reload_first(MOVES)
        elif not link.sync():
            self.say("It is being synced already.")

    # Going elsewhere

    def action_review(self) -> None:
        """Review the deletion of the marks, or of the row."""
        if not self.refused("browse.review") and self.versions.answer is not None:
            row, under_cursor = self.tree_list.current, self.versions.marker.under_cursor
            review = self._review_chosen(row, under_cursor, self.versions.view.query.text)
            self.carry_out("the marks are being looked at", review)

    async def _review_chosen(
        self,
        row: CollectionRow | VersionRow | None,
        under_cursor: Selection | None,
        query_text: str,
    ) -> None:
        chosen = await self.versions.marker.chosen(under_cursor)
        if chosen is None:
            self.say(self.versions.no_row)
        elif chosen == "marked" or not isinstance(row, CollectionRow):
            self.app.open_review(chosen, query_text=query_text if chosen == "marked" else "")
        elif row.versions:
            self.app.open_review(chosen, query_text=query_text)
        else:
            self.app.open_review((), collections=(row.key,))

    def action_trash(self) -> None:
        """Open the trash."""
        if not self.refused("browse.trash"):
            self.carry_out("the trash is being opened", self._open_trash())

    async def _open_trash(self) -> None:
        self.app.open_trash(await self.services.trash())

    def action_home(self) -> None:
        """Every store: measured, tested, added, removed, and another one opened."""
        self.carry_out("home is being opened", self.app.open_home(), everywhere=True)

    def action_orphans(self) -> None:
        """Compare the registry with its storage."""
        if not self.refused("browse.orphans"):
            self.app.open_orphans()

    def action_reingest(self) -> None:
        """Ask from which address the version is to be made again."""
        row = self.tree_list.current
        if self.refused("browse.reingest") or row is None:
            return
        if isinstance(row, CollectionRow):
            self.say("A version is ingested again: expand the collection and choose one.")
        else:
            self.say("Asking for its source address" + self.services.signs.ellipsis)
            self.carry_out("its source address is asked for", self._reingest(row), stops=True)

    async def _reingest(self, row: VersionRow) -> None:
        from artifact_tui.deletion.undo import Reingestion, source_of  # noqa: PLC0415 - seldom needed
        from artifact_tui.tui.widgets.forms import reingest_form  # noqa: PLC0415 - seldom needed

        name = f"{row.collection}:{row.label}"
        recipe = await source_of(self.services.client, row.key, name)
        self.status_line.hush()

        def go(url: str | None) -> None:
            if url:
                self.app.open_review((row.key,), again=Reingestion(row.key, name, url))

        tasks, again = self.key_of("browse.tasks"), self.key_of("tasks.again")
        self.open_dialog(reingest_form(name, recipe, tasks=tasks, again=again), go)

    def action_lineage(self) -> None:
        """Walk through the lineage of the version."""
        row = self.tree_list.current
        if self.refused("browse.lineage") or row is None:
            return
        if isinstance(row, CollectionRow):
            self.say("Lineage belongs to a version: expand the collection and choose one.")
        else:
            self.app.open_lineage(row)

    def action_files(self) -> None:
        """List the files of the version."""
        row = self.tree_list.current
        if self.refused("browse.files"):
            return
        if isinstance(row, CollectionRow):
            self.say("Files belong to a version: expand the collection and choose one.")
        elif row is not None:
            show_files(self, row)
        else:
            self.say(self.versions.no_row)

    # Changes

    def action_keep(self) -> None:
        """Keep the version under the cursor in one's own registry."""
        row = self.tree_list.current
        if self.refused("browse.keep") or row is None:
            return
        if isinstance(row, CollectionRow):
            self.say("A version is kept: expand the collection and choose one.")
        else:
            self._keep.ask(row)

    def action_names(self) -> None:
        """Ask for other aliases and tags of the marks, or of the row."""
        if not self.refused("browse.names"):
            marker = self.versions.marker
            self._edit.ask_names(partial(marker.chosen, marker.under_cursor))

    def action_retention(self) -> None:
        """What expires when, and other times to live for the marks, or the row."""
        if not self.refused("browse.retention"):
            self.carry_out(
                "what is chosen is being read", self._retention(self.versions.marker.under_cursor)
            )

    async def _retention(self, under_cursor: Selection | None) -> None:
        self.app.open_retention(await self.versions.marker.chosen(under_cursor))
