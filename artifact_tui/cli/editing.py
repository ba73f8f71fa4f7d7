"""`artifact-tui alias`, `tag` and `ttl`: changes of versions, shown first, confirmed, sent.

What becomes of each version is read and shown, as lines or records; once it is confirmed, it is
sent in batches, and what was done is shown. Aliases can be protected in local registries only, of
one version at a time.
"""

from __future__ import annotations

import asyncio
import signal
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from artifact_tui import text
from artifact_tui.catalog.catalog_rows import tags_of
from artifact_tui.catalog.known_fields import known_fields
from artifact_tui.catalog.listing import Sort, version_chunks
from artifact_tui.catalog.marks import only_marked
from artifact_tui.catalog.retention import total_size
from artifact_tui.catalog.version_names import find_version, others_with_aliases
from artifact_tui.cli import wording
from artifact_tui.cli.drafting import ask_lineage, review_source
from artifact_tui.cli.options import FilterCommand, cached_option, consent_options, json_option
from artifact_tui.cli.output import INTERRUPTED, Progress, command
from artifact_tui.cli.reviewing import answer
from artifact_tui.cli.session import (
    client_of,
    connected,
    parse_filter,
    reading,
    refuse_read_only,
    split_one,
    target_of,
    where_of,
)
from artifact_tui.config import configured_name, load
from artifact_tui.edits.changes import (
    Changes,
    CommonEdit,
    EditProgress,
    Effect,
    edit_confirmation,
    expiry_clock,
    expiry_stretches,
    foresee_changes,
    read_lifetime,
    send_changes,
    why_no_inheriting,
    why_not_editable,
)
from artifact_tui.edits.edit_words import (
    NOT_SENT,
    UNSENT,
    change_words,
    edit_title,
    effect_groups,
    ending_words,
    protection_words,
    result_groups,
    sent_words,
)
from artifact_tui.errors import NotFoundError, ReadOnlyError, UsageError
from artifact_tui.model import TTL_INHERIT, TTL_OFF, Result, now_us
from artifact_tui.query import quoted
from artifact_tui.text import safe, version_name

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator, Sequence

    from artifact_tui.catalog.catalog_rows import VersionRow
    from artifact_tui.cli.output import Output
    from artifact_tui.clients.base import Client
    from artifact_tui.config import Target
    from artifact_tui.edits.changes import VersionChange, What
    from artifact_tui.edits.edit_words import EditGroup

    _Command = Callable[..., Any]


_ADD = click.option("--add", "added", multiple=True, metavar="NAME", help="May be repeated.")
_REMOVE = click.option(
    "--remove", "removed", multiple=True, metavar="NAME", help="May be repeated."
)


def _which(command: _Command) -> _Command:
    """The words and options that say which versions, and how it is confirmed."""
    words = click.argument("words", nargs=-1, metavar="[REGISTRY] [NAME:V]")
    chosen = click.option("--filter", "filtered", metavar="FILTER", help="All versions that match.")
    marked = click.option("--marked", is_flag=True, help="What is marked on the screen.")
    dry = click.option("--dry-run", is_flag=True, help="Only show what would change.")
    printed = json_option(changes=True)(command)
    rest = dry(consent_options(cached_option(printed), done="changed"))
    wrapped: _Command = words(chosen(marked(rest)))
    return wrapped


@click.command("alias", cls=FilterCommand)
@_which
@_ADD
@_REMOVE
@click.option("--protect", multiple=True, metavar="NAME", help="Let this alias forbid deletion.")
@click.option("--unprotect", multiple=True, metavar="NAME", help="Let it no longer do so.")
async def alias_command(
    *,
    added: tuple[str, ...],
    removed: tuple[str, ...],
    protect: tuple[str, ...],
    unprotect: tuple[str, ...],
    **how: Any,
) -> int:
    """Show the aliases of a version, or change those of one version or of many.

    \b
    artifact-tui alias resnet50:v3 --add production
    artifact-tui alias local:./sample resnet50:v3 --add production --protect production
    artifact-tui alias team --filter 'alias:candidate age>90d' --remove candidate

    What would change is shown first, and asked; --yes --expect COUNT is for scripts. An alias is
    on one version of its collection: adding it moves it from the one that has it. A protected
    alias forbids deletion: local registries can protect, others do so on their own pages.
    """  # noqa: D301 - click's mark for lines that stay as they are
    edit = CommonEdit(
        add_aliases=added,
        remove_aliases=removed,
        protect_aliases=protect,
        unprotect_aliases=unprotect,
    )
    return await _edit("aliases", edit, **how)


