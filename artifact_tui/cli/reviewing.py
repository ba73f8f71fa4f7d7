"""`artifact-tui review`; and a plan as lines and records, and its confirmation.

The lines say what will be deleted, what stays and why, and the next command. The confirmation is
typed on a terminal, as the screen would ask for it, or stated by a script.
"""

from __future__ import annotations

import signal
import sys
import termios
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path  # noqa: TC003 - click reads it
from typing import TYPE_CHECKING, Any

import click

from artifact_tui import text
from artifact_tui.cli import wording
from artifact_tui.cli.options import json_option, plan_argument
from artifact_tui.cli.output import Output, command
from artifact_tui.deletion import plan_file
from artifact_tui.deletion.items import (
    COLLECTION,
    OBJECT,
    VERSION,
    Item,
    ItemState,
    Reason,
    Verdict,
)
from artifact_tui.deletion.plan import Plan, Status
from artifact_tui.deletion.review import (
    ChallengeKind,
    challenge_of,
    confirm,
    confirm_count,
)
from artifact_tui.errors import ConfirmationError, PlanError, UsageError
from artifact_tui.model import actor
from artifact_tui.text import moment, safe

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator

    from artifact_tui.deletion.plan import Head, Summary

    Items = Callable[[Verdict], Iterable[Item]]


PAGE = 500
"""Items that are aligned together."""

_OPTION = {
    Reason.ALIAS: "--delete-aliases lets the aliases go along",
    Reason.DEPENDENTS: "--with-dependents puts those in the plan too; "
    "--orphan-dependents lets them lose a parent",
    Reason.LINKED: "--break-links lets the links break",
    Reason.GENERATED: "--generated asks the registry for them, one by one",
    Reason.UNFINISHED: "--unfinished lets them go",
    Reason.LINEAGE_UNKNOWN: "--unknown-lineage lets them go without knowing",
    Reason.PROTECTED: "a protected alias must move or be unprotected first",
    Reason.READ_ONLY: "the command or the configuration says so",
}
"""What a person can do about a reason, when building the plan."""


_AGREED = {
    "delete_aliases": "aliases go along",
    "with_dependents": "what was made from the selection goes too",
    "orphan_dependents": "live versions lose a parent",
    "unknown_lineage": "dependents may not be known",
    "storage_versions": "every stored version of the objects goes",
    "break_links": "links in other collections break",
    "generated": "what the registry made by itself goes",
    "unfinished": "uploads that never ended go",
}
"""Consents in a plan: of one that somebody else made, a proposal."""


def print_origin(plan: Plan, out: Output) -> None:
    """Say of a plan that was not made here what its maker says, and what this machine knows."""
    if plan_file.is_made(plan):
        return
    head, target = plan.head, plan_file.target_of(plan)
    by = f", but by {safe(head.actor)}" if head.actor else ""
    called = "" if head.registry == target.name else f", which it calls “{safe(head.registry)}”"
    out.words(
        f"this plan was not made here{by}: what is in it is a proposal",
        f"  it is for {safe(target.name)} at {safe(target.address)}{called}",
    )
    if agreed := [words for name, words in _AGREED.items() if getattr(head.options, name)]:
        out.words(f"  it wants you to agree: {'; '.join(agreed)}")
    out.words("")


def print_review(
    head: Head,
    summary: Summary,
    items: Items,
    out: Output,
    *,
    most: int | None,
    offered: Container[str] | None = None,
) -> None:
    """Print a whole review, at most `most` items of each verdict.

    `offered` are the options of the command that would let more of them go; None: all there are.
    """
    verb, done = summary.verbs
    of = f" of {text.plural(summary.collections, 'collection')}" if summary.collections else ""
    out.words(f"{verb} {summary.things}{of} in {safe(head.registry)}")
    if head.query:
        out.words(f"  filter: {safe(head.query)}")
    out.words(f"  facts read {text.moment(head.facts_us)} UTC")
    _print_going(summary, items, out, done, most)
    _print_staying(summary, items, out, most)
    for reason, count in summary.reasons:
        if ways := _ways(reason, offered):
            out.words(f"  because {reason.words} ({text.count(count)}): {ways}")


