"""Changing versions that are there: aliases and their protection, tags, time to live.

Whatever name the registry accepts it keeps exactly, hostile or not. Every function works inside
the caller's writing transaction; an `Edit` is done whole or not at all.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from artifact_tui.database import as_text
from artifact_tui.errors import NotFoundError, UsageError
from artifact_tui.model import TTL_INHERIT, TTL_OFF, Outcome, Result

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from artifact_tui.model import Edit


LONGEST_NAME = 10_000
LONGEST_NOTE = 100_000
_LABEL = re.compile(r"v\d+")
_SURROGATE = re.compile(r"[\ud800-\udfff]")


def check_text(text: str, what: str, *, longest: int = LONGEST_NAME) -> None:
    """Refuse a text that cannot be stored and given back unchanged.

    Raises:
        UsageError: it holds NUL, half a surrogate pair, or more than `longest` characters.
    """
    if len(text) > longest:
        raise UsageError(
            f"The {what} has {len(text):,} characters; at most {longest:,} are allowed.",
            hint="Use a shorter one.",
        )
    if "\0" in text:
        raise UsageError(f"The {what} holds a NUL character.", hint="Leave it out.")
    if _SURROGATE.search(text):
        raise UsageError(f"The {what} is not valid Unicode text.", hint="Write it in UTF-8.")


def check_name(text: str, what: str) -> None:
    """Refuse a text that cannot be a name: it is empty, or not stored unchanged.

    Raises:
        UsageError: it cannot be a name.
    """
    if not text:
        raise UsageError(f"The {what} is empty.", hint="Give it at least one character.")
    check_text(text, what)


def check_alias(text: str) -> None:
    """Refuse what cannot be an alias: with “:”, or like a version's label, or no name at all.

    Raises:
        UsageError: it cannot be an alias.
    """
    check_name(text, "alias")
    if ":" in text:
        raise UsageError(
            "An alias may not contain “:”.", hint="A version is named COLLECTION:ALIAS."
        )
    if _LABEL.fullmatch(text):
        raise UsageError(
            f"“{text}” cannot be an alias: it looks like the label of a version.",
            hint="Use a word that is not “v” and a number.",
        )


def may_be_alias(text: str) -> bool:
    """Whether a text can be an alias."""
    try:
        check_alias(text)
    except UsageError:
        return False
    return True


def check_ttl(ttl_us: int) -> None:
    """Refuse a time to live, in microseconds, of nothing or over ten thousand years.

    Raises:
        UsageError: it cannot be one.
    """
    if not 0 < ttl_us < 10_000 * 366 * 86_400 * 1_000_000:
        raise UsageError(
            "A time to live must be more than nothing, and less than 10,000 years.",
            hint="Leave it out for no time to live.",
        )


def live_version_id(conn: sqlite3.Connection, key: str) -> int:
    """The row of a version that is there and not in the trash.

    Raises:
        NotFoundError: it is gone, or in the trash.
    """
    row = conn.execute("SELECT id, state FROM version WHERE key = ?", (key,)).fetchone()
    if row is None:
        raise NotFoundError(
            f"There is no version with the key “{key}” (any more). Nothing was changed.",
            hint="List the registry again.",
        )
    if row[1] == "trash":
        raise NotFoundError(
            f"The version with the key “{key}” is in the trash. Nothing was changed.",
            hint="Restore it first.",
        )
    return int(row[0])


def alias_holder(conn: sqlite3.Connection, version_id: int, alias: str) -> tuple[int, bool] | None:
    """Which version of the same collection has an alias now, and whether it is protected."""
    row = conn.execute(
        "SELECT at.version_id, a.protected FROM version v"
        " CROSS JOIN alias_at at ON at.collection_id = v.collection_id AND at.name = ?2"
        " CROSS JOIN alias a ON a.version_id = at.version_id AND a.scope = '' AND a.name = ?2"
        " WHERE v.id = ?1",
        (version_id, alias),
    ).fetchone()
    return None if row is None else (int(row[0]), bool(row[1]))


def drop_alias(conn: sqlite3.Connection, version_id: int, alias: str) -> None:
    """Take an alias off a version."""
    conn.execute(
        "DELETE FROM alias WHERE version_id = ? AND scope = '' AND name = ?", (version_id, alias)
    )


def point_alias(
    conn: sqlite3.Connection, version_id: int, alias: str, *, protected: bool | None
) -> None:
    """Put an alias on a version, taking it off the one that has it.

    `protected=None` keeps an alias as protected as it was.
    """
    now = alias_holder(conn, version_id, alias)
    if now is not None:
        drop_alias(conn, now[0], alias)
    keep = now is not None and now[1]
    conn.execute(
        "INSERT INTO alias(version_id, name, protected) VALUES(?, ?, ?)",
        (version_id, alias, int(keep if protected is None else protected)),
    )


def edit_versions(conn: sqlite3.Connection, edits: Sequence[Edit]) -> list[Outcome]:
    """Carry out edits in order; one of which a part is refused is undone."""
    outcomes = []
    for edit in edits:
        conn.execute("SAVEPOINT edit")
        try:
            outcome = Outcome(edit.key, Result.DONE, _edit_version(conn, edit))
        except (NotFoundError, UsageError) as error:
            conn.execute("ROLLBACK TO edit")
            absent = isinstance(error, NotFoundError)
            outcome = Outcome(edit.key, Result.ABSENT if absent else Result.REFUSED, str(error))
        finally:
            conn.execute("RELEASE edit")
        outcomes.append(outcome)
    return outcomes


def _edit_version(conn: sqlite3.Connection, edit: Edit) -> str:
    """Do what an edit says; from which other versions its aliases came, in words."""
    version_id = live_version_id(conn, edit.key)
    for name in edit.unprotect_aliases:
        _protect_alias(conn, version_id, name, protected=False)
    for name in edit.remove_aliases:
        holder = alias_holder(conn, version_id, name)
        if holder == (version_id, True):
            raise UsageError(
                f"The alias “{name}” is protected. Nothing was changed.",
                hint="Take the protection away first.",
            )
        if holder == (version_id, False):
            drop_alias(conn, version_id, name)
    conn.executemany(
        "DELETE FROM tag WHERE version_id = ? AND name = ?",
        [(version_id, name) for name in edit.remove_tags],
    )
    moved = [_move_alias(conn, version_id, name) for name in edit.add_aliases]
    for name in edit.add_tags:
        check_name(name, "tag")
        conn.execute("INSERT OR IGNORE INTO tag(version_id, name) VALUES(?, ?)", (version_id, name))
    if edit.ttl_us is not None:
        _set_ttl(conn, version_id, edit.ttl_us)
    for name in edit.protect_aliases:
        _protect_alias(conn, version_id, name, protected=True)
    return ", ".join(filter(None, moved))


def _move_alias(conn: sqlite3.Connection, version_id: int, alias: str) -> str:
    """Put an alias on a version; from which other version it came, in words."""
    check_alias(alias)
    holder = alias_holder(conn, version_id, alias)
    point_alias(conn, version_id, alias, protected=None)
    if holder is None or holder[0] == version_id:
        return ""
    (label,) = conn.execute(
        f"SELECT {as_text('label')} FROM version WHERE id = ?", (holder[0],)
    ).fetchone()
    return f"{alias} moved from {label}"


def _protect_alias(
    conn: sqlite3.Connection, version_id: int, alias: str, *, protected: bool
) -> None:
    """Make an alias of a version forbid its deletion, or no longer forbid it."""
    holder = alias_holder(conn, version_id, alias)
    if holder is None or holder[0] != version_id:
        raise UsageError(
            f"This version has no alias “{alias}”. Nothing was changed.",
            hint="List the version again: the alias may have moved.",
        )
    conn.execute(
        "UPDATE alias SET protected = ? WHERE version_id = ? AND scope = '' AND name = ?",
        (int(protected), version_id, alias),
    )


def _set_ttl(conn: sqlite3.Connection, version_id: int, ttl_us: int) -> None:
    """Set the time to live, counted from the version's creation, or take it away."""
    if ttl_us == TTL_INHERIT:
        raise UsageError(
            "A local registry has no time to live to inherit. Nothing was changed.",
            hint="Set one, or switch it off.",
        )
    if ttl_us != TTL_OFF:
        check_ttl(ttl_us)
    stored = None if ttl_us == TTL_OFF else ttl_us
    conn.execute("UPDATE version SET ttl_us = ? WHERE id = ?", (stored, version_id))
