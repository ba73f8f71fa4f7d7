"""A plan: what was reviewed, in numbers and item by item, what is asked of it, what has happened.

What a file says about itself is not believed: a plan's numbers are counted from its items, in SQL,
so that half a million of them cost no more memory than five. What the items cannot tell (bytes
that are freed, collections that lose all they have) is what its maker saw in the catalog.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
from collections.abc import Mapping  # noqa: TC003 - msgspec reads the annotations
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

import msgspec

from artifact_tui import config
from artifact_tui.deletion import plan_file
from artifact_tui.deletion.draft_items import (
    PAGE,
    DraftItems,
    of_whole,
    read_items,
)
from artifact_tui.deletion.items import (
    Action,
    Item,
    ItemState,
    Options,
    Reason,
    Verdict,
    verbs_of,
)
from artifact_tui.errors import PlanError
from artifact_tui.model import Identity  # noqa: TC001 - msgspec reads the annotations
from artifact_tui.text import count, plural

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import TracebackType

    from artifact_tui.deletion.review import ReviewRequest


@dataclass(frozen=True, slots=True)
class Head:
    """Who planned what for which registry, and when."""

    id: str
    """Unique to this plan; copies of the file share it."""
    identity: Identity
    registry: str
    """The registry's name in the configuration, or its address; untrusted text."""
    options: Options
    created_us: int
    facts_us: int
    """When the reviewed facts were read from the registry."""
    actor: str = ""
    query: str = ""
    """The filter that chose the items, if one did."""
    production: bool = False
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class WholeCollection:
    """A collection of which every live version goes, so that one request could do it."""

    key: str
    name: str
    """Untrusted text."""
    versions: int
    """Live versions (or links) in it; 0 for an empty collection that was asked for by name."""
    links: bool = False
    """It holds only links: they are unlinked, and their sources stay."""
    broken: tuple[tuple[str, int], ...] = ()
    """Other collections that show its versions, with how many links break there; most first."""
    aliases: int = 0
    """Aliases that its versions carry, those in other collections included."""
    used: bool = False
    """The plan does it so; else it would with `whole_collections`."""
    along: str = ""
    """A version elsewhere that goes with it, and that the plan does not list: untrusted text."""


