"""Making entries again: after their deletion for a corrected address, or to undo a plan.

The deletion is always a reviewed plan of its own; making again begins once that has ended. The
dialog asks for the source address, and says what that means.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.content import Content

from artifact_tui.clients.base import Recreate
from artifact_tui.deletion.items import VERSION, ItemState
from artifact_tui.deletion.plan import Plan, Status
from artifact_tui.deletion.undo import CAVEAT, recreate
from artifact_tui.errors import RegistryError
from artifact_tui.text import plural, safe
from artifact_tui.tui.widgets.dialogs import Dialog
from artifact_tui.tui.widgets.line_widgets import Line, OneLine

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from textual.app import ComposeResult
    from textual.widgets import Input

    from artifact_tui.catalog.catalog_rows import VersionRow
    from artifact_tui.clients.base import Client
    from artifact_tui.deletion.tasks import Task
    from artifact_tui.deletion.undo import RemadeEntry
    from artifact_tui.model import Recipe
    from artifact_tui.tui.services import Services


LOOK_S = 0.2
"""Seconds between two looks at a plan that is being applied."""

_ENDED = frozenset({Status.FINISHED, Status.CANCELLED, Status.INTERRUPTED})


@dataclass(frozen=True, slots=True)
class Reingestion:
    """A version that is to be made again once it is deleted. All of it is untrusted text."""

    key: str
    name: str
    url: str


def remake_why_not(services: Services) -> str:
    """Why nothing can be made again here; empty when it can."""
    if not services.client.capabilities.recreate:
        return "this registry makes nothing from an address"
    return services.read_only_reason


def task_remake_why_not(services: Services, task: Task) -> str:
    """Why what a task deleted cannot be made again; empty when it can."""
    if services.client.capabilities.restore:
        return "this registry restores from its trash"
    if task.address != services.client.identity.address:
        return f"it belongs to another registry, {safe(task.registry)}"
    if task.alive or task.status not in _ENDED:
        return "it has not ended"
    gone = task.states.get(ItemState.VERIFIED, 0) + task.states.get(ItemState.DELETED, 0)
    return remake_why_not(services) if gone else "it deleted nothing"


async def recipe_of(client: Client, row: VersionRow) -> Recipe:
    """What a version is made from.

    Raises:
        RegistryError: it is gone, or the registry does not say.
    """
    found = await client.recipe([row.key]) if isinstance(client, Recreate) else {}
    if row.key not in found:
        raise RegistryError(
            f"The registry has no {row.collection}:{row.label} any more.", hint="Sync again."
        )
    return found[row.key]


async def make_again(services: Services, path: Path, only: Sequence[str] | None = None) -> Words:
    """Make again what a plan deleted (or `only` these keys of it).

    Raises:
        ArtifactTuiError: it cannot be begun. Nothing was made.
    """
    with Plan.open(path, write=True) as plan:
        found = await recreate(plan, services.client, only=only)
    if services.link is not None:
        services.link.sync()
    return remade_words(found)


async def follow(services: Services, path: Path, again: Reingestion) -> Words:
    """Wait for a deletion to end, then make the version again; says so when it did not happen.

    Raises:
        ArtifactTuiError: it cannot be made. The entry is gone.
    """
    while True:
        status, gone = await asyncio.to_thread(_deletion_state, path)
        if status in _ENDED:
            break
        await asyncio.sleep(LOOK_S)
    if not gone:
        name = safe(again.name)
        return [f"{name} was not made again: it was not deleted. See the task for why."]
    return await make_again(services, path, [again.key])


Words = list[str]
"""Safe sentences, the most important first."""


def _deletion_state(path: Path) -> tuple[Status, bool]:
    """Where a plan is, and whether every version of it is gone."""
    with Plan.open(path) as plan:
        gone = {ItemState.VERIFIED, ItemState.GONE}
        items = plan.select("i.kind = ? AND i.verdict = 'delete'", (VERSION,))
        return plan.status, all(item.state in gone for item in items)


def remade_words(found: Sequence[RemadeEntry]) -> Words:
    """What was made, and what not."""
    made = [one for one in found if one.new_key]
    differs = sum(bool(one.differs) for one in made)
    rest = f", {differs:,} of them not as before" if differs else ""
    lines = [f"{plural(len(made), 'entry', 'entries')} made again{rest}."]
    for one in found:
        name = safe(one.name)
        if one.new_key:
            before = " (by an earlier try)" if one.before else ""
            but = f" But {safe(one.differs)}." if one.differs else ""
            lines.append(f"{name} is now {safe(one.new_key)}{before}: a new id, new metrics.{but}")
        else:
            lines.append(f"{name} was not made again: {safe(one.error)}. m tries again.")
    return [*lines, CAVEAT] if len(found) > 1 else lines


STEPS = (
    "1  you review its deletion, and confirm it by typing",
    "2  it is deleted, and verified gone",
    "3  it is made again from the address above; if that fails, it is gone,",
    "   and t (tasks), m tries again",
    "",
    "Lost for good: its id and its metrics. The new entry gets its own.",
    "Its lineage may change. Objects in the storage stay, unless you take them along.",
)


class Paragraph(Line):
    """Lines, wrapped."""

    DEFAULT_CSS = "Paragraph { height: auto; }"


class ReingestDialog(Dialog[str]):
    """Ends with the source address, or None."""

    FOCUS = "#reingest-url"
    DEFAULT_CSS = "ReingestDialog { width: 78; }"

    def __init__(self, name: str, recipe: Recipe) -> None:
        """Ask about `name`, as untrusted text; its recipe fills in the address."""
        super().__init__(id="reingest")
        self._entry = name
        self._recipe = recipe
        self.border_title = Content("Ingest again")
        self.border_subtitle = Content("enter goes to the review \N{MIDDLE DOT} esc leaves")

    def compose(self) -> ComposeResult:
        """What it is about, the address, the steps."""
        head = Line()
        head.show(Content.assemble((safe(self._entry), "bold"), "  ", safe(self._recipe.type)))
        yield head
        label = Line()
        label.show(Content("source address:"))
        yield label
        url = self._recipe.url
        yield OneLine(url if url.isprintable() else "", id="reingest-url")
        hint = Line(id="reingest-hint")
        hint.show(Content.styled(self._hint(url), "$text-muted"))
        yield hint
        steps = Paragraph()
        steps.show(Content("\n".join(STEPS)))
        yield steps

    def _hint(self, typed: str) -> str:
        if not typed.strip():
            return "the registry needs an address to make it from"
        if typed.strip() == self._recipe.url:
            return "as it is now: change it to correct it"
        return f"instead of {safe(self._recipe.url) or 'nothing'}"

    def on_input_changed(self, event: Input.Changed) -> None:
        """Say what the address is compared with the present one."""
        event.stop()
        hint = self.query_one("#reingest-hint", Line)
        hint.show(Content.styled(self._hint(event.value), "$text-muted"))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Hand the address over."""
        event.stop()
        typed = event.value.strip()
        if typed:
            self.close(typed)
