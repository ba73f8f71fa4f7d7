"""`artifact-tui review`; and a plan as lines and records, and its confirmation.

The lines say what will be deleted, what stays and why, and the next command. The confirmation is
typed on a terminal, as the screen would ask for it, or stated by a script.
"""

from __future__ import annotations

import signal
import sys
import termios
from contextlib import suppress
from itertools import islice
from pathlib import Path  # noqa: TC003 - click reads it
from typing import TYPE_CHECKING, Any

import click

from artifact_tui import text
from artifact_tui.cli import wording
from artifact_tui.cli.options import json_option, plan_argument
from artifact_tui.cli.output import Output, typed_again
from artifact_tui.deletion import plan_file
from artifact_tui.deletion.confirmation import confirmation_of
from artifact_tui.deletion.draft_items import PickedItems
from artifact_tui.deletion.items import COLLECTION, OBJECT, VERSION, Item, Verdict
from artifact_tui.deletion.plan import Plan, Status
from artifact_tui.deletion.review_words import (
    CONSENTS,
    Harm,
    item_notes,
    plan_commands,
    review_groups,
)
from artifact_tui.errors import UsageError
from artifact_tui.text import moment, safe

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping, Sequence

    from artifact_tui.deletion.confirmation import Confirmation
    from artifact_tui.deletion.items import Options
    from artifact_tui.deletion.plan import Draft, Summary
    from artifact_tui.deletion.review_words import ReviewGroup


PAGE = 500
"""Items that are aligned together."""

_REMEDIES = {
    "blocked-protected": "a protected alias must move or be unprotected first",
    "blocked-read_only": "the command or the configuration says so",
}
"""What a person can do, by group, where no option helps."""


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
    if agreed := [one.agreed for one in CONSENTS.values() if getattr(head.options, one.field)]:
        out.words(f"  it wants you to agree: {'; '.join(agreed)}")
    out.words("")


def print_review(
    reviewed: Plan | Draft,
    out: Output,
    *,
    most: int | None,
    offered: Container[str] | None = None,
) -> None:
    """Print a whole review.

    Args:
        reviewed: a plan, or a draft of one.
        out: where it is printed.
        most: how many items of each verdict are printed at most; None: all.
        offered: the options of the command that would let more of them go; None: all there are.
    """
    head, summary = reviewed.head, reviewed.summary
    verb, _ = summary.verbs
    of = f" of {text.plural(summary.collections, 'collection')}" if summary.collections else ""
    out.words(f"{verb} {summary.things}{of} in {safe(head.registry)}")
    if head.query:
        out.words(f"  filter: {safe(head.query)}")
    out.words(f"  facts read {text.moment(head.facts_us)} UTC")
    if summary.storage:
        out.words(f"  storage: {safe(summary.storage)}")
    if summary.empty_registry:
        out.words("  the registry lists nothing at all, and was said to be really empty")
    groups = [
        (group, _ways(group, head.options, offered))
        for group in review_groups(head, summary, tally=wording.counted)
    ]
    _print_going(summary, groups, out)
    print_items(reviewed, Verdict.DELETE, out, most, summary.deletes)
    consents, blocked = summary.consents, summary.blocked
    for verdict, harm, title, total in (
        (Verdict.CONSENT, Harm.CONSENT, "needs your consent, and stays without it", consents),
        (Verdict.BLOCKED, Harm.BLOCKED, "blocked, and stays", blocked),
    ):
        if not total:
            continue
        out.words("", f"{title}: {text.plural(total, 'version')}")
        for group, way in groups:
            if group.harm is harm:
                out.words(f"  {group.words} ({text.count(group.count)})")
                out.words(*([f"      {way}"] if way else []))
        print_items(reviewed, verdict, out, most, total)


def _print_going(summary: Summary, groups: Sequence[tuple[ReviewGroup, str]], out: Output) -> None:
    """What goes, in numbers and in groups."""
    _, done = summary.verbs
    said = {one.id: f", {one.words}" for one, _ in groups if one.id == "delete"}
    if summary.only_links:
        said = {"unlink": f"; {summary.sources}"}
    words = f"will be {done}: {summary.things}{''.join(said.values())}"
    out.words("", words if summary.deletes else f"nothing will be {done}")
    going = [(one, way) for one, way in groups if not one.stays and one.id not in said]
    cells = max((len(one.label) for one, _ in going), default=0)
    digits = max((len(text.count(one.count)) for one, _ in going), default=0)
    for one, way in going:
        out.words(f"  {one.label:<{cells}}  {text.count(one.count):>{digits}}  {one.words}")
        out.words(*([f"{' ' * (cells + digits + 6)}{way}"] if way else []))


