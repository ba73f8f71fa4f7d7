"""The screen. `run` is the only way in; Textual is imported when it is called."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from artifact_tui.config import Config, Target


def run(target: Target | None, config: Config, *, locked: bool = False) -> int:
    """Open the screen on one registry, or on home; returns the exit code once the user leaves.

    `locked`: nothing may be changed in any registry of this session.

    Raises:
        ArtifactTuiError: the registry cannot be opened, or a remapped key makes no sense.
            Nothing has been drawn then.
    """
    from artifact_tui.tui.app import launch  # noqa: PLC0415  (Textual costs 0.2 s)

    return launch(target, config, locked=locked)
