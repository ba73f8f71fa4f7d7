"""One run of `alias`, `tag` or `ttl`: look, show, ask, change, and say what happened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from artifact_tui.catalog import holding, queries
from artifact_tui.cli import changed, records, wording
from artifact_tui.cli.asking import Consent, confirm_change
from artifact_tui.cli.editing import editable, look, refuse_read_only, send
from artifact_tui.cli.failures import INTERRUPTED
from artifact_tui.cli.output import Output, command
from artifact_tui.cli.protecting import NO_PROTECTION, still_to_do, with_protection
from artifact_tui.cli.session import client_of, reading
from artifact_tui.clients.local import LocalClient
from artifact_tui.edits.changes import UNCHANGED
from artifact_tui.edits.sending import Sent
from artifact_tui.errors import UsageError
from artifact_tui.here import now_us
from artifact_tui.model import TTL_INHERIT, Outcome, Result
from artifact_tui.text import safe

if TYPE_CHECKING:
    from artifact_tui.cli.editing import Chosen
    from artifact_tui.cli.protecting import Protection
    from artifact_tui.clients.base import Client, Editable
    from artifact_tui.config import Target
    from artifact_tui.edits.able import What
    from artifact_tui.edits.changes import Changes, Named
    from artifact_tui.edits.wanted import Wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What one command was asked to do."""

    target: Target
    chosen: Chosen
    what: What
    wanted: Wanted
    protection: Protection
    words: tuple[str, ...]
    """As typed, for the command that needs no terminal."""
    dry_run: bool
    yes: bool
    expect: int | None
    cached: bool
    as_json: bool

    @property
    def asks_nothing(self) -> bool:
        """Whether it only shows."""
        return self.wanted.nothing and self.protection.nothing

    def again(self, count: int) -> tuple[object, ...]:
        """The same command for a script, once its preview was read."""
        options: list[object] = []
        if self.chosen.filter:
            options += ["--filter", self.chosen.filter]
        options += ["--marked"] * self.chosen.marked
        wanted = self.wanted
        for name in (*wanted.add_aliases, *wanted.add_tags):
            options += ["--add", name]
        for name in (*wanted.remove_aliases, *wanted.remove_tags):
            options += ["--remove", name]
        for flag, names in (
            ("--protect", self.protection.on),
            ("--unprotect", self.protection.off),
        ):
            for name in names:
                options += [flag, name]
        command = {"aliases": "alias", "tags": "tag", "ttl": "ttl"}[self.what]
        return (command, *self.words, *options, "--yes", "--expect", count)


async def run(job: Job) -> int:
    """Do it; returns the exit code."""
    consent = Consent(job.yes, job.expect, "changed")
    consent.check()
    out = Output(json=job.as_json, changes=True)
    if job.asks_nothing:
        return await _show(job, out)
    if not job.dry_run:
        refuse_read_only(job.target)
    async with client_of(job.target, write=not job.dry_run) as client:
        able = editable(client, job.target, job.what)
        _refuse_what_it_cannot(client, job)
        found = await look(client, job.target, job.chosen, job.wanted, cached=job.cached)
        protection = await _protection(client, job)
        found = with_protection(found, protection)
        changed.print_changes(
            found, job.wanted, job.target, out, client,
            asked_for=job.protection, protection=protection,
        )  # fmt: skip
        await _tell_beside(client, found, job, out)
        count = len(found.changed)
        if job.dry_run or not count:
            return _tell_planned(found, protection, job, out)
        confirm_change(
            count, consent, job.target, job.again(count),
            at_once=found.at_once, undated=found.undated,
        )  # fmt: skip
        sent = await _carry_out(client, able, found, protection)
        if job.chosen.name and isinstance(client, LocalClient):
            await _print_now(client, job, out)
    return _tell(found, sent, protection, job, out)


