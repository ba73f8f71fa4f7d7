"""A bar and its words for a task that runs. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifact_tui.deletion.plan import Status, Want
from artifact_tui.text import age, count, pad

if TYPE_CHECKING:
    from artifact_tui.deletion.tasks import Task
    from artifact_tui.tui.signs import Signs

_SECOND = 1_000_000
_MINUTE = 60 * _SECOND
_HOUR = 60 * _MINUTE


def bar(done: int, total: int, cells: int, signs: Signs) -> str:
    """A bar of `cells` cells, full when everything is done."""
    steps = len(signs.bar)
    filled = cells * steps if not total else done * cells * steps // total
    full, part = divmod(filled, steps)
    shown = signs.bar[-1] * full + (signs.bar[part - 1] if part else "")
    return pad(shown, cells).replace(" ", signs.track)


def percent(done: int, total: int) -> str:
    """Whole percents, 100 % only when everything is done."""
    return f"{done * 100 // total if total else 100} %"


def rate_words(task: Task) -> str:
    """Rate and time left of a running task; empty when there is nothing to say yet."""
    if task.rate is None:
        return ""
    rate = f"{count(round(task.rate))}/s" if task.rate >= 1 else f"{task.rate * 60:.1f}/min"
    return f"{rate}, {time_left(task.left_us)} left" if task.left_us is not None else rate


def time_left(us: int | None) -> str:
    """A wait in round words: `40 s`, `3 min`, `2 h`; never 0."""
    if us is None:
        return "?"
    for unit, name in ((_HOUR, "h"), (_MINUTE, "min")):
        if us >= 2 * unit:
            return f"{-(-us // unit)} {name}"
    return f"{max(-(-us // _SECOND), 1)} s"


def ago(us: int | None, now_us: int) -> str:
    """How long ago a moment was: `2 d ago`; `in 3 s` by a clock that runs ahead."""
    words = age(us, now_us)
    return words if us is None or us > now_us else f"{words} ago"


def status_words(task: Task) -> str:
    """Where a task is, with what was asked of it but is not done yet."""
    if task.error:
        return "unreadable"
    if task.alive and task.wants is Want.CANCEL:
        return "cancelling"
    if task.status is Status.APPLYING and task.wants is Want.PAUSE:
        return "pausing"
    if task.status is Status.PAUSED and task.wants is Want.RUN:
        return "going on"
    return _STATUS.get(task.status, str(task.status))


_STATUS = {Status.APPLYING: "running", Status.CONFIRMED: "not begun", Status.DRAFT: "saved"}
