"""What a change of aliases, tags or times to live means for each version: no I/O, no printing."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from artifact_tui.edits.effects import UNDATED, Effect
from artifact_tui.edits.lives import Life, forbidden, is_due, life_of
from artifact_tui.errors import UsageError
from artifact_tui.model import TTL_INHERIT, TTL_OFF, Edit, VersionState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from artifact_tui.catalog.rows import VersionRef, VersionRow
    from artifact_tui.edits.lives import Clock, Inherited
    from artifact_tui.edits.wanted import Wanted
    from artifact_tui.model import Alias

    Holders = Mapping[str, Mapping[int, VersionRef]]
    """By alias and collection id: the version that holds it now."""


class Keyed(Protocol):
    """Whatever is kept of a version: at least its key and its bytes."""

    @property
    def key(self) -> str:
        """The version's key."""

    @property
    def size(self) -> int | None:
        """Bytes; None when that is not known."""


KeptT = TypeVar("KeptT", bound=Keyed)

NOTHING: Mapping[str, VersionRef] = MappingProxyType({})
NOBODY: Mapping[int, VersionRef] = MappingProxyType({})
UNCHANGED = Edit("")
_NAMED = Life(Effect.NAMES)


@dataclass(frozen=True, slots=True)
class Around:
    """What must be known of other versions."""

    holders: Holders = field(default_factory=dict)
    inherited: Inherited = field(default_factory=dict)
    collections: frozenset[int] = frozenset()
    """Ids of those that were asked what is inherited in them."""


NOTHING_AROUND = Around()


@dataclass(frozen=True, slots=True)
class Named:
    """What is kept of a version where there may be millions. Names are untrusted text."""

    key: str
    collection: str
    label: str
    size: int | None
    ttl_us: int | None
    ttl_inherited: bool


def naming() -> Callable[[VersionRow], Named]:
    """Makes a `Named` of each row; they share their names."""
    texts: dict[str, str] = {}

    def named(row: VersionRow) -> Named:
        collection = texts.setdefault(row.collection, row.collection)
        return Named(row.key, collection, row.label, row.size, row.ttl_us, row.ttl_inherited)

    return named


@dataclass(frozen=True, slots=True)
class Change(Generic[KeptT]):
    """One version that will be changed."""

    row: KeptT
    wish: Edit
    """What changes, without the key: many share one."""
    effect: Effect = Effect.NAMES
    moves: Mapping[str, VersionRef] = field(default_factory=lambda: NOTHING)
    """Aliases that another version loses by it."""
    expires_us: int | None = None
    """When it will expire, where that is known."""
    held: tuple[Alias, ...] = ()
    """Aliases of these names that another collection holds: they stay as they are."""

    @property
    def edit(self) -> Edit:
        """What the registry is asked for."""
        return replace(self.wish, key=self.row.key)


@dataclass(frozen=True, slots=True)
class Left(Generic[KeptT]):
    """One version that stays as it is, and why: words that may quote the registry."""

    row: KeptT
    why: str
    due: bool = False
    """It would be deleted at once, for good."""
    held: tuple[Alias, ...] = ()
    """The aliases that are to be changed where they are held: in another collection."""
    unasked: bool = False
    """Only because nobody knows what was made from it: the registry may tell."""


@dataclass(frozen=True, slots=True)
class Changes(Generic[KeptT]):
    """Every version that was chosen: changed, so already, or left as it is."""

    changed: tuple[Change[KeptT], ...]
    same: tuple[KeptT, ...]
    left: tuple[Left[KeptT], ...]

    def rows(self) -> Iterator[KeptT]:
        """All of them."""
        yield from (one.row for one in self.changed)
        yield from self.same
        yield from (one.row for one in self.left)

    @property
    def at_once(self) -> int:
        """How many expire as soon as this is done."""
        return sum(one.effect is Effect.AT_ONCE for one in self.changed)

    @property
    def unasked(self) -> list[str]:
        """Keys of those that may be changed once their lineage is known."""
        return [one.row.key for one in self.left if one.unasked]

    @property
    def undated(self) -> int:
        """How many may expire as soon as this is done: nobody here knows when they will."""
        return sum(one.effect in UNDATED for one in self.changed)


