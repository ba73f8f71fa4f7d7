"""Where things live on this machine.

`platformdirs` decides; `ARTIFACT_TUI_HOME` puts everything under one folder instead, and each
place can be moved alone with `ARTIFACT_TUI_CONFIG`, `_CACHE`, `_STATE` or `_DATA`.
Folders are made on first use, readable by their owner only. Catalogs and marks, which can be made
again, go to a temporary folder where theirs cannot hold them.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from contextlib import suppress
from pathlib import Path

import platformdirs

from artifact_tui import room
from artifact_tui.database import without_locks
from artifact_tui.errors import ArtifactTuiError

APP = "artifact-tui"

_MARKS = 128 << 10
"""Bytes that a file of marks needs to begin with."""

_LONGEST = 200
"""Bytes of a file name: file systems take 255, and SQLite adds to it."""


_DEFAULTS = {
    "config": platformdirs.user_config_path,
    "cache": platformdirs.user_cache_path,
    "state": platformdirs.user_state_path,
    "data": platformdirs.user_data_path,
}


def _path(name: str) -> Path:
    """The folder for one purpose, whether or not it is there."""
    home = os.environ.get("ARTIFACT_TUI_HOME")
    own = os.environ.get(f"ARTIFACT_TUI_{name.upper()}")
    try:
        path = Path(own) if own else Path(home) / name if home else _DEFAULTS[name](APP)
        return path.expanduser().absolute()
    except RuntimeError as error:
        raise ArtifactTuiError(
            f"There is no home folder for the {name} of artifact-tui: HOME is not set to one, and "
            f"user {os.getuid()} has none.",
            hint="Set HOME, or ARTIFACT_TUI_HOME, to a folder that you can write to.",
        ) from error


def _made(path: Path) -> Path:
    """The folder, made when it is missing."""
    try:
        room.with_reserve(
            lambda: path.mkdir(mode=0o700, parents=True, exist_ok=True), path.parent, *reserves()
        )
    except OSError as error:
        raise ArtifactTuiError(
            f"The folder {path} cannot be made: {error.strerror or error}.",
            hint="Set ARTIFACT_TUI_HOME to a folder that you can write to.",
        ) from error
    return path


def _elsewhere(purpose: str, name: str, *, spend: bool = False) -> Path:
    """A folder for one purpose, or a temporary one where databases cannot be written in it."""
    with suppress(ArtifactTuiError):
        path = _made(_path(purpose) / name)
        if not hindrance(path, spend=spend):
            return path
    wanted = (os.environ.get("TMPDIR"), "/tmp", "/var/tmp", "/dev/shm")  # noqa: S108 - see _private
    for folder in filter(None, wanted):
        with suppress(OSError):
            private = _private(Path(folder).absolute() / f"{APP}-{os.getuid()}" / name)
            if not hindrance(private):
                return private
    return _path(purpose) / name


def _private(path: Path) -> Path:
    """A folder in one of ours among everybody's; `OSError` when somebody else made that."""
    path.parent.mkdir(mode=0o700, exist_ok=True)
    there = path.parent.lstat()
    if there.st_uid != os.getuid() or not stat.S_ISDIR(there.st_mode) or there.st_mode & 0o077:
        raise PermissionError(errno.EACCES, "another user's", str(path.parent))
    path.mkdir(mode=0o700, exist_ok=True)
    return path


def hindrance(folder: Path, *, spend: bool = False) -> str:
    """Why no database can be written in a folder, or an empty text: its words for people.

    With `spend` a small one may take the room of a reserve.
    """
    if why := without_locks(folder):
        return f"its file system has no locks ({why})"
    try:
        if spend:
            room.with_reserve(lambda: room.probe(folder, _MARKS), folder, *reserves())
        else:
            room.probe(folder)
    except OSError as error:
        return f"it cannot be written ({error.strerror})"
    return ""


def config_file() -> Path:
    """The configuration, which need not exist; nothing is made."""
    return _path("config") / "config.toml"


def config_dir() -> Path:
    """Holds `config.toml`."""
    return _made(config_file().parent)


def state_dir() -> Path:
    """Holds plans, tasks, marks, logs, and a reserve for the day on which the disk is full."""
    path = _made(_path("state"))
    room.keep(path)
    return path


def data_dir() -> Path:
    """Holds the embedded registry."""
    return _made(_path("data"))


def keep_reserve() -> None:
    """Have a reserve beside the plans, before the disk is full; nothing happens if it cannot be."""
    with suppress(ArtifactTuiError):
        state_dir()


def reserves() -> tuple[Path, ...]:
    """Folders of this user that may keep a reserve (`room`); none is made."""
    with suppress(ArtifactTuiError):
        return _path("state"), _path("data") / "registry"
    return ()


def plans_dir() -> Path:
    """Plans made on a screen, or on the command line without `-o`."""
    return _made(state_dir() / "plans")


def tasks_dir() -> Path:
    """One link a plan that was ever applied here, named by plan id."""
    return _made(state_dir() / "tasks")


def task_folders() -> tuple[Path, Path]:
    """`tasks_dir` and `plans_dir`, for those who only look: they need not exist."""
    state = _path("state")
    return state / "tasks", state / "plans"


def consents_dir() -> Path:
    """One link a plan that was made or confirmed here, named by plan id; it need not exist."""
    return _path("state") / "consents"


def marks_file(uid: str) -> Path:
    """The marks of one registry; `uid` is `Identity.uid`."""
    return _elsewhere("state", "marks", spend=True) / f"{_file_name(uid)}.db"


def catalogs_dir() -> Path:
    """Catalogs of remote registries."""
    return _elsewhere("cache", "catalogs")


def catalog_file(uid: str) -> Path:
    """The catalog of one remote registry; `uid` is `Identity.uid`."""
    return catalogs_dir() / f"{_file_name(uid)}.db"


def _file_name(uid: str) -> str:
    """A name that is one file's in any folder; a long one keeps its beginning and a hash."""
    name = "".join(c if c.isalnum() or c in "-_" else f"%{ord(c):x}" for c in uid)
    if len(name.encode()) <= _LONGEST:
        return name
    return f"{name[:40]}-{hashlib.sha256(uid.encode()).hexdigest()[:32]}"


def embedded_registry() -> Path:
    """The registry that `local:` names."""
    return data_dir() / "registry"
