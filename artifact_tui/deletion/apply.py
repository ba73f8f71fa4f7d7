"""Carrying a plan out, once, so that whatever happens the file tells the truth.

Lower levels go first, so that dependents go before what they were made from. Per group of items:
their facts are read again and what changed is refused; the intents are on the disk before the call;
afterwards the registry is asked what is so, and that is written down. The look after one group is
also the look before the next, when that follows at once. What was answered as done, or as not
there, and is still there, is sent again: one by one, some rounds.

Versions in a circle, each made from the other, have no order. So all of a circle are looked at
before its first one is sent: if one has changed, none goes that it was made from, near or far,
unless dependents may lose parents. What changes, or is refused by the registry, after some have
gone cannot bring these back; those of the circle that are not sent yet then stay.

A whole collection goes by one request, and only when all that is in it now was reviewed and has not
changed. Afterwards the registry is asked about the collection and about every version of it.
Whatever is still there then, or was not to be touched, is left to its versions' own turn.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field, replace
from itertools import chain, repeat
from shlex import quote
from typing import TYPE_CHECKING

from artifact_tui import text
from artifact_tui.deletion import checks, journal, plan_file
from artifact_tui.deletion.calls import (
    ApplyMeans,
    CallWatch,
    Control,
    DarkError,
    DeletionTarget,
    GroupEnd,
    HaltedError,
    JoinedDependents,
    LookAnswer,
    Policy,
    RegistryLooks,
    UnreachableError,
    first_error,
)
from artifact_tui.deletion.checks import Circles, Planned, Refusal, is_gone, names_in_line, recheck
from artifact_tui.deletion.items import (
    COLLECTION,
    OBJECT,
    OPEN,
    VERSION,
    Action,
    Item,
    ItemState,
    Reason,
)
from artifact_tui.deletion.journal import ItemEnd, Journal
from artifact_tui.deletion.plan import Status, Want
from artifact_tui.errors import (
    READ_ONLY_HINT,
    ConfirmationError,
    NotToldError,
    PlanError,
    ReadOnlyError,
)
from artifact_tui.model import Facts, Outcome, Result, now_us

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from artifact_tui.clients.base import Client
    from artifact_tui.deletion.plan import Plan


RESUME_SIZE = 500
"""How many uncertain items are asked about at once."""

WHOLES = 4
"""How many whole collections are deleted at once, after the first."""

_NEXT_ITEMS = """i.verdict='delete' AND i.level=? AND i.kind<>'collection' AND p.state='planned'
    AND i.seq > ? ORDER BY i.seq LIMIT ?"""

_NEXT_COLLECTIONS = """i.verdict='delete' AND i.level=? AND i.kind='collection'
    AND p.state='planned' ORDER BY i.seq LIMIT ?"""


@dataclass(frozen=True, slots=True)
class Ending:
    """How an apply ended: FINISHED, CANCELLED, or INTERRUPTED and resumable."""

    status: Status
    why: str = ""
    """For an early end: words for people, maybe with a registry's in them."""


async def apply(
    plan: Plan,
    client: Client,
    *,
    control: Control | None = None,
    policy: Policy | None = None,
    clock: Callable[[], int] = now_us,
) -> Ending:
    """Apply a confirmed plan, or go on with one that was interrupted.

    `plan` is open for writing; `client` speaks to the registry that it was made for.

    Raises:
        ReadOnlyError: the registry, or the plan, may only be read.
        ConfirmationError: nobody confirmed the plan.
        PlanError: it is for another registry, was changed, is a copy, or has been applied; or its
            file could not be written, in which case nothing more was sent.
        BusyError: another process applies it.
    """
    _check_registry(plan, client)
    with plan_file.hold_lock(plan.path):
        journal = Journal(plan, clock)
        _check_turn(plan)
        plan.check_hash()
        plan_file.check_confirmed(plan)
        plan.check_untouched()
        plan_file.claim(plan.path, plan.head.id, begun=journal.begun)
        journal.begin()
        run = _ApplyRun(plan, client, journal, control or Control(), policy or Policy())
        try:
            async with run.watch.running():
                ending = await run.all()
        except BaseException as error:
            journal.end_badly(f"it ended early: {type(error).__name__}")
            raise
        journal.end(ending.status, ending.why)
        return ending