def _print_going(summary: Summary, items: Items, out: Output, done: str, most: int | None) -> None:
    if not summary.deletes:
        out.words("", f"nothing will be {done}")
        return
    if summary.only_links:
        out.words("", f"will be {done}: {summary.things}; the sources stay")
    else:
        out.words("", f"will be {done}: {summary.things}, {weight(summary)}")
        _print_freeing(summary, out)
        _print_stored(summary, out)
        if summary.unlinks:
            out.words(f"  {text.plural(summary.unlinks, 'link')} unlinked: {summary.sources}")
    if summary.added:
        added = text.plural(summary.added, "version")
        out.words(f"  {added} of them joined because they were made from what was asked for")
    if summary.aliases:
        out.words(f"  aliases that go: {wording.counted(summary.aliases)}")
    if summary.linked:
        out.words(f"  links that break in other collections: {wording.counted(summary.linked)}")
    _print_collections(summary, out)
    if summary.orphaned:
        out.words(f"  {text.plural(summary.orphaned, 'live version')} will lose a parent")
    _print_some(items(Verdict.DELETE), out, most, summary.deletes)


def _print_freeing(summary: Summary, out: Output) -> None:
    """When the bytes are free, and whether anything can come back."""
    if summary.charged:
        out.words("  freed is what the registry charges for them: bytes shared with others stay")
    if summary.freeing and summary.freed_after:
        out.words(f"  {sentence(summary.freed_after)}")
    if summary.no_way_back:
        out.words("  no way back: what is deleted here cannot be restored")


def sentence(words: str) -> str:
    """A registry's own words as a sentence, made safe."""
    shown = safe(words)
    return shown if shown.endswith(".") else f"{shown}."


def _print_collections(summary: Summary, out: Output) -> None:
    """The collections that lose everything, and whether one request would do it."""
    used = [one for one in summary.whole if one.used]
    for one in used:
        what = text.plural(one.versions, "link" if one.links else "version")
        out.words(f"  one request deletes the collection {safe(one.name)} with {what}")
        if one.aliases:
            out.words(f"      with {text.plural(one.aliases, 'alias', 'aliases')}")
        if one.broken:
            out.words(f"      links that break: {wording.counted(one.broken)}")
    names = {one.name for one in used}
    for name, count in summary.emptied:
        if name not in names:
            out.words(f"  {safe(name)} loses every version, all {text.count(count)}")
    if summary.cheaper:
        fewer = text.plural(summary.cheaper, "request")
        out.words(f"  cheaper: --whole-collections takes {fewer} less; the collections go too")


def _print_stored(summary: Summary, out: Output) -> None:
    """What happens in the storage beside the registry."""
    place = safe(summary.storage)
    if summary.objects:
        when = "after its version is gone" if summary.versions else "if nothing refers to it then"
        out.words(f"  in {place}: {text.size(summary.object_bytes)}, each {when}")
    if summary.empty_registry:
        out.words("  the registry lists nothing at all, and was said to be really empty")
    if summary.markers:
        out.words("  the bucket keeps versions: this hides the objects, and frees nothing")
    if summary.for_good:
        out.words("  every stored version of the objects goes, for good")
    if summary.left_objects:
        left = text.plural(summary.left_objects, "stored object")
        out.words(f"  left behind in {place}: {left}, {text.size(summary.left_bytes)} (--storage)")


def weight(summary: Summary) -> str:
    """The bytes of a plan: listed, and freed after what."""
    after = f" after {summary.freed_after}" if summary.freed_after and not summary.freeing else ""
    unknown = (
        f" ({text.plural(summary.unknown_sizes, 'size')} not known)"
        if summary.unknown_sizes
        else ""
    )
    freed = text.freed(summary.freed, summary.freed_untold, f"freed{after}")
    return f"{text.size(summary.listed)} listed{unknown}, {freed}"


def _print_staying(summary: Summary, items: Items, out: Output, most: int | None) -> None:
    for verdict, what, count in (
        (Verdict.CONSENT, "needs your consent, and stays without it", summary.consents),
        (Verdict.BLOCKED, "blocked, and stays", summary.blocked),
    ):
        if not count:
            continue
        out.words("", f"{what}: {text.plural(count, 'version')}")
        if verdict is Verdict.CONSENT and summary.consent_aliases:
            out.words(f"  aliases: {wording.counted(summary.consent_aliases)}")
        if verdict is Verdict.CONSENT and summary.consent_links:
            out.words(f"  links that would break: {wording.counted(summary.consent_links)}")
        if verdict is Verdict.BLOCKED and summary.protected_aliases:
            out.words(f"  protected aliases: {wording.counted(summary.protected_aliases)}")
        _print_some(items(verdict), out, most, count)


