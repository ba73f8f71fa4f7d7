"""A change of aliases, tags or times to live: asked for, previewed, confirmed, sent, its outcomes.

The dialog says what the change would do while it is typed, and sends nothing. The key that opens
the screen sends nothing either; the confirmation is typed as for a deletion.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

from artifact_tui.deletion.items import Options
from artifact_tui.edits.changes import (
    NO_OTHERS,
    CommonEdit,
    EditProgress,
    Effect,
    ExpiryClock,
    ForeseenVersion,
    Foresight,
    edit_confirmation,
    editor_of,
    edits_in_time,
    expiry_clock,
    read_lifetime,
    read_others,
    read_subjects,
    send_edits,
    why_not_editable,
)
from artifact_tui.edits.edit_words import (
    NOT_SENT,
    RESULTS,
    change_words,
    edit_sentence,
    edit_title,
    effect_groups,
    ending_words,
    result_groups,
    sent_words,
)
from artifact_tui.errors import ArtifactTuiError, UsageError
from artifact_tui.model import TTL_INHERIT, Result
from artifact_tui.text import fit, moment, pad, plural, safe, version_name, width
from artifact_tui.tui import planning
from artifact_tui.tui.key_bindings import bindings_of, rows_of
from artifact_tui.tui.registry_link import throttled
from artifact_tui.tui.screens.base_screen import BaseScreen, KeysLine
from artifact_tui.tui.typed_keys import start
from artifact_tui.tui.widgets.dialogs import Dialog, Question, TypedConfirm
from artifact_tui.tui.widgets.grouped import Grouped, GroupRow
from artifact_tui.tui.widgets.item_rows import alias_words
from artifact_tui.tui.widgets.line_widgets import Line, OneLine
from artifact_tui.tui.widgets.row_list import Rows

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

    from textual.app import ComposeResult
    from textual.widget import Widget

    from artifact_tui.catalog.catalog_rows import VersionRow
    from artifact_tui.catalog.lineage import LineageProgress
    from artifact_tui.catalog.marks import Selection
    from artifact_tui.deletion.confirmation import Confirmation
    from artifact_tui.edits.changes import Changes, Subjects, What
    from artifact_tui.edits.edit_words import EditGroup
    from artifact_tui.model import Outcome
    from artifact_tui.tui.screens.base_screen import HeaderFacts
    from artifact_tui.tui.services import Services
    from artifact_tui.tui.terminal import Signs
    from artifact_tui.tui.widgets.row_list import RowList

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


TONES = {
    Effect.AT_ONCE: "bold $text-error",
    Effect.LATER: "bold $text-warning",
    Effect.SOME_TIME: "bold $text-warning",
    Effect.INHERITS: "bold $text-warning",
    Effect.STAYS: "$text-success",
    Effect.NAMES: "bold $text-accent",
    Effect.SAME: "$text-muted",
    Effect.DUE: "bold $text-warning",
    Effect.NOT_POSSIBLE: "bold",
    Result.DONE: "$text-success",
    Result.ABSENT: "$text-muted",
    Result.REFUSED: "bold $text-warning",
    Result.CHANGED: "bold $text-warning",
    Result.FAILED: "bold $text-error",
    Result.UNKNOWN: "bold $text-error",
    NOT_SENT: "",
}
"""Style of a group's label, by its id."""


@dataclass(frozen=True, slots=True)
class EditRow:
    """One line of the lower list: a version, and what became of it once its change was sent."""

    foreseen: ForeseenVersion[VersionRow]
    outcome: Outcome | None = None

    @property
    def key(self) -> str:
        """The key of the version."""
        return self.foreseen.key


def group_row(group: EditGroup[VersionRow], sent: EditProgress) -> GroupRow[EditRow]:
    """A group as one line of the upper list."""
    way = ", d in the list of versions" if group.id == Effect.DUE else ""
    return GroupRow(
        group.id,
        group.label,
        group.count,
        group.words + way,
        tone=TONES[group.id],
        items=lambda: Rows([EditRow(one, sent.result_of(one.key)) for one in group.versions()]),
    )


