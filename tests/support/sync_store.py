"""The embedded registry without asyncio, and what somebody else may do to it meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from artifact_tui.clients.local import adding, fsck, local_edits, local_reading, local_trash
from artifact_tui.clients.local.local_store import LocalStore
from artifact_tui.model import Edit, Result

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from artifact_tui.model import (
        Deletion,
        Facts,
        File,
        FsckReport,
        Garbage,
        Kept,
        Listed,
        LocalFile,
        NewVersion,
        Outcome,
        Version,
    )


class SyncStore(LocalStore):
    """A store with everything that is done with one as methods."""

    def listing(self) -> Listed:
        """Everything."""
        with self.reading() as conn:
            return local_reading.listing_page(conn, 0, 1_000_000)[0]

    def version(self, key: str) -> Version:
        return next(one for one in self.listing().versions if one.key == key)

    def resolve(self, name: str) -> str:
        """The key of COLLECTION:LABEL or COLLECTION:ALIAS."""
        collection, _, which = name.rpartition(":")
        with self.reading() as conn:
            (row,) = conn.execute(
                "SELECT v.key FROM version v JOIN collection c ON c.id = v.collection_id"
                " WHERE c.name = ? AND (v.label = ? OR EXISTS"
                " (SELECT 1 FROM alias a WHERE a.version_id = v.id AND a.name = ?))",
                (collection, which, which),
            )
        return str(row[0])

    def files(self, version_key: str) -> tuple[File, ...]:
        with self.reading() as conn:
            return local_reading.version_files(conn, version_key)

    def facts(self, keys: Sequence[str]) -> Mapping[str, Facts]:
        with self.reading() as conn:
            return local_reading.read_facts(conn, keys)

    def add(
        self, path: Path, new: NewVersion, *, progress: Callable[[int, int], None] | None = None
    ) -> Version:
        return self.version(adding.add_version(self, path, new, progress))

    def keep(self, files: Mapping[str, LocalFile], new: NewVersion) -> Kept:
        return adding.keep_version(self, files, new)

    def add_many(
        self,
        many: Sequence[tuple[NewVersion, Mapping[str, bytes]]],
        *,
        durable: bool = True,
        then: Callable[[sqlite3.Connection], None] | None = None,
    ) -> list[str]:
        return adding.add_many(self, many, durable=durable, then=then)

    def delete(self, deletions: Sequence[Deletion]) -> list[Outcome]:
        return local_trash.delete_versions(self, deletions)

    def purge(self, keys: Sequence[str]) -> list[Outcome]:
        return local_trash.purge_versions(self, keys)

    def collect_garbage(self, *, grace_us: int = 0, dry_run: bool = False) -> Garbage:
        return local_trash.collect_garbage(self, grace_us=grace_us, dry_run=dry_run)

    def export(self, key: str, dest: Path) -> None:
        local_reading.export_version(self, key, dest)

    def fsck(self, *, repair: bool = False, verify: bool = False) -> FsckReport:
        return fsck.check_registry(self, repair=repair, verify=verify)

    def restore(self, keys: Sequence[str]) -> list[Outcome]:
        return self.write(local_trash.restore_versions, keys)

    def edit(self, edits: Sequence[Edit]) -> list[Outcome]:
        return self.write(local_edits.edit_versions, edits)

    def alias(self, key: str, name: str, *, protected: bool | None = None) -> None:
        """Put an alias on a version, or move it there; None keeps its protection as it is."""

        def work(conn: sqlite3.Connection) -> None:
            version_id = local_edits.live_version_id(conn, key)
            local_edits.point_alias(conn, version_id, name, protected=protected)

        self.write(work)

    def unalias(self, key: str, name: str) -> None:
        """Take an alias off a version, protected or not."""

        def work(conn: sqlite3.Connection) -> None:
            local_edits.drop_alias(conn, local_edits.live_version_id(conn, key), name)

        self.write(work)

    def protect(self, key: str, name: str, *, protected: bool = True) -> None:
        names: dict[str, Any] = {"protect_aliases" if protected else "unprotect_aliases": (name,)}
        (outcome,) = self.edit([Edit(key, **names)])
        assert outcome.result is Result.DONE, outcome

    def link_parent(self, child: str, parent: str) -> None:
        """Record that one version was made from another (keys); the registry forbids nothing."""

        def work(conn: sqlite3.Connection) -> None:
            conn.execute(
                "INSERT OR IGNORE INTO edge(parent_id, child_id) VALUES(?, ?)",
                (
                    local_edits.live_version_id(conn, parent),
                    local_edits.live_version_id(conn, child),
                ),
            )

        self.write(work)
