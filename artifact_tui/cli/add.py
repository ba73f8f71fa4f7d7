"""`artifact-tui add`: put a file or a folder in a local registry."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from artifact_tui import text
from artifact_tui.catalog import queries
from artifact_tui.catalog.holding import types_of
from artifact_tui.cli import records, wording
from artifact_tui.cli.flags import Flags  # noqa: TC001 - click reads it
from artifact_tui.cli.options import Duration, json_option, registry_option
from artifact_tui.cli.output import Output
from artifact_tui.cli.progress import Progress
from artifact_tui.cli.session import catalog_of, local_client_of, target_of
from artifact_tui.clients import local
from artifact_tui.config import LOCAL, Target
from artifact_tui.errors import UsageError
from artifact_tui.here import now_us
from artifact_tui.text import safe

if TYPE_CHECKING:
    import sqlite3

    from artifact_tui.clients.local import LocalClient


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is to be added, as it was asked for."""

    source: Path
    name: str
    type: str
    aliases: tuple[str, ...]
    protected: tuple[str, ...]
    tags: tuple[str, ...]
    parents: tuple[str, ...]
    ttl_us: int | None
    run: str
    note: str


@click.command("add")
@click.argument("source", type=click.Path(path_type=Path))
@click.argument("name")
@click.option("--type", default="", help="model, dataset, code, … A known collection has one.")
@click.option("--alias", "aliases", multiple=True, metavar="A", help="An alias; may be repeated.")
@click.option("--protect", "protected", multiple=True, metavar="A", help="A protected alias.")
@click.option("--tag", "tags", multiple=True, metavar="T", help="A tag; may be repeated.")
@click.option("--parent", "parents", multiple=True, metavar="NAME:V", help="It was made from this.")
@click.option("--ttl", "ttl_us", type=Duration(), help="It expires after this time: 30d, 12h, …")
@click.option("--run", default="", help="Who made it: a run, a job, a user.")
@click.option("--note", default="", help="Free text.")
@click.option("--create", is_flag=True, help="Make the registry at local:PATH if there is none.")
@registry_option
@json_option
@click.pass_obj
def add(
    flags: Flags, /, registry: str | None, *, create: bool, as_json: bool, **asked: object
) -> None:
    """Put the file or folder SOURCE in a local registry, as the next version of NAME.

    \b
    artifact-tui add ./weights resnet50 --type model --alias candidate
    artifact-tui add data.csv images --type dataset --tag raw --ttl 90d
    artifact-tui add ./out distilled --type model --parent resnet50:v3

    Without --registry it is the default one. The same bytes are never stored twice.
    """  # noqa: D301 - click's mark for lines that stay as they are
    target = target_of(registry, read_only=flags.read_only)
    if create:
        _create(target)
    asyncio.run(_add(target, Request(**asked), Output(json=as_json, changes=True)))  # type: ignore[arg-type]


def _create(target: Target) -> None:
    path = target.address.removeprefix(LOCAL)
    if not target.address.startswith(LOCAL) or target.read_only:
        raise UsageError(
            f"No registry can be made at {target.address}.",
            hint="Use an address such as local:PATH that is not read-only.",
        )
    if path:
        asyncio.run(local.create(path).aclose())


async def _add(target: Target, request: Request, out: Output) -> None:
    async with local_client_of(target, write=True) as client:
        with catalog_of(client) as conn, Progress() as progress:
            parents = [queries.find(conn, name).key for name in request.parents]
            kind = request.type or _type_of(conn, request.name)
            version = await client.add(
                request.source, request.name, type=kind, aliases=request.aliases,
                protected=request.protected, tags=request.tags, parents=parents,
                ttl_us=request.ttl_us, run=request.run, note=request.note,
                progress=lambda done, total: progress.show(
                    f"reading {text.size(done)} of {text.size(total)}"
                ),
            )  # fmt: skip
        _tell(client, version.key, target, out)


def _type_of(conn: sqlite3.Connection, name: str) -> str:
    """The type of a collection that is there."""
    found = types_of(conn, name)
    if not found:
        raise UsageError(
            f"“{name}” is a new collection, so its type must be said. Nothing was added.",
            hint="For example: --type model",
        )
    return found[0]


def _tell(client: LocalClient, key: str, target: Target, out: Output) -> None:
    """Say what was added; a connection opened only now sees it."""
    with catalog_of(client) as conn:
        (row,) = queries.by_keys(conn, [key])
        unique = queries.unique_of(conn, [row.id])[row.id]
        tags = queries.tags_of(conn, [row.id]).get(row.id, ())
    if out.json:
        out.record(
            records.version_record(
                row, registry=target.name, now_us=now_us(), unique=unique, tags=tags, complete=True
            )
        )
    shared = f", of which {text.size(unique)} only here" if unique != row.size else ""
    out.words(
        f"added {wording.name_of(row)} to {safe(target.name)}",
        f"  {text.size(row.size)} in {text.plural(row.file_count or 0, 'file')}{shared}",
        f"  aliases {wording.aliases(row.aliases)}",
    )
