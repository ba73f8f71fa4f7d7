"""Making entries again that a plan deleted: what `restore --plan` and `reingest` say about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from artifact_tui import text
from artifact_tui.cli.output import command
from artifact_tui.cli.progress import Progress
from artifact_tui.deletion.plan import Plan
from artifact_tui.deletion.recreate import CAVEAT, recreate
from artifact_tui.text import safe

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from artifact_tui.cli.output import Output
    from artifact_tui.clients.base import Client
    from artifact_tui.config import Target
    from artifact_tui.deletion.recreate import Remade


async def remake(
    path: Path,
    client: Client,
    *,
    only: Sequence[str] | None = None,
    uncertain: bool = False,
) -> tuple[Remade, ...]:
    """Make again what a plan deleted; see `deletion.recreate`."""
    with Plan.open(path, write=True) as plan, Progress() as progress:
        return await recreate(plan, client, only=only, uncertain=uncertain, progress=progress.show)


def tell(found: Sequence[Remade], target: Target, path: Path, out: Output) -> int:
    """Say what was made, under which new key; 1 when something was not, or not as it was."""
    missing = [one for one in found if not one.new_key]
    differs = sum(bool(one.differs) for one in found)
    for one in found:
        if out.json:
            out.record(_record(one, target))
        else:
            out.words(_words(one))
    made = text.plural(len(found) - len(missing), "entry", "entries")
    rest = f", {text.count(differs)} of them not as before" if differs else ""
    rest += f", {text.count(len(missing))} not" if missing else ""
    out.words(f"{made} of {safe(target.name)} made again{rest}", CAVEAT)
    if missing:
        out.words(f"to try again: {command('restore', '--plan', path)}")
    return 1 if missing or differs else 0


def _words(one: Remade) -> str:
    name = safe(one.name)
    if not one.new_key:
        return f"not made again: {name}: {safe(one.error)}"
    when = " (before)" if one.before else ""
    source = f" from {safe(one.recipe.url)}" if one.recipe else ""
    but = f", but {safe(one.differs)}" if one.differs else ""
    return f"made again{when}: {name} is now {safe(one.new_key)}{source}{but}"


def _record(one: Remade, target: Target) -> dict[str, Any]:
    return {
        "registry": target.name,
        "name": one.name,
        "key": one.old_key,
        "new_key": one.new_key or None,
        "type": one.recipe.type if one.recipe else None,
        "url": one.recipe.url if one.recipe else None,
        "result": "made" if one.new_key else "not_made",
        "differs": one.differs,
        "error": one.error,
    }
