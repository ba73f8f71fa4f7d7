"""`artifact-tui orphans` and `reset`: stored objects without an artifact; a whole registry.

Orphans go by a plan, like all that is deleted one by one. A reset is one request; what the registry
held is written to a file before.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
import uuid
from contextlib import aclosing
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from artifact_tui import config, text
from artifact_tui.cli import reviewing, wording
from artifact_tui.cli.drafting import print_draft, review_source, save_draft
from artifact_tui.cli.options import Command, DurationParam, json_option
from artifact_tui.cli.output import Output, command, say, typed_again
from artifact_tui.cli.reviewing import answer, ask
from artifact_tui.cli.session import client_of, refuse_read_only, target_of
from artifact_tui.clients.base import MakingClient
from artifact_tui.deletion import storage as search
from artifact_tui.deletion.confirmation import Confirmation, typeable
from artifact_tui.deletion.items import Options
from artifact_tui.deletion.review import ReviewRequest, review
from artifact_tui.errors import (
    ConfirmationError,
    EmptyError,
    PlanError,
    ReadOnlyError,
    RegistryError,
    UsageError,
)
from artifact_tui.model import now_us
from artifact_tui.text import safe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from artifact_tui.clients.base import Client
    from artifact_tui.config import Target
    from artifact_tui.deletion.review import ReviewSource
    from artifact_tui.model import Collection, Recipe, StoredObject, Version

    WholeListing = list[tuple[Collection, Version]]


@click.command("orphans", cls=Command)
@click.argument("registry", required=False)
@click.option(
    "--grace", type=DurationParam(), help="Leave younger objects alone: 2d. Default: 24 h."
)
@click.option(
    "--plan",
    "output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Make a plan that deletes exactly these objects.",
)
@click.option(
    "--storage-versions",
    is_flag=True,
    help="With --plan: every stored version of them, for good, where the bucket keeps versions.",
)
@click.option(
    "--empty",
    metavar="NAME",
    help="The registry lists nothing because it is really empty: its name, as shown.",
)
@json_option()
async def orphans_command(
    registry: str | None,
    *,
    grace: int | None,
    output: Path | None,
    storage_versions: bool,
    empty: str | None,
    out: Output,
) -> None:
    """List stored objects that no artifact refers to, and artifacts whose object is missing.

    \b
    artifact-tui orphans zoo
    artifact-tui orphans zoo --grace 7d --plan orphans.plan
    artifact-tui apply orphans.plan

    Only names that fit the registry's storage pattern are ever deleted; the others are counted.
    Nothing is deleted by this command: a plan is, when it is applied, and each object only if the
    registry still has no such artifact. A registry that lists nothing at all may have lost its own
    storage for a moment: its name must be typed before everything is taken as left over.
    """  # noqa: D301 - click's mark for lines that stay as they are
    target = target_of(registry)
    async with client_of(target) as client:
        search.require_storage(client)
        source = await review_source(client, target)
        found = await _compare(source, grace, empty)
        _print_findings(found, target, out)
        if output is None:
            said = search.empty_confirmation(target.name).expected
            answered = ("--empty", said) if found.empty and empty is None else ()
            instead = typed_again(*answered, "--plan", "orphans.plan")
            if found.objects:
                out.words(f"next: {instead}")
            if found.hidden:
                also = "also" if found.objects else "next:"
                what = "for good, with what delete markers hide"
                out.words(f"{also} {what}: {instead} --storage-versions")
            return
        chosen = found.every if storage_versions else found.objects
        request = ReviewRequest(
            selection=search.ChosenOrphans(chosen, found),
            options=Options(storage_versions=storage_versions),
        )
        draft = await review(source, request, now_us=found.at_us)
    if not draft.summary.deletes:
        also = f"For what lies behind delete markers: {typed_again('--storage-versions')}"
        raise PlanError(
            "There is no orphan to delete, so no plan was made.",
            hint=also if found.hidden else "",
        )
    out.words("")
    print_draft(draft, out, records=False)
    reviewing.print_next(save_draft(draft, output), draft.summary, out)


async def _compare(
    source: ReviewSource, grace: int | None, empty: str | None
) -> search.OrphanFindings:
    """The comparison; a registry that lists nothing is believed only when a person says so."""
    look = partial(search.compare, source, now_us=now_us(), grace_us=grace)
    asked = search.empty_confirmation(source.target.name)
    if empty is not None:
        asked.check(empty)
    try:
        return await look(empty=empty is not None)
    except EmptyError as error:
        if not sys.stdin.isatty():
            instead = typed_again("--empty", asked.expected)
            error.hint = f"Try again later. If it is really empty: {instead}"
            raise
        asked.check(ask(asked))
        return await look(empty=True)


def _print_findings(found: search.OrphanFindings, target: Target, out: Output) -> None:
    """Every object and artifact that is alone, then a line for each group of findings."""
    groups = list(search.orphan_groups(found))
    if out.json:
        objects = (*found.objects, *found.hidden)
        out.records(_object_record(one, found, target) for one in objects)
        out.records(_missing_record(version, target) for version in found.missing)
    else:
        rows = (_orphan_row(row, found.at_us) for group in groups for row in group.rows)
        out.rows(rows, right="12")
    out.words(f"{safe(target.name)}:")
    for group in groups:
        number = "" if group.count is None else text.count(group.count)
        label = text.pad(group.label, search.LABEL)
        out.words(f"  {label} {number:>9}  {group.words}")


def _orphan_row(row: search.OrphanRow, now_us: int) -> tuple[str, ...]:
    if isinstance(row, search.ListedVersion):
        where = f"object missing: {safe(row.type)} {safe(row.key)}"
        return safe(row.name), "", "", where
    behind = "" if row.current else "behind a delete marker"
    return safe(row.name), text.size(row.size), text.age(row.modified_us, now_us), behind


def _object_record(
    one: StoredObject, found: search.OrphanFindings, target: Target
) -> dict[str, Any]:
    modified = one.modified_us
    return {
        "problem": "orphan" if one.current else "hidden",
        "object": one.name,
        "size": one.size,
        "age": None if modified is None else wording.seconds(found.at_us - modified),
        "modified": wording.iso_moment(modified),
        "registry": target.name,
        "key": one.key,
        "artifact": one.version_key,
    }


def _missing_record(version: search.ListedVersion, target: Target) -> dict[str, Any]:
    return {
        "problem": "missing",
        "name": version.collection,
        "version": version.label,
        "type": version.type,
        "registry": target.name,
        "key": version.key,
    }


@click.command("reset", cls=Command)
@click.argument("registry")
@click.option("--name", metavar="NAME", help="For scripts: the registry's name, as shown.")
@click.option("--expect", type=click.IntRange(min=1), metavar="COUNT", help="And the count.")
async def reset_command(registry: str, *, name: str | None, expect: int | None) -> int:
    """Delete EVERYTHING that a registry holds, whoever put it there. There is no way back.

    First the whole listing is written to a file, with what is needed to make entries again where
    the registry tells it. Then the registry's name and the number of artifacts must be typed.
    """
    target, out = target_of(registry), Output(changes=True)
    refuse_read_only(target)
    async with client_of(target, write=True) as client:
        if not client.can("reset"):
            raise UsageError(f"“{target.name}” cannot be reset. Nothing was deleted.")
        listing, complete = await _everything(client)
        say(*(safe(sentence) for sentence in client.notices))
        if complete and not listing:
            out.words(f"{safe(target.name)} holds nothing.")
            return 0
        keys = [version.key for _, version in listing]
        recipes = await client.recipe(keys) if isinstance(client, MakingClient) else {}
        path = _export_listing(target, listing, recipes)
        count = len(listing)
        out.words(
            f"{safe(target.name)} ({safe(target.address)}) holds "
            f"{text.plural(count, 'artifact')}. All of them will be deleted, for good.",
            *([] if complete else [f"What it does not list goes as well: {count} is not all."]),
            f"the listing is kept in {path}",
        )
        named = typeable(target.name) or "everything"
        asked = Confirmation(
            expected=f"{named} {count}",
            count=count,
            then="to delete everything",
            why="there is no way back",
        )
        said = name is not None or expect is not None
        instead = ("--name", named, "--expect", count)
        asked.check(f"{name} {expect}" if said else answer(asked, None, *instead))
        again, _ = await _everything(client)
        if {version.key for _, version in again} != {*keys}:
            raise ConfirmationError(
                "The registry changed while you were asked. Nothing was deleted.",
                hint="Look again, then say it again.",
            )
        uncertain = ""
        try:
            await client.reset()
        except ReadOnlyError:
            raise
        except RegistryError as error:  # whatever it says, the listing tells
            uncertain = f" The registry said: {safe(str(error))}"
        left = await _still_there(client, keys)
    what = text.plural(count, "artifact")
    if left == 0:
        out.words(f"{what} of {safe(target.name)} deleted, verified gone")
        out.words("what they left in the storage: " + command("orphans", target.typed))
        return 0
    if left is None:
        unknown = "Whether it was done is not known: the registry cannot be asked now."
        out.words(f"{unknown}{uncertain}")
    else:
        out.words(f"{text.count(left)} of {what} are still there.{uncertain}")
    return 1


async def _everything(client: Client) -> tuple[WholeListing, bool]:
    """The whole listing, and whether the registry lists everything that it holds."""
    complete = True
    collections: dict[str, Collection] = {}
    versions: dict[str, Version] = {}
    async with aclosing(client.listing()) as listing:
        async for part in listing:
            collections |= {row.key: row for row in part.collections}
            versions |= {row.key: row for row in part.versions}
            complete &= part.complete
    return [(collections[row.collection_key], row) for row in versions.values()], complete


def _export_listing(target: Target, listing: WholeListing, recipes: Mapping[str, Recipe]) -> Path:
    """Write the listing as JSON, one artifact a line; gives the file, 0600."""
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    path = config.plans_dir() / f"{stamp}-{uuid.uuid4().hex[:8]}-before-reset.jsonl"
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, 0o600), "w", encoding="utf-8") as file:
        for collection, version in listing:
            recipe = recipes.get(version.key)
            line = {
                "registry": target.address,
                "key": version.key,
                "type": collection.type,
                "name": collection.name,
                "version": version.label,
                "digest": version.digest,
                "recipe": asdict(recipe) if recipe else None,
            }
            file.write(json.dumps(line) + "\n")
        file.flush()
        os.fsync(file.fileno())
    return path


LOOKS = 3
"""How often the registry is asked whether all is gone."""


async def _still_there(client: Client, keys: list[str]) -> int | None:
    """How many of the artifacts are still there; None when the registry cannot be asked."""
    for _ in range(LOOKS):
        try:
            return len(await client.facts(keys))
        except RegistryError:
            await asyncio.sleep(0.5)
    return None