@dataclass(frozen=True, slots=True)
class Summary:
    """A plan in numbers. Counts are of versions, sizes in bytes, names are untrusted text."""

    action: Action = Action.DELETE
    items: int = 0
    deletes: int = 0
    """Items that will be deleted (or purged): versions, links, collections, stored objects."""
    consents: int = 0
    blocked: int = 0
    added: int = 0
    """Those of `deletes` that were not asked for: they joined as dependents."""
    listed: int = 0
    """Sum of the sizes of what will be deleted, shared bytes counted each time."""
    unknown_sizes: int = 0
    """Versions that will be deleted and whose size the registry does not say."""
    freed: int = 0
    """Bytes that nothing else needs, as far as that is told."""
    freed_untold: int = 0
    """Versions that will be deleted and of which nobody tells what that frees."""
    held: int = 0
    """Bytes that no other version needs, and that stay all the same: something else holds them."""
    freed_now: bool = False
    """True when those bytes are free as soon as the plan is applied."""
    freed_after: str = ""
    """What else must happen first: `purge and gc`, `gc`, or nothing.

    Where the registry frees bytes in its own time: a sentence of its own (`freeing` says so).
    """
    freeing: bool = False
    """`freed_after` is the registry's own sentence, such as "W&B frees the bytes at its next…"."""
    charged: bool = False
    """`freed` is what the registry charges for these versions, not a sum of files."""
    no_way_back: bool = False
    """What is deleted cannot be brought back: to be said before the deletion."""
    restorable: bool = False
    """All of it can be restored, and nothing here purges it."""
    unlinks: int = 0
    """Those of `deletes` that are links: they are unlinked, never their sources with them."""
    followed: int = 0
    """Those of `unlinks` whose sources are deleted by the same plan, after them."""
    linked: tuple[tuple[str, int], ...] = ()
    """Other collections that show what goes, with how many links break there; most first."""
    consent_links: tuple[tuple[str, int], ...] = ()
    """Other collections that show what needs consent for its links, with how many; most first."""
    whole: tuple[WholeCollection, ...] = ()
    """Collections that one request each deletes, or could delete, largest first."""
    wholes: int = 0
    """Those of `deletes` that are whole collections; 0 while the option is off."""
    cheaper: int = 0
    """How many requests fewer it would be with `whole_collections`; 0 when that is on."""
    aliases: tuple[tuple[str, int], ...] = ()
    """Alias names that go, with how many versions lose them; most first."""
    partial_aliases: tuple[tuple[str, int], ...] = ()
    """Alias names of versions that stay, with how many parts of those go; most first."""
    consent_aliases: tuple[tuple[str, int], ...] = ()
    """Alias names on the versions that need consent."""
    consent_parts: tuple[tuple[str, int], ...] = ()
    """Alias names of versions that stay, of which parts need consent."""
    protected_aliases: tuple[tuple[str, int], ...] = ()
    """Protected alias names on blocked versions."""
    collections: int = 0
    """Collections that lose a version."""
    emptied: tuple[tuple[str, int], ...] = ()
    """Collections that lose every version they have, with how many."""
    orphaned: int = 0
    """Live versions that stay and lose a parent."""
    orphaning: int = 0
    """Versions that go and were a parent of those."""
    orphan_names: tuple[str, ...] = ()
    """`COLLECTION:LABEL` of the first `NAMES_SHOWN` of those that lose a parent."""
    generated: int = 0
    """Those of `deletes` that the registry made by itself."""
    unfinished: int = 0
    """Those of `deletes` whose upload never ended."""
    in_use: int = 0
    """Those of `deletes` that processes hold files of."""
    users: tuple[tuple[str, int], ...] = ()
    """Those processes, with how many versions each holds; most first."""
    consent_users: tuple[tuple[str, int], ...] = ()
    """Processes that hold files of what needs consent for that."""
    users_unseen: bool = False
    """Some processes of this machine could not be looked at."""
    untold: int = 0
    """Versions that will be deleted and whose dependents the registry did not tell."""
    subject_versions: int = 0
    """Versions under review, whatever becomes of them; links apart."""
    subject_collections: int = 0
    """Collections that those are in."""
    subject_links: int = 0
    """Links under review."""
    subject_empty: int = 0
    """Collections under review of which no version is."""
    subject_objects: int = 0
    """Stored objects under review."""
    scanned: int = 0
    """Models whose parents were asked for, of `models`: until all were, dependents may hide."""
    models: int = 0
    """Live models of a registry whose lineage must be scanned; 0 where that is not so."""
    storage: str = ""
    """The storage that was looked at: its place, for people; empty when none was."""
    objects: int = 0
    """Those of `deletes` that are stored objects."""
    object_bytes: int = 0
    """Their bytes, also in `listed` and, unless `markers`, in `freed`."""
    markers: bool = False
    """The bucket keeps versions: deleting these objects hides them and frees nothing."""
    for_good: bool = False
    """Every stored version of those objects goes: no delete marker, and no way back."""
    empty_registry: bool = False
    """The registry listed nothing at all, and was said to be really empty."""
    left_objects: int = 0
    """Stored objects that nothing refers to once the versions are gone, and that stay."""
    left_bytes: int = 0
    reasons: tuple[tuple[Reason, int], ...] = ()
    """Why versions stay, with how many; most first."""
    states: Mapping[ItemState, int] = field(default_factory=dict)
    """For a plan file: how many of `deletes` are in each state."""

    @property
    def versions(self) -> int:
        """Versions that will be deleted (or purged), and links that will be unlinked."""
        return self.deletes - self.objects - self.wholes

    @property
    def only_links(self) -> bool:
        """Whether nothing is deleted: links go, and their sources stay."""
        used = [one for one in self.whole if one.used]
        links = self.unlinks and self.unlinks == self.versions
        return bool(links) and not self.objects and all(one.links for one in used)

    @property
    def verbs(self) -> tuple[str, str]:
        """What the plan does and what it will have done, such as “delete” and “deleted”."""
        return verbs_of(self.action, only_links=self.only_links)

    @property
    def noun(self) -> str:
        """What goes is called: `version`, or `item` where something else is among it."""
        return "item" if self.objects or self.wholes or self.unlinks else "version"

    @property
    def things(self) -> str:
        """What goes, such as `12 versions` or `12 versions, 3 links and 12 stored objects`."""
        *first, last = _counted_kinds(
            (self.versions - self.unlinks, "version"),
            (self.unlinks, "link"),
            (self.wholes, "whole collection"),
            (self.objects, "stored object"),
        ) or [plural(0, "version")]
        return f"{', '.join(first)} and {last}" if first else last

    @property
    def subject(self) -> str:
        """What is under review, such as `12 versions in 3 collections, 2 links`."""
        others = _counted_kinds(
            (self.subject_links, "link"),
            (self.subject_empty, "empty collection"),
            (self.subject_objects, "stored object"),
        )
        if self.subject_versions or not others:
            collections = plural(self.subject_collections, "collection")
            others = [f"{plural(self.subject_versions, 'version')} in {collections}", *others]
        return ", ".join(others)

    @property
    def sources(self) -> str:
        """What becomes of that which the unlinked links show, in words."""
        stay = self.unlinks - self.followed
        if stay and self.followed:
            return f"the sources of {count(stay)} stay, the others go too"
        if self.unlinks == 1:
            return "its source stays" if stay else "its source goes too"
        return "their sources stay" if stay else "their sources go too"


