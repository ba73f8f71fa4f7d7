"""`artifact-tui alias`, `tag` and `ttl`: changes of versions, shown first, confirmed, sent.

What becomes of each version is read and shown, as lines or records; once it is confirmed, it is
sent in batches, and what was done is shown. Aliases can be protected in local registries only, of
one version at a time.
"""

from __future__ import annotations

import asyncio
import signal
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from artifact_tui import text
from artifact_tui.catalog import version_names
from artifact_tui.catalog.catalog_rows import tags_of
from artifact_tui.catalog.listing import Sort, version_chunks
from artifact_tui.catalog.marks import only_marked
from artifact_tui.catalog.retention import total_size
from artifact_tui.catalog.version_names import find_version
from artifact_tui.cli import wording
from artifact_tui.cli.drafting import ask_lineage, connected_to, review_source
from artifact_tui.cli.options import (
    FilterCommand,
    cached_option,
    consent_options,
    json_option,
)
from artifact_tui.cli.output import INTERRUPTED, Output, Progress, command
from artifact_tui.cli.reviewing import answer
from artifact_tui.cli.session import (
    client_of,
    parse_filter,
    reading,
    refuse_read_only,
    split_one,
    target_of,
    where_of,
)
from artifact_tui.clients.base import OwnClient
from artifact_tui.config import load, registry_word
from artifact_tui.edits.changes import (
    NO_EDIT,
    CommonEdit,
    EditProgress,
    Effect,
    VersionChange,
    edit_confirmation,
    edits_in_time,
    expiry_clock,
    expiry_days,
    expiry_stretches,
    foresee_changes,
    name_keeper,
    read_lifetime,
    send_edits,
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
    result_groups,
    sent_words,
)
from artifact_tui.errors import (
    NotFoundError,
    ReadOnlyError,
    UsageError,
)
from artifact_tui.model import TTL_INHERIT, TTL_OFF, Outcome, Result, now_us
from artifact_tui.query import quoted
from artifact_tui.text import safe, version_name

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator, Sequence

    from artifact_tui.catalog.catalog_rows import VersionRow
    from artifact_tui.catalog.retention import ExpiryDay
    from artifact_tui.clients.base import Client
    from artifact_tui.config import Target
    from artifact_tui.edits.changes import Changes, NamedVersion, What
    from artifact_tui.edits.edit_words import EditGroup

    _Command = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Protection:
    """Aliases to protect, or to protect no longer: local registries only. Untrusted text."""

    on: tuple[str, ...] = ()
    off: tuple[str, ...] = ()

    @property
    def nothing(self) -> bool:
        """Whether nothing is asked for."""
        return not (self.on or self.off)

    def words(self) -> Iterator[str]:
        """What changes, in short; safe."""
        yield from (f"protect {safe(name)}" for name in self.on)
        yield from (f"unprotect {safe(name)}" for name in self.off)


NO_PROTECTION = Protection()


def still_to_do(protection: Protection, row: VersionRow, wanted: CommonEdit) -> Protection:
    """What of a protection is not so already.

    Raises:
        NotFoundError: the version does not have the alias, or will not.
    """
    own = {alias.name: alias.protected for alias in row.aliases if not alias.scope}
    there = (own.keys() | {*wanted.add_aliases}) - {*wanted.remove_aliases}
    missing = [name for name in protection.on if name not in there]
    missing += [name for name in protection.off if name not in own]
    if missing:
        raise NotFoundError(
            f"{row.collection}:{row.label} has no alias {missing[0]}. Nothing was changed.",
            hint="List the version again: the alias may have moved.",
        )
    return Protection(
        tuple(name for name in protection.on if not own.get(name)),
        tuple(name for name in protection.off if own[name]),
    )


def with_protection(
    changes: Changes[NamedVersion], protection: Protection
) -> Changes[NamedVersion]:
    """Changes that hold the only version among the changed ones if its protection changes."""
    if protection.nothing or not changes.same:
        return changes
    only = tuple(VersionChange(row, NO_EDIT) for row in changes.same)
    return replace(changes, changed=only, same=())


