"""One group of items through one call: look, write the intents, send, look again, write it down.

The look after one group is also the look before the next, when that follows at once. What was
answered as done, or as not there, and is still there, is sent again: one by one, some rounds. A
group is of one kind: versions of the registry, or objects of the storage beside it.

Versions in a circle, each made from the other, have no order. So all of a circle are looked at
before its first one is sent: if one has changed, none goes that it was made from, near or far,
unless dependents may lose parents. What changes, or is refused by the registry, after some have
gone cannot bring these back; those of the circle that are not sent yet then stay.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from artifact_tui.deletion import order, settle
from artifact_tui.deletion.checks import Refusal, recheck
from artifact_tui.deletion.control import GroupEnd
from artifact_tui.deletion.items import OBJECT, Item, ItemState, Reason
from artifact_tui.deletion.joined import Joined
from artifact_tui.deletion.journal import Settled
from artifact_tui.deletion.looks import DarkError, Look, Looks
from artifact_tui.deletion.planned import Circles, Planned
from artifact_tui.deletion.said import UnreachableError
from artifact_tui.deletion.watch import HaltedError
from artifact_tui.model import Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from artifact_tui.deletion.watch import Means
    from artifact_tui.model import Facts

AHEAD = 2.0
"""For so many seconds, from the question on, facts about the next group are taken for true."""

ROUNDS = 5
"""How often what survived its deletion is deleted again."""

PART = 500
"""Members of a circle that are looked at by one question."""


class Caller:
    """Carries groups of one plan out; keeps nothing but the connection between them."""

    def __init__(self, means: Means) -> None:
        self._plan = means.plan
        self._target = means.target
        self._journal = means.journal
        self._control = means.control
        self._policy = means.policy
        self._watch = means.watch
        self._options = means.plan.head.options
        self._looks = Looks(means)
        self._joined = Joined(means, self._looks)
        self._ahead: tuple[float, dict[str, Facts | None]] = (0.0, {})
        self._circles = Circles(means.plan)
        self._seen: set[frozenset[str]] = set()
        """Circles that were looked at as a whole."""
        self._ended: set[int] = set()
        """Items, by seq, that a look at their circle has settled before their turn."""

    async def run(self, group: Sequence[Item], upcoming: Sequence[Item] = ()) -> GroupEnd:
        """Settle every item of a group, or say what is left of it.

        A call that fails as a whole is tried again for as long as the policy has patience, each
        time after a fresh look at every item. `upcoming` is the group that follows.
        """
        turn = _Turn(list(group), upcoming)
        for delay in (0.0, *self._policy.delays):
            if delay or turn.broken:
                await self._watch.pause(delay, f"the registry cannot be used ({turn.broken})")
                self._journal.beat()
            if self._control.stopped and turn.broken:
                return GroupEnd(halted=True)
            turn.broken = ""
            try:
                await self._once(turn)
            except HaltedError:
                return GroupEnd(halted=True)
            except UnreachableError as error:
                turn.broken = str(error) or "no answer"
                if turn.halted:
                    break
                continue
            return GroupEnd(sorted(turn.again), halted=turn.halted)
        self._abandon(turn)
        return GroupEnd(broken=turn.broken)

    async def resume(self, items: Sequence[Item], *, last: bool = False) -> str:
        """Settle what an earlier call left SENT or DELETED, by asking; why not, if that fails.

        What the registry would not tell about stays as it is, and so does what it has accepted and
        not done, unless this is the `last` look.
        """
        why = ""
        for delay in (0.0, *self._policy.delays):
            if why:
                await self._watch.pause(delay, f"the registry cannot be used ({why})")
            try:
                now = await self._looks.facts(items, sent=True)
            except HaltedError:
                return self._control.why or "stopped"
            except UnreachableError as error:
                why = str(error)
                continue
            told = [item for item in items if item.key not in now.untold]
            ends = [settle.resumed(i, now.facts.get(i.key), self._options, last=last) for i in told]
            self._journal.settle(ends)
            for item in items:
                if item.key in now.untold:
                    self._journal.uncertain([item.seq], now.untold[item.key])
            return ""
        self._journal.uncertain([i.seq for i in items], why)
        return why

    async def _once(self, turn: _Turn) -> None:
        now = self._looked_ahead(turn.pending)
        if await self._whole_circles(turn) or now is None:
            now = await self._looks.facts(turn.pending)
        ready = await self._look(turn, now, await self._looks.kept(turn.pending))
        turn.pending = [item for item, _ in ready]
        if not ready:
            return
        self._journal.intents(
            [item.seq for item in turn.pending], await self._looks.recipes(turn.pending)
        )
        before = set(turn.sent)
        turn.sent.update(item.seq for item in turn.pending)
        turn.unsure.update(item.seq for item in turn.pending)
        answers, broken = await self._send(turn, ready)
        try:
            now = await self._look_after(turn)
        except UnreachableError:
            if broken:
                raise UnreachableError(broken) from None
            now = None
        self._settle(turn, answers, now, before)
        if broken or turn.unsure:
            if turn.pending:
                raise UnreachableError(broken or "the registry could not be asked what it did")
            return
        await self._survivors(turn)

    async def _look_after(self, turn: _Turn) -> Look:
        """What is true of what was sent, and of the group that follows if looks are quick."""
        upcoming, turn.upcoming = turn.upcoming, ()
        if self._looks.took > AHEAD / 2:
            upcoming = ()
        asked = time.monotonic()
        try:
            now = await self._looks.facts([*turn.pending, *upcoming], sent=True)
        except DarkError:
            return await self._looks.facts(turn.pending, sent=True)
        told = [item for item in upcoming if item.key not in now.untold]
        self._ahead = (asked, {item.key: now.facts.get(item.key) for item in told})
        return now

    def _looked_ahead(self, items: Sequence[Item]) -> Look | None:
        """What the look after the last group said of these; None when it is not all, or old."""
        (at, known), self._ahead = self._ahead, (0.0, {})
        if time.monotonic() - at > AHEAD or any(item.key not in known for item in items):
            return None
        return Look({key: facts for key, facts in known.items() if facts is not None})

    def _settle(
        self,
        turn: _Turn,
        answers: Mapping[str, Outcome],
        now: Look | None,
        before: set[int],
    ) -> None:
        """Write down what became of everything that was sent; `pending` is what is still open.

        What the registry would not tell about, or has accepted and not done yet, stays SENT, and
        is left for another time.
        """
        ends = [
            self._end(item, answers[item.key], now, sent_before=item.seq in before)
            for item in turn.pending
        ]
        if turn.rounds < ROUNDS:
            ends = [settle.once_more(end) for end in ends]
        turn.survivors = {end.seq for end in ends if end.open and end.reason in settle.LIES}
        self._journal.settle(ends)
        untold = {item.seq for item in turn.pending if now and item.key in now.untold}
        untold |= {end.seq for end in ends if end.reason is Reason.ACCEPTED}
        turn.unsure = {end.seq for end in ends if end.state is ItemState.SENT}
        open_now = {end.seq for end in ends if end.open} - (turn.unsure & untold)
        turn.unsure -= untold
        turn.pending = [item for item in turn.pending if item.seq in open_now]

    async def _survivors(self, turn: _Turn) -> None:
        """Delete again what is still there in spite of the answer; the rest may work later."""
        turn.again |= {item.seq for item in turn.pending} - turn.survivors
        turn.pending = [item for item in turn.pending if item.seq in turn.survivors]
        if turn.pending and (self._control.stopped or turn.halted):
            turn.again |= turn.survivors
        elif turn.pending:
            turn.rounds += 1
            await self._once(turn)

    async def _whole_circles(self, turn: _Turn) -> bool:
        """Look at all of each circle that begins in this group and goes on after it.

        What stays of it is settled, and not in the group any more. Whether there was any. Where
        dependents may lose parents, each of a circle goes or stays by itself.
        """
        if self._options.orphan_dependents:
            return False
        here = {item.key for item in turn.pending}
        circles = dict.fromkeys(self._circles.of(item) for item in turn.pending)
        wanted = [c for c in circles if c not in self._seen and not c <= here]
        for circle in wanted:
            items = self._planned_of(sorted(circle))
            facts: dict[str, Facts] = {}
            untold: dict[str, str] = {}
            for start in range(0, len(items), PART):
                now = await self._looks.facts(items[start : start + PART])
                facts |= now.facts
                untold |= now.untold
            _, ends = await self._sift(items, Look(facts, untold), turn)
            ends = [settle.at_once(end) for end in ends]
            self._journal.settle(ends)
            self._ended |= {end.seq for end in ends}
        self._seen |= circles.keys()
        turn.pending = [item for item in turn.pending if item.seq not in self._ended]
        return bool(wanted)

    def _planned_of(self, keys: Sequence[str]) -> list[Item]:
        """The versions with these keys that have not ended."""
        found: list[Item] = []
        for start in range(0, len(keys), PART):
            part = keys[start : start + PART]
            where = f"i.key IN ({','.join('?' * len(part))}) AND i.kind='version'"
            found += self._plan.select(f"{where} AND p.state='planned'", part)
        return found

    async def _look(self, turn: _Turn, now: Look, kept: frozenset[str]) -> list[tuple[Item, Facts]]:
        """Settle what is gone, has changed, or is not told; the rest is ready to be sent."""
        ready, ends = await self._sift(turn.pending, now, turn, kept)
        self._journal.settle(ends)
        turn.again |= {end.seq for end in ends if end.state is ItemState.PLANNED}
        turn.unsure -= {end.seq for end in ends}
        return ready

    async def _sift(
        self,
        items: Sequence[Item],
        now: Look,
        turn: _Turn,
        kept: frozenset[str] = frozenset(),
    ) -> tuple[list[tuple[Item, Facts]], list[Settled]]:
        """What is ready to be sent, and how the others have ended."""
        planned = self._planned()
        ready: list[tuple[Item, Facts]] = []
        ends: list[Settled] = []
        stays: list[str] = []
        alone = await self._joined.stays(items)
        for item in items:
            if item.key in now.untold:
                words = now.untold[item.key]
                ends.append(settle.untold(item, words, unsure=item.seq in turn.unsure))
                stays.append(item.key)
                continue
            facts = planned.complete(item, now.facts.get(item.key))
            refusal = recheck(item.facts, facts, self._options, planned, planned.together(item))
            if refusal is None and item.key in alone:
                refusal = Refusal(Reason.ASKED_STAYS, keys=(alone[item.key],))
            if refusal is None and item.kind == OBJECT and item.collection in kept:
                refusal = Refusal(Reason.ARTIFACT_STAYS)
            if refusal is None and facts is not None:
                ready.append((item, facts))
            elif refusal is None or refusal.gone:
                ends.append(settle.gone(item, sent=item.seq in turn.sent or item.attempts > 0))
            else:
                ends.append(await self._looks.refused(item, refusal))
                stays.append(item.key)
        if stays and not self._options.orphan_dependents:
            circles = {item.key: planned.together(item) for item, _ in ready}
            below = {i.key: circles[i.key].intersection(f.dependents) for i, f in ready}
            held = order.held(below, stays)
            ends += [
                await self._looks.refused(
                    item, Refusal(Reason.DEPENDENT_STAYS, keys=(held[item.key],))
                )
                for item, _ in ready
                if item.key in held
            ]
            ready = [(item, facts) for item, facts in ready if item.key not in held]
        return ready, ends

    def _end(
        self,
        item: Item,
        answer: Outcome,
        now: Look | None,
        *,
        sent_before: bool,
    ) -> Settled:
        if now is None or item.key in now.untold:
            return settle.unlooked(item, answer, unsure=self._target.unsure)
        planned = self._planned()
        facts = planned.complete(item, now.facts.get(item.key))
        return settle.looked(
            item, answer, facts, self._options, planned,
            sent_before=sent_before, together=planned.together(item),
        )  # fmt: skip

    def _abandon(self, turn: _Turn) -> None:
        """The registry stays out of reach: uncertain items stay SENT, the rest has failed."""
        why = turn.broken
        if turn.unsure:
            self._journal.uncertain(turn.unsure, why)
        self._journal.settle(
            [
                Settled(item.seq, ItemState.FAILED, Reason.UNREACHABLE, error=why, retryable=True)
                for item in turn.pending
                if item.seq not in turn.unsure
            ]
        )

    async def _send(
        self, turn: _Turn, ready: Sequence[tuple[Item, Facts]]
    ) -> tuple[dict[str, Outcome], str]:
        """The answer for each item by key, UNKNOWN where there is none; and why there is none."""
        answers = {
            i.key: Outcome(i.key, Result.UNKNOWN, "no answer for this item") for i, _ in ready
        }
        calls = [[one] for one in ready] if turn.rounds else [ready]
        for call in calls:
            began = time.monotonic()
            try:
                outcomes = await self._watch.sending(self._target.remove(call, self._options))
                self._looks.sent_s += time.monotonic() - began
            except HaltedError:
                turn.halted = True
                return answers, ""
            except Exception as error:  # noqa: BLE001 - whatever it is, the request may have left
                broken = self._target.error_words(error)
                for key, answer in answers.items():
                    if answer.message == "no answer for this item":
                        answers[key] = replace(answer, message=broken)
                return answers, broken
            for outcome in outcomes:
                if outcome.key in answers:
                    words = self._target.words(outcome.message)
                    answers[outcome.key] = replace(outcome, message=words)
        return answers, ""

    def _planned(self) -> Planned:
        return Planned(self._plan, self._circles, scanned=self._target.scanned)


@dataclass(slots=True)
class _Turn:
    """A group on its way."""

    pending: list[Item]
    upcoming: Sequence[Item] = ()
    """The group that follows, to be looked at with this one."""
    sent: set[int] = field(default_factory=set)
    """Items that some call may have carried out."""
    unsure: set[int] = field(default_factory=set)
    """Items that are SENT on the disk, and nobody has looked since."""
    survivors: set[int] = field(default_factory=set)
    """Items that were answered as deleted, and are still there."""
    again: set[int] = field(default_factory=set)
    rounds: int = 0
    """How often survivors were sent again."""
    broken: str = ""
    halted: bool = False
    """A call was given up while it waited: nothing is to be sent now."""

    def __post_init__(self) -> None:
        self.sent |= {item.seq for item in self.pending if item.attempts}
