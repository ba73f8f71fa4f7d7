"""The trash: what was deleted and can come back, by who deleted it and when.

It is the list of browse with marks of its own: restore or purge what is marked, or the row; free
the bytes.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from textual import on
from textual.content import Content

from artifact_tui.catalog import trash
from artifact_tui.catalog.catalog_file import Superseded
from artifact_tui.catalog.catalog_rows import CollectionRow, rows_of
from artifact_tui.catalog.listing import Sort
from artifact_tui.catalog.marks import chosen_bytes, mark_ids
from artifact_tui.deletion.items import Action
from artifact_tui.deletion.undo import restore_versions
from artifact_tui.query import parse
from artifact_tui.text import (
    ago,
    at_least,
    count,
    duration,
    freed,
    moment,
    plural,
    safe,
    safe_name,
    size,
    version_name,
)
from artifact_tui.tui.key_bindings import bindings_of
from artifact_tui.tui.typed_keys import MOVES, MOVES_AND_LEAVING, start
from artifact_tui.tui.widgets.base_screen import RegistryScreen
from artifact_tui.tui.widgets.dialogs import Ask
from artifact_tui.tui.widgets.item_rows import alias_words
from artifact_tui.tui.widgets.line_widgets import FactsPane, Line
from artifact_tui.tui.widgets.list_views import View, ViewAnswer
from artifact_tui.tui.widgets.outline import Windows
from artifact_tui.tui.widgets.row_list import RowList
from artifact_tui.tui.widgets.version_list import VersionList

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable, Mapping, Sequence
    from typing import Any

    from textual.app import ComposeResult

    from artifact_tui.catalog.catalog_rows import PickedBytes, VersionRow
    from artifact_tui.catalog.facade import Catalog
    from artifact_tui.catalog.marks import Selection
    from artifact_tui.catalog.trash import PastDeletion
    from artifact_tui.query import Where
    from artifact_tui.tui.services import Services
    from artifact_tui.tui.widgets.base_screen import HeaderFacts
    from artifact_tui.tui.widgets.list_views import Row


EVERYTHING = View(base=parse("state:trash"), sort=Sort("deleted"))
"""All of the trash, the last deleted first."""


def deletion_row(deletion: PastDeletion) -> CollectionRow:
    """A deletion as a row that versions stand below: when it was and whose, untrusted text."""
    when = "at an unknown time" if deletion.last_us is None else moment(deletion.last_us)
    return CollectionRow(
        deletion.id,
        f"deletion {deletion.id}",
        f"{when} by {deletion.who}" if deletion.who else when,
        "",
        deletion.versions,
        deletion.size,
        deletion.last_us,
        deletion.marked,
        stored=deletion.stored,
    )


@dataclass(frozen=True, slots=True)
class TrashSource:
    """The versions of each deletion, window by window: one condition, one order.

    `collection_id` of their rows is the id of the deletion: they stand below that.
    """

    services: Services
    catalog: Catalog
    where: Where
    sort: Sort
    deletions: Mapping[int, PastDeletion]
    _orders: dict[int, array[int]] = field(default_factory=dict)
    """The ids of the versions of a deletion, once they were read."""

    def below(self, row: Row) -> Windows[Row]:
        """The versions of a deletion; none are below a version."""
        count = row.versions if isinstance(row, CollectionRow) else 0
        return Windows(count, partial(self._window, row.id), partial(self._find, row.id))

    async def _window(self, deletion_id: int, start: int, count: int) -> list[VersionRow]:
        """Some versions of a deletion by position; those gone meanwhile are left out."""
        ids = (await self._ids(deletion_id))[start : start + count].tolist()
        rows = await self.catalog.run(lambda conn: rows_of(conn, ids), lane="list")
        had = await self.services.client.trashed_aliases([row.key for row in rows])
        return [
            replace(row, collection_id=deletion_id, aliases=tuple(had.get(row.key, ())))
            for row in rows
        ]

    async def _find(self, deletion_id: int, version: Row) -> int | None:
        ids = await self._ids(deletion_id)
        return ids.index(version.id) if version.id in ids else None

    def part(self, where: Where, deletion_ids: Iterable[int]) -> Where:
        """What matches in some deletions."""
        return trash.of_deletions(where, [self.deletions[one] for one in deletion_ids])

    async def mark_window(self, deletion_id: int, start: int, count: int) -> int:
        """Mark `count` versions from index `start` on; returns how many were not marked before."""
        ids = (await self._ids(deletion_id))[start : start + count].tolist()
        return await self.catalog.run(lambda conn: mark_ids(conn, ids), lane="marks")

    async def _ids(self, deletion_id: int) -> array[int]:
        if deletion_id not in self.deletions:
            return array("q")
        if deletion_id not in self._orders:
            where = self.part(self.where, [deletion_id])
            work = partial(trash.ids_in_order, where=where, sort=self.sort)
            self._orders[deletion_id] = await self.catalog.run(work, lane="list")
        return self._orders[deletion_id]


_NEEDS_ROWS = frozenset({"trash.restore", "trash.purge", "trash.all"})
_EMPTY = "What is deleted comes here, and stays until it is purged."
_NOT_LISTED = (
    "What is deleted here cannot be restored, and it is the registry that removes it for good."
)
_ONLY_SEEN = "What is deleted cannot be restored or purged from here."


class TrashList(VersionList):
    """What is in the trash, below its deletions."""

    BINDINGS = bindings_of("trash")

    def __init__(self, page: RegistryScreen, catalog: Catalog) -> None:
        super().__init__(page, catalog, EVERYTHING, trash=True)
        self.weight: PickedBytes | None = None
        """Of all of it; None while that is not known."""
        self._known: set[int] = set()
        """Deletions that were listed before: others are shown with their versions at first."""

    @property
    def can_act(self) -> bool:
        """Whether anything in the trash can be restored or purged."""
        client = self.page.services.client
        return client.can("restore") or client.can("purge")

    async def ask(self, view: View) -> ViewAnswer:
        """What a view comes to; marks of what is not in the trash any more go."""
        services, catalog = self.page.services, self.catalog
        where = view.where(services)
        await catalog.run(trash.forget_restored, lane="marks")
        work = partial(trash.deletions, where=where, sort=view.sort)
        found, total = await catalog.run(work, lane="list", latest="trash")
        rows = tuple(deletion_row(one) for one in found)
        by_id = {one.id: one for one in found}
        self.rows.outline.opened |= by_id.keys() - self._known
        self._known |= by_id.keys()
        source = TrashSource(services, catalog, where, view.sort, by_id)
        start(self.page, "weigh-all", self._weigh_all, latest=True)
        return ViewAnswer(view, where, rows, source, total)

    async def _weigh_all(self) -> None:
        everything = EVERYTHING.where(self.page.services)
        work = partial(chosen_bytes, chosen=everything)
        self.weight = await self.catalog.run(work, latest="trash-all")
        self.show_facts()

    def nothing(self) -> str:
        """Why nothing is listed."""
        if self.answer is None:
            return ""
        if not self.answer.among:
            return "The trash is empty." if self.can_act else "No deleted version is listed."
        which = "marked" if self.view.marked_only else "in the trash"
        return f"Nothing {which} matches: {self.page.key_of('trash.back')} shows more."

    def narrowing(self) -> Content:
        """What narrows the list; else that nothing comes back from here, if so."""
        only_seen = self.view.everything and not self.can_act
        return Content(f" {_ONLY_SEEN}") if only_seen else super().narrowing()

    def describe(self, answer: ViewAnswer) -> Sequence[Content]:
        """What is marked; else how much there is, and what is freed if all of it goes."""
        totals, weight = self.marker.totals, self.weight
        if totals is not None and totals.count:
            return super().describe(answer)
        if not answer.view.everything:
            shown = f"{count(answer.versions)} of {plural(answer.among, 'version')} "
            return [Content(shown), Content("")]
        parts = [plural(answer.among, "version")]
        if weight is not None and answer.among:
            parts.append(f"{size(weight.listed)} listed")
            if self.page.services.client.can("purge"):
                parts.append(freed(weight.freed, weight.unknown_count, "freed if all go"))
        dot = f" {self.page.services.signs.dot} "
        return [*(Content(dot.join(parts[:some]) + " ") for some in (len(parts), 1)), Content("")]

    def open_version(self, row: VersionRow) -> None:
        """A screen of its own."""
        self.page.app.open_detail(row)


class TrashScreen(RegistryScreen):
    """The deletions, what each of them deleted, and the way back."""

    PLACE = "trash"
    TITLE_WORD = "Trash"
    BINDINGS = bindings_of("trash")
    AUTO_FOCUS = "#tree"

    DEFAULT_CSS = "TrashScreen #trash-rule { color: $text-muted; }"

    def __init__(self, services: Services, catalog: Catalog) -> None:
        """`catalog` keeps the marks of the trash apart from all others."""
        super().__init__(services)
        self._catalog = catalog
        self.versions = TrashList(self, catalog)
        self._facts = FactsPane(id="trash-facts")
        self._rule = Line(id="trash-rule")
        self._rule.show(lambda cells: Content(services.signs.line * cells))

    def compose(self) -> ComposeResult:
        """The list, and the facts of the row."""
        return self.versions.compose_page(self._rule, self._facts)

    def header_facts(self) -> HeaderFacts:
        """What is restorable is a trash; else it is only what the registry still lists."""
        facts = super().header_facts()
        return facts if self.versions.can_act else replace(facts, title="Deleted, and still listed")

    def on_screen_resume(self) -> None:
        """It may have changed."""
        self.read_first("the trash is being read")
        self.versions.reload()

    @on(RowList.Moved, "#tree")
    def _moved(self) -> None:
        row = self.versions.rows.current
        self._show_facts(row, None)
        if row is not None:
            start(self, "weigh", self._weigh, row, self.versions.marker.under_cursor, latest=True)

    async def _weigh(self, row: CollectionRow | VersionRow, chosen: Selection | None) -> None:
        """What purging this row alone frees."""
        if chosen is None:
            return
        work = partial(chosen_bytes, chosen=chosen)
        try:
            weight = await self._catalog.run(work, latest="trash-row")
        except Superseded:
            return
        if self.versions.rows.current is row:
            self._show_facts(row, at_least(weight.freed, weight.unknown_count))

    def _show_facts(self, row: Row | None, frees: str | None) -> None:
        """Everything about a row.

        `frees` is what its purge frees: None while that is being counted, empty when nobody knows.
        """
        client, signs, answer = self.services.client, self.services.signs, self.versions.answer
        dot = f" {signs.dot} "
        one = isinstance(row, CollectionRow)
        freeing = f"Purging {'all of it' if one else 'it'} frees "
        freeing += signs.ellipsis if frees is None else f"{frees or 'what nobody knows'} after gc"
        if client.freeing and not client.can("purge"):
            freeing = safe("; ".join(filter(None, (client.freeing, client.cannot("purge")))))
        lines: list[Content] = []
        if isinstance(row, CollectionRow):
            head = f"{plural(row.versions, 'version')}{dot}{size(row.size)}"
            lines = [Content.assemble((f"Deleted {safe_name(row.name)}", "bold"), "  ", head)]
            lines.append(Content(freeing))
        elif row is not None:
            head = dot.join([safe(row.type), size(row.size), safe(row.digest[:19])])
            lines = [Content.assemble((version_name(row), "bold"), "  ", head)]
            lines.append(Content(self._deleted_words(row)))
            stays = [freeing, f"created {ago(row.created_us, self.services.now())}"]
            if row.dependents:
                stays.append(plural(row.dependents, "live dependent"))
            if row.ttl_us is not None:
                stays.append(f"its TTL was {duration(row.ttl_us)}")
            lines.append(Content(dot.join(stays)))
        elif answer is not None and not answer.among:
            lines = [Content(_EMPTY if self.versions.can_act else _NOT_LISTED)]
        self._facts.show(Content("\n").join(lines))

    def _deleted_words(self, row: VersionRow) -> str:
        """When a version was deleted, by whom, and which aliases it had."""
        signs, now_us = self.services.signs, self.services.now()
        by = f" by {safe(row.deleted_by)}" if row.deleted_by else ""
        had = f" {signs.dot} had {alias_words(row.aliases, signs)}" if row.aliases else ""
        if row.deleted_us is None:
            return f"Deleted{by}; when is not known{had}"
        return f"Deleted {moment(row.deleted_us)} ({ago(row.deleted_us, now_us)}){by}{had}"

    # acting

    def why_not(self, row_id: str) -> str:
        """Why a key does nothing."""
        client = self.services.client
        if row_id in {"trash.restore", "trash.gc"} and self.services.read_only:
            return self.services.read_only_reason
        if row_id == "trash.restore" and not client.can("restore"):
            return "this registry cannot restore"
        if row_id == "trash.purge" and not (client.can("purge") or client.can("storage")):
            return client.cannot("purge") or "this registry cannot purge"
        if row_id == "trash.gc" and not client.can("collect_garbage"):
            return client.freeing or "this registry frees bytes in its own time"
        if row_id in _NEEDS_ROWS and not self.versions.rows.count:
            empty = "the trash is empty" if self.versions.can_act else "nothing deleted is listed"
            hides = self.versions.answer is not None and self.versions.answer.among
            return "nothing in the trash matches" if hides else empty
        return ""

    def action_back(self) -> None:
        """One layer back: range, only marked, filter; then leave."""
        if not self.versions.one_layer_back():
            self.dismiss()

    async def _chosen(self, under_cursor: Selection | None) -> dict[str, str]:
        """Names by key of the marked versions, or of the row."""
        chosen = await self.versions.marker.chosen(under_cursor)
        if chosen is None:
            return {}
        return await self._catalog.run(partial(trash.names_of, chosen=chosen))

    def action_purge(self) -> None:
        """Review the purge of the marked versions, or of the row; or the end of their objects."""
        if not self.refused("trash.purge"):
            review = self._review_purge(self.versions.marker.under_cursor)
            self.carry_out("the marks are being looked at", review)

    async def _review_purge(self, under_cursor: Selection | None) -> None:
        if chosen := await self._chosen(under_cursor):
            purges = self.services.client.can("purge")
            self.app.open_review(list(chosen), action=Action.PURGE if purges else Action.DELETE)

    def action_restore(self) -> None:
        """Bring the marked versions, or the row, back."""
        if not self.refused("trash.restore"):
            self._do("restoring", self._restore(self.versions.marker.under_cursor))

    async def _restore(self, under_cursor: Selection | None) -> None:
        if chosen := await self._chosen(under_cursor):
            undone = await restore_versions(self.services.client, chosen)
            self.app.tell(undone.lines, "Restored")

    def action_gc(self) -> None:
        """Say what a garbage collection would free, and ask."""
        if not self.refused("trash.gc"):
            self._do("looking for bytes to free", self._look_at_garbage())

    async def _look_at_garbage(self) -> None:
        client = self.services.client
        garbage = await client.collect_garbage(grace_us=0, dry_run=True)
        parts = []
        if garbage.blobs:
            parts.append(f"{plural(garbage.blobs, 'stored object')} that no version needs")
        if garbage.leftovers:
            parts.append(f"{plural(garbage.leftovers, 'leftover')} of killed adds")
        if not parts:
            words = "Nothing to free: every stored object is needed. Purge versions first."
            self.app.tell([words])
            return
        if not self.is_attached:
            return
        self.status_line.hush()

        async def collect() -> None:
            done = await client.collect_garbage(grace_us=0, dry_run=False)
            self.app.tell([f"{size(done.freed)} freed."])

        def answered(yes: bool | None) -> None:  # noqa: FBT001 - the dialog's value
            if yes:
                self._do("freeing the bytes", collect())

        freed_words = f"{size(garbage.freed)} freed. What is freed cannot come back."
        question = f"{' and '.join(parts)}: {freed_words}"
        self.open_dialog(Ask("Free the bytes (gc)", question, yes="goes ahead"), answered)

    def _do(self, what: str, work: Coroutine[Any, Any, None]) -> None:
        """Carry something out that outlives this screen; keys that act wait for it."""
        self.say(what[0].upper() + what[1:] + self.services.signs.ellipsis)
        self.carry_out(what, self._done(work), lets=MOVES_AND_LEAVING)

    async def _done(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        finally:
            if self.is_attached:
                self.versions.reload_first(MOVES)
