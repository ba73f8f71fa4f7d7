"""What a change of aliases, tags or times to live means for each version: pure, nothing is sent.

The command line has the same in `cli.changes`, made for millions of versions; here each keeps its
row, because it is a line of a list.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from artifact_tui.errors import UsageError
from artifact_tui.model import TTL_INHERIT, TTL_OFF, Edit, VersionState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from artifact_tui.catalog.rows import VersionRef, VersionRow

    Holders = Mapping[str, Mapping[int, VersionRef]]
    """By alias and collection id: the version that holds it now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What was asked for, of every version alike. Names are untrusted text."""

    add_aliases: tuple[str, ...] = ()
    remove_aliases: tuple[str, ...] = ()
    add_tags: tuple[str, ...] = ()
    remove_tags: tuple[str, ...] = ()
    ttl_us: int | None = None
    """As in `model.Edit`."""


@dataclass(frozen=True, slots=True)
class Change:
    """One version that will be changed."""

    row: VersionRow
    edit: Edit
    moves: Mapping[str, VersionRef] = field(default_factory=dict)
    """Aliases that another version loses by it."""
    expires_us: int | None = None
    """When it will expire, where that is known."""


@dataclass(frozen=True, slots=True)
class Left:
    """One version that stays as it is, and why: words that may quote the registry."""

    row: VersionRow
    why: str


@dataclass(frozen=True, slots=True)
class Changes:
    """Every version that was chosen: changed, so already, or left as it is."""

    changed: tuple[Change, ...]
    same: tuple[VersionRow, ...]
    left: tuple[Left, ...]


def foresee(
    rows: Iterable[VersionRow],
    wanted: Wanted,
    *,
    tags: Mapping[int, Sequence[str]],
    holders: Holders,
) -> Changes:
    """What would become of each of these versions.

    Raises:
        UsageError: two versions of one collection would get the same alias.
    """
    changed: list[Change] = []
    same: list[VersionRow] = []
    left: list[Left] = []
    for row in rows:
        if why := _unchangeable(row, wanted):
            left.append(Left(row, why))
            continue
        change = _change(row, wanted, tags.get(row.id, ()), holders)
        if change.edit == Edit(row.key):
            same.append(row)
        else:
            changed.append(change)
    if wanted.add_aliases:
        _refuse_twice([*(one.row for one in changed), *same])
    return Changes(tuple(changed), tuple(same), tuple(left))


def _unchangeable(row: VersionRow, wanted: Wanted) -> str:
    """Why a version cannot be changed so; empty when it can."""
    if row.state is VersionState.TRASH:
        return "it is in the trash"
    if wanted.ttl_us is None:
        return ""
    if row.link:
        return "it is a link: the time to live is that of its source"
    return f"the registry keeps it: {row.kept}" if row.kept else ""


def _change(row: VersionRow, wanted: Wanted, tags: Sequence[str], holders: Holders) -> Change:
    own = {alias.name for alias in row.aliases if not alias.scope}
    adding = tuple(name for name in wanted.add_aliases if name not in own)
    found = {name: holders.get(name, {}).get(row.collection_id) for name in adding}
    ttl_us = None if _has_ttl(row, wanted.ttl_us) else wanted.ttl_us
    edit = Edit(
        row.key,
        add_aliases=adding,
        remove_aliases=tuple(name for name in wanted.remove_aliases if name in own),
        add_tags=tuple(name for name in wanted.add_tags if name not in tags),
        remove_tags=tuple(name for name in wanted.remove_tags if name in tags),
        ttl_us=ttl_us,
    )
    moves = {name: holder for name, holder in found.items() if holder is not None}
    dated = ttl_us is not None and ttl_us > 0 and row.created_us is not None
    expires_us = (row.created_us or 0) + (ttl_us or 0) if dated else None
    return Change(row, edit, moves, expires_us)


def _has_ttl(row: VersionRow, ttl_us: int | None) -> bool:
    """Whether a version has this time to live already."""
    if ttl_us == TTL_INHERIT:
        return row.ttl_inherited
    if ttl_us == TTL_OFF:
        return row.ttl_us is None and not row.ttl_inherited
    return row.ttl_us == ttl_us and not row.ttl_inherited


def _refuse_twice(rows: Sequence[VersionRow]) -> None:
    """An alias is on one version of a collection: it cannot be put on two of them."""
    often = Counter(row.collection_id for row in rows)
    twice = next((row for row in rows if often[row.collection_id] > 1), None)
    if twice is not None:
        raise UsageError(
            f"An alias is on one version of a collection, and {often[twice.collection_id]:,}"
            f" versions of {twice.collection} are chosen.",
            hint="Choose one of them.",
        )