def _counted_kinds(*kinds: tuple[int, str]) -> list[str]:
    """Those of which there are any, such as `2 links`."""
    return [plural(count, kind) for count, kind in kinds if count]


NAMES_SHOWN = 12
"""Names that one line shows before it says how many more there are."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A reviewed plan that is not in a file yet."""

    head: Head
    items: DraftItems
    """They are read from where SQL put them, a page at a time."""
    summary: Summary
    request: ReviewRequest
    """What it answers, with the keys that were selected before dependents joined."""
    storage_error: str = ""
    """Why it does not say what stays behind in the storage: untrusted text."""
    lineage_error: str = ""
    """Why not all dependents are known that were to be asked for: untrusted text."""


def most_first(found: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    """Names with their counts, the greatest count first."""
    return tuple(sorted(found.items(), key=lambda pair: (-pair[1], pair[0])))


_ITEM_TOTALS = """SELECT count(*), sum(verdict = 'delete'), sum(verdict = 'consent'),
    sum(verdict = 'blocked'), sum(kind = 'version'), sum(kind = 'collection'),
    sum(kind = 'object'), sum(source_key <> ''),
    count(DISTINCT CASE WHEN kind = 'version' AND source_key = '' THEN collection END),
    sum(aliases <> '[]'), sum(links <> '[]'), sum(used_by IS NOT NULL), sum(strange)
    FROM reviewed"""

_GOING_TOTALS = """SELECT sum(kind = 'collection'), sum(kind = 'object'), sum(size),
    sum(CASE kind WHEN 'object' THEN size END), sum(size IS NULL), sum(added),
    sum(source_key <> ''), sum(generated), sum(pending), sum(kind = 'version' AND untold),
    sum(used_by IS NOT NULL), count(DISTINCT CASE WHEN kind <> 'object' THEN collection END)
    FROM reviewed WHERE verdict = 'delete'"""

_REASON_TOTALS = """SELECT reason, count(*) FROM reviewed WHERE verdict <> 'delete'
    GROUP BY reason ORDER BY count(*) DESC, min(seq)"""

_SUBJECT_EMPTY = """SELECT count(*) FROM reviewed c WHERE kind = 'collection'
    AND NOT EXISTS(SELECT 1 FROM reviewed m WHERE m.belongs = c.seq AND m.kind = 'version')"""

_ORPHANS = """SELECT count(DISTINCT o.key), count(DISTINCT o.seq) FROM outside o
    JOIN reviewed i USING(seq) WHERE i.verdict = 'delete'"""

_ORPHAN_NAMES = """SELECT o.name FROM outside o JOIN reviewed i USING(seq)
    WHERE i.verdict = 'delete' ORDER BY o.seq, o.key"""

_GOES = "verdict = 'delete'"

_FOLLOWED = """SELECT count(*) FROM reviewed i WHERE verdict = 'delete' AND source_key <> ''
    AND EXISTS(SELECT 1 FROM reviewed s WHERE s.key = i.source_key AND s.verdict = 'delete')"""

_LINK_TOTALS = """SELECT json_extract(l.value, '$.name'), count(*)
    FROM reviewed i, json_each(i.links) l
    WHERE i.links <> '[]' AND {where} AND NOT EXISTS(SELECT 1 FROM reviewed o
      WHERE o.key = json_extract(l.value, '$.key') AND o.verdict = 'delete' AND {where_other})
    GROUP BY 1"""

_USER_TOTALS = """SELECT CAST(u.value AS TEXT), count(*) FROM reviewed i, json_each(i.used_by) u
    WHERE i.used_by IS NOT NULL AND {where} GROUP BY 1"""

# An alias that a link of the same list carries, and its source has by that link, counts once.
_ALIAS_TOTALS = """SELECT json_extract(a.value, '$.name'), count(*)
    FROM reviewed i, json_each(i.aliases) a
    WHERE i.aliases <> '[]' AND {where} AND {lost}
    AND NOT (json_extract(a.value, '$.scope') <> '' AND EXISTS(
      SELECT 1 FROM json_each(i.links) l
      WHERE json_extract(l.value, '$.name') = json_extract(a.value, '$.scope')
      AND EXISTS(SELECT 1 FROM reviewed o WHERE o.key = json_extract(l.value, '$.key')
        AND o.source_key <> '' AND {same}))) GROUP BY 1"""

OF_WHOLE = of_whole("i")
"""Whether another version has the alias (`a`), of which this one (`i`) is a part."""

_CARRIED_ALIAS = "NOT (i.source_key <> '' AND json_extract(a.value, '$.scope') <> '')"

_LOST_ALIAS = f"{_CARRIED_ALIAS} AND NOT {OF_WHOLE}"

_PARTIAL_ALIAS = f"""{OF_WHOLE} AND json_extract(a.value, '$.scope') NOT IN (
    SELECT collection || ':' || label FROM reviewed WHERE kind = 'version' AND {_GOES})"""

_WHOLES = """SELECT c.seq, c.key, c.collection, count(m.seq), coalesce(sum(m.source_key <> ''), 0)
    FROM reviewed c
    LEFT JOIN reviewed m ON m.belongs = c.seq AND m.kind = 'version' AND m.verdict = 'delete'
    WHERE c.kind = 'collection' AND c.verdict = 'delete' GROUP BY c.seq"""


def count_summary(conn: sqlite3.Connection, claims: Summary, options: Options) -> Summary:
    """What the items of an open plan add up to; `claims` has what its maker saw in the catalog."""
    row = [number or 0 for number in conn.execute(_ITEM_TOTALS).fetchone()]
    items, deletes, consents, blocked, versions, collections, objects, links = row[:8]
    subject_collections, aliased, shown, used, strange = row[8:]
    if strange:
        raise ValueError("the facts of an item are none")
    going = [number or 0 for number in conn.execute(_GOING_TOTALS).fetchone()]
    wholes, gone_objects, listed, object_bytes, unknown, added, unlinks = going[:7]
    generated, unfinished, untold, in_use, homes = going[7:]
    reasons = tuple((Reason(why), number) for why, number in conn.execute(_REASON_TOTALS))
    whole, cheaper = _whole_totals(conn, claims, any_used=wholes > 0)
    orphaned, orphaning = conn.execute(_ORPHANS).fetchone()
    found = replace(
        claims,
        action=options.action,
        items=items,
        deletes=deletes,
        consents=consents,
        blocked=blocked,
        added=added,
        listed=listed,
        unknown_sizes=unknown,
        unlinks=unlinks,
        followed=_number(conn, _FOLLOWED) if unlinks else 0,
        whole=whole,
        wholes=wholes,
        cheaper=cheaper,
        collections=homes,
        emptied=_emptied_totals(conn, claims),
        orphaned=orphaned,
        orphaning=orphaning,
        orphan_names=_orphan_names(conn) if orphaned else (),
        generated=generated,
        unfinished=unfinished,
        in_use=in_use,
        untold=untold,
        subject_versions=versions - links,
        subject_collections=subject_collections,
        subject_links=links,
        subject_empty=_number(conn, _SUBJECT_EMPTY) if collections else 0,
        subject_objects=objects,
        objects=gone_objects,
        object_bytes=object_bytes,
        for_good=options.storage_versions and gone_objects > 0,
        reasons=reasons,
    )
    if shown:
        waiting = f"i.verdict <> 'delete' AND i.reason = '{Reason.LINKED}'"
        found = replace(
            found,
            linked=_name_totals(conn, _LINK_TOTALS.format(where=f"i.{_GOES}", where_other="1")),
            consent_links=_name_totals(conn, _LINK_TOTALS.format(where=waiting, where_other="0")),
        )
    if used:
        waiting = f"i.verdict <> 'delete' AND i.reason = '{Reason.IN_USE}'"
        found = replace(
            found,
            users=_name_totals(conn, _USER_TOTALS.format(where=f"i.{_GOES}")),
            consent_users=_name_totals(conn, _USER_TOTALS.format(where=waiting)),
        )
    if aliased:
        protected = f"verdict <> 'delete' AND {{}}.reason = '{Reason.PROTECTED}'"
        asking = "verdict = 'consent' AND {}.reason"
        parts, others = f"{asking} = '{Reason.PART}'", f"{asking} <> '{Reason.PART}'"
        found = replace(
            found,
            aliases=_alias_totals(conn, _GOES, _LOST_ALIAS),
            partial_aliases=_alias_totals(conn, _GOES, _PARTIAL_ALIAS),
            consent_aliases=_alias_totals(conn, others, _CARRIED_ALIAS),
            consent_parts=_alias_totals(conn, parts, _CARRIED_ALIAS),
            protected_aliases=_alias_totals(
                conn, protected, f"{_CARRIED_ALIAS} AND json_extract(a.value, '$.protected')"
            ),
        )
    return found


def _orphan_names(conn: sqlite3.Connection) -> tuple[str, ...]:
    """The first names of those that stay and lose a parent."""
    found: dict[str, None] = {}
    for (name,) in conn.execute(_ORPHAN_NAMES):
        found[name] = None
        if len(found) == NAMES_SHOWN:
            break
    return tuple(found)


def _number(conn: sqlite3.Connection, sql: str, *params: object) -> int:
    return int(conn.execute(sql, params).fetchone()[0])


def _name_totals(conn: sqlite3.Connection, sql: str) -> tuple[tuple[str, int], ...]:
    return most_first(dict(conn.execute(sql).fetchall()))


def _alias_totals(conn: sqlite3.Connection, where: str, which: str) -> tuple[tuple[str, int], ...]:
    """Aliases (`a`) for which `which` holds, of the items for which `where` does."""
    mine, same = f"i.{where}".format("i"), f"o.{where}".format("o")
    return _name_totals(conn, _ALIAS_TOTALS.format(where=mine, lost=which, same=same))


def _whole_totals(
    conn: sqlite3.Connection, claims: Summary, *, any_used: bool
) -> tuple[tuple[WholeCollection, ...], int]:
    """The collections that one request each deletes, and what its maker offered besides."""
    found = []
    along = {one.key: one.along for one in claims.whole if one.used}
    rows = conn.execute(_WHOLES).fetchall() if any_used else []
    for seq, key, name, versions, links in rows:
        where = f"i.belongs = {int(seq)} AND i.kind = 'version' AND i.verdict = 'delete'"
        aliases = _name_totals(conn, _ALIAS_TOTALS.format(where=where, lost=_LOST_ALIAS, same="0"))
        found.append(
            WholeCollection(
                key=key,
                name=name,
                versions=versions,
                links=links > 0 and links == versions,
                broken=_name_totals(conn, _LINK_TOTALS.format(where=where, where_other="1")),
                aliases=sum(count for _, count in aliases),
                used=True,
                along=along.get(key, ""),
            )
        )
    offered = [one for one in claims.whole if not one.used]
    both = sorted((*found, *offered), key=lambda one: (-one.versions, one.name, one.key))
    return tuple(both), sum(max(0, one.versions - 1) for one in offered)


def _emptied_totals(conn: sqlite3.Connection, claims: Summary) -> tuple[tuple[str, int], ...]:
    """Those collections that were found to lose everything, and that lose something here."""
    if not claims.emptied:
        return ()
    sql = f"""SELECT collection, count(*) FROM reviewed WHERE {_GOES} AND kind = 'version'
        AND collection IN (SELECT value FROM json_each(?)) GROUP BY collection"""
    names = json.dumps([name for name, _ in claims.emptied])
    counts = dict(conn.execute(sql, (names,)).fetchall())
    return tuple((name, min(most, counts[name])) for name, most in claims.emptied if name in counts)


class Status(StrEnum):
    """Where a plan is in its life."""

    DRAFT = "draft"
    """Saved; nobody has confirmed it."""
    CONFIRMED = "confirmed"
    """What must be typed was typed: it may be applied."""
    APPLYING = "applying"
    PAUSED = "paused"
    INTERRUPTED = "interrupted"
    """Stopped before its end, cleanly or not: it can be resumed."""
    FINISHED = "finished"
    CANCELLED = "cancelled"
    """The rest was given up; what had been done stays done."""


OVER = frozenset({Status.FINISHED, Status.CANCELLED})
"""A plan that is so came to its end, by itself or because its rest was cancelled."""


class Want(StrEnum):
    """What the user asks of a running apply."""

    RUN = "run"
    PAUSE = "pause"
    CANCEL = "cancel"


CountedT = TypeVar("CountedT")

_COUNTED: dict[tuple[str, str], dict[str, Any]] = {}
"""What was counted lately of plans, by path and hash: those who watch ask often."""

_REMEMBERED = 100
"""Plans of which that is kept."""


_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)

