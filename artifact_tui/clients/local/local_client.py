"""The embedded registry as a client: work on its store, run in threads, and how it is opened.

The entry point `local` gives `KIND`, which opens `local:PATH`, and `local:` alone.
"""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from artifact_tui import config
from artifact_tui.clients.base import Kind, OwnClient, Place
from artifact_tui.clients.local import adding, local_edits, local_reading, local_trash
from artifact_tui.clients.local.fsck import check_registry
from artifact_tui.clients.local.local_folder import Layout
from artifact_tui.clients.local.local_store import LocalStore
from artifact_tui.config import NO_SETTINGS
from artifact_tui.errors import BusyError, RegistryError
from artifact_tui.model import Identity

if TYPE_CHECKING:
    import os
    from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
    from sqlite3 import Connection

    import msgspec

    from artifact_tui.model import (
        Alias,
        Deletion,
        Edit,
        Facts,
        File,
        FsckReport,
        Garbage,
        Kept,
        Listed,
        LocalFile,
        NewVersion,
        Outcome,
    )


P = ParamSpec("P")
T = TypeVar("T")
_THREADS = 4
_DELETE_BATCH = 2000


class LocalClient(OwnClient):
    """One open embedded registry; see `clients.base` for what the methods promise."""

    tells = frozenset({"aliases", "tags", "lineage", "ttl", "trash"})
    edits = frozenset({"aliases", "protection", "tags", "ttl"})
    batch_delete = _DELETE_BATCH

    def __init__(self, store: LocalStore) -> None:
        self.store = store
        self.identity = Identity("local", f"local:{store.layout.root}", store.uid)
        self.read_only = store.read_only
        self.catalog_path = store.layout.db  # the registry's own database: it needs no sync
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="registry")
        self._byte_threads = ThreadPoolExecutor(2, thread_name_prefix="registry-bytes")
        self._closed = False
        if not store.read_only:
            local_trash.recount_names(store)

    @property
    def unwritable(self) -> str:
        """Why nothing can be written, when it is the file system."""
        return self.store.unwritable

    async def _run(self, work: Callable[[], T], *, moves_bytes: bool = False) -> T:
        """Run work in a thread; what moves bytes has threads of its own."""
        if self._closed:
            raise RegistryError(f"{self.store.layout.root} was closed.", hint="Open it again.")
        threads = self._byte_threads if moves_bytes else self._threads
        return await asyncio.get_running_loop().run_in_executor(threads, work)

    async def _read(
        self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run work in a thread, on one unchanging view of the database."""

        def look() -> T:
            with self.store.reading() as conn:
                return work(conn, *args, **kwargs)

        return await self._run(look)

    async def _write(
        self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run work in a thread, in one transaction."""
        return await self._run(lambda: self.store.write(work, *args, **kwargs))

    async def listing(self) -> AsyncGenerator[Listed, None]:
        """Versions, oldest first, with their collections and what they were made from."""
        after: int | None = 0
        while after is not None:
            part, after = await self._read(local_reading.listing_page, after, self.store.page_size)
            yield part

    async def files(self, version_key: str) -> tuple[File, ...]:
        """The files of one version, by path."""
        return await self._read(local_reading.version_files, version_key)

    async def facts(self, keys: Sequence[str]) -> Mapping[str, Facts]:
        """What is true of these versions now."""
        return await self._read(local_reading.read_facts, keys)

    async def delete(self, deletions: Sequence[Deletion]) -> Sequence[Outcome]:
        """Move versions to the trash, in order, in one transaction where the disk has the room."""
        return await self._run(lambda: local_trash.delete_versions(self.store, deletions))

    async def restore(self, keys: Sequence[str]) -> Sequence[Outcome]:
        """Bring versions back from the trash."""
        return await self._write(local_trash.restore_versions, keys)

    async def trashed_aliases(self, keys: Sequence[str]) -> Mapping[str, tuple[Alias, ...]]:
        """The aliases that versions in the trash had; restoring brings back those still free."""
        return await self._read(local_trash.trashed_aliases, keys)

    async def purge(self, keys: Sequence[str]) -> Sequence[Outcome]:
        """Remove versions in the trash for good, some hundred in a transaction."""
        return await self._run(lambda: local_trash.purge_versions(self.store, keys))

    async def collect_garbage(self, *, grace_us: int = 0, dry_run: bool = False) -> Garbage:
        """Free the bytes that no version needs, and those that killed adds left."""
        collect = partial(local_trash.collect_garbage, grace_us=grace_us, dry_run=dry_run)
        return await self._run(lambda: collect(self.store), moves_bytes=True)

    async def edit(self, edits: Sequence[Edit]) -> Sequence[Outcome]:
        """Change aliases, tags and times to live; a version's edit is done whole or not at all."""
        return await self._write(local_edits.edit_versions, edits)

    async def add(
        self, source: Path, new: NewVersion, *, progress: Callable[[int, int], None] | None = None
    ) -> str:
        """Add a file or a folder as the next version of a collection; nothing when cancelled."""
        return await self._adding(partial(adding.add_version, self.store, source, new), progress)

    async def keep(
        self,
        files: Mapping[str, LocalFile],
        new: NewVersion,
        *,
        progress: Callable[[int, int], None] | None = None,
    ) -> Kept:
        """Add files of another registry, sharing their bytes; nothing when cancelled."""
        return await self._adding(partial(adding.keep_version, self.store, files, new), progress)

    async def _adding(
        self,
        work: Callable[[Callable[[int, int], None]], T],
        progress: Callable[[int, int], None] | None,
    ) -> T:
        """Do work that adds a version, and stop it when this is cancelled."""
        stop = threading.Event()

        def tick(done: int, total: int) -> None:
            if stop.is_set():
                raise BusyError("Adding was stopped. Nothing was added.")
            if progress is not None:
                progress(done, total)

        try:
            return await self._run(lambda: work(tick), moves_bytes=True)
        finally:
            stop.set()

    async def export(self, key: str, dest: Path) -> None:
        """Write the files of a version into a new or empty folder, each checked by its hash."""
        export = local_reading.export_version
        await self._run(lambda: export(self.store, key, dest), moves_bytes=True)

    async def fsck(self, *, repair: bool = False, verify: bool = False) -> FsckReport:
        """Look for damage; `verify` reads every byte, `repair` mends what cannot lose anything."""
        check = partial(check_registry, repair=repair, verify=verify)
        return await self._run(lambda: check(self.store), moves_bytes=True)

    async def aclose(self) -> None:
        """Wait for what is running, then close every connection."""
        self._closed = True
        loop = asyncio.get_running_loop()
        for threads in (self._threads, self._byte_threads):
            await loop.run_in_executor(None, threads.shutdown)
        self.store.close()


def create(path: str | os.PathLike[str], *, actor: str = "") -> LocalClient:
    """Open the registry in a folder for writing; it is made when it is not there.

    Raises:
        UsageError: the folder holds other files.
        RegistryError: it cannot be made or used.
    """
    return LocalClient(LocalStore.create(path, actor=actor))


def open_registry(
    path: str | os.PathLike[str], *, read_only: bool = False, actor: str = ""
) -> LocalClient:
    """Open the registry in a folder; nothing is made or changed.

    Raises:
        NotFoundError: there is none.
        RegistryError: it cannot be used.
    """
    return LocalClient(LocalStore(Layout(path), read_only=read_only, actor=actor))


class LocalKind(Kind):
    """Opens embedded registries."""

    name = "local"
    forms = "local:PATH"
    about = """\
\b
artifact-tui registries add mine local:./sample --default
"""

    reclaimable = "state:trash"

    def folders(self, address: str) -> Sequence[Path]:
        """The folder in the address; without one, that of the user's own registry."""
        path = address.removeprefix(config.LOCAL)
        return (Path(path) if path else config.embedded_place(),)

    def places(self, environ: Mapping[str, str]) -> Iterable[Place]:
        """The user's own registry."""
        del environ
        return (Place(config.LOCAL, "your own registry", usual=True),)

    def settings(self) -> type[msgspec.Struct]:
        """None that mean anything: a folder needs no token, but may be where a server was."""
        import msgspec  # noqa: PLC0415 - a start without settings does without

        return msgspec.defstruct("Ignored", [("token", str, ""), ("password", str, "")])

    def open(
        self,
        address: str,
        *,
        read_only: bool,
        actor: str = "",
        settings: Mapping[str, object] = NO_SETTINGS,
    ) -> LocalClient:
        """Open `local:PATH`; `local:` alone is the user's own registry, made when it is missing.

        Raises:
            ConfigError: there are settings: this kind has none.
            NotFoundError: there is no registry at this path.
            RegistryError: it is there but cannot be used; nothing was changed.
        """
        self.check(settings)
        path = address.removeprefix(config.LOCAL)
        if path:
            return open_registry(Path(path), read_only=read_only, actor=actor)
        own = config.embedded_registry()
        if read_only:
            return open_registry(own, read_only=True, actor=actor)
        return create(own, actor=actor)

    def create(self, address: str) -> None:
        """Make a registry in a folder, if there is none; the user's own is made when it is opened.

        Raises:
            UsageError: the folder holds other files.
            RegistryError: it cannot be made.
        """
        if path := address.removeprefix(config.LOCAL):
            LocalStore.create(path).close()

    def sample(
        self, address: str, *, versions: int, seed: int, progress: Callable[[int, int], None]
    ) -> bool:
        """Make a registry of models, datasets and code with real (small) bytes.

        Raises:
            UsageError: there is something else at this path.
            RegistryError: it cannot be made there.
        """
        from artifact_tui.clients.local.sample import make_sample  # noqa: PLC0415 - seldom needed

        path = Path(address.removeprefix(config.LOCAL))
        if (path / "FORMAT").is_file():
            return False
        make_sample(path, versions=versions, seed=seed, progress=progress)
        return True


KIND = LocalKind()