class Foresight(Generic[KeptT]):
    """Finds out what becomes of versions, some at a time."""

    def __init__(
        self,
        wanted: Wanted,
        keep: Callable[[VersionRow], KeptT],
        clock: Clock,
    ) -> None:
        """`keep` makes of a row what is kept of it."""
        self._wanted = wanted
        self._clock = clock
        self._keep = keep
        self._changed: list[Change[KeptT]] = []
        self._same: list[KeptT] = []
        self._left: list[Left[KeptT]] = []
        self._often: Counter[int] = Counter()
        self._names: dict[int, str] = {}
        self._whys: dict[str, str] = {}
        self._wishes: dict[Edit, Edit] = {}

    def take(
        self, rows: Iterable[VersionRow], *, tags: Mapping[int, Sequence[str]], around: Around
    ) -> None:
        """Foresee some more."""
        for row in rows:
            if why := _unchangeable(row, self._wanted):
                self._leave(row, why)
                continue
            wish = _wish(row, self._wanted, tags.get(row.id, ()))
            life = _NAMED
            if wish.ttl_us is not None:
                life = life_of(row, wish.ttl_us, around.inherited, self._clock)
                if why := forbidden(row, life, self._clock):
                    due = is_due(life.expires_us, self._clock)
                    self._leave(row, why, due=due, unasked=not due and _is_unasked(row))
                    continue
            held = _held(row, self._wanted)
            if wish == UNCHANGED and any(one.name in self._wanted.remove_aliases for one in held):
                self._left.append(Left(self._keep(row), _held_words(held), held=held))
                continue
            self._often[row.collection_id] += 1
            self._names[row.collection_id] = row.collection
            if wish == UNCHANGED:
                self._same.append(self._keep(row))
            else:
                self._change(row, wish, life, around.holders, held)

    def _leave(
        self, row: VersionRow, why: str, *, due: bool = False, unasked: bool = False
    ) -> None:
        why = self._whys.setdefault(why, why)
        self._left.append(Left(self._keep(row), why, due, unasked=unasked))

    def _change(
        self,
        row: VersionRow,
        wish: Edit,
        life: Life,
        holders: Holders,
        held: tuple[Alias, ...],
    ) -> None:
        found = {a: holders.get(a, NOBODY).get(row.collection_id) for a in wish.add_aliases}
        moves = {name: holder for name, holder in found.items() if holder is not None}
        wish = self._wishes.setdefault(wish, wish)
        self._changed.append(
            Change(self._keep(row), wish, life.effect, moves or NOTHING, life.expires_us, held)
        )

    def changes(self) -> Changes[KeptT]:
        """All of it.

        Raises:
            UsageError: two versions of one collection would get the same alias.
        """
        if self._wanted.add_aliases:
            self._refuse_twice()
        return Changes(tuple(self._changed), tuple(self._same), tuple(self._left))

    def _refuse_twice(self) -> None:
        """An alias is on one version of a collection: it cannot be put on two of them."""
        collection_id, count = next(iter(self._often.most_common(1)), (0, 0))
        if count > 1:
            raise UsageError(
                f"An alias is on one version of a collection, and {count:,} versions of"
                f" {self._names[collection_id]} were chosen. Nothing was changed.",
                hint="Choose one; latest:1 as a filter finds the newest of each collection.",
            )


def _unchangeable(row: VersionRow, wanted: Wanted) -> str:
    """Why a version cannot be changed so; empty when it can."""
    if row.state is VersionState.TRASH:
        return "it is deleted" if row.deleted_us is None else "it is in the trash"
    if row.link and (wanted.add_tags or wanted.remove_tags):
        return f"a link has no tags of its own: change those of its source{_source(row)}"
    if wanted.ttl_us is None:
        return ""
    if row.link:
        return f"it is a link: the time to live is that of its source{_source(row)}"
    if row.generated:
        return "the registry made it by itself: it takes no time to live from us"
    return f"the registry keeps it: {row.kept}" if row.kept else ""


def _is_unasked(row: VersionRow) -> bool:
    """Whether nothing is known against a version but that its dependents are not known."""
    return not (row.aliases or row.links or row.dependents or row.lineage_known)


def _source(row: VersionRow) -> str:
    """What a link shows, as far as that is listed here."""
    return f", {row.source}" if row.source else ""


def _held(row: VersionRow, wanted: Wanted) -> tuple[Alias, ...]:
    """Aliases of the names that come or go, as far as another collection holds them."""
    asked = {*wanted.add_aliases, *wanted.remove_aliases}
    return tuple(alias for alias in row.aliases if alias.scope and alias.name in asked)


def _held_words(held: Sequence[Alias]) -> str:
    """Where aliases are to be changed instead."""
    return ", ".join(f"{alias.name} is held in {alias.scope}: change it there" for alias in held)


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
