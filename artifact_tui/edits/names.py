"""Aliases and tags that come and go, in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from artifact_tui.edits.changes import NOTHING
from artifact_tui.text import safe

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Literal

    from artifact_tui.catalog.rows import VersionRef
    from artifact_tui.edits.wanted import Wanted
    from artifact_tui.model import Alias, Edit


@dataclass(frozen=True, slots=True)
class Name:
    """One alias or tag that comes or goes."""

    what: Literal["alias", "tag"]
    sign: Literal["+", "-"]
    words: str
    """The name; of an alias that comes also from which version it moves. Safe."""


def names(
    asked: Edit | Wanted,
    moves: Mapping[str, VersionRef] = NOTHING,
    held: Iterable[Alias] = (),
) -> Iterator[Name]:
    """What comes and goes.

    `moves` tells which aliases another version loses by it, `held` those of the same name that
    another collection holds.
    """
    scopes: dict[str, list[str]] = {}
    for alias in held:
        scopes.setdefault(alias.name, []).append(safe(alias.scope))
    stays = {name: f" (that of {', '.join(found)} stays)" for name, found in scopes.items()}
    for name in asked.add_aliases:
        moved = f" (moves from {safe(moves[name].label)})" if name in moves else ""
        yield Name("alias", "+", safe(name) + moved + stays.get(name, ""))
    for name in asked.remove_aliases:
        yield Name("alias", "-", safe(name) + stays.get(name, ""))
    yield from (Name("tag", "+", safe(name)) for name in asked.add_tags)
    yield from (Name("tag", "-", safe(name)) for name in asked.remove_tags)
