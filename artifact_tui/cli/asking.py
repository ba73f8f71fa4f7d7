"""The confirmation: typed on a terminal as the screen would ask, or stated by a script."""

from __future__ import annotations

import signal
import sys
import termios
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from artifact_tui import text
from artifact_tui.cli.output import command
from artifact_tui.deletion import trust
from artifact_tui.deletion.confirm import Kind, challenge_of, confirm, confirm_count, matches
from artifact_tui.deletion.plan import Plan, Status
from artifact_tui.edits.confirm import challenge
from artifact_tui.errors import ConfirmationError, PlanError, UsageError
from artifact_tui.here import actor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from artifact_tui.config import Target


@dataclass(frozen=True, slots=True)
class Consent:
    """What was said on the command line: `--yes` and `--expect`."""

    yes: bool
    expect: int | None
    done: str = "deleted"
    """What will have happened to the versions: `deleted` or `changed`."""

    def check(self) -> None:
        """Refuse one without the other.

        Raises:
            UsageError: `--yes` never suffices alone.
        """
        if self.yes and self.expect is None:
            shows = "`artifact-tui review`" if self.done == "deleted" else "--dry-run"
            raise UsageError(
                f"--yes needs --expect COUNT: the number of versions that will be {self.done}. "
                f"Nothing was {self.done}.",
                hint=f"{shows} shows the number.",
            )
        if self.expect is not None and not self.yes:
            raise UsageError(
                f"--expect goes with --yes. Nothing was {self.done}.",
                hint="Say both, or neither to be asked on the terminal.",
            )


def may_be_confirmed(plan: Plan) -> bool:
    """Whether a plan waits for a confirmation: one that began elsewhere waits for it here."""
    if plan.status in {Status.DRAFT, Status.CONFIRMED}:
        return True
    return plan.status is Status.INTERRUPTED and not trust.is_confirmed(plan)


def confirm_plan(plan: Plan, consent: Consent, instead: tuple[object, ...]) -> None:
    """Get a plan (open for writing) confirmed; `instead` is the command that needs no terminal.

    Raises:
        UsageError: there is no terminal to ask on.
        ConfirmationError: it was not confirmed. Nothing was deleted.
        PlanError: the plan was changed, or has been applied.
    """
    if not may_be_confirmed(plan):
        raise PlanError(
            f"The plan {plan.path} has been applied already ({plan.status}).",
            hint=command("report", plan.path)
            if plan.status in {Status.FINISHED, Status.CANCELLED}
            else f"{command('report', plan.path)} or {command('resume', plan.path)}",
        )
    if consent.expect is not None:
        confirm_count(plan, consent.expect, actor=actor())
        return
    asked = challenge_of(plan)
    if asked.kind is Kind.NOTHING:
        raise ConfirmationError(
            f"The plan {plan.path} deletes nothing.", hint="Review it to see why."
        )
    if not sys.stdin.isatty():
        raise UsageError(
            "This must be confirmed, and there is no terminal to ask on. Nothing was deleted.",
            hint=f"After a review: {command(*instead)}",
        )
    confirm(plan, ask(asked.prompt, asked.why), actor=actor())


def confirm_change(
    count: int,
    consent: Consent,
    target: Target,
    instead: tuple[object, ...],
    *,
    at_once: int,
    undated: int = 0,
) -> None:
    """Get a change of `count` versions confirmed.

    Of these `at_once` expire by it, and of `undated` ones nobody knows when they do.

    Raises:
        UsageError: there is no terminal to ask on.
        ConfirmationError: it was not confirmed. Nothing was changed.
    """
    if consent.expect is not None:
        if consent.expect != count:
            raise ConfirmationError(
                f"This changes {text.plural(count, 'version')}, not {consent.expect}. "
                "Nothing was changed.",
                hint="Look again with --dry-run, then give the number that it shows.",
            )
        return
    if not sys.stdin.isatty():
        raise UsageError(
            "This must be confirmed, and there is no terminal to ask on. Nothing was changed.",
            hint=f"After a look: {command(*instead)}",
        )
    asked = challenge(
        count, at_once=at_once, undated=undated,
        production=target.production, registry=target.name,
    )  # fmt: skip
    if not matches(asked, ask(asked.prompt, asked.why)):
        raise ConfirmationError("It was not confirmed. Nothing was changed.")


def ask(prompt: str, why: str) -> str:
    """What a person types after the question is on the screen, and not before."""
    because = f"{why}\n" if why else ""
    try:
        sys.stdout.flush()
    except OSError as error:  # what is to be agreed to was not seen
        error.add_note("Nothing was asked, and nothing was done.")
        raise
    sys.stderr.write(f"\n{because}{prompt} (Enter alone leaves everything as it is): ")
    sys.stderr.flush()
    with suppress(termios.error, ValueError, OSError):
        termios.tcflush(sys.stdin, termios.TCIFLUSH)
    with _interruptible():
        return sys.stdin.readline()


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl+C end the question, also inside an event loop, which would only take note of it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
