"""One group of items through one call: look, write the intents, send, look again, write it down."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import msgspec

from artifact_tui.deletion import settle
from artifact_tui.deletion.checks import NAMES_SHOWN, listed, recheck
from artifact_tui.deletion.items import Action, Item, ItemState, Reason
from artifact_tui.deletion.journal import Settled
from artifact_tui.errors import ArtifactTuiError
from artifact_tui.model import Deletion, Facts, Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from artifact_tui.clients.base import Client
    from artifact_tui.deletion.control import Control, Policy
    from artifact_tui.deletion.items import Options
    from artifact_tui.deletion.journal import Journal
    from artifact_tui.deletion.plan import Plan

ERROR_LIMIT = 500
"""How much of a registry's words is kept with an item."""


class UnreachableError(Exception):
    """A whole call came to nothing: nobody knows what it did."""


@dataclass(slots=True)
class GroupEnd:
    """What is left of a group after its call."""

    again: list[int] = field(default_factory=list)
    """Items, by seq, that may work later."""
    broken: str = ""
    """Set when the registry could not be used, however often it was tried: why."""


def redacted(words: str) -> str:
    """A registry's words, cut to size and without the token that we were given."""
    token = os.environ.get("ARTIFACT_TUI_TOKEN", "")
    return (words.replace(token, "***") if token else words)[:ERROR_LIMIT]


class Caller:
    """Carries groups of one plan out; keeps nothing but the connection between them."""

    def __init__(
        self, plan: Plan, client: Client, journal: Journal, control: Control, policy: Policy
    ) -> None:
        self._plan = plan
        self._client = client
        self._journal = journal
        self._control = control
        self._policy = policy
        self._options = plan.head.options

    async def run(self, group: Sequence[Item]) -> GroupEnd:
        """Settle every item of a group, or say what is left of it.

        A call that fails as a whole is tried again for as long as the policy has patience, each
        time after a fresh look at every item.
        """
        turn = _Turn(list(group))
        for delay in (0.0, *self._policy.delays):
            if delay or turn.broken:
                await self._control.sleep(delay)
                self._journal.beat()
            if self._control.stopped and turn.broken:
                return GroupEnd()
            turn.broken = ""
            try:
                await self._once(turn)
            except UnreachableError as error:
                turn.broken = str(error) or "no answer"
                continue
            return GroupEnd(turn.again)
        self._abandon(turn)
        return GroupEnd(broken=turn.broken)

    async def resume(self, items: Sequence[Item]) -> str:
        """Settle what an earlier run left SENT or DELETED, by asking; why not, if that fails."""
        why = ""
        for delay in (0.0, *self._policy.delays):
            if why:
                await self._control.sleep(delay)
            try:
                now = await self._facts(items)
            except UnreachableError as error:
                why = str(error)
                continue
            self._journal.settle(settle.resumed(i, now.get(i.key), self._options) for i in items)
            return ""
        self._journal.uncertain([i.seq for i in items], why)
        return why

    async def _once(self, turn: _Turn) -> None:
        ready = self._look(turn, await self._facts(turn.pending))
        turn.pending = [item for item, _ in ready]
        if not ready:
            return
        self._journal.intents(item.seq for item in turn.pending)
        before = set(turn.sent)
        turn.sent.update(item.seq for item in turn.pending)
        turn.unsure.update(item.seq for item in turn.pending)
        answers, broken = await self._send(ready)
        try:
            now = await self._facts(turn.pending)
        except UnreachableError:
            if broken:
                raise UnreachableError(broken) from None
            now = None
        ends = [
            self._end(item, answers[item.key], now, sent_before=item.seq in before)
            for item in turn.pending
        ]
        self._journal.settle(ends)
        turn.unsure = {end.seq for end in ends if end.state is ItemState.SENT}
        open_now = {end.seq for end in ends if end.state in {ItemState.PLANNED, ItemState.SENT}}
        turn.pending = [item for item in turn.pending if item.seq in open_now]
        if broken or turn.unsure:
            if turn.pending:
                raise UnreachableError(broken or "the registry could not be asked what it did")
            return
        turn.again = sorted(open_now)

    def _look(self, turn: _Turn, now: Mapping[str, Facts]) -> list[tuple[Item, Facts]]:
        """Settle what is gone or has changed; the rest is ready to be sent."""
        ready, ends = [], []
        planned = _Planned(self._plan)
        for item in turn.pending:
            facts = now.get(item.key)
            refusal = recheck(item.facts, facts, self._options, planned)
            if refusal is None and facts is not None:
                ready.append((item, facts))
            elif refusal is None or refusal.gone:
                ends.append(settle.gone(item, sent=item.seq in turn.sent))
            else:
                names = self._plan.names(refusal.keys[: NAMES_SHOWN + 1])
                detail = refusal.detail or listed(names.get(k, k) for k in refusal.keys)
                ends.append(Settled(item.seq, ItemState.REFUSED, refusal.reason, detail))
        self._journal.settle(ends)
        return ready

    def _end(
        self,
        item: Item,
        answer: Outcome,
        now: Mapping[str, Facts] | None,
        *,
        sent_before: bool,
    ) -> Settled:
        if now is None:
            return settle.unlooked(item, answer)
        facts = now.get(item.key)
        planned = _Planned(self._plan)
        return settle.looked(item, answer, facts, self._options, planned, sent_before=sent_before)

    def _abandon(self, turn: _Turn) -> None:
        """The registry stays out of reach: uncertain items stay SENT, the rest has failed."""
        why = turn.broken
        if turn.unsure:
            self._journal.uncertain(turn.unsure, why)
        self._journal.settle(
            Settled(item.seq, ItemState.FAILED, Reason.UNREACHABLE, error=why, retryable=True)
            for item in turn.pending
            if item.seq not in turn.unsure
        )

    async def _facts(self, items: Sequence[Item]) -> Mapping[str, Facts]:
        try:
            found = await self._client.facts([item.key for item in items])
        except Exception as error:  # whatever a client raises, nothing is known
            raise UnreachableError(_words(error)) from error
        if any(facts.key != key for key, facts in found.items()):
            raise UnreachableError("the registry answered about something else")
        return found

    async def _send(self, ready: Sequence[tuple[Item, Facts]]) -> tuple[dict[str, Outcome], str]:
        """The answer for each item by key, UNKNOWN where there is none; and why there is none."""
        answers = {
            i.key: Outcome(i.key, Result.UNKNOWN, "no answer for this item") for i, _ in ready
        }
        broken = ""
        try:
            if self._options.action is Action.PURGE:
                outcomes = await self._client.purge([item.key for item, _ in ready])
            else:
                outcomes = await self._client.delete(
                    [_deletion(item, now, self._options) for item, now in ready]
                )
        except Exception as error:  # noqa: BLE001 - whatever it is, the request may have left
            broken = _words(error)
            outcomes = [replace(answer, message=broken) for answer in answers.values()]
        for outcome in outcomes:
            if outcome.key in answers:
                answers[outcome.key] = replace(outcome, message=redacted(outcome.message))
        return answers, broken


