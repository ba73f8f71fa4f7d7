"""A change of aliases, tags or times to live: previewed, confirmed, sent, its outcomes.

The key that opens the screen sends nothing; the confirmation is typed as for a deletion.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from textual.content import Content

from artifact_tui.edits.changes import (
    CommonEdit,
    EditProgress,
    Effect,
    edit_confirmation,
    expiry_clock,
    send_changes,
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
from artifact_tui.errors import UsageError
from artifact_tui.model import Result
from artifact_tui.text import moment, pad, safe, version_name, width
from artifact_tui.tui.key_bindings import bindings_of
from artifact_tui.tui.registry_link import throttled
from artifact_tui.tui.widgets.base_screen import RegistryScreen
from artifact_tui.tui.widgets.dialogs import TypedConfirm
from artifact_tui.tui.widgets.edit_request import subject_words
from artifact_tui.tui.widgets.grouped import Grouped, GroupRow
from artifact_tui.tui.widgets.item_rows import alias_words

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual.widget import Widget

    from artifact_tui.deletion.confirmation import Confirmation
    from artifact_tui.edits.changes import Changes, VersionChange
    from artifact_tui.edits.edit_words import EditGroup
    from artifact_tui.model import Outcome
    from artifact_tui.tui.services import Services
    from artifact_tui.tui.terminal import Signs
    from artifact_tui.tui.widgets.base_screen import HeaderFacts


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

    foreseen: VersionChange
    outcome: Outcome | None = None

    @property
    def key(self) -> str:
        """The key of the version."""
        return self.foreseen.key


def group_row(group: EditGroup, sent: EditProgress) -> GroupRow[EditRow]:
    """A group as one line of the upper list."""
    way = ", d in the list of versions" if group.id == Effect.DUE else ""
    return GroupRow(
        group.id,
        group.label,
        group.count,
        group.words + way,
        tone=TONES[group.id],
        items=lambda: [EditRow(one, sent.outcomes.get(one.key)) for one in group.versions()],
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


PACE_EVERY = 1.0
"""Seconds between two looks at what holds up the sending."""


class EditScreen(RegistryScreen):
    """Shows a planned change, sends it once it was confirmed, and shows each outcome."""

    PLACE = "edit"
    TITLE_WORD = "Change"
    BINDINGS = bindings_of("edit")

    grouped: Grouped[EditRow]

    def __init__(self, services: Services, wanted: CommonEdit, changes: Changes) -> None:
        super().__init__(services)
        self.confirm = TypedConfirm(self.key_of, "edit.confirm", enter="enter sends the change now")
        signs = services.signs
        self.grouped = Grouped[EditRow](
            signs,
            lambda row, cells: edit_line(row, cells, signs),
            lambda row: edit_facts(row, signs),
        )
        subject = subject_words([one.row for one in changes])
        self._title = f"{edit_title(wanted)} {services.signs.dot} {subject}"
        self._changes = changes
        self._confirmation: Confirmation | None = None
        self._client = services.client
        self._sent = EditProgress(len(changes.changed))

    # drawing

    def compose_body(self) -> Iterable[Widget]:
        """Groups, versions, facts, and the box."""
        yield self.grouped
        yield self.confirm

    def header_facts(self) -> HeaderFacts:
        """What is changed, and for how many."""
        return replace(super().header_facts(), title=self._title)

    def on_mount(self) -> None:
        """Show what would be done, and ask for the confirmation."""
        self.grouped.groups.focus()
        self.run_worker(self._show(), group="show")

    async def _show(self) -> None:
        changes, target = self._changes, self.services.target
        groups = effect_groups(changes, self._client)
        await self.grouped.show([group_row(group, self._sent) for group in groups])
        if self.services.read_only:
            self.confirm.refuse(f"Nothing can be changed: {self.services.read_only_reason}.")
        elif not changes.changed:
            way = " Delete with a plan: d in the list." if changes.counts[Effect.DUE] else ""
            self.confirm.refuse(f"Nothing would be changed: {edit_sentence(changes)}.{way}")
        else:
            self._confirmation = edit_confirmation(
                changes, production=target.production, registry=target.name
            )
            self.confirm.ask(self._confirmation)
        self.show_keys()

    # moving about

    def why_not(self, row_id: str) -> str:
        """Why a key does nothing."""
        if row_id == "edit.confirm":
            return self.confirm.why_closed
        return ""

    def action_confirm(self) -> None:
        """Move the keyboard to the box."""
        if not self.refused("edit.confirm"):
            self.confirm.box.focus()

    # sending

    def on_typed_confirm_confirmed(self, event: TypedConfirm.Confirmed) -> None:
        """Send it, if what was typed answers what is asked for on the screen."""
        if event.confirmation is not self._confirmation or self.services.read_only:
            return
        self._confirmation = None
        self._show_progress()
        self._ticking = self.set_interval(PACE_EVERY, self._show_progress)
        self.app.run_worker(self._send(), group="edit")

    async def _send(self) -> None:
        services, sent, changes = self.services, self._sent, self._changes
        if why := why_not_editable(services.client, "aliases", "tags", "ttl"):
            sent.error = UsageError(f"Not possible here: {why}.", hint="Nothing was changed.")
        else:
            await send_changes(
                services.client, changes.changed, sent, lambda _: self._show_progress(),
                clock=lambda: expiry_clock(services.client, services.now()),
            )  # fmt: skip
            if services.link is not None:
                services.link.sync()
        self._ticking.stop()
        words = ending_words(changes, sent, self._client)
        if sent.error is not None:
            words = f"{words} {sent.error} {sent.error.hint}".rstrip()
        if self.app.screen is self:
            self.confirm.refuse(safe(words))
            groups = result_groups(changes, sent, self._client)
            await self.grouped.show([group_row(group, sent) for group in groups])
            self.show_keys()
        else:
            self.app.screen.say(words, error=sent.done < sent.total)

    def _show_progress(self) -> None:
        """How far it is, and what holds it up."""
        if self.app.screen is self:
            words = f"Sending: {sent_words(self._sent)} {throttled(self.services.client)}"
            self.confirm.refuse(safe(words.rstrip()))
