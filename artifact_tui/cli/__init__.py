"""The command line: the same engine without a screen.

`main` is the console script. Each command lives in a module of its own that is imported only when
it is used, so that `--help` and errors are immediate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifact_tui.cli.output import run
from artifact_tui.cli.root import root

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(args: Sequence[str] | None = None) -> int:
    """Run one command line (by default that of this process); returns the exit code."""
    return run(root, args)
