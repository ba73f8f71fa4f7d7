"""A change of aliases, tags and times to live in words, for both front ends; all of them are safe.

Where the words stand, their colours, and the key or the command that leads on are the front end's.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from artifact_tui.edits.changes import Effect
from artifact_tui.model import TTL_INHERIT, TTL_OFF, Result
from artifact_tui.text import count, duration, moment, plural, safe, version_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from artifact_tui.clients.base import Client
    from artifact_tui.edits.changes import Changes, CommonEdit, EditProgress, VersionChange
    from artifact_tui.model import Edit, Outcome


def edit_title(edit: CommonEdit) -> str:
    """What is asked for, in short: `time to live 30 d`, `+candidate -old +tag seen, protect b`."""
    if edit.ttl_us is not None:
        named = {TTL_INHERIT: "inherit", TTL_OFF: "off"}
        return f"time to live {named.get(edit.ttl_us) or duration(edit.ttl_us)}"
    names = " ".join(_signed_names(edit))
    return ", ".join(filter(None, (names, *protection_words(edit)))) or "nothing"


def protection_words(edit: Edit | CommonEdit) -> Iterator[str]:
    """Each alias that is protected, or protected no longer: `protect production`."""
    yield from (f"protect {safe(name)}" for name in edit.protect_aliases)
    yield from (f"unprotect {safe(name)}" for name in edit.unprotect_aliases)


def _signed_names(edit: Edit | CommonEdit, one: VersionChange | None = None) -> Iterator[str]:
    """Each alias and tag that comes or goes, with its sign; of one version, also what of it is so.

    That is: which version loses the alias by it, and which collections hold one of that name.
    """
    places: defaultdict[str, list[str]] = defaultdict(list)
    for alias in one.held if one else ():
        places[alias.name].append(safe(alias.scope))
    stays = {name: f" (that of {', '.join(there)} stays)" for name, there in places.items()}
    moves = one.moves if one else {}
    for name in edit.add_aliases:
        moved = f" (moves from {safe(moves[name].label)})" if name in moves else ""
        yield f"+{safe(name)}{moved}{stays.get(name, '')}"
    yield from (f"-{safe(name)}{stays.get(name, '')}" for name in edit.remove_aliases)
    yield from (f"+tag {safe(name)}" for name in edit.add_tags)
    yield from (f"-tag {safe(name)}" for name in edit.remove_tags)


def change_words(one: VersionChange, outcome: Outcome | None = None) -> str:
    """What becomes of one version, or why nothing does; what the registry says, once it does."""
    if outcome is not None and outcome.message:
        return safe(outcome.message)
    if one.why:
        return safe(one.why)
    if one.effect is Effect.NAMES:
        return ", ".join(_signed_names(one.wish, one))
    return {
        Effect.INHERITS: "as its collection or team says",
        Effect.STAYS: "never expires",
        Effect.SOME_TIME: "expires; when it was made is not known",
        Effect.AT_ONCE: f"expired since {moment(one.expires_us)}",
    }.get(one.effect, f"expires {moment(one.expires_us)}")


def edit_sentence(changes: Changes) -> str:
    """What a change would do: `312 expire at once, 40 by 2026-12-24, 3 not possible`."""
    counts = changes.counts
    parts = []
    if counts[Effect.NAMES] == 1:
        (one,) = changes.of(Effect.NAMES)
        parts.append(f"{version_name(one.row)}: {change_words(one)}")
    elif counts[Effect.NAMES]:
        parts.append(f"{plural(counts[Effect.NAMES], 'version')} would change")
    by = moment(changes.last_us)[: len("2026-12-24")]
    left = "left as it is" if counts[Effect.DUE] == 1 else "left as they are"
    forms = {
        Effect.AT_ONCE: "{} expire at once",
        Effect.LATER: f"{{}} by {by}",
        Effect.SOME_TIME: "{} some time",
        Effect.INHERITS: "{} take that of their collection or team",
        Effect.STAYS: "{} never expire",
        Effect.SAME: "{} stays as it is" if counts[Effect.SAME] == 1 else "{} stay as they are",
        Effect.DUE: f"{{}} would be deleted at once ({left})",
        Effect.NOT_POSSIBLE: "{} not possible",
    }
    parts += [
        form.format(count(counts[effect])) for effect, form in forms.items() if counts[effect]
    ]
    return ", ".join(parts) or "nothing is chosen"


def expired_words(client: Client, versions: int) -> str:
    """What a registry does with that many that expired: `the filter ttl:expired plans …`."""
    what = "it" if versions == 1 else "them"
    if client.can("collect_garbage"):
        whose = "its" if versions == 1 else "their"
        return f"the filter ttl:expired plans {whose} deletion"
    restored = f", and can restore {what}" if client.can("restore") else ""
    return f"the registry deletes {what} as soon as it looks{restored}"


@dataclass(frozen=True, slots=True)
class EditGroup:
    """Versions that have the same in common: what a change would do to them, or did."""

    id: str
    """An `Effect`, a `Result`, or `NOT_SENT`."""
    label: str
    count: int
    words: str
    """What it means."""
    versions: Callable[[], Iterable[VersionChange]]
    """The versions themselves; they are gone through again by each call."""


_EFFECTS = {
    Effect.AT_ONCE: ("expire at once", "their time to live has passed then: {then}"),
    Effect.LATER: ("expire later", "each at its own moment, the last {last}"),
    Effect.SOME_TIME: (
        "expire",
        "when they were made is not known here: the registry may delete them at once",
    ),
    Effect.INHERITS: (
        "inherit",
        "as their collection or team says, not known here: the registry may delete them at once",
    ),
    Effect.STAYS: ("never expire", "they stay until somebody deletes them"),
    Effect.NAMES: ("change", "their aliases or tags"),
    Effect.SAME: ("stay as they are", "nothing is sent for them"),
    Effect.DUE: (
        "left as they are",
        "they would be deleted at once: delete them with a plan",
    ),
    Effect.NOT_POSSIBLE: ("not possible", "nothing is sent for them; each says why"),
}
"""Label and meaning, the greatest harm first."""

UNSENT = frozenset({Effect.SAME, Effect.DUE, Effect.NOT_POSSIBLE})
"""Nothing is sent for them."""


def effect_groups(changes: Changes, client: Client) -> list[EditGroup]:
    """What a change would do in a registry, the greatest harm first; no group is empty."""
    counts = changes.counts
    then, last = expired_words(client, counts[Effect.AT_ONCE]), moment(changes.last_us)
    return [
        EditGroup(
            effect,
            label,
            counts[effect],
            words.format(last=last, then=then),
            partial(changes.of, effect),
        )
        for effect, (label, words) in _EFFECTS.items()
        if counts[effect]
    ]


RESULTS: Mapping[str, tuple[str, str]] = {
    Result.DONE: ("changed", "the registry said so"),
    Result.ABSENT: ("gone", "the registry has no such version any more"),
    Result.REFUSED: ("refused", "the registry will not do it; each says why"),
    Result.CHANGED: ("refused", "somebody changed it meanwhile"),
    Result.FAILED: ("failed", "it may work later: ask for it again"),
    Result.UNKNOWN: (
        "uncertain",
        "no answer: it may have been done. Read again to see what is so",
    ),
}
"""Label and meaning of each `Result`, in the order in which they are shown."""

NOT_SENT = "not-sent"


def result_groups(changes: Changes, sent: EditProgress, client: Client) -> list[EditGroup]:
    """What became of each version; those for which nothing was to be sent come last."""
    grouped: defaultdict[str, list[VersionChange]] = defaultdict(list)
    for one in changes.changed:
        outcome = sent.outcomes.get(one.key)
        grouped[NOT_SENT if outcome is None else outcome.result].append(one)
    words = {**RESULTS, NOT_SENT: ("not sent", "nothing was asked for them")}
    return [
        EditGroup(name, label, len(grouped[name]), meaning, partial(list, grouped[name]))
        for name, (label, meaning) in words.items()
        if grouped[name]
    ] + [group for group in effect_groups(changes, client) if group.id in UNSENT]


def sent_words(sent: EditProgress) -> str:
    """How far a change is, or how it went, as a sentence."""
    words = f"{count(sent.done)} of {count(sent.total)} changed"
    rest = sent.total - sent.done
    if rest and sent.ended and sent.error is None:
        return f"{words}, {count(rest)} not: see why."
    return f"{words}."


def ending_words(changes: Changes, sent: EditProgress, client: Client) -> str:
    """How a change went, and what becomes of what has expired by it."""
    outcomes = (sent.outcomes.get(one.key) for one in changes.of(Effect.AT_ONCE))
    expired = sum(one is not None and one.result is Result.DONE for one in outcomes)
    if not expired:
        return sent_words(sent)
    have = "1 has" if expired == 1 else f"{count(expired)} have"
    return f"{sent_words(sent)} {have} expired: {expired_words(client, expired)}."
