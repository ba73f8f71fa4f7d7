"""The API key that a netrc file holds for a server, looked for as W&B's SDK does it."""

from __future__ import annotations

import netrc
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from artifact_tui.clients.wandb import hosts
from artifact_tui.clients.web.origin import Origin
from artifact_tui.clients.web.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator

_OTHERS = 0o077
_KEY = re.compile(r"(?:\w+-)?[\w-]{40,}")
"""An API key of W&B."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What was found, and if nothing: where, and why."""

    path: Path
    key: Secret
    why: str = ""
    """Why there is no key, in a few words."""
    notices: tuple[str, ...] = ()


def place() -> Path:
    """The file: `$NETRC`, else `~/.netrc`, else `~/_netrc`; it need not be there."""
    if named := os.environ.get("NETRC"):
        return Path(named).expanduser()
    usual, other = Path("~/.netrc").expanduser(), Path("~/_netrc").expanduser()
    if usual.exists():
        return usual
    return other if other.exists() or sys.platform == "win32" else usual


def look(origin: Origin) -> Looked:
    """The key for a server, under the name it was asked for, or under another of its names."""
    path = place()
    none = Secret("")
    try:
        read = netrc.netrc(path)
    except FileNotFoundError:
        return Looked(path, none, "not there")
    except netrc.NetrcParseError as error:  # its words may quote the key
        line = f" in line {error.lineno}" if error.lineno is not None else ""
        return Looked(path, none, f"has a mistake{line}")
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "no text"
        return Looked(path, none, f"cannot be read: {why}")
    for machine in _machines(origin):
        if found := read.authenticators(machine):
            if not found[2]:
                return Looked(path, none, f"has no password for machine {machine}")
            return Looked(path, Secret(found[2]), notices=open_to_others(path))
    return Looked(path, none, f"has no machine {origin.netloc}")


def signed_in(origin: Origin) -> bool:
    """Whether `wandb login` has left a key for a server, as it writes them."""
    try:
        found = netrc.netrc(place()).authenticators(origin.netloc)
    except (OSError, ValueError, netrc.NetrcParseError):
        return False
    return bool(found and found[0] == "user" and _KEY.fullmatch(found[2] or ""))


def _machines(origin: Origin) -> Iterator[str]:
    """The server's name, and the other names of its backend."""
    yield origin.netloc
    for twin in hosts.twins(origin.host):
        yield Origin(origin.scheme, twin, origin.port).netloc


def open_to_others(path: Path) -> tuple[str, ...]:
    """What to say of a file with a secret that other users can reach."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return ()
    if os.name != "posix" or not mode & _OTHERS:
        return ()
    return (f"Other users can read {path}: make it yours alone with chmod 600.",)
