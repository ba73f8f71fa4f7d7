"""Review: the exact list of what will be deleted, what stays and why, and the typed confirmation.

Building a draft runs in a thread; a newer one replaces it. The key that opens this screen deletes
nothing here, and keys typed before the list was drawn are thrown away.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial, partialmethod
from shlex import quote
from typing import TYPE_CHECKING

from textual.content import Content
from textual.message import Message

from artifact_tui.catalog.lineage import LineageCoverage
from artifact_tui.config import from_home
from artifact_tui.deletion import worker
from artifact_tui.deletion.confirmation import confirm, deletion_confirmation
from artifact_tui.deletion.draft_items import GoingKeys
from artifact_tui.deletion.items import Action, Item, Options
from artifact_tui.deletion.plan import Plan, new_path
from artifact_tui.deletion.review import BuildProgress, ReviewRequest
from artifact_tui.deletion.review_words import (
    GOING,
    Harm,
    call_lines,
    first_names,
    items_of,
    lineage_unknown,
    made_again,
    plan_commands,
    review_groups,
    storage_unknown,
    toggled,
    why_no_choice,
)
from artifact_tui.deletion.undo import note_source, reingest
from artifact_tui.errors import ArtifactTuiError
from artifact_tui.text import clock, count, plural, safe
from artifact_tui.tui import planning
from artifact_tui.tui.key_bindings import BY_ID, bindings_of
from artifact_tui.tui.typed_keys import MOVES_AND_LEAVING
from artifact_tui.tui.widgets.base_screen import RegistryScreen
from artifact_tui.tui.widgets.dialogs import Listing, TypedConfirm
from artifact_tui.tui.widgets.forms import Field, Form
from artifact_tui.tui.widgets.grouped import Grouped, GroupRow
from artifact_tui.tui.widgets.item_rows import item_facts, review_line, unjudged_line
from artifact_tui.tui.widgets.outline import Rows, Windows

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Sequence
    from pathlib import Path

    from textual.events import Key
    from textual.widget import Widget

    from artifact_tui.deletion.confirmation import Confirmation
    from artifact_tui.deletion.plan import Draft
    from artifact_tui.deletion.review_words import ReviewGroup
    from artifact_tui.deletion.undo import Reingestion
    from artifact_tui.tui.services import Services
    from artifact_tui.tui.widgets.base_screen import HeaderFacts


_KEY_OF = {
    "delete_aliases": "review.aliases",
    "with_dependents": "review.dependents",
    "orphan_dependents": "review.orphans",
    "unknown_lineage": "review.unknown",
    "break_links": "review.links",
    "generated": "review.generated",
    "unfinished": "review.unfinished",
    "in_use": "review.used",
    "whole_collections": "review.collections",
    "storage": "review.storage",
    "storage_versions": "review.versions",
}
"""The key that gives a consent or takes it back."""

_CONSENT_OF = {row_id: field for field, row_id in _KEY_OF.items()}

_OF_DRAFT = frozenset({*_CONSENT_OF, "review.save", "review.calls"})
"""Keys that mean the draft that is shown: while another one is being built, they do nothing."""

_TONES = {
    Harm.HARM: "bold $text-error",
    Harm.LOSS: "bold $text-warning",
    Harm.WARNING: "$text-warning",
    Harm.CONSENT: "bold $text-warning",
    Harm.BLOCKED: "bold",
    Harm.OFFER: "bold $text-accent",
    Harm.PLAIN: "",
}

PATIENCE = 0.2
"""Seconds after which a review that is not there yet tells how far it is."""

NOT_YET = float("inf")
ALWAYS_HEARD = frozenset({"escape", "q", "ctrl+q"})
"""Keys that may be typed before the list is there: they only lead away."""


def _tally(pairs: Iterable[tuple[str, int]], times: str) -> str:
    """Untrusted names, each with how often it occurs; safe."""
    return first_names([f"{safe(name)} {times}{count(carriers)}" for name, carriers in pairs])


class ReviewScreen(RegistryScreen):
    """Shows a draft, takes consents, and starts the plan once it was confirmed."""

    PLACE = "review"
    TITLE_WORD = "Review"
    BINDINGS = bindings_of("review")

    grouped: Grouped[Item]

    def __init__(
        self, services: Services, request: ReviewRequest, again: Reingestion | None = None
    ) -> None:
        super().__init__(services)
        self.confirm = TypedConfirm(self.key_of, "review.confirm")
        self.grouped = Grouped[Item](self.services.signs, self._line, self._facts)
        self.request = request
        self.draft: Draft | None = None
        self._again = again
        """What is made again once it is deleted."""
        self._confirmation: Confirmation | None = None
        """What is asked for at the moment, for the draft that is shown."""
        self._open_from = NOT_YET
        self._saved: Path | None = None
        self._builds = 0
        """How many builds have begun: only the latest has anything to say."""
        self._progress: LineageCoverage | BuildProgress | None = None
        """How far the draft is that is being made; None once it is there."""
        self._slow = False
        """Building takes long enough to say how far it is."""
        self._going: Container[str] = ()
        """Keys of all that the draft deletes, where a link is under review: what of its source?"""

    # drawing

    def compose_body(self) -> Iterable[Widget]:
        """Groups, items, facts, and the box."""
        yield self.grouped
        yield self.confirm

    def _line(self, item: Item, cells: int) -> Content:
        if self.draft is None:
            return unjudged_line(item, cells, self.services.signs)
        client = self.services.client
        back = client.restores([item.type])
        action = self.request.options.action if back else Action.PURGE
        return review_line(item, cells, self.services.signs, action, self._going)

    def _facts(self, item: Item) -> Content:
        if self.draft is None:
            return Content(f"{safe(item.name)}: nothing is decided yet")
        known = item.outside_dependents and not isinstance(self._progress, BuildProgress)
        names = self.draft.items.outside_names(item) if known else {}
        return item_facts(item, names, self.services.signs, self._going)

    def header_facts(self) -> HeaderFacts:
        """How much is under review, and how old the facts are."""
        facts = super().header_facts()
        word = "Purge" if self.request.options.action is Action.PURGE else self.TITLE_WORD
        dot = self.services.signs.dot
        if self.draft is None:
            if isinstance(self._progress, BuildProgress) and self._progress.versions is not None:
                word += f" {dot} {plural(self._progress.versions, 'version')}"
            return replace(facts, title=word)
        return replace(
            facts,
            title=f"{word} {dot} {self.draft.summary.subject}",
            facts=f"facts read {clock(self.draft.head.facts_us, self.services.now())} UTC",
        )

    def why_not(self, row_id: str) -> str:
        """Why a key does nothing for this draft."""
        draft = self.draft
        if row_id == "review.confirm":
            return self.confirm.why_closed
        if row_id in _OF_DRAFT and (draft is None or self._progress is not None):
            return "the facts are being read"
        field = _CONSENT_OF.get(row_id)
        if draft is None or field is None:
            return ""
        return why_no_choice(draft.head, draft.summary, field)

    # consents

    def _toggle(self, field: str) -> None:
        """Give a consent or take it back, and have the selection judged again."""
        if not self.refused(_KEY_OF[field]):
            self.build(toggled(self.request.options, field))

    action_aliases = partialmethod(_toggle, "delete_aliases")
    action_dependents = partialmethod(_toggle, "with_dependents")
    action_orphans = partialmethod(_toggle, "orphan_dependents")
    action_links = partialmethod(_toggle, "break_links")
    action_generated = partialmethod(_toggle, "generated")
    action_unfinished = partialmethod(_toggle, "unfinished")
    action_used = partialmethod(_toggle, "in_use")
    action_collections = partialmethod(_toggle, "whole_collections")
    action_storage = partialmethod(_toggle, "storage")
    action_versions = partialmethod(_toggle, "storage_versions")

    def action_unknown(self) -> None:
        """Stop asking for lineage, and review what is known; else as for every consent."""
        if isinstance(self._progress, LineageCoverage):
            self.request = replace(self.request, ask=False)
            self.build(replace(self.request.options, unknown_lineage=True))
        else:
            self._toggle("unknown_lineage")

    # building

    def on_mount(self) -> None:
        """Start on the groups, without a draft yet."""
        self.grouped.groups.focus()
        self.build(self.request.options)

    def build(self, options: Options) -> None:
        """Judge the selection with these consents."""
        self.request = replace(self.request, options=options)
        self._builds += 1
        self._slow = False
        self._confirmation = self._progress = None
        self.confirm.refuse("Reading the facts" + self.services.signs.ellipsis)
        self.read_first("the facts are being read", MOVES_AND_LEAVING)
        self.run_worker(self._build_now(), group="build", exclusive=True)

    async def _build_now(self) -> None:
        try:
            draft = await planning.draft_of(
                self.services, self.request, progress=partial(self._hear_progress, self._builds)
            )
        except ArtifactTuiError as error:
            self._progress = None
            self.confirm.refuse(safe(f"Nothing can be reviewed: {error} {error.hint}"))
            self._open_to_keys()
        else:
            await self._show(draft)
        self.read_done()

    def _hear_progress(self, build: int, progress: LineageCoverage | BuildProgress) -> None:
        """Say how far the questions about lineage are, or the review once that takes long."""
        if not self.is_attached or build != self._builds:
            return
        before, self._progress = self._progress, progress
        if isinstance(progress, LineageCoverage):
            self.read_done()  # it may take long: keys say what they need
            leave, without = self.key_of("review.back"), self.key_of("review.unknown")
            words = f"{progress.asking_words()}. {leave} leaves, {without} reviews without"
            self.confirm.refuse(f"Asking the registry: {words}.")
        elif self._slow:
            self._say_progress(progress)
        elif not isinstance(before, BuildProgress):
            self.set_timer(PATIENCE, self._be_slow)

    async def _be_slow(self) -> None:
        """Show the first versions, before any of them is judged, and how far it is."""
        progress = self._progress
        if not isinstance(progress, BuildProgress):
            return
        self._slow = True
        self._say_progress(progress)
        if progress.first and self.draft is None:
            group = GroupRow(
                "reading",
                "under review",
                progress.versions or len(progress.first),
                "the first of them: nothing is decided yet, and nothing can be confirmed",
                items=lambda: progress.first,
            )
            await self.grouped.show([group])  # at once: the rows are here

    def _say_progress(self, progress: BuildProgress) -> None:
        words = f"Reading the facts{self.services.signs.ellipsis} {progress.words()}."
        self.confirm.refuse(f"{words} {self.key_of('review.back')} leaves.")
        self.show_header()

    async def _show(self, draft: Draft) -> None:
        self._progress = None
        self.draft, self.request = draft, draft.request
        head, summary = draft.head, draft.summary
        self._going = GoingKeys(draft.items) if summary.subject_links else ()
        times = "x" if self.services.signs.ascii else "\N{MULTIPLICATION SIGN}"
        groups = review_groups(head, summary, tally=partial(_tally, times=times))
        if self._again is not None:
            groups.insert(1, made_again(self._again.url))
        if draft.storage_error:
            groups.append(storage_unknown(draft.storage_error))
        if draft.lineage_error:
            groups.append(lineage_unknown(draft.lineage_error))
        await self.grouped.show([self._group_row(draft, group) for group in groups])
        self.show_header()
        self.show_keys()
        if self.services.read_only:
            self.confirm.refuse(f"Nothing can be deleted: {self.services.read_only_reason}.")
        elif not summary.items:
            self.confirm.refuse("Nothing is selected: mark versions first, then review them.")
        elif not summary.deletes:
            self.confirm.refuse(
                "Nothing would be deleted as it stands: see above what stays, and why."
            )
        else:
            self._confirmation = deletion_confirmation(
                summary, production=head.production, registry=head.registry
            )
            self.confirm.ask(self._confirmation)
        self.call_after_refresh(self._open_to_keys)

    def _group_row(self, draft: Draft, group: ReviewGroup) -> GroupRow[Item]:
        pick = group.pick

        async def items() -> Rows[Item]:
            if pick is None:
                return ()
            rows = await asyncio.to_thread(items_of, draft, pick)

            async def read(start: int, count: int) -> Sequence[Item]:
                return await asyncio.to_thread(rows.__getitem__, slice(start, start + count))

            return Windows(len(rows), read)

        return GroupRow(
            group.id,
            group.label,
            group.count,
            group.words,
            keys=tuple((self.key_of(_KEY_OF[field]), words) for field, words in group.ways),
            tone=_TONES[group.harm],
            items=items,
        )

    def _open_to_keys(self) -> None:
        """The list is on the screen: what is typed from now on counts."""
        self._open_from = min(self._open_from, Message().time)

    def on_key(self, event: Key) -> None:
        """Throw away what was typed before there was anything to see."""
        if event.time >= self._open_from:
            return
        leads_away = ALWAYS_HEARD
        if isinstance(self._progress, LineageCoverage):
            row = BY_ID["review.unknown"]
            leads_away |= {*self.app.keymap_shown.get(row.id, row.keys).split(",")}
        if event.key not in leads_away:
            event.stop()
            event.prevent_default()

    # moving about

    def action_confirm(self) -> None:
        """Move the keyboard to the box; too early, what was typed for it is thrown away."""
        if not self.refused("review.confirm"):
            self.confirm.box.focus()
        elif not self.confirm.reason:  # it opens in a moment
            self._open_from = NOT_YET

    def on_typed_confirm_opened(self) -> None:
        """What is typed from now on counts."""
        super().on_typed_confirm_opened()
        self._open_from = min(self._open_from, self.confirm.box.open_from)

    # keeping and printing

    def action_save(self) -> None:
        """Ask for a file name and write the plan there."""
        if self.draft is not None and not self.refused("review.save"):
            draft = self.draft

            def save(typed: str | None) -> None:
                if typed:
                    path = from_home(typed).absolute()
                    self.carry_out("the plan is being saved", self._save(draft, path))

            name = Field("path", "", new_path(draft.head).name)
            keys = "enter saves (nothing: leaves); no file is replaced"
            form = Form("Save the plan", [name], lambda form: form.text("path"), keys=keys)
            self.open_dialog(form, save)

    async def _save(self, draft: Draft, path: Path) -> None:
        try:
            await asyncio.to_thread(lambda: Plan.create(path, draft).close())
        except ArtifactTuiError as error:
            raise ArtifactTuiError(f"Not saved: {error}", hint=error.hint) from error
        self._saved = path
        self.say(
            f"Saved; nothing is deleted yet. Apply it with: artifact-tui apply {quote(str(path))}"
        )

    def action_calls(self) -> None:
        """Show the commands and calls that do the same."""
        if self.draft is not None and not self.refused("review.calls"):
            self.carry_out("the calls are being printed", self._print(self.draft), stops=True)

    async def _print(self, draft: Draft) -> None:
        commands = plan_commands(draft.summary, self._saved)
        if self._saved is None:
            commands.insert(0, "# save the plan first (s), and name its file below")
        calls = await asyncio.to_thread(lambda: call_lines(draft.head, items_of(draft, GOING)))
        self.open_dialog(Listing("Commands and calls", [*commands, "", *calls]))

    # applying

    def on_typed_confirm_confirmed(self, event: TypedConfirm.Confirmed) -> None:
        """Start the plan, if what was typed answers what is asked for on the screen."""
        if (
            self.draft is None
            or event.confirmation is not self._confirmation
            or self.services.read_only
        ):
            return
        self._confirmation = None
        self.app.run_worker(self._apply(self.draft, event.typed), group="apply")

    async def _apply(self, draft: Draft, typed: str) -> None:
        """Write the draft among the plans, confirm it with what was typed, start its process."""
        again = self._again

        def work() -> Path:
            path = new_path(draft.head)
            with Plan.create(path, draft) as plan:
                confirm(plan, typed, actor=draft.head.actor)
                if again is not None:
                    note_source(plan, again.url)
            worker.start(path)
            return path

        try:
            path = await asyncio.to_thread(work)
        except ArtifactTuiError as error:
            words = f"Not started: {error} {error.hint}"
            if self.app.screen is self:
                self.confirm.refuse(safe(words))
            else:
                self.app.screen.say(words, error=True)
            return
        if self.app.screen is self:
            self.app.watch_task(draft.head.id, undo_offered=again is None)
        else:
            self.app.screen.say("The plan is being applied: the tasks show how far it is.")
        if again is not None:
            self.app.tell_when_done(reingest(path, self.services.client, again))
