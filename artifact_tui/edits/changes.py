"""Changes of aliases, tags and times to live: foreseen, confirmed, sent.

Knows no screen and no command line. Where a registry cannot restore what has expired, expiring is a
deletion for good. Deleting is what plans do, with their review, their second look and their record:
no time to live does it instead.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import lru_cache
from itertools import chain, islice
from sys import intern
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from artifact_tui.catalog import marks, retention, version_names
from artifact_tui.catalog.catalog_rows import tags_of
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


@dataclass(frozen=True, slots=True, kw_only=True)
class CommonEdit:
    """What was asked for, of every version alike. Names are untrusted text."""

    add_aliases: tuple[str, ...] = ()
    remove_aliases: tuple[str, ...] = ()
    add_tags: tuple[str, ...] = ()
    remove_tags: tuple[str, ...] = ()
    ttl_us: int | None = None
    """As in `model.Edit`."""
    protect_aliases: tuple[str, ...] = ()
    unprotect_aliases: tuple[str, ...] = ()

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


def why_not_editable(client: Client, *whats: What) -> str:
    """Why a registry lets nobody change any of these; empty when it does."""
    if client.can("edit") and client.edits.intersection(whats):
        return ""
    words = ("times to live" if what == "ttl" else what for what in whats)
    return f"its {' and '.join(words)} cannot be changed"


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

    def is_due(self, expires_us: int | None) -> bool:
        """Whether a version that expires then would be deleted at once, for good."""
        return not self.restores and expires_us is not None and expires_us <= self.at_once_us


def expiry_clock(client: Client, now_us: int) -> ExpiryClock:
    """By when something expires at once in a registry; `now_us` is the present moment."""
    return ExpiryClock(now_us, client.can("restore"))


@dataclass(frozen=True, slots=True)
class NamedVersion:
    """What is kept of a version where there may be millions. Names are untrusted text."""

    key: str
    collection: str
    label: str
    type: str
    size: int | None
    """Bytes; None when that is not known."""
    created_us: int | None
    ttl_us: int | None
    ttl_inherited: bool
    aliases: tuple[Alias, ...]


NO_EDIT = Edit("")
_NOBODY: Mapping[str, VersionRef] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class VersionChange:
    """What becomes of one version: what changes, or why nothing does."""

    row: NamedVersion
    effect: Effect
    wish: Edit = NO_EDIT
    """What changes, without the key: many share one."""
    why: str = ""
    """Why it stays as it is: words that may quote the registry; empty when it changes."""
    moves: Mapping[str, VersionRef] = field(default_factory=lambda: _NOBODY)
    """Aliases that another version loses by it."""
    expires_us: int | None = None
    """When it will expire, where that is known."""
    held: tuple[Alias, ...] = ()
    """Aliases of these names that another collection holds: they stay as they are."""
    unasked: bool = False
    """It stays only because nobody knows what was made from it: the registry may tell."""

    @property
    def key(self) -> str:
        """The version's key."""
        return self.row.key

    @property
    def edit(self) -> Edit:
        """What the registry is asked for."""
        return replace(self.wish, key=self.row.key)


@dataclass(frozen=True, slots=True)
class Changes:
    """Every version that was chosen: changed, so already, or left as it is."""

    changed: Sequence[VersionChange]
    same: Sequence[VersionChange] = ()
    left: Sequence[VersionChange] = ()

    def __iter__(self) -> Iterator[VersionChange]:
        return chain(self.changed, self.same, self.left)

    def of(self, effect: Effect) -> Iterator[VersionChange]:
        """The versions with this effect."""
        return (one for one in self if one.effect is effect)

    @property
    def counts(self) -> Counter[Effect]:
        """How many versions have which effect."""
        return Counter(one.effect for one in self)

    @property
    def last_us(self) -> int | None:
        """When the last of those expires that do not expire at once; None where none does."""
        later = (one.expires_us for one in self.of(Effect.LATER))
        return max((at for at in later if at is not None), default=None)

    @property
    def unasked(self) -> list[str]:
        """Keys of those that may be changed once their lineage is known."""
        return [one.key for one in self.left if one.unasked]


