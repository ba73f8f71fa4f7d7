"""What a change of aliases, tags or times to live means for each version: no I/O, no printing."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from artifact_tui.errors import UsageError
from artifact_tui.model import TTL_INHERIT, TTL_OFF, Edit, VersionState

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from artifact_tui.catalog.retention import Day, TtlPreview
    from artifact_tui.catalog.rows import VersionRef, VersionRow

    Holders = Mapping[str, Mapping[int, VersionRef]]
    """By alias and collection id: the version that holds it now."""


NOTHING: Mapping[str, VersionRef] = MappingProxyType({})
UNCHANGED = Edit("")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What was asked for, of every version alike."""

    add_aliases: tuple[str, ...] = ()
    remove_aliases: tuple[str, ...] = ()
    add_tags: tuple[str, ...] = ()
    remove_tags: tuple[str, ...] = ()
    ttl_us: int | None = None
    """As in `model.Edit`."""


@dataclass(frozen=True, slots=True)
class Named:
    """What is kept of a version: there may be millions. Names are untrusted text."""

    key: str
    collection: str
    label: str
    ttl_us: int | None
    ttl_inherited: bool


@dataclass(frozen=True, slots=True)
class Change:
    """One version that will be changed."""

    row: Named
    wish: Edit
    """What changes, without the key: many share one."""
    moves: Mapping[str, VersionRef] = field(default_factory=lambda: NOTHING)
    """Aliases that another version loses by it."""
    expires_us: int | None = None
    """When it will expire, where that is known."""

    @property
    def edit(self) -> Edit:
        """What the registry is asked for."""
        return replace(self.wish, key=self.row.key)


@dataclass(frozen=True, slots=True)
class Left:
    """One version that stays as it is, and why: words for people, maybe a registry's."""

    row: Named
    why: str


@dataclass(frozen=True, slots=True)
class Changes:
    """Every version that was named: changed, so already, or left as it is."""

    changed: tuple[Change, ...]
    same: tuple[Named, ...]
    left: tuple[Left, ...]
    expiry: TtlPreview | None = None
    """When the changed ones would expire; None where no time to live changes."""

    def rows(self) -> Iterator[Named]:
        """All of them."""
        yield from (one.row for one in self.changed)
        yield from self.same
        yield from (one.row for one in self.left)

    @property
    def at_once(self) -> int:
        """How many expire as soon as this is done."""
        return self.expiry.expiring.overdue.versions if self.expiry else 0

    @property
    def undated(self) -> int:
        """How many may expire as soon as this is done: nobody here knows when they will."""
        return self.expiry.unknown if self.expiry else 0


class Foresight:
    """Finds out what becomes of versions, some at a time."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._changed: list[Change] = []
        self._same: list[Named] = []
        self._left: list[Left] = []
        self._often: Counter[tuple[int, str]] = Counter()
        self._texts: dict[str, str] = {}
        self._wishes: dict[Edit, Edit] = {}

    def take(
        self, rows: Iterable[VersionRow], *, tags: Mapping[int, Sequence[str]], holders: Holders
    ) -> None:
        """Foresee some more."""
        for row in rows:
            named = Named(
                row.key, self._texts.setdefault(row.collection, row.collection), row.label,
                row.ttl_us, row.ttl_inherited,
            )  # fmt: skip
            if why := _unchangeable(row, self._wanted):
                self._left.append(Left(named, self._texts.setdefault(why, why)))
                continue
            self._often[row.collection_id, named.collection] += 1
            wish = _wish(row, self._wanted, tags.get(row.id, ()))
            if wish == UNCHANGED:
                self._same.append(named)
                continue
            found = {name: holders[name].get(row.collection_id) for name in wish.add_aliases}
            moves = {name: holder for name, holder in found.items() if holder is not None}
            wish = self._wishes.setdefault(wish, wish)
            expires_us = _expires_us(row, wish.ttl_us)
            self._changed.append(Change(named, wish, moves or NOTHING, expires_us))

    def changes(self) -> Changes:
        """All of it.

        Raises:
            UsageError: two versions of one collection would get the same alias.
        """
        if self._wanted.add_aliases:
            _refuse_twice(self._often)
        return Changes(tuple(self._changed), tuple(self._same), tuple(self._left))


def _unchangeable(row: VersionRow, wanted: Wanted) -> str:
    """Why a version cannot be changed so; empty when it can."""
    if row.state is VersionState.TRASH:
        return "it is in the trash"
    if wanted.ttl_us is None:
        return ""
    if row.source_key:
        return "it is a link: the time to live is that of its source"
    return f"the registry keeps it: {row.kept}" if row.kept else ""


def _wish(row: VersionRow, wanted: Wanted, tags: Sequence[str]) -> Edit:
    """What changes of a version, without its key."""
    own = {alias.name for alias in row.aliases if not alias.scope}
    return Edit(
        "",
        add_aliases=tuple(name for name in wanted.add_aliases if name not in own),
        remove_aliases=tuple(name for name in wanted.remove_aliases if name in own),
        add_tags=tuple(name for name in wanted.add_tags if name not in tags),
        remove_tags=tuple(name for name in wanted.remove_tags if name in tags),
        ttl_us=None if _has_ttl(row, wanted.ttl_us) else wanted.ttl_us,
    )


def _has_ttl(row: VersionRow, ttl_us: int | None) -> bool:
    """Whether a version has this time to live already."""
    if ttl_us == TTL_INHERIT:
        return row.ttl_inherited
    if ttl_us == TTL_OFF:
        return row.ttl_us is None and not row.ttl_inherited
    return row.ttl_us == ttl_us and not row.ttl_inherited


def _expires_us(row: VersionRow, ttl_us: int | None) -> int | None:
    if ttl_us is None or ttl_us < 0 or row.created_us is None:
        return None
    return row.created_us + ttl_us


def _refuse_twice(often: Counter[tuple[int, str]]) -> None:
    """An alias is on one version of a collection: it cannot be put on two of them."""
    (_, collection), count = next(iter(often.most_common(1)), ((0, ""), 0))
    if count > 1:
        raise UsageError(
            f"An alias is on one version of a collection, and {count:,} versions of {collection}"
            " were named. Nothing was changed.",
            hint="Narrow the filter: latest:1 names the newest of each collection.",
        )


def spread(days: Sequence[Day], most: int = 8) -> list[tuple[int, Day, Day]]:
    """Days in at most `most` stretches: how many expire in each, its first and its last day.

    The stretches hold about equally many.
    """
    left = sum(day.versions for day in days)
    found: list[tuple[int, Day, Day]] = []
    stretch: list[Day] = []
    for day in days:
        stretch.append(day)
        count = sum(one.versions for one in stretch)
        if len(days) <= most or count * (most - len(found)) >= left:
            found.append((count, stretch[0], day))
            left, stretch = left - count, []
    return found