def _check_registry(plan: Plan, client: Client) -> None:
    made_for, found = plan.head.identity, client.identity
    if (made_for.kind, made_for.uid) != (found.kind, found.uid):
        raise PlanError(
            f"The plan {plan.path} was made for the registry {made_for.address}, "
            f"and {found.address} is another one. Nothing was deleted.",
            hint="Apply it to the registry it was made for, or make a new plan.",
        )
    if plan.head.read_only or client.read_only or client.unwritable:
        raise ReadOnlyError(
            f"The registry {found.address} may only be read. Nothing was deleted.",
            hint="Ask the owner of the registry to let you write there."
            if client.unwritable
            else f"{READ_ONLY_HINT}. Then make the plan again.",
        )
    if plan.summary.wholes and not client.can("delete_collection"):
        raise PlanError(
            f"The registry {found.address} cannot delete whole collections. Nothing was deleted.",
            hint="Make a plan that deletes their versions.",
        )
    if plan.head.options.action is Action.PURGE and not client.capabilities.purge:
        raise PlanError(
            f"The registry {found.address} cannot purge. Nothing was deleted.",
            hint="Its trash empties by itself, or not at all.",
        )


def _check_turn(plan: Plan) -> None:
    """Whether the plan may be applied now; its lock is held."""
    stored = plan.stored_status
    if stored is Status.DRAFT:
        raise ConfirmationError(
            f"Nobody has confirmed the plan {plan.path}. Nothing was deleted.",
            hint=f"Review it and confirm it: artifact-tui apply {quote(str(plan.path))}",
        )
    if stored in {Status.FINISHED, Status.CANCELLED}:
        raise PlanError(
            f"The plan {plan.path} has been applied ({stored}). Nothing was deleted now.",
            hint="A plan is applied once: retry what failed, or make a new plan.",
        )


