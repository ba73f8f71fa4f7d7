"""Drafts of a catalog without a client that could be asked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from artifact_tui.config import Target
from artifact_tui.deletion.review import (
    NOBODY,
    ReviewRequest,
    ReviewSource,
    ask_lineage,
    build_plan,
)
from tests.servers.faulty.faulty import Wrapped
from tests.support.able import LIKE_LOCAL

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Sequence

    from artifact_tui.catalog.marks import Selection
    from artifact_tui.clients.base import Client
    from artifact_tui.deletion.items import Options
    from artifact_tui.deletion.plan import Draft
    from artifact_tui.deletion.review import BuildProgress
    from artifact_tui.model import Holders, Identity


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
    client: Client = LIKE_LOCAL,
    collections: Sequence[str] = (),
    tell: Callable[[BuildProgress], object] = lambda _: None,
    holders: Holders = NOBODY,
) -> Draft:
    """What a review of this selection says; `tell` hears how far it is."""
    target = Target(name, identity.address, read_only, production)
    named = Wrapped(client)
    named.identity = identity
    source = ReviewSource(named, target, Path("unused"))
    request = ReviewRequest(selection=selection, options=options, collections=tuple(collections))
    draft = build_plan(conn, source, request, now_us=now_us, tell=tell, holders=holders)
    return replace(draft, head=replace(draft.head, actor=actor))


async def asked_lineage(
    client: Client,
    catalog: Path,
    selection: Selection,
    options: Options,
    *,
    collections: Sequence[str] = (),
) -> str:
    """Ask for the lineage that a review of this selection needs; what is missing then."""
    source = ReviewSource(
        client, Target("here", client.identity.address, read_only=False, production=False), catalog
    )
    request = ReviewRequest(selection=selection, options=options, collections=tuple(collections))
    return await ask_lineage(source, request)


def with_options(
    conn: sqlite3.Connection,
    draft: Draft,
    options: Options,
    *,
    now_us: int,
    client: Client = LIKE_LOCAL,
    holders: Holders = NOBODY,
) -> Draft:
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
        client=client,
        holders=holders,
    )
