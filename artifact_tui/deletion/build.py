"""From a selection to a draft: every version judged, and the whole in numbers."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from artifact_tui.catalog import selection as picking
from artifact_tui.catalog.coverage import lineage_coverage
from artifact_tui.catalog.fetch import snapshot
from artifact_tui.catalog.overview import synced_us
from artifact_tui.deletion import candidates, whole_review
from artifact_tui.deletion.checks import judge
from artifact_tui.deletion.draft import Draft, Freeing, Head, summarise
from artifact_tui.deletion.items import Action, Item, Options, Verdict
from artifact_tui.model import Capabilities

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence

    from artifact_tui.catalog.rows import Bytes
    from artifact_tui.catalog.selection import Selection
    from artifact_tui.deletion.checks import Judgement
    from artifact_tui.deletion.draft import Whole
    from artifact_tui.deletion.items import Candidate
    from artifact_tui.model import Identity

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
    garbage collection is assumed, as the local one. `collections` are keys (`whole_review.keys_of`
    gives those of a name): all versions of these are selected as well, and an empty one is deleted
    itself, where the registry can do that.
    """
    head = Head(
        id=uuid.uuid4().hex,
        identity=identity,
        registry=name,
        options=options,
        created_us=now_us,
        facts_us=synced_us(conn) or now_us,
        actor=actor,
        query=query_text,
        production=production,
        read_only=read_only,
    )
    with snapshot(conn):
        asked = _Asked(requested(conn, selection, collections), tuple(collections))
        return _build(conn, head, asked, capabilities)


def with_options(conn: sqlite3.Connection, draft: Draft, options: Options, *, now_us: int) -> Draft:
    """The same selection judged again, from fresh facts, with other consents."""
    head = replace(
        draft.head,
        id=uuid.uuid4().hex,
        options=options,
        created_us=now_us,
        facts_us=synced_us(conn) or now_us,
    )
    with snapshot(conn):
        picking.select_keys(conn, draft.requested)
        asked = _Asked(draft.requested, draft.collections)
        return _build(conn, head, asked, draft.capabilities)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What was selected, before dependents joined: keys."""

    versions: tuple[str, ...]
    collections: tuple[str, ...]


def requested(
    conn: sqlite3.Connection, selection: Selection, collections: Sequence[str] = ()
) -> tuple[str, ...]:
    """Pick a selection, and every live version of these collections; the keys of all of it."""
    picking.select(conn, selection)
    conn.execute(_ALL_OF, (json.dumps(list(collections)),))
    rows = conn.execute(
        "SELECT v.key FROM picked p CROSS JOIN version v ON v.id = p.version_id ORDER BY v.id"
    )
    return tuple(row[0] for row in rows)


def _build(
    conn: sqlite3.Connection, head: Head, asked: _Asked, capabilities: Capabilities | None
) -> Draft:
    options = head.options
    if options.with_dependents and options.action is Action.DELETE:
        picking.with_dependents(conn)
    found = candidates.read(conn, frozenset(asked.versions))
    coverage = lineage_coverage(conn)
    judged = judge(
        found.candidates, options,
        read_only=head.read_only, names=found.names, coverage=coverage, now_us=head.created_us,
    )  # fmt: skip
    items = tuple(
        _item(seq, candidate, judgement)
        for seq, (candidate, judgement) in enumerate(
            zip(found.candidates, judged, strict=True), start=1
        )
    )
    going = [item.key for item in items if item.verdict is Verdict.DELETE]
    whole: list[Whole] = []
    if _can_delete_whole(options, capabilities):
        homes = {one.key: one.collection_key for one in found.candidates}
        items, whole = _with_wholes(conn, head, asked, items, homes)
    picking.select_keys(conn, going)
    freed = picking.freed(conn)
    summary = summarise(
        items,
        action=options.action,
        freeing=_freeing(options.action, capabilities, freed),
        emptied=candidates.emptied(conn, options.action),
        whole=whole,
        coverage=coverage,
    )
    return Draft(head, items, summary, asked.versions, found.names, asked.collections, capabilities)


def _can_delete_whole(options: Options, capabilities: Capabilities | None) -> bool:
    can = capabilities is not None and capabilities.collection_delete
    return can and options.action is Action.DELETE


def _with_wholes(
    conn: sqlite3.Connection,
    head: Head,
    asked: _Asked,
    items: tuple[Item, ...],
    homes: Mapping[str, str],
) -> tuple[tuple[Item, ...], list[Whole]]:
    """The items with whole collections among them, and those that one request could delete."""
    going = {homes[item.key] for item in items if item.verdict is Verdict.DELETE}
    listed = whole_review.read(conn, going | set(asked.collections))
    offers = whole_review.offered(items, homes, listed)
    used = whole_review.wanted(offers, head.options)
    whole = whole_review.told(offers, items, homes, used)
    if used:
        items = whole_review.joined(items, homes, used, read_only=head.read_only)
    return items, whole


def _freeing(action: Action, capabilities: Capabilities | None, found: Bytes) -> Freeing:
    """What the deletion frees, and what must happen after the plan before bytes are free."""
    can = capabilities or _LIKE_LOCAL
    trash = action is Action.DELETE and can.soft_delete
    steps = ["purge"] if trash and can.purge else []
    steps += ["gc"] if can.garbage_collection else []
    own = can.freeing if not steps else ""
    after = own or " and ".join(steps) or ("its own garbage collection" if trash else "")
    return Freeing(
        freed=found.freed,
        untold=found.unknown_count,
        charged=found.charged,
        after=after,
        own_words=bool(own),
        no_way_back=action is Action.DELETE and not (can.restore or can.recreate),
    )


def _item(seq: int, candidate: Candidate, judgement: Judgement) -> Item:
    return Item(
        seq=seq,
        level=judgement.level,
        key=candidate.key,
        collection=candidate.collection,
        label=candidate.label,
        type=candidate.type,
        size=candidate.size,
        facts=candidate.facts,
        verdict=judgement.verdict,
        reason=judgement.reason,
        detail=judgement.detail,
        added_as_dependent=candidate.added_as_dependent,
        outside_dependents=judgement.outside,
    )
