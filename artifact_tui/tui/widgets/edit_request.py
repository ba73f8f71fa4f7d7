"""Asking for a change of aliases, tags or times to live: the forms, what they would do, the way on.

The dialog says what the change would do while it is typed, and sends nothing.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.content import Content

from artifact_tui.edits.changes import (
    NO_OTHERS,
    CommonEdit,
    ExpiryClock,
    Foresight,
    expiry_clock,
    read_lifetime,
    read_others,
    read_subjects,
    why_not_editable,
)
from artifact_tui.edits.edit_words import (
    edit_sentence,
)
from artifact_tui.errors import ArtifactTuiError, UsageError
from artifact_tui.model import TTL_INHERIT
from artifact_tui.text import fit, plural, safe, version_name
from artifact_tui.tui import planning
from artifact_tui.tui.key_bindings import bindings_of
from artifact_tui.tui.typed_keys import start
from artifact_tui.tui.widgets.dialogs import Question
from artifact_tui.tui.widgets.forms import Form
from artifact_tui.tui.widgets.item_rows import alias_words
from artifact_tui.tui.widgets.line_widgets import Line

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from textual.app import ComposeResult

    from artifact_tui.catalog.catalog_rows import VersionRow
    from artifact_tui.catalog.lineage import LineageProgress
    from artifact_tui.catalog.marks import Selection
    from artifact_tui.edits.changes import Changes, Subjects, What
    from artifact_tui.tui.services import Services
    from artifact_tui.tui.widgets.base_screen import BaseScreen

    Choice = Callable[[], Awaitable[Selection | None]]
    """Asked once everything is done that earlier keys asked for."""


@dataclass(frozen=True, slots=True)
class WishField:
    """One line to type in."""

    id: str
    label: str
    placeholder: str = ""


@dataclass(frozen=True, slots=True)
class WishForm:
    """What is asked for, and how it is read."""

    title: str
    fields: tuple[WishField, ...]
    read: Callable[[Mapping[str, str]], CommonEdit | None]
    """What was typed, by field; None while nothing is. Raises `UsageError`."""


def _read_ttl(typed: Mapping[str, str]) -> CommonEdit | None:
    text = typed["ttl"].strip()
    if not text:
        return None
    span = read_lifetime(text)
    if span is None or span < 0:
        raise UsageError(f"“{text}” is no span of time:", hint="write 30d, 12h or 1y.")
    return CommonEdit(ttl_us=span)


TTL_FORM = WishForm(
    "Time to live", (WishField("ttl", "time to live", "such as 30d, 12h, 1y"),), _read_ttl
)


def names_form(*, aliases: bool, tags: bool) -> WishForm:
    """Asks for aliases, tags or both: whatever the registry lets one change."""
    fields = (
        WishField("add-alias", "add alias", "moves from the version that has it; commas between"),
        WishField("remove-alias", "remove alias"),
        WishField("add-tag", "add tag"),
        WishField("remove-tag", "remove tag"),
    )
    shown = tuple(f for f in fields if (aliases if f.id.endswith("alias") else tags))
    what = " and ".join(word for word, on in (("Aliases", aliases), ("tags", tags)) if on)
    return WishForm(what[:1].upper() + what[1:], shown, _read_names)


def _read_names(typed: Mapping[str, str]) -> CommonEdit | None:
    wanted = CommonEdit(
        add_aliases=_names_in(typed.get("add-alias", "")),
        remove_aliases=_names_in(typed.get("remove-alias", "")),
        add_tags=_names_in(typed.get("add-tag", "")),
        remove_tags=_names_in(typed.get("remove-tag", "")),
    )
    both = {*wanted.add_aliases} & {*wanted.remove_aliases} | (
        {*wanted.add_tags} & {*wanted.remove_tags}
    )
    if both:
        raise UsageError(f"“{min(both)}” cannot be added and taken away at once.")
    return None if wanted.nothing else wanted


def _names_in(text: str) -> tuple[str, ...]:
    """The names in a line, separated by commas; each once."""
    return tuple(dict.fromkeys(name for part in text.split(",") if (name := part.strip())))


TITLE_NAME = 40
"""Cells of a name in a title."""


class WishDialog(Form[CommonEdit]):
    """Ends with what is wanted. `asked` hears all that can be read; `tell` answers."""

    BINDINGS = bindings_of("wish")
    FOCUS = "OneLine"

    DEFAULT_CSS = """
    WishDialog {
        width: 76;
        & Static { width: 14; }
        & #wish-hint { color: $text-muted; }
        & #wish-now { color: $text-muted; max-height: 3; }
        & #wish-says { height: 2; margin-top: 1; }
    }
    """

    def __init__(
        self,
        form: WishForm,
        subject: str,
        asked: Callable[[WishDialog, CommonEdit], object],
        now: str = "",
    ) -> None:
        """`subject` says for what it is, `now` what is so now; both are safe."""
        super().__init__(id="wish")
        self._form = form
        self._asked = asked
        self._now = now
        self._wanted: CommonEdit | None = None
        self._says = Question(id="wish-says")
        self.border_title = Content(f"{form.title} of {subject}")

    def compose(self) -> ComposeResult:
        """What is so now, the fields, what they would do, the keys."""
        now = Question(id="wish-now")
        now.show(Content(self._now))
        now.display = bool(self._now)
        yield now
        for field in self._form.fields:
            yield self.field(f"wish-{field.id}", field.label, field.placeholder)
        yield self._says
        yield Line(id="wish-hint")

    def on_mount(self) -> None:
        """Show the keys."""
        fields = "   tab next field" if len(self._form.fields) > 1 else ""
        hint = f"enter preview{fields}   esc cancel   nothing is sent yet"
        self.query_one("#wish-hint", Line).show(Content(hint))
        self._says.show(Content(" "))

    def changed(self) -> None:
        """Something else is wanted."""
        typed = {field.id: self.text(f"wish-{field.id}") for field in self._form.fields}
        try:
            self._wanted = self._form.read(typed)
        except UsageError as error:
            self._wanted = None
            self.refuse(error)
            return
        self._says.show(Content(" "))
        if self._wanted is not None:
            self._asked(self, self._wanted)

    def action_apply(self) -> None:
        """Hand over what is wanted, if it can be read."""
        if self._wanted is not None:
            self.close(self._wanted)

    def tell(self, wanted: CommonEdit, words: str) -> None:
        """Say (safe) what a change would do, if it is still the one that is wanted."""
        if wanted is self._wanted:
            self._says.show(Content.styled(words, "bold"))

    def refuse(self, error: UsageError) -> None:
        """Say what is wrong with what was typed."""
        self._says.show(Content.styled(safe(f"{error} {error.hint}".strip()), "$text-error"))


def clock_of(services: Services) -> ExpiryClock:
    """By when something expires at once in the registry of a session."""
    return expiry_clock(services.client, services.now())


async def subjects_of(services: Services, chosen: Selection) -> Subjects:
    """Read what was chosen.

    Raises:
        UsageError: these are more than can be changed at once.
    """
    return await services.catalog.run(lambda conn: read_subjects(conn, chosen), latest="subjects")


async def foresee(
    services: Services, subjects: Subjects, wanted: CommonEdit
) -> Changes[VersionRow]:
    """What a change would do to each of these; nothing is sent.

    Raises:
        UsageError: two versions of one collection would get the same alias.
    """
    rows, others = subjects.rows, NO_OTHERS
    if wanted.add_aliases or wanted.ttl_us == TTL_INHERIT:
        others = await services.catalog.run(
            lambda conn: read_others(conn, rows, wanted), latest="others"
        )

    def work() -> Changes[VersionRow]:
        foresight: Foresight[VersionRow] = Foresight(wanted, lambda row: row, clock_of(services))
        foresight.take(rows, tags=subjects.tags, around=others)
        return foresight.changes()

    return await asyncio.to_thread(work)


_READING = "the chosen versions are being read"


class EditRequest:
    """Asks on a screen for a change of some versions, says what it would do, opens its review."""

    def __init__(self, screen: BaseScreen) -> None:
        self._screen = screen
        self._services = screen.services

    def why_not(self, *whats: What) -> str:
        """Why none of these can be changed here; empty when one can."""
        return why_not_editable(self._services.client, *whats) or self._services.read_only_reason

    def ask_for(self, chosen: Choice, form: WishForm) -> None:
        """Ask what is to be changed of these versions."""
        self._screen.carry_out(_READING, self._ask(chosen, form), stops=True)

    def review_change(self, chosen: Choice, wanted: CommonEdit) -> None:
        """Show what a change of these versions would do."""
        self._screen.carry_out(_READING, self._read_and_review(chosen, wanted), stops=True)

    async def _ask(self, chosen: Choice, form: WishForm) -> None:
        subjects = await self._read(chosen)
        if subjects is None:
            return

        def wished(wanted: CommonEdit | None) -> None:
            if wanted is not None:
                self._screen.carry_out(_READING, self._review(subjects, wanted), stops=True)

        def asked(dialog: WishDialog, wanted: CommonEdit) -> None:
            start(self._screen, "preview", self._preview, subjects, dialog, wanted, latest=True)

        now = self._now_words(subjects, form)
        dialog = WishDialog(form, subject_words(subjects.rows), asked, now)
        self._screen.open_dialog(dialog, wished)

    async def _read(self, chosen: Choice) -> Subjects | None:
        selection = await chosen()
        subjects = None if selection is None else await subjects_of(self._services, selection)
        if subjects is None or not subjects.rows:
            self._screen.say("Nothing is chosen: mark versions first, or go to one.")
            return None
        return subjects

    def _now_words(self, subjects: Subjects, form: WishForm) -> str:
        """The aliases and tags of the only version, so that nobody has to remember them."""
        if len(subjects.rows) > 1 or form.fields[0].id == "ttl":
            return ""
        (row,) = subjects.rows
        names = alias_words(row.aliases, self._services.signs) or "no alias"
        tags = ", ".join(safe(tag) for tag in subjects.tags.get(row.id, ())) or "none"
        return f"now: {names}; tags: {tags}"

    async def _preview(self, subjects: Subjects, dialog: WishDialog, wanted: CommonEdit) -> None:
        """Say what it would do, while it is typed."""
        try:
            changes = await foresee(self._services, subjects, wanted)
        except UsageError as error:
            dialog.refuse(error)
        except ArtifactTuiError as error:
            self._screen.fail(error)
        else:
            dialog.tell(wanted, edit_sentence(changes))

    async def _read_and_review(self, chosen: Choice, wanted: CommonEdit) -> None:
        subjects = await self._read(chosen)
        if subjects is not None:
            await self._review(subjects, wanted)

    async def _review(self, subjects: Subjects, wanted: CommonEdit) -> None:
        changes = await foresee(self._services, subjects, wanted)
        if changes.unasked:
            await planning.asked_lineage(
                self._services, changes.unasked, progress=self._ask_progress
            )
            self._screen.status_line.hush()
            keys = [row.key for row in subjects.rows]
            changes = await foresee(self._services, await subjects_of(self._services, keys), wanted)
        self._screen.app.open_edit(wanted, changes)

    def _ask_progress(self, progress: LineageProgress) -> None:
        self._screen.say(f"Asking the registry: {progress.words()}.")


def subject_words(rows: Sequence[VersionRow]) -> str:
    """What a change is for, in safe words."""
    if len(rows) == 1:
        return fit(version_name(rows[0]), TITLE_NAME)
    return plural(len(rows), "version")