@click.command("tag", cls=FilterCommand)
@_which
@_ADD
@_REMOVE
async def tag_command(*, added: tuple[str, ...], removed: tuple[str, ...], **how: Any) -> int:
    """Show the tags of a version, or change those of one version or of many.

    \b
    artifact-tui tag resnet50:v3 --add audited --remove raw
    artifact-tui tag team --filter 'type:dataset age>1y' --add old

    What would change is shown first, and asked; --yes --expect COUNT is for scripts.
    """  # noqa: D301 - click's mark for lines that stay as they are
    edit = CommonEdit(add_tags=added, remove_tags=removed)
    return await _edit("tags", edit, **how)


@click.command("ttl", cls=FilterCommand)
@_which
async def ttl_command(words: tuple[str, ...], **how: Any) -> int:
    """Show or set how long versions live after their creation.

    \b
    artifact-tui ttl resnet50:v3 30d
    artifact-tui ttl local:./sample resnet50:v3 none
    artifact-tui ttl team --filter 'type:model alias:none' 90d --dry-run
    artifact-tui ttl team --marked inherit

    The last word is a time span (30d, 12h), `none` for ever, or `inherit` for the time of the
    collection or team. What would expire, and when, is shown first as dates, and asked;
    --yes --expect COUNT is for scripts. What has expired in a local registry waits for a
    plan (the filter ttl:expired). Others delete it for good: there, what would expire at once is
    left as it is, to be deleted with a plan; and so is, where nobody can tell when, what a plan
    would ask about.
    """  # noqa: D301 - click's mark for lines that stay as they are
    span = read_lifetime(words[-1]) if words else None
    many = bool(how["filtered"]) or how["marked"]
    if span is None and (many or not words or ":" not in words[-1]):
        problem = f"“{words[-1]}” is no time to live." if words else "Say a time to live."
        raise UsageError(problem, hint="Such as 30d, 12h, none or inherit, as the last word.")
    named = words if span is None else words[:-1]
    return await _edit("ttl", CommonEdit(ttl_us=span), words=named, **how)


@dataclass(frozen=True, slots=True)
class ChosenVersions:
    """Which versions of a registry: one by its name, those that match a filter, or the marks."""

    target: Target
    name: str = ""
    filter: str = ""
    marked: bool = False


def _chosen_versions(words: Sequence[str], filtered: str | None, *, marked: bool) -> ChosenVersions:
    """The registry and the versions that the words of a command choose.

    Raises:
        UsageError: they do not say which versions, or say it twice.
    """
    many = filtered is not None or marked
    if many and len(words) > 1:
        raise UsageError(
            "Name one version, or give a --filter or --marked: not both.",
            hint="Before --filter stands only the registry.",
        )
    chosen = (
        ChosenVersions(target_of(next(iter(words), None)), "", filtered or "", marked)
        if many
        else ChosenVersions(*split_one(words))
    )
    if bool(chosen.name) + bool(chosen.filter.strip()) + marked != 1:
        raise UsageError(
            "Say which versions: NAME:V, or --filter FILTER, or --marked.",
            hint="For everything in the registry: --filter '*'.",
        )
    return chosen


async def _edit(
    what: What,
    edit: CommonEdit,
    *,
    words: Sequence[str],
    filtered: str | None,
    marked: bool,
    dry_run: bool,
    expect: int | None,
    cached: bool,
    out: Output,
) -> int:
    """Show a change, get it confirmed, send it; returns the exit code."""
    chosen = _chosen_versions(words, filtered, marked=marked)
    target = chosen.target
    if edit.nothing:
        return await _show_version(chosen, out, cached=cached)
    if not dry_run:
        refuse_read_only(target, done="changed")
    async with client_of(target, write=not dry_run) as client:
        _refuse_what_it_cannot(client, chosen, what, edit)
        changes = await _foresee(client, chosen, edit, cached=cached)
        count = text.plural(len(changes.changed), "version")
        out.words(f"{edit_title(edit)}: {count} of {safe(target.name)} will change")
        _print_foreseen(changes, target, client, out)
        await _print_holders(client, changes, edit, chosen, out)
        if dry_run or not changes.changed:
            if out.json:
                out.records(_change_records(changes, target.name))
            return int(bool(chosen.name and changes.left))
        asked = edit_confirmation(changes, production=target.production, registry=target.name)
        asked.check(answer(asked, expect))
        sent = await _send(client, changes)
        if chosen.name and client.catalog_path is not None:
            async with reading(client) as conn:
                out.words(*_version_lines(conn, client, chosen.name))
    if out.json:
        out.records(_change_records(changes, target.name, sent))
    _print_sent(changes, sent, target, client, out)
    if sent.error is not None:
        raise sent.error
    if sent.done == sent.total:
        return 0
    return INTERRUPTED if sent.stopped else 1


