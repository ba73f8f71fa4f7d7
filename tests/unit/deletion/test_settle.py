from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from artifact_tui.deletion import journal
from artifact_tui.deletion.checks import Refusal, recheck
from artifact_tui.deletion.items import Action, Item, ItemState, Options, Reason, Verdict
from artifact_tui.model import Alias, Facts, Outcome, Result, VersionState

if TYPE_CHECKING:
    from artifact_tui.deletion.journal import ItemEnd

LIVE = Facts("k", "d", VersionState.LIVE)
TRASH = Facts("k", "d", VersionState.TRASH)
ITEM = Item(1, 0, "k", "m", "v1", "model", 1, LIVE, Verdict.DELETE)
S = ItemState


def looked(result: Result, now: Facts | None, *, before: bool = False) -> ItemEnd:
    def changed(item: Item, now: Facts) -> Refusal | None:
        return recheck(item.facts, now, Options(), lambda _: None)

    item = replace(ITEM, attempts=int(before))
    return journal.end_after_look(item, Outcome("k", result, "words"), now, Options(), changed)


@pytest.mark.parametrize("gone", [None, TRASH])
@pytest.mark.parametrize(
    ("result", "first", "later"),
    [
        (Result.DONE, S.VERIFIED, S.VERIFIED),
        (Result.UNKNOWN, S.VERIFIED, S.VERIFIED),
        (Result.FAILED, S.VERIFIED, S.VERIFIED),
        (Result.ABSENT, S.GONE, S.VERIFIED),
        (Result.REFUSED, S.GONE, S.VERIFIED),
        (Result.CHANGED, S.GONE, S.VERIFIED),
        (Result.UNLINKED, S.UNLINKED, S.UNLINKED),
    ],
)
def test_what_is_gone_is_gone_by_us_if_we_may_have_sent_it(
    result: Result, first: ItemState, later: ItemState, gone: Facts | None
) -> None:
    assert looked(result, gone).state is first
    assert looked(result, gone, before=True).state is later


@pytest.mark.parametrize(
    ("result", "state", "reason"),
    [
        (Result.DONE, S.PLANNED, Reason.STILL_THERE),
        (Result.UNLINKED, S.PLANNED, Reason.STILL_THERE),
        (Result.ABSENT, S.PLANNED, Reason.SAID_ABSENT),
        (Result.UNKNOWN, S.PLANNED, Reason.NO_ANSWER),
        (Result.FAILED, S.PLANNED, Reason.REGISTRY_FAILED),
        (Result.REFUSED, S.REFUSED, Reason.REGISTRY_REFUSED),
        (Result.CHANGED, S.REFUSED, Reason.CHANGED),
    ],
)
@pytest.mark.parametrize("before", [False, True])
def test_what_is_still_there_was_not_deleted_whatever_the_answer(
    result: Result, state: ItemState, reason: Reason, *, before: bool
) -> None:
    found = looked(result, LIVE, before=before)
    assert (found.state, found.reason, found.retryable) == (state, reason, False)
    assert found.error == "words"


def test_a_refusal_says_what_changed_when_that_can_be_seen() -> None:
    now = Facts("k", "d", VersionState.LIVE, (Alias("prod", protected=True),))
    for result in (Result.REFUSED, Result.CHANGED):
        assert looked(result, now).reason is Reason.PROTECTED_SINCE


@pytest.mark.parametrize(
    ("result", "state"),
    [
        (Result.DONE, S.DELETED),
        (Result.UNLINKED, S.DELETED),
        (Result.ABSENT, S.SENT),
        (Result.UNKNOWN, S.SENT),
        (Result.FAILED, S.PLANNED),
        (Result.REFUSED, S.REFUSED),
        (Result.CHANGED, S.REFUSED),
    ],
)
def test_without_a_look_only_the_answer_is_known(result: Result, state: ItemState) -> None:
    assert journal.end_without_look(ITEM, Outcome("k", result)).state is state


def test_after_a_crash_the_registry_decides() -> None:
    assert journal.end_resumed(ITEM, None, Options()).state is S.VERIFIED
    assert journal.end_resumed(ITEM, TRASH, Options()).state is S.VERIFIED
    assert journal.end_resumed(ITEM, LIVE, Options()).state is S.PLANNED
    purge = Options(action=Action.PURGE)
    assert journal.end_resumed(ITEM, TRASH, purge).state is S.PLANNED
    assert journal.end_resumed(ITEM, None, purge).state is S.VERIFIED


def test_an_answer_that_proves_nothing_leaves_it_open() -> None:
    for result in (Result.DONE, Result.UNLINKED, Result.ABSENT, Result.UNKNOWN, Result.FAILED):
        assert journal.end_without_look(ITEM, Outcome("k", result), unsure=True).state is S.SENT
    assert (
        journal.end_without_look(ITEM, Outcome("k", Result.REFUSED), unsure=True).state is S.REFUSED
    )
    assert journal.end_without_look(ITEM, Outcome("k", Result.DONE)).state is S.DELETED
