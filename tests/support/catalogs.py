"""Makes catalogs for tests: a few words each for collections, versions, files and lineage.

>>> made = Maker()
>>> v1 = made.version("resnet50", size=10, aliases=["latest"], files={"a.bin": ("blob-a", 10)})
>>> v2 = made.version("distilled", parents=[v1])
>>> path = made.write(tmp_path / "catalog.db")
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import TYPE_CHECKING

from artifact_tui.catalog.listing import Sort, version_chunks
from artifact_tui.catalog.marks import only_marked
from artifact_tui.model import Alias, Link, VersionState, schema_sql
from artifact_tui.query import Where

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from artifact_tui.catalog.catalog_rows import VersionRow

NOW = 1_800_000_000_000_000
"""The moment that tests of the catalog stop the clock at: 2027-01-15 08:00 UTC."""
DAY = 86_400_000_000


def every_version(conn: sqlite3.Connection, where: Where, sort: Sort) -> Iterator[VersionRow]:
    """All matching versions, one by one."""
    return chain.from_iterable(version_chunks(conn, where, sort))


def marked_keys(conn: sqlite3.Connection) -> tuple[str, ...]:
    """The keys of the marked versions, in the order of their ids."""
    rows = every_version(conn, only_marked(Where("1")), Sort())
    return tuple(row.key for row in sorted(rows, key=lambda row: row.id))


@dataclass(frozen=True)
class Made:
    """One version as it was asked for; its key is `COLLECTION/LABEL`."""

    id: int
    collection: str
    type: str
    ordinal: int
    label: str
    state: VersionState = VersionState.LIVE
    size: int | None = None
    file_count: int | None = None
    created_us: int | None = NOW
    used_us: int | None = None
    run: str = ""
    note: str = ""
    ttl_us: int | None = None
    ttl_inherited: bool = False
    source_key: str | None = None
    used_count: int | None = None
    stored: int | None = None
    kept: str = ""
    deleted_us: int | None = None
    deleted_by: str = ""
    aliases: tuple[Alias, ...] = ()
    tags: tuple[str, ...] = ()
    links: tuple[Link, ...] = ()
    files: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    """Path to the digest and size of its blob."""

    @property
    def key(self) -> str:
        return f"{self.collection}/{self.label}"

    @property
    def expires_us(self) -> int | None:
        if self.created_us is None or self.ttl_us is None:
            return None
        return self.created_us + self.ttl_us


class Maker:
    """Collects what a catalog shall hold, then writes it."""

    def __init__(self) -> None:
        self.types: dict[str, str] = {}
        self.meta: dict[str, str] = {}
        self.asked: set[int] = set()
        self.relatives: set[tuple[int, bool, str, str]] = set()
        self.versions: list[Made] = []
        self.ordinals: Counter[str] = Counter()
        self.edges: set[tuple[int, int]] = set()

    def collection(self, name: str, kind: str = "model") -> Maker:
        """A collection, which need not get versions."""
        self.types.setdefault(name, kind)
        return self

    def version(
        self,
        collection: str,
        *,
        type: str = "model",  # noqa: A002 - the field's name
        aliases: Iterable[str | Alias] = (),
        tags: Iterable[str] = (),
        links: Iterable[str] = (),
        parents: Iterable[Made] = (),
        files: Mapping[str, tuple[str, int]] | None = None,
        state: str = "live",
        label: str = "",
        **facts: object,
    ) -> Made:
        """The next version of a collection; size and file count follow from `files`."""
        self.collection(collection, type)
        ordinal = self.ordinals[collection] = self.ordinals[collection] + 1
        made = Made(
            id=len(self.versions) + 1,
            collection=collection,
            type=self.types[collection],
            ordinal=ordinal,
            label=label or f"v{ordinal}",
            state=VersionState(state),
            aliases=tuple(sorted(a if isinstance(a, Alias) else Alias(a) for a in aliases)),
            tags=tuple(sorted(tags)),
            links=tuple(Link(f"link:{name}:{ordinal}", name) for name in links),
            files=files or {},
        )
        if files is not None:
            sizes = sum(size for _, size in files.values())
            made = replace(made, size=sizes, file_count=len(files))
        made = replace(made, **facts)  # type: ignore[arg-type]
        self.versions.append(made)
        for parent in parents:
            self.edge(parent, made)
        return made

    def edge(self, parent: Made, child: Made) -> Maker:
        """`child` was made from `parent`."""
        self.edges.add((parent.id, child.id))
        return self

    def ask(self, *made: Made) -> Maker:
        """The lineage of these versions was asked for, in a registry that only tells it so."""
        self.meta["asked_lineage"] = "1"
        self.asked |= {one.id for one in made}
        return self

    def elsewhere(self, made: Made, name: str, *, up: bool = False) -> Maker:
        """A version of a collection that is not listed, made from this one or its parent (`up`)."""
        self.relatives.add((made.id, up, f"elsewhere/{name}", name))
        return self

    def write(self, path: Path) -> Path:
        """Write a new catalog file; ids of versions are those of `Made`."""
        conn = sqlite3.connect(path)
        conn.executescript(f"PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; {schema_sql()}")
        with conn:
            self.fill(conn)
        conn.close()
        return path

    def fill(self, conn: sqlite3.Connection) -> None:
        """Put everything into the tables of an empty catalog."""
        conn.executemany(
            "INSERT INTO collection(id, key, name, type, links) VALUES (?, ?, ?, ?, ?)",
            [
                (at, f"key:{name}", name, kind, name in self._of_links())
                for at, (name, kind) in enumerate(self.types.items(), start=1)
            ],
        )
        ids = {name: at for at, name in enumerate(self.types, start=1)}
        for made in self.versions:
            _write_version(conn, made, ids[made.collection])
        conn.executemany("INSERT INTO edge VALUES (?, ?)", sorted(self.edges))
        conn.executemany("INSERT INTO relative VALUES (?, ?, ?, ?)", sorted(self.relatives))
        conn.executemany(
            "INSERT INTO lineage_scan VALUES (?, ?)", [(at, NOW) for at in sorted(self.asked)]
        )
        conn.executemany("INSERT INTO meta VALUES (?, ?)", self.meta.items())
        conn.execute(
            "UPDATE blob SET refs = (SELECT count(*) FROM file f WHERE f.blob_id = blob.id)"
        )

    def _of_links(self) -> set[str]:
        """The collections that hold links."""
        return {made.collection for made in self.versions if made.source_key is not None}


def _write_version(conn: sqlite3.Connection, made: Made, collection_id: int) -> None:
    """One row of `version` and those that belong to it."""
    conn.execute(
        "INSERT INTO version(id, key, collection_id, ordinal, label, digest, state, size,"
        " file_count, created_us, used_us, run, note, ttl_us, deleted_us, deleted_by,"
        " ttl_inherited, source_key, used_count, stored, kept)"
        f" VALUES ({', '.join('?' * 21)})",
        (
            *(made.id, made.key, collection_id, made.ordinal, made.label, f"sha256:{made.id:064x}"),
            *(made.state, made.size, made.file_count, made.created_us, made.used_us, made.run),
            *(made.note, made.ttl_us, made.deleted_us, made.deleted_by, made.ttl_inherited),
            *(made.source_key, made.used_count, made.stored, made.kept),
        ),
    )
    conn.executemany(
        "INSERT INTO alias VALUES (?, ?, ?, ?)",
        [(made.id, a.scope, a.name, a.protected) for a in made.aliases],
    )
    conn.executemany("INSERT INTO tag VALUES (?, ?)", [(made.id, tag) for tag in made.tags])
    conn.executemany(
        "INSERT INTO link VALUES (?, ?, ?)", [(made.id, link.key, link.name) for link in made.links]
    )
    for path, (digest, size) in made.files.items():
        conn.execute("INSERT OR IGNORE INTO blob(digest, size) VALUES (?, ?)", (digest, size))
        conn.execute(
            "INSERT INTO file(version_id, path, blob_id)"
            " SELECT ?, ?, id FROM blob WHERE digest = ?",
            (made.id, path, digest),
        )
