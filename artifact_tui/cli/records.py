"""Versions and collections as JSON records, keyed by the field names of the filter language.

Names are raw: JSON escapes them. Sizes are bytes, times are ISO 8601 in UTC, `age` and `ttl` are
whole seconds, null means that the registry does not say.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from artifact_tui.catalog.rows import CollectionRow, VersionRow
    from artifact_tui.model import Alias

SECOND_US = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moment(us: int | None) -> str | None:
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


def collection_record(row: CollectionRow, *, registry: str, now_us: int) -> dict[str, Any]:
    """One collection; counts and sizes are of the versions that match."""
    return {
        "name": row.name,
        "type": row.type,
        "versions": row.versions,
        "size": row.size,
        "stored": row.stored,
        "age": None if row.newest_us is None else seconds(now_us - row.newest_us),
        "created": moment(row.newest_us),
        "links": row.links,
        "registry": registry,
        "key": row.key,
    }


def alias_names(aliases: Sequence[Alias]) -> list[str]:
    """The names, each once: another collection may use the same."""
    return list(dict.fromkeys(alias.name for alias in aliases))


def alias_scopes(aliases: Sequence[Alias]) -> dict[str, list[str]]:
    """The names that other collections hold, by collection."""
    return {
        scope: [alias.name for alias in aliases if alias.scope == scope]
        for scope in sorted({alias.scope for alias in aliases if alias.scope})
    }


def version_record(
    row: VersionRow,
    *,
    registry: str,
    now_us: int,
    unique: int | None,
    tags: Sequence[str],
    complete: bool,
) -> dict[str, Any]:
    """One version; `alias` holds those of other collections too, which `alias_in` names.

    `dependents` are the least, unless `dependents_known`; `complete` says that no scan of lineage
    is missing.
    """
    known = row.lineage_known and complete
    return {
        "name": row.collection,
        "type": row.type,
        "version": row.label,
        "alias": alias_names(row.aliases),
        "alias_in": alias_scopes(row.aliases),
        "protected": [alias.name for alias in row.aliases if alias.protected],
        "tag": list(tags),
        "state": str(row.state),
        "size": row.size,
        "unique": unique,
        "age": None if row.created_us is None else seconds(now_us - row.created_us),
        "created": moment(row.created_us),
        "used": moment(row.used_us),
        "ttl": seconds(row.ttl_us),
        "ttl_inherited": row.ttl_inherited,
        "expires": moment(row.expires_us),
        "dependents": row.dependents if known or row.dependents else None,
        "dependents_known": known,
        "runs": row.used_count,
        "stored": row.stored,
        "links": list(row.links),
        "link": row.link,
        "source": row.source_key,
        "kept": row.kept,
        "generated": row.generated,
        "files": row.file_count,
        "run": row.run or None,
        "registry": registry,
        "key": row.key,
        "digest": row.digest,
    }