_LATEST = 253_402_300_799_000_000
"""The end of the year 9999, in microseconds."""


def _check_claims(head: Head, summary: Summary) -> None:
    """Raise ValueError for what no plan of ours says about itself."""
    texts = (head.identity.kind, head.identity.address, head.identity.uid, head.registry)
    if not _ID.fullmatch(head.id):
        raise ValueError("its id is none")
    if any("\0" in text or len(text) > plan_file.LONGEST for text in (*texts, head.actor)):
        raise ValueError("it names no registry")
    if not all(0 <= at <= _LATEST for at in (head.created_us, head.facts_us)):
        raise ValueError("its times are none")
    freed = (summary.freed, summary.freed_untold, summary.held)
    numbers = (*freed, summary.left_objects, summary.left_bytes, summary.scanned, summary.models)
    if any(not 0 <= number < 1 << 62 for number in numbers):
        raise ValueError("its numbers are none")


def new_path(head: Head) -> Path:
    """A file name for a plan that the user did not name, in the folder of plans."""
    made = datetime.fromtimestamp(head.created_us / 1e6, tz=UTC)
    return config.plans_dir() / f"{made:%Y%m%d-%H%M%S}-{head.id[:8]}.plan"


class Plan:
    """An open plan file. Use it from one thread at a time, and close it (or use `with`)."""

    def __init__(self, path: Path, conn: sqlite3.Connection) -> None:
        self.path = path
        """Absolute, with symbolic links followed."""
        self.conn = conn
        self._right: tuple[int, int] | None = None
        """The state of the file at which it was found to be right."""
        with plan_file.trouble(path):
            plan_file.check_head(conn)
            self.head = msgspec.json.decode(self._value("head"), type=Head)
            self._claims = msgspec.json.decode(self._value("summary"), type=Summary)
            self.hash = self._value("hash")
            """Of all that was reviewed, as the file has it: `check_hash` holds it to that."""
            _check_claims(self.head, self._claims)

    @classmethod
    def create(cls, path: Path, draft: Draft) -> Self:
        """Save a draft in a new file (0600) and open it for writing.

        Raises:
            PlanError: the file exists already, or cannot be written.
        """
        path = path.absolute()
        path = path.parent.resolve() / path.name
        return plan_file.with_room(path, lambda: cls._create(path, draft))

    @classmethod
    def _create(cls, path: Path, draft: Draft) -> Self:
        conn = plan_file.create(path)
        try:
            with plan_file.trouble(path):
                _fill(conn, path, draft)
            plan = cls(path, conn)
        except BaseException:
            conn.close()
            with suppress(OSError):
                path.unlink()
            raise
        plan._right = plan._state()  # the hash is of what was read back from the file
        if not draft.summary.storage:  # counted from the same rows
            plan._counted("summary", lambda: draft.summary)
        plan_file.note_made(plan)
        return plan

    @classmethod
    def open(cls, path: Path, *, write: bool = False) -> Self:
        """Open a plan file; without `write` nothing in it can change.

        Raises:
            NotFoundError: there is no such file.
            PlanError: it is not a plan, damaged, or of another format.
        """
        path = Path(os.path.realpath(path))
        conn = plan_file.connect(path, write=write)
        try:
            return cls(path, conn)
        except BaseException:
            conn.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self.conn.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _value(self, name: str) -> str:
        row = self.conn.execute("SELECT value FROM plan WHERE name=?", (name,)).fetchone()
        if row is None:
            raise ValueError(f"no {name} in it")
        return str(row[0])

    def first_value(self, sql: str, params: Sequence[object] = ()) -> Any:
        """The first value of the first row, or None."""
        with plan_file.trouble(self.path):
            row = self.conn.execute(sql, params).fetchone()
        return None if row is None else row[0]

    def _counted(self, what: str, count: Callable[[], CountedT]) -> CountedT:
        """Count something that no apply changes, unless it was counted lately."""
        found = _COUNTED.setdefault((str(self.path), self.hash), {})
        if what not in found:
            found[what] = count()
        while len(_COUNTED) > _REMEMBERED:
            del _COUNTED[next(iter(_COUNTED))]
        counted: CountedT = found[what]
        return counted

    @property
    def summary(self) -> Summary:
        """What was reviewed, counted from the items, with their states as they are now."""

        def count() -> Summary:
            with plan_file.trouble(self.path):
                return count_summary(self.conn, self._claims, self.head.options)

        return replace(self._counted("summary", count), states=self.states())

    @property
    def listed(self) -> int | None:
        """Bytes of all that is to go, shared ones counted each time; None: no size is told."""
        sql = "SELECT sum(size) FROM item WHERE verdict='delete'"
        listed: int | None = self._counted("listed", lambda: self.first_value(sql))
        return listed

    @property
    def confirmed_by(self) -> str:
        """Who confirmed it, as the file says: untrusted text."""
        return str(self.first_value("SELECT confirmed_by FROM journal"))

    @property
    def status(self) -> Status:
        """Where the plan is now; an apply that died shows as INTERRUPTED."""
        stored = self.stored_status
        if stored in {Status.APPLYING, Status.PAUSED} and not plan_file.is_locked(self.path):
            return Status.INTERRUPTED
        return stored

    @property
    def stored_status(self) -> Status:
        """What the file says, whether or not the apply that wrote it is alive."""
        with plan_file.trouble(self.path):
            return Status(self.first_value("SELECT status FROM journal"))

    @property
    def why(self) -> str:
        """Why the last run ended early: words for people, maybe with a registry's in them."""
        return str(self.first_value("SELECT why FROM journal"))

    @property
    def pace(self) -> str:
        """What limits the speed of a running apply now, in the client's words; may be empty."""
        return str(self.first_value("SELECT pace FROM journal"))

    @property
    def want(self) -> Want:
        """What the user last asked of the apply."""
        with plan_file.trouble(self.path):
            return Want(self.first_value("SELECT want FROM journal"))

    def ask(self, want: Want) -> None:
        """Ask the apply to run, pause or cancel the rest; it listens between calls."""
        self.write("UPDATE journal SET want=?", (want,))

    def note(self, why: str) -> None:
        """Say why nothing happened: the apply could not begin."""
        self.write("UPDATE journal SET why=?", (why,))

    def write(self, sql: str, params: Sequence[object]) -> int:
        """Carry one statement of ours out; returns how many rows changed."""

        def once() -> int:
            with plan_file.trouble(self.path):
                return self.conn.execute(sql, params).rowcount

        return plan_file.with_room(self.path, once)

    def states(self) -> dict[ItemState, int]:
        """How many of the items to delete are in each state."""
        # All of them less those that stay: the index of states alone tells the first, and a join
        # of everything would take seconds at each look.
        sql = """SELECT state, sum(count) FROM (
              SELECT state, count(*) AS count FROM progress GROUP BY state
              UNION ALL
              SELECT p.state, -count(*) FROM item i CROSS JOIN progress p USING(seq)
                WHERE i.verdict IN ('consent', 'blocked') GROUP BY p.state)
            GROUP BY state HAVING sum(count) > 0"""
        with plan_file.trouble(self.path):
            return {ItemState(state): count for state, count in self.conn.execute(sql).fetchall()}

    def _state(self) -> tuple[int, int]:
        """Numbers that change with every write to the file."""
        return (self.first_value("PRAGMA data_version"), self.conn.total_changes)

    def check_hash(self) -> None:
        """Raise PlanError when the file is damaged, or not what was reviewed any more.

        What was found to be right is not read again while nobody writes to the file.
        """
        state = self._state()
        if self._right == state:
            return
        with plan_file.trouble(self.path):
            found = plan_file.content_hash(self.conn)
            kept = self._value("hash")
        if found != kept:
            _COUNTED.pop((str(self.path), self.hash), None)
            raise PlanError(
                f"The plan {self.path} was changed after it was reviewed. Nothing was deleted.",
                hint="Make a new plan and review that.",
            )
        with plan_file.trouble(self.path):
            plan_file.check_rows(self.conn)
        self._right = state

    def check_untouched(self) -> None:
        """Raise PlanError when the journal tells of work, and no run has ever begun."""
        begun = """SELECT EXISTS(SELECT 1 FROM item i LEFT JOIN progress p USING(seq)
            WHERE p.state IS NOT 'planned' OR p.attempts <> 0)"""
        if self.first_value(begun) and not self.first_value("SELECT EXISTS(SELECT 1 FROM run)"):
            raise PlanError(
                f"The plan {self.path} tells of deletions that were never begun. "
                "Nothing was deleted.",
                hint="Somebody changed the file: make a new plan and review that.",
            )

    def items(
        self,
        *,
        verdict: Verdict | None = None,
        state: ItemState | None = None,
        reason: Reason | None = None,
        after: int = 0,
        limit: int = PAGE,
    ) -> list[Item]:
        """The next items in the order of the review, those with a `seq` above `after`.

        `reason` is the one an item shows: that of its refusal or failure, else of its verdict.
        """
        where, params = ["i.seq > ?"], [after]
        found: list[Any] = params
        if verdict is not None:
            where.append("i.verdict = ?")
            found.append(verdict)
        if state is not None:
            where.append("i.verdict = 'delete' AND p.state = ?")
            found.append(state)
        if reason is not None:
            where.append("CASE WHEN p.reason <> '' THEN p.reason ELSE i.reason END = ?")
            found.append(reason)
        found.append(limit)
        return self.select(f"{' AND '.join(where)} ORDER BY i.seq LIMIT ?", found)

    def every_item(self, *, verdict: Verdict | None = None) -> Iterator[Item]:
        """All items, a page at a time."""
        after = 0
        while page := self.items(verdict=verdict, after=after):
            yield from page
            after = page[-1].seq

    def select(self, where: str, params: Sequence[object]) -> list[Item]:
        """The items (`i`) with their progress (`p`) for which our own SQL condition holds."""
        with plan_file.trouble(self.path):
            return list(read_items(self.conn, where, params))

    def names(self, keys: Sequence[str]) -> dict[str, str]:
        """`COLLECTION:LABEL` of keys that the plan knows: its items and their dependents."""
        found: dict[str, str] = {}
        with plan_file.trouble(self.path):
            for key in keys:
                row = self.conn.execute(
                    """SELECT CASE kind WHEN 'collection' THEN collection
                         ELSE collection || ':' || label END FROM item WHERE key=?1
                       UNION ALL SELECT name FROM outside WHERE key=?1 LIMIT 1""",
                    (key,),
                ).fetchone()
                if row is not None:
                    found[key] = row[0]
        return found

    def orphans(self, *, limit: int = PAGE) -> list[tuple[str, int]]:
        """Live versions that stay and lose a parent: name, and how many parents they lose."""
        sql = """SELECT o.name, count(*) FROM outside o JOIN item i USING(seq)
            WHERE i.verdict='delete' GROUP BY o.key ORDER BY o.name LIMIT ?"""
        with plan_file.trouble(self.path):
            return self.conn.execute(sql, (limit,)).fetchall()


