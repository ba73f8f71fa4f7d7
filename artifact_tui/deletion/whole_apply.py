"""One whole collection through one request, or back to its versions one by one.

The request goes only when all that is in the collection now was reviewed and has not changed.
Afterwards the registry is asked about the collection and about every version of it. Whatever is
still there then, or was not to be touched, is left to its versions' own turn in the plan.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from artifact_tui import text
from artifact_tui.deletion import settle
from artifact_tui.deletion.checks import is_gone, listed, recheck
from artifact_tui.deletion.control import GroupEnd
from artifact_tui.deletion.items import OPEN, Item, ItemState, Reason
from artifact_tui.deletion.joined import Joined
from artifact_tui.deletion.journal import Settled
from artifact_tui.deletion.looks import Looks
from artifact_tui.deletion.planned import Planned
from artifact_tui.deletion.said import UnreachableError, first
from artifact_tui.deletion.watch import HaltedError
from artifact_tui.errors import NotToldError
from artifact_tui.model import Facts, Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Mapping

    from artifact_tui.deletion.watch import Means

PART = 500
"""Versions asked about at once."""

_OURS = frozenset({Result.DONE, Result.UNLINKED, Result.UNKNOWN, Result.FAILED})
_SAID_GONE = frozenset({Result.DONE, Result.UNLINKED, Result.ABSENT})

_STAYS = {
    Result.UNKNOWN: Reason.NO_ANSWER,
    Result.FAILED: Reason.REGISTRY_FAILED,
    Result.ABSENT: Reason.SAID_ABSENT,
}


@dataclass(slots=True)
class _Turn:
    """A collection on its way."""

    item: Item
    members: list[Item]
    sent: bool = False
    """Whether some call may have carried it out."""
    last: Settled | None = None
    """Why it is still there."""
    untold: bool = False
    """The registry would not tell about it, and can be asked about the rest."""
    halted: bool = False
    """The request was given up while it waited: it is not to be sent now."""
    facts: dict[str, Facts] = field(default_factory=dict)
    """What the last look said of versions that are not in the collection any more."""

    @property
    def open(self) -> list[Item]:
        """Its versions that have not ended."""
        return [member for member in self.members if member.state in OPEN]


class WholeCaller:
    """Carries the whole collections of one plan out."""

    def __init__(self, means: Means) -> None:
        self._plan = means.plan
        self._target = means.target
        self._journal = means.journal
        self._control = means.control
        self._policy = means.policy
        self._watch = means.watch
        self._options = means.plan.head.options
        self._joined = Joined(means, Looks(means))

    async def run(self, item: Item) -> GroupEnd:
        """Settle one collection; when it stays, for whatever reason, its versions stay planned."""
        turn = _Turn(item, self._members(item), sent=item.attempts > 0)
        why = ""
        for delay in (0.0, *self._policy.delays):
            if delay or turn.last or why:
                again = why or (turn.last.error or turn.last.reason.words if turn.last else "")
                await self._watch.pause(delay, f"a collection is still there ({again})")
                self._journal.beat()
            if self._control.stopped and (turn.last or why):
                return GroupEnd(halted=True)
            why, turn.untold = "", False
            try:
                if await self._once(turn):
                    return GroupEnd()
            except UnreachableError as error:
                why = str(error) or "no answer"
            except HaltedError:
                return GroupEnd(halted=True)
            if turn.halted:
                break
        if why:
            return self._unknown(turn, why)
        if turn.last is not None and not turn.halted:
            end = replace(turn.last, state=ItemState.FAILED, retryable=True)
            self._journal.settle([end])
        return GroupEnd(halted=turn.halted)

    def _unknown(self, turn: _Turn, why: str) -> GroupEnd:
        """Nobody knows what is in it; that is trouble only of this one where others are told."""
        seq = turn.item.seq
        if turn.untold and not turn.sent:
            end = Settled(seq, ItemState.FAILED, Reason.NOT_TOLD, error=why, retryable=True)
            self._journal.settle([end])
        else:
            self._journal.uncertain([seq, *(one.seq for one in turn.members)], why)
        return GroupEnd(broken="" if turn.untold else why, halted=turn.halted)

    def _members(self, item: Item) -> list[Item]:
        where = "i.belongs=? AND i.kind='version' AND i.verdict='delete' ORDER BY i.seq"
        return self._plan.select(where, (item.seq,))

    async def _once(self, turn: _Turn) -> bool:
        """One look and, if all is as it was reviewed, one request; whether it has ended."""
        now = await self._look(turn, sent=turn.sent)
        if now is None:
            self._settle(turn, settle.gone(turn.item, sent=turn.sent), {}, ours=turn.sent)
            return True
        name = await self._name(turn)
        if name not in {"", turn.item.collection}:
            end = Settled(turn.item.seq, ItemState.REFUSED, Reason.RENAMED, f"it is {name}")
            self._settle(turn, end, now, ours=turn.sent)
            return True
        there = {**now, **{k: f for k, f in turn.facts.items() if not self._gone(f)}}
        alone = await self._joined.stays(turn.open)
        stays = listed(member.name for member in turn.open if member.key in alone)
        if changed := self._changed(turn, there) or stays:
            end = Settled(turn.item.seq, ItemState.REFUSED, Reason.COLLECTION_CHANGED, changed)
            self._settle(turn, end, now, ours=turn.sent)
            return True
        self._settle(turn, None, there, ours=turn.sent)
        before = turn.sent
        self._journal.intents([turn.item.seq, *(member.seq for member in turn.open)])
        turn.sent = True
        answer = await self._send(turn)
        now = await self._look(turn, sent=True)
        end = self._end(turn.item, answer, now, before=before)
        self._settle(turn, end, now or {}, ours=before or answer.result in _OURS)
        turn.last = end if end.open else None
        return not end.open

    async def _send(self, turn: _Turn) -> Outcome:
        """What the registry answered; UNKNOWN without a usable answer."""
        call = self._target.remove_collection(turn.item, turn.open, self._options)
        key = turn.item.key
        try:
            answer = await self._watch.sending(call)
        except HaltedError:
            turn.halted = True
            return Outcome(key, Result.UNKNOWN, "given up while it waited")
        except Exception as error:  # noqa: BLE001 - whatever it is, the request may have left
            return Outcome(key, Result.UNKNOWN, self._target.error_words(error))
        if answer.key != key:
            return Outcome(key, Result.UNKNOWN, "the registry answered about something else")
        return replace(answer, message=self._target.words(answer.message))

    async def _look(self, turn: _Turn, *, sent: bool) -> Mapping[str, Facts] | None:
        """What is in the collection now, None when it is gone; and what became of the others."""
        key = turn.item.key
        try:
            now = await self._watch.reading(self._target.collection(key), sent=sent)
            lost = [member for member in turn.open if now is None or member.key not in now]
            turn.facts = {}
            for start in range(0, len(lost), PART):
                part = lost[start : start + PART]
                turn.facts |= await self._watch.reading(self._target.facts(part), sent=sent)
        except HaltedError:
            raise
        except Exception as error:  # whatever a client raises, nothing is known
            turn.untold = isinstance(first(error), NotToldError)
            raise UnreachableError(self._target.error_words(error)) from error
        if any(facts.key != one for one, facts in (*(now or {}).items(), *turn.facts.items())):
            raise UnreachableError("the registry answered about something else")
        return now

    async def _name(self, turn: _Turn) -> str:
        """What the registry calls it now: nothing goes that was shown under another name."""
        try:
            return await self._watch.reading(self._target.collection_name(turn.item.key))
        except HaltedError:
            raise
        except Exception as error:  # whatever a client raises, nothing is known
            turn.untold = isinstance(first(error), NotToldError)
            raise UnreachableError(self._target.error_words(error)) from error

    def _changed(self, turn: _Turn, now: Mapping[str, Facts]) -> str:
        """What in the collection was not reviewed, or is not as it was; nothing when all is."""
        known = {member.key: member for member in turn.members}
        planned = Planned(self._plan, scanned=self._target.scanned)
        changed = []
        for key, facts in now.items():
            member = known.get(key)
            if member is None:
                continue
            full = planned.complete(member, facts) or facts
            outside = tuple(d for d in full.dependents if d not in known)
            found = recheck(member.facts, replace(full, dependents=outside), self._options, planned)
            if found is not None or member.state not in OPEN:
                changed.append(member.name)
        if new := len(now.keys() - known.keys()):
            changed.append(f"{text.plural(new, 'version')} that nobody reviewed")
        return listed(changed)

    def _end(
        self, item: Item, answer: Outcome, now: Mapping[str, Facts] | None, *, before: bool
    ) -> Settled:
        """What became of the collection itself; open when it is to be tried again."""
        if now is None or (not now and answer.result in _SAID_GONE):
            return settle.gone(item, sent=before or answer.result in _OURS)
        error = answer.message
        if answer.result in {Result.REFUSED, Result.CHANGED}:
            return Settled(item.seq, ItemState.REFUSED, Reason.REGISTRY_REFUSED, error=error)
        reason = _STAYS.get(answer.result, Reason.STILL_THERE)
        return Settled(item.seq, ItemState.PLANNED, reason, error=error)

    def _settle(
        self, turn: _Turn, end: Settled | None, now: Mapping[str, Facts], *, ours: bool
    ) -> None:
        """Write down, at once, what became of a collection, if it did, and of its versions."""
        ends = [self._version(turn, member, now, ours=ours) for member in turn.open]
        if end is None:
            ends = [one for one in ends if not one.open]
        self._journal.settle([*([end] if end else []), *ends])
        states = {one.seq: one.state for one in ends}
        turn.members = [
            replace(member, state=states.get(member.seq, member.state)) for member in turn.members
        ]

    def _version(
        self, turn: _Turn, member: Item, now: Mapping[str, Facts], *, ours: bool
    ) -> Settled:
        if member.key in now or not self._gone(turn.facts.get(member.key)):
            return Settled(member.seq, ItemState.PLANNED)
        return settle.gone(member, sent=ours or member.attempts > 0)

    def _gone(self, facts: Facts | None) -> bool:
        return is_gone(facts, self._options.action)