class _ApplyRun:
    """One run over a plan, from its first group to its ending."""

    def __init__(
        self, plan: Plan, client: Client, journal: Journal, control: Control, policy: Policy
    ) -> None:
        self._plan = plan
        self._journal = journal
        self._control = control
        self._policy = policy
        target = DeletionTarget(client, journal.begun_us)
        self.watch = CallWatch(plan, client, journal, control, policy)
        means = ApplyMeans(plan, target, journal, control, policy, self.watch)
        self._caller = GroupCaller(means)
        self._wholes = CollectionCaller(means)
        self._sizes = policy.sizes(client.capabilities.batch_delete)
        self._patience = client.capabilities.accepted_s

    async def all(self) -> Ending:
        """Settle what an earlier run left, then every level in turn."""
        ending = await self._resume() or await self._accepted()
        for kinds in ((COLLECTION, VERSION), (OBJECT,)):
            ending = ending or await self._every(kinds)
        if ending and ending.status is Status.CANCELLED:
            self._journal.cancel_rest()
        if ending:
            return ending
        states = self._plan.states()
        if ItemState.SENT in states:
            return Ending(Status.INTERRUPTED, "what was sent could not be looked at")
        given_up = ItemState.NOT_TRIED in states
        return Ending(Status.CANCELLED if given_up else Status.FINISHED)

    async def _accepted(self) -> Ending | None:
        """Wait until what the registry accepted is gone; what stays too long has failed.

        The patience begins anew with each item that goes. Whoever cancels is told the truth first.
        """
        where = f"p.state='sent' AND p.reason='{Reason.ACCEPTED}'"
        before, progress = 0, time.monotonic()
        try:
            for delay in chain(self._policy.accepted, repeat(self._policy.accepted[-1])):
                left = self._plan.one(f"SELECT count(*) FROM progress p WHERE {where}")
                if not left:
                    return None
                progress = progress if left == before else time.monotonic()
                before = left
                self.watch.waiting = (
                    f"the registry accepted {text.plural(left, 'deletion')}, and has not done"
                    f" {'it' if left == 1 else 'them'} yet"
                )
                await self._control.sleep(delay)
                ending = await self._may_go_on()
                if ending and ending.status is Status.INTERRUPTED:
                    return ending
                last = bool(ending) or time.monotonic() - progress > self._patience
                for items in self._pages(where):
                    await self._caller.resume(items, last=last)
                if last:
                    return ending
        finally:
            self.watch.waiting = ""
        raise AssertionError("unreachable")

    async def _every(self, kinds: Sequence[str]) -> Ending | None:
        """All levels of some kinds; what the registry only said to be done is looked at once more.

        What that look finds to be still there has another turn, and fails after the last one.
        """
        if OBJECT in kinds:
            self._sizes = self._policy.object_sizes()
        marks = ",".join("?" * len(kinds))
        for turn in range(ROUNDS):
            levels = self._levels(kinds)
            if turn and not levels:
                return None
            for level in levels:
                if ending := await self._level(level):
                    return ending
            await self._verify(kinds)
        where = f"i.kind IN ({marks}) AND i.verdict='delete' AND p.state='planned'"
        for items in self._pages(where, *kinds):
            self._journal.give_up([item.seq for item in items])
        return None

    def _levels(self, kinds: Sequence[str]) -> list[int]:
        marks = ",".join("?" * len(kinds))
        sql = f"""SELECT DISTINCT i.level FROM item i JOIN progress p USING(seq) WHERE
            i.verdict='delete' AND i.kind IN ({marks}) AND p.state='planned' ORDER BY i.level"""
        with plan_file.trouble(self._plan.path):
            return [row[0] for row in self._plan.conn.execute(sql, kinds).fetchall()]

    async def _resume(self) -> Ending | None:
        for items in self._pages("p.state='sent'"):
            if why := await self._caller.resume(items):
                return Ending(Status.INTERRUPTED, why)
        return None

    async def _verify(self, kinds: Sequence[str]) -> None:
        """Ask once more about what the registry only said to be done; it may still be silent."""
        marks = ",".join("?" * len(kinds))
        for items in self._pages(f"i.kind IN ({marks}) AND p.state='deleted'", *kinds):
            await self._caller.resume(items)

    def _pages(self, where: str, *params: object) -> Iterator[list[Item]]:
        """Items in pages by seq; settling them meanwhile does not disturb."""
        last = 0
        while items := self._plan.select(
            f"{where} AND i.seq > ? ORDER BY i.seq LIMIT ?", (*params, last, RESUME_SIZE)
        ):
            last = items[-1].seq
            yield items

    async def _level(self, level: int) -> Ending | None:
        """Every item of one level, until those that were only accepted are gone."""
        return await self._sent_level(level) or await self._accepted()

    async def _sent_level(self, level: int) -> Ending | None:
        """Every item of one level; then, with patience, those that may work later."""
        ending = await self._collections(level)
        again: list[int] = []
        if ending is None:
            ending, again = await self._groups(level)
        if ending:
            return ending
        for delay in self._policy.delays:
            if not again:
                return None
            more = text.plural(len(again), "item")
            await self.watch.pause(delay, f"then {more} that did not go have another try")
            ending, again = await self._round(again)
            if ending:
                return ending
        self._journal.give_up(again)
        return None

    async def _groups(self, level: int) -> tuple[Ending | None, list[int]]:
        """Every version, or object, of one level once; those that may work later."""
        again: list[int] = []
        group = self._next(level, 0)
        while group:
            if ending := await self._may_go_on():
                return ending, []
            upcoming = self._next(level, group[-1].seq)
            end = await self._caller.run(group, upcoming)
            if end.broken:
                return Ending(Status.INTERRUPTED, end.broken), []
            if not end.halted:
                again += end.again
                group = upcoming
            elif ending := await self._may_go_on():
                return ending, []
            else:
                group = self._still(item.seq for item in group) or upcoming
        return None, again

    def _next(self, level: int, after: int) -> list[Item]:
        """The next group of a level."""
        return self._plan.select(_NEXT_ITEMS, (level, after, self._sizes.next()))

    def _still(self, seqs: Iterable[int]) -> list[Item]:
        """Those of these items that are still planned, as they are now."""
        found = list(seqs)
        marks = ",".join("?" * len(found))
        return self._plan.select(f"i.seq IN ({marks}) AND p.state='planned'", found)

    async def _collections(self, level: int) -> Ending | None:
        """The whole collections of one level: the first alone, then some at once."""
        size = 1
        while True:
            if ending := await self._may_go_on():
                return ending
            items = self._plan.select(_NEXT_COLLECTIONS, (level, size))
            if not items:
                return None
            ends = await asyncio.gather(*map(self._wholes.run, items), return_exceptions=True)
            for end in ends:
                if isinstance(end, BaseException):
                    raise end
                if end.broken:
                    return Ending(Status.INTERRUPTED, end.broken)
            size = WHOLES

    async def _round(self, seqs: Sequence[int]) -> tuple[Ending | None, list[int]]:
        """One more try of some items."""
        again: list[int] = []
        rest = list(seqs)
        while rest:
            if ending := await self._may_go_on():
                return ending, []
            size = self._sizes.next()
            part = rest[:size]
            end = await self._caller.run(self._still(part))
            if end.broken:
                return Ending(Status.INTERRUPTED, end.broken), []
            if not end.halted:
                again += end.again
                rest = rest[size:]
        return None, again

    async def _may_go_on(self) -> Ending | None:
        """Between calls: wait while paused; an ending when the user, or a signal, asks for it."""
        waited = 0.0
        while True:
            want = self._plan.want
            if self._control.stopped:
                return Ending(Status.INTERRUPTED, self._control.why)
            if want is Want.CANCEL:
                return Ending(Status.CANCELLED, "the rest was cancelled")
            if want is Want.RUN:
                if waited:
                    self._journal.status(Status.APPLYING)
                return None
            if not waited:
                self._journal.status(Status.PAUSED)
            await self._control.sleep(self._policy.poll)
            before, waited = waited, waited + self._policy.poll
            if waited // self._policy.beat > before // self._policy.beat:
                self._journal.beat()


