"""The files of one version, asked of its registry, as a dialog."""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifact_tui.text import pad, plural, safe, size
from artifact_tui.tui.widgets.listing import Listing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from artifact_tui.catalog.rows import VersionRow
    from artifact_tui.model import File
    from artifact_tui.tui.screens.base import BaseScreen

MOST = 10_000
"""Files that are listed; the rest are counted."""


def show_files(screen: BaseScreen, row: VersionRow) -> None:
    """Ask for the files, and list them over the screen."""
    screen.say("Asking for the files" + screen.services.signs.ellipsis)
    screen.carry_out("the files are being asked for", _show(screen, row), stops=True)


async def _show(screen: BaseScreen, row: VersionRow) -> None:
    files = await screen.services.client.files(row.key)
    screen.status_line.hush()
    name = safe(f"{row.collection}:{row.label}")
    if screen.is_current:
        screen.open_dialog(Listing(f"{plural(len(files), 'file')} of {name}", file_lines(files)))


def file_lines(files: Sequence[File]) -> list[str]:
    """One safe line a file: its size, then its path."""
    lines = [f"{pad(size(file.size), 9, 'right')}  {safe(file.path)}" for file in files[:MOST]]
    more = len(files) - len(lines)
    return [*lines, f"and {plural(more, 'more file')}"] if more else lines or ["It has no files."]
