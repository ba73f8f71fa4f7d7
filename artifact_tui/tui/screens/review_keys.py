"""Which keys of the review do something for a draft, and why the others do not. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifact_tui.deletion.items import Action, Reason

if TYPE_CHECKING:
    from artifact_tui.deletion.draft import Draft


def why_not(row_id: str, draft: Draft | None, closed: str) -> str:
    """Why a key does nothing, in words; empty when it does something.

    `closed` is the reason for which nothing can be confirmed now, or empty.
    """
    if row_id == "review.confirm":
        return closed.rstrip(".")
    if row_id not in _CHECKS:
        return ""
    return "the facts are being read" if draft is None else _CHECKS[row_id](draft)


def _nothing(_draft: Draft) -> str:
    return ""


def _kept_below(draft: Draft) -> bool:
    """Whether versions stay because of what was made from them."""
    reasons = {reason for reason, _ in draft.summary.reasons}
    return bool(reasons & {Reason.DEPENDENTS, Reason.DEPENDENT_STAYS})


def _aliases(draft: Draft) -> str:
    possible = draft.head.options.delete_aliases or draft.summary.consents
    return "" if possible else "no version that could go carries an alias"


def _dependents(draft: Draft) -> str:
    if draft.head.options.action is Action.PURGE:
        return "a purge takes nothing along"
    possible = draft.head.options.with_dependents or _kept_below(draft)
    return "" if possible else "nothing outside this plan was made from it"


def _orphans(draft: Draft) -> str:
    possible = draft.head.options.orphan_dependents or _kept_below(draft)
    return "" if possible else "nothing would lose a parent"


_CHECKS = {
    "review.aliases": _aliases,
    "review.dependents": _dependents,
    "review.orphans": _orphans,
    "review.save": _nothing,
    "review.calls": _nothing,
}