def _ways(reason: Reason, offered: Container[str] | None) -> str:
    """What a person can do about a reason, with options that the command has."""
    ways = _OPTION.get(reason, "").split("; ")
    if offered is not None:
        ways = [way for way in ways if way[:2] != "--" or way.split()[0] in offered]
    return "; ".join(ways)


def _print_some(items: Iterable[Item], out: Output, most: int | None, total: int) -> None:
    """Print items a stretch at a time, numbered as in the plan."""
    print_items(items if most is None else islice(items, most), out)
    if not out.json and most is not None and total > most:
        out.words(f"       and {text.count(total - most)} more")


def print_items(items: Iterable[Item], out: Output) -> None:
    """Print items, numbered as in the plan."""
    rest: Iterator[Item] = iter(items)
    while page := list(islice(rest, PAGE)):
        out.rows(map(_item_row, page), numbers=[item.seq for item in page], right="1")


def _item_row(item: Item) -> tuple[str, ...]:
    name = text.version_name(item) if item.kind == VERSION else safe(item.name)
    return name, text.size(item.size), " · ".join(_notes(item))


def _notes(item: Item) -> Iterator[str]:
    if item.kind == COLLECTION:
        yield "the whole collection"
    if item.is_link:
        yield "link"
    if item.added_as_dependent:
        yield "joined as a dependent"
    if item.facts.aliases:
        yield f"aliases {wording.aliases(item.facts.aliases)}"
    if item.facts.links:
        shown = wording.counted((link.name, 1) for link in item.facts.links)
        yield f"shown in {shown}"
    if item.outside_dependents and item.verdict is Verdict.DELETE:
        yield f"{text.plural(len(item.outside_dependents), 'version')} will lose this parent"
    if item.reason and item.verdict is not Verdict.DELETE:
        told = item.reason in {Reason.ALIAS, Reason.LINKED}  # stands in the line already
        detail = f" ({safe(item.detail)})" if item.detail and not told else ""
        yield f"{item.reason.words}{detail}"
    if item.state is not ItemState.PLANNED:
        yield _end(item)


def _end(item: Item) -> str:
    """What happened to an item, and why it did not go."""
    parts = [item.state.words]
    if item.state in {ItemState.REFUSED, ItemState.FAILED}:
        parts += [item.reason.words, safe(item.detail), safe(item.error)]
    return ": ".join(part for part in parts if part)


def print_next(path: Path, summary: Summary, out: Output) -> None:
    """Print the commands that read and apply a plan."""
    out.words("", f"next: {command('review', path)}")
    if summary.deletes:
        out.words(f"      {command('apply', path, '--yes', '--expect', summary.deletes)}")


def item_record(item: Item, registry: str, summary: Summary) -> dict[str, Any]:
    """One item of a plan as JSON."""
    dependents = len(item.facts.dependents)
    known = item.facts.lineage_known and summary.scanned >= summary.models
    return {
        "seq": item.seq,
        "kind": item.kind,
        "name": "" if item.kind == OBJECT else item.collection,
        "type": item.type,
        "version": item.label,
        "alias": wording.alias_names(item.facts.aliases),
        "alias_in": wording.alias_scopes(item.facts.aliases),
        "size": item.size,
        "dependents": dependents if known or dependents else None,
        "dependents_known": known,
        "link": item.is_link,
        "links": [link.name for link in item.facts.links],
        "source": item.facts.source_key or None,
        "kept": item.facts.kept,
        "generated": item.facts.generated,
        "belongs": item.belongs,
        "registry": registry,
        "key": item.key,
        "digest": item.facts.digest,
        "verdict": str(item.verdict),
        "reason": str(item.reason),
        "detail": item.detail,
        "added_as_dependent": item.added_as_dependent,
        "result": str(item.state),
        "attempts": item.attempts,
        "error": item.error,
        "retryable": item.retryable,
    }


