"""Circles of lineage, found the slow and plain way: who can be reached from whom, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from artifact_tui.deletion.items import Item
    from artifact_tui.deletion.plan import Plan


def below(key: str, needs: Mapping[str, Collection[str]]) -> set[str]:
    """All that can be reached from one key, itself only if a way leads back."""
    found: set[str] = set()
    queue = [key]
    while queue:
        for one in needs.get(queue.pop(), ()):
            if one not in found:
                found.add(one)
                queue.append(one)
    return found


def circles(items: Mapping[str, Item]) -> dict[str, frozenset[str]]:
    """For each item of a plan those that were reviewed as made from it, and it from them."""
    needs = {key: [k for k in one.facts.dependents if k in items] for key, one in items.items()}
    reached = {key: below(key, needs) for key in items}
    return {key: frozenset(k for k in reached[key] if key in reached[k]) for key in items}


def stayed(plan: Plan, keys: Collection[str]) -> list[str]:
    """Those of these keys whose items ended, and are still there; none if that was agreed to."""
    if plan.head.options.orphan_dependents:
        return []
    ended = "p.state IN ('refused','failed','not_tried') AND i.kind='version'"
    return [item.key for item in plan.select(ended, ()) if item.key in keys]