async def _show_version(chosen: ChosenVersions, out: Output, *, cached: bool) -> int:
    """Print one version as it is."""
    target = chosen.target
    if not chosen.name:
        raise UsageError(
            "Say what to change: --add NAME or --remove NAME.",
            hint=f"To list them: {command('ls', target.typed, '--versions')}",
        )
    async with client_of(target) as client, reading(client, cached=cached) as conn:
        if out.json:
            rows = [find_version(conn, chosen.name)]
            name = target.name
            out.records(wording.version_records(conn, client, rows, registry=name, now_us=now_us()))
        else:
            out.words(*_version_lines(conn, client, chosen.name))
    return 0


def _version_lines(conn: sqlite3.Connection, client: Client, name: str) -> Iterator[str]:
    """The lines that describe one version: its aliases, tags and time to live, where told."""
    row, known = find_version(conn, name), known_fields(conn, client)
    tags = tags_of(conn, [row.id]).get(row.id, ())
    yield version_name(row)
    if "alias" in known:
        yield f"  aliases {wording.aliases(row.aliases) or 'none'}"
    if "tag" in known:
        yield f"  tags    {', '.join(map(safe, tags)) or 'none'}"
    if "ttl" in known:
        yield f"  ttl     {wording.life(row.ttl_us, inherited=row.ttl_inherited)}"


def _refuse_what_it_cannot(
    client: Client,
    chosen: ChosenVersions,
    what: What,
    edit: CommonEdit,
) -> None:
    """Refuse an edit that this registry cannot do, before anything is read or asked.

    Raises:
        UsageError: this registry cannot change this, inherit a TTL, or protect an alias.
    """
    name, test = chosen.target.name, command("registries", "test", chosen.target.typed)
    if why := why_not_editable(client, what):
        raise UsageError(
            f"Not possible in “{name}”: {why}. Nothing was changed.",
            hint=f"What it can do says `{test}`.",
        )
    why = why_no_inheriting(client)
    if edit.ttl_us == TTL_INHERIT and why:
        raise UsageError(
            f"Not possible in “{name}”: {why}. Nothing was changed.",
            hint="Say a time span, or none.",
        )
    if not (edit.protect_aliases or edit.unprotect_aliases):
        return
    if "protection" not in client.edits:
        raise UsageError(
            f"Aliases of “{name}” are protected in the registry's own settings, by an admin of it: "
            "only local registries can do that from here. Nothing was changed.",
            hint="Leave --protect and --unprotect out.",
        )
    if not chosen.name:
        raise UsageError(
            "--protect and --unprotect are for one version. Nothing was changed.",
            hint=f"Name it: {command('alias', chosen.target.typed)} NAME:V --protect ALIAS",
        )


async def _foresee(
    client: Client,
    chosen: ChosenVersions,
    edit: CommonEdit,
    *,
    cached: bool,
) -> Changes:
    """Foresee what becomes of the chosen versions.

    Raises:
        NotFoundError: there is no such version, or it does not have the alias to protect.
    """
    source = await review_source(client, chosen.target, marked=chosen.marked, cached=cached)
    with connected(client, source.catalog_path, source.marks) as conn:
        clock = expiry_clock(client, now_us())

        def foresee() -> Changes:
            return foresee_changes(conn, _chosen_rows(conn, client, chosen), edit, clock)

        changes = foresee()
        if changes.unasked and not cached:
            await ask_lineage(source, changes.unasked)
            changes = foresee()
        if not any((changes.changed, changes.same, changes.left)):
            what = "Nothing is marked" if chosen.marked else f"Nothing matches {chosen.filter}"
            raise NotFoundError(f"{what} in “{chosen.target.name}”. Nothing was changed.")
        if edit.protect_aliases or edit.unprotect_aliases:
            _check_protected(find_version(conn, chosen.name), edit)
    return changes


