"""How a terminal's text looks, and the shortest sequence from one look to another."""

from __future__ import annotations

import re
from typing import NamedTuple

_SEQUENCE = re.compile(r"(?:\x1b\[([0-9;]*)m)?x(?:\x1b\[0?m)?", re.ASCII)
_FOREGROUND = frozenset({*range(30, 40), *range(90, 98)})
_BACKGROUND = frozenset({*range(40, 50), *range(100, 108)})
_LONG = {"5": 3, "2": 5}
"""Parameters of a colour after 38 or 48, by its kind: one of 256, or red, green, blue."""


class Look(NamedTuple):
    """Colours and attributes, each as its parameters; empty: the terminal's own."""

    foreground: str = ""
    background: str = ""
    attributes: frozenset[str] = frozenset()


PLAIN = Look()


def read(rendered: str) -> Look | None:
    """The look of one rendered "x"; None when more than colours and attributes is sent with it."""
    found = _SEQUENCE.fullmatch(rendered)
    if found is None:
        return None
    rest = (found[1] or "").split(";")
    foreground = background = ""
    attributes = set()
    while rest:
        length = _LONG.get(rest[1], 1) if rest[0] in {"38", "48"} and len(rest) > 1 else 1
        part, rest = ";".join(rest[:length]), rest[length:]
        number = int(part.partition(";")[0] or 0)
        if number in _FOREGROUND:
            foreground = part
        elif number in _BACKGROUND:
            background = part
        elif number:
            attributes.add(part)
    return Look(foreground, background, frozenset(attributes))


def step(before: Look, after: Look) -> str:
    """What a terminal that shows text like `before` is sent to show it like `after`."""
    if before == after:
        return ""
    parts = []
    if not before.attributes <= after.attributes:
        parts, before = ["0"], PLAIN
    parts += sorted(after.attributes - before.attributes)
    if before.foreground != after.foreground:
        parts.append(after.foreground or "39")
    if before.background != after.background:
        parts.append(after.background or "49")
    return f"\x1b[{';'.join(parts)}m"
