"""`artifact-tui trash` and `restore`: what was deleted and can come back."""

from __future__ import annotations

import asyncio
from itertools import count
from pathlib import Path  # noqa: TC003 - click reads it
from typing import TYPE_CHECKING, Any

import click

from artifact_tui import query, text
from artifact_tui.catalog import queries, selection
from artifact_tui.catalog.sorting import Sort
from artifact_tui.cli import remaking, wording
from artifact_tui.cli.flags import Flags  # noqa: TC001 - click reads it
from artifact_tui.cli.ls import Listing, print_records
from artifact_tui.cli.options import FilterCommand, PlanFile, cached_option, json_option
from artifact_tui.cli.output import Output, command
from artifact_tui.cli.session import client_of, parse_filter, reading, split, where_of
from artifact_tui.clients.local import LocalClient
from artifact_tui.deletion import trust
from artifact_tui.deletion.items import ItemState
from artifact_tui.deletion.plan import Plan
from artifact_tui.errors import PlanError, UsageError
from artifact_tui.here import now_us
from artifact_tui.model import Alias, Capabilities, Outcome, Result
from artifact_tui.text import safe

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence

    from artifact_tui.catalog.rows import VersionRow
    from artifact_tui.clients.base import Client
    from artifact_tui.config import Target


def in_trash(words: Sequence[str]) -> query.Query:
    """A filter that looks only at the trash."""
    parsed = parse_filter(words)
    return query.parse(f"({parsed.text}) state:trash" if parsed.text.strip() else "state:trash")


@click.command("trash", cls=FilterCommand)
@click.argument("words", nargs=-1, metavar="[REGISTRY] [FILTER]…")
@cached_option
@json_option
@click.pass_obj
def trash(flags: Flags, words: tuple[str, ...], *, cached: bool, as_json: bool) -> None:
    """List what is in the trash: it can be restored, until it is purged.

    Where a registry cannot restore, these are the deleted versions that it still lists.
    """
    target, rest = split(words, read_only=flags.read_only)
    parsed = in_trash(rest)

    async def main() -> None:
        async with client_of(target) as client, reading(client, cached=cached) as conn:
            where = where_of(conn, parsed, client)
            out = Output(json=as_json)
            await _list(Listing(conn, where, target.name, now_us(), out, None), client)
            _summary(conn, where, target, client.capabilities, out)

    asyncio.run(main())


async def _list(listing: Listing, client: Client) -> None:
    numbers = count(1)
    for rows in listing.versions(Sort("name")):
        if listing.out.json:
            print_records(listing, rows)
            continue
        had: Mapping[str, tuple[Alias, ...]] = {}
        if isinstance(client, LocalClient):
            had = await client.trashed_aliases([row.key for row in rows])
        listing.out.rows(
            (_row(row, had.get(row.key, ()), listing.now_us) for row in rows),
            numbers=numbers,
            right="1",
        )


def _row(row: VersionRow, had: Sequence[Alias], now: int) -> tuple[str, ...]:
    by = f" by {safe(row.deleted_by)}" if row.deleted_by else ""
    names = f" · had the aliases {wording.aliases(had)}" if had else ""
    ago = wording.since(row.deleted_us, now, "ago")
    when = "deleted, not known when" if row.deleted_us is None else f"deleted {ago}"
    return wording.name_of(row), text.size(row.size), f"{when}{by}{names}"


def _summary(
    conn: sqlite3.Connection, where: query.Where, target: Target, can: Capabilities, out: Output
) -> None:
    found = selection.select_where(conn, where)
    if not found:
        where_is = "of this is in the trash of" if can.restore else "that was deleted is listed in"
        out.words(f"nothing {where_is} {safe(target.name)}")
    if not can.restore:
        out.words(safe(no_way_back(target, can)))
    if not found:
        return
    weight = selection.freed(conn)
    if not can.restore:
        what = text.plural(found, "version")
        out.words(f"{what} deleted in {safe(target.name)} · {text.size(weight.listed)} listed")
        return
    frees = text.freed(weight.freed, weight.unknown_count, "freed after purge and gc")
    (first,) = queries.page(conn, where, Sort("name"), None, 1).rows
    out.words(
        f"{text.plural(found, 'version')} in the trash of {safe(target.name)} · "
        f"{text.size(weight.listed)} listed, {frees}",
        f"next: {command('restore', target.typed, f'{first.collection}:{first.label}')}",
        f"      {command('purge', target.typed, '--all')}",
    )


