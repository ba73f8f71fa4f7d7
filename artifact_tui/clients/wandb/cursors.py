"""Cursors that are positions, so that pages can be asked for before those before them came.

Cursors are opaque; but one whose text is `arrayconnection:49` after 50 rows is taken for what it
looks like, and each page is checked against its neighbour.
"""

from __future__ import annotations

import base64
import binascii
import re

_OFFSET = re.compile(r"((?:arrayconnection|offset|cursor):)(\d{1,9})", re.ASCII)


class Offsets:
    """Makes cursors of the form of one that was seen."""

    def __init__(self, prefix: str, position: int) -> None:
        self._prefix = prefix
        self.position = position
        """Of the row that the cursor seen is of, counted from 0."""

    def after(self, position: int) -> str:
        """The cursor after which the row at `position + 1` comes."""
        return base64.b64encode(f"{self._prefix}{position}".encode()).decode()


def offsets(cursor: str, rows: int | None) -> Offsets | None:
    """How to make cursors; None unless this one is plainly a position.

    `rows` is how many rows there were up to it; None: the list has been seen to have positions.
    """
    try:
        text = base64.b64decode(cursor, validate=True).decode()
    except (binascii.Error, ValueError):
        return None
    found = _OFFSET.fullmatch(text)
    if found is None:
        return None
    made = Offsets(found[1], int(found[2]))
    fits = rows is None or made.position == rows - 1
    return made if fits and made.after(made.position) == cursor else None
