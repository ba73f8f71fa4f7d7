"""From a target to a running screen and back: opening, the event loop, closing."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from artifact_tui.tui.app import ArtifactApp
from artifact_tui.tui.keymap import keymap_from
from artifact_tui.tui.services import open_services

if TYPE_CHECKING:
    from artifact_tui.config import Config, Target


def launch(target: Target, config: Config) -> int:
    """Open the registry, run the app on it, close everything; returns the exit code.

    Raises:
        ArtifactTuiError: the registry cannot be opened, or a remapped key makes no sense.
    """
    return asyncio.run(_session(target, config, keymap_from(config)))


async def _session(target: Target, config: Config, keymap: dict[str, str]) -> int:
    services = await open_services(target, config)
    try:
        app = ArtifactApp(services, keymap)
        await app.run_async(mouse=wants_mouse(config))
        return app.return_code or 0
    finally:
        await services.aclose()


def wants_mouse(config: Config) -> bool:
    """As configured; by default not over SSH, where each movement would send a report."""
    if config.mouse is not None:
        return config.mouse
    return not any(name in os.environ for name in ("SSH_CONNECTION", "SSH_TTY"))
