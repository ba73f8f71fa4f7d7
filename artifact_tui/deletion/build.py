"""From a selection to a draft: every version judged, and the whole in numbers."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from artifact_tui.catalog import selection as picking
from artifact_tui.catalog.coverage import lineage_coverage
from artifact_tui.catalog.fetch import snapshot
from artifact_tui.catalog.overview import synced_us
from artifact_tui.deletion import candidates
from artifact_tui.deletion.checks import judge
from artifact_tui.deletion.draft import Draft, Head, summarise
from artifact_tui.deletion.items import Action, Item, Options, Verdict
from artifact_tui.query import Where

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from artifact_tui.deletion.checks import Judgement
    from artifact_tui.deletion.items import Candidate
    from artifact_tui.model import Capabilities, Identity

    Selection = Sequence[str] | Where | Literal["marked"]


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
) -> Draft:
    """Judge a selection of one registry's catalog; nothing is written anywhere.

    `conn` is a catalog connection (`catalog.connect`); its `picked` table is used. Keys that the
    catalog does not know are left out. Without `capabilities` a registry with a trash and a
    garbage collection is assumed, as the local one.
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
        requested = _pick(conn, selection)
        return _build(conn, head, requested, _freed_after(options.action, capabilities))


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
        return _build(conn, head, draft.requested, draft.summary.freed_after)


def _pick(conn: sqlite3.Connection, selection: Selection) -> tuple[str, ...]:
    """Fill `picked`; the keys that are in it."""
    if isinstance(selection, Where):
        picking.select_where(conn, selection)
    elif selection == "marked":
        picking.select_marked(conn)
    else:
        picking.select_keys(conn, selection)
    rows = conn.execute(
        "SELECT v.key FROM picked p CROSS JOIN version v ON v.id = p.version_id ORDER BY v.id"
    )
    return tuple(row[0] for row in rows)


def _freed_after(action: Action, capabilities: Capabilities | None) -> str:
    """What must happen after the plan before bytes are free."""
    trash = capabilities is None or capabilities.soft_delete
    collects = capabilities is None or capabilities.garbage_collection
    steps = ["purge"] if action is Action.DELETE and trash else []
    return " and ".join([*steps, *(["gc"] if collects else [])])


def _build(
    conn: sqlite3.Connection, head: Head, requested: tuple[str, ...], freed_after: str
) -> Draft:
    options = head.options
    if options.with_dependents and options.action is Action.DELETE:
        picking.with_dependents(conn)
    found = candidates.read(conn, frozenset(requested))
    coverage = lineage_coverage(conn)
    judged = judge(
        found.candidates, options,
        read_only=head.read_only, names=found.names, coverage=coverage,
    )  # fmt: skip
    items = tuple(
        _item(seq, candidate, judgement)
        for seq, (candidate, judgement) in enumerate(
            zip(found.candidates, judged, strict=True), start=1
        )
    )
    picking.select_keys(conn, [item.key for item in items if item.verdict is Verdict.DELETE])
    summary = summarise(
        items,
        action=options.action,
        freed=picking.freed(conn).freed,
        freed_after=freed_after,
        emptied=candidates.emptied(conn, options.action),
        coverage=coverage,
    )
    return Draft(head, items, summary, requested, found.names)


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