MOST_SUBJECTS = 100_000
"""Versions whose change can be previewed while it is typed."""


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


def foresee_changes(
    conn: sqlite3.Connection,
    chunks: Iterable[Sequence[VersionRow]],
    edit: CommonEdit,
    clock: ExpiryClock,
) -> Changes:
    """What becomes of any number of versions, which are read some at a time.

    Raises:
        UsageError: two versions of one collection would get the same alias.
    """
    changed: list[VersionChange] = []
    same: list[VersionChange] = []
    left: list[VersionChange] = []
    often: Counter[tuple[int, str]] = Counter()
    inherited: dict[int, int | None] = {}
    asked: set[int] = set()
    for rows in chunks:
        ids = {row.collection_id for row in rows}
        named = edit.add_tags or edit.remove_tags
        tags = tags_of(conn, [row.id for row in rows]) if named else {}
        aliases = {one: version_names.alias_holders(conn, one, ids) for one in edit.add_aliases}
        if edit.ttl_us == TTL_INHERIT:  # once for each collection: it may be a long look
            inherited |= retention.inherited_ttls(conn, ids - asked)
            asked |= ids
        for row in rows:
            at = row.collection_id
            holders = {name: by[at] for name, by in aliases.items() if at in by}
            one = foresee(
                row, edit, clock, tags=tags.get(row.id, ()), holders=holders, inherited=inherited
            )
            (same if one.effect is Effect.SAME else left if one.why else changed).append(one)
            if one.effect is Effect.SAME or not one.why:
                often[at, row.collection] += 1
    for (_, collection), times in often.most_common(1):
        if edit.add_aliases and times > 1:
            raise UsageError(
                f"An alias is on one version of a collection, and {times:,} versions of"
                f" {collection} were chosen. Nothing was changed.",
                hint="Choose one; latest:1 as a filter finds the newest of each collection.",
            )
    return Changes(changed, same, left)


def foresee(
    row: VersionRow,
    edit: CommonEdit,
    clock: ExpiryClock,
    *,
    tags: Sequence[str] = (),
    holders: Mapping[str, VersionRef] = _NOBODY,
    inherited: Mapping[int, int | None] = MappingProxyType({}),
) -> VersionChange:
    """What becomes of one version.

    Args:
        row: the version as it is.
        edit: what was asked for.
        clock: by when something expires at once.
        tags: those that it has.
        holders: by alias: the version of its collection that has it now.
        inherited: by collection id: the time to live in it, or None for none, where that is known.
    """
    kept = NamedVersion(
        row.key, intern(row.collection), row.label, intern(row.type), row.size, row.created_us,
        row.ttl_us, row.ttl_inherited, row.aliases,
    )  # fmt: skip
    if why := _unchangeable(row, edit):
        return VersionChange(kept, Effect.NOT_POSSIBLE, why=why)
    own = {alias.name: alias.protected for alias in row.aliases if not alias.scope}
    wish = _shared_edit(
        "",
        tuple(name for name in edit.add_aliases if name not in own),
        tuple(name for name in edit.remove_aliases if name in own),
        tuple(name for name in edit.add_tags if name not in tags),
        tuple(name for name in edit.remove_tags if name in tags),
        None if _has_ttl(row, edit.ttl_us) else edit.ttl_us,
        tuple(name for name in edit.protect_aliases if not own.get(name)),
        tuple(name for name in edit.unprotect_aliases if own.get(name)),
    )
    effect, expires_us = Effect.NAMES, None
    if wish.ttl_us is not None:
        effect, expires_us = _lifetime(row, wish.ttl_us, clock, inherited)
        if effect is Effect.DUE:
            return VersionChange(kept, effect, why=DELETED_AT_ONCE)
        if effect in UNDATED and not clock.restores and (why := _needed(row)):
            what = "what it would inherit" if effect is Effect.INHERITS else "when it was made"
            return VersionChange(
                kept, Effect.NOT_POSSIBLE, unasked=why == _UNASKED,
                why=f"{why}, and it may be deleted at once: {what} is not known here",
            )  # fmt: skip
    names = {*edit.add_aliases, *edit.remove_aliases}
    held = tuple(alias for alias in row.aliases if alias.scope and alias.name in names)
    if wish != NO_EDIT:
        moves = {name: holders[name] for name in wish.add_aliases if name in holders}
        return VersionChange(
            kept, effect, wish, moves=moves or _NOBODY, expires_us=expires_us, held=held
        )
    if any(one.name in edit.remove_aliases for one in held):
        there = ", ".join(f"{one.name} is held in {one.scope}: change it there" for one in held)
        return VersionChange(kept, Effect.NOT_POSSIBLE, why=there, held=held)
    return VersionChange(kept, Effect.SAME, why="it is so already")