AHEAD_S = 2.0
"""For so many seconds, from the question on, facts about the next group are taken for true."""

ROUNDS = 5
"""How often what survived its deletion is deleted again."""

CIRCLE_PART = 500
"""Members of a circle that are looked at by one question."""


class GroupCaller:
    """Carries groups of one plan out; keeps nothing but the connection between them."""

    def __init__(self, means: ApplyMeans) -> None:
        self._plan = means.plan
        self._target = means.target
        self._journal = means.journal
        self._control = means.control
        self._policy = means.policy
        self._watch = means.watch
        self._options = means.plan.head.options
        self._looks = RegistryLooks(means)
        self._joined = JoinedDependents(means, self._looks)
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
        turn = _GroupTurn(list(group), upcoming)
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
            ends = [
                journal.end_resumed(i, now.facts.get(i.key), self._options, last=last) for i in told
            ]
            self._journal.settle(ends)
            for item in items:
                if item.key in now.untold:
                    self._journal.uncertain([item.seq], now.untold[item.key])
            return ""
        self._journal.uncertain([i.seq for i in items], why)
        return why

    async def _once(self, turn: _GroupTurn) -> None:
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

    async def _look_after(self, turn: _GroupTurn) -> LookAnswer:
        """What is true of what was sent, and of the group that follows if looks are quick."""
        upcoming, turn.upcoming = turn.upcoming, ()
        if self._looks.took > AHEAD_S / 2:
            upcoming = ()
        asked = time.monotonic()
        try:
            now = await self._looks.facts([*turn.pending, *upcoming], sent=True)
        except DarkError:
            return await self._looks.facts(turn.pending, sent=True)
        told = [item for item in upcoming if item.key not in now.untold]
        self._ahead = (asked, {item.key: now.facts.get(item.key) for item in told})
        return now

    def _looked_ahead(self, items: Sequence[Item]) -> LookAnswer | None:
        """What the look after the last group said of these; None when it is not all, or old."""
        (at, known), self._ahead = self._ahead, (0.0, {})
        if time.monotonic() - at > AHEAD_S or any(item.key not in known for item in items):
            return None
        return LookAnswer({key: facts for key, facts in known.items() if facts is not None})

    def _settle(
        self,
        turn: _GroupTurn,
        answers: Mapping[str, Outcome],
        now: LookAnswer | None,
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
            ends = [journal.send_survivor_again(end) for end in ends]
        turn.survivors = {end.seq for end in ends if end.open and end.reason in journal.LIES}
        self._journal.settle(ends)
        untold = {item.seq for item in turn.pending if now and item.key in now.untold}
        untold |= {end.seq for end in ends if end.reason is Reason.ACCEPTED}
        turn.unsure = {end.seq for end in ends if end.state is ItemState.SENT}
        open_now = {end.seq for end in ends if end.open} - (turn.unsure & untold)
        turn.unsure -= untold
        turn.pending = [item for item in turn.pending if item.seq in open_now]

    async def _survivors(self, turn: _GroupTurn) -> None:
        """Delete again what is still there in spite of the answer; the rest may work later."""
        turn.again |= {item.seq for item in turn.pending} - turn.survivors
        turn.pending = [item for item in turn.pending if item.seq in turn.survivors]
        if turn.pending and (self._control.stopped or turn.halted):
            turn.again |= turn.survivors
        elif turn.pending:
            turn.rounds += 1
            await self._once(turn)

    async def _whole_circles(self, turn: _GroupTurn) -> bool:
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
            for start in range(0, len(items), CIRCLE_PART):
                now = await self._looks.facts(items[start : start + CIRCLE_PART])
                facts |= now.facts
                untold |= now.untold
            _, ends = await self._sift(items, LookAnswer(facts, untold), turn)
            ends = [journal.fail_now(end) for end in ends]
            self._journal.settle(ends)
            self._ended |= {end.seq for end in ends}
        self._seen |= circles.keys()
        turn.pending = [item for item in turn.pending if item.seq not in self._ended]
        return bool(wanted)

    def _planned_of(self, keys: Sequence[str]) -> list[Item]:
        """The versions with these keys that have not ended."""
        found: list[Item] = []
        for start in range(0, len(keys), CIRCLE_PART):
            part = keys[start : start + CIRCLE_PART]
            where = f"i.key IN ({','.join('?' * len(part))}) AND i.kind='version'"
            found += self._plan.select(f"{where} AND p.state='planned'", part)
        return found

    async def _look(
        self, turn: _GroupTurn, now: LookAnswer, kept: frozenset[str]
    ) -> list[tuple[Item, Facts]]:
        """Settle what is gone, has changed, or is not told; the rest is ready to be sent."""
        ready, ends = await self._sift(turn.pending, now, turn, kept)
        self._journal.settle(ends)
        turn.again |= {end.seq for end in ends if end.state is ItemState.PLANNED}
        turn.unsure -= {end.seq for end in ends}
        return ready

    async def _sift(
        self,
        items: Sequence[Item],
        now: LookAnswer,
        turn: _GroupTurn,
        kept: frozenset[str] = frozenset(),
    ) -> tuple[list[tuple[Item, Facts]], list[ItemEnd]]:
        """What is ready to be sent, and how the others have ended."""
        planned = self._planned()
        ready: list[tuple[Item, Facts]] = []
        ends: list[ItemEnd] = []
        stays: list[str] = []
        alone = await self._joined.stays(items)
        for item in items:
            if item.key in now.untold:
                words = now.untold[item.key]
                ends.append(journal.end_not_told(item, words, unsure=item.seq in turn.unsure))
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
                ends.append(journal.end_gone(item, sent=item.seq in turn.sent or item.attempts > 0))
            else:
                ends.append(await self._looks.refused(item, refusal))
                stays.append(item.key)
        if stays and not self._options.orphan_dependents:
            circles = {item.key: planned.together(item) for item, _ in ready}
            below = {i.key: circles[i.key].intersection(f.dependents) for i, f in ready}
            held = checks.held_back(below, stays)
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
        now: LookAnswer | None,
        *,
        sent_before: bool,
    ) -> ItemEnd:
        if now is None or item.key in now.untold:
            return journal.end_without_look(item, answer, unsure=self._target.unsure)
        planned = self._planned()
        facts = planned.complete(item, now.facts.get(item.key))
        return journal.end_after_look(
            item, answer, facts, self._options, planned,
            sent_before=sent_before, together=planned.together(item),
        )  # fmt: skip

    def _abandon(self, turn: _GroupTurn) -> None:
        """The registry stays out of reach: uncertain items stay SENT, the rest has failed."""
        why = turn.broken
        if turn.unsure:
            self._journal.uncertain(turn.unsure, why)
        self._journal.settle(
            [
                ItemEnd(item.seq, ItemState.FAILED, Reason.UNREACHABLE, error=why, retryable=True)
                for item in turn.pending
                if item.seq not in turn.unsure
            ]
        )

    async def _send(
        self, turn: _GroupTurn, ready: Sequence[tuple[Item, Facts]]
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
class _GroupTurn:
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


MEMBERS_PART = 500
"""Versions asked about at once."""

_DONE_BY_US = frozenset({Result.DONE, Result.UNLINKED, Result.UNKNOWN, Result.FAILED})
_SAID_GONE = frozenset({Result.DONE, Result.UNLINKED, Result.ABSENT})

_REASON_OF = {
    Result.UNKNOWN: Reason.NO_ANSWER,
    Result.FAILED: Reason.REGISTRY_FAILED,
    Result.ABSENT: Reason.SAID_ABSENT,
}


@dataclass(slots=True)
class _CollectionTurn:
    """A collection on its way."""

    item: Item
    members: list[Item]
    sent: bool = False
    """Whether some call may have carried it out."""
    last: ItemEnd | None = None
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


class CollectionCaller:
    """Carries the whole collections of one plan out."""

    def __init__(self, means: ApplyMeans) -> None:
        self._plan = means.plan
        self._target = means.target
        self._journal = means.journal
        self._control = means.control
        self._policy = means.policy
        self._watch = means.watch
        self._options = means.plan.head.options
        self._joined = JoinedDependents(means, RegistryLooks(means))

    async def run(self, item: Item) -> GroupEnd:
        """Settle one collection; when it stays, for whatever reason, its versions stay planned."""
        turn = _CollectionTurn(item, self._members(item), sent=item.attempts > 0)
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

    def _unknown(self, turn: _CollectionTurn, why: str) -> GroupEnd:
        """Nobody knows what is in it; that is trouble only of this one where others are told."""
        seq = turn.item.seq
        if turn.untold and not turn.sent:
            end = ItemEnd(seq, ItemState.FAILED, Reason.NOT_TOLD, error=why, retryable=True)
            self._journal.settle([end])
        else:
            self._journal.uncertain([seq, *(one.seq for one in turn.members)], why)
        return GroupEnd(broken="" if turn.untold else why, halted=turn.halted)

    def _members(self, item: Item) -> list[Item]:
        where = "i.belongs=? AND i.kind='version' AND i.verdict='delete' ORDER BY i.seq"
        return self._plan.select(where, (item.seq,))

    async def _once(self, turn: _CollectionTurn) -> bool:
        """One look and, if all is as it was reviewed, one request; whether it has ended."""
        now = await self._look(turn, sent=turn.sent)
        if now is None:
            self._settle(turn, journal.end_gone(turn.item, sent=turn.sent), {}, ours=turn.sent)
            return True
        name = await self._name(turn)
        if name not in {"", turn.item.collection}:
            end = ItemEnd(turn.item.seq, ItemState.REFUSED, Reason.RENAMED, f"it is {name}")
            self._settle(turn, end, now, ours=turn.sent)
            return True
        there = {**now, **{k: f for k, f in turn.facts.items() if not self._gone(f)}}
        alone = await self._joined.stays(turn.open)
        stays = names_in_line(member.name for member in turn.open if member.key in alone)
        if changed := self._changed(turn, there) or stays:
            end = ItemEnd(turn.item.seq, ItemState.REFUSED, Reason.COLLECTION_CHANGED, changed)
            self._settle(turn, end, now, ours=turn.sent)
            return True
        self._settle(turn, None, there, ours=turn.sent)
        before = turn.sent
        self._journal.intents([turn.item.seq, *(member.seq for member in turn.open)])
        turn.sent = True
        answer = await self._send(turn)
        now = await self._look(turn, sent=True)
        end = self._end(turn.item, answer, now, before=before)
        self._settle(turn, end, now or {}, ours=before or answer.result in _DONE_BY_US)
        turn.last = end if end.open else None
        return not end.open

    async def _send(self, turn: _CollectionTurn) -> Outcome:
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

    async def _look(self, turn: _CollectionTurn, *, sent: bool) -> Mapping[str, Facts] | None:
        """What is in the collection now, None when it is gone; and what became of the others."""
        key = turn.item.key
        try:
            now = await self._watch.reading(self._target.collection(key), sent=sent)
            lost = [member for member in turn.open if now is None or member.key not in now]
            turn.facts = {}
            for start in range(0, len(lost), MEMBERS_PART):
                part = lost[start : start + MEMBERS_PART]
                turn.facts |= await self._watch.reading(self._target.facts(part), sent=sent)
        except HaltedError:
            raise
        except Exception as error:  # whatever a client raises, nothing is known
            turn.untold = isinstance(first_error(error), NotToldError)
            raise UnreachableError(self._target.error_words(error)) from error
        if any(facts.key != one for one, facts in (*(now or {}).items(), *turn.facts.items())):
            raise UnreachableError("the registry answered about something else")
        return now

    async def _name(self, turn: _CollectionTurn) -> str:
        """What the registry calls it now: nothing goes that was shown under another name."""
        try:
            return await self._watch.reading(self._target.collection_name(turn.item.key))
        except HaltedError:
            raise
        except Exception as error:  # whatever a client raises, nothing is known
            turn.untold = isinstance(first_error(error), NotToldError)
            raise UnreachableError(self._target.error_words(error)) from error

    def _changed(self, turn: _CollectionTurn, now: Mapping[str, Facts]) -> str:
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
        return names_in_line(changed)

    def _end(
        self, item: Item, answer: Outcome, now: Mapping[str, Facts] | None, *, before: bool
    ) -> ItemEnd:
        """What became of the collection itself; open when it is to be tried again."""
        if now is None or (not now and answer.result in _SAID_GONE):
            return journal.end_gone(item, sent=before or answer.result in _DONE_BY_US)
        error = answer.message
        if answer.result in {Result.REFUSED, Result.CHANGED}:
            return ItemEnd(item.seq, ItemState.REFUSED, Reason.REGISTRY_REFUSED, error=error)
        reason = _REASON_OF.get(answer.result, Reason.STILL_THERE)
        return ItemEnd(item.seq, ItemState.PLANNED, reason, error=error)

    def _settle(
        self, turn: _CollectionTurn, end: ItemEnd | None, now: Mapping[str, Facts], *, ours: bool
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
        self, turn: _CollectionTurn, member: Item, now: Mapping[str, Facts], *, ours: bool
    ) -> ItemEnd:
        if member.key in now or not self._gone(turn.facts.get(member.key)):
            return ItemEnd(member.seq, ItemState.PLANNED)
        return journal.end_gone(member, sent=ours or member.attempts > 0)

    def _gone(self, facts: Facts | None) -> bool:
        return is_gone(facts, self._options.action)
