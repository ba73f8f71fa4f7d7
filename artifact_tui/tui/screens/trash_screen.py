"""The trash: what was deleted and can come back; restore it, purge it, free the bytes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from textual import on
from textual.content import Content

from artifact_tui.catalog import retention
from artifact_tui.catalog.catalog_file import Superseded
from artifact_tui.catalog.catalog_rows import rows_of
from artifact_tui.deletion.undo import restore_versions
from artifact_tui.errors import ArtifactTuiError
from artifact_tui.text import (
    age,
    ago,
    at_least,
    count,
    duration,
    fit,
    freed,
    moment,
    pad,
    plural,
    safe,
    size,
)
from artifact_tui.tui.key_bindings import bindings_of
from artifact_tui.tui.typed_keys import MOVES_AND_LEAVING, start
from artifact_tui.tui.widgets.base_screen import BaseScreen, StatusLine
from artifact_tui.tui.widgets.dialogs import Ask
from artifact_tui.tui.widgets.item_rows import alias_words
from artifact_tui.tui.widgets.line_widgets import FactsPane, Line
from artifact_tui.tui.widgets.row_list import RowList

if TYPE_CHECKING:
    import sqlite3
    from array import array
    from collections.abc import Coroutine, Iterable
    from typing import Any

    from textual.widget import Widget

    from artifact_tui.catalog.catalog_rows import PickedBytes, VersionRow
    from artifact_tui.model import Alias, Garbage
    from artifact_tui.tui.services import Services
    from artifact_tui.tui.terminal import Signs
    from artifact_tui.tui.widgets.base_screen import HeaderFacts


@dataclass(frozen=True, slots=True)
class TrashRow:
    """One version in the trash."""

    version: VersionRow
    aliases: tuple[Alias, ...]
    """Those it had, where the registry remembers them."""


class TrashRows:
    """The trash by windows, the last deleted first, as it was when it was opened."""

    def __init__(self, services: Services, ids: array[int]) -> None:
        self._services = services
        self._ids = ids

    @classmethod
    async def open(cls, services: Services) -> TrashRows:
        """What is in the trash now."""
        return cls(services, await services.catalog.run(retention.trash_ids))

    @property
    def count(self) -> int:
        """How many versions."""
        return len(self._ids)

    async def window(self, start: int, count: int) -> list[TrashRow]:
        """The rows from `start`; those that have gone meanwhile are left out."""
        ids = self._ids[start : start + count].tolist()

        def work(conn: sqlite3.Connection) -> tuple[VersionRow, ...]:
            return rows_of(conn, ids)

        versions = await self._services.catalog.run(work)
        client = self._services.client
        had = await client.trashed_aliases([version.key for version in versions])
        return [TrashRow(version, had.get(version.key, ())) for version in versions]


def garbage_words(garbage: Garbage) -> str:
    """What a collection would do, in sentences."""
    parts = []
    if garbage.blobs:
        parts.append(f"{plural(garbage.blobs, 'stored object')} that no version needs")
    if garbage.leftovers:
        parts.append(f"{plural(garbage.leftovers, 'leftover')} of killed adds")
    return f"{' and '.join(parts)}: {size(garbage.freed)} freed. What is freed cannot come back."


_SIZE = 9
_AGE = 8
_BROAD = 100


def trash_name(row: TrashRow) -> str:
    """`COLLECTION:LABEL`, untrusted."""
    return f"{row.version.collection}:{row.version.label}"


def trash_line(row: TrashRow, cells: int, signs: Signs, now_us: int, *, marked: bool) -> Content:
    """Mark, name, aliases it had, who deleted it, when, size."""
    version = row.version
    broad = cells >= _BROAD
    by = safe(version.deleted_by) if broad else ""
    room = cells - 2 - _SIZE - _AGE - 5 - (24 if broad else 0)
    name = room * 3 // 5 if row.aliases or broad else room
    aliases = fit(alias_words(row.aliases, signs), room - name - 1)
    return Content.assemble(
        (f"{signs.mark if marked else ' '} ", "bold $text-accent"),
        pad(safe(trash_name(row)), name),
        " ",
        (pad(aliases, max(room - name - 1, 0)), "$text-muted"),
        (pad(fit(by, 22), 23) + " ", "$text-muted") if broad else "",
        pad(age(version.deleted_us, now_us), _AGE, "right"),
        " ",
        pad(size(version.size), _SIZE, "right"),
        " ",
    )


def trash_facts(
    row: TrashRow, frees: str | None, signs: Signs, now_us: int, *, freeing: str = ""
) -> Content:
    """Everything about one version in the trash.

    `frees` is None while that is being counted, and empty when nobody knows; `freeing` says when
    the registry frees the bytes by itself, where nothing can be purged.
    """
    version = row.version
    dot = f" {signs.dot} "
    head = [safe(version.type), size(version.size), safe(version.digest[:19])]
    by = f" by {safe(version.deleted_by)}" if version.deleted_by else ""
    when = f"Deleted{by}; when is not known"
    if version.deleted_us is not None:
        when = f"Deleted {moment(version.deleted_us)} ({ago(version.deleted_us, now_us)}){by}"
    had = f"{dot}had {alias_words(row.aliases, signs)}" if row.aliases else ""
    bytes_ = signs.ellipsis if frees is None else f"{frees or 'what nobody knows'} after gc"
    stays = [
        safe(freeing) or f"Purging it frees {bytes_}",
        f"created {ago(version.created_us, now_us)}",
    ]
    if version.dependents:
        stays.append(plural(version.dependents, "live dependent"))
    if version.ttl_us is not None:
        stays.append(f"its TTL was {duration(version.ttl_us)}")
    return Content("\n").join(
        [
            Content.assemble((safe(trash_name(row)), "bold"), "  ", dot.join(head)),
            Content(when + had),
            Content(dot.join(stays)),
        ]
    )


_EMPTY = "The trash is empty. What is deleted comes here, and stays until it is purged."
_NOT_LISTED = (
    "No deleted version is listed. What is deleted here cannot be restored, and it is the registry "
    "that removes it for good."
)
_NEEDS_ROWS = frozenset({"trash.restore", "trash.purge", "trash.mark", "trash.all"})
_ONLY_SEEN = "What is deleted cannot be restored or purged from here."


class TrashScreen(BaseScreen):
    """The versions in the trash, the last deleted first."""

    PLACE = "trash"
    TITLE_WORD = "Trash"
    BINDINGS = bindings_of("trash")

    DEFAULT_CSS = "TrashScreen #trash-rule { color: $text-muted; }"

    def __init__(self, services: Services) -> None:
        super().__init__(services)
        self._trash: TrashRows | None = None
        self._marked: dict[str, str] = {}
        """Names by key. Marks in the trash are for the moment: they are not kept."""
        self._weight: PickedBytes | None = None
        self._now = services.now()
        """When the list was read: all its ages count from there."""

    def compose_body(self) -> Iterable[Widget]:
        """The list, and the facts of the row."""
        yield RowList[TrashRow](self._line, key=lambda row: row.version.key, id="trash")
        yield Line(id="trash-rule")
        yield FactsPane(id="trash-facts")

    @property
    def rows(self) -> RowList[TrashRow]:
        """The list."""
        return self.query_one("#trash", RowList)

    @property
    def _can_act(self) -> bool:
        """Whether anything in the trash can be restored or purged."""
        can = self.services.client.capabilities
        return can.restore or can.purge

    def _line(self, row: TrashRow, cells: int) -> Content:
        marked = row.version.key in self._marked
        return trash_line(row, cells, self.services.signs, self._now, marked=marked)

    # reading

    def header_facts(self) -> HeaderFacts:
        """What is restorable is a trash; else it is only what the registry still lists."""
        facts = super().header_facts()
        return facts if self._can_act else replace(facts, title="Deleted, and still listed")

    def on_mount(self) -> None:
        """Read the trash."""
        self.rows.focus()

    def on_screen_resume(self) -> None:
        """It may have changed."""
        self._read()

    def _read(self) -> None:
        self.read_first("the trash is being read")
        start(self, "read", self._read_now, latest=True)

    async def _read_now(self) -> None:
        try:
            await self._read_rows()
            self.read_done()
            self._weight = await self.services.catalog.run(retention.trash_bytes)
        except Superseded:
            return
        except ArtifactTuiError as error:
            self.fail(error)
            self.read_done()
        self._show_totals()
        self.show_keys()

    async def _read_rows(self) -> None:
        """Read what is in the trash; marks of what is not there any more go."""
        self._now = self.services.now()
        self._trash = await TrashRows.open(self.services)
        await self.rows.show(self._trash)
        await self._forget_marks()

    async def _forget_marks(self) -> None:
        """Marks of what is not in the trash any more go."""
        if self._marked:
            there = set(await self.services.catalog.run(retention.trash_keys))
            self._marked = {key: name for key, name in self._marked.items() if key in there}

    def _show_totals(self) -> None:
        found = self._trash.count if self._trash else 0
        weight = self._weight
        dot = f" {self.services.signs.dot} "
        parts = [plural(found, "version")]
        if weight is not None and found:
            parts.append(f"{size(weight.listed)} listed")
            if self._can_act:
                parts.append(freed(weight.freed, weight.unknown_count, "freed if all go"))
        marked = f"{count(len(self._marked))} marked" if self._marked else ""
        forms = [Content(dot.join(parts[:some]) + " ") for some in (len(parts), 1)]
        left = marked if marked or self._can_act else _ONLY_SEEN
        self.query_one(StatusLine).facts(Content(f" {left}"), *forms, Content(""))

    @on(RowList.Moved, "#trash")
    def _moved(self) -> None:
        rule = self.services.signs.line * self.size.width
        self.query_one("#trash-rule", Line).show(Content(rule))
        row = self.rows.current
        if row is None:
            empty = _EMPTY if self._can_act else _NOT_LISTED
            words = empty if self._trash and not self._trash.count else ""
            self.query_one("#trash-facts", FactsPane).show(Content(words))
            return
        self._show_facts(row, None)
        self.run_worker(self._weigh(row), group="weigh", exclusive=True)

    async def _weigh(self, row: TrashRow) -> None:
        """What purging this one row alone frees."""
        try:
            weight = await self.services.catalog.freed([row.version.key], latest="trash-row")
        except Superseded:
            return
        if self.rows.current is row:
            self._show_facts(row, at_least(weight.freed, weight.unknown_count))

    def _show_facts(self, row: TrashRow, frees: str | None) -> None:
        can = self.services.client.capabilities
        freeing = can.freeing if not can.purge else ""
        facts = trash_facts(row, frees, self.services.signs, self._now, freeing=freeing)
        self.query_one("#trash-facts", FactsPane).show(facts)

    # marking

    def action_mark(self) -> None:
        """Mark or unmark the row, and go down."""
        row = self.rows.current
        if row is None:
            return
        if self._marked.pop(row.version.key, None) is None:
            self._marked[row.version.key] = trash_name(row)
        self.rows.refresh_line(self.rows.cursor)
        self.rows.action_down()
        self._show_totals()

    def action_all(self) -> None:
        """Mark everything; when everything is marked, nothing."""
        if not self.refused("trash.all"):
            self.carry_out("everything is being marked", self._mark_all(), lets=MOVES_AND_LEAVING)

    async def _mark_all(self) -> None:
        every = await self.services.catalog.run(retention.trash_names)
        self._marked = {} if len(self._marked) == len(every) else every
        if self.is_attached:
            self.rows.refresh()
            self._show_totals()

    def _chosen(self) -> dict[str, str]:
        """Names by key of the marked versions, or of the row."""
        row = self.rows.current
        if self._marked or row is None:
            return dict(self._marked)
        return {row.version.key: trash_name(row)}

    # acting

    def why_not(self, row_id: str) -> str:
        """Why a key does nothing."""
        can = self.services.client.capabilities
        if row_id in {"trash.restore", "trash.gc"} and self.services.read_only:
            return self.services.read_only_reason
        if row_id == "trash.restore" and not can.restore:
            return "this registry cannot restore"
        if row_id == "trash.purge" and not can.purge:
            return "this registry cannot purge"
        if row_id == "trash.gc" and not can.garbage_collection:
            return can.freeing or "this registry frees bytes in its own time"
        if row_id in _NEEDS_ROWS and not self.rows.count:
            return "the trash is empty" if self._can_act else "nothing deleted is listed"
        return ""

    def on_row_list_failed(self, event: RowList.Failed) -> None:
        """Say why rows are missing."""
        self.fail(event.error)

    def action_back(self) -> None:
        """Leave."""
        self.dismiss()

    def action_tasks(self) -> None:
        """Watch the tasks."""
        self.host.open("tasks")

    def action_purge(self) -> None:
        """Review the purge of the marked versions, or of the row."""
        chosen = self._chosen()
        if not self.refused("trash.purge") and chosen:
            self.host.open("review", list(chosen), action="purge")

    def action_restore(self) -> None:
        """Bring the marked versions, or the row, back."""
        chosen = self._chosen()
        if not self.refused("trash.restore") and chosen:
            self._do(f"restoring {plural(len(chosen), 'version')}", self._restore(chosen))

    async def _restore(self, chosen: dict[str, str]) -> None:
        lines = (await restore_versions(self.services.client, chosen)).lines
        self._marked = {key: name for key, name in self._marked.items() if key not in chosen}
        self.host.tell(lines, "Restored")

    def action_gc(self) -> None:
        """Say what a garbage collection would free, and ask."""
        if not self.refused("trash.gc"):
            self._do("looking for bytes to free", self._look_at_garbage())

    async def _look_at_garbage(self) -> None:
        garbage = await self.services.client.collect_garbage(grace_us=0, dry_run=True)
        if not garbage.blobs and not garbage.leftovers:
            words = "Nothing to free: every stored object is needed. Purge versions first."
            self.host.tell([words])
            return
        if not self.is_attached:
            return
        self.status_line.hush()
        words = garbage_words(garbage)
        ask = Ask("Free the bytes (gc)", words, yes="goes ahead")
        self.open_dialog(ask, lambda yes: self._collect(yes=bool(yes)))

    def _collect(self, *, yes: bool) -> None:
        if yes:
            self._do("freeing the bytes", self._collect_now())

    async def _collect_now(self) -> None:
        garbage: Garbage = await self.services.client.collect_garbage(grace_us=0, dry_run=False)
        self.host.tell([f"{size(garbage.freed)} freed."])

    def _do(self, what: str, work: Coroutine[Any, Any, None]) -> None:
        """Carry something out that outlives this screen; keys that act wait for it."""
        self.say(what[0].upper() + what[1:] + self.services.signs.ellipsis)
        self.carry_out(what, self._done(work), lets=MOVES_AND_LEAVING)

    async def _done(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        finally:
            if self.is_attached:
                self._read()
