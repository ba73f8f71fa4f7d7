"""A planned change in groups, before it is sent and after; its versions as lines. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from textual.content import Content

from artifact_tui.edits.effects import Effect
from artifact_tui.edits.expired import becomes
from artifact_tui.model import Outcome, Result
from artifact_tui.text import moment, pad, safe, width
from artifact_tui.tui.widgets.grouped import Group
from artifact_tui.tui.widgets.item_rows import alias_words
from artifact_tui.tui.widgets.row_list import Rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from artifact_tui.edits.sending import Sent
    from artifact_tui.model import Capabilities
    from artifact_tui.tui.edits.plan import EditPlan, Line
    from artifact_tui.tui.signs import Signs

_EFFECTS: dict[Effect, tuple[str, str, str]] = {
    Effect.AT_ONCE: (
        "expire at once",
        "bold $text-error",
        "their time to live has passed then: {then}",
    ),
    Effect.LATER: ("expire later", "bold $text-warning", "each at its own moment, the last {last}"),
    Effect.SOME_TIME: (
        "expire",
        "bold $text-warning",
        "when they were made is not known here: the registry may delete them at once",
    ),
    Effect.INHERITS: (
        "inherit",
        "bold $text-warning",
        "as their collection or team says, not known here: the registry may delete them at once",
    ),
    Effect.STAYS: ("never expire", "$text-success", "they stay until somebody deletes them"),
    Effect.NAMES: ("change", "bold $text-accent", "their aliases or tags"),
    Effect.SAME: ("stay as they are", "$text-muted", "nothing is sent for them"),
    Effect.DUE: (
        "left as they are",
        "bold $text-warning",
        "they would be deleted at once: delete them with a plan, d in the list of versions",
    ),
    Effect.NOT_POSSIBLE: ("not possible", "bold", "nothing is sent for them; each says why"),
}

_RESULTS: dict[Result, tuple[str, str]] = {
    Result.DONE: ("changed", "$text-success"),
    Result.ABSENT: ("gone", "$text-muted"),
    Result.REFUSED: ("refused", "bold $text-warning"),
    Result.CHANGED: ("refused", "bold $text-warning"),
    Result.FAILED: ("failed", "bold $text-error"),
    Result.UNKNOWN: ("uncertain", "bold $text-error"),
}
_RESULT_WORDS = {
    Result.DONE: "the registry said so",
    Result.ABSENT: "the registry has no such version any more",
    Result.REFUSED: "the registry will not do it; each says why",
    Result.CHANGED: "somebody changed it meanwhile",
    Result.FAILED: "it may work later: ask for it again",
    Result.UNKNOWN: "no answer: it may have been done. Read again to see what is so",
}


UNSENT = frozenset({Effect.SAME, Effect.DUE, Effect.NOT_POSSIBLE})
"""Nothing is sent for them."""


def groups_of(plan: EditPlan, can: Capabilities) -> list[Group[Line]]:
    """What a change would do in a registry, the greatest harm first."""
    counts = plan.counts
    then, last = becomes(can, counts[Effect.AT_ONCE]), moment(plan.last_us)
    return [
        Group(
            effect,
            label,
            counts[effect],
            words.format(last=last, then=then),
            tone=tone,
            items=lambda effect=effect: Rows(plan.of(effect)),  # type: ignore[misc]
        )
        for effect, (label, tone, words) in _EFFECTS.items()
        if counts[effect]
    ]


def result_groups(plan: EditPlan, sent: Sent, can: Capabilities) -> list[Group[Line]]:
    """What became of each version; those for which nothing was sent last."""
    unknown = {key: Outcome(key, Result.UNKNOWN) for key in sent.uncertain}
    outcomes = unknown | sent.outcomes
    unanswered = {change.row.key for change in plan.changed} - outcomes.keys()
    answered = [
        replace(line, outcome=outcomes[line.row.key])
        for line in plan.lines
        if line.row.key in outcomes
    ]
    found = []
    for result, (label, tone) in _RESULTS.items():
        lines = [line for line in answered if _is(line.outcome, result)]
        found.append(_result(str(result), label, tone, _RESULT_WORDS[result], lines))
    waiting = [line for line in plan.lines if line.row.key in unanswered]
    found.append(_result("not-sent", "not sent", "", "nothing was asked for them", waiting))
    found += [group for group in groups_of(plan, can) if group.id in UNSENT]
    return [group for group in found if group.count]


def _is(outcome: Outcome | None, result: Result) -> bool:
    return outcome is not None and outcome.result is result


def _result(name: str, label: str, tone: str, words: str, lines: Sequence[Line]) -> Group[Line]:
    return Group(name, label, len(lines), words, tone=tone, items=lambda: Rows(lines))


def edit_line(line: Line, cells: int, signs: Signs) -> Content:
    """A version, and what it becomes, or what became of it."""
    outcome = line.outcome
    sign, tone = _sign(line, signs)
    name = safe(line.name)
    room = cells - 3
    shown = max(min(width(name), room // 2), room * 2 // 5)
    words = safe(outcome.message) if outcome is not None and outcome.message else line.words
    middle = Content.styled(words, "$text-muted").truncate(
        room - shown - 1, ellipsis=True, pad=True
    )
    return Content.assemble((f"{sign} ", tone), pad(name, shown), " ", middle, " ")


def _sign(line: Line, signs: Signs) -> tuple[str, str]:
    outcome = line.outcome
    if outcome is None:
        return {
            Effect.AT_ONCE: (signs.expired, "bold $text-error"),
            Effect.DUE: (signs.locked, "$text-warning"),
            Effect.NOT_POSSIBLE: (signs.locked, "$text-muted"),
            Effect.SAME: (signs.dot, "$text-muted"),
            Effect.NAMES: (signs.working, "$text-accent"),
            Effect.STAYS: (signs.yes, "$text-success"),
        }.get(line.effect, (signs.ttl, "$text-warning"))
    if outcome.result is Result.DONE:
        return signs.yes, "$text-success"
    if outcome.result in {Result.REFUSED, Result.CHANGED}:
        return signs.locked, "bold $text-warning"
    return signs.no, "bold $text-error"


def edit_facts(line: Line, signs: Signs) -> Content:
    """Everything about one version of a change."""
    row, outcome = line.row, line.outcome
    dot = f" {signs.dot} "
    head = [safe(row.type), f"created {moment(row.created_us)}"]
    if row.aliases:
        head.append("aliases " + alias_words(row.aliases, signs))
    lines = [
        Content.assemble((safe(line.name), "bold"), "  ", dot.join(head)),
        Content(line.words),
    ]
    if outcome is not None:
        label, tone = _RESULTS[outcome.result]
        said = f": {safe(outcome.message)}" if outcome.message else ""
        lines.append(Content.assemble((label + said, tone)))
    return Content("\n").join(lines)
