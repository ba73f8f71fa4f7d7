"""What must be asked of a registry before a plan is built from its catalog.

Where lineage is told only for the asking, the catalog knows the dependents of versions that
somebody asked about. So the whole selection is asked about before it is reviewed, and with it all
that was made from it when that is to go too. Where a registry tells only what models were made
from, every model that nobody asked yet is asked: any of them may have been made from these.
"""

from __future__ import annotations

import asyncio
from contextlib import closing
from typing import TYPE_CHECKING

from artifact_tui.catalog import connect
from artifact_tui.catalog.lineage_ask import Asked, ask_lineage
from artifact_tui.catalog.lineage_scan import scan_lineage
from artifact_tui.clients.base import AskedLineage, LineageScan
from artifact_tui.deletion.build import requested
from artifact_tui.deletion.items import Action

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from artifact_tui.catalog.coverage import Coverage
    from artifact_tui.catalog.selection import Selection
    from artifact_tui.clients.base import Client
    from artifact_tui.deletion.items import Options


async def prepare(
    client: Client,
    catalog_path: Path,
    selection: Selection,
    options: Options,
    *,
    collections: Sequence[str] = (),
    marks: Path | None = None,
    progress: Callable[[Asked], object] | None = None,
) -> Asked | None:
    """Bring the catalog up to what a review of this selection needs to know.

    Args:
        client: the registry.
        catalog_path: its catalog, synced before.
        selection: as for `build.build_plan`.
        options: what will be asked of the plan: with dependents, theirs are asked for too.
        collections: as for `build.build_plan`.
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
    keys = await asyncio.to_thread(_keys, catalog_path, marks, selection, collections)
    if isinstance(client, AskedLineage):
        return await ask_lineage(
            client, catalog_path, keys, closure=options.with_dependents, progress=progress
        )
    if not keys or not isinstance(client, LineageScan):
        return None
    tell = None if progress is None else lambda found: progress(of_models(found))
    return of_models(await scan_lineage(client, catalog_path, progress=tell))


def of_models(found: Coverage) -> Asked:
    """How far the questions about what models were made from are."""
    untold = found.total - found.scanned
    return Asked(asked=found.total, total=found.total, untold=untold, models=True)


def _keys(
    path: Path, marks: Path | None, selection: Selection, collections: Sequence[str]
) -> tuple[str, ...]:
    with closing(connect(path, marks=marks)) as conn:
        return requested(conn, selection, collections)
