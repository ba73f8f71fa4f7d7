"""Changes of aliases, tags and times to live: foreseen, confirmed, sent.

Knows no screen and no command line. Where a registry cannot restore what has expired, expiring is a
deletion for good. Deleting is what plans do, with their review, their second look and their record:
no time to live does it instead.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import islice
from types import MappingProxyType
from typing import TYPE_CHECKING, Generic, Literal, Protocol, TypeAlias, TypeVar

from artifact_tui.catalog import marks, retention, version_names
from artifact_tui.catalog.catalog_rows import tags_of
from artifact_tui.catalog.retention import ExpiryDay, total_size
from artifact_tui.deletion.confirmation import FEW, Confirmation, typeable
from artifact_tui.errors import ArtifactTuiError, ReadOnlyError, RegistryError, UsageError
from artifact_tui.model import TTL_INHERIT, TTL_OFF, Edit, Outcome, Result, VersionState
from artifact_tui.query.filter_fields import DAY_US, read_duration
from artifact_tui.text import count

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from artifact_tui.catalog.catalog_rows import VersionRef, VersionRow
    from artifact_tui.catalog.marks import Selection
    from artifact_tui.clients.base import Client
    from artifact_tui.model import Alias

    What = Literal["aliases", "tags", "ttl"]
    """What may be changed of a version."""
    Inherited = Mapping[int, int | None]
    """By collection id: the time to live, or None for none, where that is known."""
    Holders = Mapping[str, Mapping[int, VersionRef]]
    """By alias and collection id: the version that holds it now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommonEdit:
    """What was asked for, of every version alike. Names are untrusted text."""

    add_aliases: tuple[str, ...] = ()
    remove_aliases: tuple[str, ...] = ()
    add_tags: tuple[str, ...] = ()
    remove_tags: tuple[str, ...] = ()
    ttl_us: int | None = None
    """As in `model.Edit`."""

    @property
    def nothing(self) -> bool:
        """Whether nothing is asked for."""
        return self == CommonEdit()


_LIFETIMES = {"none": TTL_OFF, "inherit": TTL_INHERIT}


def read_lifetime(text: str) -> int | None:
    """A time to live as in `model.Edit`: 30d, none or inherit; None when it is none of these."""
    if text in _LIFETIMES:
        return _LIFETIMES[text]
    span = read_duration(text)
    return span[0] if span is not None and span[0] > 0 else None


_WHATS: Mapping[What, str] = {"aliases": "aliases", "tags": "tags", "ttl": "times to live"}


def why_not_editable(client: Client, *whats: What) -> str:
    """Why a registry lets nobody change any of these; empty when it does."""
    if client.can("edit") and client.edits.intersection(whats):
        return ""
    return f"its {' and '.join(_WHATS[what] for what in whats)} cannot be changed"


def why_no_inheriting(client: Client) -> str:
    """Why no time to live can come from a collection or team; empty when it can."""
    return "" if "inherit" in client.edits else "its versions inherit no time to live"


class Effect(StrEnum):
    """What becomes of one version, the greatest harm first."""

    AT_ONCE = "at_once"
    """Its new time to live has passed already, and its registry can restore it."""
    LATER = "later"
    """It expires at a known moment to come."""
    SOME_TIME = "some_time"
    """It expires, nobody here knows when."""
    INHERITS = "inherits"
    """It expires as its collection or team says, and nobody here knows what that is."""
    STAYS = "stays"
    """It never expires any more."""
    NAMES = "names"
    """Its aliases or tags change."""
    SAME = "same"
    """It is so already: nothing is sent."""
    DUE = "due"
    """It would be deleted at once, for good: nothing is sent."""
    NOT_POSSIBLE = "not_possible"


UNDATED = (Effect.SOME_TIME, Effect.INHERITS)
"""They may expire at once: nobody here knows."""


MARGIN_US = 3_600_000_000
"""An hour: what expires within it is taken to expire at once, where nothing can be restored.

To read, to type and to send takes a while, and a registry's clock is not ours.
"""