_shared_edit = lru_cache(maxsize=1024)(Edit)
"""Many versions have one change in common, which is kept once."""


def _unchangeable(row: VersionRow, edit: CommonEdit) -> str:
    """Why an edit of this version is not possible; empty when it is."""
    source = f", {row.source}" if row.source else ""
    if row.state is VersionState.TRASH:
        return "it is deleted" if row.deleted_us is None else "it is in the trash"
    if row.link and (edit.add_tags or edit.remove_tags):
        return f"a link has no tags of its own: change those of its source{source}"
    if edit.ttl_us is None:
        return ""
    if row.link:
        return f"it is a link: the time to live is that of its source{source}"
    if row.generated:
        return "the registry made it by itself: it takes no time to live from us"
    return f"the registry keeps it: {row.kept}" if row.kept else ""


def _has_ttl(row: VersionRow, ttl_us: int | None) -> bool:
    """Whether a version has this time to live already."""
    if ttl_us == TTL_INHERIT:
        return row.ttl_inherited
    if ttl_us == TTL_OFF:
        return row.ttl_us is None and not row.ttl_inherited
    return row.ttl_us == ttl_us and not row.ttl_inherited


def _lifetime(
    row: VersionRow, ttl_us: int, clock: ExpiryClock, inherited: Mapping[int, int | None]
) -> tuple[Effect, int | None]:
    """What another time to live, as in `model.Edit`, does to a version; when it will expire."""
    span: int | None = ttl_us
    if ttl_us == TTL_INHERIT:
        if row.collection_id not in inherited:
            return Effect.INHERITS, None
        span = inherited[row.collection_id]
    if span is None or ttl_us == TTL_OFF:
        return Effect.STAYS, None
    if row.created_us is None:
        return Effect.SOME_TIME, None
    expires_us = row.created_us + span
    if clock.is_due(expires_us):
        return Effect.DUE, expires_us
    return Effect.AT_ONCE if expires_us <= clock.at_once_us else Effect.LATER, expires_us


_UNASKED = "what was made from it is not known"


def _needed(row: VersionRow) -> str:
    """What a plan would ask about before it deletes a version; empty when it would not ask."""
    if row.aliases:
        return f"it carries an alias ({row.aliases[0].name})"
    if row.links:
        return f"another collection shows it ({row.links[0]})"
    if row.dependents:
        return "live versions were made from it"
    return "" if row.lineage_known else _UNASKED


