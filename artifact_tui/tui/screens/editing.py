"""From chosen versions to the review of a change: what browse and retention have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifact_tui.deletion.items import Options
from artifact_tui.errors import ArtifactTuiError, UsageError
from artifact_tui.text import fit, plural, safe
from artifact_tui.tui import planning
from artifact_tui.tui.edits.plan import sentence
from artifact_tui.tui.edits.reading import plan_of, subjects_of
from artifact_tui.tui.screens.base import BaseScreen
from artifact_tui.tui.screens.edit import EditScreen
from artifact_tui.tui.widgets.item_rows import alias_words
from artifact_tui.tui.widgets.wish_dialog import WishDialog
from artifact_tui.tui.working import start

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from artifact_tui.catalog.lineage_ask import Asked
    from artifact_tui.catalog.rows import VersionRow
    from artifact_tui.catalog.selection import Selection
    from artifact_tui.edits.reading import Subjects
    from artifact_tui.edits.wanted import Wanted
    from artifact_tui.tui.edits.wishing import Form
    from artifact_tui.tui.services import Services

    Choice = Callable[[], Awaitable[Selection | None]]
    """Asked once everything is done that earlier keys asked for."""

_TITLE = 40
"""Cells of a name in the title of a dialog."""


_READING = "the chosen versions are being read"


class Editing(BaseScreen):
    """Asks for a change of some versions, says what it would do, and opens its review."""

    def __init__(self, services: Services) -> None:
        super().__init__(services)
        self._subjects: Subjects | None = None

    def ask_for(self, chosen: Choice, form: Form) -> None:
        """Ask what is to be changed of these versions."""
        self.carry_out(_READING, self._ask(chosen, form), stops=True)

    def review_change(self, chosen: Choice, wanted: Wanted) -> None:
        """Show what a change of these versions would do."""
        self.carry_out(_READING, self._read_and_review(chosen, wanted), stops=True)

    async def _ask(self, chosen: Choice, form: Form) -> None:
        self._subjects = subjects = await self._read(chosen)
        if subjects is not None:
            now = self._now_words(subjects, form)
            self.open_dialog(WishDialog(form, subject_words(subjects.rows), now), self._wished)

    async def _read(self, chosen: Choice) -> Subjects | None:
        selection = await chosen()
        subjects = None if selection is None else await subjects_of(self.services, selection)
        if subjects is None or not subjects.rows:
            self.say("Nothing is chosen: mark versions first, or go to one.")
            return None
        return subjects

    def _now_words(self, subjects: Subjects, form: Form) -> str:
        """The aliases and tags of the only version, so that nobody has to remember them."""
        if len(subjects.rows) > 1 or form.fields[0].id == "ttl":
            return ""
        (row,) = subjects.rows
        names = alias_words(row.aliases, self.services.signs) or "no alias"
        tags = ", ".join(safe(tag) for tag in subjects.tags.get(row.id, ())) or "none"
        return f"now: {names}; tags: {tags}"

    async def on_wish_dialog_asked(self, event: WishDialog.Asked) -> None:
        """Say what it would do, while it is typed."""
        event.stop()
        if self._subjects is not None:
            start(self, "preview", self._preview, self._subjects, event, latest=True)

    async def _preview(self, subjects: Subjects, event: WishDialog.Asked) -> None:
        try:
            plan = await plan_of(self.services, subjects, event.wanted)
        except UsageError as error:
            event.dialog.refuse(error)
        except ArtifactTuiError as error:
            self.fail(error)
        else:
            event.dialog.tell(event.wanted, sentence(plan))

    def _wished(self, wanted: Wanted | None) -> None:
        if wanted is not None and self._subjects is not None:
            self.carry_out(_READING, self._review(self._subjects, wanted), stops=True)

    async def _read_and_review(self, chosen: Choice, wanted: Wanted) -> None:
        subjects = await self._read(chosen)
        if subjects is not None:
            await self._review(subjects, wanted)

    async def _review(self, subjects: Subjects, wanted: Wanted) -> None:
        plan = await plan_of(self.services, subjects, wanted)
        if plan.unasked:
            await planning.ask_lineage(
                self.services, plan.unasked, Options(), progress=self._ask_progress
            )
            self.status_line.hush()
            keys = [row.key for row in subjects.rows]
            subjects = await subjects_of(self.services, keys)
            plan = await plan_of(self.services, subjects, wanted)
        self.app.push_screen(EditScreen(self.services, plan))

    def _ask_progress(self, asked: Asked) -> None:
        self.say(f"Asking the registry: {asked.words()}.")


def subject_words(rows: Sequence[VersionRow]) -> str:
    """What a change is for, in safe words."""
    if len(rows) == 1:
        return fit(safe(f"{rows[0].collection}:{rows[0].label}"), _TITLE)
    return plural(len(rows), "version")
