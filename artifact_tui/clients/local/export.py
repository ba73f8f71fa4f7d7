"""Files back out of the registry, each checked against its hash on the way."""

from __future__ import annotations

import hashlib
import os
import shutil
import uuid
from typing import TYPE_CHECKING

from artifact_tui.clients.local.blobs import CHUNK
from artifact_tui.clients.local.layout import PREFIX
from artifact_tui.errors import RegistryError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from artifact_tui.clients.local.layout import Layout
    from artifact_tui.clients.local.store import Store
    from artifact_tui.model import File

HEAL = "Run `artifact-tui fsck`; adding the same file again puts its bytes back."


def _safe_parts(file: File, layout: Layout) -> list[str]:
    """The parts of a file's path, when it cannot lead out of the folder."""
    parts = file.path.split("/")
    if any(part in ("", ".", "..") or "\0" in part for part in parts):
        raise RegistryError(
            f"{layout.db} holds the impossible file name “{file.path}”. Nothing was written.",
            hint="Somebody changed the database: restore a backup.",
        )
    return parts


def _copy(blob: Path, target: Path, file: File) -> None:
    hasher = hashlib.sha256()
    try:
        source = blob.open("rb", buffering=0)
    except FileNotFoundError as error:
        raise RegistryError(
            f"{blob} is missing: “{file.path}” cannot be given back. Nothing was written.",
            hint=HEAL,
        ) from error
    except OSError as error:
        raise RegistryError(
            f"{blob} cannot be read: {error.strerror or error}. Nothing was written.",
            hint="Ask the owner of the registry to let you read its files.",
        ) from error
    with source, target.open("xb", buffering=0) as out:
        while chunk := source.read(CHUNK):
            hasher.update(chunk)
            rest = memoryview(chunk)
            while rest:
                rest = rest[out.write(rest) :]
        os.fchmod(out.fileno(), file.mode & 0o777)
    if PREFIX + hasher.hexdigest() != file.digest:
        raise RegistryError(
            f"{blob} is damaged: “{file.path}” cannot be given back. Nothing was written.",
            hint=HEAL,
        )


def write_out(store: Store, key: str, dest: Path) -> None:
    """Write the files of a version into a new or empty folder; all of them or nothing.

    They are written beside that folder first, and renamed when all of them are right.

    Raises:
        NotFoundError: there is no such version.
        UsageError: there is something at `dest`.
        RegistryError: bytes are missing or damaged, or cannot be written.
    """
    files = [(file, _safe_parts(file, store.layout)) for file in store.files(key)]
    top = dest.expanduser().absolute()
    if top.is_symlink() or (top.exists() and (not top.is_dir() or any(top.iterdir()))):
        raise UsageError(
            f"There is something at {top} already. Nothing was written.",
            hint="Name a new or an empty folder.",
        )
    making = top.with_name(f".{top.name[:100]}.{uuid.uuid4().hex[:8]}")
    try:
        making.mkdir(parents=True)
        for file, parts in files:
            target = making.joinpath(*parts)
            target.parent.mkdir(parents=True, exist_ok=True)
            _copy(store.layout.blob(file.digest), target, file)
        making.rename(top)
    except OSError as error:
        shutil.rmtree(making, ignore_errors=True)
        raise RegistryError(
            f"{error.filename or top} could not be written: {error.strerror or error}. "
            "Nothing was left there.",
            hint="Name a folder that you may write to, with enough room.",
        ) from error
    except BaseException:
        shutil.rmtree(making, ignore_errors=True)
        raise
