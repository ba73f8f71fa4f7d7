"""A change of aliases, tags or times to live: asked for, what it would do, confirmed, what it did.

The dialog says what the change would do while it is typed, and sends nothing. The key that opens
the screen sends nothing either; the confirmation is typed as for a deletion.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

from artifact_tui.deletion.items import Options
from artifact_tui.edits.changes import CommonEdit, EditProgress, Effect, expired_words
from artifact_tui.errors import ArtifactTuiError, UsageError
from artifact_tui.model import Outcome, Result
from artifact_tui.text import count, fit, moment, pad, plural, safe, width
from artifact_tui.tui import planning
from artifact_tui.tui.edit_plan import (
    EditLine,
    edit_challenge,
    edit_plan_of,
    edit_sentence,
    send_plan,
    sent_words,
    subjects_of,
)
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
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from textual.app import ComposeResult
    from textual.widget import Widget

    from artifact_tui.catalog.catalog_rows import VersionRow
    from artifact_tui.catalog.lineage import LineageProgress
    from artifact_tui.catalog.marks import Selection
    from artifact_tui.edits.changes import Subjects
    from artifact_tui.model import Capabilities
    from artifact_tui.tui.edit_plan import EditPlan, WishForm
    from artifact_tui.tui.screens.base_screen import HeaderFacts
    from artifact_tui.tui.services import Services
    from artifact_tui.tui.terminal import Signs
    from artifact_tui.tui.widgets.row_list import RowList

    Choice = Callable[[], Awaitable[Selection | None]]
    """Asked once everything is done that earlier keys asked for."""


_EFFECTS: dict[Effect, tuple[str, str, str]] = {
    Effect.AT_ONCE: (
        "expire at once",
        "bold $text-error",
        "their time to live has passed then: {then}",
    ),
    Effect.LATER: ("expire later", "bold $text-warning", "each at its own moment, the last {last}"),
    Effect.SOME_TIME: (
        "expire",
        "bold $text-warning",
        "when they were made is not known here: the registry may delete them at once",
    ),
    Effect.INHERITS: (
        "inherit",
        "bold $text-warning",
        "as their collection or team says, not known here: the registry may delete them at once",
    ),
    Effect.STAYS: ("never expire", "$text-success", "they stay until somebody deletes them"),
    Effect.NAMES: ("change", "bold $text-accent", "their aliases or tags"),
    Effect.SAME: ("stay as they are", "$text-muted", "nothing is sent for them"),
    Effect.DUE: (
        "left as they are",
        "bold $text-warning",
        "they would be deleted at once: delete them with a plan, d in the list of versions",
    ),
    Effect.NOT_POSSIBLE: ("not possible", "bold", "nothing is sent for them; each says why"),
}

_RESULTS: dict[Result, tuple[str, str]] = {
    Result.DONE: ("changed", "$text-success"),
    Result.ABSENT: ("gone", "$text-muted"),
    Result.REFUSED: ("refused", "bold $text-warning"),
    Result.CHANGED: ("refused", "bold $text-warning"),
    Result.FAILED: ("failed", "bold $text-error"),
    Result.UNKNOWN: ("uncertain", "bold $text-error"),
}
_RESULT_WORDS = {
    Result.DONE: "the registry said so",
    Result.ABSENT: "the registry has no such version any more",
    Result.REFUSED: "the registry will not do it; each says why",
    Result.CHANGED: "somebody changed it meanwhile",
    Result.FAILED: "it may work later: ask for it again",
    Result.UNKNOWN: "no answer: it may have been done. Read again to see what is so",
}


UNSENT = frozenset({Effect.SAME, Effect.DUE, Effect.NOT_POSSIBLE})
"""Nothing is sent for them."""


def edit_groups(plan: EditPlan, can: Capabilities) -> list[GroupRow[EditLine]]:
    """What a change would do in a registry, the greatest harm first."""
    counts = plan.counts
    then, last = expired_words(can, counts[Effect.AT_ONCE]), moment(plan.last_us)
    return [
        GroupRow(
            effect,
            label,
            counts[effect],
            words.format(last=last, then=then),
            tone=tone,
            items=lambda effect=effect: Rows(plan.of(effect)),  # type: ignore[misc]
        )
        for effect, (label, tone, words) in _EFFECTS.items()
        if counts[effect]
    ]


def result_groups(
    plan: EditPlan, sent: EditProgress, can: Capabilities
) -> list[GroupRow[EditLine]]:
    """What became of each version; those for which nothing was sent last."""
    unknown = {key: Outcome(key, Result.UNKNOWN) for key in sent.uncertain}
    outcomes = unknown | sent.outcomes
    unanswered = {change.row.key for change in plan.changed} - outcomes.keys()
    answered = [
        replace(line, outcome=outcomes[line.row.key])
        for line in plan.lines
        if line.row.key in outcomes
    ]
    found = []
    for result, (label, tone) in _RESULTS.items():
        lines = [line for line in answered if _has_result(line.outcome, result)]
        found.append(_result_group(str(result), label, tone, _RESULT_WORDS[result], lines))
    waiting = [line for line in plan.lines if line.row.key in unanswered]
    found.append(_result_group("not-sent", "not sent", "", "nothing was asked for them", waiting))
    found += [group for group in edit_groups(plan, can) if group.id in UNSENT]
    return [group for group in found if group.count]


def _has_result(outcome: Outcome | None, result: Result) -> bool:
    return outcome is not None and outcome.result is result


def _result_group(
    name: str, label: str, tone: str, words: str, lines: Sequence[EditLine]
) -> GroupRow[EditLine]:
    return GroupRow(name, label, len(lines), words, tone=tone, items=lambda: Rows(lines))


def edit_line(line: EditLine, cells: int, signs: Signs) -> Content:
    """A version, and what it becomes, or what became of it."""
    outcome = line.outcome
    sign, tone = _line_sign(line, signs)
    name = safe(line.name)
    room = cells - 3
    shown = max(min(width(name), room // 2), room * 2 // 5)
    words = safe(outcome.message) if outcome is not None and outcome.message else line.words
    middle = Content.styled(words, "$text-muted").truncate(
        room - shown - 1, ellipsis=True, pad=True
    )
    return Content.assemble((f"{sign} ", tone), pad(name, shown), " ", middle, " ")


def _line_sign(line: EditLine, signs: Signs) -> tuple[str, str]:
    outcome = line.outcome
    if outcome is None:
        return {
            Effect.AT_ONCE: (signs.expired, "bold $text-error"),
            Effect.DUE: (signs.locked, "$text-warning"),
            Effect.NOT_POSSIBLE: (signs.locked, "$text-muted"),
            Effect.SAME: (signs.dot, "$text-muted"),
            Effect.NAMES: (signs.working, "$text-accent"),
            Effect.STAYS: (signs.yes, "$text-success"),
        }.get(line.effect, (signs.ttl, "$text-warning"))
    if outcome.result is Result.DONE:
        return signs.yes, "$text-success"
    if outcome.result in {Result.REFUSED, Result.CHANGED}:
        return signs.locked, "bold $text-warning"
    return signs.no, "bold $text-error"


def edit_facts(line: EditLine, signs: Signs) -> Content:
    """Everything about one version of a change."""
    row, outcome = line.row, line.outcome
    dot = f" {signs.dot} "
    head = [safe(row.type), f"created {moment(row.created_us)}"]
    if row.aliases:
        head.append("aliases " + alias_words(row.aliases, signs))
    lines = [
        Content.assemble((safe(line.name), "bold"), "  ", dot.join(head)),
        Content(line.words),
    ]
    if outcome is not None:
        label, tone = _RESULTS[outcome.result]
        said = f": {safe(outcome.message)}" if outcome.message else ""
        lines.append(Content.assemble((label + said, tone)))
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
        self._sent = EditProgress(len(plan.changed))

    # drawing

    def compose_body(self) -> Iterable[Widget]:
        """Groups, versions, facts, and the box."""
        yield Grouped[EditLine](self.services.signs, self._line, self._facts, noun="versions")
        yield TypedConfirm(enter="enter sends the change now")

    @property
    def grouped(self) -> Grouped[EditLine]:
        """The lists."""
        return self.query_one(Grouped)

    @property
    def confirm(self) -> TypedConfirm:
        """The box."""
        return self.query_one(TypedConfirm)

    def _line(self, line: EditLine, cells: int) -> Content:
        return edit_line(line, cells, self.services.signs)

    def _facts(self, line: EditLine) -> Content:
        return edit_facts(line, self.services.signs)

    def header_facts(self) -> HeaderFacts:
        """What is changed, and for how many."""
        dot = self.services.signs.dot
        return replace(super().header_facts(), title=f"{self.plan.title} {dot} {self._subject()}")

    def _subject(self) -> str:
        """The only version by its name; else how many they are. Safe."""
        lines = self.plan.lines
        only = fit(safe(lines[0].name), TITLE_NAME) if len(lines) == 1 else ""
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
        await self.grouped.show(edit_groups(self.plan, self._can))
        target = self.services.target
        if self.services.read_only:
            self.confirm.refuse(f"Nothing can be changed: {self.services.read_only_reason}.")
        elif not self.plan.changed:
            way = " Delete with a plan: d in the list." if self.plan.counts[Effect.DUE] else ""
            self.confirm.refuse(f"Nothing would be changed: {edit_sentence(self.plan)}.{way}")
        else:
            asked = edit_challenge(self.plan, production=target.production, registry=target.name)
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
        self._ticking = self.set_interval(PACE_EVERY, lambda: self._progress(self._sent))
        self.app.run_worker(self._send(), group="edit")

    async def _send(self) -> None:
        sent = await send_plan(self.services, self.plan, self._progress)
        self._ticking.stop()
        if self.app.screen is self:
            self.confirm.refuse(safe(_ending(sent, self.plan, self._can)))
            await self.grouped.show(result_groups(self.plan, sent, self._can))
            self.show_keys()
        else:
            self.host.say(sent_words(sent), error=sent.done < sent.total)

    def _progress(self, sent: EditProgress) -> None:
        """How far it is, and what holds it up."""
        self._sent = sent
        if self.app.screen is self:
            pace = throttled(self.services.client)
            said = f"Sending: {sent_words(sent)} {pace}" if pace else f"Sending: {sent_words(sent)}"
            self.confirm.refuse(safe(said))


def _ending(sent: EditProgress, plan: EditPlan, can: Capabilities) -> str:
    """How it went, and what becomes of what has expired by it."""
    expired = [line.row.key for line in plan.of(Effect.AT_ONCE) if _was_changed(sent, line.row.key)]
    if not expired:
        return sent_words(sent)
    have = "1 has" if len(expired) == 1 else f"{count(len(expired))} have"
    return f"{sent_words(sent)} {have} expired: {expired_words(can, len(expired))}."


def _was_changed(sent: EditProgress, key: str) -> bool:
    outcome = sent.outcomes.get(key)
    return outcome is not None and outcome.result is Result.DONE


_DIALOG_NAME = 40
"""Cells of a name in the title of a dialog."""


_READING = "the chosen versions are being read"


class Editing(BaseScreen):
    """Asks for a change of some versions, says what it would do, and opens its review."""

    def __init__(self, services: Services) -> None:
        super().__init__(services)
        self._subjects: Subjects | None = None

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
            plan = await edit_plan_of(self.services, subjects, event.wanted)
        except UsageError as error:
            event.dialog.refuse(error)
        except ArtifactTuiError as error:
            self.fail(error)
        else:
            event.dialog.tell(event.wanted, edit_sentence(plan))

    def _wished(self, wanted: CommonEdit | None) -> None:
        if wanted is not None and self._subjects is not None:
            self.carry_out(_READING, self._review(self._subjects, wanted), stops=True)

    async def _read_and_review(self, chosen: Choice, wanted: CommonEdit) -> None:
        subjects = await self._read(chosen)
        if subjects is not None:
            await self._review(subjects, wanted)

    async def _review(self, subjects: Subjects, wanted: CommonEdit) -> None:
        plan = await edit_plan_of(self.services, subjects, wanted)
        if plan.unasked:
            await planning.ask_lineage(
                self.services, plan.unasked, Options(), progress=self._ask_progress
            )
            self.status_line.hush()
            keys = [row.key for row in subjects.rows]
            subjects = await subjects_of(self.services, keys)
            plan = await edit_plan_of(self.services, subjects, wanted)
        self.app.push_screen(EditScreen(self.services, plan))

    def _ask_progress(self, asked: LineageProgress) -> None:
        self.say(f"Asking the registry: {asked.words()}.")


def subject_words(rows: Sequence[VersionRow]) -> str:
    """What a change is for, in safe words."""
    if len(rows) == 1:
        return fit(safe(f"{rows[0].collection}:{rows[0].label}"), _DIALOG_NAME)
    return plural(len(rows), "version")
