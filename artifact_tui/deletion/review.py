"""A review: from a selection to a judged draft, and what must be typed before it is applied.

Where lineage is told only for the asking, the registry is asked about the selection first, and
about all that was made from it when that is to go too. Where a registry tells only what models
were made from, every model that nobody asked yet is asked: any may have been made from these.

A whole collection is offered when every live version of it goes anyway. It stands before its
versions in the order, after all that must go before any of them; should it turn out to have
changed, its versions are still there to be deleted one by one, in the order of the plan.

The greater the harm, the more must be typed. It is always something that is on the screen as well,
in its safe form; a name that cannot be typed gives way to the registry's, and that to the count.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from contextlib import closing
from dataclasses import dataclass, replace
from enum import StrEnum
from shlex import quote
from typing import TYPE_CHECKING

from artifact_tui import text
from artifact_tui.catalog import connect
from artifact_tui.catalog import marks as picking
from artifact_tui.catalog.catalog_file import connect_beside, plain_errors
from artifact_tui.catalog.lineage import (
    LineageProgress,
    ask_lineage,
    lineage_coverage,
    scan_lineage,
)
from artifact_tui.catalog.listing import last_synced_us
from artifact_tui.clients.base import AskedLineage, LineageScan
from artifact_tui.database import as_text
from artifact_tui.deletion import judging, plan_file, wholes
from artifact_tui.deletion.draft_items import DraftItems, DraftNames, RequestedKeys
from artifact_tui.deletion.items import (
    Action,
    Options,
)
from artifact_tui.deletion.plan import (
    Draft,
    Head,
    Status,
    Summary,
    WholeCollection,
    count_summary,
)
from artifact_tui.errors import ConfirmationError, PlanError
from artifact_tui.model import Capabilities, now_us

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from artifact_tui.catalog.catalog_file import CatalogConnection
    from artifact_tui.catalog.catalog_rows import PickedBytes
    from artifact_tui.catalog.lineage import LineageCoverage
    from artifact_tui.catalog.marks import Selection
    from artifact_tui.clients.base import Client
    from artifact_tui.deletion.plan import Plan
    from artifact_tui.model import Identity


async def ask_what_is_needed(
    client: Client,
    catalog_path: Path,
    selection: Selection,
    options: Options,
    *,
    collections: Sequence[str] = (),
    marks: Path | None = None,
    progress: Callable[[LineageProgress], object] | None = None,
) -> LineageProgress | None:
    """Bring the catalog up to what a review of this selection needs to know.

    Args:
        client: the registry.
        catalog_path: its catalog, synced before.
        selection: as for `build_plan`.
        options: what will be asked of the plan: with dependents, theirs are asked for too.
        collections: as for `build_plan`.
        marks: the file of the marks, for the selection `marked`.
        progress: called with how far it is.

    Returns:
        How far it got; None where nothing had to be asked, as at registries that tell by a sync.

    Raises:
        RegistryError: the registry could not be asked, or the catalog cannot be used.
    """  # fmt: skip
    scanned = client.capabilities.scanned_lineage and isinstance(client, LineageScan)
    if options.action is not Action.DELETE or not (scanned or isinstance(client, AskedLineage)):
        return None
    keys = await asyncio.to_thread(_keys_to_ask, catalog_path, marks, selection, collections)
    if isinstance(client, AskedLineage):
        return await ask_lineage(
            client, catalog_path, keys, closure=options.with_dependents, progress=progress
        )
    if not keys or not isinstance(client, LineageScan):
        return None
    tell = None if progress is None else lambda found: progress(models_asked(found))
    return models_asked(await scan_lineage(client, catalog_path, progress=tell))


def models_asked(found: LineageCoverage) -> LineageProgress:
    """How far the questions about what models were made from are."""
    untold = found.total - found.scanned
    return LineageProgress(asked=found.total, total=found.total, untold=untold, models=True)


def _keys_to_ask(
    path: Path, marks: Path | None, selection: Selection, collections: Sequence[str]
) -> tuple[str, ...]:
    with closing(connect(path, marks=marks)) as conn:
        return pick_request(conn, selection, collections)


_LIKE_LOCAL = Capabilities(soft_delete=True, restore=True, purge=True, garbage_collection=True)

_ALL_OF = """
INSERT OR IGNORE INTO temp.picked SELECT v.id FROM json_each(?) j
CROSS JOIN collection c ON c.key = j.value CROSS JOIN version v ON v.collection_id = c.id
WHERE v.state <> 'trash'"""


def build_plan(
    conn: sqlite3.Connection,
    *,
    identity: Identity,
    name: str,
    selection: Selection,
    options: Options,
    production: bool = False,
    read_only: bool = False,
    now_us: int,
    actor: str = "",
    query_text: str = "",
    capabilities: Capabilities | None = None,
    collections: Sequence[str] = (),
) -> Draft:
    """Judge a selection of one registry's catalog; nothing is written anywhere.

    `conn` is a catalog connection (`catalog.connect`); its `picked` table is used. Keys that the
    catalog does not know are left out. Without `capabilities` a registry with a trash and a
    garbage collection is assumed, as the local one. `collections` are keys (`collection_keys_of`
    gives those of a name): all versions of these are selected as well, and an empty one is deleted
    itself, where the registry can do that.
    """
    head = Head(
        id=uuid.uuid4().hex,
        identity=identity,
        registry=name,
        options=options,
        created_us=now_us,
        facts_us=last_synced_us(conn) or now_us,
        actor=actor,
        query=query_text,
        production=production,
        read_only=read_only,
    )
    subject = ReviewSubject(selection, tuple(collections), capabilities)
    return _build(conn, head, subject)


def with_options(conn: sqlite3.Connection, draft: Draft, options: Options, *, now_us: int) -> Draft:
    """The same selection judged again, from fresh facts, with other consents."""
    head = replace(
        draft.head,
        id=uuid.uuid4().hex,
        options=options,
        created_us=now_us,
        facts_us=last_synced_us(conn) or now_us,
    )
    return _build(conn, head, ReviewSubject(draft.requested, draft.collections, draft.capabilities))


@dataclass(frozen=True, slots=True)
class ReviewSubject:
    """What a review is about: versions, whole collections by key, and what the registry can do."""

    selection: Selection
    collections: tuple[str, ...]
    capabilities: Capabilities | None


def pick_request(
    conn: sqlite3.Connection, selection: Selection, collections: Sequence[str] = ()
) -> tuple[str, ...]:
    """Pick a selection, and every live version of these collections; the keys of all of it."""
    picking.pick(conn, selection)
    conn.execute(_ALL_OF, (json.dumps(list(collections)),))
    rows = conn.execute(
        "SELECT v.key FROM picked p CROSS JOIN version v ON v.id = p.version_id ORDER BY v.id"
    )
    return tuple(row[0] for row in rows)


def _build(conn: sqlite3.Connection, head: Head, subject: ReviewSubject) -> Draft:
    """Judge what is selected, on a connection of its own, which the draft keeps."""
    selection = subject.selection
    if selection == "marked" and not picking.are_kept(conn):
        # Marks in memory are seen by this connection alone.
        selection = [row[0] for row in conn.execute("SELECT version_key FROM marks.mark")]
    beside = connect_beside(conn)
    try:
        with plain_errors(beside):
            DraftItems.make_tables(beside)
            beside.execute("BEGIN")
            draft = _build_beside(beside, head, replace(subject, selection=selection))
            beside.set_progress_handler(None, 0)
            return draft
    except BaseException:
        beside.close()
        raise


_PICK_KEY = "INSERT OR IGNORE INTO temp.picked SELECT id FROM version WHERE key = ?"


def _build_beside(conn: CatalogConnection, head: Head, subject: ReviewSubject) -> Draft:
    """Judge what is selected; the transaction that was begun ends with it."""
    options, can = head.options, subject.capabilities
    if isinstance(subject.selection, RequestedKeys):
        conn.executemany(_PICK_KEY, ((key,) for key in subject.selection))
    else:
        picking.pick(conn, subject.selection)
    conn.execute(_ALL_OF, (json.dumps(list(subject.collections)),))
    judging.lay_out(conn, head)
    judging.give_verdicts(conn, head)
    offers: list[WholeCollection] = []
    if can is not None and can.collection_delete and options.action is Action.DELETE:
        offers = wholes.offer_collections(conn, subject.collections, options)
    judging.fill_items(conn)
    wholes.add_items(conn, read_only=head.read_only)
    picking.pick_nothing(conn)
    conn.execute("INSERT INTO picked SELECT version_id FROM judged WHERE verdict = 'delete'")
    freed = picking.picked_bytes(conn)
    emptied = emptied_collections(conn, options.action)
    coverage = lineage_coverage(conn)
    conn.commit()
    items = DraftItems(conn)
    freeing = _freeing_of(options.action, can, freed)
    seen = replace(freeing, emptied=emptied, whole=tuple(offers),
                   scanned=coverage.scanned, models=coverage.total)  # fmt: skip
    summary = count_summary(conn, seen, options)
    judging.forget(conn)
    return Draft(
        head, items, summary, RequestedKeys(items), DraftNames(items), subject.collections, can
    )


def _freeing_of(action: Action, capabilities: Capabilities | None, found: PickedBytes) -> Summary:
    """What the deletion frees, and what must happen after the plan before bytes are free."""
    can = capabilities or _LIKE_LOCAL
    trash = action is Action.DELETE and can.soft_delete
    steps = ["purge"] if trash and can.purge else []
    steps += ["gc"] if can.garbage_collection else []
    own = can.freeing if not steps else ""
    after = own or " and ".join(steps) or ("its own garbage collection" if trash else "")
    return Summary(
        freed=found.freed,
        freed_untold=found.unknown_count,
        charged=found.charged,
        freed_now=not after,
        freed_after=after,
        freeing=bool(own),
        no_way_back=action is Action.DELETE and not (can.restore or can.recreate),
    )


_EMPTIED = f"""
SELECT {as_text("c.name")}, count(*)
FROM picked p CROSS JOIN version v ON v.id = p.version_id
JOIN collection c ON c.id = v.collection_id GROUP BY c.id
HAVING count(*) = (SELECT count(*) FROM version w WHERE w.collection_id = c.id AND {{counted}})
ORDER BY count(*) DESC, c.name"""


def emptied_collections(conn: sqlite3.Connection, action: Action) -> tuple[tuple[str, int], ...]:
    """Collections of which every version is picked: name and count, largest first.

    A deletion leaves what is in the trash out of account; a purge does not.
    """
    counted = "1" if action is Action.PURGE else "w.state <> 'trash'"
    return tuple(conn.execute(_EMPTIED.format(counted=counted)).fetchall())


def collection_keys_of(conn: sqlite3.Connection, name: str) -> tuple[str, ...]:
    """The keys of the collections with this name; there is one of each type at most."""
    rows = conn.execute("SELECT key FROM collection WHERE name = ? ORDER BY id", (name,))
    return tuple(row[0] for row in rows)


FEW = 10
"""Up to this many plain versions need only a `y`."""

NAME_LIMIT = 40
"""The name of a collection that is longer is not asked for."""

REGISTRY_LIMIT = 80
"""Nor is a longer name or address of a registry."""


class ChallengeKind(StrEnum):
    """What the challenge asks for."""

    NOTHING = "nothing"
    """There is nothing to delete, so nothing to confirm."""
    YES = "yes"
    COUNT = "count"
    COLLECTION = "collection"
    REGISTRY = "registry"


@dataclass(frozen=True, slots=True)
class Challenge:
    """What to type, and why that much; all of it is safe to show."""

    kind: ChallengeKind
    expected: str
    prompt: str
    """Such as `type 3391 to delete`."""
    why: str = ""
    """The harm that asks for it; empty for a plain `y`."""


def challenge(summary: Summary, production: bool, registry_name: str) -> Challenge:  # noqa: FBT001
    """What must be typed for this plan. The registry's name may be untrusted text."""
    count = summary.deletes
    if count == 0:
        return Challenge(ChallengeKind.NOTHING, "", "nothing to delete")
    kind, why = _harm(summary, production=production)
    expected = ""
    if kind is ChallengeKind.COLLECTION:
        expected = typeable(_lost_collections(summary)[0], NAME_LIMIT)
        kind = kind if expected else ChallengeKind.REGISTRY
    if kind is ChallengeKind.REGISTRY:
        expected = typeable(registry_name, REGISTRY_LIMIT)
        kind = kind if expected else ChallengeKind.COUNT
    if kind is ChallengeKind.COUNT:
        expected = str(count)
    elif kind is ChallengeKind.YES:
        expected = "y"
    verb = "purge" if summary.action is Action.PURGE else "delete"
    if summary.unlinks == count:
        verb = "unlink"
    return Challenge(kind, expected, f"type {expected} to {verb}", why)


