"""What is said of a task and of a report: where it is, how fast, what came out, what is freed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from artifact_tui.deletion.items import Action, ItemState, Options, Reason, Verdict
from artifact_tui.deletion.plan import Head, Status, Summary, Want
from artifact_tui.deletion.tasks import Report, ResultGroup, Task, task_why_not
from artifact_tui.model import Identity

SECOND = 1_000_000
RUNNING = Task(path=Path("a.plan"), status=Status.APPLYING, alive=True, total=1000, settled=250)
FINISHED = replace(RUNNING, status=Status.FINISHED, alive=False)


def test_rate_and_time_left() -> None:
    assert RUNNING.rate_words == ""
    assert replace(RUNNING, rate=312.4, left_us=3 * SECOND).rate_words == "312/s, 3 s left"
    assert replace(RUNNING, rate=0.05).rate_words == "3.0/min"
    assert replace(RUNNING, rate=2.0, left_us=0).rate_words == "2/s, 1 s left"


def test_a_status_tells_what_was_asked_and_is_not_done_yet() -> None:
    assert RUNNING.status_words == "running"
    assert replace(RUNNING, wants=Want.PAUSE).status_words == "pausing"
    assert replace(RUNNING, wants=Want.CANCEL).status_words == "cancelling"
    paused = replace(RUNNING, status=Status.PAUSED)
    assert paused.status_words == "going on"
    assert replace(paused, wants=Want.PAUSE).status_words == "paused"
    assert replace(RUNNING, error="no plan").status_words == "unreadable"


def test_results_tell_deleting_from_unlinking() -> None:
    links = replace(FINISHED, states={ItemState.UNLINKED: 3})
    assert links.result_words == ["3 unlinked"]
    both = replace(links, states={ItemState.UNLINKED: 3, ItemState.VERIFIED: 2})
    assert both.result_words == ["2 deleted", "3 unlinked"]
    purge = replace(both, action=Action.PURGE, states={ItemState.VERIFIED: 2, ItemState.FAILED: 1})
    assert purge.result_words == ["2 purged", "1 failed"]
    assert replace(FINISHED, states={ItemState.REFUSED: 1}).result_words == [
        "0 deleted",
        "1 refused",
    ]


def test_what_cannot_be_asked_of_a_task_says_why() -> None:
    assert task_why_not("cancel", replace(RUNNING, error="x")) == "this plan cannot be read"
    assert task_why_not("pause", FINISHED) == "nothing applies this plan now"
    assert task_why_not("cancel", FINISHED) == "it has ended"
    assert not task_why_not("cancel", replace(FINISHED, status=Status.DRAFT))
    assert task_why_not("retry", FINISHED) == "nothing failed that may work now"
    assert task_why_not("undo", RUNNING) == "it has not ended"
    assert task_why_not("undo", FINISHED) == "it deleted nothing"
    interrupted = replace(RUNNING, status=Status.INTERRUPTED, alive=False)
    assert task_why_not("resume", RUNNING) == "only an interrupted task can be resumed"
    assert not task_why_not("resume", interrupted)
    assert not task_why_not("pause", RUNNING)
    assert not task_why_not("cancel", RUNNING)
    assert not task_why_not("retry", replace(FINISHED, retryable=1))
    assert not task_why_not("undo", replace(interrupted, states={ItemState.DELETED: 1}))


def reported(summary: Summary) -> Report:
    """A plan that deleted two versions of 2 KB together."""
    identity = Identity(uid="local:1", address="local:here", kind="local")
    head = Head("1", identity, "here", Options(), 0, 0)
    gone = ResultGroup(Verdict.DELETE, ItemState.VERIFIED, Reason.NONE, 2, 2000, 0, (), ())
    return Report(head, summary, Status.FINISHED, "", (gone,), (), 2000)


@pytest.mark.parametrize(
    ("untold", "deletes", "words"),
    [
        (0, 2, "Deleted: 2 KB listed, 1.5 KB would be freed after purge and gc."),
        (1, 2, "Deleted: 2 KB listed, at least 1.5 KB would be freed after purge and gc."),
        (0, 3, "Deleted: 2 KB listed, at most 1.5 KB would be freed after purge and gc."),
        (1, 3, "Deleted: 2 KB listed, at most 2 KB would be freed after purge and gc."),
    ],
)
def test_what_is_freed_is_told_as_far_as_it_is_known(untold: int, deletes: int, words: str) -> None:
    summary = Summary(deletes=deletes, freed=1500, freed_untold=untold, freed_after="purge and gc")
    assert reported(summary).bytes_words == words


def test_what_is_freed_is_not_known_when_nobody_tells() -> None:
    later = Summary(deletes=2, freed_untold=2, freed_after="Some day\x1b", freeing=True)
    words = r"Deleted: 2 KB listed, what that frees is not known; Some day\x1b."
    assert reported(later).bytes_words == words
    partly = Summary(deletes=3, freed=1500, freed_untold=1, unknown_sizes=1, freed_after="gc")
    words = "Deleted: 2 KB listed, what that frees after gc is not known."
    assert reported(partly).bytes_words == words


def test_what_is_not_at_its_end_says_so() -> None:
    summary = Summary(deletes=3, freed=1500, freed_after="gc", action=Action.PURGE)
    report = replace(reported(summary), status=Status.INTERRUPTED)
    assert report.bytes_words == "Purged so far: 2 KB listed, at most 1.5 KB freed after gc."
    assert replace(report, deleted_bytes=0).bytes_words == ""


def test_notes_tell_what_a_deletion_leaves() -> None:
    assert reported(Summary()).notes == []
    report = replace(reported(Summary(markers=True)), remade=1, sourceless=2)
    assert report.notes == [
        "The bucket keeps versions: its objects are hidden, and nothing is freed there.",
        "1 entry made again since, with new ids.",
        "No source address was noted of 2: this plan cannot make them again.",
    ]
