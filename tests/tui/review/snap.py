"""Snapshots of screens: as text, to be read in a diff, and as a picture, for the colours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pytest_textual_snapshot import SVGImageExtension
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from tests.tui.support import NARROW, WIDE

if TYPE_CHECKING:
    from syrupy.assertion import SnapshotAssertion

    from tests.tui.support import User

SIZES = pytest.mark.parametrize("size", [WIDE, NARROW], ids=["120x40", "80x24"])


class ScreenText(SingleFileSnapshotExtension):
    """One `.txt` for each screen."""

    _write_mode = WriteMode.TEXT
    _file_extension = "txt"


def looks_the_same(user: User, snapshot: SnapshotAssertion) -> None:
    """Compare the screen with the one that was looked at and approved (`--snapshot-update`)."""
    assert user.screen + "\n" == snapshot(extension_class=ScreenText)
    picture = user.app.export_screenshot(title="artifact-tui")
    lines = "\n".join(line.rstrip() for line in picture.splitlines())
    assert lines + "\n" == snapshot(extension_class=SVGImageExtension)