DELETED_AT_ONCE = "it would be deleted at once: delete it with a plan"
ALREADY_SO = "it is so already"


@dataclass(frozen=True, slots=True)
class ExpiryClock:
    """By when something expires at once."""

    now_us: int
    restores: bool
    """Whether what has expired can be restored (`Client.restore`)."""

    @property
    def at_once_us(self) -> int:
        """What expires by this moment expires at once."""
        return self.now_us if self.restores else self.now_us + MARGIN_US


def expiry_clock(client: Client, now_us: int) -> ExpiryClock:
    """By when something expires at once in a registry; `now_us` is the present moment."""
    return ExpiryClock(now_us, client.can("restore"))


@dataclass(frozen=True, slots=True)
class Lifetime:
    """How long a version lives."""

    effect: Effect
    expires_us: int | None = None
    """When it will expire, where that is known."""


def lifetime_of(row: VersionRow, ttl_us: int, inherited: Inherited, clock: ExpiryClock) -> Lifetime:
    """How long a version lives with another time to live, as in `model.Edit`."""
    span: int | None = ttl_us
    if ttl_us == TTL_INHERIT:
        if row.collection_id not in inherited:
            return Lifetime(Effect.INHERITS)
        span = inherited[row.collection_id]
    if span is None or ttl_us == TTL_OFF:
        return Lifetime(Effect.STAYS)
    if row.created_us is None:
        return Lifetime(Effect.SOME_TIME)
    expires_us = row.created_us + span
    at_once = expires_us <= clock.at_once_us
    return Lifetime(Effect.AT_ONCE if at_once else Effect.LATER, expires_us)


def is_due(expires_us: int | None, clock: ExpiryClock) -> bool:
    """Whether a version would be deleted at once, for good."""
    return not clock.restores and expires_us is not None and expires_us <= clock.at_once_us


def why_lifetime_forbidden(row: VersionRow, life: Lifetime, clock: ExpiryClock) -> str:
    """Why a version must not live so long only; empty when it may.

    Where nobody knows when it expires, that is left to a person, except for what a plan would ask
    about.
    """
    if is_due(life.expires_us, clock):
        return DELETED_AT_ONCE
    if clock.restores or life.effect not in UNDATED:
        return ""
    why = _needed(row)
    unknown = "what it would inherit" if life.effect is Effect.INHERITS else "when it was made"
    return why and f"{why}, and it may be deleted at once: {unknown} is not known here"


def _needed(row: VersionRow) -> str:
    """What a plan would ask about before it deletes a version; empty when it would not ask."""
    if row.aliases:
        return f"it carries an alias ({row.aliases[0].name})"
    if row.links:
        return f"another collection shows it ({row.links[0]})"
    if row.dependents:
        return "live versions were made from it"
    return "" if row.lineage_known else "what was made from it is not known"


class KeptVersion(Protocol):
    """Whatever is kept of a version: at least its key, its name and its bytes."""

    @property
    def key(self) -> str:
        """The version's key."""

    @property
    def collection(self) -> str:
        """The name of its collection: untrusted text."""

    @property
    def label(self) -> str:
        """Its label: untrusted text."""

    @property
    def size(self) -> int | None:
        """Bytes; None when that is not known."""


KeptT = TypeVar("KeptT", bound=KeptVersion)

NO_MOVES: Mapping[str, VersionRef] = MappingProxyType({})
NO_HOLDERS: Mapping[int, VersionRef] = MappingProxyType({})
NO_EDIT = Edit("")
_ONLY_NAMES = Lifetime(Effect.NAMES)


@dataclass(frozen=True, slots=True)
class OtherVersions:
    """What must be known of other versions."""

    holders: Holders = field(default_factory=dict)
    inherited: Inherited = field(default_factory=dict)
    collections: frozenset[int] = frozenset()
    """Ids of those that were asked what is inherited in them."""


NO_OTHERS = OtherVersions()


