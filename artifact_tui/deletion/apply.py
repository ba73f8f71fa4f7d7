"""Carrying a plan out, once, so that whatever happens the file tells the truth.

`Run` is the whole of it: level by level, dependents before what they were made from, and stored
objects last. Of each level one kind of thing after the other: whole collections, versions. For each
batch the facts are read again and what changed is refused; the intents are on the disk before the
one call leaves; then the registry is asked what is so, and that is written down. The look after one
batch is also the look before the next, when that follows at once.

Whatever may work later goes to the next round of its level, after a pause: what was not done, what
was lost, what was answered as done, or as not there, and is still there, what the registry would
not tell about. There it goes one at a time until some in a row went, and in the last round always.
What is open after that has failed. A registry that cannot be used at all, however often it is
tried, ends the run: it can be resumed.

A whole collection goes by one request, and only when all that is in it now was reviewed and has not
changed. Afterwards the registry is asked about the collection and about every version of it.
Whatever is still there then, or was not to be touched, is left to its versions' own turn.
"""

from __future__ import annotations

import json
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import chain, islice, repeat
from math import inf
from typing import TYPE_CHECKING

from artifact_tui import text
from artifact_tui.deletion import journal, plan_file
from artifact_tui.deletion.calls import (
    BatchSizes,
    Calls,
    CallWatch,
    Control,
    HaltedError,
    Policy,
    UnreachableError,
)
from artifact_tui.deletion.checks import Checks, is_gone, members_of
from artifact_tui.deletion.confirmation import check_may_apply
from artifact_tui.deletion.items import COLLECTION, OPEN, Action, ItemState, Reason
from artifact_tui.deletion.journal import ItemEnd, Journal
from artifact_tui.deletion.plan import OVER, Status, Want
from artifact_tui.errors import READ_ONLY_HINT, PlanError, ReadOnlyError
from artifact_tui.model import Result, now_us

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from artifact_tui.clients.base import Client
    from artifact_tui.deletion.calls import Answers
    from artifact_tui.deletion.checks import Checked, Look
    from artifact_tui.deletion.items import Item
    from artifact_tui.deletion.plan import Plan


PAGE = 500
"""How many items are read from the plan, or asked about outside of their turn, at once."""

CHOSEN_FRESH_S = 30.0
"""Seconds in which a chosen version that was as reviewed is not looked at again."""

_STAGES = """SELECT DISTINCT i.level, i.kind FROM progress p CROSS JOIN item i USING(seq)
    WHERE p.state='planned' AND i.verdict='delete' ORDER BY i.kind='object', i.level, i.kind"""
_STAGE = "i.verdict='delete' AND i.level=? AND i.kind=? AND p.state='planned'"
_STILL_OPEN = f"""i.seq IN (SELECT value FROM json_each(?)) AND (p.state='planned'
    OR p.state='sent' AND p.reason<>'{Reason.ACCEPTED}') ORDER BY i.seq"""
_PLANNED_SEQS = """i.seq IN (SELECT value FROM json_each(?)) AND p.state='planned' ORDER BY i.seq"""
_PLANNED_KEYS = """i.key IN (SELECT value FROM json_each(?)) AND i.kind='version'
    AND p.state='planned' ORDER BY i.seq"""
_EVER_SENT = "(state='sent' OR state='planned' AND attempts>0)"
_DELETED_OF = """state='deleted'
    AND seq IN (SELECT seq FROM item WHERE verdict='delete' AND level=? AND kind=?)"""
_ACCEPTED = f"state='sent' AND reason='{Reason.ACCEPTED}'"

_DONE_BY_US = frozenset({Result.DONE, Result.UNLINKED, Result.UNKNOWN, Result.FAILED})
_SAID_GONE = frozenset({Result.DONE, Result.UNLINKED, Result.ABSENT})


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
    plan_file.check_registry(plan, client.identity)
    _check_able(plan, client)
    with plan_file.hold_lock(plan.path):
        journal = Journal(plan, clock)
        check_may_apply(plan)
        plan.check_untouched()
        plan_file.claim(plan.path, plan.head.id, begun=journal.begun)
        journal.begin()
        run = Run(plan, client, journal, control or Control(), policy or Policy())
        try:
            async with run.watch.running():
                ending = await run.to_its_end()
        except BaseException as error:
            journal.end_badly(f"it ended early: {type(error).__name__}")
            raise
        journal.end(ending.status, ending.why)
        return ending


