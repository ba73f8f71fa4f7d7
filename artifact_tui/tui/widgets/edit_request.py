"""Asking for a change of aliases, tags or times to live: its form, what it would do, its review.

The form says what the change would do while it is typed, and sends nothing.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from artifact_tui.edits.changes import (
    CommonEdit,
    expiry_clock,
    foresee_changes,
    read_lifetime,
    read_subjects,
    why_not_editable,
)
from artifact_tui.edits.edit_words import edit_sentence
from artifact_tui.errors import ArtifactTuiError, UsageError
from artifact_tui.text import fit, plural, safe, version_name
from artifact_tui.tui import planning
from artifact_tui.tui.key_bindings import bindings_of
from artifact_tui.tui.typed_keys import start
from artifact_tui.tui.widgets.forms import Field, Form
from artifact_tui.tui.widgets.item_rows import alias_words

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from artifact_tui.catalog.catalog_rows import VersionRow
    from artifact_tui.catalog.lineage import LineageCoverage
    from artifact_tui.catalog.marks import Selection
    from artifact_tui.edits.changes import Changes, NamedVersion, Subjects, What
    from artifact_tui.tui.widgets.base_screen import RegistryScreen

    Choice = Callable[[], Awaitable[Selection | None]]
    """Asked once everything is done that earlier keys asked for."""


class EditForm(Form[CommonEdit]):
    """Asks for a change of aliases and tags, or of a time to live."""

    BINDINGS = bindings_of("wish")


def _read_ttl(form: Form[CommonEdit]) -> CommonEdit | None:
    text = form.text("ttl")
    if not text:
        return None
    span = read_lifetime(text)
    if span is None or span < 0:
        raise UsageError(f"“{text}” is no span of time:", hint="write 30d, 12h or 1y.")
    return CommonEdit(ttl_us=span)


def _read_names(form: Form[CommonEdit]) -> CommonEdit | None:
    def names(field: str) -> tuple[str, ...]:
        parts = (part.strip() for part in form.text(field).split(","))
        return tuple(dict.fromkeys(name for name in parts if name))

    edit = CommonEdit(
        add_aliases=names("add-alias"),
        remove_aliases=names("remove-alias"),
        add_tags=names("add-tag"),
        remove_tags=names("remove-tag"),
    )
    both = {*edit.add_aliases} & {*edit.remove_aliases} | {*edit.add_tags} & {*edit.remove_tags}
    if both:
        raise UsageError(f"“{min(both)}” cannot be added and taken away at once.")
    return None if edit.nothing else edit


_READING = "the chosen versions are being read"
_NO_SENDING = "{cancel} cancel   nothing is sent yet"


class EditRequest:
    """Asks on a screen for a change of some versions, says what it would do, opens its review."""

    def __init__(self, screen: RegistryScreen) -> None:
        self._screen = screen
        self._services = screen.services

    def why_not(self, *whats: What) -> str:
        """Why none of these can be changed here; empty when one can."""
        return why_not_editable(self._services.client, *whats) or self._services.read_only_reason

    def ask_ttl(self, chosen: Choice) -> None:
        """Ask for the time to live of these versions."""
        self._screen.carry_out(_READING, self._ask(chosen, self._ttl_form), stops=True)

    def ask_names(self, chosen: Choice) -> None:
        """Ask for other aliases and tags of these versions, as far as the registry changes them."""
        self._screen.carry_out(_READING, self._ask(chosen, self._names_form), stops=True)

    def review_change(self, chosen: Choice, edit: CommonEdit) -> None:
        """Show what a change of these versions would do."""

        async def review() -> None:
            subjects = await self._read(chosen)
            if subjects is not None:
                await self._review(subjects, edit)

        self._screen.carry_out(_READING, review(), stops=True)

    async def _ask(self, chosen: Choice, form: Callable[[Subjects], EditForm]) -> None:
        subjects = await self._read(chosen)
        if subjects is None:
            return

        def review(edit: CommonEdit | None) -> None:
            if edit is not None:
                self._screen.carry_out(_READING, self._review(subjects, edit), stops=True)

        self._screen.open_dialog(form(subjects), review)

    async def _read(self, chosen: Choice) -> Subjects | None:
        selection = await chosen()
        subjects = None if selection is None else await self._read_selection(selection)
        if subjects is None or not subjects.rows:
            self._screen.say("Nothing is chosen: mark versions first, or go to one.")
            return None
        return subjects

    async def _read_selection(self, selection: Selection) -> Subjects:
        return await self._services.catalog.run(
            lambda conn: read_subjects(conn, selection), latest="subjects"
        )

    def _ttl_form(self, subjects: Subjects) -> EditForm:
        return EditForm(
            f"Time to live of {subject_words(subjects.rows)}",
            [Field("ttl", "time to live", "", "such as 30d, 12h, 1y")],
            _read_ttl,
            keys=f"enter preview   {_NO_SENDING}",
            preview=partial(self._preview, subjects),
        )

    def _names_form(self, subjects: Subjects) -> EditForm:
        able = [what for what in ("aliases", "tags") if what in self._services.client.edits]
        fields = {
            "aliases": (
                Field(
                    "add-alias",
                    "add alias",
                    "",
                    "moves from the version that has it; commas between",
                ),
                Field("remove-alias", "remove alias"),
            ),
            "tags": (Field("add-tag", "add tag"), Field("remove-tag", "remove tag")),
        }
        return EditForm(
            f"{' and '.join(able).capitalize()} of {subject_words(subjects.rows)}",
            [field for what in able for field in fields[what]],
            _read_names,
            keys=f"enter preview   {{next}} next field   {_NO_SENDING}",
            about=self._present_names(subjects),
            preview=partial(self._preview, subjects),
        )

    def _present_names(self, subjects: Subjects) -> str:
        """The aliases and tags of the only version, so that nobody has to remember them."""
        if len(subjects.rows) > 1:
            return ""
        (row,) = subjects.rows
        names = alias_words(row.aliases, self._services.signs) or "no alias"
        tags = ", ".join(safe(tag) for tag in subjects.tags.get(row.id, ())) or "none"
        return f"now: {names}; tags: {tags}"

    def _preview(self, subjects: Subjects, form: Form[CommonEdit], edit: CommonEdit) -> None:
        """Say what it would do, while it is typed."""

        async def foresee() -> None:
            try:
                changes = await self._foresee(subjects, edit)
            except UsageError as error:
                form.refuse(edit, error)
            except ArtifactTuiError as error:
                self._screen.fail(error)
            else:
                form.say(edit, edit_sentence(changes))

        start(self._screen, "preview", foresee, latest=True)

    async def _review(self, subjects: Subjects, edit: CommonEdit) -> None:
        changes = await self._foresee(subjects, edit)
        if changes.unasked:
            await planning.ask_for_lineage(
                self._services, changes.unasked, progress=self._say_progress
            )
            self._screen.status_line.hush()
            keys = [row.key for row in subjects.rows]
            changes = await self._foresee(await self._read_selection(keys), edit)
        self._screen.app.open_edit(edit, changes)

    def _say_progress(self, progress: LineageCoverage) -> None:
        self._screen.say(f"Asking the registry: {progress.asking_words()}.")

    async def _foresee(self, subjects: Subjects, edit: CommonEdit) -> Changes:
        """What a change would do to each of these; nothing is sent.

        Raises:
            UsageError: two versions of one collection would get the same alias.
        """
        clock = expiry_clock(self._services.client, self._services.now())
        return await self._services.catalog.run(
            lambda conn: foresee_changes(conn, [subjects.rows], edit, clock), latest="changes"
        )


_NAME_CELLS = 40


def subject_words(rows: Sequence[VersionRow | NamedVersion]) -> str:
    """What a change is for, in safe words."""
    if len(rows) == 1:
        return fit(version_name(rows[0]), _NAME_CELLS)
    return plural(len(rows), "version")
