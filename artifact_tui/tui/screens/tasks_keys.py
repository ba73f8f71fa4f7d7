"""Which keys of the tasks screen do something for a task, and why the others do not. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifact_tui.deletion.plan import Status

if TYPE_CHECKING:
    from artifact_tui.deletion.tasks import Task

_ENDED = frozenset({Status.FINISHED, Status.CANCELLED})
_RESUMABLE = frozenset({Status.INTERRUPTED, Status.CONFIRMED})


def why_not(row_id: str, task: Task | None) -> str:
    """Why a key does nothing, in words; empty when it does something."""
    if row_id not in _CHECKS:
        return ""
    if task is None:
        return "there is no task"
    if task.error:
        return "this plan cannot be read"
    return _CHECKS[row_id](task)


def _open(_task: Task) -> str:
    return ""


def _pause(task: Task) -> str:
    return "" if task.alive else "nothing applies this plan now"


def _cancel(task: Task) -> str:
    if task.status is Status.DRAFT:
        return "nobody has confirmed it"
    return "it has ended" if task.status in _ENDED else ""


def _resume(task: Task) -> str:
    possible = not task.alive and task.status in _RESUMABLE
    return "" if possible else "only an interrupted task can be resumed"


def _retry(task: Task) -> str:
    possible = not task.alive and task.status in _ENDED and task.retryable
    return "" if possible else "nothing failed that may work now"


_CHECKS = {
    "tasks.open": _open,
    "tasks.pause": _pause,
    "tasks.cancel": _cancel,
    "tasks.resume": _resume,
    "tasks.retry": _retry,
    "tasks.again": _open,
}
