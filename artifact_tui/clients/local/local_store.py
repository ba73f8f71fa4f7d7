"""An open embedded registry: its connections, and what needs more than one transaction.

Several processes and threads may use one registry at once. What only reads, or writes in one
transaction, is a function of `local_reading`, `local_edits` or `local_trash`, which is run in
`Store.reading()` or by `Store.write()`.
"""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Concatenate, ParamSpec, Self, TypeVar

from artifact_tui import database
from artifact_tui.clients.local import adding, local_database, local_folder, local_trash
from artifact_tui.clients.local.adding import Staging
from artifact_tui.clients.local.fsck import check_registry
from artifact_tui.clients.local.local_database import Pool
from artifact_tui.clients.local.local_edits import record_use
from artifact_tui.clients.local.local_folder import Layout
from artifact_tui.clients.local.local_reading import export_version, json_array, read_version
from artifact_tui.database import without_locks
from artifact_tui.errors import BusyError, NoRoomError, RegistryError, UsageError
from artifact_tui.model import Outcome, Result, now_us

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path
    from sqlite3 import Connection

    from artifact_tui.clients.local.adding import NewFile, NewVersion
    from artifact_tui.model import Deletion, FsckReport, Garbage, Version


PAGE_ROWS = 1000
"""Rows on a page."""


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""


P = ParamSpec("P")
S = TypeVar("S")
T = TypeVar("T")

_ADD_ATTEMPTS = 5


