"""Plans as tasks: which there are, how far they are, what can be asked of them; and their reports.

A report groups what became of a plan by result and reason: for the screen, for print and for JSON.
"""

from __future__ import annotations

import os
import signal
import socket
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any, Literal

from artifact_tui import config
from artifact_tui.deletion import plan_file, worker
from artifact_tui.deletion.items import (
    DELETED_HERE,
    DONE,
    OPEN,
    Action,
    ItemState,
    Reason,
    Verdict,
    verbs_of,
)
from artifact_tui.deletion.journal import Journal
from artifact_tui.deletion.plan import OVER, Plan, Status, Want
from artifact_tui.deletion.review_words import first_names
from artifact_tui.errors import ArtifactTuiError, NotFoundError, PlanError
from artifact_tui.model import now_us
from artifact_tui.text import about, at_least, count, listed, plural, safe, size

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from artifact_tui.deletion.plan import Head, Summary


SUFFIX = ".plan"
"""Of plans that the user did not name."""

WINDOW_US = 30_000_000
"""The rate is that of the last half minute."""


@dataclass(frozen=True, slots=True)
class Task:
    """One plan as a line of the task list. Names and reasons are untrusted text."""

    path: Path
    id: str = ""
    registry: str = ""
    address: str = ""
    action: Action = Action.DELETE
    status: Status = Status.DRAFT
    why: str = ""
    """Why it ended early, or could not begin."""
    total: int = 0
    """Items to delete."""
    settled: int = 0
    """Those of them that have ended, one way or another; what was given up untried has not."""
    states: Mapping[ItemState, int] = field(default_factory=dict)
    retryable: int = 0
    """Failed items that may work now."""
    listed: int | None = 0
    """Bytes of the items to delete."""
    rate: float | None = None
    """Items settled a second, lately; None when nothing runs."""
    left_us: int | None = None
    """Time left at that rate."""
    created_us: int = 0
    started_us: int | None = None
    ended_us: int | None = None
    pid: int | None = None
    """Of the last process that applied it."""
    alive: bool = False
    """Whether a process applies it now."""
    pace: str = ""
    """What limits its speed now: empty when nothing runs, or nothing does. Untrusted text."""
    wants: Want = Want.RUN
    """What was last asked of it, maybe not yet done."""
    host: str = ""
    """Where that process runs."""
    error: str = ""
    """Set when the plan cannot be read: why; only `path` is true then."""

    @property
    def done(self) -> int:
        """Items of which what was asked is so: deleted, unlinked, or gone before."""
        return self.count_of(DONE)

    def count_of(self, states: Collection[ItemState]) -> int:
        """How many items are in one of these states."""
        return sum(self.states.get(state, 0) for state in states)

    @property
    def verbs(self) -> tuple[str, str]:
        """What is done and what was done: “delete” and “deleted”."""
        return verbs_of(self.action)

    @property
    def ended(self) -> bool:
        """Whether it came to its end, by itself or because its rest was cancelled."""
        return self.status in OVER

    @property
    def stopped(self) -> bool:
        """Whether it began, and goes on only when somebody says so."""
        return self.status in {Status.INTERRUPTED, Status.PAUSED}

    @property
    def status_words(self) -> str:
        """Where it is, with what was asked of it but is not done yet."""
        if self.error:
            return "unreadable"
        if self.alive and self.wants is Want.CANCEL:
            return "cancelling"
        if self.status is Status.APPLYING and self.wants is Want.PAUSE:
            return "pausing"
        if self.status is Status.PAUSED and self.wants is Want.RUN:
            return "going on"
        return _STATUS_WORDS.get(self.status, str(self.status))

    @property
    def rate_words(self) -> str:
        """Rate and time left while it runs; empty when there is nothing to say yet."""
        if self.rate is None:
            return ""
        rate = f"{count(round(self.rate))}/s" if self.rate >= 1 else f"{self.rate * 60:.1f}/min"
        return rate if self.left_us is None else f"{rate}, {about(self.left_us)} left"

    @property
    def result_words(self) -> list[str]:
        """How many items ended in which way, such as `2 deleted` and `1 failed`."""
        deleted, unlinked = self.count_of(DELETED_HERE), self.count_of({ItemState.UNLINKED})
        words = [f"{count(deleted)} {self.verbs[1]}"] if deleted or not unlinked else []
        ends = (state for state in ItemState if state not in OPEN | DELETED_HERE)
        return words + [
            f"{count(self.states[one])} {one.words}" for one in ends if self.states.get(one)
        ]

    @property
    def hint(self) -> str:
        """What can be done next, in a sentence; empty when there is nothing to say. Safe."""
        if self.status is Status.INTERRUPTED:
            return "It can be resumed: what was sent is asked about first, nothing is sent twice."
        if self.status is Status.DRAFT:
            line = f"artifact-tui apply {quote(str(self.path))}"
            return f"Saved and not confirmed: apply it with {safe(line, 4096)}"
        if self.ended and self.retryable:
            return f"{plural(self.retryable, 'version')} failed and may be tried again."
        return ""


