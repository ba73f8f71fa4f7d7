"""A change of aliases, tags or times to live as lines and records: foreseen, and done."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from artifact_tui import text
from artifact_tui.cli import records, wording
from artifact_tui.edits.dates import spread
from artifact_tui.model import TTL_INHERIT, TTL_OFF, Result
from artifact_tui.text import safe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from artifact_tui.catalog.retention import Day, TtlPreview
    from artifact_tui.cli.output import Output
    from artifact_tui.edits.changes import Change, Changes, Named
    from artifact_tui.edits.sending import Sent
    from artifact_tui.edits.wanted import Wanted

SHOWN = 20
"""Versions that are printed one by one; --json prints all."""


def _wished(ttl_us: int) -> str:
    if ttl_us == TTL_INHERIT:
        return "inherited"
    return "none" if ttl_us == TTL_OFF else text.duration(ttl_us)


def asked(wanted: Wanted) -> str:
    """What was asked for, in one line."""
    parts = [f"add the alias {safe(name)}" for name in wanted.add_aliases]
    parts += [f"remove the alias {safe(name)}" for name in wanted.remove_aliases]
    parts += [f"add the tag {safe(name)}" for name in wanted.add_tags]
    parts += [f"remove the tag {safe(name)}" for name in wanted.remove_tags]
    if wanted.ttl_us is not None:
        parts.append(f"time to live {_wished(wanted.ttl_us)}")
    return ", ".join(parts)


def print_changes(
    changes: Changes[Named], wanted: Wanted, registry: str, out: Output, *, gc: bool
) -> None:
    """Print what would be changed; `gc` where expired versions wait for one."""
    count = text.plural(len(changes.changed), "version")
    out.words(f"{asked(wanted)}: {count} of {safe(registry)} will change")
    out.words(*(f"  {line}" for line in _expiry(changes.expiry, gc=gc)))
    if changes.same:
        out.words(f"  {text.plural(len(changes.same), 'version')} more: already so")
    if changes.left:
        out.words(f"  left as they are: {text.plural(len(changes.left), 'version')}")
        for one in islice(changes.left, SHOWN):
            out.words(f"      {wording.name_of(one.row)}: {safe(one.why)}")
        if len(changes.left) > SHOWN:
            out.words(f"      and {text.count(len(changes.left) - SHOWN)} more")
    if out.json:
        return
    rows = ((wording.name_of(one.row), _what(one)) for one in islice(changes.changed, SHOWN))
    out.rows(rows)
    if len(changes.changed) > SHOWN:
        out.words(f"       and {text.count(len(changes.changed) - SHOWN)} more")


def _expiry(found: TtlPreview | None, *, gc: bool) -> Iterator[str]:
    """When the versions will expire, as dates."""
    if found is None:
        return
    due = found.expiring.overdue
    if due.versions:
        what = "it" if due.versions == 1 else "them"
        then = f"the next gc moves {what} to the trash" if gc else f"the registry deletes {what}"
        yield f"{_expire(due.versions)} at once ({text.size(due.size)}): {then}"
    for count, first, last in spread(found.expiring.days):
        when = f"on {_day(last)}" if first == last else f"from {_day(first)} until {_day(last)}"
        yield f"{_expire(count)} {when}"
    if found.never:
        yield f"{text.count(found.never)} never {'expires' if found.never == 1 else 'expire'}"
    if found.unknown:
        yield f"{_expire(found.unknown)} at a time that is not known here"


def _expire(count: int) -> str:
    return f"{text.count(count)} {'expires' if count == 1 else 'expire'}"


def _day(day: Day) -> str:
    return text.moment(day.start_us).partition(" ")[0]


def _what(change: Change[Named]) -> str:
    """What changes of one version, in one line."""
    edit, row = change.edit, change.row
    parts = []
    for name in edit.add_aliases:
        holder = change.moves.get(name)
        moves = f" (moves from {safe(holder.label)})" if holder else ""
        parts.append(f"alias +{safe(name)}{moves}")
    parts += [f"alias -{safe(name)}" for name in edit.remove_aliases]
    parts += [f"tag +{safe(name)}" for name in edit.add_tags]
    parts += [f"tag -{safe(name)}" for name in edit.remove_tags]
    if edit.ttl_us is not None:
        before = wording.life(row.ttl_us, inherited=row.ttl_inherited)
        parts.append(f"ttl {before} → {_wished(edit.ttl_us)}")
    if change.expires_us is not None:
        parts.append(f"expires {text.moment(change.expires_us)} UTC")
    return " · ".join(parts)


def print_records(
    changes: Changes[Named], registry: str, out: Output, sent: Sent | None = None
) -> None:
    """Print every version that was named as JSON; without `sent` nothing was done."""
    for one in changes.changed:
        out.record(_base(one.row, registry) | _change_record(one) | _result(one.row.key, sent))
    for row in changes.same:
        out.record(_base(row, registry) | {"result": "same", "message": ""})
    for left in changes.left:
        out.record(_base(left.row, registry) | {"result": "left", "message": left.why})


def _base(row: Named, registry: str) -> dict[str, Any]:
    return {"name": row.collection, "version": row.label, "registry": registry, "key": row.key}


def _change_record(change: Change[Named]) -> dict[str, Any]:
    edit = change.edit
    return {
        "add_alias": list(edit.add_aliases),
        "remove_alias": list(edit.remove_aliases),
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
