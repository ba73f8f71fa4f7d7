"""`artifact-tui orphans`: stored objects without an artifact, artifacts without their object."""

from __future__ import annotations

import asyncio
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from artifact_tui import orphans as search
from artifact_tui import text
from artifact_tui.cli import records, reviewing
from artifact_tui.cli.asking import ask
from artifact_tui.cli.flags import Flags  # noqa: TC001 - click reads it
from artifact_tui.cli.options import Duration, json_option, span
from artifact_tui.cli.output import Output, command
from artifact_tui.cli.plan import print_draft
from artifact_tui.cli.session import client_of, reading, target_of
from artifact_tui.deletion.plan import Plan
from artifact_tui.errors import ConfirmationError, EmptyError, PlanError
from artifact_tui.here import actor, now_us
from artifact_tui.text import safe

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from artifact_tui.config import Target
    from artifact_tui.deletion.draft import Draft
    from artifact_tui.model import StoredObject


@click.command("orphans")
@click.argument("registry", required=False)
@click.option("--grace", type=Duration(), help="Leave younger objects alone: 2d. Default: 24 h.")
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
def orphans(
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
            storage = search.storage_for(client)
            async with reading(client) as conn:
                versions = search.known_versions(conn)
            look = partial(search.look, client, storage, versions, now_us=now_us(), grace_us=grace)
            found = await _look(look, target, empty, [*again, *planned])
            again.extend(["--empty", target.name] if found.empty else [])
            _tell(found, target, out)
            if output is None:
                _tell_next(found, again, out)
                return
            draft = await search.plan_of(
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
        _save(draft, output, hint, out)

    asyncio.run(main())


async def _look(
    look: Callable[..., Awaitable[search.Findings]],
    target: Target,
    empty: str | None,
    again: Sequence[str],
) -> search.Findings:
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


def _save(draft: Draft, path: Path, hint: str, out: Output) -> None:
    """Write the plan, and say what it does; without anything to delete, give the hint."""
    if not draft.summary.deletes:
        raise PlanError("There is no orphan to delete, so no plan was made.", hint=hint)
    out.words("")
    print_draft(draft, out, records=False)
    Plan.create(path, draft).close()
    reviewing.print_next(path, draft.summary, out)


def _tell(found: search.Findings, target: Target, out: Output) -> None:
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
    _tell_beside(found, out)
    _tell_missing(found, out)


def _tell_beside(found: search.Findings, out: Output) -> None:
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


def _tell_missing(found: search.Findings, out: Output) -> None:
    for kind, count in found.without:
        out.words(f"  no {safe(kind)} has an object there ({text.count(count)}): none is missing")
    if not found.missing:
        return
    out.words(f"  {text.plural(len(found.missing), 'artifact')} whose object is missing:")
    if not out.json:
        out.rows((safe(one.name), safe(one.type), safe(one.key)) for one in found.missing)


def _tell_next(found: search.Findings, again: Sequence[str], out: Output) -> None:
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
    one: StoredObject, found: search.Findings, target: Target, problem: str = "orphan"
) -> dict[str, Any]:
    modified = one.modified_us
    return {
        "problem": problem,
        "object": one.name,
        "size": one.size,
        "age": None if modified is None else records.seconds(found.at_us - modified),
        "modified": records.moment(modified),
        "registry": target.name,
        "key": one.key,
        "artifact": one.version_key,
    }


def _missing_record(version: search.Known, target: Target) -> dict[str, Any]:
    return {
        "problem": "missing",
        "name": version.collection,
        "version": version.label,
        "type": version.type,
        "registry": target.name,
        "key": version.key,
    }