def edit_line(row: EditRow, cells: int, signs: Signs) -> Content:
    """A version, and what it becomes, or what became of it."""
    sign, tone = _line_sign(row, signs)
    name = version_name(row.foreseen.row)
    room = cells - 3
    shown = max(min(width(name), room // 2), room * 2 // 5)
    words = Content.styled(change_words(row.foreseen, row.outcome), "$text-muted")
    middle = words.truncate(room - shown - 1, ellipsis=True, pad=True)
    return Content.assemble((f"{sign} ", tone), pad(name, shown), " ", middle, " ")


def _line_sign(row: EditRow, signs: Signs) -> tuple[str, str]:
    if row.outcome is None:
        return {
            Effect.AT_ONCE: (signs.expired, "bold $text-error"),
            Effect.DUE: (signs.locked, "$text-warning"),
            Effect.NOT_POSSIBLE: (signs.locked, "$text-muted"),
            Effect.SAME: (signs.dot, "$text-muted"),
            Effect.NAMES: (signs.working, "$text-accent"),
            Effect.STAYS: (signs.yes, "$text-success"),
        }.get(row.foreseen.effect, (signs.ttl, "$text-warning"))
    if row.outcome.result is Result.DONE:
        return signs.yes, "$text-success"
    if row.outcome.result in {Result.REFUSED, Result.CHANGED}:
        return signs.locked, "bold $text-warning"
    return signs.no, "bold $text-error"


def edit_facts(row: EditRow, signs: Signs) -> Content:
    """Everything about one version of a change."""
    version, outcome, dot = row.foreseen.row, row.outcome, f" {signs.dot} "
    head = [safe(version.type), f"created {moment(version.created_us)}"]
    if version.aliases:
        head.append("aliases " + alias_words(version.aliases, signs))
    lines = [
        Content.assemble((version_name(version), "bold"), "  ", dot.join(head)),
        Content(change_words(row.foreseen)),
    ]
    if outcome is not None:
        label, _ = RESULTS[outcome.result]
        message = f": {safe(outcome.message)}" if outcome.message else ""
        lines.append(Content.assemble((label + message, TONES[outcome.result])))
    return Content("\n").join(lines)


class WishDialog(Dialog[CommonEdit]):
    """Ends with what is wanted. It posts `Asked` for all that can be read; `tell` answers."""

    BINDINGS = bindings_of("wish")
    FOCUS = "OneLine"

    DEFAULT_CSS = """
    WishDialog {
        width: 76;
        & Horizontal { height: 1; }
        & Static { width: 14; }
        & #wish-hint { color: $text-muted; }
        & #wish-now { color: $text-muted; max-height: 3; }
        & #wish-says { height: 2; margin-top: 1; }
    }
    """

    class Asked(Message):
        """What this would do is wanted."""

        def __init__(self, dialog: WishDialog, wanted: CommonEdit) -> None:
            super().__init__()
            self.dialog = dialog
            self.wanted = wanted

    def __init__(self, form: WishForm, subject: str, now: str = "") -> None:
        """`subject` says for what it is, `now` what is so now; both are safe."""
        super().__init__(id="wish")
        self._form = form
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
            with Horizontal():
                yield Static(Content(field.label))
                line = OneLine(id=f"wish-{field.id}")
                line.placeholder = field.placeholder
                yield line
        yield self._says
        yield Line(id="wish-hint")

    def on_mount(self) -> None:
        """Show the keys."""
        fields = "   tab next field" if len(self._form.fields) > 1 else ""
        hint = f"enter preview{fields}   esc cancel   nothing is sent yet"
        self.query_one("#wish-hint", Line).show(Content(hint))
        self._says.show(Content(" "))

    def on_input_changed(self, event: Input.Changed) -> None:
        """Something else is wanted."""
        event.stop()
        typed = {f.id: self.query_one(f"#wish-{f.id}", OneLine).value for f in self._form.fields}
        try:
            self._wanted = self._form.read(typed)
        except UsageError as error:
            self._wanted = None
            self.refuse(error)
            return
        self._says.show(Content(" "))
        if self._wanted is not None:
            self.post_message(self.Asked(self, self._wanted))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter in a field goes on."""
        event.stop()
        self.action_apply()

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


PACE_EVERY = 1.0
"""Seconds between two looks at what holds up the sending."""
TITLE_NAME = 40
"""Cells of a name in the title."""


class EditScreen(BaseScreen):
    """Shows a planned change, sends it once it was confirmed, and shows each outcome."""

    PLACE = "edit"
    TITLE_WORD = "Change"
    BINDINGS = bindings_of("edit")

    def __init__(
        self, services: Services, wanted: CommonEdit, changes: Changes[VersionRow]
    ) -> None:
        super().__init__(services)
        subject = subject_words(tuple(changes.rows()))
        self._title = f"{edit_title(wanted)} {services.signs.dot} {subject}"
        self._changes = changes
        self._asked: Confirmation | None = None
        self._can = services.client.capabilities
        self._sent = EditProgress(len(changes.changed))

    # drawing

    def compose_body(self) -> Iterable[Widget]:
        """Groups, versions, facts, and the box."""
        yield Grouped[EditRow](self.services.signs, self._line, self._facts, noun="versions")
        yield TypedConfirm(enter="enter sends the change now")

    @property
    def grouped(self) -> Grouped[EditRow]:
        """The lists."""
        return self.query_one(Grouped)

    @property
    def confirm(self) -> TypedConfirm:
        """The box."""
        return self.query_one(TypedConfirm)

    def _line(self, row: EditRow, cells: int) -> Content:
        return edit_line(row, cells, self.services.signs)

    def _facts(self, row: EditRow) -> Content:
        return edit_facts(row, self.services.signs)

    def header_facts(self) -> HeaderFacts:
        """What is changed, and for how many."""
        return replace(super().header_facts(), title=self._title)

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
        changes, target = self._changes, self.services.target
        await self._show_groups(effect_groups(changes, self._can))
        if self.services.read_only:
            self.confirm.refuse(f"Nothing can be changed: {self.services.read_only_reason}.")
        elif not changes.changed:
            way = " Delete with a plan: d in the list." if changes.counts[Effect.DUE] else ""
            self.confirm.refuse(f"Nothing would be changed: {edit_sentence(changes)}.{way}")
        else:
            self._asked = edit_confirmation(
                changes, production=target.production, registry=target.name
            )
            self.confirm.ask(self._asked)
        self.show_keys()

    async def _show_groups(self, groups: Sequence[EditGroup[VersionRow]]) -> None:
        await self.grouped.show([group_row(group, self._sent) for group in groups])

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
        """Send it, if what was typed answers what is asked for on the screen."""
        if event.asked is not self._asked or self.services.read_only:
            return
        self._asked = None
        self._show_progress()
        self._ticking = self.set_interval(PACE_EVERY, self._show_progress)
        self.app.run_worker(self._send(), group="edit")

    async def _send(self) -> None:
        services, sent, changes = self.services, self._sent, self._changes
        client = editor_of(services.client, "aliases", "tags", "ttl")
        if client is None:
            why = why_not_editable(services.client, "aliases", "tags", "ttl")
            sent.error = UsageError(f"Not possible here: {why}.", hint="Nothing was changed.")
        else:
            edits = edits_in_time(changes.changed, sent, lambda: clock_of(services))
            await send_edits(client, edits, sent, lambda _: self._show_progress())
            if services.link is not None:
                services.link.sync()
        self._ticking.stop()
        words = ending_words(changes, sent, self._can)
        if sent.error is not None:
            words = f"{words} {sent.error} {sent.error.hint}".rstrip()
        if self.app.screen is self:
            self.confirm.refuse(safe(words))
            await self._show_groups(result_groups(changes, sent, self._can))
            self.show_keys()
        else:
            self.host.say(words, error=sent.done < sent.total)

    def _show_progress(self) -> None:
        """How far it is, and what holds it up."""
        if self.app.screen is self:
            words = f"Sending: {sent_words(self._sent)} {throttled(self.services.client)}"
            self.confirm.refuse(safe(words.rstrip()))


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


class Editing(BaseScreen):
    """Asks for a change of some versions, says what it would do, and opens its review."""

    def __init__(self, services: Services) -> None:
        super().__init__(services)
        self._subjects: Subjects | None = None

    def edit_why_not(self, *whats: What) -> str:
        """Why none of these can be changed here; empty when one can."""
        return why_not_editable(self.services.client, *whats) or self.services.read_only_reason

    def ask_for(self, chosen: Choice, form: WishForm) -> None:
        """Ask what is to be changed of these versions."""
        self.carry_out(_READING, self._ask(chosen, form), stops=True)

    def review_change(self, chosen: Choice, wanted: CommonEdit) -> None:
        """Show what a change of these versions would do."""
        self.carry_out(_READING, self._read_and_review(chosen, wanted), stops=True)

    async def _ask(self, chosen: Choice, form: WishForm) -> None:
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

    def _now_words(self, subjects: Subjects, form: WishForm) -> str:
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
            changes = await foresee(self.services, subjects, event.wanted)
        except UsageError as error:
            event.dialog.refuse(error)
        except ArtifactTuiError as error:
            self.fail(error)
        else:
            event.dialog.tell(event.wanted, edit_sentence(changes))

    def _wished(self, wanted: CommonEdit | None) -> None:
        if wanted is not None and self._subjects is not None:
            self.carry_out(_READING, self._review(self._subjects, wanted), stops=True)

    async def _read_and_review(self, chosen: Choice, wanted: CommonEdit) -> None:
        subjects = await self._read(chosen)
        if subjects is not None:
            await self._review(subjects, wanted)

    async def _review(self, subjects: Subjects, wanted: CommonEdit) -> None:
        changes = await foresee(self.services, subjects, wanted)
        if changes.unasked:
            await planning.ask_lineage(
                self.services, changes.unasked, Options(), progress=self._ask_progress
            )
            self.status_line.hush()
            keys = [row.key for row in subjects.rows]
            changes = await foresee(self.services, await subjects_of(self.services, keys), wanted)
        self.app.push_screen(EditScreen(self.services, wanted, changes))

    def _ask_progress(self, progress: LineageProgress) -> None:
        self.say(f"Asking the registry: {progress.words()}.")


def subject_words(rows: Sequence[VersionRow]) -> str:
    """What a change is for, in safe words."""
    if len(rows) == 1:
        return fit(version_name(rows[0]), TITLE_NAME)
    return plural(len(rows), "version")