@dataclass(frozen=True, slots=True)
class ChosenVersions:
    """Which versions: one by its name, those that match a filter, or the marks."""

    name: str = ""
    filter: str = ""
    marked: bool = False

    def check(self) -> None:
        """Refuse none and more than one of the three.

        Raises:
            UsageError: they do not say which versions.
        """
        if (bool(self.name) + bool(self.filter.strip()) + self.marked) != 1:
            raise UsageError(
                "Say which versions: NAME:V, or --filter FILTER, or --marked.",
                hint="For everything in the registry: --filter '*'.",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class EditJob:
    """What one command was asked to do."""

    target: Target
    chosen: ChosenVersions
    what: What
    wanted: CommonEdit
    protection: Protection
    dry_run: bool
    expect: int | None
    cached: bool
    as_json: bool

    @property
    def asks_nothing(self) -> bool:
        """Whether it only shows."""
        return self.wanted.nothing and self.protection.nothing


VERSIONS_SHOWN = 20
"""Versions that are printed one by one; --json prints all."""


def print_changes(
    changes: Changes[NamedVersion],
    protection: Protection,
    job: EditJob,
    client: Client,
    out: Output,
) -> None:
    """Print what would be changed; `protection` is what will change of that."""
    parts = [] if job.wanted.nothing else [edit_title(job.wanted)]
    title = ", ".join([*parts, *job.protection.words()])
    count = text.plural(len(changes.changed), "version")
    out.words(f"{title}: {count} of {safe(job.target.name)} will change")
    groups = effect_groups(changes, client)
    _print_groups([group for group in groups if group.id != Effect.NAMES], job.target, out)
    _print_held(changes, job.wanted, client, out)
    if out.json:
        return
    shown = islice(changes.changed, VERSIONS_SHOWN)
    out.rows((version_name(one.row), _change_line(one, protection)) for one in shown)
    if len(changes.changed) > VERSIONS_SHOWN:
        out.words(f"       and {text.count(len(changes.changed) - VERSIONS_SHOWN)} more")


def _print_groups(
    groups: Sequence[EditGroup[NamedVersion]],
    target: Target,
    out: Output,
    sent: EditProgress | None = None,
) -> None:
    """Print label, count and meaning of each group in columns, and its details below it."""
    labels = max((len(group.label) for group in groups), default=0)
    counts = max((len(text.count(group.count)) for group in groups), default=0)
    for group in groups:
        out.words(
            f"  {group.label:<{labels}}  {text.count(group.count):>{counts}}  {group.words}",
            *(f"      {line}" for line in _details(group, target, sent)),
        )


def _details(
    group: EditGroup[NamedVersion], target: Target, sent: EditProgress | None
) -> Iterator[str]:
    """What is printed below a group: its dates, the command that leads on, or each version."""
    if group.id == Effect.AT_ONCE:
        yield f"{text.size(total_size(one.row.size for one in group.versions()))} in all"
    elif group.id == Effect.LATER:
        yield from _expiry(group)
    elif group.id == Effect.DUE:
        due = [one.row for one in islice(group.versions(), VERSIONS_SHOWN)]
        more = group.count - len(due)
        names = ", ".join(map(version_name, due))
        yield f"{names} and {text.count(more)} more" if more else names
        these = " | ".join(
            f"(name:{quoted(row.collection)} version:{quoted(row.label)})" for row in due
        )
        first = f"the first {VERSIONS_SHOWN}: " if more else ""
        yield f"{first}{command('plan', target.typed, these)}"
    elif group.id == Effect.NOT_POSSIBLE or (sent is not None and group.id != NOT_SENT):
        for one in islice(group.versions(), VERSIONS_SHOWN):
            outcome = None if sent is None else sent.result_of(one.key)
            yield f"{version_name(one.row)}: {change_words(one, outcome)}"
        if group.count > VERSIONS_SHOWN:
            yield f"and {text.count(group.count - VERSIONS_SHOWN)} more (--json)"


def _print_held(
    changes: Changes[NamedVersion], wanted: CommonEdit, client: Client, out: Output
) -> None:
    """How aliases are changed that another collection holds."""
    removed = {*wanted.remove_aliases}
    held = {alias for one in changes.foreseen() for alias in one.held}
    for alias in islice(sorted(one for one in held if one.name in removed), VERSIONS_SHOWN):
        if (place := client.neighbour(alias.scope)) is not None:
            address, collection = place
            there = f"{collection}:{alias.name}"
            line = command("alias", registry_word(load(), address), there, "--remove", alias.name)
            out.words(f"  to remove {safe(alias.name)} from {safe(alias.scope)}: {line}")


def _expiry(group: EditGroup[NamedVersion]) -> Iterator[str]:
    """When versions expire, as dates."""
    moments = (
        (one.expires_us, one.row.size)
        for one in group.versions()
        if isinstance(one, VersionChange) and one.expires_us is not None
    )
    for count, first, last in expiry_stretches(expiry_days(moments)):
        when = f"on {_day(last)}" if first == last else f"from {_day(first)} until {_day(last)}"
        yield f"{text.count(count)} {'expires' if count == 1 else 'expire'} {when}"


def _day(day: ExpiryDay) -> str:
    return text.moment(day.start_us).partition(" ")[0]


def _change_line(change: VersionChange[NamedVersion], protection: Protection) -> str:
    """What changes of one version, in one line."""
    row, ttl_us = change.row, change.wish.ttl_us
    parts = [change_words(change), *protection.words()]
    if ttl_us is not None:
        before = wording.life(row.ttl_us, inherited=row.ttl_inherited)
        after = wording.life(None if ttl_us == TTL_OFF else ttl_us)
        parts.insert(0, f"ttl {before} → {'inherited' if ttl_us == TTL_INHERIT else after}")
    if change.expires_us is not None:
        parts[-1] += " UTC"
    return " · ".join(part for part in parts if part)


def print_change_records(
    changes: Changes[NamedVersion],
    registry: str,
    out: Output,
    sent: EditProgress | None = None,
    *,
    protection: Protection = NO_PROTECTION,
) -> None:
    """Print every version that was named as JSON; without `sent` nothing was done."""
    for one in changes.changed:
        record = _version_fields(one.row, registry) | _change_record(one, protection)
        out.record(record | _result_fields(one.row.key, sent))
    for row in changes.same:
        out.record(_version_fields(row, registry) | {"result": "same", "message": ""})
    for left in changes.left:
        out.record(_version_fields(left.row, registry) | {"result": "left", "message": left.why})


def _version_fields(row: NamedVersion, registry: str) -> dict[str, Any]:
    return {"name": row.collection, "version": row.label, "registry": registry, "key": row.key}


def _change_record(change: VersionChange[NamedVersion], protection: Protection) -> dict[str, Any]:
    edit = change.edit
    return {
        "add_alias": list(edit.add_aliases),
        "remove_alias": list(edit.remove_aliases),
        "protect": list(protection.on),
        "unprotect": list(protection.off),
        "add_tag": list(edit.add_tags),
        "remove_tag": list(edit.remove_tags),
        "moves_from": {name: ref.label for name, ref in change.moves.items()},
        "ttl": _ttl_record(edit.ttl_us),
        "expires": wording.iso_moment(change.expires_us),
    }


def _ttl_record(ttl_us: int | None) -> int | str | None:
    if ttl_us is None or ttl_us >= 0:
        return wording.seconds(ttl_us)
    return "inherit" if ttl_us == TTL_INHERIT else "none"


def _result_fields(key: str, sent: EditProgress | None) -> dict[str, str]:
    if sent is None:
        return {"result": "planned", "message": ""}
    outcome = sent.result_of(key)
    if outcome is None:
        return {"result": "not_tried", "message": ""}
    return {"result": str(outcome.result), "message": outcome.message}


def print_sent(
    changes: Changes[NamedVersion], sent: EditProgress, job: EditJob, client: Client, out: Output
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
    _print_groups(missed, job.target, out, sent)


def check_editable(client: Client, target: Target, what: What) -> None:
    """Refuse a registry that cannot change this.

    Raises:
        UsageError: so it is.
    """
    if why := why_not_editable(client, what):
        raise UsageError(
            f"Not possible in “{target.name}”: {why}. Nothing was changed.",
            hint=f"What it can do says `artifact-tui registries test {target.name}`.",
        )


async def look_at_edit(
    client: Client,
    target: Target,
    chosen: ChosenVersions,
    wanted: CommonEdit,
    *,
    cached: bool = False,
) -> Changes[NamedVersion]:
    """Read the versions that were named, and foresee what becomes of them.

    Raises:
        NotFoundError: there is none.
    """
    source = await review_source(client, target, marked=chosen.marked, cached=cached)
    with connected_to(source) as conn:
        clock = expiry_clock(client, now_us())

        def foresee() -> Changes[NamedVersion]:
            rows = _chosen_rows(conn, client, chosen)
            return foresee_changes(conn, rows, wanted, name_keeper(), clock)

        changes = foresee()
        if changes.unasked and not cached:
            await ask_lineage(source, changes.unasked)
            changes = foresee()
        if not changes.total:
            what = "Nothing is marked" if chosen.marked else f"Nothing matches {chosen.filter}"
            raise NotFoundError(f"{what} in “{target.name}”. Nothing was changed.")
        return changes


def _chosen_rows(
    conn: sqlite3.Connection, client: Client, chosen: ChosenVersions
) -> Iterator[tuple[VersionRow, ...]]:
    """The versions that were named, some at a time."""
    if chosen.name:
        return iter([(find_version(conn, chosen.name),)])
    words = "state:any" if chosen.marked else chosen.filter
    where = where_of(conn, parse_filter([words]), client, acts=True)
    where = only_marked(where) if chosen.marked else where
    return version_chunks(conn, where, Sort("name"))


async def send_changes(client: Client, changes: Changes[NamedVersion]) -> EditProgress:
    """Send every change; Ctrl+C stops after the batch in flight, a second one breaks it off."""
    sent = EditProgress(len(changes.changed))
    edits = edits_in_time(changes.changed, sent, lambda: expiry_clock(client, now_us()))
    with Progress() as progress, _stopping() as stop:

        def tell(sent: EditProgress) -> None:
            progress.show(f"{sent_words(sent)} {safe(client.transport.pace())}".rstrip())

        await send_edits(client, edits, sent, tell, stop=stop)
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


async def run_edit(job: EditJob) -> int:
    """Show a change, get it confirmed, send it; returns the exit code."""
    out = Output(json=job.as_json, changes=True)
    if job.asks_nothing:
        return await _show_version(job, out)
    if not job.dry_run:
        refuse_read_only(job.target, done="changed")
    async with client_of(job.target, write=not job.dry_run) as client:
        check_editable(client, job.target, job.what)
        _refuse_what_it_cannot(client, job)
        changes = await look_at_edit(client, job.target, job.chosen, job.wanted, cached=job.cached)
        protection = NO_PROTECTION
        if not job.protection.nothing:
            async with reading(client, cached=True) as conn:
                row = find_version(conn, job.chosen.name)
            protection = still_to_do(job.protection, row, job.wanted)
        changes = with_protection(changes, protection)
        print_changes(changes, protection, job, client, out)
        await _print_beside(client, changes, job, out)
        if job.dry_run or not changes.changed:
            if job.as_json:
                print_change_records(changes, job.target.name, out, protection=protection)
            return int(bool(job.chosen.name and changes.left))
        target = job.target
        asked = edit_confirmation(changes, production=target.production, registry=target.name)
        asked.check(answer(asked, job.expect))
        sent = await _carry_out(client, changes, protection)
        if job.chosen.name and client.catalog_path is not None:
            await _print_now(client, job, out)
    return _print_done(changes, sent, protection, job, out, client=client)


def _refuse_what_it_cannot(client: Client, job: EditJob) -> None:
    """Refuse before anything is read or asked.

    Raises:
        UsageError: this registry cannot inherit a TTL, or not protect an alias.
    """
    name = job.target.name
    why = why_no_inheriting(client)
    if job.wanted.ttl_us == TTL_INHERIT and why:
        raise UsageError(
            f"Not possible in “{name}”: {why}. Nothing was changed.",
            hint="Say a time span, or none.",
        )
    if job.protection.nothing:
        return
    if not isinstance(client, OwnClient):
        raise UsageError(
            f"Aliases of “{name}” are protected in the registry's own settings, by an admin of it: "
            "only local registries can do that from here. Nothing was changed.",
            hint="Leave --protect and --unprotect out.",
        )
    if not job.chosen.name:
        raise UsageError(
            "--protect and --unprotect are for one version. Nothing was changed.",
            hint=f"Name it: {command('alias', job.target.typed)} NAME:V --protect ALIAS",
        )


async def _print_beside(
    client: Client, changes: Changes[NamedVersion], job: EditJob, out: Output
) -> None:
    """Say which other version has an alias that the one version does not have."""
    if not (job.chosen.name and changes.same and job.wanted.remove_aliases):
        return
    (row,) = changes.same
    async with reading(client, cached=True) as conn:
        others = version_names.others_with_aliases(conn, row.key, job.wanted.remove_aliases)
    for ref, alias in others:
        name = f"{ref.collection}:{ref.label}"
        line = command("alias", job.target.typed, name, "--remove", alias)
        out.words(f"  {safe(alias)} is on {safe(name)}: {line}")


async def _carry_out(
    client: Client, changes: Changes[NamedVersion], protection: Protection
) -> EditProgress:
    """Change what was confirmed: unprotect first, protect last."""
    if protection.nothing or not isinstance(client, OwnClient):  # the latter was refused before
        return await send_changes(client, changes)
    (one,) = changes.changed
    for name in protection.off:
        await client.protect(one.row.key, name, protected=False)
    if one.wish == NO_EDIT:
        sent = EditProgress(1, {one.row.key: Outcome(one.row.key, Result.DONE)})
    else:
        sent = await send_changes(client, changes)
    if all(outcome.result is Result.DONE for outcome in sent.outcomes.values()):
        for name in protection.on:
            await client.protect(one.row.key, name)
    return sent


def _print_done(
    changes: Changes[NamedVersion],
    sent: EditProgress,
    protection: Protection,
    job: EditJob,
    out: Output,
    *,
    client: Client,
) -> int:
    """Print what was done; returns the exit code."""
    if job.as_json:
        print_change_records(changes, job.target.name, out, sent, protection=protection)
    print_sent(changes, sent, job, client, out)
    if sent.error is not None:
        raise sent.error
    complete = sent.done == sent.total
    if sent.stopped and not complete:
        return INTERRUPTED
    return 0 if complete else 1


async def _show_version(job: EditJob, out: Output) -> int:
    """Show one version as it is."""
    if not job.chosen.name:
        raise UsageError(
            "Say what to change: --add NAME or --remove NAME.",
            hint=f"To list them: {command('ls', job.target.typed, '--versions')}",
        )
    async with client_of(job.target) as client:
        await _print_now(client, job, out)
    return 0


async def _print_now(client: Client, job: EditJob, out: Output) -> None:
    """Print what is true of one version."""
    async with reading(client, cached=job.cached) as conn:
        row = find_version(conn, job.chosen.name)
        tags = tags_of(conn, [row.id]).get(row.id, ())
        if job.as_json and job.asks_nothing:
            name = job.target.name
            out.records(wording.version_records(conn, [row], registry=name, now_us=now_us()))
            return
    out.words(
        version_name(row),
        f"  aliases {wording.aliases(row.aliases) or 'none'}",
        f"  tags    {', '.join(map(safe, tags)) or 'none'}",
        f"  ttl     {wording.life(row.ttl_us, inherited=row.ttl_inherited)}",
    )


_ADD = click.option("--add", "added", multiple=True, metavar="NAME", help="May be repeated.")
_REMOVE = click.option(
    "--remove", "removed", multiple=True, metavar="NAME", help="May be repeated."
)


def _which(command: _Command) -> _Command:
    """The words and options that say which versions, and how it is confirmed."""
    words = click.argument("words", nargs=-1, metavar="[REGISTRY] [NAME:V]")
    chosen = click.option("--filter", "chosen", metavar="FILTER", help="All versions that match.")
    marked = click.option("--marked", is_flag=True, help="What is marked on the screen.")
    dry = click.option("--dry-run", is_flag=True, help="Only show what would change.")
    rest = dry(consent_options(cached_option(json_option(changes=True)(command)), done="changed"))
    wrapped: _Command = words(chosen(marked(rest)))
    return wrapped


@click.command("alias", cls=FilterCommand)
@_which
@_ADD
@_REMOVE
@click.option("--protect", multiple=True, metavar="NAME", help="Let this alias forbid deletion.")
@click.option("--unprotect", multiple=True, metavar="NAME", help="Let it no longer do so.")
def alias_command(
    words: tuple[str, ...],
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
    wanted = CommonEdit(add_aliases=added, remove_aliases=removed)
    protection = Protection(protect, unprotect)
    return _run(words, how, what="aliases", wanted=wanted, protection=protection)


@click.command("tag", cls=FilterCommand)
@_which
@_ADD
@_REMOVE
def tag_command(
    words: tuple[str, ...],
    *,
    added: tuple[str, ...],
    removed: tuple[str, ...],
    **how: Any,
) -> int:
    """Show the tags of a version, or change those of one version or of many.

    \b
    artifact-tui tag resnet50:v3 --add audited --remove raw
    artifact-tui tag team --filter 'type:dataset age>1y' --add old

    What would change is shown first, and asked; --yes --expect COUNT is for scripts.
    """  # noqa: D301 - click's mark for lines that stay as they are
    wanted = CommonEdit(add_tags=added, remove_tags=removed)
    return _run(words, how, what="tags", wanted=wanted)


@click.command("ttl", cls=FilterCommand)
@_which
def ttl_command(words: tuple[str, ...], **how: Any) -> int:
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
    many = bool(how["chosen"]) or how["marked"]
    if span is None and (many or not words or ":" not in words[-1]):
        problem = f"“{words[-1]}” is no time to live." if words else "Say a time to live."
        raise UsageError(problem, hint="Such as 30d, 12h, none or inherit, as the last word.")
    named = words if span is None else words[:-1]
    return _run(named, how, what="ttl", wanted=CommonEdit(ttl_us=span))


def _run(
    words: Sequence[str],
    how: dict[str, Any],
    *,
    what: What,
    wanted: CommonEdit,
    protection: Protection = NO_PROTECTION,
) -> int:
    target, chosen = _chosen_versions(words, how)
    job = EditJob(
        target=target, chosen=chosen, what=what, wanted=wanted,
        protection=protection,
        dry_run=how["dry_run"], expect=how["expect"],
        cached=how["cached"], as_json=how["out"].json,
    )  # fmt: skip
    return asyncio.run(run_edit(job))


def _chosen_versions(words: Sequence[str], how: dict[str, Any]) -> tuple[Target, ChosenVersions]:
    """The registry and the versions that were named."""
    many = how["chosen"] is not None or how["marked"]
    if many and len(words) > 1:
        raise UsageError(
            "Name one version, or give a --filter or --marked: not both.",
            hint="Before --filter stands only the registry.",
        )
    if many:
        target = target_of(words[0] if words else None)
        name = ""
    else:
        target, name = split_one(words)
    chosen = ChosenVersions(name, how["chosen"] or "", how["marked"])
    chosen.check()
    return target, chosen