_STATUS_WORDS = {Status.APPLYING: "running", Status.CONFIRMED: "not begun", Status.DRAFT: "saved"}

_NOT_APPLIED = "nothing applies this plan now"
_HAS_ENDED = "it has ended"


TaskRequest = Literal["pause", "cancel", "resume", "retry", "undo"]
"""What can be asked of a task."""


def task_why_not(request: TaskRequest, task: Task) -> str:
    """Why something cannot be asked of a task; empty when it can."""
    if task.error:
        return "this plan cannot be read"
    resumable = task.status in {Status.INTERRUPTED, Status.CONFIRMED}
    at_rest = task.ended or task.status is Status.INTERRUPTED
    reasons: dict[TaskRequest, dict[str, bool]] = {
        "pause": {_NOT_APPLIED: not task.alive},
        "cancel": {_HAS_ENDED: task.ended},
        "resume": {"only an interrupted task can be resumed": task.alive or not resumable},
        "retry": {
            "nothing failed that may work now": task.alive or not (task.ended and task.retryable)
        },
        "undo": {
            "it has not ended": task.alive or not at_rest,
            "it deleted nothing": not task.count_of(DELETED_HERE),
        },
    }
    return next((why for why, holds in reasons[request].items() if holds), "")


def list_tasks() -> list[Task]:
    """Every plan that was applied here or waits in the folder of plans, newest first."""
    found = [read_task(path) for path in _paths()]
    return sorted(found, key=lambda task: (-task.created_us, str(task.path)))


def _paths() -> Iterator[Path]:
    seen: set[Path] = set()
    tasks, plans = config.task_folders()
    links = [link for link in tasks.iterdir() if link.is_symlink()] if tasks.is_dir() else []
    paths = [link.parent / link.readlink() for link in links]
    for path in [*paths, *plans.glob(f"*{SUFFIX}")]:
        real = Path(os.path.realpath(path))  # unlike resolve, it bears a link to itself
        if real not in seen:
            seen.add(real)
            yield real


def find_plan(plan_id: str) -> Path:
    """The file of the plan whose id begins so.

    Raises:
        NotFoundError: none does, or several do.
    """
    found = [task.path for task in list_tasks() if plan_id and task.id.startswith(plan_id)]
    if len(found) != 1:
        how_many = "No plan has" if not found else f"{len(found)} plans have"
        raise NotFoundError(
            f"{how_many} an id that begins with {plan_id}.", hint="See `artifact-tui tasks`."
        )
    return found[0]


def read_task(path: Path) -> Task:
    """One plan as a task; a plan that cannot be read is a task with an error."""
    try:
        with Plan.open(path) as plan, plan_file.trouble(path):
            return _task(plan)
    except ArtifactTuiError as error:
        return Task(path=path, error=str(error))


def _task(plan: Plan) -> Task:
    begun = plan.stored_status in {Status.APPLYING, Status.PAUSED}
    alive = begun and plan_file.is_locked(plan.path)  # first: what is read after its end stays true
    head, status, states = plan.head, plan.status, plan.states()
    total = sum(states.values())
    left = sum(states.get(state, 0) for state in OPEN)
    rate = _rate(plan) if status is Status.APPLYING else None
    return Task(
        path=plan.path,
        id=head.id,
        registry=head.registry,
        address=head.identity.address,
        action=head.options.action,
        status=status,
        why=plan.why,
        total=total,
        settled=total - left - states.get(ItemState.NOT_TRIED, 0),
        states=states,
        retryable=plan.first_value(
            "SELECT count(*) FROM progress WHERE state='failed' AND retryable"
        ),
        listed=plan.listed,
        rate=rate,
        left_us=round(left / rate * 1e6) if rate else None,
        created_us=head.created_us,
        started_us=plan.first_value("SELECT min(started_us) FROM run"),
        ended_us=None
        if alive
        else plan.first_value(
            "SELECT coalesce(ended_us, heartbeat_us) FROM run ORDER BY id DESC LIMIT 1"
        ),
        pid=plan.first_value("SELECT pid FROM run ORDER BY id DESC LIMIT 1"),
        host=plan.first_value("SELECT host FROM run ORDER BY id DESC LIMIT 1") or "",
        alive=alive,
        pace=plan.pace if alive else "",
        wants=plan.want,
    )