def _check_able(plan: Plan, client: Client) -> None:
    """Whether the registry can and may do what the plan does."""
    found = client.identity
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
    if plan.head.options.action is Action.PURGE and not client.can("purge"):
        raise PlanError(
            f"The registry {found.address} cannot purge. Nothing was deleted.",
            hint="Its trash empties by itself, or not at all.",
        )


class EndedError(Exception):
    """The run ends early."""

    def __init__(self, status: Status, why: str) -> None:
        super().__init__(why)
        self.ending = Ending(status, why)


class Queue:
    """The planned items of one stage in the order of the review, a batch at a time."""

    def __init__(
        self, plan: Plan, level: int, kind: str, sizes: BatchSizes, *, careful: bool = False
    ) -> None:
        """`careful` makes the calls small again after anything that did not go."""
        self._plan = plan
        self.careful = careful
        self.stage = (level, kind)
        self._sizes = sizes
        self._items: deque[Item] = deque()
        self._last = 0

    def take(self) -> list[Item]:
        """The next batch; empty after the last one."""
        batch = self.peek()
        for _ in batch:
            self._items.popleft()
        self._sizes.grow()
        return batch

    def peek(self) -> list[Item]:
        """What `take` would give now."""
        size = self._sizes.now
        if len(self._items) < size:
            more = self._plan.select(
                f"{_STAGE} AND i.seq > ? ORDER BY i.seq LIMIT ?",
                (*self.stage, self._last, max(PAGE, size)),
            )
            self._items.extend(more)
            self._last = more[-1].seq if more else self._last
        return list(islice(self._items, size))

    def put_back(self, items: Sequence[Item], *, anew: bool = False) -> None:
        """These come next; after trouble the sizes begin `anew`."""
        self._items.extendleft(reversed(items))
        if anew:
            self._sizes.begin()

    def drop(self, seqs: Collection[int]) -> None:
        """These have ended before their turn."""
        if seqs:
            self._items = deque(item for item in self._items if item.seq not in seqs)


