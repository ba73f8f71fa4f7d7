"""The trash: what was deleted and can come back; restore it, purge it, free the bytes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from textual import on
from textual.content import Content

from artifact_tui.catalog import trash
from artifact_tui.catalog.facade import Superseded
from artifact_tui.errors import ArtifactTuiError
from artifact_tui.text import at_least, count, freed, plural, size
from artifact_tui.tui.bindings import bindings_of
from artifact_tui.tui.screens.base import BaseScreen
from artifact_tui.tui.trashing import TrashRow, TrashRows, garbage_words, restored_words
from artifact_tui.tui.widgets.ask import Ask
from artifact_tui.tui.widgets.facts_pane import FactsPane
from artifact_tui.tui.widgets.lines import Line
from artifact_tui.tui.widgets.listing import Listing
from artifact_tui.tui.widgets.row_list import RowList
from artifact_tui.tui.widgets.status import StatusLine
from artifact_tui.tui.widgets.trash_rows import name_of, trash_facts, trash_line
from artifact_tui.tui.working import MOVES_AND_LEAVING, start

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable
    from typing import Any

    from textual.widget import Widget

    from artifact_tui.catalog.rows import Bytes
    from artifact_tui.model import Garbage
    from artifact_tui.tui.services import Services
    from artifact_tui.tui.widgets.header import HeaderFacts

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
        self._weight: Bytes | None = None
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
            self._weight = await self.services.catalog.run(trash.weight)
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
            there = set(await self.services.catalog.run(trash.keys))
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
            self._marked[row.version.key] = name_of(row)
        self.rows.refresh_line(self.rows.cursor)
        self.rows.action_down()
        self._show_totals()

    def action_all(self) -> None:
        """Mark everything; when everything is marked, nothing."""
        if not self.refused("trash.all"):
            self.carry_out("everything is being marked", self._mark_all(), lets=MOVES_AND_LEAVING)

    async def _mark_all(self) -> None:
        every = await self.services.catalog.run(trash.names)
        self._marked = {} if len(self._marked) == len(every) else every
        if self.is_attached:
            self.rows.refresh()
            self._show_totals()

    def _chosen(self) -> dict[str, str]:
        """Names by key of the marked versions, or of the row."""
        row = self.rows.current
        if self._marked or row is None:
            return dict(self._marked)
        return {row.version.key: name_of(row)}

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
        self.host.open_tasks()

    def action_purge(self) -> None:
        """Review the purge of the marked versions, or of the row."""
        chosen = self._chosen()
        if not self.refused("trash.purge") and chosen:
            self.host.open_review(list(chosen), action="purge")

    def action_restore(self) -> None:
        """Bring the marked versions, or the row, back."""
        chosen = self._chosen()
        if not self.refused("trash.restore") and chosen:
            self._do(f"restoring {plural(len(chosen), 'version')}", self._restore(chosen))

    async def _restore(self, chosen: dict[str, str]) -> None:
        outcomes = await self.services.client.restore(list(chosen))
        lines = restored_words(outcomes, chosen)
        self._marked = {key: name for key, name in self._marked.items() if key not in chosen}
        if len(lines) > 2 and self.is_attached:  # noqa: PLR2004 - what fits on the message line
            self.open_dialog(Listing("Restored", lines))
        else:
            self._tell_anywhere(" ".join(lines))

    def _tell_anywhere(self, words: str) -> None:
        """Say it here, or on the screen that the user has gone to."""
        if self.is_attached:
            self.tell(words)
        else:
            self.host.say(words)

    def action_gc(self) -> None:
        """Say what a garbage collection would free, and ask."""
        if not self.refused("trash.gc"):
            self._do("looking for bytes to free", self._look_at_garbage())

    async def _look_at_garbage(self) -> None:
        garbage = await self.services.client.collect_garbage(grace_us=0, dry_run=True)
        if not garbage.blobs and not garbage.leftovers:
            self._tell_anywhere(
                "Nothing to free: every stored object is needed. Purge versions first."
            )
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
        self._tell_anywhere(f"{size(garbage.freed)} freed.")

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
