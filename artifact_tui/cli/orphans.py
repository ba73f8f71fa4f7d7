"""`artifact-tui orphans`: stored objects without an artifact, artifacts without their object."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from artifact_tui import orphans as search
from artifact_tui import text
from artifact_tui.cli import records, reviewing
from artifact_tui.cli.flags import Flags  # noqa: TC001 - click reads it
from artifact_tui.cli.options import Duration, json_option
from artifact_tui.cli.output import Output, command
from artifact_tui.cli.plan import print_draft
from artifact_tui.cli.session import client_of, reading, target_of
from artifact_tui.deletion.plan import Plan
from artifact_tui.errors import PlanError
from artifact_tui.here import actor, now_us
from artifact_tui.text import safe

if TYPE_CHECKING:
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
@json_option
@click.pass_obj
def orphans(
    flags: Flags,
    registry: str | None,
    *,
    grace: int | None,
    output: Path | None,
    storage_versions: bool,
    as_json: bool,
) -> None:
    """List stored objects that no artifact refers to, and artifacts whose object is missing.

    \b
    artifact-tui orphans zoo
    artifact-tui orphans zoo --grace 7d --plan orphans.plan
    artifact-tui apply orphans.plan

    Only names that fit the registry's storage pattern count. Nothing is deleted by this command: a
    plan is, when it is applied, and each object only if the registry still has no such artifact.
    """  # noqa: D301 - click's mark for lines that stay as they are
    target = target_of(registry, read_only=flags.read_only)
    out = Output(json=as_json)

    async def main() -> None:
        async with client_of(target) as client:
            storage = search.storage_for(client)
            async with reading(client) as conn:
                versions = search.known_versions(conn)
            found = await search.look(client, storage, versions, now_us=now_us(), grace_us=grace)
            _tell(found, target, out)
            if output is None:
                _tell_next(found, target, out)
                return
            draft = await search.plan_of(
                storage,
                found.objects,
                found,
                identity=client.identity,
                name=target.name,
                production=target.production,
                read_only=target.read_only,
                now_us=found.at_us,
                actor=actor(),
                for_good=storage_versions,
            )
        _save(draft, output, out)

    asyncio.run(main())


def _save(draft: Draft, path: Path, out: Output) -> None:
    """Write the plan, and say what it does."""
    if not draft.summary.deletes:
        raise PlanError("There is no orphan to delete, so no plan was made.")
    out.words("")
    print_draft(draft, out, records=False)
    Plan.create(path, draft).close()
    reviewing.print_next(path, draft.summary, out)


def _tell(found: search.Findings, target: Target, out: Output) -> None:
    if out.json:
        for one in found.objects:
            out.record(_object_record(one, found, target))
        for version in found.missing:
            out.record(_missing_record(version, target))
    else:
        out.rows((_object_row(one, found.at_us) for one in found.objects), right="12")
    out.words(
        f"{safe(target.name)}: {text.plural(len(found.objects), 'orphan')} in {safe(found.place)},"
        f" {text.size(found.size)}; {text.plural(found.referred, 'object')} with an artifact"
    )
    if found.young:
        age = text.duration(found.grace_us)
        out.words(f"  {_objects(found.young)} without an artifact, younger than {age}: left alone")
    if found.claimed:
        out.words(f"  {_objects(found.claimed)} not listed, but the registry knows the artifact")
    if found.objects and found.versioned:
        out.words("  the bucket keeps versions: deleting only hides an object, and frees nothing")
    _tell_missing(found, out)


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


def _tell_next(found: search.Findings, target: Target, out: Output) -> None:
    if found.objects:
        out.words(f"next: {command('orphans', target.typed, '--plan', 'orphans.plan')}")


def _object_row(one: StoredObject, now: int) -> tuple[str, ...]:
    return safe(one.name), text.size(one.size), text.age(one.modified_us, now)


def _object_record(one: StoredObject, found: search.Findings, target: Target) -> dict[str, Any]:
    modified = one.modified_us
    return {
        "problem": "orphan",
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
