"""The files of one version, asked for when somebody wants to see them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifact_tui.clients.wandb import decode, ids, passes
from artifact_tui.clients.wandb.decode import Connection, Said
from artifact_tui.clients.wandb.documents.files import FILES
from artifact_tui.clients.wandb.loader import Shape
from artifact_tui.errors import NotFoundError
from artifact_tui.model import File

if TYPE_CHECKING:
    from artifact_tui.clients.wandb.loader import Loader

FIRST = 500
"""Files on a page."""

_FILES = Shape(FILES, {"id": "ID!", "first": "Int!", "after": "String"}, "", 1, "listing files")


class _File(Said, frozen=True):
    id: str | None = None
    name: str | None = None
    display_name: str | None = None
    size_bytes: int | None = None
    digest: str | None = None
    md5: str | None = None


class _Holder(Said, frozen=True):
    files: Connection[_File] | None = None


async def files(loader: Loader, version_key: str) -> tuple[File, ...]:
    """The files of a version, by path; of a link those of its source.

    Raises:
        NotFoundError: there is no such version.
        RegistryError: it cannot be told.
    """
    ref = ids.parse(version_key)
    if not isinstance(ref, ids.SourceKey | ids.LinkKey):
        raise NotFoundError(f"The registry has no version {version_key}.")

    async def ask(after: str | None, count: int) -> Connection[_File]:
        found = await loader.ask(_FILES, _Holder, id=ref.artifact, after=after, first=count)
        if found is None:
            raise NotFoundError(f"The registry has no version {version_key} any more.")
        return found.files or Connection()

    edges = await passes.whole(ask, FIRST, "The list of files")
    found = {}
    for edge in edges:
        if edge is not None and edge.node is not None:
            one = _file(edge.node)
            found[one.path] = one
    return tuple(found[path] for path in sorted(found))


def _file(said: _File) -> File:
    return File(
        path=said.display_name or said.name or "",
        size=decode.count(said.size_bytes) or 0,
        digest=said.digest or said.md5 or "",
    )
