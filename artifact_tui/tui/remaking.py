"""Making entries again: after their deletion for a corrected address, or to undo a plan.

The deletion is always a reviewed plan of its own; what is here begins once that has ended.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from artifact_tui.clients.base import Recreate
from artifact_tui.deletion.items import VERSION, ItemState
from artifact_tui.deletion.plan import Plan, Status
from artifact_tui.deletion.recreate import CAVEAT, recreate
from artifact_tui.errors import RegistryError
from artifact_tui.text import plural, safe

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from artifact_tui.catalog.rows import VersionRow
    from artifact_tui.clients.base import Client
    from artifact_tui.deletion.recreate import Remade
    from artifact_tui.deletion.tasks import Task
    from artifact_tui.model import Recipe
    from artifact_tui.tui.services import Services

LOOK_S = 0.2
"""Seconds between two looks at a plan that is being applied."""

_ENDED = frozenset({Status.FINISHED, Status.CANCELLED, Status.INTERRUPTED})


@dataclass(frozen=True, slots=True)
class Again:
    """A version that is to be made again once it is deleted. All of it is untrusted text."""

    key: str
    name: str
    url: str


def why_not(services: Services) -> str:
    """Why nothing can be made again here; empty when it can."""
    if not services.client.capabilities.recreate:
        return "this registry makes nothing from an address"
    return services.read_only_reason


def task_why_not(services: Services, task: Task) -> str:
    """Why what a task deleted cannot be made again; empty when it can."""
    if services.client.capabilities.restore:
        return "this registry restores from its trash"
    if task.address != services.client.identity.address:
        return f"it belongs to another registry, {safe(task.registry)}"
    if task.alive or task.status not in _ENDED:
        return "it has not ended"
    gone = task.states.get(ItemState.VERIFIED, 0) + task.states.get(ItemState.DELETED, 0)
    return why_not(services) if gone else "it deleted nothing"


async def recipe(client: Client, row: VersionRow) -> Recipe:
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
    return words_of(found)


async def follow(services: Services, path: Path, again: Again) -> Words:
    """Wait for a deletion to end, then make the version again; says so when it did not happen.

    Raises:
        ArtifactTuiError: it cannot be made. The entry is gone.
    """
    while True:
        status, gone = await asyncio.to_thread(_looked, path)
        if status in _ENDED:
            break
        await asyncio.sleep(LOOK_S)
    if not gone:
        name = safe(again.name)
        return [f"{name} was not made again: it was not deleted. See the task for why."]
    return await make_again(services, path, [again.key])


Words = list[str]
"""Safe sentences, the most important first."""


def _looked(path: Path) -> tuple[Status, bool]:
    """Where a plan is, and whether every version of it is gone."""
    with Plan.open(path) as plan:
        gone = {ItemState.VERIFIED, ItemState.GONE}
        items = plan.select("i.kind = ? AND i.verdict = 'delete'", (VERSION,))
        return plan.status, all(item.state in gone for item in items)


def words_of(found: Sequence[Remade]) -> Words:
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
