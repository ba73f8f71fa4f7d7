"""Orphans: objects in the storage that no artifact refers to, and artifacts without their object.

Listing a storage takes its time: it runs beside the screen. Nothing is deleted from here: marked
objects become a plan, which is reviewed and applied like any other.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from textual.content import Content

from artifact_tui.deletion.storage import (
    ChosenOrphans,
    ListedVersion,
    OrphanFindings,
    OrphanRow,
    compare,
    empty_confirmation,
    orphan_groups,
    orphan_words,
)
from artifact_tui.errors import ArtifactTuiError, EmptyError
from artifact_tui.model import StoredObject
from artifact_tui.text import age, ago, moment, pad, plural, safe, size
from artifact_tui.tui.key_bindings import bindings_of
from artifact_tui.tui.planning import source_of
from artifact_tui.tui.typed_keys import MOVES_AND_LEAVING, start
from artifact_tui.tui.widgets.base_screen import RegistryScreen
from artifact_tui.tui.widgets.forms import Field, Form
from artifact_tui.tui.widgets.grouped import Grouped, GroupRow

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from artifact_tui.deletion.storage import OrphanFindings, OrphanGroup
    from artifact_tui.tui.services import Services
    from artifact_tui.tui.widgets.base_screen import HeaderFacts


ORDERS = ("size", "age", "name")
"""What orphans can be sorted by; the first comes first."""

_SIZE = 9
_AGE = 8


def ordered(objects: Sequence[StoredObject], order: str) -> list[StoredObject]:
    """Orphans with the largest, the oldest, or the first name at the top."""
    keys: dict[str, Callable[[StoredObject], tuple[int | str, ...]]] = {
        "size": lambda one: (-one.size, one.name),
        "age": lambda one: (one.modified_us or 0, one.name),
        "name": lambda one: (one.name,),
    }
    return sorted(objects, key=keys[order])


_TONES = {
    "hidden": "bold $text-warning",
    "missing": "bold $text-error",
    "empty": "bold $text-warning",
    "referred": "$text-success",
}


class OrphansScreen(RegistryScreen):
    """What does not fit together between the registry and its storage."""

    PLACE = "orphans"
    TITLE_WORD = "Orphans"
    BINDINGS = bindings_of("orphans")

    grouped: Grouped[OrphanRow]

    def __init__(self, services: Services) -> None:
        super().__init__(services)
        self.grouped = Grouped[OrphanRow](self.services.signs, self._line, self._facts)
        self._findings: OrphanFindings | None = None
        self._marked: set[str] = set()
        """Keys of objects. Marks are for the moment: they are not kept."""
        self._order = ORDERS[0]
        self._state = "the storage is being listed"

    # drawing

    def _line(self, row: OrphanRow, cells: int) -> Content:
        """Mark and name; of an object its age and size, of an artifact its type."""
        mark = self.services.signs.mark if row.key in self._marked else " "
        sign = (f"{mark} ", "bold $text-accent")
        if isinstance(row, ListedVersion):
            name = pad(safe(row.name), max(cells - 24, 8))
            return Content.assemble(sign, name, " ", pad(safe(row.type), 20, "right"))
        return Content.assemble(
            sign,
            pad(safe(row.name), max(cells - 5 - _SIZE - _AGE, 8)),
            f" {pad(age(row.modified_us, self.services.now()), _AGE, 'right')}",
            f" {pad(size(row.size), _SIZE, 'right')} ",
        )

    def _facts(self, row: OrphanRow) -> Content:
        """Everything about one row."""
        name, words = (safe(row.name), "bold"), Content(orphan_words(row))
        if isinstance(row, ListedVersion):
            return Content("\n").join([Content.assemble(name, "  ", safe(row.type)), words])
        changed = f"changed {moment(row.modified_us)} ({ago(row.modified_us, self.services.now())})"
        dot = f" {self.services.signs.dot} "
        facts = dot.join([size(row.size), changed, f"etag {safe(row.etag[:16])}"])
        return Content("\n").join([Content.assemble(name), Content(facts), words])

    def _group(self, group: OrphanGroup) -> GroupRow[OrphanRow]:
        """A group of what was found, with the key that reviews the deletion of orphans."""
        tone = _TONES.get(group.id, "$text-muted")
        if group.id == "orphans":
            tone = "bold $text-warning" if group.rows else "bold"
        keys: tuple[tuple[str, str], ...] = ()
        if group.id in {"orphans", "hidden"} and group.rows:
            keys = ((self.key_of("orphans.review"), "review their deletion"),)
        return GroupRow(
            group.id,
            group.label,
            group.count or 0,
            group.words,
            keys=keys,
            tone=tone,
            items=partial(tuple, group.rows),
        )

    def header_facts(self) -> HeaderFacts:
        """How old the comparison is."""
        facts = super().header_facts()
        found = self._findings
        if found is None:
            return facts
        return replace(facts, facts=f"compared {ago(found.at_us, self.services.now())}")

    # reading

    def on_mount(self) -> None:
        """The keyboard starts on the groups."""
        self.grouped.groups.focus()

    def on_screen_resume(self) -> None:
        """Something may have been deleted."""
        self._say_looking()
        start(self, "look", partial(self._look, empty=False), latest=True)

    def action_again(self) -> None:
        """Compare once more; what is reviewed next is of that."""
        self._begin(empty=False)

    def _begin(self, *, empty: bool) -> None:
        """Compare; `empty` tells that a person said that the registry is really empty."""
        self._say_looking()
        self.workers.cancel_group(self, "look")
        work = self._look(empty=empty)
        self.carry_out(self._state, work, lets=MOVES_AND_LEAVING, stops=True)

    def _say_looking(self) -> None:
        self._state = "the storage is being listed"
        self.say("Listing the storage, and asking the registry" + self.services.signs.ellipsis)

    async def _look(self, *, empty: bool) -> None:
        services = self.services
        try:
            found = await compare(source_of(services), now_us=services.now(), empty=empty)
        except EmptyError:
            if not self.is_attached:
                return
            self._state = "the registry lists nothing, and was not said to be really empty"
            self.say(f"Not compared: {self._state}.", error=True)
            self.show_keys()
            asked = empty_confirmation(services.target.name)
            form = Form(
                "Is it really empty?",
                [Field("name", "")],
                lambda form: asked.matches(form.text("name")) or None,
                about=Content.assemble(asked.why, (f"\nT{asked.prompt[1:]}:", "bold")),
                keys="enter compares   {cancel} leaves",
            )
            self.open_dialog(form, self._compare_emptied)
            return
        except ArtifactTuiError as error:
            self._state = f"the storage could not be compared: {error}"
            if self.is_attached:
                self.fail(error)
                self.show_keys()
            return
        if not self.is_attached:
            return
        self._findings, self._state = found, ""
        self._marked &= {one.key for one in found.every}
        self.status_line.hush()
        self.show_header()
        await self._show()

    def _compare_emptied(self, said: bool | None) -> None:  # noqa: FBT001 - the dialog's value
        if said:
            self._begin(empty=True)

    async def _show(self) -> None:
        if self._findings is None:
            return
        self._findings = replace(
            self._findings,
            objects=tuple(ordered(self._findings.objects, self._order)),
            hidden=tuple(ordered(self._findings.hidden, self._order)),
        )
        await self.grouped.show([self._group(group) for group in orphan_groups(self._findings)])
        self._show_totals()
        self.show_keys()

    def _show_totals(self) -> None:
        """Left: what is marked; right: the orphans together."""
        found, marked = self._findings, self._chosen(row=False)
        if found is None:
            return
        dot = f" {self.services.signs.dot} "
        weight = size(sum(one.size for one in marked))
        left = f" {plural(len(marked), 'object')} marked{dot}{weight}" if marked else " "
        right = f"{plural(len(found.objects), 'orphan')}{dot}{size(found.size)} "
        if found.hidden:
            right = f"{len(found.hidden)} hidden{dot}{size(found.hidden_size)}{dot}{right}"
        words = Content.styled(left, "bold $text-warning")
        self.status_line.facts(words, Content(right), Content(""))

    # choosing

    def _chosen(self, *, row: bool = True) -> tuple[StoredObject, ...]:
        """The marked orphans; without marks, the one under the cursor."""
        found = self._findings.every if self._findings else ()
        marked = tuple(one for one in found if one.key in self._marked)
        current = self.grouped.items.current
        if marked or not row or not isinstance(current, StoredObject):
            return marked
        return (current,)

    def action_mark(self) -> None:
        """Mark or unmark the object, and go down."""
        row = self.grouped.items.current
        if self.refused("orphans.mark") or not isinstance(row, StoredObject):
            return
        self._marked ^= {row.key}
        self.grouped.items.refresh_changed()
        self.grouped.items.action_down()
        self._show_totals()

    def action_all(self) -> None:
        """Mark every orphan; when all are marked, none."""
        if self.refused("orphans.all") or self._findings is None:
            return
        every = {one.key for one in self._findings.every}
        self._marked = set() if self._marked == every else every
        self.grouped.items.refresh_changed()
        self._show_totals()

    async def action_sort(self) -> None:
        """The next order."""
        self._order = ORDERS[(ORDERS.index(self._order) + 1) % len(ORDERS)]
        await self._show()
        self.grouped.items.move_to(0)
        words = {"size": "largest first", "age": "oldest first", "name": "by name"}
        self.say(f"Orphans {words[self._order]}.")

    # moving about

    def why_not(self, row_id: str) -> str:
        """Why a key does nothing."""
        if row_id == "orphans.review" and self.services.read_only:
            return self.services.read_only_reason
        if row_id in {"orphans.mark", "orphans.all", "orphans.review", "orphans.sort"}:
            if self._findings is None:
                return self._state
            return "" if self._findings.every else "there is no orphan"
        return ""

    def action_review(self) -> None:
        """Review the deletion of what is marked, or of the object under the cursor."""
        if self.refused("orphans.review") or self._findings is None:
            return
        chosen = self._chosen()
        if chosen:
            self.app.open_review(ChosenOrphans(chosen, self._findings))
        else:
            self.say("Mark objects first, or go to one.")
