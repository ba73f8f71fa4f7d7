"""Groups above, their items below, the facts of what the cursor is on at the bottom.

The cursor of the groups chooses the items at once; review and result are both made of this.
"""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from textual import on
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message

from artifact_tui.errors import ArtifactTuiError
from artifact_tui.text import count, pad, width
from artifact_tui.tui.widgets.line_widgets import FactsPane, Line
from artifact_tui.tui.widgets.row_list import RowList

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from textual.app import ComposeResult

    from artifact_tui.tui.terminal import Signs
    from artifact_tui.tui.widgets.outline import Rows


class KeyedRow(Protocol):
    """A row that knows what it is, whenever it was read."""

    @property
    def key(self) -> str:
        """What the row stands for: the same text whenever the row is read."""


T = TypeVar("T", bound=KeyedRow)

_LABEL = 19
_COUNT = 9


@dataclass(frozen=True, slots=True)
class GroupRow(Generic[T]):
    """One line of the upper list. All texts are safe."""

    id: str
    label: str
    count: int
    words: str = ""
    """What it means, on the line as far as it fits, and whole below the lists."""
    keys: tuple[tuple[str, str], ...] = ()
    """Keys that change it, and what they do: `("a", "include them")`."""
    tone: str = ""
    """Style of the label."""
    items: Callable[[], Rows[T] | Awaitable[Rows[T]]] = field(default=lambda: (), compare=False)
    """The rows of the lower list while this group is chosen, at once or when they are found."""


class Grouped(Vertical, Generic[T]):
    """The two lists and the facts. `draw` gives an item's line, `facts` its sentences."""

    DEFAULT_CSS = """
    Grouped { height: 1fr; }
    Grouped > #groups { height: auto; max-height: 9; }
    Grouped > .rule { color: $text-muted; }
    """

    class Pointed(Message):
        """The keyboard or the cursor is on something else, or what it is on has changed."""

    def __init__(
        self, signs: Signs, draw: Callable[[T, int], Content], facts: Callable[[T], Content]
    ) -> None:
        super().__init__()
        self.signs = signs
        self.groups = RowList[GroupRow[T]](
            self._draw_group, key=lambda group: group.id, id="groups"
        )
        self.items = RowList[T](draw, key=lambda row: row.key, id="items")
        self._items_title = Line(id="items-title", classes="rule")
        self._facts_rule = Line(id="facts-rule", classes="rule")
        self._facts = FactsPane(id="facts")
        self._item_facts = facts
        self._shown = ""

    def compose(self) -> ComposeResult:
        """Groups, items, facts."""
        yield self.groups
        yield self._items_title
        yield self.items
        yield self._facts_rule
        yield self._facts

    @property
    def inside(self) -> bool:
        """Whether the items have the keyboard: known at once, before any widget is told."""
        return self.screen.focused is self.items

    async def show(self, groups: Sequence[GroupRow[T]]) -> None:
        """Show these groups; the chosen one stays chosen while it is among them."""
        chosen = next((i for i, group in enumerate(groups) if group.id == self._shown), None)
        if chosen is None:
            chosen = next((i for i, group in enumerate(groups) if group.count), 0)
        await self.groups.show(groups, cursor=chosen)
        self.groups.styles.height = min(max(len(groups), 1), 9)
        await self._show_items(again=True)

    def open_items(self) -> None:
        """Move the keyboard to the items of the chosen group."""
        if self.items.count:
            self.items.focus()

    def close_items(self) -> bool:
        """Move the keyboard back to the groups; False when it was not on the items."""
        inside = self.inside
        if inside:
            self.groups.focus()
            self._show_facts()
        return inside

    @on(RowList.Moved, "#groups")
    async def _group_moved(self, event: RowList.Moved) -> None:
        event.stop()
        await self._show_items()

    @on(RowList.Moved, "#items")
    def _item_moved(self, event: RowList.Moved) -> None:
        event.stop()
        self._show_facts()

    def on_descendant_focus(self) -> None:
        """The facts are those of the list that has the keyboard."""
        self._show_facts()

    async def _show_items(self, *, again: bool = False) -> None:
        group = self.groups.current
        if group is not None and (again or group.id != self._shown):
            same = group.id == self._shown
            self._shown = group.id
            try:
                rows = group.items()
                if isinstance(rows, Awaitable):
                    rows = await rows
                    if self.groups.current is not group:
                        return
                await self.items.show(rows, cursor=None if same else 0)
            except ArtifactTuiError as error:
                self.items.post_message(RowList.Failed(error))
        self._show_facts()

    def _show_facts(self) -> None:
        group = self.groups.current
        if group is None:
            return
        row = self.items.current
        line = self.signs.line
        title = f"{line * 2} {group.label} {self.signs.dot} {count(group.count)} "
        self._items_title.show(lambda cells: Content(title + line * (cells - len(title))))
        self._facts_rule.show(lambda cells: Content(line * cells))
        facts = self._facts
        if self.inside and row is not None:
            facts.show(self._item_facts(row))
        else:
            words = Content.assemble((f"{group.label}: ", "bold"), group.words)
            keys = "   ".join(f"[{key}] {verb}" for key, verb in group.keys)
            facts.show(Content("\n").join([words, Content.styled(keys, "$text-accent")]))
        self.post_message(self.Pointed())

    def _draw_group(self, group: GroupRow[T], cells: int) -> Content:
        lead = Content.assemble(
            " ",
            (pad(group.label, _LABEL), group.tone),
            pad(count(group.count), _COUNT, "right"),
            "  ",
        )
        keys = "  ".join(f"[{key}] {verb}" for key, verb in group.keys)
        if lead.cell_length + width(group.words) + len(keys) + 2 > cells:
            keys = " ".join(f"[{key}]" for key, _ in group.keys)
        room = max(cells - lead.cell_length - len(keys) - 2, 0)
        words = Content(group.words).truncate(room, ellipsis=True, pad=True)
        return Content.assemble(lead, words, " ", (keys, "$text-accent"), " ")