def _refuse_what_it_cannot(client: Client, job: Job) -> None:
    """Refuse before anything is read or asked.

    Raises:
        UsageError: this registry cannot inherit a TTL, or not protect an alias.
    """
    name = job.target.name
    if job.wanted.ttl_us == TTL_INHERIT and not client.capabilities.inherit_ttl:
        raise UsageError(
            f"A version of “{name}” cannot inherit its time to live. Nothing was changed.",
            hint="Say a time span, or none.",
        )
    if job.protection.nothing:
        return
    if not isinstance(client, LocalClient):
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


async def _tell_beside(client: Client, found: Changes[Named], job: Job, out: Output) -> None:
    """Say which other version has an alias that the one version does not have."""
    if not (job.chosen.name and found.same and job.wanted.remove_aliases):
        return
    (row,) = found.same
    async with reading(client, cached=True) as conn:
        others = holding.beside(conn, row.key, job.wanted.remove_aliases)
    for ref, alias in others:
        name = f"{ref.collection}:{ref.label}"
        line = command("alias", job.target.typed, name, "--remove", alias)
        out.words(f"  {safe(alias)} is on {safe(name)}: {line}")


async def _protection(client: Client, job: Job) -> Protection:
    """What of the protection that was asked for is not so already."""
    if job.protection.nothing:
        return NO_PROTECTION
    async with reading(client, cached=job.cached) as conn:
        return still_to_do(job.protection, queries.find(conn, job.chosen.name), job.wanted)


async def _carry_out(
    client: Client, able: Editable, found: Changes[Named], protection: Protection
) -> Sent:
    """Change what was confirmed; protection goes around it."""
    if protection.nothing or not isinstance(client, LocalClient):
        return await send(client, able, found)
    (one,) = found.changed
    for name in protection.off:
        await client.protect(one.row.key, name, protected=False)
    if one.wish == UNCHANGED:
        sent = Sent(1, {one.row.key: Outcome(one.row.key, Result.DONE)})
    else:
        sent = await send(client, able, found)
    if all(outcome.result is Result.DONE for outcome in sent.outcomes.values()):
        for name in protection.on:
            await client.protect(one.row.key, name)
    return sent


def _tell_planned(found: Changes[Named], protection: Protection, job: Job, out: Output) -> int:
    if job.as_json:
        changed.print_records(found, job.target.name, out, protection=protection)
    return 1 if job.chosen.name and found.left else 0


def _tell(found: Changes[Named], sent: Sent, protection: Protection, job: Job, out: Output) -> int:
    """Say what was done; the exit code."""
    if job.as_json:
        changed.print_records(found, job.target.name, out, sent, protection=protection)
    results = [sent.outcomes.get(one.row.key) for one in found.changed]
    complete = all(one is not None and one.result is Result.DONE for one in results)
    if found.changed:
        changed.print_sent(found, sent, job.target.name, out)
    if sent.error is not None:
        raise sent.error
    if sent.stopped and not complete:
        return INTERRUPTED
    return 0 if complete else 1


async def _show(job: Job, out: Output) -> int:
    """Show one version as it is."""
    if not job.chosen.name:
        raise UsageError(
            "Say what to change: --add NAME or --remove NAME.",
            hint=f"To list them: {command('ls', job.target.typed, '--versions')}",
        )
    async with client_of(job.target) as client:
        await _print_now(client, job, out)
    return 0


async def _print_now(client: Client, job: Job, out: Output) -> None:
    """Print what is true of one version."""
    async with reading(client, cached=job.cached) as conn:
        row = queries.find(conn, job.chosen.name)
        tags = queries.tags_of(conn, [row.id]).get(row.id, ())
        unique = queries.unique_of(conn, [row.id]).get(row.id)
        complete = queries.lineage_coverage(conn).complete
    if job.as_json and job.asks_nothing:
        name = job.target.name
        out.record(
            records.version_record(
                row, registry=name, now_us=now_us(), unique=unique, tags=tags, complete=complete
            )
        )
        return
    out.words(
        f"{wording.name_of(row)}",
        f"  aliases {wording.aliases(row.aliases) or 'none'}",
        f"  tags    {', '.join(map(safe, tags)) or 'none'}",
        f"  ttl     {wording.life(row.ttl_us, inherited=row.ttl_inherited)}",
    )
