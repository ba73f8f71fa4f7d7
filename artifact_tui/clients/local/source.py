"""What is added: a file, or all files below a folder, looked at once before anything is read.

- Regular files are taken, with their permission bits. Empty folders are not kept.
- A link inside the folder to a regular file inside the same folder is stored as a copy of it.
  Any other link (to a folder, to the outside, to nothing) is refused: what it names could differ
  from what the user looked at.
- Named pipes, sockets and devices are refused, and so are names that are not UTF-8.
- The path that the user names may itself be a link.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from artifact_tui.errors import SourceError

if TYPE_CHECKING:
    from pathlib import Path

_KINDS = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
NOTHING_ADDED = "Nothing was added."


@dataclass(frozen=True, slots=True)
class Found:
    """One file to add."""

    path: str
    """Its name in the version, with `/` between parts."""
    real: Path
    """Where its bytes are."""
    size: int


def shown(path: os.PathLike[str] | str) -> str:
    """A path as text that can be printed, even when its name is not UTF-8."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def trouble(path: os.PathLike[str] | str, error: OSError) -> SourceError:
    """The error for a file that cannot be read."""
    if isinstance(error, FileNotFoundError):
        return SourceError(
            f"{shown(path)} is not there (any more). {NOTHING_ADDED}",
            hint="Check the name; do not change a folder while it is being added.",
        )
    return SourceError(
        f"{shown(path)} cannot be read: {error.strerror or error}. {NOTHING_ADDED}",
        hint="Make it readable, or take it out of the folder.",
    )


def _utf8(name: str, path: Path) -> None:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError as error:
        raise SourceError(
            f"The name {shown(path)} is not UTF-8. {NOTHING_ADDED}",
            hint="Rename it, then try again.",
        ) from error


def _link(path: Path, top: Path) -> tuple[Path, os.stat_result]:
    """Where a link inside the folder leads, when it may be followed."""
    try:
        real = path.resolve(strict=True)
        info = real.lstat()
    except (OSError, RuntimeError) as error:
        raise SourceError(
            f"{shown(path)} is a link that leads nowhere. {NOTHING_ADDED}",
            hint="Remove the link, or repair it.",
        ) from error
    if not stat.S_ISREG(info.st_mode) or not real.is_relative_to(top):
        raise SourceError(
            f"{shown(path)} is a link to {shown(real)}, which is not a file inside the folder. "
            f"{NOTHING_ADDED}",
            hint="Replace the link by what it links to (`cp -rL` copies a folder so).",
        )
    return real, info


def _regular(path: Path, info: os.stat_result) -> None:
    if not stat.S_ISREG(info.st_mode):
        kind = _KINDS.get(stat.S_IFMT(info.st_mode), "not a file")
        raise SourceError(
            f"{shown(path)} is {kind}. {NOTHING_ADDED}",
            hint="Only files and folders can be added: take it out of the folder.",
        )


def _walk(top: Path) -> list[Found]:
    found: list[Found] = []
    folders = [("", top)]
    while folders:
        prefix, folder = folders.pop()
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    path = folder / entry.name
                    _utf8(entry.name, path)
                    inside = f"{prefix}{entry.name}"
                    info = entry.stat(follow_symlinks=False)
                    if stat.S_ISDIR(info.st_mode):
                        folders.append((f"{inside}/", path))
                        continue
                    if stat.S_ISLNK(info.st_mode):
                        path, info = _link(path, top)
                    _regular(path, info)
                    found.append(Found(inside, path, info.st_size))
        except OSError as error:
            raise trouble(error.filename or folder, error) from error
    return sorted(found, key=lambda one: one.path)


def _refuse_overlap(real: Path, registry: Path) -> None:
    inside = registry.resolve()
    if real.is_relative_to(inside) or inside.is_relative_to(real):
        raise SourceError(
            f"{shown(real)} and the registry {shown(inside)} lie inside each other. "
            f"{NOTHING_ADDED}",
            hint="Add a folder that is apart from the registry.",
        )


def look(source: Path, registry: Path) -> tuple[Found, ...]:
    """The files to add from a file or folder, sorted by path.

    Args:
        source: a file, or a folder with at least one file below it.
        registry: the registry's own folder, which must lie apart.

    Raises:
        SourceError: there is something in it that cannot be added; the message names it.
    """
    try:
        real = source.expanduser().resolve(strict=True)
        info = real.lstat()
    except (OSError, RuntimeError) as error:
        cause = error if isinstance(error, OSError) else OSError(str(error))
        raise trouble(source, cause) from error
    _refuse_overlap(real, registry)
    if not stat.S_ISDIR(info.st_mode):
        _regular(real, info)
        name = source.expanduser().absolute().name
        _utf8(name, source)
        return (Found(name, real, info.st_size),)
    found = _walk(real)
    if not found:
        raise SourceError(
            f"There is no file in {shown(source)}. {NOTHING_ADDED}",
            hint="Add a file, or a folder that holds one.",
        )
    return tuple(found)
