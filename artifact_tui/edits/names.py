"""Aliases and tags that come and go, in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from artifact_tui.edits.changes import NOTHING
from artifact_tui.text import safe

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Literal

    from artifact_tui.catalog.rows import VersionRef
    from artifact_tui.edits.wanted import Wanted
    from artifact_tui.model import Edit


@dataclass(frozen=True, slots=True)
class Name:
    """One alias or tag that comes or goes."""

    what: Literal["alias", "tag"]
    sign: Literal["+", "-"]
    words: str
    """It, and from where it moves; safe."""


def names(asked: Edit | Wanted, moves: Mapping[str, VersionRef] = NOTHING) -> Iterator[Name]:
    """What comes and goes; `moves` tells which aliases another version loses by it."""
    for name in asked.add_aliases:
        moved = f" (moves from {safe(moves[name].label)})" if name in moves else ""
        yield Name("alias", "+", safe(name) + moved)
    yield from (Name("alias", "-", safe(name)) for name in asked.remove_aliases)
    yield from (Name("tag", "+", safe(name)) for name in asked.add_tags)
    yield from (Name("tag", "-", safe(name)) for name in asked.remove_tags)