def _fill(conn: sqlite3.Connection, path: Path, draft: Draft) -> None:
    """Write all of a draft into an empty plan file; only with the last commit it is a plan."""
    draft.items.copy_to(plan_file.address_of(path), draft.head)
    conn.execute("PRAGMA synchronous=EXTRA")
    conn.execute("BEGIN IMMEDIATE")
    encode = msgspec.json.encode
    conn.executemany(
        "INSERT INTO plan(name, value) VALUES(?,?)",
        [("head", encode(draft.head).decode()), ("summary", encode(draft.summary).decode())],
    )
    conn.execute("INSERT INTO journal(id, status) VALUES(1, 'draft')")
    try:
        found = plan_file.content_hash(conn)
    except sqlite3.OperationalError:
        # Texts that another program wrote into the catalog and that are not UTF-8.
        for table in ("progress", "outside", "item"):
            conn.execute(f"DELETE FROM {table}")
        fields = ",".join("?" * 14)
        conn.executemany(f"INSERT INTO item VALUES({fields})", draft.items.item_rows())
        conn.executemany(
            "INSERT INTO outside(seq, key, name) VALUES(?,?,?)", draft.items.outside_rows()
        )
        conn.execute("INSERT INTO progress(seq) SELECT seq FROM item")
        found = plan_file.content_hash(conn)
    conn.execute("INSERT INTO plan(name, value) VALUES('hash', ?)", (found,))
    conn.execute("COMMIT")
