"""Leaving one registry for another without leaving the program."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING

from artifact_tui.tui.screens.browse import BrowseScreen
from artifact_tui.tui.services import open_services
from artifact_tui.tui.working import start

if TYPE_CHECKING:
    from artifact_tui.config import Target
    from artifact_tui.tui.app import ArtifactApp
    from artifact_tui.tui.services import Services

_COUNTER = count(1)


async def switch(app: ArtifactApp, target: Target) -> None:
    """Open another registry and close this one; cancelled in time, stay.

    A session that was started with `--read-only` stays read-only. Run it as the app's own work:
    the screens of the registry that is left do not live to its end.

    Raises:
        ArtifactTuiError: it cannot be opened.
    """
    before = app.services
    if before.target.locked:
        target = replace(target, read_only=True, locked=True)
    after = await open_services(target, before.config)
    await asyncio.shield(_change(app, after))
    start(app, "close", before.aclose)


async def _change(app: ArtifactApp, after: Services) -> None:
    app.services = after
    while len(app.screen_stack) > 1:
        await app.pop_screen()
    await _show(app, after)


async def _show(app: ArtifactApp, services: Services) -> None:
    """Begin a new stack of screens; Textual keeps the very first one, which sleeps from now on."""
    old = app.current_mode
    new = f"registry {next(_COUNTER)}"
    app.add_mode(new, lambda: BrowseScreen(services))
    await app.switch_mode(new)
    if old.startswith("registry "):
        await app.remove_mode(old)
