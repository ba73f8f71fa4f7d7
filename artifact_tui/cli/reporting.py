"""What became of a plan, as lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifact_tui import text
from artifact_tui.cli.output import command
from artifact_tui.cli.reviewing import sentence, things, verbs
from artifact_tui.deletion.report import Group, Report, report
from artifact_tui.text import safe

if TYPE_CHECKING:
    from pathlib import Path

    from artifact_tui.cli.output import Output

__all__ = ["print_report", "report"]

_LONG = 4096


def print_report(found: Report, out: Output, path: Path) -> None:
    """Print the results of the plan at `path` by reason, and what that means in bytes."""
    _, done = verbs(found.summary)
    asked = things(found.summary)
    out.words(f"{found.status}: {asked} to be {done} in {safe(found.head.registry)}")
    if found.why:
        out.words(f"  {safe(found.why, _LONG)}")
    for group in found.results:
        _group(group, out, path)
    if found.deleted_bytes:
        after, own = found.summary.freed_after, found.summary.freeing
        freed = f"; {_freed(found)}{'' if own else f' after {after}'}" if after else ""
        out.words(f"{done}: {text.size(found.deleted_bytes)} listed{freed}")
        if own:
            out.words(sentence(after))
    if found.summary.markers:
        out.words("the bucket keeps versions: its objects are hidden, and nothing is freed there")
    if found.remade:
        out.words(f"{text.plural(found.remade, 'entry', 'entries')} made again since, as new ones")
    if found.sourceless:
        out.words(
            f"no source address was noted of {text.count(found.sourceless)}:"
            f" this plan cannot make {'it' if found.sourceless == 1 else 'them'} again"
        )
    if found.left_out:
        out.words("not part of it, as reviewed:")
        for group in found.left_out:
            _group(group, out, path)


def _freed(found: Report) -> str:
    """What the deletion frees."""
    if not found.freed:
        return "what that frees is not known"
    return f"{'all of it frees' if found.whole else 'frees'} {found.freed}"


def _group(group: Group, out: Output, path: Path) -> None:
    bytes_ = "size not known" if group.size is None else text.size(group.size)
    out.words(f"  {text.count(group.count)} {group.words}, {bytes_}")
    plain = not group.reason and not group.errors
    for name in () if plain else group.examples:
        out.words(f"      {safe(name)}")
    if not plain and group.count > len(group.examples):
        out.words(f"      and {text.count(group.count - len(group.examples))} more")
    for error, times in group.errors:
        often = "once" if times == 1 else f"{text.count(times)} times"
        out.words(f"      {often}: {safe(error)}")
    if group.retryable:
        again = command("resume", path, "--retry-failed")
        out.words(f"      {text.count(group.retryable)} may work when tried again: {again}")
