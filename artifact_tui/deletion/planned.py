"""What a plan itself knows about its items, for the checks just before a deletion."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from artifact_tui.deletion import planfile
from artifact_tui.deletion.checks import with_lineage
from artifact_tui.deletion.items import DONE, OBJECT, VERSION
from artifact_tui.deletion.order import parts
from artifact_tui.model import Facts

if TYPE_CHECKING:
    from artifact_tui.deletion.items import Item
    from artifact_tui.deletion.plan import Plan

_FACTS = "SELECT facts FROM item WHERE key=? AND kind='version' AND verdict='delete'"
_STATE = "SELECT p.state FROM progress p JOIN item i USING(seq) WHERE i.key=? AND i.kind='version'"
_LEVEL = "SELECT key, facts FROM item WHERE level=? AND kind='version' AND verdict='delete'"
_STAYED = """SELECT i.key FROM item i JOIN progress p USING(seq)
    WHERE i.level=? AND i.kind='version' AND i.verdict='delete'
    AND p.state IN ('refused','failed','not_tried')"""

_NONE: frozenset[str] = frozenset()


class Circles:
    """Which items of a plan go together: each is made, as reviewed, from every other of them.

    Only what was reviewed counts, and that never changes: keep one for all looks.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._levels: dict[int, dict[str, frozenset[str]]] = {}

    def of(self, item: Item) -> frozenset[str]:
        """The keys of its circle, its own among them; nothing where it is in none."""
        if item.kind != VERSION or not item.facts.dependents:
            return _NONE
        if item.level not in self._levels:
            self._levels[item.level] = self._read(item.level)
        return self._levels[item.level].get(item.key, _NONE)

    def _read(self, level: int) -> dict[str, frozenset[str]]:
        with planfile.trouble(self._plan.path):
            rows = self._plan.conn.execute(_LEVEL, (level,)).fetchall()
        below = {key: msgspec.json.decode(text, type=Facts).dependents for key, text in rows}
        graph = {key: [k for k in keys if k in below] for key, keys in below.items()}
        circles = (frozenset(part) for part in parts(graph) if len(part) > 1)
        return {key: circle for circle in circles for key in circle}


class Planned:
    """For `recheck`: the reviewed dependents of the versions that this plan deletes, by key.

    Make a new one for each look: what has become of items is remembered, too.
    """

    def __init__(self, plan: Plan, circles: Circles | None = None, *, scanned: bool) -> None:
        """`scanned` tells that the registry never tells dependents: those of the review count."""
        self._plan = plan
        self._circles = circles or Circles(plan)
        self._scanned = scanned
        self._known: dict[str, tuple[str, ...] | None] = {}
        self._stays: dict[str, bool] = {}
        self._together: dict[frozenset[str], frozenset[str]] = {}

    def together(self, item: Item) -> frozenset[str]:
        """Those of its circle that may still go, or are gone; all, where parents may be lost."""
        circle = self._circles.of(item)
        if not circle or self._plan.head.options.orphan_dependents:
            return circle
        if circle not in self._together:
            with planfile.trouble(self._plan.path):
                rows = self._plan.conn.execute(_STAYED, (item.level,)).fetchall()
            self._together[circle] = circle.difference(row[0] for row in rows)
        return self._together[circle]

    def __call__(self, key: str) -> tuple[str, ...] | None:
        """The dependents; None for a key that this plan does not delete."""
        if key not in self._known:
            facts = self._plan.one(_FACTS, (key,))
            found = None if facts is None else msgspec.json.decode(facts, type=Facts).dependents
            self._known[key] = found
        return self._known[key]

    def stays(self, key: str) -> bool:
        """Whether an item is not known to be gone."""
        if key not in self._stays:
            self._stays[key] = self._plan.one(_STATE, (key,)) not in DONE
        return self._stays[key]

    def complete(self, item: Item, now: Facts | None) -> Facts | None:
        """Facts as the registry tells them, with the dependents that it cannot tell."""
        if now is None or item.kind == OBJECT:
            return now
        full = with_lineage(item.facts, now, self, self.stays)
        return replace(full, lineage_known=item.facts.lineage_known) if self._scanned else full