def _rate(plan: Plan) -> float | None:
    """Items settled a second by this run, over the last half minute."""
    now = now_us()
    began = plan.first_value("SELECT max(started_us) FROM run") or now
    since = max(began, now - WINDOW_US)
    done = plan.first_value("SELECT count(*) FROM progress WHERE done_us > ?", (since,))
    return done / (now - since) * 1e6 if done and now > since else None


def pause(path: Path) -> None:
    """Ask a running apply to wait after the call in flight.

    Raises:
        PlanError: nothing applies this plan now.
    """
    with Plan.open(path, write=True) as plan:
        if not plan_file.is_locked(plan.path):
            raise PlanError(
                f"The plan {plan.path} cannot be paused: {_NOT_APPLIED}.", hint="It can be resumed."
            )
        plan.ask(Want.PAUSE)


def stop(path: Path) -> None:
    """Ask the process that applies a plan to stop after the call in flight: it can be resumed."""
    task = read_task(path)
    if task.alive and task.pid is not None and task.host == socket.gethostname():
        with suppress(ProcessLookupError, PermissionError):
            os.kill(task.pid, signal.SIGTERM)


def resume(path: Path, *, stop: Callable[[], bool] = worker.never) -> int | None:
    """Go on: a paused apply runs on, an interrupted one is started again.

    Returns the new process id, or None when the apply was running or paused. Waits until the new
    process has begun, as `worker.start` does, and raises what that raises.
    """
    with Plan.open(path, write=True) as plan:
        plan_file.check_confirmed(plan)
        plan.ask(Want.RUN)
        if plan_file.is_locked(plan.path):
            return None
    return worker.start(path, stop=stop)


def cancel(path: Path) -> None:
    """Give up what has not been sent; what was sent is settled first, and stays done.

    A running apply does so after the call in flight. Otherwise it is done here, or by a new
    process when the registry has to be asked about uncertain items: then it waits until that has
    begun, as `worker.start` does, and raises what that raises.

    Raises:
        PlanError: the plan came to its end already.
    """
    with Plan.open(path, write=True) as plan:
        if plan.status in OVER:
            raise PlanError(
                f"The plan {plan.path} cannot be cancelled: {_HAS_ENDED} ({plan.status}).",
                hint="There is nothing left.",
            )
        plan.ask(Want.CANCEL)
        if plan_file.is_locked(plan.path):
            return
        if not plan.states().get(ItemState.SENT):
            with plan_file.hold_lock(plan.path):
                journal = Journal(plan, now_us)
                journal.cancel_rest()
                journal.end(Status.CANCELLED, "the rest was cancelled")
            return
    worker.start(path)


def retry_failed(path: Path, *, stop: Callable[[], bool] = worker.never) -> int:
    """Try again what failed and may work now, with parents that stayed because of it.

    Returns how many failed items are tried; the apply is started unless there is none. Each item
    is checked against the review again. Waits until the process has begun, as `worker.start` does,
    and raises what that raises.
    """
    with Plan.open(path, write=True) as plan, plan_file.hold_lock(plan.path):
        plan_file.check_confirmed(plan)
        count = Journal(plan, now_us).reopen_failed()
    if count:
        worker.start(path, stop=stop)
    return count


EXAMPLES = 5
"""How many names and error texts a group shows."""

_STATE_ORDER = list(ItemState)

_RESULT_COUNTS = """SELECT i.verdict,
    CASE i.verdict WHEN 'delete' THEN p.state ELSE '' END AS state,
    CASE WHEN p.reason <> '' THEN p.reason ELSE i.reason END AS why, sum(p.attempts > 0),
    count(*), sum(i.size), coalesce(sum(p.retryable), 0)
    FROM item i JOIN progress p USING(seq) GROUP BY i.verdict, state, why"""

