"""What the command palette offers on a screen: its keys, those of everywhere, and themes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifact_tui.tui.bindings import rows_of
from artifact_tui.tui.keymap import shown_key
from artifact_tui.tui.widgets.palette import Command

if TYPE_CHECKING:
    from collections.abc import Iterator

    from artifact_tui.tui.keyrow import KeyRow
    from artifact_tui.tui.screens.base import BaseScreen


def commands_for(screen: BaseScreen) -> list[Command]:
    """Every command that has a key here, then the themes."""
    keymap = screen.host.keymap_shown
    found = [
        Command(
            title=f"{row.label}: {row.help}",
            action=_action(row),
            key=shown_key(keymap, row),
            reason=screen.why_not(row.id),
        )
        for row in (*rows_of(screen.PLACE), *rows_of("app"))
        if row.id != "app.palette"
    ]
    return [*found, *_themes(screen)]


def _action(row: KeyRow) -> str:
    return f"app.{row.action}" if row.where == "app" else row.action


def _themes(screen: BaseScreen) -> Iterator[Command]:
    for name in sorted(screen.app.available_themes):
        yield Command(title=f"theme: {name}", action=f"app.use_theme('{name}')")
