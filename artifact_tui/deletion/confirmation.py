"""What must be typed before something is done, whether it was, and what a plan records of it.

The greater the harm, the more must be typed. It is always something that is on the screen as well,
in its safe form; a name that cannot be typed gives way to the registry's, and that to the count.
A script states the count instead, which it has from a review.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from shlex import quote
from typing import TYPE_CHECKING

from artifact_tui import text
from artifact_tui.deletion import plan_file
from artifact_tui.deletion.plan import OVER, Status
from artifact_tui.errors import ConfirmationError, PlanError
from artifact_tui.model import now_us

if TYPE_CHECKING:
    from artifact_tui.deletion.plan import Plan, Summary


FEW = 10
"""Up to this many plain versions need only a `y`."""

NAME_LIMIT = 40
"""The name of a collection that is longer is not asked for."""

REGISTRY_LIMIT = 80
"""Nor is a longer name or address of a registry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """What must be typed before something is done, and why that much; all of it is safe to show."""

    expected: str
    """Empty where there is nothing to do: then nothing confirms it."""
    count: int = 0
    """How many are concerned: what a script states instead."""
    noun: str = "version"
    verbs: tuple[str, str] = ("delete", "deleted")
    """What is done, and what was done."""
    then: str = ""
    """Ends the prompt; by default `to` and the verb."""
    why: str = ""
    """The harm that asks for it; empty for a plain `y`."""

    @property
    def prompt(self) -> str:
        """Such as `type 3391 to delete`, or `nothing to delete`."""
        then = self.then or f"to {self.verbs[0]}"
        return f"type {self.expected} {then}" if self.expected else f"nothing {then}"

    def matches(self, typed: str) -> bool:
        """Whether what was typed is what is asked for, to the letter. Nothing typed never is."""
        return self.expected != "" and typed.strip() == self.expected

    def check(self, answer: str | int) -> None:
        """Refuse an answer that does not confirm: what a person typed, or the count of a script.

        Raises:
            ConfirmationError: it is another one, or there is nothing to do.
        """
        verb, done = self.verbs
        if not self.expected:
            raise ConfirmationError(f"There is nothing to {verb}.", hint="Review it to see why.")
        if isinstance(answer, int):
            if answer != self.count:
                raise ConfirmationError(
                    f"This {verb}s {text.plural(self.count, self.noun)}, not {answer}."
                    f" Nothing was {done}.",
                    hint="Look at it again, then give the number that is shown.",
                )
        elif not self.matches(answer):
            raise ConfirmationError(
                f"Not confirmed: expected {self.expected}. Nothing was {done}.",
                hint=f"To go on, {self.prompt}.",
            )


def typeable(name: str, limit: int = REGISTRY_LIMIT) -> str:
    """The (untrusted) name, when it can be typed as it is shown; else nothing."""
    good = name == text.safe(name) == name.strip() and len(name) <= limit
    return name if good else ""


def deletion_confirmation(summary: Summary, *, production: bool, registry: str) -> Confirmation:
    """What must be typed for a plan in a registry of this name, which is untrusted text."""
    total = summary.deletes
    empty = [one.name for one in summary.whole if one.used and one.versions == 0]
    lost = [name for name, _ in summary.emptied] + empty
    verb, _ = summary.verbs
    nothing = Confirmation(expected="", count=total, noun=summary.noun, verbs=(verb, "deleted"))
    if not total:
        return nothing
    number, name = str(total), typeable(registry)
    whole = any(one.used for one in summary.whole)
    harms = (
        (production, name, "this registry is marked production"),
        (
            summary.orphaned > 0,
            name,
            f"{text.plural(summary.orphaned, 'live version')} will lose a parent",
        ),
        (summary.empty_registry, name, "the registry lists nothing, and is said to be empty"),
        (
            summary.for_good,
            name,
            f"{text.plural(summary.objects, 'stored object')} will be removed for good",
        ),
        (
            len(lost) > 1,
            name,
            f"{len(lost)} collections {'go with all in them' if whole else 'lose every version'}",
        ),
        (
            len(lost) == 1,
            next((typeable(one, NAME_LIMIT) for one in lost), "") or name,
            "the whole collection goes" if whole else "the collection loses every version",
        ),
        (bool(summary.linked), number, "links in other collections break"),
        (bool(summary.aliases), number, "aliases go too"),
        (bool(summary.partial_aliases), number, "parts of aliased versions go"),
        (summary.in_use > 0, number, "processes use what goes"),
        (summary.objects > 0, number, "stored objects go too"),
        (total > FEW, number, ""),
        (True, "y", ""),
    )
    expected, why = next((word or number, why) for so, word, why in harms if so)
    return replace(nothing, expected=expected, why=why)


def confirmation_of(plan: Plan) -> Confirmation:
    """What must be typed for a plan file: of one that was not made here, the registry's name.

    What such a file says about itself may be less than what it does.
    """
    target = plan_file.target_of(plan)
    production = plan.head.production or target.production
    if plan_file.is_made(plan):
        return deletion_confirmation(
            plan.summary, production=production, registry=plan.head.registry
        )
    confirmation = deletion_confirmation(plan.summary, production=True, registry=target.name)
    if not confirmation.expected or production:
        return confirmation
    return replace(confirmation, why="this plan was not made here")


def waits(plan: Plan) -> bool:
    """Whether a plan waits for a confirmation: one that began elsewhere waits for it here."""
    if plan.status in {Status.DRAFT, Status.CONFIRMED}:
        return True
    return plan.status is Status.INTERRUPTED and not plan_file.is_confirmed(plan)


def check_waits(plan: Plan) -> None:
    """Refuse a plan that was applied, is being applied or was cancelled.

    Raises:
        PlanError: so it is. What is done stays done.
    """
    if waits(plan):
        return
    path, name = plan.path, quote(str(plan.path))
    report = f"What happened to each: artifact-tui report {name}"
    if plan.stored_status not in OVER:
        report += f"; to go on: artifact-tui resume {name}"
    raise PlanError(f"The plan {path} has been applied already ({plan.status}).", hint=report)


def check_may_apply(plan: Plan) -> None:
    """Refuse a plan that was not confirmed here, was changed since, or came to its end.

    Raises:
        ConfirmationError: nobody has confirmed it, as far as is known here.
        PlanError: it was changed since its review, or has ended.
    """
    if plan.stored_status in OVER:
        raise PlanError(
            f"The plan {plan.path} has been applied ({plan.status}). Nothing was deleted now.",
            hint="A plan is applied once: retry what failed, or make a new plan.",
        )
    plan.check_hash()
    plan_file.check_confirmed(plan)


def confirm(plan: Plan, answer: str | int, *, actor: str) -> None:
    """Write into a plan that its confirmation was answered; only then can it be applied.

    Args:
        plan: open for writing.
        answer: what a person typed, or the count that a script states.
        actor: who that is.

    Raises:
        ConfirmationError: something else was asked for, or there is nothing to delete.
        PlanError: the plan was changed since it was made, or has been applied.
    """
    plan.check_hash()
    confirmation_of(plan).check(answer)
    sql = """UPDATE journal SET status=CASE status WHEN 'draft' THEN ? ELSE status END,
        confirmed_us=?, confirmed_by=? WHERE status NOT IN ('finished','cancelled')"""
    if not plan.write(sql, (Status.CONFIRMED, now_us(), actor)):
        check_waits(plan)
    plan_file.note_confirmed(plan)
