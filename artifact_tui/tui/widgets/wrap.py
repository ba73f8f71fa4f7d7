"""Facts as lines: a label, then pieces of styled text that go on below when they do not fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

if TYPE_CHECKING:
    from collections.abc import Sequence

LABEL = 12
"""Cells of the label column."""


def fact(label: str, pieces: Sequence[Content | str], width: int) -> list[Content]:
    """`label` and its pieces, one blank between them, in lines of at most `width` cells."""
    room = max(width - LABEL, 1)
    rows: list[Content] = []
    row = Content("")
    for piece in pieces:
        part = piece if isinstance(piece, Content) else Content(piece)
        for bit in _bits(part, room):
            used = row.cell_length
            if used and used + 1 + bit.cell_length > room:
                rows.append(row)
                row = bit
            else:
                row = Content.assemble(row, " ", bit) if used else bit
    rows.append(row)
    heads = [Content.styled(label.ljust(LABEL), "dim")]
    heads += [Content(" " * LABEL)] * (len(rows) - 1)
    return [Content.assemble(head, body) for head, body in zip(heads, rows, strict=True)]


def words(text: str, style: str = "") -> list[Content]:
    """A sentence (already safe) as pieces, so that it wraps between words."""
    return [Content.styled(word, style) for word in text.split(" ") if word]


def _bits(part: Content, room: int) -> list[Content]:
    """A piece that is longer than a line, cut into lines; else the piece itself."""
    if part.cell_length <= room:
        return [part]
    bits: list[Content] = []
    start = 0
    plain = part.plain
    while start < len(plain):
        end = min(start + room, len(plain))
        while end > start + 1 and part[start:end].cell_length > room:
            end -= 1
        bits.append(part[start:end])
        start = end
    return bits
