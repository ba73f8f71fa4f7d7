"""A change of aliases, tags or times to live: what it would do, the confirmation, what it did.

The key that opens this screen sends nothing; the confirmation is typed as for a deletion.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from artifact_tui.edits.effects import Effect
from artifact_tui.edits.expired import becomes
from artifact_tui.edits.sending import Sent
from artifact_tui.model import Result
from artifact_tui.text import count, fit, plural, safe
from artifact_tui.tui.bindings import bindings_of, rows_of
from artifact_tui.tui.edits.plan import Line, challenge, sentence
from artifact_tui.tui.edits.sending import send, words
from artifact_tui.tui.linking import throttled
from artifact_tui.tui.screens.base import BaseScreen
from artifact_tui.tui.widgets.edit_rows import edit_facts, edit_line, groups_of, result_groups
from artifact_tui.tui.widgets.grouped import Grouped
from artifact_tui.tui.widgets.keys_line import KeysLine
from artifact_tui.tui.widgets.typed_confirm import TypedConfirm

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual.content import Content
    from textual.widget import Widget

    from artifact_tui.model import Capabilities
    from artifact_tui.tui.edits.plan import EditPlan
    from artifact_tui.tui.services import Services
    from artifact_tui.tui.widgets.header import HeaderFacts
    from artifact_tui.tui.widgets.row_list import RowList

EVERY = 1.0
"""Seconds between two looks at what holds up the sending."""
NAME = 40
"""Cells of a name in the title."""
NOTHING_ASKED = 0
"""No challenge has this generation."""


class EditScreen(BaseScreen):
    """Shows a planned change, sends it once it was confirmed, and shows each outcome."""

    PLACE = "edit"
    TITLE_WORD = "Change"
    BINDINGS = bindings_of("edit")

    def __init__(self, services: Services, plan: EditPlan) -> None:
        super().__init__(services)
        self.plan = plan
        self._asked = NOTHING_ASKED
        self._can = services.client.capabilities
        self._sent = Sent(len(plan.changed))

    # drawing

    def compose_body(self) -> Iterable[Widget]:
        """Groups, versions, facts, and the box."""
        yield Grouped[Line](self.services.signs, self._line, self._facts, noun="versions")
        yield TypedConfirm(enter="enter sends the change now")

    @property
    def grouped(self) -> Grouped[Line]:
        """The lists."""
        return self.query_one(Grouped)

    @property
    def confirm(self) -> TypedConfirm:
        """The box."""
        return self.query_one(TypedConfirm)

    def _line(self, line: Line, cells: int) -> Content:
        return edit_line(line, cells, self.services.signs)

    def _facts(self, line: Line) -> Content:
        return edit_facts(line, self.services.signs)

    def header_facts(self) -> HeaderFacts:
        """What is changed, and for how many."""
        dot = self.services.signs.dot
        return replace(super().header_facts(), title=f"{self.plan.title} {dot} {self._subject()}")

    def _subject(self) -> str:
        """The only version by its name; else how many they are. Safe."""
        lines = self.plan.lines
        only = fit(safe(lines[0].name), NAME) if len(lines) == 1 else ""
        return only or plural(len(lines), "version")

    def show_keys(self) -> None:
        """Other keys apply while the confirmation is typed."""
        if not self.confirm.box.has_focus:
            super().show_keys()
            return
        rows = [row for row in rows_of("confirm") if row.footer]
        self.query_one(KeysLine).update(rows, self.host.keymap_shown, frozenset())

    def on_mount(self) -> None:
        """Show what would be done, and ask for the confirmation."""
        self.grouped.groups.focus()
        self.run_worker(self._show(), group="show")

    async def _show(self) -> None:
        await self.grouped.show(groups_of(self.plan, self._can))
        target = self.services.target
        if self.services.read_only:
            self.confirm.refuse(f"Nothing can be changed: {self.services.read_only_reason}.")
        elif not self.plan.changed:
            way = " Delete with a plan: d in the list." if self.plan.counts[Effect.DUE] else ""
            self.confirm.refuse(f"Nothing would be changed: {sentence(self.plan)}.{way}")
        else:
            asked = challenge(self.plan, production=target.production, registry=target.name)
            self._asked = self.confirm.ask(asked)
        self.show_keys()

    # moving about

    def why_not(self, row_id: str) -> str:
        """Why a key does nothing."""
        if row_id == "edit.confirm" and not self.confirm.is_open:
            return self.confirm.reason.rstrip(".") or "the list was drawn only now"
        return ""

    def action_open(self) -> None:
        """From a group to its versions."""
        self.grouped.open_items()

    def action_close(self) -> None:
        """From the versions to the groups."""
        self.grouped.close_items()

    def action_back(self) -> None:
        """One layer back; from the groups, leave."""
        if not self.grouped.close_items():
            self.dismiss()

    def action_confirm(self) -> None:
        """Move the keyboard to the box."""
        if not self.refused("edit.confirm"):
            self.confirm.take_keyboard()

    def on_typed_confirm_left(self) -> None:
        """The keyboard goes back to the lists."""
        self.grouped.groups.focus()

    def on_typed_confirm_opened(self) -> None:
        """The box takes keys from now on."""
        self.show_keys()

    def on_descendant_focus(self) -> None:
        """Other keys may apply."""
        self.show_keys()

    def on_row_list_failed(self, event: RowList.Failed) -> None:
        """Say why rows are missing."""
        self.fail(event.error)

    # sending

    def on_typed_confirm_confirmed(self, event: TypedConfirm.Confirmed) -> None:
        """Send it, if what was typed answers the challenge that is on the screen."""
        if event.generation != self._asked or self.services.read_only:
            return
        self._asked = NOTHING_ASKED
        self._progress(self._sent)
        self._ticking = self.set_interval(EVERY, lambda: self._progress(self._sent))
        self.app.run_worker(self._send(), group="edit")

    async def _send(self) -> None:
        sent = await send(self.services, self.plan, self._progress)
        self._ticking.stop()
        if self.app.screen is self:
            self.confirm.refuse(safe(_ending(sent, self.plan, self._can)))
            await self.grouped.show(result_groups(self.plan, sent, self._can))
            self.show_keys()
        else:
            self.host.say(words(sent), error=sent.done < sent.total)

    def _progress(self, sent: Sent) -> None:
        """How far it is, and what holds it up."""
        self._sent = sent
        if self.app.screen is self:
            pace = throttled(self.services.client)
            said = f"Sending: {words(sent)} {pace}" if pace else f"Sending: {words(sent)}"
            self.confirm.refuse(safe(said))


def _ending(sent: Sent, plan: EditPlan, can: Capabilities) -> str:
    """How it went, and what becomes of what has expired by it."""
    expired = [line.row.key for line in plan.of(Effect.AT_ONCE) if _done(sent, line.row.key)]
    if not expired:
        return words(sent)
    have = "1 has" if len(expired) == 1 else f"{count(len(expired))} have"
    return f"{words(sent)} {have} expired: {becomes(can, len(expired))}."


def _done(sent: Sent, key: str) -> bool:
    outcome = sent.outcomes.get(key)
    return outcome is not None and outcome.result is Result.DONE
