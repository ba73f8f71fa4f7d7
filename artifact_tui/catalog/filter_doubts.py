"""What a filter cannot mean in this registry: fields it never tells, values that nothing has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from artifact_tui.catalog import version_names
from artifact_tui.catalog.catalog_rows import snapshot
from artifact_tui.catalog.known_fields import known_fields
from artifact_tui.config import nearest
from artifact_tui.errors import QueryError
from artifact_tui.query import compile_query, sql
from artifact_tui.query.filter_tree import AllOf, AnyOf, LatestTerm, Node, Not, Query, TextTerm

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Iterator

    from artifact_tui.clients.base import Client
    from artifact_tui.query import Where


_NO_ORDER = f"""
SELECT c.name FROM collection c
WHERE {sql.NO_ORDER.format(collection="c.id", count=":count")} AND {{where}} LIMIT 1"""

_MOST = 10_000
"""Values that the nearest one is looked for among."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """A value in a filter that nothing in the registry has: most likely a slip."""

    field: str
    value: str
    """As it was written: untrusted text."""
    near: str
    """The value that was perhaps meant; untrusted text, or empty."""
    negated: bool
    """It leaves nothing out, so that more is chosen than was meant."""
    quoted: bool
    """It was written in quotes: it is meant."""
    bare: bool
    """It was a word without a field."""

    @property
    def meant(self) -> str:
        """How to write it so that it is taken as meant. Untrusted text."""
        value = self.value.replace("\\", "\\\\").replace('"', '\\"')
        before = "" if self.bare else f"{self.field}:"
        return f'{"-" * self.negated}{before}"{value}"'

    def error(self, query: Query, written: Callable[[str], str]) -> QueryError:
        """The error for this doubt: it says how to write the value so that it is taken as meant."""
        return QueryError(
            self.words(),
            position=max(0, query.text.find(self.value)),
            expected=f"To mean it all the same, put it in quotes: {written(self.meant)}",
        )

    def words(self) -> str:
        """This doubt in one sentence or two. Untrusted text."""
        said = f"Nothing here has the {self.field} “{self.value}”"
        if self.bare:
            said = f"No collection here has “{self.value}” in its name"
        said += ", so this leaves nothing out." if self.negated else "."
        return f"{said} Did you mean “{self.near}”?" if self.near else said


def doubts(conn: sqlite3.Connection, query: Query, client: Client) -> tuple[Doubt, ...]:
    """The values in a filter that nothing in the registry has; none where the registry is empty.

    Raises:
        QueryError: the filter asks for what this registry never tells.
    """
    with snapshot(conn):
        if conn.execute("SELECT 1 FROM version LIMIT 1").fetchone() is None:
            return ()
        _refuse_untold(conn, query.fields, client, query.text)
        counts = [node.count for node in _terms([query.root]) if isinstance(node, LatestTerm)]
        if counts:
            _refuse_unordered(conn, min(counts), query)
        return tuple(_doubts(conn, [query.root], negated=False))


def refuse_slips(
    found: Iterable[Doubt], query: Query, *, written: Callable[[str], str] = str
) -> None:
    """Refuse a filter that leaves out a value that nothing has, unless it is in quotes.

    Args:
        found: the values that nothing has.
        query: the filter.
        written: how a filter is typed where this is read; in a shell its quotes need others.

    Raises:
        QueryError: there is such a value.
    """
    for doubt in found:
        if doubt.negated and not doubt.quoted:
            raise doubt.error(query, written)


def undecided(conn: sqlite3.Connection, where: Where) -> int:
    """How many versions a filter leaves out only because nobody knows whether they match."""
    if where.unknown == sql.ALWAYS_KNOWN:
        return 0
    with snapshot(conn):
        found: int = conn.execute(
            "SELECT count(*) FROM collection c CROSS JOIN version v ON v.collection_id = c.id"
            f" WHERE {where.unknown}",
            where.params,
        ).fetchone()[0]
        return found


def refuse_sort(conn: sqlite3.Connection, field: str, client: Client) -> None:
    """Refuse to sort versions by what this registry never tells.

    Raises:
        QueryError: so it is.
    """
    with snapshot(conn):
        _refuse_untold(conn, [field], client)
        if field == "version":
            _refuse_unordered(conn, 1)


def _refuse_untold(
    conn: sqlite3.Connection, fields: Iterable[str], client: Client, text: str = ""
) -> None:
    """Refuse fields that this registry never tells.

    Raises:
        QueryError: one of them; its position is where `text` names it.
    """
    for name in sorted(frozenset(fields) - known_fields(conn, client, fields)):
        raise QueryError(
            f"This registry does not tell {untold_words(name)}.",
            position=max(0, text.lower().find(name)),
            expected="Sort by something else."
            if not text
            else f"Leave {name} out: it would match everything or nothing.",
        )


def untold_words(field: str) -> str:
    """What a registry does not tell that tells nothing of a field, for people."""
    return _WORDS.get(field, field)


_WORDS = {
    "age": "when a version was created (age)",
    "created": "when a version was created",
    "used": "when a version was last used",
    "unique": "the bytes that only one version has (unique)",
    "stored": "what it charges for a version (stored)",
    "files": "how many files a version has",
    "runs": "which runs used a version (runs)",
    "run": "who made a version (run)",
    "deleted": "when a version was deleted",
    "ttl": "any time to live (ttl)",
    "alias": "any alias",
    "tag": "any tag",
    "size": "the size of any version",
    "registry": "any link from another collection (registry)",
    "link": "any link",
    "dependents": "any lineage (dependents)",
}


def _refuse_unordered(conn: sqlite3.Connection, count: int, query: Query | None = None) -> None:
    """Refuse the newest `count` where nothing tells which versions of a collection those are.

    Raises:
        QueryError: there is such a collection among those that a filter names.
    """
    root = AllOf(()) if query is None else query.root
    items = root.items if isinstance(root, AllOf) else (root,)
    named = AllOf(tuple(item for item in items if _of_collections(item)))
    where = compile_query(Query("", named, frozenset({"state"})), 0)
    found = conn.execute(
        _NO_ORDER.format(where=where.sql), {**where.params, "count": count}
    ).fetchone()
    if found is not None:
        raise QueryError(
            f"Nothing tells which versions of “{found[0]}” are newer: this registry gives neither"
            " times nor counted numbers nor one listing in the order of making.",
            position=0 if query is None else max(0, query.text.find("latest")),
            expected="Sort by something else."
            if query is None
            else "Leave latest out, or narrow to collections whose order is known.",
        )


def _of_collections(node: Node) -> bool:
    """Whether a part of a filter only asks about the collection."""
    return all(
        isinstance(term, TextTerm) and term.field in {"name", "type"} for term in _terms([node])
    )


def _terms(nodes: Iterable[Node]) -> Iterator[Node]:
    """Every term below these nodes."""
    for node in nodes:
        match node:
            case AllOf(items) | AnyOf(items):
                yield from _terms(items)
            case Not(item):
                yield from _terms([item])
            case _:
                yield node


def _doubts(conn: sqlite3.Connection, nodes: Iterable[Node], *, negated: bool) -> Iterator[Doubt]:
    for node in nodes:
        match node:
            case AllOf(items) | AnyOf(items):
                yield from _doubts(conn, items, negated=negated)
            case Not(item):
                yield from _doubts(conn, [item], negated=not negated)
            case TextTerm() if not version_names.value_exists(conn, node):
                value = "*".join(node.pattern.pieces)
                known = version_names.existing_values(conn, node.field, "", _MOST)
                folded = {one.casefold(): one for one in known}
                near = folded.get(nearest(value.casefold(), folded), "")
                yield Doubt(node.field, value, near, negated, node.quoted, node.bare)
            case _:
                pass
