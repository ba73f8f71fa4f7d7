"""Review: the exact list of what will be deleted, what stays and why, and the typed confirmation.

Building a draft runs in a thread; a newer one replaces it. The key that opens this screen deletes
nothing here, and keys typed before the list was drawn are thrown away.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from shlex import quote
from typing import TYPE_CHECKING

from textual.message import Message

from artifact_tui.catalog.facade import Superseded
from artifact_tui.deletion.confirm import Kind, challenge
from artifact_tui.deletion.items import Action, Item, Options, Verdict
from artifact_tui.deletion.plan import new_path
from artifact_tui.errors import ArtifactTuiError
from artifact_tui.text import clock, safe
from artifact_tui.tui import planning
from artifact_tui.tui.bindings import BY_ID, bindings_of, rows_of
from artifact_tui.tui.keymap import shown_key
from artifact_tui.tui.remaking import follow
from artifact_tui.tui.screens.review_calls import printed
from artifact_tui.tui.screens.review_consents import ReviewConsents
from artifact_tui.tui.screens.review_groups import groups_of, made_again
from artifact_tui.tui.screens.review_links import lineage_failed, subject_of
from artifact_tui.tui.screens.review_save import SaveDialog
from artifact_tui.tui.screens.review_storage import storage_failed
from artifact_tui.tui.screens.tasks import TasksScreen
from artifact_tui.tui.widgets.grouped import Grouped
from artifact_tui.tui.widgets.header import Header
from artifact_tui.tui.widgets.item_rows import item_facts, review_line
from artifact_tui.tui.widgets.keys_line import KeysLine
from artifact_tui.tui.widgets.listing import Listing
from artifact_tui.tui.widgets.typed_confirm import TypedConfirm
from artifact_tui.tui.working import MOVES_AND_LEAVING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from textual.content import Content
    from textual.events import Key
    from textual.widget import Widget

    from artifact_tui.catalog.lineage_ask import Asked
    from artifact_tui.catalog.selection import Selection
    from artifact_tui.deletion.draft import Draft
    from artifact_tui.orphans import Chosen
    from artifact_tui.tui.remaking import Again
    from artifact_tui.tui.services import Services
    from artifact_tui.tui.widgets.header import HeaderFacts
    from artifact_tui.tui.widgets.row_list import RowList

NOTHING_ASKED = 0
"""No challenge has this generation."""
NOT_YET = float("inf")
ALWAYS_HEARD = frozenset({"escape", "q", "ctrl+q"})
"""Keys that may be typed before the list is there: they only lead away."""


class ReviewScreen(ReviewConsents):
    """Shows a draft, takes consents, and starts the plan once it was confirmed."""

    PLACE = "review"
    TITLE_WORD = "Review"
    BINDINGS = bindings_of("review")

    def __init__(
        self,
        services: Services,
        selection: Selection | Chosen,
        *,
        action: str = "delete",
        query_text: str = "",
        again: Again | None = None,
        collections: Sequence[str] = (),
    ) -> None:
        super().__init__(services, Options(action=Action(action)))
        self._selection = selection
        self._collections = collections
        self._query_text = query_text
        self._again = again
        """What is made again once it is deleted."""
        self._asked = NOTHING_ASKED
        self._heard_from = NOT_YET
        self._saved: Path | None = None
        self._asking = False
        """Questions about lineage are on their way, and nothing is drawn yet."""
        self._ask = True
        """Whether the registry is to be asked for lineage: not any more once the user left that."""
        self._going: frozenset[str] = frozenset()
        """Keys of all that the draft deletes."""

    # drawing

    def compose_body(self) -> Iterable[Widget]:
        """Groups, items, facts, and the box."""
        yield Grouped[Item](self.services.signs, self._line, self._facts)
        yield TypedConfirm()

    @property
    def grouped(self) -> Grouped[Item]:
        """The lists."""
        return self.query_one(Grouped)

    def _line(self, item: Item, cells: int) -> Content:
        can = self.services.client.capabilities
        action = self.options.action if can.soft_delete and can.restore else Action.PURGE
        return review_line(item, cells, self.services.signs, action, self._going)

    def _facts(self, item: Item) -> Content:
        names = {} if self.draft is None else self.draft.names
        return item_facts(item, names, self.services.signs, self._going)

    def header_facts(self) -> HeaderFacts:
        """How much is under review, and how old the facts are."""
        facts = super().header_facts()
        word = "Purge" if self.options.action is Action.PURGE else self.TITLE_WORD
        if self.draft is None:
            return replace(facts, title=word)
        items = self.draft.items
        dot = self.services.signs.dot
        return replace(
            facts,
            title=f"{word} {dot} {subject_of(items)}",
            facts=f"facts read {clock(self.draft.head.facts_us, self.services.now())} UTC",
        )

    def show_keys(self) -> None:
        """Other keys apply while the confirmation is typed."""
        if not self.confirm.box.has_focus:
            super().show_keys()
            return
        rows = [row for row in rows_of("confirm") if row.footer]
        self.query_one(KeysLine).update(rows, self.host.keymap_shown, frozenset())

    # building

    def on_mount(self) -> None:
        """Start on the groups, without a draft yet."""
        self.grouped.groups.focus()
        self.build(self.options)

    def build(self, options: Options) -> None:
        """Judge the selection with these consents."""
        self.options = options
        self._asking = False
        self.confirm.refuse("Reading the facts" + self.services.signs.ellipsis)
        self.read_first("the facts are being read", MOVES_AND_LEAVING)
        self.run_worker(self._build_now(options), group="build", exclusive=True)

    async def _build_now(self, options: Options) -> None:
        try:
            reviewed = await planning.draft_of(
                self.services,
                self._selection,
                options,
                self._query_text,
                before=self.draft,
                collections=self._collections,
                progress=self._asked_for,
                ask=self._ask,
            )
        except Superseded:
            return
        except ArtifactTuiError as error:
            self.confirm.refuse(safe(f"Nothing can be reviewed: {error} {error.hint}"))
            self._hear()
        else:
            await self._show(reviewed)
        self.read_done()

    def _asked_for(self, asked: Asked) -> None:
        """How far the questions about lineage are."""
        if self.is_attached:
            self._asking = True
            self.read_done()  # it may take long: keys say what they need
            key = shown_key(self.host.keymap_shown, BY_ID["review.unknown"])
            words = f"{asked.words()}. esc leaves, {key} reviews without"
            self.confirm.refuse(f"Asking the registry: {words}.")

    def action_unknown(self) -> None:
        """Stop asking for lineage, and review what is known; else as for every review."""
        if self._asking:
            self._ask = False
            self.build(replace(self.options, unknown_lineage=True))
        else:
            super().action_unknown()

    async def _show(self, reviewed: planning.Reviewed) -> None:
        self._asking = False
        draft = self.draft = reviewed.draft
        self._going = frozenset(one.key for one in draft.items if one.verdict is Verdict.DELETE)
        keymap = self.host.keymap_shown
        times = "x" if self.services.signs.ascii else "\N{MULTIPLICATION SIGN}"
        groups = groups_of(draft, lambda row_id: shown_key(keymap, BY_ID[row_id]), times)
        if self._again is not None:
            groups.insert(1, made_again(self._again))
        if reviewed.storage_error:
            groups.append(storage_failed(reviewed.storage_error))
        if reviewed.lineage_error:
            groups.append(lineage_failed(reviewed.lineage_error))
        await self.grouped.show(groups)
        self.query_one(Header).update(self.header_facts())
        self.show_keys()
        if reason := self._closed_because(draft):
            self.confirm.refuse(reason)
        else:
            asked = challenge(draft.summary, draft.head.production, draft.head.registry)
            self._asked = self.confirm.ask(asked)
        self.call_after_refresh(self._hear)

    def _closed_because(self, draft: Draft) -> str:
        """Why nothing can be confirmed, in words; empty when it can."""
        if self.services.read_only:
            return f"Nothing can be deleted: {self.services.read_only_reason}."
        if not draft.items:
            return "Nothing is selected: mark versions first, then review them."
        if challenge(draft.summary, production=False, registry_name="").kind is Kind.NOTHING:
            return "Nothing would be deleted as it stands: see above what stays, and why."
        return ""

    def _hear(self) -> None:
        """The list is on the screen: what is typed from now on counts."""
        self._heard_from = min(self._heard_from, Message().time)

    def on_key(self, event: Key) -> None:
        """Throw away what was typed before there was anything to see."""
        if event.time < self._heard_from and not self._leads_away(event.key):
            event.stop()
            event.prevent_default()

    def _leads_away(self, key: str) -> bool:
        """Whether a key may be typed before the list is there."""
        row = BY_ID["review.unknown"]
        stops = self.host.keymap_shown.get(row.id, row.keys).split(",") if self._asking else ()
        return key in ALWAYS_HEARD or key in stops

    # moving about

    def action_open(self) -> None:
        """From a group to its items."""
        self.grouped.open_items()

    def action_close(self) -> None:
        """From the items to the groups."""
        self.grouped.close_items()

    def on_row_list_failed(self, event: RowList.Failed) -> None:
        """Say why rows are missing."""
        self.fail(event.error)

    def action_back(self) -> None:
        """One layer back; from the groups, leave."""
        if not self.grouped.close_items():
            self.dismiss()

    def action_confirm(self) -> None:
        """Move the keyboard to the box."""
        if not self.refused("review.confirm"):
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

    # keeping and printing

    def action_save(self) -> None:
        """Ask for a file name and write the plan there."""
        if self.draft is not None and not self.refused("review.save"):
            self.open_dialog(SaveDialog(new_path(self.draft.head).name), self._save)

    def _save(self, path: Path | None) -> None:
        if path is not None and self.draft is not None:
            self.carry_out("the plan is being saved", self._save_now(self.draft, path))

    async def _save_now(self, draft: Draft, path: Path) -> None:
        try:
            await planning.save(draft, path)
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
        lines = await asyncio.to_thread(printed, draft, self._saved)
        self.open_dialog(Listing("Commands and calls", lines))

    # applying

    def on_typed_confirm_confirmed(self, event: TypedConfirm.Confirmed) -> None:
        """Start the plan, if what was typed answers the challenge that is on the screen."""
        if self.draft is None or event.generation != self._asked or self.services.read_only:
            return
        self._asked = NOTHING_ASKED
        self.app.run_worker(self._apply(self.draft, event.typed), group="apply")

    async def _apply(self, draft: Draft, typed: str) -> None:
        try:
            path = await planning.apply(draft, typed, wanted=self._again.url if self._again else "")
        except ArtifactTuiError as error:
            words = f"Not started: {error} {error.hint}"
            if self.app.screen is self:
                self.confirm.refuse(safe(words))
            else:
                self.host.say(words, error=True)
            return
        if self.app.screen is self:
            self.app.switch_screen(TasksScreen(self.services, draft.head.id))
        else:
            self.host.say("The plan is being applied: the tasks show how far it is.")
        if self._again is not None:
            self.host.tell_when_done(follow(self.services, path, self._again))
