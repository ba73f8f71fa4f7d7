"""Carrying a plan out, once, so that whatever happens the file tells the truth.

Per group of items: their facts are read again and what changed is refused; the intents are on the
disk before the call; afterwards the registry is asked what is so, and that is written down.
Lower levels go first, so that dependents go before what they were made from.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from itertools import chain, repeat
from shlex import quote
from typing import TYPE_CHECKING

from artifact_tui import text
from artifact_tui.clients.base import CollectionDelete
from artifact_tui.deletion import lock, planfile, trust
from artifact_tui.deletion.control import Control, Policy
from artifact_tui.deletion.group import ROUNDS, Caller
from artifact_tui.deletion.items import COLLECTION, OBJECT, VERSION, Action, ItemState, Reason
from artifact_tui.deletion.journal import Journal
from artifact_tui.deletion.plan import Status, Want
from artifact_tui.deletion.target import Target
from artifact_tui.deletion.watch import Means, Watch
from artifact_tui.deletion.whole_apply import WholeCaller
from artifact_tui.errors import READ_ONLY_HINT, ConfirmationError, PlanError, ReadOnlyError
from artifact_tui.here import now_us

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from artifact_tui.clients.base import Client
    from artifact_tui.deletion.items import Item
    from artifact_tui.deletion.plan import Plan

RESUME_SIZE = 500
"""How many uncertain items are asked about at once."""

WHOLES = 4
"""How many whole collections are deleted at once, after the first."""

_TURN = """i.verdict='delete' AND i.level=? AND i.kind<>'collection' AND p.state='planned'
    AND i.seq > ? ORDER BY i.seq LIMIT ?"""

_WHOLE_TURN = """i.verdict='delete' AND i.level=? AND i.kind='collection' AND p.state='planned'
    ORDER BY i.seq LIMIT ?"""


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
    with lock.held(plan.path):
        journal = Journal(plan, clock)
        _check_turn(plan)
        plan.check_hash()
        trust.check_confirmed(plan)
        plan.check_untouched()
        lock.claim(plan.path, plan.head.id, begun=journal.begun)
        journal.begin()
        run = _Run(plan, client, journal, control or Control(), policy or Policy())
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
    if plan.head.read_only or client.read_only or not client.capabilities.writable:
        raise ReadOnlyError(
            f"The registry {found.address} may only be read. Nothing was deleted.",
            hint=f"{READ_ONLY_HINT}. Then make the plan again."
            if client.capabilities.writable
            else "Ask the owner of the registry to let you write there.",
        )
    if plan.summary.wholes and not isinstance(client, CollectionDelete):
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


class _Run:
    """One run over a plan, from its first group to its ending."""

    def __init__(
        self, plan: Plan, client: Client, journal: Journal, control: Control, policy: Policy
    ) -> None:
        self._plan = plan
        self._journal = journal
        self._control = control
        self._policy = policy
        target = Target(client, journal.begun_us)
        self.watch = Watch(plan, client, journal, control, policy)
        means = Means(plan, target, journal, control, policy, self.watch)
        self._caller = Caller(means)
        self._wholes = WholeCaller(means)
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
        with planfile.trouble(self._plan.path):
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
        return self._plan.select(_TURN, (level, after, self._sizes.next()))

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
            items = self._plan.select(_WHOLE_TURN, (level, size))
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
