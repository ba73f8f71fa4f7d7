"""`artifact-tui demo`, `add`, `export`, `gc` and `fsck`: a local registry made, filled and kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from artifact_tui import text
from artifact_tui.catalog.catalog_rows import unique_of
from artifact_tui.catalog.version_names import find_version, rows_by_keys, types_of_name
from artifact_tui.cli import wording
from artifact_tui.cli.options import Command, DurationParam, json_option, registry_option
from artifact_tui.cli.output import Output, Progress, command
from artifact_tui.cli.root import show_screen
from artifact_tui.cli.session import client_of, own_client_of, reading, split_one, target_of
from artifact_tui.clients import kind_of
from artifact_tui.clients.base import Kind
from artifact_tui.config import LOCAL, Target
from artifact_tui.edits.keeping import bytes_words, keep, keepsake
from artifact_tui.errors import RegistryError, UsageError
from artifact_tui.model import Kept, NewVersion, now_us
from artifact_tui.text import safe

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from artifact_tui.clients.base import Client, OwnClient


SAMPLE_FOLDER = Path("sample")
"""Where the sample is made unless a path is given."""


@click.command("demo")
@click.argument("path", type=click.Path(path_type=Path), default=SAMPLE_FOLDER)
@click.option(
    "--versions", type=click.IntRange(1, 1_000_000), default=2000, show_default=True,
    help="How many versions to make.",
)  # fmt: skip
@click.option("--seed", type=int, default=7, help="Another number makes another sample.")
@click.option("--no-open", is_flag=True, help="Only make it; do not open the screen.")
def demo_command(path: Path, *, versions: int, seed: int, no_open: bool) -> int:
    """Make a sample registry at PATH, and open the screen on it.

    Models, datasets and code with real (small) bytes, aliases, lineage and some trash; yours to
    delete. A sample that is at PATH already is opened as it is.
    """
    target = target_of(f"{LOCAL}{path}")
    out = Output(changes=True)
    with Progress() as progress:
        made = kind_of(target.address).sample(
            target.address,
            versions=versions,
            seed=seed,
            progress=lambda done, total: progress.show(
                f"making version {text.count(done)} of {text.count(total)}"
            ),
        )
    if made:
        out.words(f"made {text.plural(versions, 'version')} in {text.safe(str(path))}")
    else:
        out.words(f"there is a registry at {text.safe(str(path))} already")
    if not no_open:
        return show_screen(target)
    out.words(f"next: {command('ls', f'{LOCAL}{path}')}", f"      {command(f'{LOCAL}{path}')}")
    return 0


@click.command("add", cls=Command)
@click.argument("source")
@click.argument("name", required=False)
@click.option(
    "--from", "origin", metavar="REGISTRY", help="SOURCE is a version of this one: NAME:V."
)
@click.option("--type", default="", help="model, dataset, code, … A known collection has one.")
@click.option("--alias", "aliases", multiple=True, metavar="A", help="An alias; may be repeated.")
@click.option("--protect", "protected", multiple=True, metavar="A", help="A protected alias.")
@click.option("--tag", "tags", multiple=True, metavar="T", help="A tag; may be repeated.")
@click.option("--parent", "parents", multiple=True, metavar="NAME:V", help="It was made from this.")
@click.option(
    "--ttl", "ttl_us", type=DurationParam(), help="It expires after this time: 30d, 12h, …"
)
@click.option("--run", default="", help="Who made it: a run, a job, a user.")
@click.option("--note", default="", help="Free text.")
@click.option("--create", is_flag=True, help="Make the registry at local:PATH if there is none.")
@registry_option
@json_option(changes=True)
async def add_command(
    source: str,
    name: str | None,
    origin: str | None,
    registry: str | None,
    *,
    create: bool,
    out: Output,
    **given: Any,
) -> None:
    """Put the file or folder SOURCE in a local registry, as the next version of NAME.

    \b
    artifact-tui add ./weights resnet50 --type model --alias candidate
    artifact-tui add data.csv images --type dataset --tag raw --ttl 90d
    artifact-tui add ./out distilled --type model --parent resnet50:v3
    artifact-tui add --from hf: acme/base:main

    Without --registry it is the default one. The same bytes are never stored twice.

    With --from a version of a store on this machine is kept in your own registry, and stays when
    that store is cleaned. What is said about it comes along; NAME is its own unless given. Its
    bytes are not copied where the file system can share them, by clones or by hard links: what is
    linked is freed only when it is gone from both.
    """  # noqa: D301 - click's mark for lines that stay as they are
    target = target_of(registry or (LOCAL if origin else None))
    given["name"] = name or ""
    if not origin and not name:
        raise UsageError(
            "Say a NAME too. Nothing was added.",
            hint=f"For example: {command('add', source, 'resnet50', '--type', 'model')}",
        )
    if create:
        kind = Kind() if target.read_only else kind_of(target.address)
        kind.create(target.address)
    async with own_client_of(target, write=True) as client:
        with Progress() as progress:

            def show(done: int, total: int) -> None:
                progress.show(f"reading {text.size(done)} of {text.size(total)}")

            if origin:
                async with client_of(target_of(origin)) as other:
                    kept = await _keep(other, source, client, given, show)
            else:
                async with reading(client) as conn:
                    new = _with_parents(conn, NewVersion(**given))
                    new = replace(new, type=new.type or _type_of(conn, new.name))
                kept = Kept(await client.add(Path(source), new, progress=show))
        try:
            await _print_added(client, kept, target, out)
        except RegistryError as error:
            raise RegistryError(
                f"“{name or source}” was added, and cannot be read back: {error}",
                hint="Do not add it again: look when the disk is well.",
            ) from error


def _with_parents(conn: sqlite3.Connection, new: NewVersion) -> NewVersion:
    """With the keys of its parents in place of the names that were typed."""
    return replace(new, parents=tuple(find_version(conn, name).key for name in new.parents))


async def _keep(
    other: Client,
    source: str,
    client: OwnClient,
    given: dict[str, Any],
    progress: Callable[[int, int], None],
) -> Kept:
    """Keep a version of another registry, with what was said about it in place of its own."""
    async with reading(other) as conn:
        row = find_version(conn, source)
        found = keepsake(conn, other, row)
    said = found.new
    given["tags"] = (*said.tags, *given["tags"])
    given["note"] = "; ".join(filter(None, (said.note, given["note"])))
    new = replace(said, **{what: value for what, value in given.items() if value})
    async with reading(client) as conn:
        types = types_of_name(conn, new.name)
        new = replace(new, type=given["type"] or next(iter(types), said.type))
        new = _with_parents(conn, new)
    return await keep(replace(found, new=new), row.key, other, client, progress=progress)


def _type_of(conn: sqlite3.Connection, name: str) -> str:
    """The type of a collection that is there."""
    found = types_of_name(conn, name)
    if not found:
        raise UsageError(
            f"“{name}” is a new collection, so its type must be said. Nothing was added.",
            hint="For example: --type model",
        )
    return found[0]


async def _print_added(client: Client, kept: Kept, target: Target, out: Output) -> None:
    """Say what was added, and how its bytes came; a connection opened only now sees it."""
    async with reading(client) as conn:
        rows = rows_by_keys(conn, [kept.key])
        (row,) = rows
        unique = unique_of(conn, [row.id])[row.id]
        if out.json:
            made = wording.version_records(
                conn, client, rows, registry=target.name, now_us=now_us()
            )
            out.record(next(made))
    shared = f", of which {text.size(unique)} only here" if unique != row.size else ""
    out.words(
        f"added {text.version_name(row)} to {safe(target.name)}",
        f"  {text.size(row.size)} in {text.plural(row.file_count or 0, 'file')}{shared}",
        *(f"  {words}" for words in filter(None, [bytes_words(kept)])),
        f"  aliases {wording.aliases(row.aliases)}",
    )


@click.command("export", cls=Command)
@click.argument("words", nargs=-1, metavar="[REGISTRY] NAME:V", required=True)
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), help="A new or empty folder."
)
async def export_command(words: tuple[str, ...], *, output: Path) -> None:
    """Write the files of a version to a folder, each checked by its hash.

    \b
    artifact-tui export local:./sample resnet50:latest -o ./weights
    """  # noqa: D301 - click's mark for lines that stay as they are
    target, name = split_one(words)
    async with own_client_of(target) as client:
        async with reading(client) as conn:
            row = find_version(conn, name)
        await client.export(row.key, output)
    what = f"{text.plural(row.file_count or 0, 'file')}, {text.size(row.size)}"
    Output(changes=True).words(f"{text.version_name(row)}: {what} in {safe(str(output))}")


@click.command("gc", cls=Command)
@click.argument("registry", required=False)
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@click.option(
    "--grace", type=DurationParam(), default=0, help="Leave what became unneeded since: 2h."
)
@json_option(changes=True)
async def gc_command(registry: str | None, *, dry_run: bool, grace: int, out: Output) -> None:
    """Free the bytes that no version needs. No version is changed.

    What is in the trash still needs its bytes: `artifact-tui purge` removes it for good first.
    What has expired waits for a plan: `artifact-tui plan REGISTRY ttl:expired`.
    It is safe while others use the registry.
    """
    target = target_of(registry)
    async with client_of(target, write=not dry_run) as client:
        if not client.can("collect_garbage"):
            freeing = client.freeing
            left = command("orphans", target.typed)
            raise RegistryError(
                f"“{target.name}” has no garbage collection that could be started from here.",
                hint=f"{freeing}." if freeing
                else f"With its bucket configured, this finds what is left in it: {left}",
            )  # fmt: skip
        found = await client.collect_garbage(grace_us=grace, dry_run=dry_run)
    if out.json:
        out.record(
            {
                "registry": target.name,
                "dry_run": dry_run,
                "expired": found.expired,
                "objects": found.blobs,
                "leftovers": found.leftovers,
                "freed": found.freed,
                "waiting": found.waiting,
                "trash": found.trash,
                "grace": wording.seconds(grace),
            }
        )
    would = "would be " if dry_run else ""
    what = text.plural(found.blobs, "stored object")
    if found.leftovers:
        what += f", {text.plural(found.leftovers, 'leftover')} of killed adds"
    out.words(f"{safe(target.name)}: {text.size(found.freed)} {would}freed ({what})")
    if found.waiting:
        out.words(f"  {text.size(found.waiting)} wait for the end of the grace period")
    if found.trash:
        need = "needs" if found.trash == 1 else "need"
        out.words(
            f"  {text.plural(found.trash, 'version')} in the trash still {need} the bytes",
            f"next: {command('purge', target.typed, '--all')}",
        )
    if found.expired:
        one = found.expired == 1
        have, stay, them = ("has", "stays", "it") if one else ("have", "stay", "them")
        out.words(
            f"  {text.plural(found.expired, 'version')} {have} expired, and {stay} until a plan"
            f" deletes {them}",
            f"next: {command('plan', target.typed, 'ttl:expired')}",
        )


@click.command("fsck", cls=Command)
@click.argument("registry", required=False)
@click.option("--verify", is_flag=True, help="Read every byte and check its hash.")
@click.option("--repair", is_flag=True, help="Mend what can be mended without losing anything.")
@json_option()
async def fsck_command(registry: str | None, *, verify: bool, repair: bool, out: Output) -> int:
    """Look for damage in a local registry. No version is ever removed.

    The exit code is 0 when nothing is wrong, or all of it was mended, and else 1.
    """
    target = target_of(registry)
    async with own_client_of(target, write=repair) as client:
        report = await client.fsck(repair=repair, verify=verify)
    if out.json:
        for problem in report.problems:
            out.record(
                {
                    "registry": target.name,
                    "problem": str(problem.kind),
                    "what": problem.what,
                    "size": problem.size,
                    "detail": problem.detail,
                    "repaired": problem.repaired,
                }
            )
    else:
        rows = (
            (
                str(problem.kind),
                safe(problem.what),
                text.size(problem.size),
                "mended" if problem.repaired else "",
                safe(problem.detail),
            )
            for problem in report.problems
        )
        out.rows(rows, right="2")
    looked = "read" if report.verified else "looked at, not read (--verify reads them)"
    objects = text.plural(report.blobs, "stored object")
    out.words(f"{safe(target.name)}: {objects}, {text.size(report.size)}, {looked}")
    if not report.problems:
        out.words("nothing is wrong")
        return 0
    problems = text.plural(len(report.problems), "problem")
    mended = text.count(sum(problem.repaired for problem in report.problems))
    harmed = text.count(len(report.harmed))
    out.words(f"{problems}, {mended} mended, {harmed} that cost something")
    if repair and report.harmed:
        out.words("what was lost comes back when the same file is added again, or from a backup")
    elif not repair:
        out.words(f"next: {command('fsck', target.typed, '--repair')}")
    return 0 if report.ok else 1
