"""Carrying a plan out, once, so that whatever happens the file tells the truth.

`Run` is the whole of it: level by level, dependents before what they were made from, and stored
objects last. Of each level one kind of thing after the other: whole collections, versions. For each
batch the facts are read again and what changed is refused; the intents are on the disk before the
one call leaves; then the registry is asked what is so, and that is written down. The facts after
one batch also serve as those before the next, when that follows at once.

Whatever may work later goes to the next round of its level, after a pause: what was not done, what
was lost, what was answered as done, or as not there, and is still there, what the registry would
not tell about. There it goes one at a time until some in a row went, and in the last round always.
What is open after that has failed. A registry that cannot be used at all, however often it is
tried, ends the run: it can be resumed. What an earlier run has tried waits for the second round, so
that a resume begins with what was not tried yet.

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
from artifact_tui.deletion.calls import Calls, Control, HaltedError, Policy, UnreachableError
from artifact_tui.deletion.checks import Checks, Refusal, is_gone, members_of, names_in_line
from artifact_tui.deletion.confirmation import check_may_apply
from artifact_tui.deletion.items import COLLECTION, DETAIL_NAMES, OPEN, Action, ItemState, Reason
from artifact_tui.deletion.journal import ItemEnd, Journal
from artifact_tui.deletion.plan import OVER, Status, Want
from artifact_tui.errors import READ_ONLY_HINT, ArtifactTuiError, PlanError, ReadOnlyError
from artifact_tui.model import Facts, Result, now_us

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from artifact_tui.clients.base import Client
    from artifact_tui.deletion.checks import Snapshot
    from artifact_tui.deletion.items import Item
    from artifact_tui.deletion.plan import Plan
    from artifact_tui.model import Outcome


PAGE = 500
"""How many items are read from the plan, or asked about outside of their turn, at once."""

CHOSEN_FRESH_S = 30.0
"""Seconds in which a chosen version that was as reviewed is not looked at again."""

ALONE = 20
"""Deletions of one item in a row that may fail as a whole although the registry tells facts.