_WITHIN_GROUP = """FROM item i JOIN progress p USING(seq) WHERE i.verdict=?1
    AND (?1 <> 'delete' OR p.state=?2)
    AND CASE WHEN p.reason <> '' THEN p.reason ELSE i.reason END = ?3"""


_SOURCELESS = """SELECT count(*) FROM item i JOIN progress p USING(seq)
    WHERE i.kind='version' AND p.state IN ('deleted','verified') AND EXISTS(SELECT 1 FROM recipe)
    AND NOT EXISTS(SELECT 1 FROM recipe r WHERE r.seq=i.seq AND r.url <> '')
    AND NOT EXISTS(SELECT 1 FROM remade m WHERE m.seq=i.seq AND m.url <> '')"""

_WHOLES_GONE = """SELECT i.key FROM item i JOIN progress p USING(seq)
    WHERE i.kind='collection' AND p.state IN ('deleted','verified')"""


@dataclass(frozen=True, slots=True)
class ResultGroup:
    """Items that ended the same way for the same reason. Names and errors are untrusted text."""

    verdict: Verdict
    state: ItemState | None
    """None for what was not to be deleted."""
    reason: Reason
    count: int
    size: int | None
    """Bytes listed; None where none of them tells its size."""
    retryable: int
    """How many of them may work when tried again."""
    examples: tuple[str, ...]
    """Names with their details, of the first few."""
    errors: tuple[tuple[str, int], ...]
    """The registry's words, most frequent first, with how often."""

    tried: int = 0
    """How many of them were sent at least once."""

    @property
    def words(self) -> str:
        """Such as `refused: its aliases changed since the review`."""
        if self.reason is Reason.ACCEPTED:
            return self.reason.words
        head = self.state.words if self.state else _VERDICT_WORDS[self.verdict]
        if self.state is ItemState.PLANNED and self.tried == self.count:
            head = "sent, and not gone: to be tried again"
        elif self.state is ItemState.PLANNED and self.tried:
            head += f" ({count(self.tried)} of them were sent, and did not go)"
        return f"{head}: {self.reason.words}" if self.reason.words else head

    @property
    def line(self) -> str:
        """Its words, with what the registry said; safe."""
        return f"{self.words} ({self.error_words})" if self.errors else self.words

    @property
    def error_words(self) -> str:
        """What the registry said, in one line; safe."""
        return "; ".join(safe(error) for error, _ in self.errors)


_VERDICT_WORDS = {
    Verdict.DELETE: "to be deleted",
    Verdict.CONSENT: "left alone, needs consent",
    Verdict.BLOCKED: "left alone, blocked",
}


DONE_HERE = DELETED_HERE | {ItemState.UNLINKED}
"""What this plan has deleted or unlinked, rather than found gone."""


