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
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from artifact_tui import config, text
from artifact_tui.cli import reviewing, wording
from artifact_tui.cli.drafting import print_draft
from artifact_tui.cli.options import DurationParam, json_option, span
from artifact_tui.cli.output import Output, command
from artifact_tui.cli.reviewing import ask
from artifact_tui.cli.root import Flags  # noqa: TC001 - click reads it
from artifact_tui.cli.session import client_of, reading, target_of
from artifact_tui.clients.base import FlatListing, Recreate, Resettable
from artifact_tui.deletion import storage as search
from artifact_tui.deletion.plan import Plan
from artifact_tui.errors import (
    READ_ONLY_HINT,
    ConfirmationError,
    EmptyError,
    PlanError,
    ReadOnlyError,
    RegistryError,
    UsageError,
)
from artifact_tui.model import actor, now_us
from artifact_tui.text import safe

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from artifact_tui.clients.base import Client
    from artifact_tui.config import Target
    from artifact_tui.deletion.plan import Draft
    from artifact_tui.model import Collection, Recipe, StoredObject, Version

    WholeListing = list[tuple[Collection, Version]]


@click.command("orphans")
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
@json_option
@click.pass_obj
def orphans_command(
    flags: Flags,
    registry: str | None,
    *,
    grace: int | None,
    output: Path | None,
    storage_versions: bool,
    empty: str | None,
    as_json: bool,
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
    target = target_of(registry, read_only=flags.read_only)
    out = Output(json=as_json)
    again = [target.typed]
    again += [] if grace is None else ["--grace", span(grace)]
    planned = [] if output is None else ["--plan", str(output)]
    planned += ["--storage-versions"] if storage_versions else []

    async def main() -> None:
        async with client_of(target) as client:
            storage = search.require_storage(client)
            async with reading(client) as conn:
                versions = search.listed_versions(conn)
            look = partial(
                search.look_for_orphans, client, storage, versions, now_us=now_us(), grace_us=grace
            )
            found = await _compare(look, target, empty, [*again, *planned])
            again.extend(["--empty", target.name] if found.empty else [])
            _print_findings(found, target, out)
            if output is None:
                _print_next_plan(found, again, out)
                return
            draft = await search.plan_chosen_orphans(
                storage,
                found.every if storage_versions else found.objects,
                found,
                identity=client.identity,
                name=target.name,
                production=target.production,
                read_only=target.read_only,
                now_us=found.at_us,
                actor=actor(),
                for_good=storage_versions,
            )
        hint = ""
        if found.hidden:
            instead = command("orphans", *again, "--plan", output, "--storage-versions")
            hint = f"For what lies behind delete markers: {instead}"
        _save_plan(draft, output, hint, out)

    asyncio.run(main())


async def _compare(
    look: Callable[..., Awaitable[search.OrphanFindings]],
    target: Target,
    empty: str | None,
    again: Sequence[str],
) -> search.OrphanFindings:
    """The comparison; a registry that lists nothing is believed only when a person says so."""
    if empty is not None and empty != target.name:
        raise ConfirmationError(
            f"Not confirmed: expected {safe(target.name)}. Nothing was compared.",
            hint="Say the registry's name after --empty, as shown.",
        )
    try:
        return await look(empty=empty is not None)
    except EmptyError as error:
        if not sys.stdin.isatty():
            instead = command("orphans", *again, "--empty", target.name)
            error.hint = f"Try again later. If it is really empty: {instead}"
            raise
        why = f"{error} Everything in the storage that fits its pattern would be left over then"
        typed = ask(f"type {safe(target.name)} if it is really empty", safe(why, 400)).strip()
        if typed != target.name:
            raise ConfirmationError(
                f"Not confirmed: expected {safe(target.name)}. Nothing was compared.",
                hint="Try again when the registry lists its artifacts.",
            ) from None
        return await look(empty=True)


def _save_plan(draft: Draft, path: Path, hint: str, out: Output) -> None:
    """Write the plan, and say what it does; without anything to delete, give the hint."""
    if not draft.summary.deletes:
        raise PlanError("There is no orphan to delete, so no plan was made.", hint=hint)
    out.words("")
    print_draft(draft, out, records=False)
    Plan.create(path, draft).close()
    reviewing.print_next(path, draft.summary, out)


def _print_findings(found: search.OrphanFindings, target: Target, out: Output) -> None:
    if out.json:
        for one in found.objects:
            out.record(_object_record(one, found, target))
        for one in found.hidden:
            out.record(_object_record(one, found, target, "hidden"))
        for version in found.missing:
            out.record(_missing_record(version, target))
    else:
        out.rows((_object_row(one, found.at_us) for one in found.every), right="12")
    out.words(
        f"{safe(target.name)}: {text.plural(len(found.objects), 'orphan')} in {safe(found.place)},"
        f" {text.size(found.size)}; {text.plural(found.referred, 'object')} with an artifact"
    )
    _print_beside(found, out)
    _print_missing(found, out)


def _print_beside(found: search.OrphanFindings, out: Output) -> None:
    """What else was seen: behind delete markers, left alone, of no pattern."""
    if found.empty:
        out.words("  the registry lists nothing at all, and was said to be really empty")
    if found.hidden:
        out.words(
            f"  {text.plural(len(found.hidden), 'orphan')} behind delete markers,"
            f" {text.size(found.hidden_size)} still stored: only --storage-versions frees them"
        )
    if found.older_bytes is None:
        out.words("  what delete markers hide is not known: the versions may not be listed")
    elif found.older_bytes:
        out.words(f"  {text.size(found.older_bytes)} in older versions of what is in use")
    lines = (
        (
            found.young,
            f"without an artifact, younger than {text.duration(found.grace_us)}: left alone",
        ),
        (found.claimed, "not listed, but the registry knows the artifact"),
        (found.strange, f"there, {text.size(found.strange_bytes)}, fit no pattern: left alone"),
        (
            found.elsewhere,
            f"{'' if found.counted else 'or more '}elsewhere in the bucket: left alone",
        ),
    )
    for count, what in lines:
        if count:
            out.words(f"  {_objects(count)} {what}")
    if found.objects and found.versioned:
        out.words("  the bucket keeps versions: deleting only hides an object, and frees nothing")


def _objects(count: int) -> str:
    return text.plural(count, "object")


def _print_missing(found: search.OrphanFindings, out: Output) -> None:
    for kind, count in found.without:
        out.words(f"  no {safe(kind)} has an object there ({text.count(count)}): none is missing")
    if not found.missing:
        return
    out.words(f"  {text.plural(len(found.missing), 'artifact')} whose object is missing:")
    if not out.json:
        out.rows((safe(one.name), safe(one.type), safe(one.key)) for one in found.missing)


def _print_next_plan(found: search.OrphanFindings, again: Sequence[str], out: Output) -> None:
    """The command that plans what was found."""
    instead = command("orphans", *again, "--plan", "orphans.plan")
    if found.objects:
        out.words(f"next: {instead}")
    if found.hidden:
        also = "also" if found.objects else "next:"
        out.words(f"{also} for good, with what delete markers hide: {instead} --storage-versions")


def _object_row(one: StoredObject, now: int) -> tuple[str, ...]:
    behind = "" if one.current else "behind a delete marker"
    return safe(one.name), text.size(one.size), text.age(one.modified_us, now), behind


def _object_record(
    one: StoredObject, found: search.OrphanFindings, target: Target, problem: str = "orphan"
) -> dict[str, Any]:
    modified = one.modified_us
    return {
        "problem": problem,
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


LOOKS = 3
"""How often the registry is asked whether all is gone."""


@click.command("reset")
@click.argument("registry")
@click.option("--name", metavar="NAME", help="For scripts: the registry's name, as shown.")
@click.option("--expect", type=click.IntRange(min=1), metavar="COUNT", help="And the count.")
@click.pass_obj
def reset_command(flags: Flags, registry: str, *, name: str | None, expect: int | None) -> int:
    """Delete EVERYTHING that a registry holds, whoever put it there. There is no way back.

    First the whole listing is written to a file, with what is needed to make entries again where
    the registry tells it. Then the registry's name and the number of artifacts must be typed.
    """
    target = target_of(registry, read_only=flags.read_only)
    if target.read_only:
        raise ReadOnlyError(
            f"The registry “{target.name}” may only be read. Nothing was deleted.",
            hint=READ_ONLY_HINT,
        )
    return asyncio.run(_reset(target, name, expect, Output(changes=True)))


async def _reset(target: Target, name: str | None, expect: int | None, out: Output) -> int:
    async with client_of(target, write=True) as client:
        if not client.capabilities.reset or not isinstance(client, Resettable):
            raise UsageError(f"“{target.name}” cannot be reset. Nothing was deleted.")
        listing = await _everything(client)
        if not listing:
            out.words(f"{safe(target.name)} holds nothing.")
            return 0
        path = _export_listing(target, listing, await _recipes(client, listing))
        count = len(listing)
        out.words(
            f"{safe(target.name)} ({safe(target.address)}) holds "
            f"{text.plural(count, 'artifact')}. All of them will be deleted, for good.",
            f"the listing is kept in {path}",
        )
        _confirm_reset(target, count, name, expect)
        now = {version.key for _, version in await _everything(client)}
        if now != {version.key for _, version in listing}:
            raise ConfirmationError(
                "The registry changed while you were asked. Nothing was deleted.",
                hint="Look again, then say it again.",
            )
        uncertain = await _send_reset(client)
        left = await _still_there(client, [version.key for _, version in listing])
    return _print_reset(target, count, left, uncertain, out)


async def _everything(client: Client) -> WholeListing:
    """The whole listing."""
    if not isinstance(client, FlatListing):
        raise UsageError("This registry cannot be listed in one pass. Nothing was deleted.")
    found: dict[str, tuple[Collection, Version]] = {}
    after: str | None = None
    while True:
        page = await client.artifacts(after)
        found |= {version.key: (row, version) for row, version in page.rows if version}
        after = page.after
        if after is None:
            return list(found.values())


async def _recipes(client: Client, listing: WholeListing) -> Mapping[str, Recipe]:
    """What is needed to make the entries again."""
    if not client.capabilities.recreate or not isinstance(client, Recreate):
        return {}
    return await client.recipe([version.key for _, version in listing])


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


def _confirm_reset(target: Target, count: int, name: str | None, expect: int | None) -> None:
    """The registry's name and the count, typed or said; nothing less."""
    wanted = f"{target.name} {count}"
    if name is not None or expect is not None:
        typed = f"{name} {expect}"
    elif sys.stdin.isatty():
        typed = ask(f"type {safe(wanted)} to delete everything", "there is no way back").strip()
    else:
        instead = command("reset", target.typed, "--name", target.name, "--expect", count)
        raise UsageError(
            "This must be confirmed, and there is no terminal to ask on. Nothing was deleted.",
            hint=f"After a look at the listing: {instead}",
        )
    if typed != wanted:
        raise ConfirmationError(
            f"Not confirmed: expected {safe(wanted)}. Nothing was deleted.",
            hint="Say the registry's name and the number of artifacts that it holds now.",
        )


async def _send_reset(client: Resettable) -> str:
    """Send the reset; why it is uncertain, if it is."""
    try:
        await client.reset()
    except ReadOnlyError:
        raise
    except RegistryError as error:  # whatever it says, the listing tells
        return str(error)
    return ""


async def _still_there(client: Client, keys: list[str]) -> int | None:
    """How many of the artifacts are still there; None when the registry cannot be asked."""
    for _ in range(LOOKS):
        try:
            return len(await client.facts(keys))
        except RegistryError:
            await asyncio.sleep(0.5)
    return None


def _print_reset(target: Target, count: int, left: int | None, uncertain: str, out: Output) -> int:
    """Say what is so."""
    said = f" The registry said: {safe(uncertain)}" if uncertain else ""
    if left == 0:
        out.words(f"{text.plural(count, 'artifact')} of {safe(target.name)} deleted, verified gone")
        out.words("what they left in the storage: " + command("orphans", target.typed))
        return 0
    if left is None:
        out.words(f"Whether it was done is not known: the registry cannot be asked now.{said}")
        return 1
    out.words(f"{text.count(left)} of {text.plural(count, 'artifact')} are still there.{said}")
    return 1