def _ways(group: ReviewGroup, options: Options, offered: Container[str] | None) -> str:
    """What a person can do about a group, with options that the command has."""
    ways = [
        f"{option_of(field)}: {words}"
        for field, words in group.ways
        if not getattr(options, field) and (offered is None or option_of(field) in offered)
    ]
    return "; ".join(ways) or _REMEDIES.get(group.id, "")


def option_of(consent: str) -> str:
    """The option of a command that gives a consent."""
    return f"--{consent.replace('_', '-')}"


def print_items(
    reviewed: Plan | Draft,
    verdict: Verdict,
    out: Output,
    most: int | None = None,
    total: int = 0,
) -> None:
    """Print the items with a verdict, numbered as in the plan: the first `most` of `total`."""
    items = () if most == 0 else islice(_every_item(reviewed, verdict), most)
    rest = iter(items)
    while page := list(islice(rest, PAGE)):
        out.rows(map(_item_row, page), [item.seq for item in page], right="1")
    if most and total > most and not out.json:
        out.words(f"       and {text.count(total - most)} more")


def _every_item(reviewed: Plan | Draft, verdict: Verdict | None = None) -> Iterable[Item]:
    """All items of a plan or draft, or those with a verdict, in the order of the review."""
    if isinstance(reviewed, Plan):
        return reviewed.every_item(verdict=verdict)
    if verdict is None:
        return reviewed.items
    return PickedItems(reviewed.items, "i.verdict = ?", (verdict,))


def _item_row(item: Item) -> tuple[str, ...]:
    name = text.version_name(item) if item.kind == VERSION else safe(item.name)
    notes = item_notes(
        item,
        aliases=f"aliases {wording.aliases(item.facts.aliases)}",
        links=f"shown in {wording.counted((link.name, 1) for link in item.facts.links)}",
    )
    return name, text.size(item.size), " · ".join(notes)


def print_next(path: Path, summary: Summary, out: Output) -> None:
    """Print the commands that read and apply a plan."""
    review, apply = plan_commands(summary, path)
    out.words("", f"next: {review}")
    if summary.deletes:
        out.words(f"      {apply}")


def print_item_records(reviewed: Plan | Draft, out: Output) -> None:
    """Print every item as JSON."""
    summary, registry = reviewed.summary, reviewed.head.registry
    along = {one.key: one.along for one in summary.whole if one.used and one.along}
    out.records(_item_record(item, registry, summary, along) for item in _every_item(reviewed))


def _item_record(
    item: Item, registry: str, summary: Summary, along: Mapping[str, str]
) -> dict[str, Any]:
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
        "used_by": list(item.facts.used_by),
        "belongs": item.belongs,
        "along": along.get(item.key) if item.kind == COLLECTION else None,
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


def answer(asked: Confirmation, expect: int | None, *instead: object) -> str | int:
    """The count that a script states, or what a person types.

    `instead` are words that make the command need no terminal; by default `--yes --expect COUNT`.

    Raises:
        UsageError: there is no terminal to ask on.
    """
    if expect is not None or not asked.expected:
        return expect or ""
    if not sys.stdin.isatty():
        raise UsageError(
            "This must be confirmed, and there is no terminal to ask on."
            f" Nothing was {asked.verbs[1]}.",
            hint=f"After a review: {typed_again(*instead or ('--yes', '--expect', asked.count))}",
        )
    return ask(asked)


def ask(asked: Confirmation) -> str:
    """What a person types after the question is on the screen, and not before."""
    because = f"{asked.why}\n" if asked.why else ""
    try:
        sys.stdout.flush()
    except OSError as error:  # what is to be agreed to was not seen
        error.add_note("Nothing was asked, and nothing was done.")
        raise
    sys.stderr.write(f"\n{because}{asked.prompt} (Enter alone leaves everything as it is): ")
    sys.stderr.flush()
    with suppress(termios.error, ValueError, OSError):
        termios.tcflush(sys.stdin, termios.TCIFLUSH)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a loop would only note it
    try:
        return sys.stdin.readline()
    finally:
        signal.signal(signal.SIGINT, before)


@click.command("review")
@plan_argument
@json_option()
def review_command(plan: Path, *, out: Output) -> None:
    """Print every item of the plan file PLAN: what would be deleted, what stays, and why.

    Nothing is deleted, and the registry is not asked.
    """
    with Plan.open(plan) as opened:
        opened.check_hash()
        summary = opened.summary
        if out.json:
            print_item_records(opened, out)
        print_origin(opened, out)
        by = f" by {safe(opened.head.actor)}" if opened.head.actor else ""
        out.words(f"plan made {moment(opened.head.created_us)} UTC{by} · {opened.status}")
        print_review(opened, out, most=0 if out.json else None)
        for name, parents in opened.orphans():
            out.words(f"  {safe(name)} loses {parents} of its parents")
        if opened.status in {Status.DRAFT, Status.CONFIRMED}:
            out.words("", f"to apply it: {confirmation_of(opened).prompt}")
            print_next(plan, summary, out)