@dataclass(frozen=True, slots=True)
class Consent:
    """What was said on the command line: `--yes` and `--expect`."""

    yes: bool
    expect: int | None
    done: str = "deleted"
    """What will have happened to the versions: `deleted` or `changed`."""

    def check(self) -> None:
        """Refuse one without the other.

        Raises:
            UsageError: `--yes` never suffices alone.
        """
        if self.yes and self.expect is None:
            shows = "`artifact-tui review`" if self.done == "deleted" else "--dry-run"
            raise UsageError(
                f"--yes needs --expect COUNT: the number of versions that will be {self.done}. "
                f"Nothing was {self.done}.",
                hint=f"{shows} shows the number.",
            )
        if self.expect is not None and not self.yes:
            raise UsageError(
                f"--expect goes with --yes. Nothing was {self.done}.",
                hint="Say both, or neither to be asked on the terminal.",
            )


def may_be_confirmed(plan: Plan) -> bool:
    """Whether a plan waits for a confirmation: one that began elsewhere waits for it here."""
    if plan.status in {Status.DRAFT, Status.CONFIRMED}:
        return True
    return plan.status is Status.INTERRUPTED and not plan_file.is_confirmed(plan)


def confirm_plan(plan: Plan, consent: Consent, instead: tuple[object, ...]) -> None:
    """Get a plan (open for writing) confirmed; `instead` is the command that needs no terminal.

    Raises:
        UsageError: there is no terminal to ask on.
        ConfirmationError: it was not confirmed. Nothing was deleted.
        PlanError: the plan was changed, or has been applied.
    """
    if not may_be_confirmed(plan):
        raise PlanError(
            f"The plan {plan.path} has been applied already ({plan.status}).",
            hint=command("report", plan.path)
            if plan.status in {Status.FINISHED, Status.CANCELLED}
            else f"{command('report', plan.path)} or {command('resume', plan.path)}",
        )
    if consent.expect is not None:
        confirm_count(plan, consent.expect, actor=actor())
        return
    asked = challenge_of(plan)
    if asked.kind is ChallengeKind.NOTHING:
        raise ConfirmationError(
            f"The plan {plan.path} deletes nothing.", hint="Review it to see why."
        )
    if not sys.stdin.isatty():
        raise UsageError(
            "This must be confirmed, and there is no terminal to ask on. Nothing was deleted.",
            hint=f"After a review: {command(*instead)}",
        )
    confirm(plan, ask(asked.prompt, asked.why), actor=actor())


def ask(prompt: str, why: str) -> str:
    """What a person types after the question is on the screen, and not before."""
    because = f"{why}\n" if why else ""
    try:
        sys.stdout.flush()
    except OSError as error:  # what is to be agreed to was not seen
        error.add_note("Nothing was asked, and nothing was done.")
        raise
    sys.stderr.write(f"\n{because}{prompt} (Enter alone leaves everything as it is): ")
    sys.stderr.flush()
    with suppress(termios.error, ValueError, OSError):
        termios.tcflush(sys.stdin, termios.TCIFLUSH)
    with _interruptible():
        return sys.stdin.readline()


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl+C end the question, also inside an event loop, which would only take note of it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@click.command("review")
@plan_argument
@json_option
def review_command(plan: Path, *, as_json: bool) -> None:
    """Print every item of the plan file PLAN: what would be deleted, what stays, and why.

    Nothing is deleted, and the registry is not asked.
    """
    out = Output(json=as_json)
    with Plan.open(plan) as opened:
        opened.check_hash()
        summary = opened.summary
        if as_json:
            for item in opened.every_item():
                out.record(item_record(item, opened.head.registry, summary))
        print_origin(opened, out)
        by = f" by {safe(opened.head.actor)}" if opened.head.actor else ""
        out.words(f"plan made {moment(opened.head.created_us)} UTC{by} · {opened.status}")
        print_review(
            opened.head,
            summary,
            lambda verdict: () if as_json else opened.every_item(verdict=verdict),
            out,
            most=None,
        )
        for name, parents in opened.orphans():
            out.words(f"  {safe(name)} loses {parents} of its parents")
        if opened.status in {Status.DRAFT, Status.CONFIRMED}:
            out.words("", f"to apply it: {challenge_of(opened).prompt}")
            print_next(plan, summary, out)
