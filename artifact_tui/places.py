"""Where things live on this machine.

`platformdirs` decides; `ARTIFACT_TUI_HOME` puts everything under one folder instead, and each
place can be moved alone with `ARTIFACT_TUI_CONFIG`, `_CACHE`, `_STATE` or `_DATA`.
Folders are made on first use, readable by their owner only.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import platformdirs

from artifact_tui.errors import ArtifactTuiError

APP = "artifact-tui"

_LONGEST = 200
"""Bytes of a file name: file systems take 255, and SQLite adds to it."""


def _path(name: str, default: Path) -> Path:
    """The folder for one purpose, whether or not it is there."""
    home = os.environ.get("ARTIFACT_TUI_HOME")
    own = os.environ.get(f"ARTIFACT_TUI_{name.upper()}")
    path = Path(own) if own else Path(home) / name if home else default
    return path.expanduser().absolute()


def _made(path: Path) -> Path:
    """The folder, made when it is missing."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ArtifactTuiError(
            f"The folder {path} cannot be made: {error.strerror or error}.",
            hint="Set ARTIFACT_TUI_HOME to a folder that you can write to.",
        ) from error
    return path


def config_file() -> Path:
    """The configuration, which need not exist; nothing is made."""
    return _path("config", platformdirs.user_config_path(APP)) / "config.toml"


def config_dir() -> Path:
    """Holds `config.toml`."""
    return _made(config_file().parent)


def cache_dir() -> Path:
    """Holds catalogs: all of it can be thrown away."""
    return _made(_path("cache", platformdirs.user_cache_path(APP)))


def state_dir() -> Path:
    """Holds plans, tasks, marks and logs."""
    return _made(_path("state", platformdirs.user_state_path(APP)))


def data_dir() -> Path:
    """Holds the embedded registry."""
    return _made(_path("data", platformdirs.user_data_path(APP)))


def plans_dir() -> Path:
    """Plans made on a screen, or on the command line without `-o`."""
    return _made(state_dir() / "plans")


def tasks_dir() -> Path:
    """One link a plan that was ever applied here, named by plan id."""
    return _made(state_dir() / "tasks")


def task_folders() -> tuple[Path, Path]:
    """`tasks_dir` and `plans_dir`, for those who only look: they need not exist."""
    state = _path("state", platformdirs.user_state_path(APP))
    return state / "tasks", state / "plans"


def consents_dir() -> Path:
    """One link a plan that was made or confirmed here, named by plan id; it need not exist."""
    return _path("state", platformdirs.user_state_path(APP)) / "consents"


def marks_file(uid: str) -> Path:
    """The marks of one registry; `uid` is `Identity.uid`."""
    return _made(state_dir() / "marks") / f"{_file_name(uid)}.db"


def catalogs_dir() -> Path:
    """Catalogs of remote registries."""
    return _made(cache_dir() / "catalogs")


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