def _lost_collections(summary: Summary) -> list[str]:
    """Collections that lose every version, and empty ones that go themselves."""
    empty = [one.name for one in summary.whole if one.used and one.versions == 0]
    return [name for name, _ in summary.emptied] + empty


def _harm(summary: Summary, *, production: bool) -> tuple[ChallengeKind, str]:
    """The greatest harm in the plan: what it asks for, and in words."""
    lost = len(_lost_collections(summary))
    whole = any(one.used for one in summary.whole)
    harms = (
        (production, ChallengeKind.REGISTRY, "this registry is marked production"),
        (
            summary.orphaned > 0,
            ChallengeKind.REGISTRY,
            f"{text.plural(summary.orphaned, 'live version')} will lose a parent",
        ),
        (
            summary.empty_registry,
            ChallengeKind.REGISTRY,
            "the registry lists nothing, and is said to be empty",
        ),
        (
            summary.for_good,
            ChallengeKind.REGISTRY,
            f"{text.plural(summary.objects, 'stored object')} will be removed for good",
        ),
        (
            lost > 1,
            ChallengeKind.REGISTRY,
            f"{lost} collections {'go with all in them' if whole else 'lose every version'}",
        ),
        (
            lost == 1,
            ChallengeKind.COLLECTION,
            "the whole collection goes" if whole else "the collection loses every version",
        ),
        (bool(summary.linked), ChallengeKind.COUNT, "links in other collections break"),
        (bool(summary.aliases), ChallengeKind.COUNT, "aliases go too"),
        (summary.objects > 0, ChallengeKind.COUNT, "stored objects go too"),
        (summary.deletes > FEW, ChallengeKind.COUNT, ""),
    )
    return next(((kind, why) for so, kind, why in harms if so), (ChallengeKind.YES, ""))


