"""What this person made, confirmed and named on this machine; a plan file proves nothing of it.

A plan may come by mail, and may say of itself what it likes: who confirmed it, which server it is
for. So what this person did is noted apart from it: one link a plan in the state folder, named by
plan id, whose target is a word and the hash of all that was reviewed. A link needs no free bytes,
and is there whole or not at all.
"""

from __future__ import annotations

import os
from contextlib import suppress
from shlex import quote
from typing import TYPE_CHECKING

from artifact_tui import places, room
from artifact_tui.config import LOCAL, at_address, load, resolve, same_registry
from artifact_tui.errors import ArtifactTuiError, ConfirmationError, PlanError, UsageError

if TYPE_CHECKING:
    from artifact_tui.config import Config, Target
    from artifact_tui.deletion.plan import Plan

MADE, CONFIRMED = "made", "confirmed"

_REGISTRY = ".registry"
"""Ends the name of a link that tells which registry somebody named for a plan."""

_HASH = 40
"""Characters of the hash that are noted."""


def is_made(plan: Plan) -> bool:
    """Whether this very plan was made here: its registry was named, and its counts are ours."""
    return _noted(plan) in {MADE, CONFIRMED}


def is_confirmed(plan: Plan) -> bool:
    """Whether this very plan was confirmed here, by this person."""
    return _noted(plan).startswith(CONFIRMED)


def check_confirmed(plan: Plan) -> None:
    """Raise ConfirmationError unless the plan was confirmed here."""
    if is_confirmed(plan):
        return
    if plan.confirmed_by:
        raise ConfirmationError(
            f"The plan {plan.path} says that {plan.confirmed_by} confirmed it, and you have not, "
            "as far as is known here. Nothing was deleted.",
            hint=f"This shows it and asks you: artifact-tui apply {quote(str(plan.path))}",
        )
    raise ConfirmationError(
        f"Nobody has confirmed the plan {plan.path}. Nothing was deleted.",
        hint=f"Review it and confirm it: artifact-tui apply {quote(str(plan.path))}",
    )


def note_made(plan: Plan) -> None:
    """Note that a plan was made here; where that cannot be noted, it counts as a foreign one."""
    with suppress(OSError, ArtifactTuiError):
        _note(plan.head.id, _word(plan, MADE))


def note_confirmed(plan: Plan) -> None:
    """Note that this person confirmed the plan here.

    Raises:
        PlanError: it cannot be noted.
    """
    word = CONFIRMED if is_made(plan) else f"{CONFIRMED}-foreign"
    try:
        _note(plan.head.id, _word(plan, word))
    except OSError as error:
        raise PlanError(
            f"The confirmation cannot be noted in {places.consents_dir()}: {error.strerror}. "
            "Nothing was deleted.",
            hint="Make room, or set ARTIFACT_TUI_STATE to a folder that you can write to.",
        ) from error


def name_registry(plan: Plan, named: str) -> None:
    """Note that this person named the registry of a plan: its credentials may go there.

    Raises:
        UsageError: the plan was made for another registry.
        PlanError: it cannot be noted.
    """
    address = plan.head.identity.address
    target = resolve(load(), named)
    if not same_registry(target.address, address):
        raise UsageError(
            f"The plan {plan.path} was made for {address}, and not for {target.address}. "
            "Nothing was deleted.",
            hint="Apply it to the registry it was made for, or make a new plan.",
        )
    try:
        _note(f"{plan.head.id}{_REGISTRY}", target.address)
    except OSError as error:
        raise PlanError(
            f"{places.consents_dir()} cannot be written: {error.strerror}. Nothing was deleted.",
            hint="Make room, or set ARTIFACT_TUI_STATE to a folder that you can write to.",
        ) from error


def target_of(plan: Plan) -> Target:
    """The registry of a plan as this machine knows it: name, protection and settings.

    Raises:
        UsageError: its address cannot be read.
    """
    return _target(load(), plan)


def _target(config: Config, plan: Plan) -> Target:
    head = plan.head
    known = config.registries.get(head.registry)
    if known is not None and same_registry(known.address, head.identity.address):
        return resolve(config, head.registry)
    return resolve(config, head.identity.address)


def registry_of(plan: Plan) -> Target:
    """Where a plan may be carried out: what is configured, or was named by this person.

    Raises:
        PlanError: only the plan names that address.
        UsageError: its address cannot be read.
    """
    config = load()
    target = _target(config, plan)
    known = at_address(config, target.address) is not None
    if known or target.address.startswith(LOCAL) or is_made(plan):
        return target
    named = _read(f"{plan.head.id}{_REGISTRY}")
    if named and same_registry(named, plan.head.identity.address):
        return resolve(config, named)
    raise PlanError(
        f"Only the plan {plan.path} names {target.address}: it is not configured here, and your "
        "credentials are not sent there. Nothing was deleted.",
        hint=f"When you know that registry, name it: artifact-tui apply {quote(str(plan.path))} "
        f"--registry {target.address}",
    )


def _noted(plan: Plan) -> str:
    """What was noted about this plan; nothing when it is not this one to the letter."""
    word, _, digest = _read(plan.head.id).rpartition("-")
    return word if digest == plan.hash[:_HASH] else ""


def _word(plan: Plan, word: str) -> str:
    return f"{word}-{plan.hash[:_HASH]}"


def _read(name: str) -> str:
    try:
        return os.readlink(places.consents_dir() / name)  # noqa: PTH115 - a word, not a path
    except (OSError, ValueError):
        return ""


def _note(name: str, word: str) -> None:
    folder = places.consents_dir()

    def note() -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = folder / f"{name}.{os.getpid()}"
        with suppress(FileNotFoundError):
            new.unlink()
        new.symlink_to(word)
        new.replace(folder / name)

    room.with_reserve(note, *places.reserves())