@click.command("restore")
@click.argument("words", nargs=-1, metavar="[REGISTRY] [NAME:V]…")
@click.option("--plan", type=PlanFile(), help="Undo: all that this plan deleted.")
@click.option(
    "--uncertain", is_flag=True, help="Make also those again that may have been made already."
)
@json_option
@click.pass_obj
def restore(
    flags: Flags, words: tuple[str, ...], *, plan: Path | None, uncertain: bool, as_json: bool
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
        words = (_registry_of(plan),)
    target, names = split(words, read_only=flags.read_only, names=True)
    if not names and plan is None:
        raise UsageError(
            "Name the versions to restore, or a plan whose deletion is to be undone.",
            hint=f"What is in the trash: {command('trash', target.typed)}",
        )

    out = Output(json=as_json, changes=True)

    async def main() -> int:
        async with client_of(target, write=True) as client:
            can = client.capabilities
            if not can.restore and not can.recreate:
                raise UsageError(no_way_back(target, can), hint="Nothing was changed.")
            if can.recreate and not can.restore:
                if plan is None or names:
                    raise UsageError(
                        f"“{target.name}” has no trash: what a plan deleted can be made again.",
                        hint=f"Name the plan: {command('restore', '--plan', 'FILE')}",
                    )
                found = await remaking.remake(plan, client, uncertain=uncertain)
                return remaking.tell(found, target, plan, out)
            async with reading(client) as conn:
                keys = [queries.find(conn, name).key for name in names]
                keys += _deleted_by(plan, client) if plan is not None else []
                rows = {row.key: row for row in queries.by_keys(conn, keys)}
            outcomes = await client.restore(list(dict.fromkeys(keys)))
        return _tell(outcomes, rows, target, out)

    return asyncio.run(main())


def no_way_back(target: Target, can: Capabilities) -> str:
    """That what was deleted does not come back, and what happens instead; untrusted text."""
    if can.recreate:
        again = command("restore", target.typed, "--plan", "PLAN")
        return f"“{target.name}” has no trash. What a plan deleted can be made again: {again}"
    instead = f" {can.freeing}." if can.freeing else ""
    return f"“{target.name}” cannot restore: what was deleted stays deleted.{instead}"


def _registry_of(path: Path) -> str:
    """The registry that a plan was made for, where this person knows it.

    Raises:
        PlanError: only the plan names it.
    """
    with Plan.open(path) as plan:
        target = trust.registry_of(plan)
    return target.typed or target.address


def _deleted_by(path: Path, client: Client) -> list[str]:
    """The keys of what a plan deleted, parents first.

    Raises:
        PlanError: it was made for another registry.
    """
    done = {ItemState.DELETED, ItemState.VERIFIED}
    with Plan.open(path) as plan:
        if plan.head.identity.uid != client.identity.uid:
            raise PlanError(
                f"The plan {path} was made for another registry: {plan.head.identity.address}.",
                hint="Nothing was restored. Leave the registry out to use that one.",
            )
        items = [item for item in plan.every_item() if item.state in done]
    return [item.key for item in sorted(items, key=lambda item: -item.level)]


def _tell(
    outcomes: Sequence[Outcome], rows: dict[str, VersionRow], target: Target, out: Output
) -> int:
    """Say what came back; 1 when something did not."""
    missing = 0
    for outcome in outcomes:
        row = rows.get(outcome.key)
        done = outcome.result is Result.DONE
        missing += not done
        if out.json:
            out.record(_record(outcome, row, target))
            continue
        name = wording.name_of(row) if row else safe(outcome.key)
        why = f": {safe(outcome.message)}" if outcome.message else ""
        out.words(f"{'restored' if done else 'not restored:'} {name}{why}")
    restored = text.plural(len(outcomes) - missing, "version")
    rest = f", {text.count(missing)} not" if missing else ""
    out.words(f"{restored} of {safe(target.name)} restored{rest}")
    return 1 if missing else 0


def _record(outcome: Outcome, row: VersionRow | None, target: Target) -> dict[str, Any]:
    return {
        "name": row.collection if row else None,
        "version": row.label if row else None,
        "registry": target.name,
        "key": outcome.key,
        "result": "restored" if outcome.result is Result.DONE else str(outcome.result),
        "message": outcome.message,
    }