def _chosen_rows(
    conn: sqlite3.Connection, client: Client, chosen: ChosenVersions
) -> Iterator[tuple[VersionRow, ...]]:
    """The rows of the versions that the command line chose, a chunk at a time."""
    if chosen.name:
        return iter([(find_version(conn, chosen.name),)])
    words = "state:any" if chosen.marked else chosen.filter
    where = where_of(conn, parse_filter([words]), client, acts=True)
    where = only_marked(where) if chosen.marked else where
    return version_chunks(conn, where, Sort("name"))


def _check_protected(row: VersionRow, edit: CommonEdit) -> None:
    """Refuse to protect an alias, or not to, that a version does not have.

    Raises:
        NotFoundError: the version does not have the alias, or will not.
    """
    own = {alias.name for alias in row.aliases if not alias.scope}
    there = (own | {*edit.add_aliases}) - {*edit.remove_aliases}
    missing = [name for name in edit.protect_aliases if name not in there]
    missing += [name for name in edit.unprotect_aliases if name not in own]
    if missing:
        raise NotFoundError(
            f"{row.collection}:{row.label} has no alias {missing[0]}. Nothing was changed.",
            hint="List the version again: the alias may have moved.",
        )


VERSIONS_SHOWN = 20
"""Versions that are printed one by one; --json prints all."""


def _print_foreseen(changes: Changes, target: Target, client: Client, out: Output) -> None:
    """Print what would be changed, in groups, then version by version."""
    groups = [group for group in effect_groups(changes, client) if group.id != Effect.NAMES]
    _print_groups(groups, target, out)
    if out.json:
        return
    shown = islice(changes.changed, VERSIONS_SHOWN)
    out.rows((version_name(one.row), _change_line(one)) for one in shown)
    if len(changes.changed) > VERSIONS_SHOWN:
        out.words(f"       and {text.count(len(changes.changed) - VERSIONS_SHOWN)} more")


def _print_groups(
    groups: Sequence[EditGroup], target: Target, out: Output, sent: EditProgress | None = None
) -> None:
    """Print label, count and meaning of each group in columns, and its details below it."""
    labels = max((len(group.label) for group in groups), default=0)
    counts = max((len(text.count(group.count)) for group in groups), default=0)
    for group in groups:
        out.words(
            f"  {group.label:<{labels}}  {text.count(group.count):>{counts}}  {group.words}",
            *(f"      {line}" for line in _details(group, target, sent)),
        )


def _details(group: EditGroup, target: Target, sent: EditProgress | None) -> Iterator[str]:
    """What is printed below a group: its dates, the command that leads on, or each version."""
    if group.id == Effect.AT_ONCE:
        yield f"{text.size(total_size(one.row.size for one in group.versions()))} in all"
    elif group.id == Effect.LATER:
        moments = (one.expires_us for one in group.versions())
        for count, *ends in expiry_stretches(at for at in moments if at is not None):
            first, last = (text.moment(day).partition(" ")[0] for day in ends)
            when = f"on {last}" if first == last else f"from {first} until {last}"
            yield f"{text.count(count)} {'expires' if count == 1 else 'expire'} {when}"
    elif group.id == Effect.DUE:
        due = [one.row for one in islice(group.versions(), VERSIONS_SHOWN)]
        more = group.count - len(due)
        names = ", ".join(map(version_name, due))
        yield f"{names} and {text.count(more)} more" if more else names
        these = " | ".join(
            f"(name:{quoted(row.collection)} version:{quoted(row.label)})" for row in due
        )
        first_ones = f"the first {VERSIONS_SHOWN}: " if more else ""
        yield f"{first_ones}{command('plan', target.typed, these)}"
    elif group.id == Effect.NOT_POSSIBLE or (sent is not None and group.id != NOT_SENT):
        for one in islice(group.versions(), VERSIONS_SHOWN):
            outcome = None if sent is None else sent.outcomes.get(one.key)
            yield f"{version_name(one.row)}: {change_words(one, outcome)}"
        if group.count > VERSIONS_SHOWN:
            yield f"and {text.count(group.count - VERSIONS_SHOWN)} more (--json)"


def _change_line(change: VersionChange) -> str:
    """What changes of one version, in one line."""
    row, ttl_us = change.row, change.wish.ttl_us
    parts = [change_words(change), *protection_words(change.wish)]
    if ttl_us is not None:
        before = wording.life(row.ttl_us, inherited=row.ttl_inherited)
        after = wording.life(None if ttl_us == TTL_OFF else ttl_us)
        parts.insert(0, f"ttl {before} → {'inherited' if ttl_us == TTL_INHERIT else after}")
    if change.expires_us is not None:
        parts[-1] += " UTC"
    return " · ".join(part for part in parts if part)