def typeable(name: str, limit: int) -> str:
    """The (untrusted) name, when it can be typed as it is shown; else nothing."""
    good = name == text.safe(name) == name.strip() and len(name) <= limit
    return name if good else ""


def matches(challenge: Challenge, typed: str) -> bool:
    """Whether what was typed is what was asked for, to the letter. Nothing typed never is."""
    return challenge.expected != "" and typed.strip() == challenge.expected


def challenge_of(plan: Plan) -> Challenge:
    """The challenge for a plan file: of one that was not made here, the registry's name is typed.

    What such a file says about itself may be less than what it does.
    """
    target = plan_file.target_of(plan)
    production = plan.head.production or target.production
    if plan_file.is_made(plan):
        return challenge(plan.summary, production, plan.head.registry)
    asked = challenge(plan.summary, True, target.name)  # noqa: FBT003 - the greatest harm
    if asked.kind is ChallengeKind.NOTHING or production:
        return asked
    return replace(asked, why="this plan was not made here")


def confirm(plan: Plan, typed: str, *, actor: str) -> None:
    """Write into a plan that a person typed what was asked; only then can it be applied.

    Raises:
        ConfirmationError: something else was typed, or there is nothing to delete.
        PlanError: the plan was changed since it was made, or has been applied.
    """
    plan.check_hash()
    asked = challenge_of(plan)
    if not matches(asked, typed):
        expected = f"expected {asked.expected}" if asked.expected else asked.prompt
        raise ConfirmationError(
            f"Not confirmed: {expected}. Nothing was deleted.", hint=f"To go on, {asked.prompt}."
        )
    _mark_confirmed(plan, actor)


def confirm_count(plan: Plan, expected: int, *, actor: str) -> None:
    """As `confirm`, for a script that says how many versions it expects to be deleted.

    Raises:
        ConfirmationError: the plan deletes another number of versions, or none.
        PlanError: the plan was changed since it was made, or has been applied.
    """
    plan.check_hash()
    count = plan.summary.deletes
    if count != expected or count == 0:
        what = text.plural(count, plan.summary.noun)
        raise ConfirmationError(
            f"The plan {plan.path} deletes {what}, not {expected}. Nothing was deleted.",
            hint="Review the plan, then give the number that it shows.",
        )
    _mark_confirmed(plan, actor)


def _mark_confirmed(plan: Plan, actor: str) -> None:
    sql = """UPDATE journal SET status=CASE status WHEN 'draft' THEN ? ELSE status END,
        confirmed_us=?, confirmed_by=? WHERE status NOT IN ('finished','cancelled')"""
    if plan.write(sql, (Status.CONFIRMED, now_us(), actor)):
        plan_file.note_confirmed(plan)
    else:
        raise PlanError(
            f"The plan {plan.path} has been applied already ({plan.status}).",
            hint=f"What happened to each: artifact-tui report {quote(str(plan.path))}",
        )
