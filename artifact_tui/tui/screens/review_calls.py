"""The commands that do the same without a screen, and the calls in their order. Pure."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from artifact_tui.deletion.items import COLLECTION, Action, Item, Verdict
from artifact_tui.text import plural, safe

if TYPE_CHECKING:
    from pathlib import Path

    from artifact_tui.deletion.draft import Draft


def printed(draft: Draft, saved: Path | None) -> list[str]:
    """All lines: commands first, then one line for each call. Safe text."""
    return [*commands(draft, saved), "", *calls(draft)]


def commands(draft: Draft, saved: Path | None) -> list[str]:
    """What to type in a shell to do the same; safe text."""
    plan = "FILE" if saved is None else shlex.quote(str(saved))
    expect = f"artifact-tui apply {plan} --yes --expect {draft.summary.deletes}"
    first = [] if saved is not None else ["# save the plan first (s), and name its file below"]
    return [*first, safe(f"artifact-tui review {plan}"), safe(expect)]


def calls(draft: Draft) -> list[str]:
    """One line for each version in the order of the apply, dependents before parents; safe."""
    wholes = {item.seq for item in draft.items if item.kind == COLLECTION}
    going = [item for item in draft.items if item.verdict is Verdict.DELETE]
    going = [item for item in going if item.belongs not in wholes]
    going.sort(key=lambda item: (item.level, item.seq))
    verb = "purge" if draft.head.options.action is Action.PURGE else "delete"
    requests = plural(len(going), "item")
    head = f"# it will {verb} {requests} of {draft.head.identity.address}, in this order:"
    return [safe(head, limit=5000), *(_call(verb, item) for item in going)]


def _call(verb: str, item: Item) -> str:
    if item.kind == COLLECTION:
        return f"{verb} collection {safe(item.name)} with all that is in it  {safe(item.key)}"
    if item.is_link:
        return f"unlink {safe(item.name)}  {safe(item.key)}"
    aliases = ", ".join(safe(alias.name) for alias in item.facts.aliases)
    along = f" with aliases {aliases}" if aliases else ""
    return f"{verb} {safe(item.name)}{along}  {safe(item.key)} {safe(item.facts.digest)}"
