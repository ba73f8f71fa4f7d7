"""Drafts of a catalog without a client that could be asked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from artifact_tui.config import Target
from artifact_tui.deletion.review import ReviewRequest, ReviewSource, build_plan
from artifact_tui.model import Capabilities, Identity

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from artifact_tui.catalog.marks import Selection
    from artifact_tui.deletion.items import Options
    from artifact_tui.deletion.plan import Draft

LIKE_LOCAL = Capabilities(soft_delete=True, restore=True, purge=True, garbage_collection=True)


@dataclass
class Named:
    """As much of a client as a build needs."""

    identity: Identity
    capabilities: Capabilities


def draft_of(
    conn: sqlite3.Connection,
    *,
    identity: Identity,
    name: str,
    selection: Selection,
    options: Options,
    now_us: int,
    production: bool = False,
    read_only: bool = False,
    actor: str = "",
    capabilities: Capabilities = LIKE_LOCAL,
    collections: Sequence[str] = (),
) -> Draft:
    """What a review of this selection says."""
    target = Target(name, identity.address, read_only, production)
    source = ReviewSource(cast("Any", Named(identity, capabilities)), target, Path("unused"))
    request = ReviewRequest(selection=selection, options=options, collections=tuple(collections))
    draft = build_plan(conn, source, request, now_us=now_us)
    return replace(draft, head=replace(draft.head, actor=actor))


def with_options(conn: sqlite3.Connection, draft: Draft, options: Options, *, now_us: int) -> Draft:
    """The same selection with other consents."""
    head, again = draft.head, draft.request
    return draft_of(
        conn,
        identity=head.identity,
        name=head.registry,
        selection=cast("Any", again.selection),
        options=options,
        now_us=now_us,
        collections=again.collections,
    )
