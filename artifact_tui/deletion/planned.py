"""What a plan itself knows about its items, for the checks just before a deletion."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from artifact_tui.deletion.checks import with_lineage
from artifact_tui.deletion.items import DONE, OBJECT
from artifact_tui.model import Facts

if TYPE_CHECKING:
    from artifact_tui.deletion.items import Item
    from artifact_tui.deletion.plan import Plan

_FACTS = "SELECT facts FROM item WHERE key=? AND kind='version' AND verdict='delete'"
_STATE = "SELECT p.state FROM progress p JOIN item i USING(seq) WHERE i.key=? AND i.kind='version'"


class Planned:
    """For `recheck`: the reviewed dependents of the versions that this plan deletes, by key.

    Make a new one for each look: what has become of items is remembered, too.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._known: dict[str, tuple[str, ...] | None] = {}
        self._stays: dict[str, bool] = {}

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
        return with_lineage(item.facts, now, self, self.stays)