@dataclass(frozen=True, slots=True)
class NamedVersion:
    """What is kept of a version where there may be millions. Names are untrusted text."""

    key: str
    collection: str
    label: str
    size: int | None
    ttl_us: int | None
    ttl_inherited: bool


def name_keeper() -> Callable[[VersionRow], NamedVersion]:
    """Makes a `NamedVersion` of each row; they share their names."""
    texts: dict[str, str] = {}

    def named(row: VersionRow) -> NamedVersion:
        collection = texts.setdefault(row.collection, row.collection)
        return NamedVersion(row.key, collection, row.label, row.size, row.ttl_us, row.ttl_inherited)

    return named


@dataclass(frozen=True, slots=True)
class VersionChange(Generic[KeptT]):
    """One version that will be changed."""

    row: KeptT
    wish: Edit
    """What changes, without the key: many share one."""
    effect: Effect = Effect.NAMES
    moves: Mapping[str, VersionRef] = field(default_factory=lambda: NO_MOVES)
    """Aliases that another version loses by it."""
    expires_us: int | None = None
    """When it will expire, where that is known."""
    held: tuple[Alias, ...] = ()
    """Aliases of these names that another collection holds: they stay as they are."""

    @property
    def key(self) -> str:
        """The version's key."""
        return self.row.key

    @property
    def edit(self) -> Edit:
        """What the registry is asked for."""
        return replace(self.wish, key=self.row.key)


@dataclass(frozen=True, slots=True)
class UnchangedVersion(Generic[KeptT]):
    """One version that stays as it is, and why: words that may quote the registry."""

    row: KeptT
    why: str
    effect: Effect = Effect.NOT_POSSIBLE
    """That, or `SAME` or `DUE`."""
    held: tuple[Alias, ...] = ()
    """The aliases that are to be changed where they are held: in another collection."""
    unasked: bool = False
    """Only because nobody knows what was made from it: the registry may tell."""

    @property
    def key(self) -> str:
        """The version's key."""
        return self.row.key


ForeseenVersion: TypeAlias = VersionChange[KeptT] | UnchangedVersion[KeptT]
"""A version, and what becomes of it."""


@dataclass(frozen=True, slots=True)
class Changes(Generic[KeptT]):
    """Every version that was chosen: changed, so already, or left as it is."""

    changed: tuple[VersionChange[KeptT], ...]
    same: tuple[KeptT, ...]
    left: tuple[UnchangedVersion[KeptT], ...]

    def rows(self) -> Iterator[KeptT]:
        """All of them."""
        yield from (one.row for one in self.changed)
        yield from self.same
        yield from (one.row for one in self.left)

    def foreseen(self) -> Iterator[ForeseenVersion[KeptT]]:
        """All but those that are so already."""
        yield from self.changed
        yield from self.left

    def of(self, effect: Effect) -> Iterator[ForeseenVersion[KeptT]]:
        """The versions with this effect."""
        if effect is Effect.SAME:
            return (UnchangedVersion(row, ALREADY_SO, effect) for row in self.same)
        return (one for one in self.foreseen() if one.effect is effect)

    @property
    def counts(self) -> Counter[Effect]:
        """How many versions have which effect."""
        counts = Counter(one.effect for one in self.foreseen())
        counts[Effect.SAME] += len(self.same)
        return counts

    @property
    def total(self) -> int:
        """How many versions were chosen."""
        return len(self.changed) + len(self.same) + len(self.left)

    @property
    def last_us(self) -> int | None:
        """When the last of those expires that do not expire at once; None where none does."""
        later = (one.expires_us for one in self.changed if one.effect is Effect.LATER)
        return max((at for at in later if at is not None), default=None)

    @property
    def unasked(self) -> list[str]:
        """Keys of those that may be changed once their lineage is known."""
        return [one.row.key for one in self.left if one.unasked]