A client may raise for what is wrong with one item; so many in a row are trouble with the registry.
"""

_STAGES = """SELECT DISTINCT i.level, i.kind FROM progress p CROSS JOIN item i USING(seq)
    WHERE p.state='planned' AND i.verdict='delete' ORDER BY i.kind='object', i.level, i.kind"""
_STAGE = "i.verdict='delete' AND i.level=? AND i.kind=? AND p.state='planned'"
_NEW = f"{_STAGE} AND (p.attempts=0 OR p.sent_us >= ?)"
_STILL_OPEN = f"""i.seq IN (SELECT value FROM json_each(?)) AND (p.state='planned'
    OR p.state='sent' AND p.reason<>'{Reason.ACCEPTED}') ORDER BY i.seq"""
_PLANNED_SEQS = """i.seq IN (SELECT value FROM json_each(?)) AND p.state='planned' ORDER BY i.seq"""
_PLANNED_KEYS = """i.key IN (SELECT value FROM json_each(?)) AND i.kind='version'
    AND p.state='planned' ORDER BY i.seq"""
_WENT = """SELECT EXISTS(SELECT 1 FROM item i CROSS JOIN progress p USING(seq)
    WHERE i.key=? AND i.kind='collection' AND p.state IN ('deleted','verified'))"""
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
    _check_permitted(plan, client)
    with plan_file.hold_lock(plan.path):
        check_may_apply(plan)
        plan.check_untouched()
        begun = bool(plan.first_value("SELECT EXISTS(SELECT 1 FROM run)"))
        plan_file.claim(plan.path, plan.head.id, begun=begun)
        writer = Journal(plan, clock)
        writer.begin()
        run = Run(plan, client, writer, control or Control(), policy or Policy())
        try:
            async with run.calls.watched():
                ending = await run.to_its_end()
        except BaseException as error:
            with suppress(ArtifactTuiError):  # the plan may not be writable: its lock tells then
                writer.end(Status.INTERRUPTED, f"it ended early: {type(error).__name__}")
            raise
        writer.end(ending.status, ending.why)
        return ending


def _check_permitted(plan: Plan, client: Client) -> None:
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
        self, plan: Plan, stage: tuple[int, str], sizes: Sequence[int], since: int | None = None
    ) -> None:
        """Make the queue; the last of `sizes` is the size of all later batches too.

        In the first round, `since` when the run began: what was sent before waits for the second.
        """
        self._plan = plan
        self.stage = stage
        self.since = since
        self._sizes = sizes
        self.taken = 0
        """Batches since the sizes began."""
        self._items: deque[Item] = deque()
        self._last = 0

    def take(self) -> list[Item]:
        """The next batch; empty after the last one."""
        batch = self.peek()
        for _ in batch:
            self._items.popleft()
        self.taken += 1
        return batch

    def peek(self) -> list[Item]:
        """The batch that `take` gives next, left in the queue."""
        size = self._sizes[min(self.taken, len(self._sizes) - 1)]
        if len(self._items) < size:
            where = f"{_STAGE if self.since is None else _NEW} AND i.seq > ? ORDER BY i.seq LIMIT ?"
            since = () if self.since is None else (self.since,)
            params = (*self.stage, *since, self._last, max(PAGE, size))
            more = self._plan.select(where, params)
            self._items.extend(more)
            self._last = more[-1].seq if more else self._last
        return list(islice(self._items, size))

    def put_back(self, items: Sequence[Item], *, anew: bool = False) -> None:
        """Put items at the front of the queue; after trouble the batches grow `anew`."""
        self._items.extendleft(reversed(items))
        self.taken = 0 if anew else self.taken

    def drop(self, seqs: Collection[int]) -> None:
        """Take out items that ended before their turn."""
        if seqs:
            self._items = deque(item for item in self._items if item.seq not in seqs)


class Run:
    """One run over a plan, from its first batch to its ending."""

    def __init__(
        self, plan: Plan, client: Client, writer: Journal, control: Control, policy: Policy
    ) -> None:
        self._plan = plan
        self._options = plan.head.options
        self._client = client
        self._journal = writer
        self._control = control
        self._policy = policy
        self.calls = Calls(plan, client, writer, control, policy)
        self._checks = Checks(plan, scanned=bool(client.scanned_types))
        self._taken: dict[str, int] = {}
        """Batches by kind of thing: the sizes grow once in a run, and after trouble."""
        self._lost = 0
        """Calls in a row, of one round, that came to nothing."""
        self._circles: set[frozenset[str]] = set()
        """Circles that were looked at as a whole."""
        self._chosen: dict[int, float] = {}
        """When chosen versions were looked at for the sake of what joined, and found unchanged."""
        self._families: set[int] = set()
        """Chosen versions, and all their dependents, that were looked at before the first went."""

    async def to_its_end(self) -> Ending:
        """Settle what an earlier run left, then every level in turn."""
        try:
            await self._settle_sent("state IN ('sent', 'deleted')")
            await self._await_accepted()
            with plan_file.trouble(self._plan.path):
                stages = self._plan.conn.execute(_STAGES).fetchall()
            for level, kind in stages:
                await self._stage(level, kind)
            with suppress(EndedError):  # it may be silent to the end
                await self._settle_sent("state='deleted'", last=True)
            given_up = ItemState.NOT_TRIED in self._plan.states()
            ending = Ending(Status.CANCELLED if given_up else Status.FINISHED)
        except EndedError as error:
            ending = error.ending
            if ending.status is Status.CANCELLED:
                with suppress(EndedError):
                    await self._settle_sent(_EVER_SENT, last=True)
                self._journal.cancel_rest()
        if ending.status in OVER and ItemState.SENT in self._plan.states():
            return Ending(Status.INTERRUPTED, "what was sent could not be looked at")
        return ending

    async def _stage(self, level: int, kind: str) -> None:
        """One kind of thing of one level, in rounds: what is open after the last one has failed."""
        at_once = self._client.batch_delete
        sizes = self._policy.sizes(kind, at_once)
        queue = Queue(self._plan, (level, kind), sizes, self._journal.begun_us)
        queue.taken = self._taken.get(kind, 0)
        await self._round(queue)
        self._taken[kind] = queue.taken
        for number, delay in enumerate(self._policy.delays, 1):
            left = self._plan.first_value(
                f"""SELECT count(*) FROM item i CROSS JOIN progress p USING(seq) WHERE {_STAGE}""",
                (level, kind),
            )
            if not left:
                return
            more = text.plural(left, "item")
            await self.calls.pause(delay, f"then {more} that did not go have another try")
            last = number == len(self._policy.delays)
            sizes = self._policy.sizes(kind, at_once, again=True, last=last)
            await self._round(Queue(self._plan, (level, kind), sizes))
        self._journal.give_up(kind, level)

    async def _round(self, queue: Queue) -> None:
        """Every item of a queue once; then those that were only accepted, or not looked at."""
        self._lost = 0
        while queue.peek():
            await self._may_go_on()
            batch = queue.take()
            try:
                lost = await self._batch(batch, queue)
            except HaltedError:
                queue.put_back(self._select(_STILL_OPEN, batch), anew=True)
                self._lost = 0
            except UnreachableError as error:
                await self._wait_out(str(error) or "no answer")
                queue.put_back(self._select(_STILL_OPEN, batch), anew=True)
            else:
                if lost:
                    await self._wait_out(lost, patience=ALONE if len(batch) == 1 else 0)
                    queue.put_back((), anew=True)
                else:
                    self._lost = 0
        await self._await_accepted()
        with suppress(EndedError):  # it may still be silent; whoever wishes to stop is heard next
            await self._settle_sent(_DELETED_OF, queue.stage)

    async def _batch(self, batch: Sequence[Item], queue: Queue) -> str:
        """Read the facts, check, note the intent, send once, read them again, note what is so.

        Why the call came to nothing, when it did and was settled; what of it may work later is
        planned again.

        Raises:
            UnreachableError: nobody knows what is true of these; some may be SENT.
            HaltedError: it was given up because somebody wished so.
        """
        stranded, batch = await self._stranded(batch, queue)
        facts, ready = await self._check(batch, stranded, queue)
        if not ready:
            return ""
        items = [item for item, _ in ready]
        recipes = await self.calls.recipes(items)
        self._journal.intend([item.seq for item in items], recipes)
        answers, trouble = await self.calls.delete(ready, facts)
        waited = [item for item in items if answers[item.key].result is Result.WAITED]
        if waited:
            self._journal.unsent([item.seq for item in waited])
            items = [item for item in items if answers[item.key].result is not Result.WAITED]
            waited = self._select(_STILL_OPEN, waited)
        now: Snapshot | None = None
        with suppress(UnreachableError):
            now = await self.calls.facts_after(items, [*waited, *queue.peek()])
        ends = self._ends_after(items, answers, now)
        self._journal.settle(ends)
        states = {end.state for end in ends if end.reason is not Reason.ACCEPTED}
        lost = str(trouble) if isinstance(trouble, UnreachableError) else ""
        if now is None and ItemState.SENT in states:
            raise UnreachableError(lost or "the registry could not be asked what it did")
        if isinstance(trouble, HaltedError):
            raise trouble
        left = ItemState.PLANNED in states
        queue.put_back(waited, anew=left and queue.since is None)
        return lost if left else ""

    async def _check(
        self, batch: Sequence[Item], stranded: Mapping[str, str], queue: Queue
    ) -> tuple[Snapshot, list[tuple[Item, Facts]]]:
        """Read the facts and refuse what is not as reviewed; what is ready, with its facts.

        Where some of a circle are in this batch, all of it that is planned is looked at once.
        """
        circles = self._checks.split_circles(batch) - self._circles
        keys = {key for circle in circles for key in circle} - {item.key for item in batch}
        rest = self._plan.select(_PLANNED_KEYS, (json.dumps(sorted(keys)),)) if keys else []
        now = await self.calls.facts_before([*batch, *rest])
        found = self._checks.check([*batch, *rest], now, stranded=stranded)
        self._journal.settle(await self._ends_before([*batch, *rest], now, found, early=rest))
        self._circles |= circles
        if rest:
            queue.drop({item.seq for item in rest if isinstance(found[item.seq], Refusal)})
        ready = [(item, ok) for item in batch if isinstance(ok := found[item.seq], Facts)]
        return now, ready

    async def _ends_before(
        self,
        items: Sequence[Item],
        now: Snapshot,
        found: Mapping[int, Facts | Refusal],
        *,
        early: Sequence[Item],
    ) -> list[ItemEnd]:
        """The ends of what is not sent; what is not told before its turn, `early`, has failed."""
        refused = [why for why in found.values() if isinstance(why, Refusal)]
        keys = {key for why in refused for key in why.keys[: DETAIL_NAMES + 1]}
        names = await self.calls.names(keys) if keys else {}
        soon = {item.seq for item in early}
        ends = []
        for item in items:
            why = found.get(item.seq)
            if isinstance(why, Refusal) and why.gone:
                ours = item.attempts > 0 or self._went_along(now.facts.get(item.key))
                ends.append(journal.end_gone(item, sent=ours))
            elif isinstance(why, Refusal) and why.reason is Reason.NOT_TOLD:
                end = journal.end_not_told(item, why.detail)
                failed = end.state is ItemState.PLANNED and item.seq in soon
                ends.append(replace(end, state=ItemState.FAILED, retryable=True) if failed else end)
                continue
            elif isinstance(why, Refusal):
                detail = why.detail or names_in_line(names.get(key, key) for key in why.keys)
                ends.append(ItemEnd(item.seq, ItemState.REFUSED, why.reason, detail))
            if item.kind == COLLECTION:
                ends += self._member_ends(item, now, ours=item.attempts > 0)
        return ends

    def _went_along(self, now: Facts | None) -> bool:
        """Whether something in the trash went with a whole collection that this plan deleted."""
        return bool(now and now.goes_with and self._plan.first_value(_WENT, (now.goes_with,)))

    def _ends_after(
        self, items: Sequence[Item], answers: Mapping[str, Outcome], now: Snapshot | None
    ) -> list[ItemEnd]:
        """What became of everything that was sent."""
        ends = []
        stays: dict[str, bool] = {}
        for item in items:
            answer = answers[item.key]
            if now is None or item.key in now.untold:
                unsure = self._client.unsure_answers or item.kind == COLLECTION
                end = journal.end_without_look(item, answer, unsure=unsure)
                ends.append(end)
                for one in members_of(self._plan, item):
                    if one.state is ItemState.SENT:  # its own turn begins with new facts
                        own = ItemEnd(one.seq, ItemState.PLANNED)
                        ends.append(replace(end, seq=one.seq) if end.state in OPEN else own)
                continue
            facts = self._checks.complete(item, now.facts.get(item.key), stays)
            if item.kind == COLLECTION and not now.inside[item.key]:
                facts = None if answer.result in _SAID_GONE else facts  # an empty shell is gone
            ends.append(
                journal.end_after_look(item, answer, facts, self._options, self._checks.changed)
            )
            if item.kind == COLLECTION:
                ours = item.attempts > 0 or answer.result in _DONE_BY_US
                ends += self._member_ends(item, now, ours=ours)
        return ends

    def _member_ends(self, item: Item, now: Snapshot, *, ours: bool) -> list[ItemEnd]:
        """What became of the versions of a whole collection: those that stay have their own turn.

        `ours` tells that we may have carried the collection out.
        """
        ends = []
        for one in now.members.get(item.key, ()):
            if one.state in OPEN and is_gone(now.facts.get(one.key), self._options.action):
                ends.append(journal.end_gone(one, sent=ours or one.attempts > 0))
            elif one.state is ItemState.SENT:
                ends.append(ItemEnd(one.seq, ItemState.PLANNED))
        return ends

    # what is looked at before its turn

    async def _stranded(
        self, items: Sequence[Item], queue: Queue
    ) -> tuple[Mapping[str, str], Sequence[Item]]:
        """What of these joined for chosen versions that all stay: by key, with one of those.

        Dependents go before what they were made from. So before the first that only joined is
        sent, the chosen versions are looked at, and all that was made from them: what has changed
        is refused there and then. Also given is what is left of the items after that.
        """
        if not self._checks.joined:
            return {}, items
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
            below = self._checks.below(new) - self._families
            ended |= await self._look_early(below, queue, chosen=False)
            self._families |= new | below
        going = self._checks.going(chosen)
        stranded = {
            one.key: next(iter(above[one.seq].values()))
            for one in joined
            if one.seq in above and going.isdisjoint(above[one.seq])
        }
        return stranded, [item for item in items if item.seq not in ended]

    async def _look_early(self, seqs: Collection[int], queue: Queue, *, chosen: bool) -> set[int]:
        """Refuse those of these planned items that are not as they were reviewed; which ended.

        A chosen one of which the registry would not tell has failed; others may be told in their
        turn.
        """
        ended: set[int] = set()
        every = sorted(seqs)
        for start in range(0, len(every), PAGE):
            part = self._plan.select(_PLANNED_SEQS, (json.dumps(every[start : start + PAGE]),))
            now = await self.calls.facts(part)
            found = {
                seq: why
                for seq, why in self._checks.check(part, now, early=True).items()
                if isinstance(why, Refusal)
                and not why.gone
                and (chosen or why.reason is not Reason.NOT_TOLD)
            }
            ends = await self._ends_before(part, now, found, early=part)
            self._journal.settle(ends)
            ended |= {end.seq for end in ends}
            queue.drop(ended)  # now: the next question may come to nothing
        return ended

    # what was sent, and is not known to be gone

    async def _settle_sent(
        self, where: str, params: Sequence[object] = (), *, last: bool = False
    ) -> None:
        """Settle what may have been done by asking; what is not told stays as it is.

        What the registry accepted, and has not done, does so too, unless this is the `last` look.

        Raises:
            EndedError: a signal came, or the registry cannot be used.
        """
        seq = 0
        while items := self._plan.select(
            f"""i.seq IN (SELECT seq FROM progress WHERE {where} AND seq > ? ORDER BY seq LIMIT ?)
            ORDER BY i.seq""",
            (*params, seq, PAGE),
        ):
            try:
                now = await self.calls.facts(items, sent=True)
            except HaltedError:
                raise EndedError(Status.INTERRUPTED, self._control.why or "stopped") from None
            except UnreachableError as error:
                await self._wait_out(str(error))
                continue
            self._lost = 0
            seq = items[-1].seq
            self._journal.settle(
                [
                    journal.end_resumed(item, now.facts.get(item.key), self._options, last=last)
                    for item in items
                    if item.key not in now.untold
                ]
            )
            untold = {i.seq: now.untold[i.key] for i in items if i.key in now.untold}
            if untold:
                self._journal.uncertain(untold)

    async def _await_accepted(self) -> None:
        """Wait until what the registry accepted is gone; what stays too long has failed.

        The patience begins anew with each item that goes. Whoever cancels is told the truth first.
        """
        before, progress = 0, time.monotonic()
        for delay in chain(self._policy.delays, repeat(self._policy.delays[-1])):
            left = self._plan.first_value(f"SELECT count(*) FROM progress WHERE {_ACCEPTED}")
            if not left:
                break
            progress = progress if left == before else time.monotonic()
            before = left
            them = "it" if left == 1 else "them"
            accepted = text.plural(left, "deletion")
            self.calls.waiting = f"the registry accepted {accepted}, and has not done {them} yet"
            await self._control.sleep(delay)
            cancelled = None
            try:
                await self._may_go_on()
            except EndedError as error:
                if error.ending.status is not Status.CANCELLED:
                    raise
                cancelled = error
            last = cancelled is not None or time.monotonic() - progress > self._client.accepted_s
            await self._settle_sent(_ACCEPTED, last=last)
            if cancelled is not None:
                raise cancelled
            if last:
                break
        self.calls.waiting = ""

    # what ends a run, or holds it up

    async def _wait_out(self, why: str, *, patience: int = 0) -> None:
        """Wait after a call that came to nothing.

        Raises:
            EndedError: a signal came; or so many in a row did, at least as the policy has delays.
        """
        if self._control.stopped:
            raise EndedError(Status.INTERRUPTED, self._control.why)
        delays = self._policy.delays
        if self._lost >= max(patience, len(delays)):
            raise EndedError(Status.INTERRUPTED, why)
        delay = delays[min(self._lost, len(delays) - 1)]
        self._lost += 1
        await self.calls.pause(delay, f"the registry cannot be used ({why})")
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
