"""MLflow's stores on this machine: an SQLite database, or a folder of small files.

What is at a path, and what a look at the disk tells of it. Nothing is ever made or changed here: a
server reads it (`mlflow_server`).
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

from artifact_tui.clients.base import Glance
from artifact_tui.clients.disk import contents_of
from artifact_tui.errors import NotFoundError, RegistryError

if TYPE_CHECKING:
    from collections.abc import Iterable

DATABASE = "mlflow.db"
FOLDER = "mlruns"
KEPT = "mlartifacts"
"""Where `mlflow server` keeps files, beside the database or the folder."""

_SQLITE = b"SQLite format 3\0"
"""How each database begins."""

_HINT = "Name a folder that MLflow made, such as mlruns, or its database, such as mlflow.db."

_COUNTS = {
    "model_versions": "SELECT count(*) FROM model_versions"
    " WHERE current_stage IS NOT 'Deleted_Internal'",
    "runs": "SELECT count(*) FROM runs WHERE lifecycle_stage = 'active'",
    "logged_models": "SELECT count(*) FROM logged_models WHERE lifecycle_stage = 'active'",
    "experiments": "SELECT count(*) FROM experiments"
    " WHERE lifecycle_stage = 'active' AND experiment_id <> 0",
    "datasets": "SELECT count(DISTINCT d.name || char(0) || d.digest) FROM datasets d"
    " JOIN inputs i ON i.source_id = d.dataset_uuid AND i.destination_type = 'RUN'",
}
"""How many rows of a table a listing shows, outside of the trash; older databases lack some."""


def store_at(path: Path) -> Path:
    """What a path means: a database, or a folder of files; links are followed.

    Of a folder that holds a database, or a folder of files, it is that.
    """
    path = Path(os.path.realpath(path))
    if (path / DATABASE).is_file():
        return path / DATABASE
    if not _has_files(path) and _has_files(path / FOLDER):
        return path / FOLDER
    return path


def _has_files(folder: Path) -> bool:
    """Whether experiments or registered models are in a folder."""
    places = ("[0-9]*/meta.yaml", ".trash/*/meta.yaml", "models/*/meta.yaml")
    return any(any(folder.glob(one)) for one in places)


def check_store(store: Path) -> None:
    """Refuse what is no store of MLflow: a server would make one.

    Raises:
        NotFoundError: there is nothing.
        RegistryError: it is something else, or cannot be read.
    """
    try:
        if not store.exists():
            raise NotFoundError(f"There is no MLflow store at {store}.", hint=_HINT)
        found = _has_files(store) if store.is_dir() else "experiments" in _tables(store)
    except (OSError, sqlite3.Error) as error:
        raise RegistryError(f"{store} cannot be read: {error}.", hint=_HINT) from error
    if not found:
        raise NotFoundError(f"{store} is no MLflow store.", hint=_HINT)


def _open(database: Path) -> closing[sqlite3.Connection]:
    return closing(sqlite3.connect(f"file:{quote(str(database))}?mode=ro", uri=True))


def _tables(database: Path) -> set[str]:
    with _open(database) as conn:
        return {name for (name,) in conn.execute("SELECT name FROM sqlite_master")}


def kept_at(store: Path) -> Path:
    """Where `mlflow server` keeps files for a store, unless it was told another place."""
    return store.with_name(KEPT)


def stores_beside(store: Path) -> list[Path]:
    """The other databases of MLflow in the folder of a store: they keep files where it does."""
    found = []
    with suppress(OSError):
        for one in sorted(store.parent.iterdir()):
            with suppress(OSError, sqlite3.Error):
                mine = not one.is_file() or one.samefile(store)
                if not mine and _is_database(one) and "experiments" in _tables(one):
                    found.append(one)
    return found


def _is_database(file: Path) -> bool:
    with file.open("rb") as opened:
        return opened.read(len(_SQLITE)) == _SQLITE


def homes_of(store: Path) -> Path:
    """Where MLflow without a server keeps files of a store."""
    return store if store.is_dir() else store.with_name(FOLDER)


def untold(store: Path, folder: Path) -> tuple[str, ...]:
    """Which bytes of a store cannot be seen where its server keeps them, in whole sentences.

    Raises:
        RegistryError: it cannot be read.
    """
    if store.is_dir() or folder.is_dir():
        return ()
    if not any(home.startswith("mlflow-artifacts:") for home in _homes(store)):
        return ()
    words = (
        f"What its server kept is not in {folder}: name the folder that it had as"
        " --artifacts-destination with the setting “artifact_root”."
    )
    return (words,)


def _homes(database: Path) -> list[str]:
    """Where the experiments in a database keep files."""
    try:
        with _open(database) as conn:
            return [home or "" for (home,) in conn.execute(_HOMES)]
    except sqlite3.Error as error:
        raise RegistryError(f"{database} cannot be read: {error}.", hint=_HINT) from error


_HOMES = "SELECT artifact_location FROM experiments WHERE lifecycle_stage = 'active'"


def glance(store: Path, kept: Path) -> Glance:
    """The bytes of a store with its artifacts on this machine, and how much is in it if it tells.

    Args:
        store: the database or the folder.
        kept: where its server keeps files.

    Raises:
        NotFoundError: there is no store.
        RegistryError: it cannot be read.
    """
    check_store(store)
    folders = {kept}
    versions = None
    if store.is_dir():
        folders.add(store)
    else:
        versions = _versions(store)
        homes = map(_path_of, _homes(store))
        folders.update(path for path in homes if path is not None)
        folders.update(store.with_name(f"{store.name}{end}") for end in ("", "-wal", "-journal"))
    return Glance(size=_size(folders), versions=versions)


def _versions(database: Path) -> int:
    """How many versions a server would list."""
    there = _tables(database)
    with _open(database) as conn:
        counts = [
            conn.execute(counting).fetchone()[0]
            for table, counting in _COUNTS.items()
            if table in there
        ]
    return sum(counts)


def _path_of(home: str) -> Path | None:
    """The folder on this machine where an experiment keeps files; None where it is elsewhere."""
    parts = urlsplit(home)
    if parts.scheme == "file":
        return Path(unquote(parts.path))
    return Path(home) if home.startswith("/") else None


def _size(places: Iterable[Path]) -> int:
    """The bytes in files and folders, each counted once."""
    tops = {Path(os.path.realpath(one)) for one in places}
    sizes: dict[str, int] = {}
    for top in tops:
        if tops.isdisjoint(top.parents) and (found := contents_of(top)) is not None:
            sizes |= {one.digest: one.size for one in found.files}
    return sum(sizes.values())