class Foresight(Generic[KeptT]):
    """Finds out what becomes of versions, some at a time."""

    def __init__(
        self,
        wanted: CommonEdit,
        keep: Callable[[VersionRow], KeptT],
        clock: ExpiryClock,
    ) -> None:
        """`keep` makes of a row what is kept of it."""
        self._wanted = wanted
        self._clock = clock
        self._keep = keep
        self._changed: list[VersionChange[KeptT]] = []
        self._same: list[KeptT] = []
        self._left: list[UnchangedVersion[KeptT]] = []
        self._often: Counter[int] = Counter()
        self._names: dict[int, str] = {}
        self._whys: dict[str, str] = {}
        self._wishes: dict[Edit, Edit] = {}

    def take(
        self,
        rows: Iterable[VersionRow],
        *,
        tags: Mapping[int, Sequence[str]],
        around: OtherVersions,
    ) -> None:
        """Foresee some more."""
        for row in rows:
            if why := _unchangeable(row, self._wanted):
                self._leave(row, why)
                continue
            wish = _edit_of(row, self._wanted, tags.get(row.id, ()))
            life = _ONLY_NAMES
            if wish.ttl_us is not None:
                life = lifetime_of(row, wish.ttl_us, around.inherited, self._clock)
                if why := why_lifetime_forbidden(row, life, self._clock):
                    due = is_due(life.expires_us, self._clock)
                    effect = Effect.DUE if due else Effect.NOT_POSSIBLE
                    self._leave(row, why, effect, unasked=not due and _is_unasked(row))
                    continue
            held = _held_elsewhere(row, self._wanted)
            if wish == NO_EDIT and any(one.name in self._wanted.remove_aliases for one in held):
                self._left.append(UnchangedVersion(self._keep(row), _held_words(held), held=held))
                continue
            self._often[row.collection_id] += 1
            self._names[row.collection_id] = row.collection
            if wish == NO_EDIT:
                self._same.append(self._keep(row))
            else:
                self._change(row, wish, life, around.holders, held)

    def _leave(
        self,
        row: VersionRow,
        why: str,
        effect: Effect = Effect.NOT_POSSIBLE,
        *,
        unasked: bool = False,
    ) -> None:
        why = self._whys.setdefault(why, why)
        self._left.append(UnchangedVersion(self._keep(row), why, effect, unasked=unasked))

    def _change(
        self,
        row: VersionRow,
        wish: Edit,
        life: Lifetime,
        holders: Holders,
        held: tuple[Alias, ...],
    ) -> None:
        now = {a: holders.get(a, NO_HOLDERS).get(row.collection_id) for a in wish.add_aliases}
        moves = {name: holder for name, holder in now.items() if holder is not None}
        wish = self._wishes.setdefault(wish, wish)
        self._changed.append(
            VersionChange(
                self._keep(row), wish, life.effect, moves or NO_MOVES, life.expires_us, held
            )
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


def _unchangeable(row: VersionRow, wanted: CommonEdit) -> str:
    """Why a version cannot be changed so; empty when it can."""
    if row.state is VersionState.TRASH:
        return "it is deleted" if row.deleted_us is None else "it is in the trash"
    if row.link and (wanted.add_tags or wanted.remove_tags):
        return f"a link has no tags of its own: change those of its source{_source_words(row)}"
    if wanted.ttl_us is None:
        return ""
    if row.link:
        return f"it is a link: the time to live is that of its source{_source_words(row)}"
    if row.generated:
        return "the registry made it by itself: it takes no time to live from us"
    return f"the registry keeps it: {row.kept}" if row.kept else ""


def _is_unasked(row: VersionRow) -> bool:
    """Whether nothing is known against a version but that its dependents are not known."""
    return not (row.aliases or row.links or row.dependents or row.lineage_known)


def _source_words(row: VersionRow) -> str:
    """What a link shows, as far as that is listed here."""
    return f", {row.source}" if row.source else ""


def _held_elsewhere(row: VersionRow, wanted: CommonEdit) -> tuple[Alias, ...]:
    """Aliases of the names that come or go, as far as another collection holds them."""
    names = {*wanted.add_aliases, *wanted.remove_aliases}
    return tuple(alias for alias in row.aliases if alias.scope and alias.name in names)


def _held_words(held: Sequence[Alias]) -> str:
    """Where aliases are to be changed instead."""
    return ", ".join(f"{alias.name} is held in {alias.scope}: change it there" for alias in held)


def _edit_of(row: VersionRow, wanted: CommonEdit, tags: Sequence[str]) -> Edit:
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


MOST_SUBJECTS = 100_000
"""Versions that `subjects` holds."""


@dataclass(frozen=True, slots=True)
class Subjects:
    """The versions that were chosen, with their tags by id."""

    rows: tuple[VersionRow, ...]
    tags: Mapping[int, tuple[str, ...]]


def read_subjects(conn: sqlite3.Connection, chosen: Selection) -> Subjects:
    """Read the versions that were chosen, and their tags.

    Raises:
        UsageError: these are more than `MOST_SUBJECTS`.
    """
    versions = marks.pick(conn, chosen)
    if versions > MOST_SUBJECTS:
        raise UsageError(
            f"{versions:,} versions are chosen: at most {MOST_SUBJECTS:,} can be changed at once.",
            hint="Mark fewer of them. Nothing was changed.",
        )
    rows = tuple(marks.picked_rows(conn))
    return Subjects(rows, tags_of(conn, [row.id for row in rows]))


def read_others(
    conn: sqlite3.Connection,
    rows: Iterable[VersionRow],
    wanted: CommonEdit,
    before: OtherVersions = NO_OTHERS,
) -> OtherVersions:
    """Who holds the aliases that these are to get, and what they would inherit.

    Collections of `before` are not asked again for what is inherited: that may be a long look.
    """
    ids = {row.collection_id for row in rows}
    held = {alias: version_names.alias_holders(conn, alias, ids) for alias in wanted.add_aliases}
    if wanted.ttl_us != TTL_INHERIT:
        return OtherVersions(held)
    inherited = retention.inherited_ttls(conn, ids - before.collections)
    return OtherVersions(held, {**before.inherited, **inherited}, before.collections | ids)


def foresee_changes(
    conn: sqlite3.Connection,
    chunks: Iterable[Sequence[VersionRow]],
    wanted: CommonEdit,
    keep: Callable[[VersionRow], KeptT],
    clock: ExpiryClock,
) -> Changes[KeptT]:
    """What becomes of any number of versions; the arguments are as for `Foresight`.

    Raises:
        UsageError: two versions of one collection would get the same alias.
    """
    foresight = Foresight(wanted, keep, clock)
    named = bool(wanted.add_tags or wanted.remove_tags)
    known = NO_OTHERS
    for rows in chunks:
        tags = tags_of(conn, [row.id for row in rows]) if named else {}
        known = read_others(conn, rows, wanted, known)
        foresight.take(rows, tags=tags, around=known)
    return foresight.changes()


def expiry_days(moments: Iterable[tuple[int, int | None]]) -> list[ExpiryDay]:
    """Versions by day, in order; of each the moment (microseconds UTC) and its bytes."""
    grouped: defaultdict[int, list[int | None]] = defaultdict(list)
    for moment, size in moments:
        grouped[moment // DAY_US * DAY_US].append(size)
    return [
        ExpiryDay(start, len(sizes), total_size(sizes)) for start, sizes in sorted(grouped.items())
    ]


def expiry_stretches(
    days: Sequence[ExpiryDay], most: int = 8
) -> list[tuple[int, ExpiryDay, ExpiryDay]]:
    """Days in at most `most` stretches: how many expire in each, its first and its last day.

    The stretches hold about equally many.
    """
    left = sum(day.versions for day in days)
    stretches: list[tuple[int, ExpiryDay, ExpiryDay]] = []
    stretch: list[ExpiryDay] = []
    for day in days:
        stretch.append(day)
        count = sum(one.versions for one in stretch)
        if len(days) <= most or count * (most - len(stretches)) >= left:
            stretches.append((count, stretch[0], day))
            left, stretch = left - count, []
    return stretches


CHANGE = ("change", "changed")


def edit_confirmation(changes: Changes[KeptT], *, production: bool, registry: str) -> Confirmation:
    """What must be typed: `y`, the count, or the registry's name; the greater the harm, the more.

    Args:
        changes: what becomes of each version.
        production: whether the registry is marked so.
        registry: its name, untrusted text.
    """
    total, counts = len(changes.changed), changes.counts
    if not total:
        return Confirmation(expected="", verbs=CHANGE)
    why = ""
    if at_once := counts[Effect.AT_ONCE]:
        why = f"{count(at_once)} expire at once" if at_once > 1 else "it expires at once"
    elif undated := sum(counts[effect] for effect in UNDATED):
        why = f"{count(undated)} may expire at once" if undated > 1 else "it may expire at once"
    name = typeable(registry) if production else ""
    number = str(total)
    expected = (name or number) if why else number if total > FEW else "y"
    return Confirmation(expected=expected, count=total, verbs=CHANGE, why=why)


EDIT_BATCH = 100
"""Versions of one `edit` call: a stop waits for those in flight."""


@dataclass(slots=True)
class EditProgress:
    """How far a change is."""

    total: int
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    """By version key; those that have no answer are left out."""
    uncertain: frozenset[str] = frozenset()
    """Keys that were in flight when it was broken off."""
    stopped: bool = False
    """Somebody asked for no more to be sent."""
    error: ArtifactTuiError | None = None
    """What ended it early: untrusted text."""

    @property
    def done(self) -> int:
        """How many were changed."""
        return sum(one.result is Result.DONE for one in self.outcomes.values())

    def result_of(self, key: str) -> Outcome | None:
        """What became of a version; None when it was not sent."""
        if key in self.uncertain and key not in self.outcomes:
            return Outcome(key, Result.UNKNOWN)
        return self.outcomes.get(key)

    @property
    def ended(self) -> bool:
        """Whether nothing more is sent."""
        return self.stopped or self.error is not None or len(self.outcomes) >= self.total


def edits_in_time(
    changes: Iterable[VersionChange[KeptT]], sent: EditProgress, clock: Callable[[], ExpiryClock]
) -> Iterator[Edit]:
    """The edits of changes, to be taken as they are sent.

    What would be deleted at once by then, as time went by, is refused in `sent` instead.
    """
    for one in changes:
        if is_due(one.expires_us, clock()):
            key = one.row.key
            sent.outcomes[key] = Outcome(key, Result.REFUSED, DELETED_AT_ONCE)
        else:
            yield one.edit


async def send_edits(
    client: Client,
    edits: Iterable[Edit],
    sent: EditProgress,
    progress: Callable[[EditProgress], object],
    *,
    stop: asyncio.Event | None = None,
) -> None:
    """Send every edit, some at a time, and write into `sent` what becomes of each.

    Args:
        client: the registry.
        edits: `sent.total` of them; they are taken as they are sent.
        sent: is filled.
        progress: hears before each call how far it is.
        stop: once set, nothing more is sent; cancelling then breaks off the call in flight.

    Raises:
        asyncio.CancelledError: it was cancelled, and not by way of `stop`.
    """
    waiting = iter(edits)
    while batch := list(islice(waiting, EDIT_BATCH)):
        if stop is not None and stop.is_set():
            sent.stopped = True
            return
        progress(sent)
        try:
            outcomes = await client.edit(batch)
        except ArtifactTuiError as error:
            if isinstance(error, RegistryError) and not isinstance(error, ReadOnlyError):
                sent.uncertain = frozenset(edit.key for edit in batch)
            sent.error = error
            return
        except asyncio.CancelledError:
            if stop is None or not stop.is_set():
                raise
            sent.uncertain, sent.stopped = frozenset(edit.key for edit in batch), True
            return
        sent.outcomes |= {one.key: one for one in outcomes}
    sent.stopped = stop is not None and stop.is_set()
