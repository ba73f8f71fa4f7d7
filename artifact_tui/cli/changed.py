"""A change of aliases, tags or times to live as lines and records: foreseen, and done."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from artifact_tui import text
from artifact_tui.catalog.retention import total
from artifact_tui.cli import records, wording
from artifact_tui.cli.output import command
from artifact_tui.cli.protecting import NO_PROTECTION
from artifact_tui.clients.base import Neighbours
from artifact_tui.config import load, named
from artifact_tui.edits.dates import by_day, spread
from artifact_tui.edits.effects import Effect
from artifact_tui.edits.expired import becomes
from artifact_tui.edits.names import names
from artifact_tui.model import TTL_INHERIT, TTL_OFF, Result
from artifact_tui.query import quoted
from artifact_tui.text import safe

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from artifact_tui.catalog.retention import Day
    from artifact_tui.cli.output import Output
    from artifact_tui.cli.protecting import Protection
    from artifact_tui.clients.base import Client
    from artifact_tui.config import Target
    from artifact_tui.edits.changes import Change, Changes, Left, Named
    from artifact_tui.edits.sending import Sent
    from artifact_tui.edits.wanted import Wanted
    from artifact_tui.model import Capabilities

SHOWN = 20
"""Versions that are printed one by one; --json prints all."""


def _wished(ttl_us: int) -> str:
    if ttl_us == TTL_INHERIT:
        return "inherited"
    return "none" if ttl_us == TTL_OFF else text.duration(ttl_us)


def asked(wanted: Wanted, protection: Protection = NO_PROTECTION) -> str:
    """What was asked for, in one line."""
    verbs = {"+": "add", "-": "remove"}
    parts = [f"{verbs[one.sign]} the {one.what} {one.words}" for one in names(wanted)]
    parts += protection.asked()
    if wanted.ttl_us is not None:
        parts.append(f"time to live {_wished(wanted.ttl_us)}")
    return ", ".join(parts)


def print_changes(
    changes: Changes[Named],
    wanted: Wanted,
    target: Target,
    out: Output,
    client: Client,
    *,
    asked_for: Protection = NO_PROTECTION,
    protection: Protection = NO_PROTECTION,
) -> None:
    """Print what would be changed.

    Args:
        changes: what becomes of each version.
        wanted: what was asked for.
        target: the registry, as the user named it.
        out: where to print.
        client: tells what the registry does with what expires, and where its neighbours are.
        asked_for: protection that was asked for, of the only version.
        protection: what of that is a change.
    """
    count = text.plural(len(changes.changed), "version")
    out.words(f"{asked(wanted, asked_for)}: {count} of {safe(target.name)} will change")
    out.words(*(f"  {line}" for line in _expiry(changes, client.capabilities)))
    if changes.same:
        out.words(f"  {text.plural(len(changes.same), 'version')} more: already so")
    _print_due([one for one in changes.left if one.due], target, out)
    _print_left([one for one in changes.left if not one.due], out)
    _print_held(changes, wanted, client, out)
    if out.json:
        return
    shown = islice(changes.changed, SHOWN)
    rows = ((wording.name_of(one.row), _what(one, protection)) for one in shown)
    out.rows(rows)
    if len(changes.changed) > SHOWN:
        out.words(f"       and {text.count(len(changes.changed) - SHOWN)} more")


def _print_due(due: Sequence[Left[Named]], target: Target, out: Output) -> None:
    """What would be deleted at once, and how that is done."""
    if not due:
        return
    which, what = ("it is", "it") if len(due) == 1 else ("they are", "them")
    names = ", ".join(wording.name_of(one.row) for one in islice(due, SHOWN))
    more = f" and {text.count(len(due) - SHOWN)} more" if len(due) > SHOWN else ""
    these = " | ".join(f"({_filter(one.row)})" for one in islice(due, SHOWN))
    first = f"the first {SHOWN}" if more else what
    out.words(
        f"  {text.plural(len(due), 'version')} would be deleted at once: left as {which}",
        f"      {names}{more}",
        f"      delete {first} with a plan: {command('plan', target.typed, these)}",
    )


def _filter(row: Named) -> str:
    """A filter that finds one version."""
    return f"name:{quoted(row.collection)} version:{quoted(row.label)}"


def _print_held(changes: Changes[Named], wanted: Wanted, client: Client, out: Output) -> None:
    """How aliases are changed that another collection holds."""
    if not isinstance(client, Neighbours):
        return
    removed = {*wanted.remove_aliases}
    found = {alias for one in changes.changed for alias in one.held}
    found |= {alias for one in changes.left for alias in one.held}
    for alias in islice(sorted(one for one in found if one.name in removed), SHOWN):
        if (place := client.neighbour(alias.scope)) is not None:
            address, collection = place
            there = f"{collection}:{alias.name}"
            line = command("alias", named(load(), address), there, "--remove", alias.name)
            out.words(f"  to remove {safe(alias.name)} from {safe(alias.scope)}: {line}")


def _print_left(left: Sequence[Left[Named]], out: Output) -> None:
    """What cannot be changed so, and why."""
    if not left:
        return
    out.words(f"  left as they are: {text.plural(len(left), 'version')}")
    for one in islice(left, SHOWN):
        out.words(f"      {wording.name_of(one.row)}: {safe(one.why)}")
    if len(left) > SHOWN:
        out.words(f"      and {text.count(len(left) - SHOWN)} more")


def _expiry(changes: Changes[Named], can: Capabilities) -> Iterator[str]:
    """When the versions will expire, as dates."""
    if due := [one.row.size for one in changes.changed if one.effect is Effect.AT_ONCE]:
        then = becomes(can, len(due))
        yield f"{_expire(len(due))} at once ({text.size(total(due))}): {then}"
    later = (
        (one.expires_us, one.row.size)
        for one in changes.changed
        if one.effect is Effect.LATER and one.expires_us is not None
    )
    for count, first, last in spread(by_day(later)):
        when = f"on {_day(last)}" if first == last else f"from {_day(first)} until {_day(last)}"
        yield f"{_expire(count)} {when}"
    if stay := sum(one.effect is Effect.STAYS for one in changes.changed):
        yield f"{text.count(stay)} never {'expires' if stay == 1 else 'expire'}"
    if undated := changes.undated:
        what = "it" if undated == 1 else "them"
        then = f"the registry may delete {what} at once"
        yield f"{_expire(undated)} at a time that is not known here: {then}"


def _expire(count: int) -> str:
    return f"{text.count(count)} {'expires' if count == 1 else 'expire'}"


def _day(day: Day) -> str:
    return text.moment(day.start_us).partition(" ")[0]


def _what(change: Change[Named], protection: Protection) -> str:
    """What changes of one version, in one line."""
    edit, row = change.edit, change.row
    parts = [f"{one.what} {one.sign}{one.words}" for one in names(edit, change.moves, change.held)]
    parts += protection.words()
    if edit.ttl_us is not None:
        before = wording.life(row.ttl_us, inherited=row.ttl_inherited)
        parts.append(f"ttl {before} → {_wished(edit.ttl_us)}")
    if change.expires_us is not None:
        parts.append(f"expires {text.moment(change.expires_us)} UTC")
    return " · ".join(parts)


def print_records(
    changes: Changes[Named],
    registry: str,
    out: Output,
    sent: Sent | None = None,
    *,
    protection: Protection = NO_PROTECTION,
) -> None:
    """Print every version that was named as JSON; without `sent` nothing was done."""
    for one in changes.changed:
        record = _base(one.row, registry) | _change_record(one, protection)
        out.record(record | _result(one.row.key, sent))
    for row in changes.same:
        out.record(_base(row, registry) | {"result": "same", "message": ""})
    for left in changes.left:
        out.record(_base(left.row, registry) | {"result": "left", "message": left.why})


def _base(row: Named, registry: str) -> dict[str, Any]:
    return {"name": row.collection, "version": row.label, "registry": registry, "key": row.key}


def _change_record(change: Change[Named], protection: Protection) -> dict[str, Any]:
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
        "expires": records.moment(change.expires_us),
    }


def _ttl_record(ttl_us: int | None) -> int | str | None:
    if ttl_us is None or ttl_us >= 0:
        return records.seconds(ttl_us)
    return "inherit" if ttl_us == TTL_INHERIT else "none"


def _result(key: str, sent: Sent | None) -> dict[str, str]:
    if sent is None:
        return {"result": "planned", "message": ""}
    if key in sent.uncertain:
        return {"result": str(Result.UNKNOWN), "message": ""}
    outcome = sent.outcomes.get(key)
    if outcome is None:
        return {"result": "not_tried", "message": ""}
    return {"result": str(outcome.result), "message": outcome.message}


_RESULTS = {
    "absent": "not there any more",
    "refused": "refused",
    "changed": "changed meanwhile",
    "failed": "failed",
    "unknown": "uncertain: sent, and no answer",
    "not_tried": "not tried",
}


def print_sent(changes: Changes[Named], sent: Sent, registry: str, out: Output) -> None:
    """Print what was done and what was not."""
    results = [(one, _result(one.row.key, sent)) for one in changes.changed]
    missed = [(one, found) for one, found in results if found["result"] != Result.DONE]
    done = len(results) - len(missed)
    if sent.stopped:
        out.words("stopped: what was done stays done")
    out.words(f"{text.plural(done, 'version')} of {safe(registry)} changed")
    for one, found in results if len(results) == 1 and not missed else ():
        if found["message"]:
            out.words(f"  {wording.name_of(one.row)}: {safe(found['message'])}")
    counts: dict[str, int] = {}
    for _, found in missed:
        counts[found["result"]] = counts.get(found["result"], 0) + 1
    for result, count in counts.items():
        out.words(f"  {text.count(count)} not: {_RESULTS.get(result, result)}")
    told = [(one, found) for one, found in missed if found["result"] != "not_tried"]
    for one, found in islice(told, SHOWN):
        why = found["message"] or _RESULTS.get(found["result"], found["result"])
        out.words(f"      {wording.name_of(one.row)}: {safe(why)}")
    if len(told) > SHOWN:
        out.words(f"      and {text.count(len(told) - SHOWN)} more (--json)")
