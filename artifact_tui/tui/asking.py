"""Lineage asked of the registry when somebody looks at a version: one question at a time."""

from __future__ import annotations

import asyncio
from enum import StrEnum
from typing import TYPE_CHECKING

from artifact_tui.catalog.lineage_ask import ask_lineage
from artifact_tui.clients.base import AskedLineage
from artifact_tui.model import VersionState

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from artifact_tui.catalog.lineage_ask import Asked
    from artifact_tui.catalog.rows import VersionRow
    from artifact_tui.clients.base import Client


class Told(StrEnum):
    """What is known of the parents of a version."""

    KNOWN = "known"
    NOT_ASKED = "not asked yet"
    ASKING = "asking"
    FAILED = "could not be asked"


class LineageAsker:
    """Asks for lineage and writes it into the catalog; whoever is cancelled asks nothing more."""

    def __init__(self, client: Client, path: Path, now: Callable[[], int]) -> None:
        self._client = client
        self._path = path
        self._now = now
        self._turn = asyncio.Lock()
        self._told: dict[str, Told] = {}

    def told(self, row: VersionRow) -> Told:
        """What is known of a version's parents, as far as this session asked."""
        if not isinstance(self._client, AskedLineage) or row.link:
            return Told.KNOWN
        if not self._client.capabilities.asked_lineage:
            return Told.KNOWN
        return self._told.get(row.key, Told.NOT_ASKED)

    def wants(self, row: VersionRow) -> bool:
        """Whether there is something to ask about a version."""
        return row.state is VersionState.LIVE and self.told(row) in {Told.NOT_ASKED, Told.ASKING}

    @property
    def busy(self) -> bool:
        """Whether a question is under way."""
        return self._turn.locked()

    def forget(self) -> None:
        """The registry was synced: what it said before may not be so any more."""
        self._told.clear()

    async def ask(self, row: VersionRow) -> None:
        """Ask for parents and dependents of one version.

        Raises:
            ArtifactTuiError: the registry could not be asked.
        """
        if not isinstance(self._client, AskedLineage):
            return
        self._told[row.key] = Told.ASKING
        found = Told.FAILED
        try:
            async with self._turn:
                asked = await ask_lineage(
                    self._client, self._path, [row.key], parents=True, now_us=self._now()
                )
            found = Told.KNOWN if asked.complete else Told.FAILED
        except asyncio.CancelledError:
            found = Told.NOT_ASKED
            raise
        finally:
            self._told[row.key] = found

    async def ask_below(self, row: VersionRow, progress: Callable[[Asked], object]) -> Asked | None:
        """Ask on until everything made from a version is known; None where nothing is asked.

        Raises:
            ArtifactTuiError: the registry could not be asked. What was learnt is kept.
        """
        if not isinstance(self._client, AskedLineage):
            return None
        async with self._turn:
            return await ask_lineage(
                self._client,
                self._path,
                [row.key],
                closure=True,
                progress=progress,
                now_us=self._now(),
            )