async def _print_holders(
    client: Client, changes: Changes, edit: CommonEdit, chosen: ChosenVersions, out: Output
) -> None:
    """Print how an alias is removed that another collection holds, or another version."""
    removed = {*edit.remove_aliases}
    held = {alias for one in changes for alias in one.held if alias.name in removed}
    for alias in islice(sorted(held), VERSIONS_SHOWN):
        if (place := client.neighbour(alias.scope)) is not None:
            address, collection = place
            there = f"{collection}:{alias.name}"
            registry = configured_name(load(), address) or address
            line = command("alias", registry, there, "--remove", alias.name)
            out.words(f"  to remove {safe(alias.name)} from {safe(alias.scope)}: {line}")
    if not (chosen.name and changes.same and removed):
        return
    (one,) = changes.same
    async with reading(client, cached=True) as conn:
        others = others_with_aliases(conn, one.key, removed)
    for ref, name in others:
        line = command(
            "alias", chosen.target.typed, f"{ref.collection}:{ref.label}", "--remove", name
        )
        out.words(f"  {safe(name)} is on {safe(f'{ref.collection}:{ref.label}')}: {line}")


def _change_records(
    changes: Changes, registry: str, sent: EditProgress | None = None
) -> Iterator[dict[str, Any]]:
    """Every version that was chosen as JSON; without `sent` nothing was done."""
    lifetimes = {None: None, TTL_INHERIT: "inherit", TTL_OFF: "none"}
    for one in changes:
        row, edit = one.row, one.edit
        record = {
            "name": row.collection,
            "version": row.label,
            "registry": registry,
            "key": row.key,
        }
        if one.why:
            same = one.effect is Effect.SAME
            yield record | {
                "result": "same" if same else "left", "message": "" if same else one.why
            }  # fmt: skip
            continue
        outcome = None if sent is None else sent.outcomes.get(one.key)
        unsent = "planned" if sent is None else "not_tried"
        yield record | {
            "add_alias": list(edit.add_aliases),
            "remove_alias": list(edit.remove_aliases),
            "protect": list(edit.protect_aliases),
            "unprotect": list(edit.unprotect_aliases),
            "add_tag": list(edit.add_tags),
            "remove_tag": list(edit.remove_tags),
            "moves_from": {name: ref.label for name, ref in one.moves.items()},
            "ttl": lifetimes.get(edit.ttl_us, wording.seconds(edit.ttl_us)),
            "expires": wording.iso_moment(one.expires_us),
            "result": str(outcome.result) if outcome else unsent,
            "message": outcome.message if outcome else "",
        }


async def _send(client: Client, changes: Changes) -> EditProgress:
    """Send what was confirmed.

    Ctrl+C stops after the batch in flight, a second one breaks it off.
    """
    sent = EditProgress(len(changes.changed))
    with Progress() as progress, _stopping() as stop:

        def tell(sent: EditProgress) -> None:
            progress.show(f"{sent_words(sent)} {safe(client.transport.pace())}".rstrip())

        await send_changes(
            client, changes.changed, sent, tell,
            clock=lambda: expiry_clock(client, now_us()), stop=stop,
        )  # fmt: skip
    if isinstance(sent.error, ReadOnlyError):
        raise sent.error
    return sent


@contextmanager
def _stopping() -> Iterator[asyncio.Event]:
    """An event that the first Ctrl+C sets; the second one cancels what is being awaited."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    stop = asyncio.Event()

    def pressed() -> None:
        if stop.is_set() and task is not None:
            task.cancel()
        stop.set()

    loop.add_signal_handler(signal.SIGINT, pressed)
    try:
        yield stop
    finally:
        loop.remove_signal_handler(signal.SIGINT)


def _print_sent(
    changes: Changes, sent: EditProgress, target: Target, client: Client, out: Output
) -> None:
    """Print what was done and what was not."""
    if sent.stopped:
        out.words("stopped: what was done stays done")
    out.words(ending_words(changes, sent, client))
    if len(changes.changed) == 1 and sent.done:
        (one,) = changes.changed
        if message := sent.outcomes[one.key].message:
            out.words(f"  {version_name(one.row)}: {safe(message)}")
    missed = [
        group
        for group in result_groups(changes, sent, client)
        if group.id != Result.DONE and group.id not in UNSENT
    ]
    _print_groups(missed, target, out, sent)