@dataclass(slots=True)
class _Turn:
    """A group on its way."""

    pending: list[Item]
    sent: set[int] = field(default_factory=set)
    """Items that some call may have carried out."""
    unsure: set[int] = field(default_factory=set)
    """Items that are SENT on the disk, and nobody has looked since."""
    again: list[int] = field(default_factory=list)
    broken: str = ""

    def __post_init__(self) -> None:
        self.sent |= {item.seq for item in self.pending if item.attempts}


class _Planned:
    """For `recheck`: the reviewed dependents of items that this plan deletes."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._known: dict[str, tuple[str, ...] | None] = {}

    def __call__(self, key: str) -> tuple[str, ...] | None:
        if key not in self._known:
            sql = "SELECT facts FROM item WHERE key=? AND kind='version' AND verdict='delete'"
            facts = self._plan.one(sql, (key,))
            found = None if facts is None else msgspec.json.decode(facts, type=Facts).dependents
            self._known[key] = found
        return self._known[key]


def _deletion(item: Item, now: Facts, options: Options) -> Deletion:
    """Consent goes only with what was reviewed and found again just now."""
    return Deletion(
        key=item.key,
        token=now.token,
        delete_aliases=options.delete_aliases and bool(item.facts.aliases),
        orphan_dependents=options.orphan_dependents and bool(now.dependents),
    )


def _words(error: Exception) -> str:
    """What an error says; our own are sentences, others need their kind."""
    if isinstance(error, ArtifactTuiError):
        return redacted(str(error))
    return redacted(f"{type(error).__name__}: {error}")
