"""`artifact-tui show`: one version."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import click

from artifact_tui import places, text
from artifact_tui.catalog import queries
from artifact_tui.catalog.detail import COUNTED, FILES
from artifact_tui.catalog.lineage_ask import ask_lineage
from artifact_tui.cli import records, wording
from artifact_tui.cli.flags import Flags  # noqa: TC001 - click reads it
from artifact_tui.cli.options import cached_option, json_option
from artifact_tui.cli.output import Output
from artifact_tui.cli.session import client_of, reading, split_one
from artifact_tui.clients.base import AskedLineage
from artifact_tui.here import now_us
from artifact_tui.model import GONE, VersionState
from artifact_tui.text import safe

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from artifact_tui.catalog.rows import VersionDetail, VersionRef, VersionRow
    from artifact_tui.clients.base import Client
    from artifact_tui.config import Target
    from artifact_tui.model import File

_NOTE = 10_000
"""Characters of a note that are shown."""


@click.command("show")
@click.argument("words", nargs=-1, metavar="[REGISTRY] NAME:V", required=True)
@cached_option
@json_option
@click.pass_obj
def show(flags: Flags, words: tuple[str, ...], *, cached: bool, as_json: bool) -> None:
    """Show one version, named by its label or an alias: resnet50:v41, resnet50:latest.

    Its aliases, sizes, files, what it was made from, and what was made from it.
    """
    target, name = split_one(words, read_only=flags.read_only)
    out = Output(json=as_json)

    async def main() -> None:
        async with client_of(target) as client:
            async with reading(client, cached=cached) as conn:
                row = queries.find(conn, name)
                if not cached:
                    await _ask(client, row)
                found = queries.detail(conn, row.id)
                source = next(iter(queries.by_keys(conn, [row.source_key or ""])), None)
            ask = as_json or (not found.files and bool(found.files_total))
            local = client.catalog_path is not None
            files = found.files
            if ask and (local or not cached):
                files = await client.files(found.row.key)
        if as_json:
            out.record(_record(found, files, target.name))
        else:
            _print(found, source, files, target, out)

    asyncio.run(main())


async def _ask(client: Client, row: VersionRow) -> None:
    """Ask a registry that tells lineage only when asked."""
    if not client.capabilities.asked_lineage or not isinstance(client, AskedLineage):
        return
    path = places.catalog_file(client.identity.uid)
    await ask_lineage(client, path, [row.key], closure=True, parents=True, most=COUNTED)


def _print(
    found: VersionDetail,
    source: VersionRow | None,
    files: Sequence[File],
    target: Target,
    out: Output,
) -> None:
    """Print a version for people; `source` is what a link shows, where that is listed."""
    out.words(f"{wording.name_of(found.row)} of {safe(target.name)}")
    if found.row.link:
        shown = wording.name_of(source) if source else safe(found.row.source_key or "")
        out.words(f"  {'link to':<11} {shown}")
    for field, value in _fields(found, now_us()):
        out.words(f"  {field:<11} {value}")
    _lineage(found, out)
    _files(files[:FILES], max(found.files_total, len(files)), out)


def _fields(found: VersionDetail, now: int) -> Iterator[tuple[str, str]]:
    row = found.row
    yield "type", safe(row.type)
    yield "state", str(row.state)
    if row.deleted_us is not None:
        yield "deleted", f"{text.moment(row.deleted_us)} by {safe(row.deleted_by) or text.UNKNOWN}"
    yield "size", _size(found)
    yield "created", _created(row, now)
    yield "used", _used(row)
    yield "ttl", _ttl(row, now)
    yield "aliases", wording.aliases(row.aliases) or "none"
    if row.links:
        yield "shown in", ", ".join(map(safe, row.links))
    if row.kept:
        yield "kept", safe(row.kept)
    yield "tags", ", ".join(map(safe, found.tags)) or "none"
    if found.note:
        yield "note", safe(found.note, _NOTE)
    yield "digest", safe(row.digest)
    yield "key", safe(row.key)


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
    return f"{text.size(row.size)}{files}, of which {text.size(found.unique)} only here"


def _created(row: VersionRow, now: int) -> str:
    by = f" by {safe(row.run)}" if row.run else ""
    if row.created_us is None:
        return f"not known{by}"
    return f"{text.moment(row.created_us)} UTC ({wording.since(row.created_us, now, 'old')}){by}"


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


def _lineage(found: VersionDetail, out: Output) -> None:
    if found.row.link:
        out.words("lineage: that of its source")
        return
    if found.parents:
        out.words(f"made from {text.plural(len(found.parents), 'version')}")
        out.rows((_ref(ref),) for ref in found.parents)
    if not found.row.lineage_known and not found.dependents:
        out.words("dependents: not known; nobody asked the registry, or it did not tell")
    elif not found.coverage.complete:
        known = text.count(found.dependents_total)
        out.words(f"dependents: {known} known, {found.coverage.words()}: there may be more")
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
    return f"{wording.name_of(ref)}{state}{names}"


def _files(files: Sequence[File], total: int, out: Output) -> None:
    out.words(text.plural(total, "file"))
    out.rows(
        ((safe(file.path), text.size(file.size), safe(file.digest)) for file in files), right="1"
    )
    if files and total > len(files):
        out.words(f"       and {text.count(total - len(files))} more (--json)")


def _record(found: VersionDetail, files: Sequence[File], registry: str) -> dict[str, Any]:
    record = records.version_record(
        found.row, registry=registry, now_us=now_us(), unique=found.unique, tags=found.tags,
        complete=found.coverage.complete,
    )  # fmt: skip
    known = found.lineage_known and found.coverage.complete
    return record | {
        "note": found.note,
        "parents": [_reference(ref) for ref in found.parents],
        "dependent_tree": [
            {"depth": line.depth, **_reference(line.ref)} for line in found.dependents
        ],
        "dependents_total": found.dependents_total if known or found.dependents else None,
        "dependents_capped": found.dependents_capped,
        "file_list": [
            {"path": file.path, "size": file.size, "digest": file.digest, "mode": file.mode}
            for file in files
        ],
    }


def _reference(ref: VersionRef) -> dict[str, Any]:
    gone = ref.elsewhere and ref.label.endswith(GONE)
    return {
        "name": ref.collection,
        "version": ref.label.removesuffix(GONE) if gone else ref.label,
        "state": "deleted" if gone else str(ref.state),
        "alias": [alias.name for alias in ref.aliases],
        "key": ref.key,
    }
