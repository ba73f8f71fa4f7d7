"""`artifact-tui alias`, `tag` and `ttl`: what is said about versions."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import click

from artifact_tui.cli import labelling
from artifact_tui.cli.editing import Chosen
from artifact_tui.cli.flags import Flags  # noqa: TC001 - click reads it
from artifact_tui.cli.labelling import Job
from artifact_tui.cli.options import (
    FilterCommand,
    cached_option,
    consent_options,
    json_option,
    time_to_live,
)
from artifact_tui.cli.protecting import NO_PROTECTION, Protection
from artifact_tui.cli.session import split_one, target_of
from artifact_tui.edits.wanted import Wanted
from artifact_tui.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from artifact_tui.config import Target
    from artifact_tui.edits.able import What

    _Command = Callable[..., Any]

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
    rest = dry(consent_options(cached_option(json_option(command))))
    found: _Command = words(chosen(marked(rest)))
    return found


@click.command("alias", cls=FilterCommand)
@_which
@_ADD
@_REMOVE
@click.option("--protect", multiple=True, metavar="NAME", help="Let this alias forbid deletion.")
@click.option("--unprotect", multiple=True, metavar="NAME", help="Let it no longer do so.")
@click.pass_obj
def alias(
    flags: Flags,
    /,
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
    wanted = Wanted(add_aliases=added, remove_aliases=removed)
    protection = Protection(protect, unprotect)
    return _run(flags, words, how, what="aliases", wanted=wanted, protection=protection)


@click.command("tag", cls=FilterCommand)
@_which
@_ADD
@_REMOVE
@click.pass_obj
def tag(
    flags: Flags,
    /,
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
    wanted = Wanted(add_tags=added, remove_tags=removed)
    return _run(flags, words, how, what="tags", wanted=wanted)


@click.command("ttl", cls=FilterCommand)
@_which
@click.pass_obj
def ttl(flags: Flags, /, words: tuple[str, ...], **how: Any) -> int:
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
    span = time_to_live(words[-1]) if words else None
    many = bool(how["chosen"]) or how["marked"]
    if span is None and (many or not words or ":" not in words[-1]):
        said = f"“{words[-1]}” is no time to live." if words else "Say a time to live."
        raise UsageError(said, hint="Such as 30d, 12h, none or inherit, as the last word.")
    named = words if span is None else words[:-1]
    return _run(flags, named, how, what="ttl", wanted=Wanted(ttl_us=span), said=words[len(named) :])


def _run(
    flags: Flags,
    words: Sequence[str],
    how: dict[str, Any],
    *,
    what: What,
    wanted: Wanted,
    protection: Protection = NO_PROTECTION,
    said: Sequence[str] = (),
) -> int:
    target, chosen = _chosen(flags, words, how)
    job = Job(
        target=target, chosen=chosen, what=what, wanted=wanted,
        protection=protection, words=(*words, *said),
        dry_run=how["dry_run"], yes=how["yes"], expect=how["expect"],
        cached=how["cached"], as_json=how["as_json"],
    )  # fmt: skip
    return asyncio.run(labelling.run(job))


def _chosen(flags: Flags, words: Sequence[str], how: dict[str, Any]) -> tuple[Target, Chosen]:
    """The registry and the versions that were named."""
    many = how["chosen"] is not None or how["marked"]
    if many and len(words) > 1:
        raise UsageError(
            "Name one version, or give a --filter or --marked: not both.",
            hint="Before --filter stands only the registry.",
        )
    if many:
        target = target_of(words[0] if words else None, read_only=flags.read_only)
        name = ""
    else:
        target, name = split_one(words, read_only=flags.read_only)
    chosen = Chosen(name, how["chosen"] or "", how["marked"])
    chosen.check()
    return target, chosen
