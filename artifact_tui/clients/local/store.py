"""The embedded registry, synchronously: what `LocalClient` runs in threads.

Several processes and threads may use one registry at once. A reading method sees one moment; a
writing method is one transaction.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, TypeVar

from artifact_tui.clients.local import (
    add as adding,
)
from artifact_tui.clients.local import (
    editing,
    facts,
    gc,
    locks,
    names,
    reading,
    source,
    trash,
    trouble,
)
from artifact_tui.clients.local import (
    export as exporting,
)
from artifact_tui.clients.local import (
    fsck as checking,
)
from artifact_tui.clients.local.blobs import Staging
from artifact_tui.clients.local.opened import OpenRegistry
from artifact_tui.errors import BusyError, NoRoomError, RegistryError, UsageError
from artifact_tui.model import Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from sqlite3 import Connection

    from artifact_tui.clients.local.add import NewVersion
    from artifact_tui.clients.local.blobs import Entry
    from artifact_tui.clients.local.fsck import FsckReport
    from artifact_tui.model import (
        Alias,
        Collection,
        Deletion,
        Edge,
        Edit,
        Facts,
        File,
        Garbage,
        Page,
        Version,
    )

S = TypeVar("S")
T = TypeVar("T")

_ATTEMPTS = 5


class Store(OpenRegistry):
    """One open registry, and all that can be done with it."""

    # Reading

    def collections(self, after: str | None = None) -> Page[Collection]:
        """A page of collections."""
        with self.reading() as conn:
            return reading.collections(conn, after, self._page)

    def versions(self, collection_key: str, after: str | None = None) -> Page[Version]:
        """A page of one collection's versions."""
        with self.reading() as conn:
            return reading.versions(conn, collection_key, after, self._page)

    def version(self, key: str) -> Version:
        """One version; `NotFoundError` when it is not there."""
        with self.reading() as conn:
            return reading.version(conn, key)

    def resolve(self, name: str) -> str:
        """The key of COLLECTION:LABEL or COLLECTION:ALIAS; `NotFoundError` without one."""
        with self.reading() as conn:
            return reading.resolve(conn, name)

    def edges(self, after: str | None = None) -> Page[Edge]:
        """A page of lineage edges."""
        with self.reading() as conn:
            return reading.edges(conn, after, self._page)

    def files(self, version_key: str) -> tuple[File, ...]:
        """The files of one version."""
        with self.reading() as conn:
            return reading.files(conn, version_key)

    def facts(self, keys: Sequence[str]) -> Mapping[str, Facts]:
        """What is true of these versions now."""
        with self.reading() as conn:
            return facts.read(conn, keys)

    # Deleting

    def delete(self, deletions: Sequence[Deletion]) -> list[Outcome]:
        """Move versions to the trash, in order, in one transaction where the disk has the room."""
        by = trash.By(self.actor, self.clock())
        return self._in_parts(
            deletions,
            lambda conn, part: trash.delete(conn, part, by),
            key=lambda deletion: deletion.key,
        )

    def restore(self, keys: Sequence[str]) -> list[Outcome]:
        """Bring versions back from the trash."""
        return self._write(lambda conn: trash.restore(conn, keys))

    def trashed_aliases(self, keys: Sequence[str]) -> Mapping[str, tuple[Alias, ...]]:
        """The aliases that versions in the trash had."""
        with self.reading() as conn:
            return trash.remembered(conn, keys)

    def purge(self, keys: Sequence[str]) -> list[Outcome]:
        """Remove versions in the trash for good, some hundred in a transaction."""
        now = self.clock()
        return self._in_parts(
            keys,
            lambda conn, part: trash.purge(conn, part, now),
            key=str,
            most=trash.PURGE_CHUNK,
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
                outcomes += self._write(partial(_on, part, work))
            except NoRoomError as error:
                if len(part) > 1:
                    size = len(part) // 2
                elif outcomes:
                    why = str(error)
                    return outcomes + [Outcome(key(one), Result.FAILED, why) for one in rest]
                else:
                    raise
        return outcomes

    def _write(self, work: Callable[[Connection], T]) -> T:
        """Do work in a transaction; on a full disk with every bit of room that can be made."""
        self.check_writable()
        try:
            return self._pool.write(work)
        except NoRoomError:
            if not gc.take_out(self._pool, self.layout):
                raise
            return self._pool.write(work)

    def collect_garbage(self, *, grace_us: int = 0, dry_run: bool = False) -> Garbage:
        """Remove bytes that no version needs, and those that killed adds left."""
        if grace_us < 0:
            raise UsageError("The grace period cannot be less than nothing.")
        now = self.clock()
        if not dry_run:
            self.check_writable()
        with trouble.told(self.layout):
            work = gc.look if dry_run else gc.sweep
            return work(self._pool, self.layout, now_us=now, grace_us=grace_us)

    # Bytes

    def fsck(self, *, repair: bool = False, verify: bool = False) -> FsckReport:
        """Look for damage; see `fsck.check`."""
        if repair:
            self.check_writable()
        with trouble.told(self.layout):
            return checking.check(
                self._pool, self.layout, repair=repair, verify=verify, now_us=self.clock()
            )

    def export(self, key: str, dest: Path) -> None:
        """Write the files of a version into a new folder; see `export.write_out`."""
        with trouble.told(self.layout), locks.shared(self.layout):
            exporting.write_out(self, key, dest)
        if not self.read_only:
            with self.writing() as conn:
                names.used(conn, key, self.clock())

    # Adding

    def add(
        self, path: Path, new: NewVersion, *, progress: Callable[[int, int], None] | None = None
    ) -> Version:
        """Add a file or a folder as a new version.

        Args:
            path: the file or folder.
            new: what is said about it.
            progress: called with the bytes read so far and in all; may raise to give up.

        Raises:
            SourceError: something in it cannot be added.
            UsageError: a name cannot be stored.
            RegistryError: the registry cannot take it. In every case nothing was added.
        """
        self.check_writable()
        adding.check(new)
        found = source.look(path, self.layout.root)
        total = sum(one.size for one in found)
        done = 0

        def tick(count: int) -> None:
            nonlocal done
            done += count
            if progress is not None:
                progress(min(done, total), total)

        def stage(staging: Staging) -> list[tuple[NewVersion, list[Entry]]]:
            return [(new, [staging.add_file(one) for one in found])]

        sizes = self._sizes({one.size for one in found})
        (key,) = self._commit(stage, sizes=sizes, tick=tick)
        try:
            return self.version(key)
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
            many: what is said about each, and its files by path. A later one may name an
                earlier one's given key as its parent.
            durable: False leaves syncing the files to the operating system.
            then: called in the same transaction, after the last version.
        """
        self.check_writable()
        for new, files in many:
            adding.check(new)
            if not files:
                raise UsageError(f"“{new.name}” has no files. Nothing was added.")

        def stage(staging: Staging) -> list[tuple[NewVersion, list[Entry]]]:
            return [
                (new, [staging.add_bytes(path, data) for path, data in sorted(files.items())])
                for new, files in many
            ]

        return self._commit(stage, durable=durable, then=then)

    def _commit(
        self,
        stage: Callable[[Staging], list[tuple[NewVersion, list[Entry]]]],
        *,
        sizes: frozenset[int] = frozenset(),
        durable: bool = True,
        tick: Callable[[int], None] | None = None,
        then: Callable[[Connection], None] | None = None,
    ) -> list[str]:
        """Stage bytes, publish them, write the rows; start over when a sweep was in the way."""
        for _ in range(_ATTEMPTS):
            staging = Staging(
                self.layout, known=self._known, sizes=sizes, durable=durable, tick=tick
            )
            try:
                with trouble.told(self.layout), locks.shared(self.layout), staging:
                    batch = stage(staging)
                    staging.publish()
                    return self._insert(batch, staging.published, then)
            except adding.BlobGoneError:
                with trouble.told(self.layout):
                    gc.finish(self._pool, self.layout)
            except BaseException:
                gc.take_back(self._pool, self.layout, staging.published)
                raise
        raise BusyError(
            f"{self.layout.root} is being cleaned again and again. Nothing was added.",
            hint="Try again when nobody runs a garbage collection.",
        )

    def _insert(
        self,
        batch: list[tuple[NewVersion, list[Entry]]],
        fresh: set[str],
        then: Callable[[Connection], None] | None,
    ) -> list[str]:
        now = self.clock()
        with self.writing() as conn:
            keys = [
                adding.insert(conn, new, entries, layout=self.layout, fresh=fresh, now_us=now)
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
                (facts.dump(sizes),),
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

    # Names

    def edit(self, edits: Sequence[Edit]) -> list[Outcome]:
        """Change aliases, tags and times to live, each version's whole or not at all."""
        return self._write(lambda conn: editing.edit(conn, edits))

    def alias(self, key: str, name: str, *, protected: bool | None = None) -> None:
        """Put an alias on a version, or move it there; None keeps its protection as it is."""
        self._write(lambda conn: names.alias(conn, key, name, protected=protected))

    def unalias(self, key: str, name: str) -> None:
        """Take an alias off; a protected one is refused with `UsageError`."""
        self._write(lambda conn: names.unalias(conn, key, name))

    def protect(self, key: str, name: str, *, protected: bool = True) -> None:
        """Make an alias that is there forbid deletion, or no longer forbid it."""
        self._write(lambda conn: names.protect(conn, key, name, protected=protected))

    def tag(self, key: str, name: str) -> None:
        """Put a tag on a version."""
        self._write(lambda conn: names.tag(conn, key, name))

    def untag(self, key: str, name: str) -> None:
        """Take a tag off a version."""
        self._write(lambda conn: names.untag(conn, key, name))

    def set_ttl(self, key: str, ttl_us: int | None) -> None:
        """Set or clear (None) the time to live, in microseconds from creation."""
        self._write(lambda conn: names.set_ttl(conn, key, ttl_us))

    def link_parent(self, child: str, parent: str) -> None:
        """Record that the child version was made from the parent version (keys)."""
        self._write(lambda conn: names.link_parent(conn, child, parent))


def _on(
    part: Sequence[S],
    work: Callable[[Connection, Sequence[S]], list[Outcome]],
    conn: Connection,
) -> list[Outcome]:
    return work(conn, part)
