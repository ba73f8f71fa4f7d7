"""Secrets that the settings of a registry name: by a variable, or by a command that prints them."""

from __future__ import annotations

import os
import shlex
import subprocess
from typing import TYPE_CHECKING

from artifact_tui.settings import fail

if TYPE_CHECKING:
    from collections.abc import Mapping

COMMAND_S = 30.0
"""Seconds that a command may take."""


def variable(settings: Mapping[str, object], key: str, name: str) -> str:
    """The value of a variable that must be there; empty when none is named.

    Raises:
        ConfigError: it is not set.
    """
    if not name:
        return ""
    value = os.environ.get(name, "")
    if not value:
        fail(settings, key, f"the variable {name} is not set", f"Set it: export {name}=…")
    return value


def printed(settings: Mapping[str, object], key: str, command: str) -> str:
    """The first line that a command prints; what else it says is not repeated anywhere.

    Raises:
        ConfigError: it prints nothing, or cannot be run.
    """
    try:
        ran = subprocess.run(  # noqa: S603 - the user's own command, without a shell
            shlex.split(command),
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=COMMAND_S,
            check=False,
            text=True,
        )
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else None
        fail(settings, key, f"the {key} cannot be run: {why or 'see quotes'}")
    except subprocess.TimeoutExpired:
        fail(settings, key, f"the {key} took more than {COMMAND_S:.0f} s")
    lines = ran.stdout.strip().splitlines()
    if ran.returncode or not lines:
        did = f"ended with {ran.returncode}" if ran.returncode else "printed nothing"
        fail(settings, key, f"the {key} {did}", "Try it in a shell.")
    return lines[0]
