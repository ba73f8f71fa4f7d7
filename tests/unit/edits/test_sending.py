"""Sending in batches: every version ends with an answer, unsent, or in doubt."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from artifact_tui.clients.base import Client
from artifact_tui.edits.changes import (
    MARGIN_US,
    CommonEdit,
    EditProgress,
    ExpiryClock,
    foresee,
    send_changes,
)
from artifact_tui.errors import BusyError, ReadOnlyError, RegistryError
from artifact_tui.model import Edit, Outcome, Result
from tests.unit.tui.rows import version

if TYPE_CHECKING:
    from collections.abc import Sequence

CLOCK = ExpiryClock(0, restores=True)
CHANGES = [foresee(version(n), CommonEdit(add_tags=("x",)), CLOCK) for n in range(5)]


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("artifact_tui.edits.changes.EDIT_BATCH", 2)


class Registry(Client):
    """Does what it is asked, until call number `fails`."""

    def __init__(self, error: BaseException | None = None, *, fails: int = 2) -> None:
        self.error = error
        self.fails = fails
        self.calls: list[list[str]] = []

    async def edit(self, edits: Sequence[Edit]) -> Sequence[Outcome]:
        self.calls.append([edit.key for edit in edits])
        if self.error is not None and len(self.calls) == self.fails:
            raise self.error
        return [Outcome(edit.key, Result.DONE) for edit in edits]


async def sent_to(
    registry: Registry, stop: asyncio.Event | None = None
) -> tuple[EditProgress, list[int]]:
    sent, heard = EditProgress(len(CHANGES)), list[int]()
    await send_changes(
        registry, iter(CHANGES), sent, lambda sent: heard.append(len(sent.outcomes)),
        clock=lambda: CLOCK, stop=stop,
    )  # fmt: skip
    return sent, heard


def uncertain(sent: EditProgress) -> set[str]:
    return {key for key, one in sent.outcomes.items() if one.result is Result.UNKNOWN}


async def test_some_at_a_time_and_all_of_them() -> None:
    registry = Registry()
    sent, heard = await sent_to(registry)
    assert registry.calls == [["v0", "v1"], ["v2", "v3"], ["v4"]]
    assert heard == [0, 2, 4]
    assert (sent.done, sent.ended, sent.stopped, uncertain(sent)) == (5, True, False, set())


@pytest.mark.parametrize(
    ("error", "doubt"),
    [
        (RegistryError("no answer"), {"v2", "v3"}),
        (ReadOnlyError("only read"), set()),
        (BusyError("somebody else"), set()),
    ],
)
async def test_an_error_ends_it_and_says_what_is_in_doubt(
    error: Exception, doubt: set[str]
) -> None:
    sent, _ = await sent_to(Registry(error))
    assert sent.error is error
    assert sent.ended
    assert uncertain(sent) == doubt
    assert sent.outcomes.keys() == {"v0", "v1"} | doubt


async def test_a_stop_lets_nothing_more_be_sent() -> None:
    stop = asyncio.Event()
    stop.set()
    registry = Registry()
    sent, _ = await sent_to(registry, stop)
    assert (registry.calls, sent.stopped, sent.outcomes) == ([], True, {})


async def test_breaking_off_after_a_stop_leaves_doubt_about_what_was_in_flight() -> None:
    stop = asyncio.Event()

    class Interrupted(Registry):
        async def edit(self, edits: Sequence[Edit]) -> Sequence[Outcome]:
            if len(self.calls) == 1:
                stop.set()
            return await super().edit(edits)

    sent, _ = await sent_to(Interrupted(asyncio.CancelledError()), stop)
    assert (sent.stopped, uncertain(sent), sent.done) == (True, {"v2", "v3"}, 2)


async def test_what_is_cancelled_without_a_stop_stays_cancelled() -> None:
    with pytest.raises(asyncio.CancelledError):
        await sent_to(Registry(asyncio.CancelledError()), asyncio.Event())


async def test_what_has_come_too_close_is_not_sent() -> None:
    """The clock goes on while it is sent: what would be deleted at once by then is refused."""
    moments = iter([0, 0, 5])
    changes = [
        replace(CHANGES[n], expires_us=expires_us)
        for n, expires_us in enumerate([9, 1 + MARGIN_US, 9 + MARGIN_US, None, 4 + MARGIN_US])
    ]
    registry, sent = Registry(), EditProgress(5)
    await send_changes(
        registry, changes, sent, lambda _: None,
        clock=lambda: ExpiryClock(next(moments), restores=False),
    )  # fmt: skip
    assert [key for call in registry.calls for key in call] == ["v1", "v2", "v3"]
    refused = {key for key, one in sent.outcomes.items() if one.result is Result.REFUSED}
    assert refused == {"v0", "v4"}
    assert "deleted at once" in sent.outcomes["v0"].message
    assert sent.ended

    restorable = EditProgress(5)
    await send_changes(
        registry, changes, restorable, lambda _: None,
        clock=lambda: ExpiryClock(99 + MARGIN_US, restores=True),
    )  # fmt: skip
    assert restorable.done == 5