class Store:
    """One open registry."""

    def __init__(
        self,
        layout: Layout,
        *,
        read_only: bool = False,
        actor: str = "",
        clock: Callable[[], int] = now_us,
        page_size: int = PAGE_ROWS,
    ) -> None:
        """Open a registry that is there; nothing in it is changed.

        Args:
            layout: where it lies.
            read_only: True refuses every writing method.
            actor: recorded with what is deleted; the user's name unless given.
            clock: gives the time now, in microseconds.
            page_size: rows on a page.

        Raises:
            NotFoundError: there is no registry.
            RegistryError: it cannot be used.
        """
        self.layout = layout
        self.clock = clock
        self.actor = actor or _user()
        self._no_locks = without_locks(layout.root)
        self.writable = local_database.may_write(layout) and not self._no_locks
        self.read_only = read_only or not self.writable
        self._opened_read_only = read_only
        self.page_size = page_size
        with local_folder.our_errors(layout):
            local_database.check_file(layout)
        database.know_reserve(layout.root)
        if self.read_only:
            self._pool = Pool(layout, lambda: local_database.open_for_reading(layout))
        else:
            database.make_reserve(layout.root)
            self._pool = Pool(
                layout,
                lambda: local_database.open_for_writing(layout),
                lambda: local_database.open_for_reading(layout),
            )
        try:
            with self.reading() as conn:
                rows = dict(conn.execute("SELECT name, value FROM meta"))
        except BaseException:
            self._pool.close()
            raise
        self.uid = str(rows.get("uid", ""))

    @classmethod
    def create(cls, root: str | os.PathLike[str], *, clock: Callable[[], int] = now_us) -> Self:
        """Open the registry at a folder, made when it is not there."""
        layout = Layout.at(root)
        local_database.make_registry(layout, clock())
        return cls(layout, clock=clock)

    @property
    def unwritable(self) -> str:
        """Why nothing can be written here, when it is the file system: words for people."""
        if self._no_locks:
            return "its file system has no locks"
        return "" if self.writable else "you may not write to its folder"

    def close(self) -> None:
        """Close every connection."""
        self._pool.close()

    def reading(self) -> AbstractContextManager[Connection]:
        """One unchanging view of the database."""
        return self._pool.reading()

    def writing(self) -> AbstractContextManager[Connection]:
        """One transaction.

        Raises:
            ReadOnlyError: this registry may only be read.
        """
        self.check_writable()
        return self._pool.writing()

    def check_writable(self) -> None:
        """Refuse to go on in a registry that may only be read.

        Raises:
            ReadOnlyError: it may only be read.
        """
        if self._opened_read_only:
            raise local_folder.opened_read_only(self.layout)
        if self._no_locks:
            raise local_folder.no_locks(self.layout, self._no_locks)
        if self.read_only:
            raise local_folder.write_denied(self.layout, ": the folder is not writable")

    def delete(self, deletions: Sequence[Deletion]) -> list[Outcome]:
        """Move versions to the trash, in order, in one transaction where the disk has the room."""
        by = local_trash.DeletedBy(self.actor, self.clock())
        return self._in_parts(
            deletions,
            lambda conn, part: local_trash.delete_versions(conn, part, by),
            key=lambda deletion: deletion.key,
        )

    def purge(self, keys: Sequence[str]) -> list[Outcome]:
        """Remove versions in the trash for good, some hundred in a transaction."""
        now = self.clock()
        return self._in_parts(
            keys,
            lambda conn, part: local_trash.purge_versions(conn, part, now),
            key=str,
            most=local_trash.PURGE_CHUNK,
        )

    def _in_parts(
        self,
        items: Sequence[S],
        work: Callable[[Connection, Sequence[S]], list[Outcome]],
        *,
        key: Callable[[S], str],
        most: int = 0,
    ) -> list[Outcome]:
        """Do work on items in as few transactions as the disk has room for; the rest has failed.

        Raises:
            NoRoomError: there is no room to do it for one of them.
        """
        outcomes: list[Outcome] = []
        size = most or max(1, len(items))
        while rest := items[len(outcomes) :]:
            part = rest[:size]
            try:
                outcomes += self.write(work, part)
            except NoRoomError as error:
                if len(part) > 1:
                    size = len(part) // 2
                elif outcomes:
                    why = str(error)
                    return outcomes + [Outcome(key(one), Result.FAILED, why) for one in rest]
                else:
                    raise
        return outcomes

    def write(
        self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Do work in a transaction; on a full disk with every bit of room that can be made.

        Raises:
            ReadOnlyError: this registry may only be read.
            NoRoomError: there is no room, and none could be made.
        """
        self.check_writable()

        def once(conn: Connection) -> T:
            return work(conn, *args, **kwargs)

        try:
            return self._pool.write(once)
        except NoRoomError:
            if not local_trash.make_room(self._pool, self.layout):
                raise
            return self._pool.write(once)

    def collect_garbage(self, *, grace_us: int = 0, dry_run: bool = False) -> Garbage:
        """Remove bytes that no version needs, and those that killed adds left."""
        if grace_us < 0:
            raise UsageError("The grace period cannot be less than nothing.")
        now = self.clock()
        if not dry_run:
            self.check_writable()
        with local_folder.our_errors(self.layout):
            work = local_trash.preview_garbage if dry_run else local_trash.sweep_garbage
            return work(self._pool, self.layout, now_us=now, grace_us=grace_us)

    def fsck(self, *, repair: bool = False, verify: bool = False) -> FsckReport:
        """Look for damage; see `check_registry`."""
        if repair:
            self.check_writable()
        with local_folder.our_errors(self.layout):
            return check_registry(
                self._pool, self.layout, repair=repair, verify=verify, now_us=self.clock()
            )

    def export(self, key: str, dest: Path) -> None:
        """Write the files of a version into a new folder; see `export_version`."""
        with local_folder.our_errors(self.layout), local_folder.lock_shared(self.layout):
            export_version(self, key, dest)
        if not self.read_only:
            with self.writing() as conn:
                record_use(conn, key, self.clock())

    def add(
        self, path: Path, new: NewVersion, *, progress: Callable[[int, int], None] | None = None
    ) -> Version:
        """Add a file or a folder as a new version.

        Args:
            path: the file or folder.
            new: its collection, names and other facts.
            progress: called with the bytes read so far and in all; may raise to give up.

        Raises:
            SourceError: something in it cannot be added.
            UsageError: a name cannot be stored.
            RegistryError: the registry cannot take it. In every case nothing was added.
        """
        self.check_writable()
        adding.check_new(new)
        found = adding.source_files(path, self.layout.root)
        total = sum(one.size for one in found)
        done = 0

        def tick(count: int) -> None:
            nonlocal done
            done += count
            if progress is not None:
                progress(min(done, total), total)

        def stage(staging: Staging) -> list[tuple[NewVersion, list[NewFile]]]:
            return [(new, [staging.add_file(one) for one in found])]

        sizes = self._sizes({one.size for one in found})
        (key,) = self._commit(stage, sizes=sizes, tick=tick)
        try:
            with self.reading() as conn:
                return read_version(conn, key)
        except RegistryError as error:
            raise RegistryError(
                f"“{new.name}” was added, and cannot be read back: {error}",
                hint="Do not add it again: look when the disk is well.",
            ) from error

    def add_many(
        self,
        many: Sequence[tuple[NewVersion, Mapping[str, bytes]]],
        *,
        durable: bool = True,
        then: Callable[[Connection], None] | None = None,
    ) -> list[str]:
        """Add versions whose files are in memory, all in one transaction; gives their keys.

        Args:
            many: the facts of each, and its files by path. A later one may name an
                earlier one's given key as its parent.
            durable: False leaves syncing the files to the operating system.
            then: called in the same transaction, after the last version.
        """
        self.check_writable()
        for new, files in many:
            adding.check_new(new)
            if not files:
                raise UsageError(f"“{new.name}” has no files. Nothing was added.")

        def stage(staging: Staging) -> list[tuple[NewVersion, list[NewFile]]]:
            return [
                (new, [staging.add_bytes(path, data) for path, data in sorted(files.items())])
                for new, files in many
            ]

        return self._commit(stage, durable=durable, then=then)

    def _commit(
        self,
        stage: Callable[[Staging], list[tuple[NewVersion, list[NewFile]]]],
        *,
        sizes: frozenset[int] = frozenset(),
        durable: bool = True,
        tick: Callable[[int], None] | None = None,
        then: Callable[[Connection], None] | None = None,
    ) -> list[str]:
        """Stage bytes, publish them, write the rows; start over when a sweep was in the way."""
        for _ in range(_ADD_ATTEMPTS):
            staging = Staging(
                self.layout, known=self._known, sizes=sizes, durable=durable, tick=tick
            )
            try:
                with (
                    local_folder.our_errors(self.layout),
                    local_folder.lock_shared(self.layout),
                    staging,
                ):
                    batch = stage(staging)
                    staging.publish()
                    return self._insert(batch, staging.published, then)
            except adding.BlobGoneError:
                with local_folder.our_errors(self.layout):
                    local_trash.finish_sweep(self._pool, self.layout)
            except BaseException:
                local_trash.take_back_blobs(self._pool, self.layout, staging.published)
                raise
        raise BusyError(
            f"{self.layout.root} is being cleaned again and again. Nothing was added.",
            hint="Try again when nobody runs a garbage collection.",
        )

    def _insert(
        self,
        batch: list[tuple[NewVersion, list[NewFile]]],
        fresh: set[str],
        then: Callable[[Connection], None] | None,
    ) -> list[str]:
        now = self.clock()
        with self.writing() as conn:
            keys = [
                adding.insert_version(
                    conn, new, entries, layout=self.layout, fresh=fresh, now_us=now
                )
                for new, entries in batch
            ]
            if then is not None:
                then(conn)
        return keys

    def _sizes(self, sizes: set[int]) -> frozenset[int]:
        """Those of these sizes that a blob has: only such files need hashing before copying."""
        with self.reading() as conn:
            rows = conn.execute(
                "SELECT want.value FROM json_each(?) want"
                " WHERE EXISTS(SELECT 1 FROM blob b WHERE b.size = want.value)",
                (json_array(sizes),),
            ).fetchall()
        return frozenset(row[0] for row in rows)

    def _known(self, digest: str, size: int) -> bool:
        """Whether a blob is there and good, so that its bytes need not be put again."""
        with self.reading() as conn:
            row = conn.execute(
                "SELECT 1 FROM blob WHERE digest = ? AND size = ? AND state = 0", (digest, size)
            ).fetchone()
        if row is None:
            return False
        try:
            return self.layout.blob(digest).stat().st_size == size
        except FileNotFoundError:
            return False
