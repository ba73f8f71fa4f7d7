"""`artifact-tui stores`: what this machine and its accounts hold, without the screen."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from artifact_tui import text
from artifact_tui.cli.options import Command, json_option
from artifact_tui.cli.output import Progress, command
from artifact_tui.cli.wording import iso_moment, seconds
from artifact_tui.config import load
from artifact_tui.model import now_us
from artifact_tui.stores import disks_of, each_once, find_stores, measure, worth_a_row
from artifact_tui.text import pad, safe, width

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from artifact_tui.cli.output import Output
    from artifact_tui.stores import Disk, Measured, Store


_ROOM = 4096


@click.command("stores", cls=Command)
@json_option()
async def stores_command(*, out: Output) -> None:
    """List the disks, the fullest first, and every store of this machine, the largest first.

    \b
    artifact-tui stores
    artifact-tui stores --json

    A store is a configured registry, or what an environment variable or a usual place leads to.
    Those on disk are read now; a remote registry is told as it was last listed, and nothing is sent
    to it. One that cannot be read, or does not answer, is listed with the reason, and the exit code
    is still 0.

    With --json, one object a line, each as soon as it is known:

    \b
    registry     what other commands call it: a name, or an address
    address      its address
    why          configured, or what led to it
    state        measured; remembered: as its catalog knows it; unreadable,
                 not answering, or absent: named, and not there
    reason       why it is unreadable or absent, or a part of it unreadable
    size         bytes that it takes; shared ones count once
    reclaimable  bytes that are freed when all goes that `filter` matches
    filter       what may go without a loss: ls and plan take it
    collections, versions    how many there are
    used         seconds since something of it was last used
    as_of        when this was so
    mount, disk_size, disk_free    the disk that it is on, or would be on

    What is not known is null.
    """  # noqa: D301 - click's mark for lines that stay as they are
    now = now_us()
    if out.json:
        async for store, found in _every_store():
            out.record(_record(store, found, now))
        return
    rows = sorted([row async for row in _every_store()], key=lambda row: -(row[1].size or 0))
    _print_disks(disks_of(found for _, found in rows), out)
    out.rows((_cells(store, found, now) for store, found in rows), right="12")
    out.words(*_summary(rows))


async def _every_store() -> AsyncIterator[tuple[Store, Measured]]:
    """What there is to say of each store, once that is settled; with progress.

    One that was found waits until it is known that it is none of those configured.
    """
    found = find_stores(load(), os.environ)
    unplaced = {store.target.name for store in found if store.configured}
    places: set[str] = set()
    waiting: list[tuple[Store, Measured]] = []
    with Progress() as progress:
        progress.show("looking at the stores of this machine")
        async for store, known in measure(found, others=True):
            progress.show(f"reading {safe(store.target.typed)}: {text.size(known.size)}")
            if store.configured and (known.place or known.settled):
                unplaced.discard(store.target.name)
                places |= {known.place} - {""}
            if known.settled and store.configured:
                yield store, _without_parts(known)
            elif known.settled and worth_a_row(store, known):
                waiting.append((store, _without_parts(known)))
            for one, measured in () if unplaced else waiting:
                if measured.place not in places:
                    places |= {measured.place} - {""}
                    yield one, measured
            waiting = waiting if unplaced else []


def _without_parts(found: Measured) -> Measured:
    """What is known, without the figures of a part of a store."""
    if found.figured:
        return found
    return replace(
        found, size=None, reclaimable=None, collections=None, versions=None, used_us=None,
        as_of_us=None,
    )  # fmt: skip


def _record(store: Store, found: Measured, now_us: int) -> dict[str, Any]:
    """One store, for programs."""
    return {
        "registry": found.address or store.target.typed,
        "address": found.address or store.target.address,
        "why": store.why,
        "state": found.state,
        "reason": found.reason,
        "size": found.size,
        "reclaimable": found.reclaimable,
        "filter": store.reclaimable or None,
        "collections": found.collections,
        "versions": found.versions,
        "used": None if found.used_us is None else seconds(now_us - found.used_us),
        "as_of": iso_moment(found.as_of_us),
        "mount": found.disk and found.disk.mount,
        "disk_size": found.disk and found.disk.total,
        "disk_free": found.disk and found.disk.free,
    }


def _print_disks(disks: Sequence[Disk], out: Output) -> None:
    """The free space of each disk."""
    cells = max((width(safe(disk.mount)) for disk in disks), default=0)
    for disk in disks:
        free, total = text.size(disk.free), text.size(disk.total)
        out.words(f"{pad(safe(disk.mount), cells)}  {free} free of {total}")


def _cells(store: Store, found: Measured, now_us: int) -> tuple[str, ...]:
    """One store, for people."""
    count = (
        text.plural(found.collections, "collection") + ", " + text.plural(found.versions, "version")
        if found.collections is not None and found.versions is not None
        else ""
    )
    reclaimable = f"{text.size(found.reclaimable)} reclaimable" if found.reclaimable else ""
    used = "" if found.used_us is None else f"used {text.ago(found.used_us, now_us)}"
    return (
        safe(found.address or store.target.typed),
        text.size(found.size) if found.figured else "",
        reclaimable,
        count,
        used,
        " · ".join(filter(None, (safe(store.why), _state_words(found, now_us)))),
    )


def _state_words(found: Measured, now_us: int) -> str:
    """What else is to be said of a store; nothing where all is as it should be."""
    if found.state == "measured":
        return safe(found.reason, _ROOM)
    if found.state == "remembered":
        at = found.as_of_us
        return "not listed yet" if at is None else f"as of {text.ago(at, now_us)}"
    return f"{found.state}: {safe(found.reason, _ROOM)}" if found.reason else found.state


def _summary(rows: Sequence[tuple[Store, Measured]]) -> list[str]:
    """How much it is, and what to do about it."""
    if not rows:
        return [
            "Nothing was found on this machine, and no registry is configured.",
            f"next: {command('registries', 'add', 'NAME', 'ADDRESS')}",
        ]
    local = [found for found in each_once(found for _, found in rows) if found.disk]
    size, free = (sum(filter(None, some)) for some in (
        (found.size for found in local), (found.reclaimable for found in local)
    ))  # fmt: skip
    unknown = sum(not found.figured for _, found in rows)
    taken = f"{text.size(size)} on disk, {text.size(free)} reclaimable"
    rest = f"; of {unknown:,} nothing is known" if unknown else ""
    lines = [f"{text.plural(len(rows), 'store')}, {taken}{rest}"]
    best, most = max(rows, key=lambda row: row[1].reclaimable or 0)
    if most.reclaimable:
        shown = command("ls", best.target.typed, best.reclaimable, "--versions")
        lines.append(f"next: {shown}")
    return lines