class Run:
    """One run over a plan, from its first batch to its ending."""

    def __init__(
        self, plan: Plan, client: Client, journal: Journal, control: Control, policy: Policy
    ) -> None:
        self._plan = plan
        self._options = plan.head.options
        self._journal = journal
        self._control = control
        self._policy = policy
        self._at_once = client.batch_delete
        self._sizes: dict[str, BatchSizes] = {}
        """By kind of thing: the ramp is gone up once in a run, and after trouble."""
        self._unsure = client.unsure_answers
        self._patience = client.accepted_s
        self.watch = CallWatch(plan, client, journal, control, policy)
        self._calls = Calls(plan, client, self.watch, policy, journal.begun_us)
        self._checks = Checks(plan, scanned=bool(client.scanned_types))
        self._lost = 0
        """Calls in a row that came to nothing."""
        self._seen: set[frozenset[str]] = set()
        """Circles that were looked at as a whole."""
        self._chosen: dict[int, float] = {}
        """When chosen versions were looked at for the sake of what joined, and found unchanged."""
        self._families: set[int] = set()
        """Chosen versions, and all their dependents, that were looked at before the first went."""

    async def to_its_end(self) -> Ending:
        """Settle what an earlier run left, then every level in turn."""
        try:
            await self._ask("state IN ('sent', 'deleted')")
            await self._await_accepted()
            for level, kind in self._stages():
                await self._stage(level, kind)
            with suppress(EndedError):  # it may be silent to the end
                await self._ask("state='deleted'", last=True)
            given_up = ItemState.NOT_TRIED in self._plan.states()
            ending = Ending(Status.CANCELLED if given_up else Status.FINISHED)
        except EndedError as error:
            ending = error.ending
            if ending.status is Status.CANCELLED:
                with suppress(EndedError):
                    await self._ask(_EVER_SENT, last=True)
                self._journal.cancel_rest()
        if ending.status in OVER and ItemState.SENT in self._plan.states():
            return Ending(Status.INTERRUPTED, "what was sent could not be looked at")
        return ending

    def _stages(self) -> list[tuple[int, str]]:
        """Levels and kinds with something to do, in their order."""
        with plan_file.trouble(self._plan.path):
            return self._plan.conn.execute(_STAGES).fetchall()

    async def _stage(self, level: int, kind: str) -> None:
        """One kind of thing of one level, in rounds: what is open after the last one has failed."""
        sizes = self._sizes.setdefault(kind, self._policy.sizes(kind, self._at_once))
        await self._round(Queue(self._plan, level, kind, sizes))
        for number, delay in enumerate(self._policy.delays, 1):
            left = self._plan.one(
                f"""SELECT count(*) FROM item i CROSS JOIN progress p USING(seq) WHERE {_STAGE}""",
                (level, kind),
            )
            if not left:
                return
            more = text.plural(left, "item")
            await self.watch.pause(delay, f"then {more} that did not go have another try")
            last = number == len(self._policy.delays)
            slow = BatchSizes((), 1) if last else self._policy.sizes_again(kind, self._at_once)
            await self._round(Queue(self._plan, level, kind, slow, careful=True))
        self._journal.give_up(kind, level)

    async def _round(self, queue: Queue) -> None:
        """Every item of a queue once; then those that were only accepted, or not looked at."""
        while queue.peek():
            await self._may_go_on()
            batch = queue.take()
            lost, again = "", False
            try:
                lost = await self._batch(batch, queue)
            except HaltedError:
                again = True
            except UnreachableError as error:
                lost, again = str(error) or "no answer", True
            if lost:
                await self._wait_out(lost)
            else:
                self._lost = 0
            if lost or again:
                queue.put_back(self._select(_STILL_OPEN, batch) if again else (), anew=True)
        await self._await_accepted()
        with suppress(EndedError):  # it may still be silent; whoever wishes to stop is heard next
            await self._ask(_DELETED_OF, queue.stage)

    async def _batch(self, items: Sequence[Item], queue: Queue) -> str:
        """Look, check, note the intent, send once, look again, note what is so.

        Why the call came to nothing, when it did and was settled; what of it may work later is
        planned again.

        Raises:
            UnreachableError: nobody knows what is true of these; some may be SENT.
            HaltedError: it was given up because somebody wished so.
        """
        alone, items = await self._alone(items, queue)
        circles = self._checks.split_circles(items) - self._seen
        rest = self._rest_of(circles, items)
        look = await self._calls.look_before([*items, *rest])
        found = self._checks.check([*items, *rest], look, alone=alone)
        self._journal.settle(await self._ends_before(found, look, rest))
        self._seen |= circles
        queue.drop({item.seq for item in rest} - {item.seq for item, _ in found.ready})
        early = {item.seq for item in rest}
        ready = [one for one in found.ready if one[0].seq not in early]
        if not ready:
            return ""
        going = [item for item, _ in ready]
        inside = [one.seq for item in going for one in self._open_members(item, look)]
        recipes = await self._calls.recipes(going)
        self._journal.intend([*(item.seq for item in going), *inside], recipes)
        answers = await self._calls.send(ready, look)
        waited = self._take_back(going, answers, look)
        going = [one for one in going if answers.by_key[one.key].result is not Result.WAITED]
        try:
            now = await self._calls.look_after(going, [*waited, *queue.peek()])
        except UnreachableError:
            now = None
        ends = self._ends_after(going, answers, now)
        self._journal.settle(ends)
        states = {end.state for end in ends if end.reason is not Reason.ACCEPTED}
        if now is None and ItemState.SENT in states:
            raise UnreachableError(answers.lost or "the registry could not be asked what it did")
        if answers.halted:
            raise HaltedError
        left = ItemState.PLANNED in states
        queue.put_back(waited, anew=left and queue.careful)
        return answers.lost if left else ""

    def _take_back(self, items: Sequence[Item], answers: Answers, look: Look) -> list[Item]:
        """Those of which nothing has left, planned again: they need another look."""
        waited = [one for one in items if answers.by_key[one.key].result is Result.WAITED]
        if not waited:
            return []
        inside = [one.seq for item in waited for one in self._open_members(item, look)]
        self._journal.unsent([*(one.seq for one in waited), *inside])
        return self._select(_STILL_OPEN, waited)

    async def _ends_before(
        self, found: Checked, look: Look, early: Sequence[Item]
    ) -> list[ItemEnd]:
        """The ends of what is not sent; what is not told before its turn has failed."""
        ends = await self._calls.refused(found.refused)
        ends += [journal.end_gone(item, sent=item.attempts > 0) for item in found.gone]
        soon = {item.seq for item in early}
        for item in found.untold:
            end = journal.end_not_told(item, look.untold[item.key])
            failed = end.state is ItemState.PLANNED and item.seq in soon
            ends.append(replace(end, state=ItemState.FAILED, retryable=True) if failed else end)
        if look.members:
            for item in (*found.gone, *(one for one, _ in (*found.refused, *found.ready))):
                ends += self._member_ends(item, look, ours=item.attempts > 0)
        return ends

    def _ends_after(
        self, items: Sequence[Item], answers: Answers, look: Look | None
    ) -> list[ItemEnd]:
        """What became of everything that was sent."""
        ends = []
        stays: dict[str, bool] = {}
        for item in items:
            answer = answers.by_key[item.key]
            if look is None or item.key in look.untold:
                unsure = self._unsure or item.kind == COLLECTION
                end = journal.end_without_look(item, answer, unsure=unsure)
                ends.append(end)
                for one in self._sent_members(item):
                    own = ItemEnd(one.seq, ItemState.PLANNED)  # their own turn begins with a look
                    ends.append(replace(end, seq=one.seq) if end.open else own)
                continue
            now = self._checks.complete(item, look.facts.get(item.key), stays)
            if item.kind == COLLECTION and not look.inside[item.key]:
                now = None if answer.result in _SAID_GONE else now  # an empty shell of it is gone
            ends.append(
                journal.end_after_look(item, answer, now, self._options, self._checks.recheck)
            )
            ours = item.attempts > 0 or answer.result in _DONE_BY_US
            ends += self._member_ends(item, look, ours=ours)
        return ends

    def _open_members(self, item: Item, look: Look) -> list[Item]:
        """The versions of a whole collection that are to go with it, and are not gone."""
        members = look.members.get(item.key, ())
        return [one for one in members if one.state in OPEN and not self._gone(one, look)]

    def _sent_members(self, item: Item) -> list[Item]:
        return [one for one in members_of(self._plan, item) if one.state is ItemState.SENT]

    def _member_ends(self, item: Item, look: Look, *, ours: bool) -> list[ItemEnd]:
        """What became of the versions of a whole collection: those that stay have their own turn.

        `ours` tells that we may have carried the collection out.
        """
        ends = []
        for one in look.members.get(item.key, ()):
            if one.state in OPEN and self._gone(one, look):
                ends.append(journal.end_gone(one, sent=ours or one.attempts > 0))
            elif one.state is ItemState.SENT:
                ends.append(ItemEnd(one.seq, ItemState.PLANNED))
        return ends

    def _gone(self, item: Item, look: Look) -> bool:
        return is_gone(look.facts.get(item.key), self._options.action)

    # what is looked at before its turn

    def _rest_of(self, circles: Iterable[frozenset[str]], items: Sequence[Item]) -> list[Item]:
        """What is planned of these circles, and not among these items."""
        keys = {key for circle in circles for key in circle} - {item.key for item in items}
        return self._plan.select(_PLANNED_KEYS, (json.dumps(sorted(keys)),)) if keys else []

    async def _alone(
        self, items: Sequence[Item], queue: Queue
    ) -> tuple[Mapping[str, str], Sequence[Item]]:
        """What of these joined for chosen versions that all stay: by key, with one of those.

        Dependents go before what they were made from. So before the first that only joined is
        sent, the chosen versions are looked at, and all that was made from them: what has changed
        is refused there and then. Also given is what is left of the items after that.
        """
        members = [one for item in items for one in members_of(self._plan, item)]
        joined = [one for one in (*items, *members) if one.state in OPEN]
        above = self._checks.chosen_above(joined)
        if not above:
            return {}, items
        chosen = {seq for found in above.values() for seq in found}
        began = time.monotonic()
        old = {s for s in chosen if began - self._chosen.get(s, -inf) >= CHOSEN_FRESH_S}
        ended = await self._look_early(old, queue, chosen=True)
        self._chosen |= dict.fromkeys(old - ended, began)
        if not self._options.orphan_dependents:
            new = (chosen & self._checks.going(chosen)) - self._families
            below = self._checks.all_below(new) - new - self._families
            ended |= await self._look_early(below, queue, chosen=False)
            self._families |= new | below
        going = self._checks.going(chosen)
        alone = {
            one.key: next(iter(above[one.seq].values()))
            for one in joined
            if one.seq in above and going.isdisjoint(above[one.seq])
        }
        return alone, [item for item in items if item.seq not in ended]

    async def _look_early(self, seqs: Collection[int], queue: Queue, *, chosen: bool) -> set[int]:
        """Refuse those of these planned items that are not as they were reviewed; which ended.

        A chosen one of which the registry would not tell has failed; others may be told in their
        turn.
        """
        ended: set[int] = set()
        every = sorted(seqs)
        for start in range(0, len(every), PAGE):
            part = self._plan.select(_PLANNED_SEQS, (json.dumps(every[start : start + PAGE]),))
            look = await self._calls.look(part)
            found = self._checks.check(part, look, early=True)
            found.gone.clear()
            if not chosen:
                found.untold.clear()
            ends = await self._ends_before(found, look, part)
            self._journal.settle(ends)
            ended |= {end.seq for end in ends}
            queue.drop(ended)  # now: the next question may come to nothing
        return ended

    # what was sent, and is not known to be gone

    async def _ask(self, where: str, params: Sequence[object] = (), *, last: bool = False) -> None:
        """Settle what may have been done by asking; what is not told stays as it is.

        What the registry accepted, and has not done, does so too, unless this is the `last` look.
        """
        seq = 0
        while items := self._plan.select(
            f"""i.seq IN (SELECT seq FROM progress WHERE {where} AND seq > ? ORDER BY seq LIMIT ?)
            ORDER BY i.seq""",
            (*params, seq, PAGE),
        ):
            seq = items[-1].seq
            look = await self._ask_about(items)
            self._journal.settle(
                [
                    journal.end_resumed(item, look.facts.get(item.key), self._options, last=last)
                    for item in items
                    if item.key not in look.untold
                ]
            )
            untold = {i.seq: look.untold[i.key] for i in items if i.key in look.untold}
            if untold:
                self._journal.uncertain(untold)

    async def _ask_about(self, items: Sequence[Item]) -> Look:
        while True:
            try:
                look = await self._calls.look(items, sent=True)
            except HaltedError:
                raise EndedError(Status.INTERRUPTED, self._control.why or "stopped") from None
            except UnreachableError as error:
                await self._wait_out(str(error))
            else:
                self._lost = 0
                return look

    async def _await_accepted(self) -> None:
        """Wait until what the registry accepted is gone; what stays too long has failed.

        The patience begins anew with each item that goes. Whoever cancels is told the truth first.
        """
        before, progress = 0, time.monotonic()
        for delay in chain(self._policy.delays, repeat(self._policy.delays[-1])):
            left = self._plan.one(f"SELECT count(*) FROM progress WHERE {_ACCEPTED}")
            if not left:
                break
            progress = progress if left == before else time.monotonic()
            before = left
            them = "it" if left == 1 else "them"
            accepted = text.plural(left, "deletion")
            self.watch.waiting = f"the registry accepted {accepted}, and has not done {them} yet"
            await self._control.sleep(delay)
            cancelled = None
            try:
                await self._may_go_on()
            except EndedError as error:
                if error.ending.status is not Status.CANCELLED:
                    raise
                cancelled = error
            last = cancelled is not None or time.monotonic() - progress > self._patience
            await self._ask(_ACCEPTED, last=last)
            if cancelled is not None:
                raise cancelled
            if last:
                break
        self.watch.waiting = ""

    # what ends a run, or holds it up

    async def _wait_out(self, why: str) -> None:
        """Wait after a call that came to nothing.

        Raises:
            EndedError: as many in a row as the policy has patience for did.
        """
        if self._control.stopped:
            raise EndedError(Status.INTERRUPTED, self._control.why)
        if self._lost == len(self._policy.delays):
            raise EndedError(Status.INTERRUPTED, why)
        delay = self._policy.delays[self._lost]
        self._lost += 1
        await self.watch.pause(delay, f"the registry cannot be used ({why})")
        self._journal.beat()

    async def _may_go_on(self) -> None:
        """Between calls: wait while paused.

        Raises:
            EndedError: the user, or a signal, asks for it.
        """
        waited = 0.0
        while True:
            want = self._plan.want
            if self._control.stopped:
                raise EndedError(Status.INTERRUPTED, self._control.why)
            if want is Want.CANCEL:
                raise EndedError(Status.CANCELLED, "the rest was cancelled")
            if want is Want.RUN:
                if waited:
                    self._journal.status(Status.APPLYING)
                return
            if not waited:
                self._journal.status(Status.PAUSED)
            await self._control.sleep(self._policy.poll)
            before, waited = waited, waited + self._policy.poll
            if waited // self._policy.beat > before // self._policy.beat:
                self._journal.beat()

    def _select(self, where: str, items: Sequence[Item]) -> list[Item]:
        return self._plan.select(where, (json.dumps([item.seq for item in items]),))
