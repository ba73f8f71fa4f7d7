"""What must be typed before a plan may be applied: the greater the harm, the more.

The expected text is always something that is on the screen as well, in its safe form, so that it
can be typed; a name that cannot be typed gives way to the registry's, and that to the count.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from shlex import quote
from typing import TYPE_CHECKING

from artifact_tui import text
from artifact_tui.deletion import trust
from artifact_tui.deletion.items import Action
from artifact_tui.deletion.plan import Status
from artifact_tui.errors import ConfirmationError, PlanError
from artifact_tui.here import now_us

if TYPE_CHECKING:
    from artifact_tui.deletion.draft import Summary
    from artifact_tui.deletion.plan import Plan

FEW = 10
"""Up to this many plain versions need only a `y`."""

NAME_LIMIT = 40
"""The name of a collection that is longer is not asked for."""

REGISTRY_LIMIT = 80
"""Nor is a longer name or address of a registry."""


class Kind(StrEnum):
    """What the challenge asks for."""

    NOTHING = "nothing"
    """There is nothing to delete, so nothing to confirm."""
    YES = "yes"
    COUNT = "count"
    COLLECTION = "collection"
    REGISTRY = "registry"


@dataclass(frozen=True, slots=True)
class Challenge:
    """What to type, and why that much; all of it is safe to show."""

    kind: Kind
    expected: str
    prompt: str
    """Such as `type 3391 to delete`."""
    why: str = ""
    """The harm that asks for it; empty for a plain `y`."""


def challenge(summary: Summary, production: bool, registry_name: str) -> Challenge:  # noqa: FBT001
    """What must be typed for this plan. The registry's name may be untrusted text."""
    count = summary.deletes
    if count == 0:
        return Challenge(Kind.NOTHING, "", "nothing to delete")
    kind, why = _harm(summary, production=production)
    expected = ""
    if kind is Kind.COLLECTION:
        expected = typeable(_lost(summary)[0], NAME_LIMIT)
        kind = kind if expected else Kind.REGISTRY
    if kind is Kind.REGISTRY:
        expected = typeable(registry_name, REGISTRY_LIMIT)
        kind = kind if expected else Kind.COUNT
    if kind is Kind.COUNT:
        expected = str(count)
    elif kind is Kind.YES:
        expected = "y"
    verb = "purge" if summary.action is Action.PURGE else "delete"
    if summary.unlinks == count:
        verb = "unlink"
    return Challenge(kind, expected, f"type {expected} to {verb}", why)


def _lost(summary: Summary) -> list[str]:
    """Collections that lose every version, and empty ones that go themselves."""
    empty = [one.name for one in summary.whole if one.used and one.versions == 0]
    return [name for name, _ in summary.emptied] + empty


def _harm(summary: Summary, *, production: bool) -> tuple[Kind, str]:
    """The greatest harm in the plan: what it asks for, and in words."""
    lost = len(_lost(summary))
    whole = any(one.used for one in summary.whole)
    harms = (
        (production, Kind.REGISTRY, "this registry is marked production"),
        (
            summary.orphaned > 0,
            Kind.REGISTRY,
            f"{text.plural(summary.orphaned, 'live version')} will lose a parent",
        ),
        (
            summary.empty_registry,
            Kind.REGISTRY,
            "the registry lists nothing, and is said to be empty",
        ),
        (
            summary.for_good,
            Kind.REGISTRY,
            f"{text.plural(summary.objects, 'stored object')} will be removed for good",
        ),
        (
            lost > 1,
            Kind.REGISTRY,
            f"{lost} collections {'go with all in them' if whole else 'lose every version'}",
        ),
        (
            lost == 1,
            Kind.COLLECTION,
            "the whole collection goes" if whole else "the collection loses every version",
        ),
        (bool(summary.linked), Kind.COUNT, "links in other collections break"),
        (bool(summary.aliases), Kind.COUNT, "aliases go too"),
        (summary.objects > 0, Kind.COUNT, "stored objects go too"),
        (summary.deletes > FEW, Kind.COUNT, ""),
    )
    return next(((kind, why) for so, kind, why in harms if so), (Kind.YES, ""))


def typeable(name: str, limit: int) -> str:
    """The (untrusted) name, when it can be typed as it is shown; else nothing."""
    good = name == text.safe(name) == name.strip() and len(name) <= limit
    return name if good else ""


def matches(challenge: Challenge, typed: str) -> bool:
    """Whether what was typed is what was asked for, to the letter. Nothing typed never is."""
    return challenge.expected != "" and typed.strip() == challenge.expected


def challenge_of(plan: Plan) -> Challenge:
    """The challenge for a plan file: of one that was not made here, the registry's name is typed.

    What such a file says about itself may be less than what it does.
    """
    target = trust.target_of(plan)
    production = plan.head.production or target.production
    if trust.is_made(plan):
        return challenge(plan.summary, production, plan.head.registry)
    asked = challenge(plan.summary, True, target.name)  # noqa: FBT003 - the greatest harm
    if asked.kind is Kind.NOTHING or production:
        return asked
    return replace(asked, why="this plan was not made here")


def confirm(plan: Plan, typed: str, *, actor: str) -> None:
    """Write into a plan that a person typed what was asked; only then can it be applied.

    Raises:
        ConfirmationError: something else was typed, or there is nothing to delete.
        PlanError: the plan was changed since it was made, or has been applied.
    """
    plan.check_hash()
    asked = challenge_of(plan)
    if not matches(asked, typed):
        expected = f"expected {asked.expected}" if asked.expected else asked.prompt
        raise ConfirmationError(
            f"Not confirmed: {expected}. Nothing was deleted.", hint=f"To go on, {asked.prompt}."
        )
    _mark_confirmed(plan, actor)


def confirm_count(plan: Plan, expected: int, *, actor: str) -> None:
    """As `confirm`, for a script that says how many versions it expects to be deleted.

    Raises:
        ConfirmationError: the plan deletes another number of versions, or none.
        PlanError: the plan was changed since it was made, or has been applied.
    """
    plan.check_hash()
    count = plan.summary.deletes
    if count != expected or count == 0:
        what = "item" if plan.summary.objects or plan.summary.wholes else "version"
        raise ConfirmationError(
            f"The plan {plan.path} deletes {text.plural(count, what)}, not {expected}. "
            "Nothing was deleted.",
            hint="Review the plan, then give the number that it shows.",
        )
    _mark_confirmed(plan, actor)


def _mark_confirmed(plan: Plan, actor: str) -> None:
    sql = """UPDATE journal SET status=CASE status WHEN 'draft' THEN ? ELSE status END,
        confirmed_us=?, confirmed_by=? WHERE status NOT IN ('finished','cancelled')"""
    if plan.write(sql, (Status.CONFIRMED, now_us(), actor)):
        trust.note_confirmed(plan)
    else:
        raise PlanError(
            f"The plan {plan.path} has been applied already ({plan.status}).",
            hint=f"What happened to each: artifact-tui report {quote(str(plan.path))}",
        )
