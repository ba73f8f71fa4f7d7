"""A review: from a selection to a judged draft.

Where lineage is told only for the asking, the registry is asked about the selection first, and
about all that was made from it when that is to go too. Where a registry tells only what models
were made from, every model that nobody asked yet is asked: any may have been made from these.

A whole collection is offered when every live version of it goes anyway. It stands before its
versions in the order, after all that must go before any of them; should it turn out to have
changed, its versions are still there to be deleted one by one, in the order of the plan.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

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
from artifact_tui.deletion import judging, wholes
from artifact_tui.deletion.draft_items import DraftItems, DraftNames, RequestedKeys
from artifact_tui.deletion.items import (
    Action,
    Options,
)
from artifact_tui.deletion.plan import (
    Draft,
    Head,
    Summary,
    WholeCollection,
    count_summary,
)
from artifact_tui.model import Capabilities

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from artifact_tui.catalog.catalog_file import CatalogConnection
    from artifact_tui.catalog.catalog_rows import PickedBytes
    from artifact_tui.catalog.lineage import LineageCoverage
    from artifact_tui.catalog.marks import Selection
    from artifact_tui.clients.base import Client
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