def expiry_stretches(moments: Iterable[int], most: int = 8) -> list[tuple[int, int, int]]:
    """When versions expire, in at most `most` stretches of days, which hold about equally many.

    Of each: how many expire in it, and the first moments of its first and its last day. All moments
    are microseconds UTC.
    """
    days = sorted(Counter(moment // DAY_US * DAY_US for moment in moments).items())
    left = sum(versions for _, versions in days)
    stretches: list[tuple[int, int, int]] = []
    first, count = None, 0
    for day, versions in days:
        first, count = day if first is None else first, count + versions
        if len(days) <= most or count * (most - len(stretches)) >= left:
            stretches.append((count, first, day))
            first, left, count = None, left - count, 0
    return stretches


def edit_confirmation(changes: Changes, *, production: bool, registry: str) -> Confirmation:
    """What must be typed: `y`, the count, or the registry's name; the greater the harm, the more.

    Args:
        changes: what becomes of each version.
        production: whether the registry is marked so.
        registry: its name, untrusted text.
    """
    total, counts, verbs = len(changes.changed), changes.counts, ("change", "changed")
    if not total:
        return Confirmation(expected="", verbs=verbs)
    why = ""
    if at_once := counts[Effect.AT_ONCE]:
        why = f"{count(at_once)} expire at once" if at_once > 1 else "it expires at once"
    elif undated := sum(counts[effect] for effect in UNDATED):
        why = f"{count(undated)} may expire at once" if undated > 1 else "it may expire at once"
    name = typeable(registry) if production else ""
    number = str(total)
    expected = (name or number) if why else number if total > FEW else "y"
    return Confirmation(expected=expected, count=total, verbs=verbs, why=why)


EDIT_BATCH = 100
"""Versions of one `edit` call: a stop waits for those in flight."""


@dataclass(slots=True)
class EditProgress:
    """How far a change is."""

    total: int
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    """By version key; UNKNOWN for what was in flight when it was broken off."""
    stopped: bool = False
    """Somebody asked for no more to be sent."""
    error: ArtifactTuiError | None = None
    """What ended it early: untrusted text."""

    @property
    def done(self) -> int:
        """How many were changed."""
        return sum(one.result is Result.DONE for one in self.outcomes.values())

    @property
    def ended(self) -> bool:
        """Whether nothing more is sent."""
        return self.stopped or self.error is not None or len(self.outcomes) >= self.total


async def send_changes(
    client: Client,
    changes: Iterable[VersionChange],
    sent: EditProgress,
    progress: Callable[[EditProgress], object],
    *,
    clock: Callable[[], ExpiryClock],
    stop: asyncio.Event | None = None,
) -> None:
    """Send every change, some at a time, and write into `sent` what becomes of each.

    What would be deleted at once by then, as time went by, is refused instead.

    Args:
        client: the registry.
        changes: `sent.total` of them.
        sent: is filled.
        progress: hears before each call how far it is.
        clock: asked before each call by when something expires at once.
        stop: once set, nothing more is sent; cancelling then breaks off the call in flight.

    Raises:
        asyncio.CancelledError: it was cancelled, and not by way of `stop`.
    """
    waiting = iter(changes)
    while batch := list(islice(waiting, EDIT_BATCH)):
        if stop is not None and stop.is_set():
            sent.stopped = True
            return
        now = clock()
        for one in batch:
            if now.is_due(one.expires_us):
                sent.outcomes[one.key] = Outcome(one.key, Result.REFUSED, DELETED_AT_ONCE)
        edits = [one.edit for one in batch if one.key not in sent.outcomes]
        progress(sent)
        in_flight = {edit.key: Outcome(edit.key, Result.UNKNOWN) for edit in edits}
        try:
            outcomes = await client.edit(edits) if edits else ()
        except ArtifactTuiError as error:
            if isinstance(error, RegistryError) and not isinstance(error, ReadOnlyError):
                sent.outcomes |= in_flight
            sent.error = error
            return
        except asyncio.CancelledError:
            if stop is None or not stop.is_set():
                raise
            sent.outcomes |= in_flight
            sent.stopped = True
            return
        sent.outcomes |= {one.key: one for one in outcomes}
    sent.stopped = stop is not None and stop.is_set()
