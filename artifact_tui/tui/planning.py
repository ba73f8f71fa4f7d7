"""What the review screen asks of the deletion engine, off the event loop."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from artifact_tui import places
from artifact_tui.deletion import launch
from artifact_tui.deletion.build import build_plan, with_options
from artifact_tui.deletion.confirm import confirm
from artifact_tui.deletion.items import Action
from artifact_tui.deletion.objects import with_storage
from artifact_tui.deletion.plan import Plan, new_path
from artifact_tui.deletion.preparing import of_models, prepare
from artifact_tui.deletion.recreate import wish
from artifact_tui.deletion.target import storage_of
from artifact_tui.errors import RegistryError
from artifact_tui.here import actor
from artifact_tui.orphans import Chosen, plan_of, storage_for

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from artifact_tui.catalog.lineage_ask import Asked
    from artifact_tui.catalog.selection import Selection
    from artifact_tui.deletion.draft import Draft
    from artifact_tui.deletion.items import Options
    from artifact_tui.tui.services import Services


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A draft, and why it does not say what stays behind in the storage."""

    draft: Draft
    storage_error: str = ""
    """Untrusted text; empty when the storage was looked at, or there is none."""
    lineage_error: str = ""
    """Why not all dependents are known that were to be asked for: untrusted text."""


async def draft_of(
    services: Services,
    selection: Selection | Chosen,
    options: Options,
    query_text: str,
    *,
    before: Draft | None = None,
    collections: Sequence[str] = (),
    progress: Callable[[Asked], object] | None = None,
    ask: bool = True,
) -> Reviewed:
    """A draft for a selection; nothing is written anywhere. A later call ends this one.

    `collections` are keys: all of these are selected too, empty ones themselves.
    With `before` the same versions are judged again, from fresh facts, with other consents.
    Where a registry tells lineage only when asked, it is asked first, if `ask`; `progress` hears
    how far.
    """
    if isinstance(selection, Chosen):
        return Reviewed(await _draft_of_orphans(services, selection, options))
    asked_for = selection if before is None else before.requested
    lineage_error = ""
    if ask:
        lineage_error = await ask_lineage(
            services, asked_for, options, collections=collections, progress=progress
        )

    def work(conn: sqlite3.Connection) -> Draft:
        if before is not None:
            return with_options(conn, before, options, now_us=services.now())
        return build_plan(
            conn,
            identity=services.client.identity,
            name=services.target.name,
            selection=selection,
            options=options,
            production=services.target.production,
            read_only=services.read_only,
            now_us=services.now(),
            actor=actor(),
            query_text=query_text,
            capabilities=services.client.capabilities,
            collections=collections,
        )

    draft = await services.catalog.run(work, latest="review")
    storage = storage_of(services.client) if options.action is Action.DELETE else None
    try:
        return Reviewed(await with_storage(draft, storage), lineage_error=lineage_error)
    except RegistryError as error:
        if options.storage or options.storage_versions:
            raise
        return Reviewed(draft, f"{error} {error.hint}".strip(), lineage_error)


async def ask_lineage(
    services: Services,
    selection: Selection,
    options: Options,
    *,
    collections: Sequence[str] = (),
    progress: Callable[[Asked], object] | None = None,
) -> str:
    """Ask for what must be known; why it is not all known, or nothing. Untrusted text."""
    client = services.client
    if client.capabilities.scanned_lineage and options.unknown_lineage:
        return ""
    try:
        if services.link is not None and progress is not None:
            await services.link.scan_ended(lambda found: progress(of_models(found)))
        asked = await prepare(
            client,
            services.catalog_path,
            selection,
            options,
            collections=collections,
            marks=places.marks_file(client.identity.uid),
            progress=progress,
        )
        if services.link is not None and asked is not None and asked.models:
            await services.link.prepare()
    except RegistryError as error:
        return f"{error} {error.hint}".strip()
    return "" if asked is None else asked.missing


async def _draft_of_orphans(services: Services, chosen: Chosen, options: Options) -> Draft:
    return await plan_of(
        storage_for(services.client),
        chosen.objects,
        chosen.findings,
        identity=services.client.identity,
        name=services.target.name,
        production=services.target.production,
        read_only=services.read_only,
        now_us=services.now(),
        actor=actor(),
        for_good=options.storage_versions,
    )


async def save(draft: Draft, path: Path) -> None:
    """Write the draft into a new plan file.

    Raises:
        PlanError: the file is there already, or cannot be written.
    """

    def work() -> None:
        Plan.create(path, draft).close()

    await asyncio.to_thread(work)


async def apply(draft: Draft, typed: str, *, wanted: str = "") -> Path:
    """Save the draft among the plans, confirm it with what was typed, start its own process.

    `wanted` is the address from which the versions are to be made again afterwards.

    Raises:
        ArtifactTuiError: it could not be saved, confirmed or started. Nothing was deleted.
    """

    def work() -> Path:
        path = new_path(draft.head)
        with Plan.create(path, draft) as plan:
            confirm(plan, typed, actor=draft.head.actor)
            if wanted:
                wish(plan, wanted)
        launch.start(path)
        return path

    return await asyncio.to_thread(work)
