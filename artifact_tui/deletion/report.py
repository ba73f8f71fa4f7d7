"""What became of a plan, grouped by result and reason: for the screen, for print and for JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from artifact_tui.deletion import planfile
from artifact_tui.deletion.items import DONE, ItemState, Reason, Verdict
from artifact_tui.deletion.plan import Status
from artifact_tui.text import at_least, count, size

if TYPE_CHECKING:
    from artifact_tui.deletion.draft import Head, Summary
    from artifact_tui.deletion.plan import Plan

EXAMPLES = 5
"""How many names and error texts a group shows."""

_ORDER = list(ItemState)

_COUNTS = """SELECT i.verdict, CASE i.verdict WHEN 'delete' THEN p.state ELSE '' END AS state,
    CASE WHEN p.reason <> '' THEN p.reason ELSE i.reason END AS why, sum(p.attempts > 0),
    count(*), sum(i.size), coalesce(sum(p.retryable), 0)
    FROM item i JOIN progress p USING(seq) GROUP BY i.verdict, state, why"""

_WITHIN = """FROM item i JOIN progress p USING(seq) WHERE i.verdict=?1
    AND (?1 <> 'delete' OR p.state=?2)
    AND CASE WHEN p.reason <> '' THEN p.reason ELSE i.reason END = ?3"""


_SOURCELESS = """SELECT count(*) FROM item i JOIN progress p USING(seq)
    WHERE i.kind='version' AND p.state IN ('deleted','verified') AND EXISTS(SELECT 1 FROM recipe)
    AND NOT EXISTS(SELECT 1 FROM recipe r WHERE r.seq=i.seq AND r.url <> '')
    AND NOT EXISTS(SELECT 1 FROM remade m WHERE m.seq=i.seq AND m.url <> '')"""


@dataclass(frozen=True, slots=True)
class Group:
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


_VERDICT_WORDS = {
    Verdict.DELETE: "to be deleted",
    Verdict.CONSENT: "left alone, needs consent",
    Verdict.BLOCKED: "left alone, blocked",
}


OURS = frozenset({ItemState.DELETED, ItemState.VERIFIED, ItemState.UNLINKED})
"""What this plan has deleted or unlinked, rather than found gone."""


@dataclass(frozen=True, slots=True)
class Report:
    """Everything to be said about a plan."""

    head: Head
    summary: Summary
    status: Status
    why: str
    results: tuple[Group, ...]
    """What was to be deleted, by result."""
    left_out: tuple[Group, ...]
    """What the review kept, by reason."""
    deleted_bytes: int
    """Listed bytes of what is deleted; how much that frees is in the summary."""
    remade: int = 0
    """Entries that were made again since, where the registry has no trash."""
    sourceless: int = 0
    """Deleted entries that cannot be made again from this plan, where others can."""

    @property
    def whole(self) -> bool:
        """Whether this plan deleted everything in it: then `freed` is exact."""
        return sum(g.count for g in self.results if g.state in OURS) == self.summary.deletes

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
    def complete(self) -> bool:
        """Whether everything that was asked is so."""
        done = all(group.state in DONE for group in self.results)
        return done and self.status is Status.FINISHED


def report(plan: Plan) -> Report:
    """Read a plan's results, in a few statements whatever its length."""
    with planfile.trouble(plan.path):
        groups = [_group(plan, row) for row in plan.conn.execute(_COUNTS).fetchall()]
    results = [group for group in groups if group.state is not None]
    results.sort(key=lambda g: (_ORDER.index(g.state or ItemState.PLANNED), -g.count))
    left_out = [group for group in groups if group.state is None]
    left_out.sort(key=lambda g: (g.verdict is Verdict.BLOCKED, -g.count))
    return Report(
        head=plan.head,
        summary=plan.summary,
        status=plan.status,
        why=plan.why,
        results=tuple(results),
        left_out=tuple(left_out),
        deleted_bytes=sum(group.size or 0 for group in results if group.state in OURS),
        remade=plan.one("SELECT count(*) FROM remade WHERE state='made'"),
        sourceless=plan.one(_SOURCELESS),
    )


def _group(plan: Plan, row: tuple[Any, ...]) -> Group:
    verdict, state, why, tried, number, listed, retryable = row
    examples = plan.conn.execute(
        f"""SELECT CASE i.kind WHEN 'object' THEN i.label WHEN 'collection' THEN i.collection
            ELSE i.collection || ':' || i.label END,
            CASE WHEN p.reason <> '' THEN p.detail ELSE i.detail END
            {_WITHIN} ORDER BY i.seq LIMIT ?4""",
        (verdict, state, why, EXAMPLES),
    ).fetchall()
    errors = plan.conn.execute(
        f"""SELECT p.error, count(*) {_WITHIN} AND p.error <> ''
            GROUP BY p.error ORDER BY count(*) DESC, p.error LIMIT ?4""",
        (verdict, state, why, EXAMPLES),
    ).fetchall()
    if not all(isinstance(one, str) for pair in examples for one in pair) or not all(
        isinstance(error, str) for error, _ in errors
    ):
        raise ValueError("a text of an item is none")
    return Group(
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
