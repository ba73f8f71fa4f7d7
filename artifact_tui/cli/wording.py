"""Versions and collections as plain lines for people and as JSON records for programs.

Lines are safe. Records are keyed by the field names of the filter language, with raw names: JSON
escapes them. In records sizes are bytes, times are ISO 8601 in UTC, `age` and `ttl` are whole
seconds, and null means that the registry does not say.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from artifact_tui import text
from artifact_tui.catalog.catalog_rows import tags_of, unique_of
from artifact_tui.catalog.known_fields import SHOWN, known_fields
from artifact_tui.catalog.lineage import lineage_coverage
from artifact_tui.text import safe

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from artifact_tui.catalog.catalog_rows import CollectionRow, VersionRow
    from artifact_tui.clients.base import Client
    from artifact_tui.model import Alias


def aliases(found: Iterable[Alias]) -> str:
    """Aliases in one line: `latest, production (protected), best in acme/reg`."""
    names = []
    for alias in found:
        scope = f" in {safe(alias.scope)}" if alias.scope else ""
        names.append(f"{safe(alias.name)}{scope}{' (protected)' if alias.protected else ''}")
    return ", ".join(names)


def life(ttl_us: int | None, *, inherited: bool = False) -> str:
    """A time to live: `30 d`, `none`, `30 d (inherited)`."""
    shown = "none" if ttl_us is None else text.duration(ttl_us)
    return f"{shown} (inherited)" if inherited else shown


def facts(row: VersionRow, now_us: int) -> str:
    """What a list says about a version beside its name, size and age; empty for a plain one."""
    parts = []
    if row.state != "live":
        parts.append(f"[{row.state}]")
    if row.link:
        parts.append("link")
    if row.kept:
        parts.append("kept")
    if row.aliases:
        parts.append(f"aliases {aliases(row.aliases)}")
    if row.dependents:
        parts.append(text.plural(row.dependents, "dependent"))
    if row.links:
        parts.append(f"in {text.plural(len(row.links), 'other collection')}")
    if row.expires_us is not None:
        ahead = row.expires_us > now_us
        parts.append(f"expires {text.age(row.expires_us, now_us)}" if ahead else "expired")
    return " · ".join(parts)


def counted(pairs: Iterable[tuple[str, int]], most: int = 10) -> str:
    """Names with how often each occurs: `candidate ×9, baseline`."""  # noqa: RUF002
    listed = list(pairs)
    times = "×"  # noqa: RUF001 - as in the docstring
    shown = [
        f"{text.safe_name(name)}{f' {times}{n:,}' if n > 1 else ''}" for name, n in listed[:most]
    ]
    if len(listed) > most:
        shown.append(f"and {len(listed) - most:,} more")
    return ", ".join(shown)


SECOND_US = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def iso_moment(us: int | None) -> str | None:
    """A time as ISO 8601, or None."""
    if us is None:
        return None
    try:
        return (_EPOCH + timedelta(microseconds=us)).isoformat().replace("+00:00", "Z")
    except OverflowError:
        return None


def seconds(us: int | None) -> int | None:
    """A span in whole seconds, or None."""
    return None if us is None else us // SECOND_US


def collection_record(row: CollectionRow, registry: str, now_us: int) -> dict[str, Any]:
    """One collection; counts and sizes are of the versions that match."""
    return {
        "name": row.name,
        "type": row.type,
        "versions": row.versions,
        "size": row.size,
        "stored": row.stored,
        "age": None if row.newest_us is None else seconds(now_us - row.newest_us),
        "created": iso_moment(row.newest_us),
        "links": row.links,
        "registry": registry,
        "key": row.key,
    }


def alias_names(aliases: Sequence[Alias]) -> list[str]:
    """The names, each once: another collection may use the same."""
    return list(dict.fromkeys(alias.name for alias in aliases))


def alias_scopes(aliases: Sequence[Alias]) -> dict[str, list[str]]:
    """The names that something else holds, by its name: another collection or version."""
    return {
        scope: [alias.name for alias in aliases if alias.scope == scope]
        for scope in sorted({alias.scope for alias in aliases if alias.scope})
    }


RECORDED = SHOWN | {"registry", "link"}
"""Fields of a record that are null where the registry tells them of no version."""


def version_records(
    conn: sqlite3.Connection,
    client: Client,
    rows: Sequence[VersionRow],
    *,
    registry: str,
    now_us: int,
) -> Iterator[dict[str, Any]]:
    """Versions of one catalog, with what it knows beside their rows."""
    ids = [row.id for row in rows]
    unique, tags = unique_of(conn, ids), tags_of(conn, ids)
    complete = lineage_coverage(conn).complete
    known = known_fields(conn, client, RECORDED)
    for row in rows:
        yield version_record(
            row,
            registry=registry,
            now_us=now_us,
            unique=unique.get(row.id),
            tags=tags.get(row.id, ()),
            complete=complete,
            known=known,
        )


def version_record(
    row: VersionRow,
    *,
    registry: str,
    now_us: int,
    unique: int | None,
    tags: Sequence[str],
    complete: bool,
    known: Collection[str],
) -> dict[str, Any]:
    """One version; `alias` holds those of other collections too, which `alias_in` names.

    `dependents` are the least, unless `dependents_known`; `complete` says that no scan of lineage
    is missing, `known` which fields the registry tells.
    """
    all_known = "dependents" in known and row.lineage_known and complete
    named = "alias" in known
    linked = "link" in known
    return {
        "name": row.collection,
        "type": row.type,
        "version": row.label,
        "alias": alias_names(row.aliases) if named else None,
        "alias_in": alias_scopes(row.aliases) if named else None,
        "protected": [one.name for one in row.aliases if one.protected] if named else None,
        "tag": list(tags) if "tag" in known else None,
        "state": str(row.state),
        "size": row.size,
        "unique": unique,
        "age": None if row.created_us is None else seconds(now_us - row.created_us),
        "created": iso_moment(row.created_us),
        "used": iso_moment(row.used_us),
        "ttl": seconds(row.ttl_us),
        "ttl_inherited": row.ttl_inherited if "ttl" in known else None,
        "expires": iso_moment(row.expires_us),
        "dependents": row.dependents if all_known or row.dependents else None,
        "dependents_known": all_known,
        "runs": row.used_count,
        "stored": row.stored,
        "links": list(row.links) if linked else None,
        "link": row.link if linked else None,
        "source": row.source_key,
        "kept": row.kept,
        "generated": row.generated,
        "files": row.file_count,
        "run": row.run or None,
        "registry": registry,
        "key": row.key,
        "digest": row.digest,
    }
