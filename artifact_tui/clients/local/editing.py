"""Changes to what is said about versions, in one transaction: each is done whole or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifact_tui.clients.local import names
from artifact_tui.errors import NotFoundError, UsageError
from artifact_tui.model import TTL_INHERIT, TTL_OFF, Outcome, Result
from artifact_tui.schema import as_text

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from artifact_tui.model import Edit


def edit(conn: sqlite3.Connection, edits: Sequence[Edit]) -> list[Outcome]:
    """Carry out the edits in order, inside the caller's writing transaction."""
    return [_one(conn, change) for change in edits]


def _one(conn: sqlite3.Connection, change: Edit) -> Outcome:
    """One edit, undone when a part of it is refused."""
    conn.execute("SAVEPOINT edit")
    try:
        message = _apply(conn, change)
    except (NotFoundError, UsageError) as error:
        conn.execute("ROLLBACK TO edit")
        absent = isinstance(error, NotFoundError)
        return Outcome(change.key, Result.ABSENT if absent else Result.REFUSED, str(error))
    finally:
        conn.execute("RELEASE edit")
    return Outcome(change.key, Result.DONE, message)


def _apply(conn: sqlite3.Connection, change: Edit) -> str:
    """Do what an edit says; gives what else changed."""
    version_id = names.live_id(conn, change.key)
    for name in change.remove_aliases:
        if (now := names.holder(conn, version_id, name)) and now[0] == version_id:
            names.unalias(conn, change.key, name)
    for name in change.remove_tags:
        names.untag(conn, change.key, name)
    moved = [_add_alias(conn, version_id, change.key, name) for name in change.add_aliases]
    for name in change.add_tags:
        names.tag(conn, change.key, name)
    if change.ttl_us is not None:
        _set_ttl(conn, change.key, change.ttl_us)
    return ", ".join(filter(None, moved))


def _add_alias(conn: sqlite3.Connection, version_id: int, key: str, name: str) -> str:
    """Put an alias on a version; from which other version it came, in words."""
    now = names.holder(conn, version_id, name)
    names.alias(conn, key, name, protected=None)
    if now is None or now[0] == version_id:
        return ""
    (label,) = conn.execute(
        f"SELECT {as_text('label')} FROM version WHERE id = ?", (now[0],)
    ).fetchone()
    return f"{name} moved from {label}"


def _set_ttl(conn: sqlite3.Connection, key: str, ttl_us: int) -> None:
    """Set the time to live, or take it away."""
    if ttl_us == TTL_INHERIT:
        raise UsageError(
            "A local registry has no time to live to inherit. Nothing was changed.",
            hint="Set one, or switch it off.",
        )
    names.set_ttl(conn, key, None if ttl_us == TTL_OFF else ttl_us)
