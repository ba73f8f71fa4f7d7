"""`artifact-tui trash`, `restore`, `purge` and `reingest`: what was deleted, and its way back.

What is in the trash is listed, restored, or removed for good. Where a registry has no trash but
makes entries from a source address, what a plan deleted is made again.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from itertools import count
from pathlib import Path  # noqa: TC003 - click reads it
from typing import TYPE_CHECKING, Any

import click

from artifact_tui import query, text
from artifact_tui.catalog import marks
from artifact_tui.catalog.listing import Sort, version_chunks
from artifact_tui.catalog.version_names import find_version, rows_by_keys
from artifact_tui.cli import wording
from artifact_tui.cli.applying import confirm_and_apply
from artifact_tui.cli.drafting import (
    PlanSubject,
    consents_of,
    make_draft,
    print_draft,
    review_source,
    reviewed,
    save_draft,
)
from artifact_tui.cli.options import (
    Command,
    FilterCommand,
    PlanParam,
    cached_option,
    consent_options,
    json_option,
)
from artifact_tui.cli.output import Output, Progress, command
from artifact_tui.cli.reviewing import print_item_records
from artifact_tui.cli.session import (
    client_of,
    connected,
    parse_filter,
    reading,
    split,
    split_one,
    where_of,
)
from artifact_tui.deletion import plan_file
from artifact_tui.deletion.items import Action, Options
from artifact_tui.deletion.plan import Plan, Status
from artifact_tui.deletion.review import ReviewRequest
from artifact_tui.deletion.undo import (
    CAVEAT,
    maker_of,
    note_source,
    restore_versions,
    source_of,
    undo,
    why_no_undo,
)
from artifact_tui.errors import ArtifactTuiError, RegistryError, UsageError
from artifact_tui.model import Alias, Outcome, Result, now_us
from artifact_tui.text import safe

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from artifact_tui.catalog.catalog_rows import VersionRow
    from artifact_tui.config import Target
    from artifact_tui.deletion.plan import Draft
    from artifact_tui.deletion.undo import RemadeEntry, Undone


def print_undone(
    undone: Undone, rows: Mapping[str, VersionRow], target: Target, plan: Path | None, out: Output
) -> int:
    """Say what came back, and what not; 1 when something did not, or not as it was."""
    if out.json:
        out.records(_restored_record(one, rows.get(one.key), target) for one in undone.restored)
        out.records(_remade_record(one, target) for one in undone.remade)
    out.words(*undone.lines)
    if undone.remade and undone.missing and plan is not None:
        out.words(f"to try again: {command('restore', '--plan', plan)}")
    return 0 if undone.complete else 1


def _restored_record(outcome: Outcome, row: VersionRow | None, target: Target) -> dict[str, Any]:
    return {
        "name": row.collection if row else None,
        "version": row.label if row else None,
        "registry": target.name,
        "key": outcome.key,
        "result": "restored" if outcome.result is Result.DONE else str(outcome.result),
        "message": outcome.message,
    }


def _remade_record(one: RemadeEntry, target: Target) -> dict[str, Any]:
    return {
        "registry": target.name,
        "name": one.name,
        "key": one.old_key,
        "new_key": one.new_key or None,
        "type": one.recipe.type if one.recipe else None,
        "url": one.recipe.url if one.recipe else None,
        "result": "made" if one.new_key else "not_made",
        "differs": one.differs,
        "error": one.error,
    }


def in_trash(words: Sequence[str]) -> query.Query:
    """A filter that looks only at the trash."""
    parsed = parse_filter(words)
    return query.parse(f"({parsed.text}) state:trash" if parsed.text.strip() else "state:trash")


@click.command("trash", cls=FilterCommand)
@click.argument("words", nargs=-1, metavar="[REGISTRY] [FILTER]…")
@cached_option
@json_option()
async def trash_command(words: tuple[str, ...], *, cached: bool, out: Output) -> None:
    """List what is in the trash: it can be restored, until it is purged.

    Where a registry cannot restore, these are the deleted versions that it still lists.
    """
    target, rest = split(words)
    parsed = in_trash(rest)
    async with client_of(target) as client, reading(client, cached=cached) as conn:
        where, now, numbers = where_of(conn, parsed, client), now_us(), count(1)
        for rows in version_chunks(conn, where, Sort("name")):
            if out.json:
                name = target.name
                out.records(wording.version_records(conn, client, rows, registry=name, now_us=now))
                continue
            had = await client.trashed_aliases([row.key for row in rows])
            cells = (_trash_cells(row, had.get(row.key, ()), now) for row in rows)
            out.rows(cells, numbers, right="1")
        found, restores, name = marks.pick(conn, where), client.can("restore"), target.name
        if not found:
            place = "is in the trash of" if restores else "was deleted is listed in"
            out.words(f"nothing {'of this' if restores else 'that'} {place} {safe(name)}")
        if not restores:
            again = command("restore", target.typed, "--plan", "PLAN")
            instead = f"{_no_trash(target)}. What a plan deleted can be made again: {again}"
            out.words(safe(why_no_undo(client, name) or instead))
        if not found:
            return
        weight, what = marks.picked_bytes(conn), text.plural(found, "version")
        listed = f"{text.size(weight.listed)} listed"
        if not restores:
            out.words(f"{what} deleted in {safe(name)} · {listed}")
            return
        purges = client.can("purge")
        frees = safe(client.freeing)
        if purges or not frees:
            frees = text.freed(weight.freed, weight.unknown_count, "freed after purge and gc")
        bytes_too = command("plan", target.typed, "state:trash", "--storage")
        ((first,),) = version_chunks(conn, where, Sort("name"), limit=1)
        out.words(
            f"{what} in the trash of {safe(name)} · {listed}, {frees}",
            f"next: {command('restore', target.typed, f'{first.collection}:{first.label}')}",
            *([f"      {command('purge', target.typed, '--all')}"] if purges else []),
            *([f"      {bytes_too}"] if client.can("storage") and not purges else []),
        )


def _trash_cells(row: VersionRow, had: Sequence[Alias], now: int) -> tuple[str, ...]:
    by = f" by {safe(row.deleted_by)}" if row.deleted_by else ""
    names = f" · had the aliases {wording.aliases(had)}" if had else ""
    ago = text.ago(row.deleted_us, now)
    when = "deleted, not known when" if row.deleted_us is None else f"deleted {ago}"
    return text.version_name(row), text.size(row.size), f"{when}{by}{names}"


@click.command("restore", cls=Command)
@click.argument("words", nargs=-1, metavar="[REGISTRY] [NAME:V]…")
@click.option("--plan", type=PlanParam(), help="Undo: all that this plan deleted.")
@click.option(
    "--uncertain", is_flag=True, help="Make also those again that may have been made already."
)
@json_option(changes=True)
async def restore_command(
    words: tuple[str, ...], *, plan: Path | None, uncertain: bool, out: Output
) -> int:
    """Bring versions back from the trash, with those of their aliases that are still free.

    \b
    artifact-tui restore local:./sample resnet50:v3 resnet50:v4
    artifact-tui restore local:./sample --plan old.plan

    Where a registry has no trash, but makes entries from a source address, --plan makes them again:
    with new ids and new metrics, and without what was deleted from the storage.

    The exit code is 1 when one of them could not be restored.
    """  # noqa: D301 - click's mark for lines that stay as they are
    if plan is not None and not words:
        with Plan.open(plan) as opened:
            made_for = plan_file.registry_of(opened)
        words = (made_for.typed or made_for.address,)
    target, names = split(words, names=True)
    if not names and plan is None:
        raise UsageError(
            "Name the versions to restore, or a plan whose deletion is to be undone.",
            hint=f"What is in the trash: {command('trash', target.typed)}",
        )
    async with client_of(target, write=True) as client:
        if why := why_no_undo(client, target.name):
            raise UsageError(why, hint="Nothing was changed.")
        if not client.can("restore"):
            if plan is None or names:
                raise UsageError(
                    f"{_no_trash(target)}: what a plan deleted can be made again.",
                    hint=f"Name the plan: {command('restore', '--plan', 'FILE')}",
                )
            with Progress() as progress:
                undone = await undo(plan, client, uncertain=uncertain, progress=progress.show)
            return print_undone(undone, {}, target, plan, out)
        async with reading(client) as conn:
            found = [find_version(conn, name) for name in names]
            named = {row.key: f"{row.collection}:{row.label}" for row in found}
            if plan is None:
                undone = await restore_versions(client, named)
            else:
                undone = await undo(plan, client, also=named)
            rows = rows_by_keys(conn, [outcome.key for outcome in undone.restored])
    return print_undone(undone, {row.key: row for row in rows}, target, plan, out)


def _no_trash(target: Target) -> str:
    return f"“{target.name}” has no trash"


@click.command("purge", cls=FilterCommand)
@click.argument("words", nargs=-1, metavar="[REGISTRY] [FILTER]…")
@click.option("--all", "everything", is_flag=True, help="All of the trash, instead of a filter.")
@consents_of("orphan_dependents")
@consent_options
@json_option(changes=True)
def purge_command(
    words: tuple[str, ...], *, everything: bool, expect: int | None, out: Output, **agreed: Any
) -> int:
    """Remove versions that are in the trash for good. They cannot be restored afterwards.

    \b
    artifact-tui purge local:./sample --all
    artifact-tui purge local:./sample 'name:sweep* age>30d' --yes --expect 40

    It prints the list and asks, as `artifact-tui apply` does; the plan is kept as a record. The
    bytes are freed by the next `artifact-tui gc`.
    """  # noqa: D301 - click's mark for lines that stay as they are
    target, rest = split(words)
    if bool(" ".join(rest).strip()) == everything:
        raise UsageError(
            "Say what to purge: a filter, or --all.",
            hint=f"What is in the trash: {command('trash', target.typed)}",
        )
    options = Options(action=Action.PURGE, **agreed)
    draft = asyncio.run(make_draft(target, PlanSubject(in_trash(rest).text), options))
    path, code = _apply_draft(draft, out, expect)
    if out.json:
        with Plan.open(path) as plan:
            print_item_records(plan, out)
    out.words(f"record: {path}", f"next: {command('gc', target.typed)}")
    return code


def _apply_draft(
    draft: Draft,
    out: Output,
    expect: int | None,
    first: Callable[[Plan], object] = lambda _: None,
) -> tuple[Path, int]:
    """Print a draft, and apply it as a plan of its own; its file, and the exit code.

    Raises:
        ArtifactTuiError: it was not confirmed; then no plan is left behind.
    """
    print_draft(draft, out, records=False)
    path = save_draft(draft, None)
    try:
        code = confirm_and_apply(path, out, expect, first=first)
    except BaseException:
        with suppress(OSError, ArtifactTuiError), Plan.open(path) as plan:
            if plan.status is Status.DRAFT:
                path.unlink()
        raise
    return path, code


@click.command("reingest")
@click.argument("words", nargs=-1, metavar="[REGISTRY] NAME:V", required=True)
@click.option("--url", metavar="URL", help="The source address. Default: the one it has now.")
@consents_of("storage", "orphan_dependents", "unknown_lineage")
@consent_options
@json_option(changes=True)
def reingest_command(
    words: tuple[str, ...], *, url: str | None, expect: int | None, out: Output, **agreed: Any
) -> int:
    """Delete a version, and make it again from its source address, or from a corrected one.

    \b
    artifact-tui reingest zoo acme/bert:41 --url https://huggingface.co/acme/bert

    The deletion is a plan like any other: shown, confirmed, verified. Only then is the entry made
    again: with a new id and new metrics. If that fails, the entry is gone, and the plan has what is
    needed to try again.
    """  # noqa: D301 - click's mark for lines that stay as they are
    target, name = split_one(words)
    if url is not None and not url.strip():
        raise UsageError("The source address is empty. Nothing was deleted.")
    draft = asyncio.run(_reingest_draft(target, name, Options(**agreed), url))

    def warn(plan: Plan) -> None:
        out.words("", CAVEAT)
        if url:
            note_source(plan, url)

    path, code = _apply_draft(draft, out, expect, first=warn)
    if code:
        out.words(
            "It was not made again, because its deletion did not come to its end.",
            f"to go on: {command('resume', path)}, then {command('restore', '--plan', path)}",
        )
        return code
    return asyncio.run(_make_again(target, path, out))


async def _reingest_draft(target: Target, name: str, options: Options, url: str | None) -> Draft:
    async with client_of(target) as client:
        maker_of(client)
        source = await review_source(client, target)
        with connected(client, source.catalog_path) as conn:
            key = find_version(conn, name).key
        if not url and not (await source_of(client, key, name)).url:
            raise RegistryError(
                f"The registry does not tell the source address of {name}. Nothing was deleted.",
                hint="Name the address to make it from, with --url.",
            )
        return await reviewed(source, ReviewRequest(selection=[key], options=options, query=name))


async def _make_again(target: Target, path: Path, out: Output) -> int:
    with Plan.open(path) as plan:
        keys = [item.key for item in plan.every_item() if item.kind == "version"]
    async with client_of(target, write=True) as client:
        with Progress() as progress:
            undone = await undo(path, client, only=keys, progress=progress.show)
    code = print_undone(undone, {}, target, path, out)
    if undone.missing:
        out.words("The entry is gone: what it was made from is in the plan.")
    return code
