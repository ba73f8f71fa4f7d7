"""Leaving one registry for another without leaving the program."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING

from artifact_tui.errors import ArtifactTuiError
from artifact_tui.tui.screens.base import BaseScreen
from artifact_tui.tui.screens.browse import BrowseScreen
from artifact_tui.tui.services import open_services

if TYPE_CHECKING:
    from artifact_tui.config import Target
    from artifact_tui.tui.app import ArtifactApp
    from artifact_tui.tui.services import Services

_COUNTER = count(1)


async def switch(app: ArtifactApp, target: Target) -> None:
    """Open another registry and close this one; when it cannot be opened, say so and stay.

    A session that was started with `--read-only` stays read-only. Run it as the app's own work:
    the screens of the registry that is left do not live to its end.
    """
    before = app.services
    if before.target.locked:
        target = replace(target, read_only=True, locked=True)
    try:
        after = await open_services(target, before.config)
    except ArtifactTuiError as error:
        if isinstance(app.screen, BaseScreen):
            app.screen.fail(error)
        return
    app.services = after
    while len(app.screen_stack) > 1:
        await app.pop_screen()
    await _show(app, after)
    await before.aclose()


async def _show(app: ArtifactApp, services: Services) -> None:
    """Begin a new stack of screens; Textual keeps the very first one, which sleeps from now on."""
    old = app.current_mode
    new = f"registry {next(_COUNTER)}"
    app.add_mode(new, lambda: BrowseScreen(services))
    await app.switch_mode(new)
    if old.startswith("registry "):
        await app.remove_mode(old)
