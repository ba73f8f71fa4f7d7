"""When we are wrong ourselves: a log for whoever mends it, one sentence for the user.

Textual would print the values of all variables: names, headers, tokens.
"""

from __future__ import annotations

import os
import time
import traceback
from typing import TYPE_CHECKING

from artifact_tui import __version__, config
from artifact_tui.errors import ArtifactTuiError
from artifact_tui.text import safe

if TYPE_CHECKING:
    from pathlib import Path


def write_log(error: BaseException) -> Path | None:
    """Write where it happened, without any values, readable by the owner only.

    Returns the file, or None when it cannot be written.
    """
    lines = traceback.format_exception(error)
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    try:
        path = config.state_dir() / f"crash-{stamp}-{os.getpid()}.log"
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(handle, "a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(f"artifact-tui {__version__}\n{''.join(lines)}")
    except (OSError, ArtifactTuiError):
        return None
    return path


def words(error: BaseException, log: Path | None) -> str:
    """What the user reads after the screen is gone."""
    if isinstance(error, ArtifactTuiError):
        return f"{safe(str(error))} {safe(error.hint)}".strip()
    kind = type(error).__name__
    where = f"Where it happened is written in {safe(str(log))}." if log else "No log was written."
    return (
        f"artifact-tui stopped because of a mistake in it ({kind}). {where}\n"
        "Deletions that were running go on by themselves: artifact-tui tasks shows them."
    )
