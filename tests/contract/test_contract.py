"""What every client promises, asked of each kind of registry."""

from artifact_tui.testing.contract import *  # noqa: F403 - its tests, and what skips those that do not fit