@dataclass(frozen=True, slots=True)
class Report:
    """Everything to be said about a plan."""

    head: Head
    summary: Summary
    status: Status
    why: str
    results: tuple[ResultGroup, ...]
    """What was to be deleted, by result."""
    left_out: tuple[ResultGroup, ...]
    """What the review kept, by reason."""
    deleted_bytes: int
    """Listed bytes of what is deleted; how much that frees is in the summary."""
    remade: int = 0
    """Entries that were made again since, where the registry has no trash."""
    sourceless: int = 0
    """Deleted entries that cannot be made again from this plan, where others can."""
    along: tuple[str, ...] = ()
    """Versions that the plan does not list, and that went with whole collections: untrusted."""

    @property
    def whole(self) -> bool:
        """Whether this plan deleted everything in it: then `freed` is exact."""
        return sum(g.count for g in self.results if g.state in DONE_HERE) == self.summary.deletes

    @property
    def freed(self) -> str:
        """Bytes that the deletions free, such as `at most 3 KB`; empty when nobody knows.

        Bytes shared with what stayed are not freed.
        """
        untold = self.summary.freed_untold
        if self.whole:
            return at_least(self.summary.freed, untold)
        if untold and self.summary.unknown_sizes:
            return ""
        most = self.deleted_bytes if untold else min(self.summary.freed, self.deleted_bytes)
        return f"at most {size(most)}"

    @property
    def bytes_words(self) -> str:
        """Bytes of what is deleted, and what that frees, in a sentence; empty for none. Safe."""
        if not self.deleted_bytes:
            return ""
        summary = self.summary
        then = safe(summary.freed_after)
        after = f" after {then}" if then else ""
        verb = "would be freed" if "purge" in summary.freed_after else "freed"
        own = ""
        if summary.freeing:
            verb = "charged" if summary.charged else "freed then"
            after, own = "", f"; {then}"
        freed = (
            f"{self.freed} {verb}{after}" if self.freed else f"what that frees{after} is not known"
        )
        far = "" if self.complete else " so far"
        done = summary.verbs[1].capitalize()
        return f"{done}{far}: {listed(self.deleted_bytes)}, {freed}{own}."

    @property
    def notes(self) -> list[str]:
        """What else must be known about what is deleted, in whole sentences; safe."""
        notes = []
        if self.along:
            notes.append(
                f"With whole collections went: {first_names(list(map(safe, self.along)))}."
            )
        if self.summary.markers:
            notes.append(
                "The bucket keeps versions: its objects are hidden, and nothing is freed there."
            )
        if self.remade:
            notes.append(
                f"{plural(self.remade, 'entry', 'entries')} made again since, with new ids."
            )
        if self.sourceless:
            them = "it" if self.sourceless == 1 else "them"
            notes.append(
                f"No source address was noted of {count(self.sourceless)}:"
                f" this plan cannot make {them} again."
            )
        return notes

    @property
    def complete(self) -> bool:
        """Whether everything that was asked is so."""
        done = all(group.state in DONE for group in self.results)
        return done and self.status is Status.FINISHED


def read_report(plan: Plan) -> Report:
    """Read a plan's results, in a few statements whatever its length."""
    with plan_file.trouble(plan.path):
        groups = [_result_group(plan, row) for row in plan.conn.execute(_RESULT_COUNTS).fetchall()]
    results = [group for group in groups if group.state is not None]
    results.sort(key=lambda g: (_STATE_ORDER.index(g.state or ItemState.PLANNED), -g.count))
    left_out = [group for group in groups if group.state is None]
    left_out.sort(key=lambda g: (g.verdict is Verdict.BLOCKED, -g.count))
    wholes = plan.conn.execute(_WHOLES_GONE) if any(one.along for one in plan.summary.whole) else ()
    gone = {key for (key,) in wholes}
    return Report(
        head=plan.head,
        summary=plan.summary,
        status=plan.status,
        why=plan.why,
        results=tuple(results),
        left_out=tuple(left_out),
        deleted_bytes=sum(group.size or 0 for group in results if group.state in DONE_HERE),
        remade=plan.first_value("SELECT count(*) FROM remade WHERE state='made'"),
        sourceless=plan.first_value(_SOURCELESS),
        along=tuple(one.along for one in plan.summary.whole if one.along and one.key in gone),
    )


def _result_group(plan: Plan, row: tuple[Any, ...]) -> ResultGroup:
    verdict, state, why, tried, number, listed, retryable = row
    examples = plan.conn.execute(
        f"""SELECT CASE i.kind WHEN 'object' THEN i.label WHEN 'collection' THEN i.collection
            ELSE i.collection || ':' || i.label END,
            CASE WHEN p.reason <> '' THEN p.detail ELSE i.detail END
            {_WITHIN_GROUP} ORDER BY i.seq LIMIT ?4""",
        (verdict, state, why, EXAMPLES),
    ).fetchall()
    errors = plan.conn.execute(
        f"""SELECT p.error, count(*) {_WITHIN_GROUP} AND p.error <> ''
            GROUP BY p.error ORDER BY count(*) DESC, p.error LIMIT ?4""",
        (verdict, state, why, EXAMPLES),
    ).fetchall()
    if not all(isinstance(one, str) for pair in examples for one in pair) or not all(
        isinstance(error, str) for error, _ in errors
    ):
        raise ValueError("a text of an item is none")
    return ResultGroup(
        verdict=Verdict(verdict),
        state=ItemState(state) if state else None,
        reason=Reason(why),
        count=number,
        size=listed,
        tried=tried,
        retryable=retryable,
        examples=tuple(f"{name} ({detail})" if detail else name for name, detail in examples),
        errors=tuple(errors),
    )
