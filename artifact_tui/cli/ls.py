"""`artifact-tui ls`: list collections, or versions."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from itertools import count, islice
from typing import TYPE_CHECKING

import click

from artifact_tui import query, text
from artifact_tui.catalog import queries
from artifact_tui.catalog.doubts import refuse_sort
from artifact_tui.catalog.sorting import FIELDS, Sort
from artifact_tui.cli import records, wording
from artifact_tui.cli.flags import Flags  # noqa: TC001 - click reads it
from artifact_tui.cli.options import FilterCommand, cached_option, json_option
from artifact_tui.cli.output import Output
from artifact_tui.cli.session import client_of, parse_filter, reading, split, where_of
from artifact_tui.here import now_us
from artifact_tui.text import safe

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from artifact_tui.catalog.rows import VersionRow

PAGE = 500
"""Versions read, and aligned, at a time."""

_LARGEST_FIRST = frozenset({"size", "unique", "stored", "dependents"})


@dataclass(frozen=True, slots=True)
class Listing:
    """What is listed, and where it is printed."""

    conn: sqlite3.Connection
    where: query.Where
    registry: str
    now_us: int
    out: Output
    limit: int | None
    local: bool = True
    """Whether artifacts can be added to it from here."""
    empty: bool = False
    """Whether empty collections are listed: where they can be deleted, and nothing is filtered."""
    trash: bool = True
    """Whether what is deleted can be restored: else there is no trash, whatever is still listed."""

    def versions(self, sort: Sort) -> Iterator[tuple[VersionRow, ...]]:
        """The matching versions, a page at a time, up to the limit."""
        after: str | None = None
        left = self.limit
        while left is None or left > 0:
            size = PAGE if left is None else min(PAGE, left)
            page = queries.page(self.conn, self.where, sort, after, size)
            yield page.rows
            left = None if left is None else left - len(page.rows)
            after = page.after
            if after is None:
                return


@click.command("ls", cls=FilterCommand)
@click.argument("words", nargs=-1, metavar="[REGISTRY] [FILTER]…")
@click.option("--versions", is_flag=True, help="List versions instead of collections.")
@click.option("--sort", "field", type=click.Choice(FIELDS), default="name", show_default=True)
@click.option("--reverse", is_flag=True, help="The other way round.")
@click.option("--limit", type=click.IntRange(min=1), help="At most this many.")
@cached_option
@json_option
@click.pass_obj
def ls(
    flags: Flags,
    words: tuple[str, ...],
    *,
    versions: bool,
    field: str,
    reverse: bool,
    limit: int | None,
    cached: bool,
    as_json: bool,
) -> None:
    """List the collections of REGISTRY, or the versions that match FILTER.

    \b
    artifact-tui ls local:./sample
    artifact-tui ls local:./sample --versions 'type:model alias:none age>30d'
    artifact-tui ls --versions --sort size --limit 20 --json

    Sizes, unique and charged bytes (stored) and dependents are sorted largest first, ages youngest
    first.
    """  # noqa: D301 - click's mark for lines that stay as they are
    target, rest = split(words, read_only=flags.read_only)
    parsed = parse_filter(rest)
    sort = Sort(field, descending=(field in _LARGEST_FIRST) != reverse)

    async def main() -> None:
        async with client_of(target) as client, reading(client, cached=cached) as conn:
            now = now_us()
            where = where_of(conn, parsed, client)
            if versions or field != "version":
                refuse_sort(conn, field, client.capabilities)
            out = Output(json=as_json)
            local = client.catalog_path is not None
            empty = parsed.everything and client.capabilities.collection_delete
            trash = client.capabilities.restore
            listing = Listing(conn, where, target.name, now, out, limit, local, empty, trash)
            if versions:
                list_versions(listing, sort)
            else:
                list_collections(listing, sort)
            _summary(listing, parsed)

    asyncio.run(main())


def list_collections(listing: Listing, sort: Sort) -> None:
    """Print the collections that have a version that matches, and perhaps empty ones."""
    found = queries.outline(listing.conn, listing.where, sort, empty=listing.empty)
    rows = list(islice(found, listing.limit))
    if listing.out.json:
        for row in rows:
            listing.out.record(
                records.collection_record(row, registry=listing.registry, now_us=listing.now_us)
            )
        return
    listing.out.rows(
        (
            (
                text.safe_name(row.name),
                safe(row.type),
                text.plural(row.versions, "link" if row.links else "version")
                if row.versions
                else "empty",
                _bytes(row.size, None if row.links else row.stored),
                wording.since(row.newest_us, listing.now_us, "old") if row.versions else "",
            )
            for row in rows
        ),
        right="234",
    )


def _bytes(listed: int | None, stored: int | None) -> str:
    """The bytes of a row: what is charged for them as well, where that is another number."""
    return text.size(listed) if stored in {None, listed} else text.charged(listed, stored)


def list_versions(listing: Listing, sort: Sort) -> None:
    """Print the versions that match."""
    numbers = count(1)
    for rows in listing.versions(sort):
        if listing.out.json:
            print_records(listing, rows)
            continue
        listing.out.rows(
            (
                (
                    wording.name_of(row),
                    safe(row.type),
                    _bytes(row.size, None if row.link else row.stored),
                    wording.since(row.created_us, listing.now_us, "old"),
                    wording.facts(row, listing.now_us),
                )
                for row in rows
            ),
            numbers=numbers,
            right="23",
        )


def print_records(listing: Listing, rows: tuple[VersionRow, ...]) -> None:
    """Print versions as JSON."""
    ids = [row.id for row in rows]
    unique = queries.unique_of(listing.conn, ids)
    tags = queries.tags_of(listing.conn, ids)
    complete = queries.lineage_coverage(listing.conn).complete
    for row in rows:
        listing.out.record(
            records.version_record(
                row,
                registry=listing.registry,
                now_us=listing.now_us,
                unique=unique.get(row.id),
                tags=tags.get(row.id, ()),
                complete=complete,
            )
        )


def _summary(listing: Listing, parsed: query.Query) -> None:
    """What was listed, out of what."""
    out, name = listing.out, safe(listing.registry)
    totals = queries.totals(listing.conn)
    empty = _empty(listing)
    if not totals.versions + totals.trash_versions + empty:
        more = ". Put something in: artifact-tui add SOURCE NAME --type model"
        out.words(f"{name} is empty{more if listing.local else ', or shows nothing to you'}")
        return
    found, size = queries.matching(listing.conn, listing.where)
    stored = None if totals.stored is None else _stored(listing)
    if parsed.text.strip():
        what, weight = text.plural(found, "version"), text.charged(size, stored)
        out.words(
            f"{what} of {text.count(totals.among(parsed))} in {name} match · {weight}"
            if found
            else f"nothing in {name} matches {safe(parsed.text.strip())}"
        )
        return
    kinds = text.plural(totals.collections, "collection")
    what = text.plural(totals.versions, "version")
    deleted = text.plural(totals.trash_versions, "version")
    trash = f" · {deleted} {'in the trash' if listing.trash else 'deleted, and still listed'}"
    out.words(
        f"{name} · {kinds} · {what} · {text.charged(totals.size, totals.stored)}"
        + (f" · {text.plural(empty, 'empty collection')}" if empty else "")
        + (trash if totals.trash_versions else "")
    )


def _stored(listing: Listing) -> int:
    """What is charged for all versions that match."""
    rows = queries.outline(listing.conn, listing.where, Sort())
    return sum(row.stored or 0 for row in rows if not row.links)


def _empty(listing: Listing) -> int:
    """How many empty collections are listed."""
    if not listing.empty:
        return 0
    rows = queries.outline(listing.conn, listing.where, Sort(), empty=True)
    return sum(not row.versions for row in rows)
