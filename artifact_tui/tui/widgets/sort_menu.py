"""The order of the list: the fields it can have, and which way round."""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifact_tui.catalog.sorting import Sort
from artifact_tui.tui.widgets.menu import Entry, Menu

if TYPE_CHECKING:
    from artifact_tui.tui.signs import Signs

_FIELDS = (
    # field, letter, label, and whether the first choice is descending
    ("name", "n", "name", False),
    ("size", "s", "size", True),
    ("age", "a", "age", False),
    ("version", "v", "versions", True),
    ("type", "t", "type", False),
    ("unique", "u", "bytes only here", True),
    ("stored", "c", "charged bytes", True),
    ("used", "r", "last used", False),
    ("ttl", "x", "ttl", False),
    ("dependents", "d", "dependents", True),
)
_WAYS = {
    "name": ("a to z", "z to a"),
    "size": ("small first", "big first"),
    "age": ("young first", "old first"),
    "version": ("few or old first", "many or new first"),
    "type": ("a to z", "z to a"),
    "unique": ("small first", "big first"),
    "stored": ("small first", "big first"),
    "used": ("just used first", "long unused first"),
    "ttl": ("expiring first", "expiring last"),
    "dependents": ("few first", "many first"),
}


class SortMenu(Menu[Sort]):
    """Choose a field; the field that is sorted by already turns the order round."""

    def __init__(self, now: Sort, signs: Signs) -> None:
        entries = []
        for field, letter, label, descending in _FIELDS:
            current = field == now.field
            choice = Sort(field, descending=not now.descending if current else descending)
            sign = " " if not current else signs.descending if now.descending else signs.ascending
            note = _WAYS[field][choice.descending]
            entries.append(Entry(choice, label, letter, f"turn: {note}" if current else note, sign))
        start = next((i for i, row in enumerate(_FIELDS) if row[0] == now.field), 0)
        super().__init__("Sort", entries, start=start)


def sort_title(sort: Sort) -> str:
    """The column that carries the sign of an order: its id in `columns`, or the field."""
    return {"version": "versions", "stored": "size"}.get(sort.field, sort.field)
