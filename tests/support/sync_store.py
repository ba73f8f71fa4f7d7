"""The embedded registry without asyncio, and what somebody else may do to it meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifact_tui.clients.local import local_edits, local_reading, local_trash
from artifact_tui.clients.local.local_store import Store

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence

    from artifact_tui.model import Edit, Facts, File, Listed, Outcome, Version


class SyncStore(Store):
    """A store whose reads and edits are methods too."""

    def listing(self) -> Listed:
        """Everything."""
        with self.reading() as conn:
            return local_reading.listing_page(conn, 0, 1_000_000)[0]

    def version(self, key: str) -> Version:
        with self.reading() as conn:
            return local_reading.read_version(conn, key)

    def resolve(self, name: str) -> str:
        with self.reading() as conn:
            return local_reading.resolve_name(conn, name)

    def files(self, version_key: str) -> tuple[File, ...]:
        with self.reading() as conn:
            return local_reading.version_files(conn, version_key)

    def facts(self, keys: Sequence[str]) -> Mapping[str, Facts]:
        with self.reading() as conn:
            return local_reading.read_facts(conn, keys)

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
        self.write(local_edits.protect_alias, key, name, protected=protected)

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
