"""`artifact-tui ls` and `show`: list collections or versions; one version in full."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any

import click

from artifact_tui import config, query, text
from artifact_tui.catalog.detail import DEPENDENTS_COUNTED, FILES_SHOWN, version_detail
from artifact_tui.catalog.filter_doubts import refuse_sort
from artifact_tui.catalog.known_fields import known_fields
from artifact_tui.catalog.lineage import ask_lineage
from artifact_tui.catalog.listing import (
    SORT_FIELDS,
    Sort,
    charges,
    collection_outline,
    registry_totals,
    version_chunks,
    versions_listed,
)
from artifact_tui.catalog.sizes import keys_without_size
from artifact_tui.catalog.version_names import find_version, rows_by_keys
from artifact_tui.cli import wording
from artifact_tui.cli.options import Command, FilterCommand, cached_option, json_option
from artifact_tui.cli.session import (
    ask_for_sizes,
    client_of,
    parse_filter,
    reading,
    split,
    split_one,
    where_of,
)
from artifact_tui.errors import NotToldError
from artifact_tui.model import GONE, VersionState, now_us
from artifact_tui.text import safe

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from artifact_tui.catalog.catalog_rows import (
        CollectionRow,
        VersionDetail,
        VersionRef,
        VersionRow,
    )
    from artifact_tui.cli.output import Output
    from artifact_tui.clients.base import Client
    from artifact_tui.config import Target
    from artifact_tui.model import File


_LARGEST_FIRST = frozenset({"size", "unique", "stored", "dependents"})


@dataclass(slots=True)
class MatchTotals:
    """What the versions that match come to."""

    count: int = 0
    size: int | None = None
    """Links add nothing; None when the size of none is known."""
    stored: int = 0
    """What is charged for those that are no links."""

    @classmethod
    def of(cls, rows: Iterable[CollectionRow]) -> MatchTotals:
        """What all versions that match of these collections come to."""
        match = cls()
        for row in rows:
            match.add(row.versions, row.size, row.stored, link=row.links)
        return match

    def add(self, count: int, size: int | None, stored: int | None, *, link: bool) -> None:
        """Add so many versions, and what they come to."""
        self.count += count
        if size is not None:
            self.size = (self.size or 0) + size * (not link)
        self.stored += (stored or 0) * (not link)


@click.command("ls", cls=FilterCommand)
@click.argument("words", nargs=-1, metavar="[REGISTRY] [FILTER]…")
@click.option("--versions", is_flag=True, help="List versions instead of collections.")
@click.option("--sort", "field", type=click.Choice(SORT_FIELDS), default="name", show_default=True)
@click.option("--reverse", is_flag=True, help="The other way round.")
@click.option("--limit", type=click.IntRange(min=1), help="At most this many.")
@cached_option
@json_option()
async def ls_command(
    words: tuple[str, ...],
    *,
    versions: bool,
    field: str,
    reverse: bool,
    limit: int | None,
    cached: bool,
    out: Output,
) -> None:
    """List the collections of REGISTRY, or the versions that match FILTER.

    \b
    artifact-tui ls local:./sample
    artifact-tui ls local:./sample --versions 'type:model alias:none age>30d'
    artifact-tui ls --versions --sort size --limit 20 --json

    Sizes, unique and charged bytes (stored) and dependents are sorted largest first, ages youngest
    first.
    """  # noqa: D301 - click's mark for lines that stay as they are
    target, rest = split(words)
    parsed = parse_filter(rest)
    sort = Sort(field, descending=(field in _LARGEST_FIRST) != reverse)
    async with client_of(target) as client, reading(client, cached=cached) as conn:
        now = now_us()
        where = where_of(conn, parsed, client)
        if client.can("sizes") and not cached:
            if field == "size" or "size" in parsed.fields:
                await ask_for_sizes(client, keys_without_size(conn))
            elif versions:
                chunks = version_chunks(conn, where, sort, limit=limit)
                unsized = [row.key for rows in chunks for row in rows if row.size is None]
                await ask_for_sizes(client, unsized)
        if versions or field != "version":
            refuse_sort(conn, field, client)
        empty = parsed.everything and client.can("delete_collection")
        if versions:
            chunks = version_chunks(conn, where, sort, limit=limit)
            match = _print_versions(conn, client, chunks, target.name, now, out)
            if match.count == limit:  # there may be more
                match = MatchTotals.of(collection_outline(conn, where, Sort()))
        else:
            every = collection_outline(conn, where, sort, empty=empty)
            match, shown = MatchTotals.of(every), every[:limit]
            if out.json:
                out.records(wording.collection_record(row, target.name, now) for row in shown)
            else:
                known = known_fields(conn, client)
                cells = (_collection_cells(row, now, known) for row in shown)
                out.rows(cells, right="234")
        outline = collection_outline(conn, where, Sort(), empty=True) if empty else ()
        empties = sum(not row.versions for row in outline)
        name = safe(target.name)
        out.words(_summary(conn, client, parsed, match, name=name, empties=empties))


def _collection_cells(row: CollectionRow, now_us: int, known: Collection[str]) -> tuple[str, ...]:
    """The cells of a collection; what the registry never tells has none."""
    what = text.plural(row.versions, "link" if row.links else "version")
    cells = [text.safe_name(row.name), safe(row.type), what if row.versions else "empty"]
    if "size" in known:
        cells.append(_bytes(row.size, None if row.links else row.stored))
    if "age" in known:
        cells.append(text.ago(row.newest_us, now_us, "old") if row.versions else "")
    return tuple(cells)


def _print_versions(  # noqa: PLR0917 - where from, which, for whom
    conn: sqlite3.Connection,
    client: Client,
    chunks: Iterable[Sequence[VersionRow]],
    registry: str,
    now: int,
    out: Output,
) -> MatchTotals:
    """Print versions, aligned chunk by chunk; returns what they come to."""
    match, numbers = MatchTotals(), count(1)
    known = known_fields(conn, client)
    right = "".join(str(2 + index) for index in range(len(known & {"size", "age"})))
    for rows in chunks:
        for row in rows:
            match.add(1, row.size, row.stored, link=row.link)
        if out.json:
            out.records(wording.version_records(conn, client, rows, registry=registry, now_us=now))
        else:
            out.rows((_version_cells(row, now, known) for row in rows), numbers, right=right)
    return match


def _version_cells(row: VersionRow, now_us: int, known: Collection[str]) -> tuple[str, ...]:
    """The cells of a version; what the registry never tells has none."""
    cells = [text.version_name(row), safe(row.type)]
    if "size" in known:
        cells.append(_bytes(row.size, None if row.link else row.stored))
    if "age" in known:
        cells.append(text.ago(row.created_us, now_us, "old"))
    return (*cells, wording.facts(row, now_us))


def _bytes(listed: int | None, stored: int | None) -> str:
    """The bytes of a row: what is charged for them as well, where that is another number."""
    return text.size(listed) if stored in {None, listed} else text.charged(listed, stored)


def _summary(
    conn: sqlite3.Connection,
    client: Client,
    parsed: query.Query,
    match: MatchTotals,
    *,
    name: str,
    empties: int,
) -> str:
    """The line below a list: how many versions match, of how many, or that there are none.

    `name` is the registry's; `empties` counts the collections without versions.
    """
    live, deleted = versions_listed(conn)
    if not live + deleted + empties:
        more = ". Put something in: artifact-tui add SOURCE NAME --type model"
        return f"{name} is empty{more if client.catalog_path else ', or shows nothing to you'}"
    if parsed.text.strip():
        if not match.count:
            return f"nothing in {name} matches {safe(parsed.text.strip())}"
        among = live + deleted * ("state" in parsed.fields)
        stored = match.stored if charges(conn) else None
        told = match.size is not None or stored is not None
        weight = f" · {text.charged(match.size, stored)}" if told else ""
        what = text.plural(match.count, "version")
        return f"{what} of {text.count(among)} in {name} match{weight}"
    totals = registry_totals(conn)
    parts = [
        name,
        text.plural(totals.collections, "collection"),
        text.plural(totals.versions, "version"),
    ]
    if totals.size is not None or totals.stored is not None:
        parts.append(text.charged(totals.size, totals.stored))
    if empties:
        parts.append(text.plural(empties, "empty collection"))
    if totals.trash_versions:
        where = "in the trash" if client.can("restore") else "deleted, and still listed"
        parts.append(f"{text.plural(totals.trash_versions, 'version')} {where}")
    return " · ".join(parts)


_NOTE = 10_000
"""Characters of a note that are shown."""


@click.command("show", cls=Command)
@click.argument("words", nargs=-1, metavar="[REGISTRY] NAME:V", required=True)
@cached_option
@json_option()
async def show_command(words: tuple[str, ...], *, cached: bool, out: Output) -> None:
    """Show one version, named by its label or an alias: resnet50:v41, resnet50:latest.

    Its aliases, sizes, files, what it was made from, and what was made from it.
    """
    target, name = split_one(words)
    async with client_of(target) as client:
        async with reading(client, cached=cached) as conn:
            row = find_version(conn, name)
            if client.tells_dependents and not cached:
                path = config.catalog_file(client.identity.uid)
                await ask_lineage(
                    client, path, [row.key], closure=True, parents=True, most=DEPENDENTS_COUNTED
                )
            if row.size is None and not cached:
                await ask_for_sizes(client, [row.key])
            found = version_detail(conn, row.id)
            source = next(iter(rows_by_keys(conn, [row.source_key or ""])), None)
            known = known_fields(conn, client, wording.RECORDED | {"used"})
        files = found.files
        untold = found.files_total or found.row.file_count is None
        if (client.catalog_path or not cached) and (out.json or (not files and untold)):
            files = await client.files(row.key)
        used_by: tuple[str, ...] | None = None
        if client.can("in_use"):
            with suppress(NotToldError):
                used_by = (await client.in_use([row.key])).by.get(row.key, ())
    if out.json:
        record = _detail_record(found, files, target.name, known)
        out.record(record | {"used_by": None if used_by is None else list(used_by)})
    else:
        _print_version(found, source, files, target, out, known=known, used_by=used_by or ())


def _print_version(
    found: VersionDetail,
    source: VersionRow | None,
    files: Sequence[File],
    target: Target,
    out: Output,
    *,
    known: Collection[str],
    used_by: Sequence[str],
) -> None:
    """Print a version for people; `source` is what a link shows, where that is listed."""
    out.words(f"{text.version_name(found.row)} of {safe(target.name)}")
    if found.row.link:
        shown = text.version_name(source) if source else safe(found.row.source_key or "")
        out.words(f"  {'link to':<11} {shown}")
    for field, value in _fields(found, now_us(), known):
        out.words(f"  {field:<11} {value}")
    if used_by:
        out.words(f"  {'in use by':<11} {', '.join(map(safe, used_by))}")
    _print_lineage(found, out, known)
    if files or "files" in known:
        _print_files(files[:FILES_SHOWN], max(found.files_total, len(files)), out)


def _fields(found: VersionDetail, now: int, known: Collection[str]) -> Iterator[tuple[str, str]]:
    """What is said about a version; nothing of what the registry never tells."""
    row = found.row
    by = safe(row.deleted_by) or text.UNKNOWN
    lines = (
        (True, "type", safe(row.type)),
        (True, "state", str(row.state)),
        (row.deleted_us is not None, "deleted", f"{text.moment(row.deleted_us)} by {by}"),
        ("size" in known, "size", _size(found)),
        ("age" in known or row.run, "created", _created(row, now)),
        ("used" in known or row.used_count is not None, "used", _used(row)),
        ("ttl" in known, "ttl", _ttl(row, now)),
        ("alias" in known, "aliases", wording.aliases(row.aliases) or "none"),
        (row.links, "shown in", ", ".join(map(safe, row.links))),
        (row.kept, "kept", safe(row.kept)),
        ("tag" in known, "tags", ", ".join(map(safe, found.tags)) or "none"),
        (found.note, "note", safe(found.note, _NOTE)),
        (True, "digest", safe(row.digest)),
        (True, "key", safe(row.key)),
    )
    return ((field, value) for shown, field, value in lines if shown)


def _size(found: VersionDetail) -> str:
    if found.row.size is None:
        return "not known"
    row = found.row
    count = found.files_total or row.file_count
    files = "" if count is None else f" in {text.plural(count, 'file')}"
    if row.link:
        return f"{text.size(row.size)}{files}, which are its source's"
    if row.stored is not None and found.unique is None:
        return f"{text.size(row.size)}{files}, {text.size(row.stored)} of it charged"
    only = "" if found.unique is None else f", of which {text.size(found.unique)} only here"
    return f"{text.size(row.size)}{files}{only}"


def _created(row: VersionRow, now: int) -> str:
    by = f" by {safe(row.run)}" if row.run else ""
    if row.created_us is None:
        return f"not known{by}"
    return f"{text.moment(row.created_us)} UTC ({text.ago(row.created_us, now, 'old')}){by}"


def _used(row: VersionRow) -> str:
    runs = "" if row.used_count is None else f"by {text.plural(row.used_count, 'run')}"
    if row.used_us is None:
        return runs or "not known"
    return f"{text.moment(row.used_us)} UTC {runs}".rstrip()


def _ttl(row: VersionRow, now: int) -> str:
    life = wording.life(row.ttl_us, inherited=row.ttl_inherited)
    if row.ttl_us is None or row.expires_us is None:
        return life
    when = "expired" if row.expires_us <= now else "expires"
    return f"{life}, {when} {text.moment(row.expires_us)} UTC"


def _print_lineage(found: VersionDetail, out: Output, known: Collection[str]) -> None:
    if "dependents" not in known:
        out.words("lineage: this registry keeps none")
        return
    if found.row.link:
        out.words("lineage: that of its source")
        return
    if found.parents:
        out.words(f"made from {text.plural(len(found.parents), 'version')}")
        out.rows((_ref(ref),) for ref in found.parents)
    if not found.row.lineage_known and not found.dependents:
        out.words("dependents: not known; nobody asked the registry, or it did not tell")
    elif not found.coverage.complete:
        least = text.count(found.dependents_total)
        out.words(f"dependents: {least} known, {found.coverage.words()}: there may be more")
    elif not found.dependents:
        out.words("nothing was made from it")
    if not found.dependents:
        return
    direct = found.row.dependents
    more = "more than " if found.dependents_capped else ""
    total = text.count(found.dependents_total)
    out.words(f"dependents: {text.count(direct)} direct, {more}{total} in all")
    out.rows((f"{'  ' * (line.depth - 1)}{_ref(line.ref)}",) for line in found.dependents)
    if found.dependents_total > len(found.dependents):
        out.words("       and more")


def _ref(ref: VersionRef) -> str:
    names = f"  aliases {wording.aliases(ref.aliases)}" if ref.aliases else ""
    word = "deleted" if ref.state is VersionState.TRASH else ref.state
    state = "" if ref.state is VersionState.LIVE else f"  [{word}]"
    return f"{text.version_name(ref)}{state}{names}"


def _print_files(files: Sequence[File], total: int, out: Output) -> None:
    out.words(text.plural(total, "file"))
    out.rows(
        ((safe(file.path), text.size(file.size), safe(file.digest)) for file in files), right="1"
    )
    if files and total > len(files):
        out.words(f"       and {text.count(total - len(files))} more (--json)")


def _detail_record(
    found: VersionDetail, files: Sequence[File], registry: str, known: Collection[str]
) -> dict[str, Any]:
    record = wording.version_record(
        found.row, registry=registry, now_us=now_us(), unique=found.unique, tags=found.tags,
        complete=found.coverage.complete, known=known,
    )  # fmt: skip
    lineage = "dependents" in known
    all_known = lineage and found.lineage_known and found.coverage.complete
    tree = [{"depth": line.depth, **_ref_record(line.ref)} for line in found.dependents]
    listed = [
        {"path": file.path, "size": file.size, "digest": file.digest, "mode": file.mode}
        for file in files
    ]
    return record | {
        "note": found.note,
        "parents": [_ref_record(ref) for ref in found.parents] if lineage else None,
        "dependent_tree": tree if lineage else None,
        "dependents_total": found.dependents_total if all_known or found.dependents else None,
        "dependents_capped": found.dependents_capped,
        "file_list": listed if listed or "files" in known else None,
    }


def _ref_record(ref: VersionRef) -> dict[str, Any]:
    gone = ref.elsewhere and ref.label.endswith(GONE)
    return {
        "name": ref.collection,
        "version": ref.label.removesuffix(GONE) if gone else ref.label,
        "state": "deleted" if gone else str(ref.state),
        "alias": [alias.name for alias in ref.aliases],
        "key": ref.key,
    }
